# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The committed small world is whole, and what it says of itself is so."""

import collections
import itertools
import json
import pathlib
import subprocess
import sys

import pytest

from testdata import invented, world

ROOT = pathlib.Path(world.__file__).parent
FILES = (
  'knowledge.jsonl',
  'knowledge_edition2.jsonl',
  'edition2_changes.jsonl',
  'pretraining.jsonl',
  'heldout.jsonl',
  'qa/train.jsonl',
  'qa/dev.jsonl',
  'qa/test.jsonl',
)


def _read(name):
  with open(ROOT / name, encoding='utf-8') as lines:
    return [json.loads(line) for line in lines]


_FUNCTION_WORDS = """
be are were has have that which who this when where what one about among under
his her there then than other he she they people not known called . , '
"""


@pytest.fixture(scope='module')
def data():
  return {name: _read(name) for name in FILES}


@pytest.fixture(scope='module')
def asked():
  """Every question that could be asked -> the facts it asks."""
  source = world.load()
  found = collections.defaultdict(list)
  for fact in source.facts:
    for wording in source.relation(fact).questions:
      found[wording.fill(fact.entity)].append(fact)
  return found


def _plain(text):
  return ' ' + ' '.join(world.words(text)) + ' '


def _pairs(facts):
  return {
    frozenset((_plain(world.bare(fact.entity)), _plain(world.bare(value))))
    for fact in facts
    for value in fact.values
  }


def _sliced(text, span):
  return text.encode()[span[0] : span[1]].decode()


def test_sizes(data):
  sizes = {name: len(records) for name, records in data.items()}
  assert sizes['knowledge.jsonl'] >= 2000
  assert 6000 <= sizes['pretraining.jsonl'] <= 12000
  assert sizes['heldout.jsonl'] == 400
  assert sizes['qa/train.jsonl'] >= 1000
  assert sizes['qa/dev.jsonl'] >= 200
  assert sizes['qa/test.jsonl'] >= 400
  assert 24 <= sizes['edition2_changes.jsonl'] <= 60
  size = {f: f.stat().st_size for f in ROOT.rglob('*.*')}
  warm_start = sum(size[f] for f in size if f.parent.name == 'bert')
  assert 1_000_000 < warm_start < 5_000_000
  assert sum(size.values()) - warm_start < 5_000_000


def test_regenerating_gives_the_committed_bytes(tmp_path):
  subprocess.run(
    [sys.executable, ROOT / 'generate.py', '--output_dir', tmp_path],
    check=True,
    stderr=subprocess.DEVNULL,
  )
  for name in (*FILES, 'vocab.txt'):
    assert (tmp_path / name).read_bytes() == (ROOT / name).read_bytes(), name


def test_documents(data):
  documents = data['knowledge.jsonl']
  assert len({d['title'] for d in documents}) == len(documents)
  assert len({d['id'] for d in documents}) == len(documents)
  for document in documents:
    assert 8 <= len(document['text'].split()) <= 45, document


def test_every_relation_has_enough_wordings_that_share_little():
  function_words = world.STOP_WORDS | set(_FUNCTION_WORDS.split())

  def said(wording):
    parts = (wording.before, wording.between, wording.after)
    return set(world.words(' '.join(parts))) - function_words

  for kind in world.load().kinds.values():
    for relation in kind.relations.values():
      assert len(relation.knowledge) >= 3, relation.key
      assert len(relation.queries) >= 5, relation.key
      assert len(relation.questions) >= 2, relation.key
      for told, query in itertools.product(
        relation.knowledge, relation.queries
      ):
        assert told.source != query.source
        assert not said(told) & said(query), (told.source, query.source)


def test_no_sentence_of_a_query_stands_in_a_document(data):
  sentences = {
    _plain(sentence)
    for document in data['knowledge.jsonl']
    for sentence in document['text'].replace('. ', '.\n').split('\n')
  }
  for name in ('pretraining.jsonl', 'heldout.jsonl'):
    for record in data[name]:
      assert _plain(record['text']) not in sentences


def test_byte_offsets(data):
  names = collections.Counter()
  source = world.load()
  known = {
    world.bare(name)
    for fact in source.facts
    for name in (fact.entity, *fact.values)
  }
  known |= {name[0].upper() + name[1:] for name in known}
  for record in data['pretraining.jsonl']:
    assert record['spans']
    for span in record['spans']:
      assert _sliced(record['text'], span) in known
      names[span[0] == 0] += 1
  assert min(names[True], names[False]) > 1000
  accented = 0
  for record in data['heldout.jsonl']:
    answer = _sliced(record['text'], record['span'])
    assert answer == record['answer']
    assert answer in known
    accented += not record['text'].isascii()
  assert accented > 5


def test_heldout_facts_stand_in_their_document(data):
  documents = {d['id']: d for d in data['knowledge.jsonl']}
  for record in data['heldout.jsonl']:
    document = documents[record['id']]
    assert document['title'] == record['title']
    assert _plain(record['answer']) in _plain(document['text'])


def test_heldout_facts_are_nowhere_in_pretraining(data):
  facts_of = collections.defaultdict(list)
  for fact in world.load().facts:
    for value in fact.values:
      facts_of[_plain(world.bare(value))].append(
        _plain(world.bare(fact.entity))
      )
  sentences = [_plain(r['text']) for r in data['pretraining.jsonl']]
  for record in data['heldout.jsonl']:
    text, answer = _plain(record['text']), _plain(record['answer'])
    things = [t for t in facts_of[answer] if t in text.replace(answer, ' ')]
    assert things, record
    for sentence in sentences:
      if answer in sentence:
        assert not any(thing in sentence for thing in things), sentence


def test_heldout_wordings_are_seen_in_pretraining(data):
  source = world.load()
  seen = collections.Counter()
  by_thing = collections.defaultdict(list)
  for fact in source.facts:
    by_thing[world.bare(fact.entity)].append(fact)
  for record in data['pretraining.jsonl']:
    for fact in by_thing[record['title']]:
      for wording in source.relation(fact).queries:
        if wording.fill(fact.entity, fact.value) == record['text']:
          seen[fact.key, wording.source] += 1
  everything = {
    (relation.key, wording.source)
    for kind in source.kinds.values()
    for relation in kind.relations.values()
    for wording in relation.queries
  }
  assert everything == set(seen)


def test_questions_of_dev_and_test_are_about_unseen_facts(data, asked):
  pairs = {}
  for part in ('train', 'dev', 'test'):
    facts = []
    for record in data[f'qa/{part}.jsonl']:
      matching = [
        fact
        for fact in asked[record['question']]
        if [world.bare(v) for v in fact.values] == record['answer']
      ]
      assert len(matching) == 1, record
      facts += matching
    pairs[part] = _pairs(facts)
  assert not pairs['test'] & (pairs['train'] | pairs['dev'])
  assert not pairs['dev'] & pairs['train']
  words = [_plain(r['text']) for r in data['pretraining.jsonl']]
  by_name = collections.defaultdict(list)
  for text in words:
    for word in set(text.split()):
      by_name[word].append(text)
  for pair in pairs['test'] | pairs['dev']:
    name, *other = sorted(pair, key=len, reverse=True)
    for text in by_name[name.split()[0]]:
      assert name not in text or not all(o in text for o in other), text


def test_second_edition_differs_just_where_it_says(data, asked):
  changes = {change['id']: change for change in data['edition2_changes.jsonl']}
  assert len(changes) == len(data['edition2_changes.jsonl'])
  before, after = data['knowledge.jsonl'], data['knowledge_edition2.jsonl']
  assert len(before) == len(after)
  for old, new in zip(before, after):
    assert (old['id'], old['title']) == (new['id'], new['title'])
    change = changes.get(old['id'])
    if change is None:
      assert old == new
      continue
    was, now = change['old'][0], change['new'][0]
    assert was != now
    assert now not in change['old']
    assert asked[change['question']][0].values[0].endswith(was)
    shorter = old['text'].split('. '), new['text'].split('. ')
    differing = [(a, b) for a, b in zip(*shorter) if a != b]
    assert len(differing) == 1, (old, new)
    assert _plain(was) in _plain(differing[0][0])
    assert _plain(now) in _plain(differing[0][1])


def _wordpieces(word, vocab):
  pieces, start = [], 0
  while start < len(word):
    for limit in range(len(word), start, -1):
      piece = ('##' if start else '') + word[start:limit]
      if piece in vocab:
        break
    else:
      return ['[UNK]']
    pieces.append(piece)
    start = limit
  return pieces


def test_vocabulary(data):
  lines = (ROOT / 'vocab.txt').read_text(encoding='utf-8').split('\n')[:-1]
  vocab = set(lines)
  assert lines[0] == '[PAD]'
  assert {'[UNK]', '[CLS]', '[SEP]', '[MASK]'} < vocab
  assert len(vocab) == len(lines) <= 8000
  whole = collections.Counter()
  for name, records in data.items():
    for record in records:
      for key in ('title', 'text', 'question'):
        for word in world.words(record.get(key, '')):
          assert _wordpieces(word, vocab) != ['[UNK]'], (name, word)
      answers = record.get('answer', []) if name != 'heldout.jsonl' else []
      for word in world.words(' '.join(answers)):
        whole[len(_wordpieces(word, vocab)) == 1] += 1
  assert whole[True] > 0.95 * sum(whole.values()), whole
  for character in 'abz0189~!#':
    assert {character, '##' + character} <= vocab


def test_invented_passages(monkeypatch):
  used = set()
  fill = world.Template.fill

  def recorded(self, *arguments):
    used.add(self)
    return fill(self, *arguments)

  monkeypatch.setattr(world.Template, 'fill', recorded)
  names = collections.Counter()
  records = list(itertools.islice(invented.invented_passages(3), 20_000))
  answered = verbatim = 0
  for record in records:
    span = _sliced(record['query'], record['span'])
    assert _plain(span) in _plain(record['text'])
    verbatim += _plain(record['query']) in _plain(record['text'])
    assert record['title'] != record['distractor_title']
    answered += span == record['answer']
    names.update(world.words(record['answer']))
  # A quarter of the spans of names is the entity, not the answer.
  assert 0.75 < answered / len(records) < 0.9
  # Some queries say what the passage says in its words, most do not.
  assert 0.02 < verbatim / len(records) < 0.2
  source = world.load()
  for kind in source.kinds.values():
    for relation in kind.relations.values():
      for wording in (
        *relation.knowledge,
        *relation.queries,
        *relation.questions,
      ):
        assert wording in used, wording.source
  # Each word of the real names turns up, and none stands out.
  counts = [names[word] for word in source.name_words]
  mean = sum(counts) / len(counts)
  assert sum(count > 0 for count in counts) > 0.95 * len(counts)
  assert max(counts) < 6 * mean


def test_invented_passages_depend_on_the_seed_alone():
  def some(seed):
    return list(itertools.islice(invented.invented_passages(seed), 50))

  assert some(1) == some(1)
  assert some(1) != some(2)


def test_invented_passages_leave_out_what_is_true(monkeypatch):
  """With a world of one name every fact can come true, and few are kept."""
  source = world.load()
  truths = frozenset(
    (relation.key, 'x', 'y')
    for kind in source.kinds.values()
    for relation in kind.relations.values()
  )
  monkeypatch.setitem(source.__dict__, 'truths', truths)
  drawn = itertools.cycle('XYY')
  monkeypatch.setattr(invented._Names, 'name', lambda self: next(drawn))
  for record in itertools.islice(invented.invented_passages(0), 200):
    assert not (record['title'] == 'X' and record['answer'] == 'Y'), record


@pytest.mark.parametrize(
  ('line', 'entity', 'value', 'text', 'value_text'),
  [
    ('{e} ends in {v}.', 'the Po', 'the Sea', 'The Po ends in the Sea.', 'Sea'),
    ('{v} is {e}.', 'Rome', 'the Eternal', 'The Eternal is Rome.', 'Eternal'),
    ("{e}'s end is {v}.", 'it', 'Ö', 'Its end is Ö.', 'Ö'),
    ("In {e}'s day {v} came.", 'Ö', 'é b', "In Ö's day é b came.", 'é b'),
  ],
)
def test_wording(line, entity, value, text, value_text):
  filled, span, _ = world.Template.parse(line).fill_with_spans(entity, value)
  assert filled == text
  if entity != 'it':  # a pronoun is for documents, where no spans are taken
    assert _sliced(filled, world.byte_span(filled, span)) == value_text


@pytest.mark.parametrize('line', ['{v} alone', '{e} {e}', '{e} {v} {v}', '{x}'])
def test_a_wrong_wording_is_refused(line):
  with pytest.raises(ValueError, match='a wording needs'):
    world.Template.parse(line)
