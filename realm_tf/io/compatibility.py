# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Checks that artifacts belong together: corpus, index, models."""

import dataclasses

_ADVICE = {
  'vocabulary': (
    'use a corpus, an index and models that were built with one vocabulary'
    ' (`vocab_file` and `lower_case` of build_corpus)'
  ),
  'corpus': 'build the index of this corpus with build_index',
  'num_documents': 'build the index of this corpus with build_index',
  'embedder': 'build the index with the embedder of the model (build_index)',
  'dim': 'build the index with the embedder of the model (build_index)',
}


class MismatchError(ValueError):
  """Two artifacts do not belong together."""


@dataclasses.dataclass(frozen=True)
class Part:
  """What an artifact says about itself; None is not compared.

  Attributes:
    name: Name in messages, mostly a path.
    vocabulary: Fingerprint of the tokenizer.
    corpus: Fingerprint of the corpus.
    num_documents: Number of documents.
    embedder: Fingerprint of the embedder of the documents.
    dim: Number of dimensions of an embedding.
  """

  name: str
  vocabulary: str | None = None
  corpus: str | None = None
  num_documents: int | None = None
  embedder: str | None = None
  dim: int | None = None


def check(*parts: Part) -> None:
  """Checks that all parts say the same.

  Raises:
    MismatchError: Two parts differ; the message names both, what they say, and
      what to do.
  """
  for fact, advice in _ADVICE.items():
    known = [part for part in parts if getattr(part, fact) is not None]
    for part in known[1:]:
      mine, its = (getattr(p, fact) for p in (part, known[0]))
      if mine != its:
        what = {'dim': 'dimension', 'num_documents': 'number of documents'}
        raise MismatchError(
          f'{part.name} has the {what.get(fact, fact)} {mine}, but'
          f' {known[0].name} has {its}: {advice}'
        )


def check_lengths(
  name: str, positions: int, together: bool = False, **lengths: int
) -> None:
  """Checks that a BERT has a position for each wordpiece.

  Args:
    name: Name of the BERT in messages.
    positions: Number of its positions.
    together: Whether the inputs of all lengths are read as one.
    **lengths: Maximum wordpieces by field.

  Raises:
    ValueError: It has too few; the message names the fields.
  """
  longest = sum(lengths.values()) if together else max(lengths.values())
  if longest > positions:
    what = ', '.join(f'`{field}` is {n}' for field, n in lengths.items())
    if len(lengths) > 1:
      both = ' and both together' if together else ''
      what += f'{both}: {longest} wordpieces'
    raise ValueError(
      f'{what}, but {name} has only {positions} positions: take shorter lengths'
    )
