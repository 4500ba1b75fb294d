# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The small world: tables of facts, their wordings, and sentences of both.

A *kind* (country, element, book, ...) has a table of true facts in
`facts/KIND.tsv` and a page of wordings in `wording/KIND.txt`. A *fact* is
(thing, relation, value). Each relation has wordings for the knowledge corpus
(`k`), other wordings for pre-training sentences (`q`), and questions (`a`).
"""

import dataclasses
import functools
import os
import re
import unicodedata
from collections.abc import Iterable, Sequence

_HERE = os.path.dirname(os.path.abspath(__file__))
_SLOT = re.compile(r"\{e\}('s)?|\{v\}")
_ARTICLE = 'the '


@dataclasses.dataclass(frozen=True)
class Template:
  """A wording: `before`, slot, `between`, slot, `after`; one slot in questions."""

  before: str
  between: str
  after: str
  entity_first: bool
  possessive: bool
  has_value: bool
  source: str

  @classmethod
  def parse(cls, line: str) -> 'Template':
    slots = list(_SLOT.finditer(line))
    entities = [s for s in slots if s.group().startswith('{e}')]
    values = [s for s in slots if s.group() == '{v}']
    if len(entities) != 1 or len(values) > 1 or '{' in _SLOT.sub('', line):
      raise ValueError(
        f'a wording needs {{e}} once and {{v}} at most once: {line!r}'
      )
    first, last = slots[0], slots[-1]
    return cls(
      before=line[: first.start()],
      between=line[first.end() : last.start()] if len(slots) == 2 else '',
      after=line[last.end() :],
      entity_first=first is entities[0],
      possessive=entities[0].group().endswith("'s"),
      has_value=bool(values),
      source=line,
    )

  def fill(self, entity: str, value: str = '') -> str:
    """Returns the sentence; a first letter becomes a capital."""
    if self.possessive:
      entity = 'its' if entity == 'it' else entity + "'s"
    if not self.has_value:
      text = self.before + entity + self.after
    elif self.entity_first:
      text = self.before + entity + self.between + value + self.after
    else:
      text = self.before + value + self.between + entity + self.after
    return text[0].upper() + text[1:]

  def fill_with_spans(
    self, entity: str, value: str
  ) -> tuple[str, tuple[int, int], tuple[int, int]]:
    """Returns the sentence, and the value's and entity's character spans.

    A leading article is left outside of the spans.
    """
    text = self.fill(entity, value)
    owned = len(entity) + (2 if self.possessive else 0)
    if self.entity_first:
      entity_start = len(self.before)
      value_start = entity_start + owned + len(self.between)
    else:
      value_start = len(self.before)
      entity_start = value_start + len(value) + len(self.between)
    spans = []
    for start, name in ((value_start, value), (entity_start, entity)):
      limit = start + len(name)
      start += len(_ARTICLE) if name.startswith(_ARTICLE) else 0
      spans.append((start, limit))
    return text, spans[0], spans[1]


@dataclasses.dataclass(frozen=True)
class Relation:
  kind: str
  name: str
  type: str  # name, year or number
  knowledge: tuple[Template, ...]
  queries: tuple[Template, ...]
  questions: tuple[Template, ...]

  @property
  def key(self) -> str:
    return f'{self.kind}.{self.name}'


@dataclasses.dataclass(frozen=True)
class Kind:
  name: str
  references: tuple[str, ...]  # how a later sentence may call the thing
  documents: tuple[tuple[str, tuple[str, ...]], ...]  # title, relations
  relations: dict[str, Relation]


@dataclasses.dataclass(frozen=True)
class Fact:
  """One true fact; the first of `values` is the one that is written."""

  kind: str
  entity: str  # as in a sentence, 'the Nile'
  relation: str
  values: tuple[str, ...]

  @property
  def value(self) -> str:
    return self.values[0]

  @property
  def key(self) -> str:
    return f'{self.kind}.{self.relation}'


def bare(name: str) -> str:
  """The name without its article."""
  return name[len(_ARTICLE) :] if name.startswith(_ARTICLE) else name


def fold(text: str) -> str:
  """Lower case, without accents, as the uncased tokenizer sees it."""
  text = unicodedata.normalize('NFD', text.lower())
  return ''.join(c for c in text if unicodedata.category(c) != 'Mn')


def words(text: str) -> list[str]:
  """The words and punctuation marks of a text, folded."""
  return re.findall(r'[^\W_]+|\S', fold(text))


def byte_span(text: str, span: Sequence[int]) -> list[int]:
  """Turns a character span into a byte span of the UTF-8 text."""
  if text.isascii():
    return list(span)
  return [len(text[:at].encode()) for at in span]


def _parse_kind(path: str) -> Kind:
  name = os.path.splitext(os.path.basename(path))[0]
  references: tuple[str, ...] = ()
  documents: list[tuple[str, tuple[str, ...]]] = []
  relations: dict[str, dict] = {}
  current: dict = {}
  with open(path, encoding='utf-8') as lines:
    for number, line in enumerate(lines, 1):
      line = line.strip()
      if not line or line.startswith('#'):
        continue
      tag, _, rest = line.partition(' ')
      if tag == 'refer':
        references = tuple(r.strip() for r in rest.split(','))
      elif tag == 'doc':
        title, _, members = rest.partition('=')
        documents.append((title.strip(), tuple(members.split())))
      elif tag == 'relation':
        relation, type_ = rest.split()
        current = {'type': type_, 'k': [], 'q': [], 'a': []}
        relations[relation] = current
      elif tag in ('k', 'q', 'a'):
        try:
          current[tag].append(Template.parse(rest))
        except ValueError as error:
          raise ValueError(f'{path}:{number}: {error}') from error
      else:
        raise ValueError(f'{path}:{number}: unknown line {line!r}')
  built = {
    key: Relation(
      name, key, r['type'], tuple(r['k']), tuple(r['q']), tuple(r['a'])
    )
    for key, r in relations.items()
  }
  grouped = [r for _, members in documents for r in members]
  if sorted(grouped) != sorted(built):
    raise ValueError(
      f'{path}: the doc lines must name every relation once: '
      f'{sorted(set(grouped) ^ set(built))}'
    )
  return Kind(name, references, tuple(documents), built)


def _read_facts(path: str, kind: Kind) -> list[Fact]:
  facts = []
  seen = set()
  with open(path, encoding='utf-8') as lines:
    header = next(lines).rstrip('\n').split('\t')
    if header[0] != 'name' or set(header[1:]) != set(kind.relations):
      raise ValueError(f'{path}:1: columns must be name and the relations')
    for number, line in enumerate(lines, 2):
      cells = [c.strip() for c in line.rstrip('\n').split('\t')]
      if len(cells) != len(header):
        raise ValueError(
          f'{path}:{number}: {len(cells)} of {len(header)} cells'
        )
      if cells[0] in seen:
        raise ValueError(f'{path}:{number}: {cells[0]!r} comes twice')
      seen.add(cells[0])
      for relation, cell in zip(header[1:], cells[1:]):
        if cell:
          values = tuple(v.strip() for v in cell.split('|'))
          facts.append(Fact(kind.name, cells[0], relation, values))
  return facts


# Words too common to be names: they are left out of invented names.
STOP_WORDS = frozenset(
  [
    'a',
    'an',
    'and',
    'as',
    'at',
    'by',
    'for',
    'from',
    'in',
    'is',
    'it',
    'its',
    'of',
    'on',
    'or',
    's',
    'the',
    'to',
    'was',
    'with',
  ]
)


@dataclasses.dataclass(frozen=True)
class World:
  kinds: dict[str, Kind]
  facts: tuple[Fact, ...]

  def relation(self, fact: Fact) -> Relation:
    return self.kinds[fact.kind].relations[fact.relation]

  @functools.cached_property
  def name_words(self) -> tuple[str, ...]:
    """Every word of a thing's name or of a value, sorted; no numbers."""
    found: dict[str, None] = {}
    for fact in self.facts:
      for name in (fact.entity, *fact.values):
        found.update(dict.fromkeys(re.findall(r'[^\W\d_]+', fold(name))))
    return tuple(sorted(set(found) - STOP_WORDS))

  @functools.cached_property
  def truths(self) -> frozenset[tuple[str, str, str]]:
    """(relation key, entity, value), folded and without articles."""
    return frozenset(
      (fact.key, fold(bare(fact.entity)), fold(bare(value)))
      for fact in self.facts
      for value in fact.values
    )


@functools.lru_cache(maxsize=1)
def load() -> World:
  """Reads every kind that has a page of wordings, in alphabetic order."""
  kinds: dict[str, Kind] = {}
  facts: list[Fact] = []
  folder = os.path.join(_HERE, 'wording')
  for file in sorted(os.listdir(folder)):
    if not file.endswith('.txt'):
      continue
    kind = _parse_kind(os.path.join(folder, file))
    kinds[kind.name] = kind
    table = os.path.join(_HERE, 'facts', kind.name + '.tsv')
    facts.extend(_read_facts(table, kind))
  return World(kinds, tuple(facts))


def document_text(
  kind: Kind, entity: str, pairs: Iterable[tuple[Relation, str]], rng
) -> str:
  """Two to four sentences in knowledge wordings; the first one has the name."""
  sentences = []
  draw = rng.random
  for relation, value in pairs:
    subject = entity
    if sentences and draw() < 0.65:
      subject = kind.references[int(draw() * len(kind.references))]
    wordings = relation.knowledge
    template = wordings[int(draw() * len(wordings))]
    sentences.append(template.fill(subject, value))
  return ' '.join(sentences)
