# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
r"""Writes the small world: corpora, held-out sentences, questions, vocabulary.

    python testdata/generate.py --output_dir testdata
    python testdata/generate.py --invented --seed=1 --documents=200000 \
        --output_dir=/tmp/invented

The first takes seconds and writes what is committed, byte for byte; the second
writes `passages.jsonl` of an invented world in the same wording.
Needs nothing but Python.
"""

import argparse
import collections
import itertools
import json
import os
import random
import sys
from collections.abc import Iterable

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from testdata import invented, vocabulary, world

_SEED = 2020
_HELDOUT_SHARE = 0.25
_HELDOUT_SENTENCES = 400
_PRETRAINING_SENTENCES = 10_500
_DOCUMENT_FACTS = 4
_QUESTIONS = {'train': 2000, 'dev': 250, 'test': 500}
_CHANGES = 48


def _rng(*key: object) -> random.Random:
  return random.Random('/'.join(map(str, (_SEED, *key))))


class Page:
  """A knowledge document before its sentences are written."""

  def __init__(self, kind: world.Kind, entity: str, title: str):
    self.kind = kind
    self.entity = entity
    self.title = title
    self.facts: list[world.Fact] = []
    self.id = ''

  def record(self, source: world.World, changed: dict | None = None) -> dict:
    """The document; `changed` maps facts to other values (second edition)."""
    rng = _rng('document', self.kind.name, self.title)
    facts = list(self.facts)
    rng.shuffle(facts)
    pairs = [
      (source.relation(fact), (changed or {}).get(fact, fact.value))
      for fact in facts
    ]
    text = world.document_text(self.kind, self.entity, pairs, rng)
    return {'id': self.id, 'title': self.title, 'text': text}


def pages(source: world.World) -> list[Page]:
  """Deals the facts out to documents of two to four."""
  of_entity: dict[tuple[str, str], dict[str, world.Fact]] = {}
  for fact in source.facts:
    of_entity.setdefault((fact.kind, fact.entity), {})[fact.relation] = fact
  found: list[Page] = []
  for (kind_name, entity), facts in of_entity.items():
    kind = source.kinds[kind_name]
    mine, single = [], []
    for title, members in kind.documents:
      page = Page(kind, entity, title.replace('{e}', world.bare(entity)))
      page.facts = [facts[r] for r in members if r in facts]
      if len(page.facts) > _DOCUMENT_FACTS:
        raise ValueError(f'{kind_name}: too many facts in {title!r}')
      if len(page.facts) == 1:
        single += page.facts
      elif page.facts:
        mine.append(page)
    for fact in single:
      room = [p for p in mine if len(p.facts) < _DOCUMENT_FACTS]
      if room:
        room[0].facts.append(fact)
    found += mine
  titles = collections.Counter(page.title for page in found)
  for number, page in enumerate(found):
    if titles[page.title] > 1:
      page.title += f' ({page.kind.name.replace("_", " ")})'
    page.id = f'k{number:04d}'
  return found


def _holds(text: list[str], name: list[str]) -> bool:
  size = len(name)
  return any(text[at : at + size] == name for at in range(len(text) - size + 1))


class _LeakCheck:
  """Finds the sentences that hold both names of a fact."""

  def __init__(self, sentences: Iterable[str]):
    self._sentences = [world.words(s) for s in sentences]
    self._by_word: dict[str, set[int]] = collections.defaultdict(set)
    for number, sentence in enumerate(self._sentences):
      for word in sentence:
        self._by_word[word].add(number)

  def leaks(self, fact: world.Fact) -> bool:
    entity = world.words(world.bare(fact.entity))
    for value in fact.values:
      value_words = world.words(world.bare(value))
      near = set.intersection(
        *(self._by_word.get(w, set()) for w in entity + value_words)
      )
      for number in near:
        sentence = self._sentences[number]
        if _holds(sentence, entity) and _holds(sentence, value_words):
          return True
    return False


def _pairs(fact: world.Fact) -> set[frozenset[str]]:
  """The fact's two names without a direction, for each of its values."""
  entity = world.fold(world.bare(fact.entity))
  return {
    frozenset((entity, world.fold(world.bare(value)))) for value in fact.values
  }


def _split(source: world.World, facts: list[world.Fact]):
  """Splits by (entity, value), so that no inverse gives a fact away."""
  values: dict[str, collections.Counter] = {}
  kinds_of: dict[str, set[str]] = collections.defaultdict(set)
  for fact in source.facts:
    values.setdefault(fact.key, collections.Counter())[fact.value] += 1
    kinds_of[world.fold(world.bare(fact.entity))].add(fact.kind)

  def guessable(fact: world.Fact) -> bool:
    """Whether a good guess is possible from the relation alone."""
    counter = values[fact.key]
    return max(counter.values()) > 0.2 * sum(counter.values())

  # A pair that two facts share (capital and largest city, director and star)
  # would have two documents to find, so it is not held out.
  shared = collections.Counter(
    pair for fact in source.facts for pair in _pairs(fact)
  )
  heldout, seen = [], []
  for fact in facts:
    name = world.fold(world.bare(fact.entity))
    pair = sorted((name, world.fold(world.bare(fact.value))))
    chosen = _rng('heldout', *pair).random() < _HELDOUT_SHARE
    plain = len(kinds_of[name]) == 1 and not guessable(fact)
    plain = plain and all(shared[pair] == 1 for pair in _pairs(fact))
    spoken = set(world.words(fact.entity)) & set(world.words(fact.value))
    spoken -= world.STOP_WORDS
    if chosen and plain and not spoken:
      heldout.append(fact)
    elif not chosen:
      seen.append(fact)
  return heldout, seen


def _pretraining(source: world.World, facts: list[world.Fact]) -> list[dict]:
  """Sentences of the facts, each fact in several wordings."""
  inverse: collections.Counter = collections.Counter(
    (fact.key, fact.value) for fact in facts
  )
  each = _PRETRAINING_SENTENCES / len(facts)
  records = []
  for fact in facts:
    relation = source.relation(fact)
    rng = _rng('pretraining', fact.key, fact.entity)
    number = int(each) + (rng.random() < each - int(each))
    for template in rng.sample(
      relation.queries, min(number, len(relation.queries))
    ):
      text, value, entity = template.fill_with_spans(fact.entity, fact.value)
      spans = [value]
      # A name can be asked for where the value points to just one.
      unique = inverse[fact.key, fact.value] == 1 and relation.type == 'name'
      if unique and rng.random() < 0.2:
        spans.append(entity)
      records.append(
        {
          'title': world.bare(fact.entity),
          'text': text,
          'spans': sorted(world.byte_span(text, span) for span in spans),
        }
      )
  _rng('pretraining order').shuffle(records)
  return records


def _heldout_records(source, facts, page_of) -> list[dict]:
  records = []
  for fact in facts:
    rng = _rng('heldout sentence', fact.key, fact.entity)
    template = rng.choice(source.relation(fact).queries)
    text, span, _ = template.fill_with_spans(fact.entity, fact.value)
    records.append(
      {
        'text': text,
        'span': world.byte_span(text, span),
        'answer': text[span[0] : span[1]],
        'title': page_of[fact].title,
        'id': page_of[fact].id,
      }
    )
  return records


def _question(source: world.World, fact: world.Fact) -> str:
  wordings = source.relation(fact).questions
  rng = _rng('question', fact.key, fact.entity)
  return rng.choice(wordings).fill(fact.entity)


def _question_record(source: world.World, fact: world.Fact) -> dict:
  return {
    'question': _question(source, fact),
    'answer': [world.bare(value) for value in fact.values],
  }


def _changes(source, facts, page_of) -> tuple[dict, list[dict]]:
  """Gives a few facts a value of another thing of the same kind."""
  pools: dict[str, list[str]] = collections.defaultdict(list)
  for fact in source.facts:
    pools[fact.key].append(fact.value)
  order = list(facts)
  _rng('changes').shuffle(order)
  changed: dict[world.Fact, str] = {}
  records = []
  for fact in order:
    page = page_of[fact]
    told = {world.fold(v) for f in page.facts for v in (*f.values, f.entity)}
    pool = sorted({v for v in pools[fact.key] if world.fold(v) not in told})
    if not pool or any(page_of[other] is page for other in changed):
      continue
    changed[fact] = _rng('change', fact.key, fact.entity).choice(pool)
    records.append(
      {
        'id': page.id,
        'question': _question(source, fact),
        'old': [world.bare(value) for value in fact.values],
        'new': [world.bare(changed[fact])],
      }
    )
    if len(records) == _CHANGES:
      break
  return changed, sorted(records, key=lambda record: record['id'])


def make(source: world.World) -> dict[str, list]:
  """Returns what each file holds, by its path below the output directory."""
  documents = pages(source)
  page_of = {fact: page for page in documents for fact in page.facts}
  facts = list(page_of)
  heldout, seen = _split(source, facts)
  pretraining = _pretraining(source, seen)
  check = _LeakCheck(record['text'] for record in pretraining)
  heldout = [fact for fact in heldout if not check.leaks(fact)]
  _rng('heldout order').shuffle(heldout)
  spoken = heldout[:_HELDOUT_SENTENCES]

  test = heldout[: _QUESTIONS['test']]
  dev = heldout[_QUESTIONS['test'] :][: _QUESTIONS['dev']]
  train = list(seen)
  _rng('questions').shuffle(train)
  train = train[: _QUESTIONS['train']]
  changed, changes = _changes(source, spoken, page_of)

  files: dict[str, list] = {
    'knowledge.jsonl': [page.record(source) for page in documents],
    'knowledge_edition2.jsonl': [
      page.record(source, changed) for page in documents
    ],
    'edition2_changes.jsonl': changes,
    'pretraining.jsonl': pretraining,
    'heldout.jsonl': _heldout_records(source, spoken, page_of),
  }
  for name, chosen in (('train', train), ('dev', dev), ('test', test)):
    files[f'qa/{name}.jsonl'] = [_question_record(source, f) for f in chosen]
  files['vocab.txt'] = _vocabulary(source, files)
  files['gazetteer.txt'] = _gazetteer(source)
  return files


def _gazetteer(source: world.World) -> list[str]:
  """All names of the world, what they are names of left out."""
  names = {world.bare(fact.entity) for fact in source.facts}
  for fact in source.facts:
    if source.relation(fact).type == 'name':
      names.add(world.bare(fact.value))
  return sorted(names)


def _vocabulary(source: world.World, files: dict[str, list]) -> list[str]:
  texts = [
    world.words(record[key])
    for records in files.values()
    for record in records
    for key in ('title', 'text', 'question')
    if key in record
  ]
  for kind in source.kinds.values():
    for relation in kind.relations.values():
      for wording in (
        *relation.knowledge,
        *relation.queries,
        *relation.questions,
      ):
        plain = (wording.before, wording.between, wording.after)
        texts.append(world.words(' '.join(plain)))
    texts += [world.words(reference) for reference in kind.references]
  return vocabulary.build(texts, source.name_words)


def _write(path: str, lines: Iterable[str]) -> None:
  os.makedirs(os.path.dirname(path) or '.', exist_ok=True)
  partial = path + '.partial'
  with open(partial, 'w', encoding='utf-8', newline='\n') as out:
    out.writelines(line + '\n' for line in lines)
  os.replace(partial, path)


def _line(record: object) -> str:
  return (
    record
    if isinstance(record, str)
    else json.dumps(record, ensure_ascii=False)
  )


def main() -> None:
  parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
  parser.add_argument('--output_dir', required=True)
  parser.add_argument('--invented', action='store_true')
  parser.add_argument('--seed', type=int, default=0, help='with --invented')
  parser.add_argument(
    '--documents', type=int, default=100_000, help='with --invented: records'
  )
  arguments = parser.parse_args()
  if arguments.invented:
    records = invented.invented_passages(arguments.seed)
    _write(
      os.path.join(arguments.output_dir, 'passages.jsonl'),
      map(_line, itertools.islice(records, arguments.documents)),
    )
    return
  for name, records in make(world.load()).items():
    _write(os.path.join(arguments.output_dir, name), map(_line, records))
    print(f'{name}: {len(records)}', file=sys.stderr)


if __name__ == '__main__':
  main()
