# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""How an encoder's output becomes an embedding, and what is changed of it."""

import dataclasses
from typing import Literal

from realm_tf.configs.config import Config

Pooling = Literal['pooler', 'cls', 'mean']
Normalization = Literal['layer_norm', 'l2', 'none']


@dataclasses.dataclass(frozen=True, kw_only=True)
class EmbedderForm(Config):
  """What an embedder does around its encoder. Defaults to the original's form.

  Attributes:
    pooling: `pooler` is BERT's pooler of [CLS], `cls` the output at [CLS],
      `mean` the mean of the outputs at all wordpieces.
    projection: Whether there is a projection.
    activation: Activation of the projection.
    normalization: `layer_norm` with weights of its own, `l2` to unit length, or
      `none`.
    temperature: Initial divisor of the inner products; learned. None for no
      such weight.
    titles: How a document `[CLS] title [SEP] body [SEP]` is read: as these two
      `segments`, `separated` in one segment, or `joined`, without the [SEP]
      between title and body.
    query_prefix: Wordpieces put before each query.
    document_prefix: Wordpieces put before each document.
  """

  pooling: Pooling = 'pooler'
  projection: bool = True
  activation: Literal['linear', 'tanh'] = 'linear'
  normalization: Normalization = 'layer_norm'
  temperature: float | None = None
  titles: Literal['segments', 'separated', 'joined'] = 'segments'
  query_prefix: tuple[int, ...] = ()
  document_prefix: tuple[int, ...] = ()

  def __post_init__(self) -> None:
    super().__post_init__()
    for name in ('query_prefix', 'document_prefix'):
      # JSON has lists.
      object.__setattr__(self, name, tuple(getattr(self, name)))
    if self.temperature is not None and self.temperature <= 0:
      raise ValueError(
        f'`temperature` must be above 0. Received: {self.temperature}'
      )


@dataclasses.dataclass(frozen=True, kw_only=True)
class EmbedderStartConfig(Config):
  """What is changed of an encoder when an embedder is made of it.

  An exported embedder stays as it was trained.

  Attributes:
    pooling: What is taken of the encoder's output: `pooler` (BERT's pooler of
      [CLS]), `cls` or `mean`. Defaults to what the encoder's directory says.
    projection: `none`; `principal`, the principal axes of the vectors of some
      documents; or `random`. Defaults to what the encoder's directory says.
    projection_size: Size of an embedding after a projection. Defaults to that
      of `embedder`, else 128.
    normalization: `layer_norm`, `l2` (unit length) or `none`. Defaults to what
      the encoder's directory says.
    temperature: Initial divisor of inner products, which is learned. Defaults
      to 0.05 for vectors of unit length, else none.
    query_prefix: Text put before each query, such as "query: ". Defaults to
      what the encoder's directory says.
    document_prefix: Text put before each document, such as "passage: ".
      Defaults to what the encoder's directory says.
  """

  pooling: Pooling | None = None
  projection: Literal['none', 'principal', 'random'] | None = None
  projection_size: int | None = None
  normalization: Normalization | None = None
  temperature: float | None = None
  query_prefix: str | None = None
  document_prefix: str | None = None

  def __post_init__(self) -> None:
    super().__post_init__()
    self.check_at_least(1, 'projection_size')
    if self.temperature is not None and self.temperature <= 0:
      raise ValueError(
        f'`temperature` must be above 0. Received: {self.temperature}'
      )
    if self.projection == 'none' and self.projection_size is not None:
      raise ValueError('`projection_size` needs a `projection`')

  @property
  def changes(self) -> list[str]:
    """Names of the fields that are set."""
    names = [field.name for field in dataclasses.fields(EmbedderStartConfig)]
    return [name for name in names if getattr(self, name) is not None]
