# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""What the layers and models share: Keras configs, and a BERT inside."""

import dataclasses
import inspect
import typing
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras as keras

from realm_tf.bert import encoder as encoder_lib
from realm_tf.bert.bert_config import BertConfig
from realm_tf.bert.weights import Bert

serializable = keras.saving.register_keras_serializable(package='realm_tf')


class Configurable:
  """Gives a layer a config that consists of its constructor's arguments.

  Each argument is kept in an attribute of the same name. Arguments may be
  dataclasses and other layers.
  """

  def get_config(self) -> dict[str, Any]:
    """The constructor's arguments as JSON, and whether it is trainable."""
    config: dict[str, Any] = {'trainable': self.trainable}  # type: ignore[attr-defined]
    for name in list(inspect.signature(type(self)).parameters):
      value = getattr(self, name)
      if dataclasses.is_dataclass(value):
        value = dataclasses.asdict(value)  # type: ignore[arg-type]
      elif isinstance(value, keras.layers.Layer):
        value = keras.saving.serialize_keras_object(value)
      config[name] = value
    return config

  @classmethod
  def from_config(cls, config: Mapping[str, Any]) -> Any:
    """Makes a layer from what `get_config` returned."""
    arguments = dict(config)
    trainable = arguments.pop('trainable', True)
    hints = typing.get_type_hints(cls.__init__)
    for name, value in arguments.items():
      if not isinstance(value, Mapping):
        continue
      if 'class_name' in value:
        arguments[name] = keras.saving.deserialize_keras_object(value)
        continue
      hint = hints[name]
      kind = next(
        t for t in (hint, *typing.get_args(hint)) if dataclasses.is_dataclass(t)
      )
      arguments[name] = kind(  # type: ignore[operator]
        **{k: tuple(v) if isinstance(v, list) else v for k, v in value.items()}
      )
    layer: Any = cls(**arguments)
    if not trainable:
      layer.trainable = False
    return layer


class BertLayer(Configurable):
  """A layer with an encoder, and maybe BERT's head for masked wordpieces."""

  # Without values: Keras does not track what has the name of a class attribute.
  bert_config: BertConfig
  seed: int
  encoder: Any
  encoder_dtype: str
  mlm_head: Any

  def _make_bert(
    self,
    bert_config: BertConfig,
    seed: int,
    encoder_dtype: str | None,
    *,
    with_mlm_head: bool = False,
  ) -> None:
    """Sets encoder and head, with random weights, and their arguments."""
    self.bert_config, self.seed = bert_config, seed
    self.encoder = encoder_lib.build_encoder(
      bert_config, seed=seed, dtype=encoder_dtype
    )
    if with_mlm_head:
      self.mlm_head = encoder_lib.build_mlm_head(
        bert_config, self.encoder, seed=seed
      )
    self.encoder_dtype = self.encoder.dtype_policy.name

  def _without_pooler(
    self, variables: Sequence[tf.Variable]
  ) -> list[tf.Variable]:
    unused = {v.ref() for v in self.encoder.pooler_layer.variables}
    return [v for v in variables if v.ref() not in unused]

  @property
  def used_variables(self) -> list[tf.Variable]:
    """The trainable variables except the pooler's, which nothing reads."""
    return self._without_pooler(self.trainable_variables)  # type: ignore[attr-defined]

  def _start_of(self, variable: tf.Variable, value: tf.Tensor) -> Any:
    """What a variable of the encoder starts as, given BERT's value."""
    del variable
    return value

  def init_from_bert(self, bert: Bert) -> None:
    """Copies the weights of a pre-trained BERT; other weights stay.

    Args:
      bert: The BERT. Its masked language modeling head is copied if both have
        one.

    Raises:
      ValueError: Its encoder has other sizes.
    """
    pairs = [
      (mine, self._start_of(mine, tf.convert_to_tensor(its)))
      for mine, its in zip(self.encoder.weights, bert.encoder.weights)
    ]
    fits = len(self.encoder.weights) == len(bert.encoder.weights)
    if bert.mlm_head is not None and hasattr(self, 'mlm_head'):
      pairs += zip(self.mlm_head.weights, bert.mlm_head.weights)
    if not fits or any(
      tuple(mine.shape) != np.shape(value) for mine, value in pairs
    ):
      raise ValueError(
        f'a layer with an encoder of {self.bert_config} cannot start from a'
        f' BERT of {bert.config}'
      )
    for mine, value in pairs:
      mine.assign(value)
