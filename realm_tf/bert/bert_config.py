# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The shape of a BERT encoder."""

import dataclasses
import os
from collections.abc import Mapping
from typing import Any

from realm_tf.io import atomic, faults

# layers, hidden size, heads; the intermediate size is four times the hidden.
_PRESETS = {
  'tiny': (2, 128, 2),
  'mini': (4, 256, 4),
  'small': (4, 512, 8),
  'base': (12, 768, 12),
}
PRESETS = tuple(_PRESETS)

# Our field -> its name in the config.json that Hugging Face's BERT reads.
# Google's bert_config.json has the same names, without the epsilon.
_JSON_NAMES = {
  'vocab_size': 'vocab_size',
  'hidden_size': 'hidden_size',
  'num_layers': 'num_hidden_layers',
  'num_heads': 'num_attention_heads',
  'intermediate_size': 'intermediate_size',
  'max_positions': 'max_position_embeddings',
  'type_vocab_size': 'type_vocab_size',
  'dropout': 'hidden_dropout_prob',
  'attention_dropout': 'attention_probs_dropout_prob',
  'activation': 'hidden_act',
  'initializer_range': 'initializer_range',
  'layer_norm_epsilon': 'layer_norm_eps',
}
_REQUIRED = ('vocab_size', 'hidden_size', 'num_layers', 'num_heads')
SIZES = (
  *('vocab_size', 'hidden_size', 'num_layers', 'num_heads'),
  *('intermediate_size', 'max_positions', 'type_vocab_size'),
)
_RATES = (
  *('dropout', 'attention_dropout'),
  *('initializer_range', 'layer_norm_epsilon'),
)
_ACTIVATIONS = ('gelu', 'gelu_new', 'relu')


@dataclasses.dataclass(frozen=True)
class BertConfig:
  """Sizes and rates of a BERT encoder.

  Example:
    >>> BertConfig.preset('tiny', vocab_size=100).num_layers
    2

  Attributes:
    vocab_size: Number of wordpieces.
    hidden_size: Width of the encoder, a multiple of `num_heads`.
    num_layers: Number of transformer layers.
    num_heads: Number of attention heads per layer.
    intermediate_size: Width of the feed-forward layers.
    max_positions: Maximum number of wordpieces in an input.
    type_vocab_size: Number of segments.
    dropout: Dropout rate of embeddings and sublayer outputs.
    attention_dropout: Dropout rate of attention probabilities.
    activation: `gelu` (by the error function), `gelu_new` (its tanh
      approximation, used by the original release's TF Hub modules) or `relu`.
    initializer_range: Standard deviation of new weights.
    layer_norm_epsilon: Epsilon of the layer normalizations.
  """

  vocab_size: int = 30522
  hidden_size: int = 768
  num_layers: int = 12
  num_heads: int = 12
  intermediate_size: int = 3072
  max_positions: int = 512
  type_vocab_size: int = 2
  dropout: float = 0.1
  attention_dropout: float = 0.1
  activation: str = 'gelu'
  initializer_range: float = 0.02
  layer_norm_epsilon: float = 1e-12

  def __post_init__(self):
    for field in SIZES:
      value = getattr(self, field)
      if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ValueError(
          f'`{field}` must be at least 1, a whole number. Received: {value!r}'
        )
    if self.hidden_size % self.num_heads:
      raise ValueError(
        '`hidden_size` must be a multiple of `num_heads`. Received: '
        f'hidden_size={self.hidden_size}, num_heads={self.num_heads}'
      )
    if self.activation not in _ACTIVATIONS:
      raise ValueError(
        f'`activation` must be one of {_ACTIVATIONS}. '
        f'Received: {self.activation!r}'
      )
    for field in _RATES:
      value = getattr(self, field)
      if not isinstance(value, int | float) or not 0 <= value < 1:
        raise ValueError(f'`{field}` must be in [0, 1). Received: {value!r}')

  @property
  def num_weights(self) -> int:
    """Number of weights of the encoder, without pooler and heads."""
    hidden, inner = self.hidden_size, self.intermediate_size
    rows = self.vocab_size + self.max_positions + self.type_vocab_size + 2
    layer = 4 * hidden * (hidden + 1) + 2 * hidden * inner + inner + 5 * hidden
    return rows * hidden + self.num_layers * layer

  def with_dropout(self, rate: float | None) -> 'BertConfig':
    """A copy with `rate` as both dropout rates. None changes nothing."""
    if rate is None:
      return self
    return dataclasses.replace(self, dropout=rate, attention_dropout=rate)

  @classmethod
  def preset(cls, name: str, **overrides: Any) -> 'BertConfig':
    """Returns the preset `tiny`, `mini`, `small` or `base`.

    Args:
      name: Name of the preset.
      **overrides: Fields that replace those of the preset.
    """
    if name not in _PRESETS:
      raise ValueError(
        f'no BERT preset {name!r}; there are {", ".join(_PRESETS)}'
      )
    num_layers, hidden_size, num_heads = _PRESETS[name]
    fields = {
      'num_layers': num_layers,
      'hidden_size': hidden_size,
      'num_heads': num_heads,
      'intermediate_size': 4 * hidden_size,
    }
    return cls(**{**fields, **overrides})

  @classmethod
  def from_json(cls, path: str | os.PathLike) -> 'BertConfig':
    """Reads Google's `bert_config.json` or Hugging Face's `config.json`."""
    found = atomic.read_object(path)
    model_type = found.get('model_type', 'bert')
    if model_type not in ('bert', 'realm', 'dpr'):
      raise ValueError(f'{path}: model_type is {model_type!r}, not "bert"')
    positions = found.get('position_embedding_type', 'absolute')
    if positions != 'absolute':
      raise ValueError(
        f'{path}: position_embedding_type {positions!r} is not supported, '
        'only "absolute"'
      )
    missing = [_JSON_NAMES[f] for f in _REQUIRED if _JSON_NAMES[f] not in found]
    if missing:
      raise ValueError(f'{path}: not a BERT config: no {", ".join(missing)}')
    fields = {
      field: found[name]
      for field, name in _JSON_NAMES.items()
      if found.get(name) is not None
    }
    with faults.naming(path):
      fields.setdefault('intermediate_size', 4 * fields['hidden_size'])
    return cls.of(fields, path)

  @classmethod
  def of(
    cls, fields: Mapping[str, Any], where: str | os.PathLike
  ) -> 'BertConfig':
    """Makes a config of recorded fields.

    Args:
      fields: Values by name.
      where: File or directory that they are from.

    Raises:
      ValueError: They are none of a config; the message names `where`.
    """
    with faults.naming(where):
      return cls(**fields)

  def to_json(self) -> dict[str, Any]:
    """Returns the config with the names of Hugging Face's BERT."""
    fields = {name: getattr(self, field) for field, name in _JSON_NAMES.items()}
    return {
      'model_type': 'bert',
      'architectures': ['BertForMaskedLM'],
      'position_embedding_type': 'absolute',
      'tie_word_embeddings': True,
      'pad_token_id': 0,
      **fields,
    }
