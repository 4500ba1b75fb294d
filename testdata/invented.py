# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""An invented world on demand: the real one's wording, nothing of its facts.

Every record makes up fresh things with fresh names and random facts, so there
is nothing to remember; what can be learnt is the wording, and to look an
answer up in a passage.
"""

import random
from collections.abc import Iterator

from testdata import vocabulary, world

# Names are about as long as those of the real world.
_ENTITY_SPAN_SHARE = 0.25
_PIECED_SHARE = 0.1
# Queries worded as documents are teach that answers can be copied; the others,
# which other wordings mean the same.
_KNOWLEDGE_WORDING_SHARE = 0.4


class _Names:
  """Draws names: each word of the real world's names is equally likely."""

  def __init__(self, source: world.World, rng: random.Random):
    self._words = [w.capitalize() for w in source.name_words]
    heads, tails = vocabulary.pieces(source.name_words)
    self._heads = [p.capitalize() for p in heads]
    self._tails = tails
    self._random = rng.random

  def word(self) -> str:
    draw = self._random
    if draw() >= _PIECED_SHARE:
      return self._words[int(draw() * len(self._words))]
    tails = self._tails
    made = self._heads[int(draw() * len(self._heads))]
    made += tails[int(draw() * len(tails))]
    if draw() < 0.4:
      made += tails[int(draw() * len(tails))]
    return made

  def name(self) -> str:
    shape = self._random()
    if shape < 0.65:
      return self.word()
    if shape < 0.93:
      return self.word() + ' ' + self.word()
    if shape < 0.96:
      return f'{self.word()} {self.word()} {self.word()}'
    joint = 'of' if shape < 0.98 else 'and'
    return f'{self.word()} {joint} {self.word()}'

  def year(self) -> str:
    if self._random() < 0.9:
      return str(1600 + int(self._random() * 425))
    return str(1000 + int(self._random() * 600))

  def number(self) -> str:
    digits = 1 + int(self._random() * 4)
    return str(
      10 ** (digits - 1) + int(self._random() * 9 * 10 ** (digits - 1))
    )


def _article_shares(source: world.World) -> dict[str, float]:
  """How often names come with an article, by kind and by relation key."""
  counts: dict[str, list[int]] = {}
  for fact in source.facts:
    for key, name in ((fact.kind, fact.entity), (fact.key, fact.value)):
      seen = counts.setdefault(key, [0, 0])
      seen[0] += name != world.bare(name)
      seen[1] += 1
  return {key: some / of for key, (some, of) in counts.items()}


def _one_of(wordings, draw) -> world.Template:
  return wordings[int(draw() * len(wordings))]


def invented_passages(seed: int) -> Iterator[dict]:
  """Yields records without end; see the README of this folder for the keys."""
  source = world.load()
  rng = random.Random(f'invented {seed}')
  draw = rng.random
  names = _Names(source, rng)
  articles = _article_shares(source)
  truths = source.truths
  # A document title as often as it has relations.
  pages = [
    (kind, title, [kind.relations[r] for r in members])
    for kind in source.kinds.values()
    for title, members in kind.documents
    for _ in members
  ]

  def value_of(relation: world.Relation) -> str:
    if relation.type != 'name':
      return names.year() if relation.type == 'year' else names.number()
    name = names.name()
    return 'the ' + name if draw() < articles[relation.key] else name

  def facts_of(members: list[world.Relation], wanted: world.Relation):
    others = [r for r in members if r is not wanted]
    rng.shuffle(others)
    chosen = [wanted, *others[: int(draw() * 4)]]
    rng.shuffle(chosen)
    return [(relation, value_of(relation)) for relation in chosen]

  while True:
    kind, title, members = pages[int(draw() * len(pages))]
    wanted = members[int(draw() * len(members))]
    texts = []
    for _ in range(2):
      entity = names.name()
      if draw() < articles[kind.name]:
        entity = 'the ' + entity
      facts = facts_of(members, wanted)
      texts.append(
        (
          entity,
          facts,
          title.replace('{e}', world.bare(entity)),
          world.document_text(kind, entity, facts, rng),
        )
      )
    if texts[0][0] == texts[1][0] or any(
      (r.key, world.bare(entity).lower(), world.bare(value).lower()) in truths
      for entity, facts, _, _ in texts
      for r, value in facts
    ):
      continue
    entity, facts, page, text = texts[0]
    value = next(v for r, v in facts if r is wanted)
    as_document = draw() < _KNOWLEDGE_WORDING_SHARE
    wordings = wanted.knowledge if as_document else wanted.queries
    template = _one_of(wordings, draw)
    query, span, entity_span = template.fill_with_spans(entity, value)
    if wanted.type == 'name' and draw() < _ENTITY_SPAN_SHARE:
      span = entity_span
    yield {
      'query': query,
      'span': world.byte_span(query, span),
      'question': _one_of(wanted.questions, draw).fill(entity),
      'answer': world.bare(value),
      'title': page,
      'text': text,
      'distractor_title': texts[1][2],
      'distractor_text': texts[1][3],
    }
