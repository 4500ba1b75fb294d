# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""What a conversion says of the files that it reads."""

from collections.abc import Callable, Iterable

from realm_tf.bert import weights
from realm_tf.bert.weights import Bert
from realm_tf.original.original_sources import Source
from realm_tf.original.original_weights import Encoder

_SHOWN = 3

Say = Callable[[str], None]


def _first(names: Iterable[str]) -> str:
  ordered = sorted(names)
  more = ' ...' if len(ordered) > _SHOWN else ''
  return ', '.join(ordered[:_SHOWN]) + more


def describe(source: Source) -> str:
  """The line that says what was found."""
  facts = source.facts
  what = 'weights'
  if facts.signatures:
    tags = ' '.join('{' + ', '.join(t) + '}' for t in facts.tags)
    what = f'SavedModel with tags {tags}, signatures '
    what += ', '.join(sorted(facts.signatures))
  text = f'found      {source.path}: {what}; {source.found.num_tensors} tensors'
  blocks = source.block_embeddings
  if blocks is not None:
    text += f'; block_emb {list(blocks.shape)}'
  return text


def tell_left_over(source: Source, say: Say) -> None:
  """Says which tensors have no place, and why."""
  for reason, names in source.found.left_over.items():
    say(f'left over  {len(names)} ({reason}): {_first(names)}')


def tell_missing(bert: Bert, encoder: Encoder, say: Say) -> None:
  """Says which weights a BERT was made with that its file has not."""
  variables = weights.variables_by_name(bert.encoder, bert.mlm_head)
  missing = variables.keys() - encoder.used().keys()
  if missing:
    say(f'missing    {len(missing)}, which are random now: {_first(missing)}')
