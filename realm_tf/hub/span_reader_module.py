# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The TF Hub module `span_reader`, written and read.

Like those of `hub_modules`, but `__call__` and `serving_default` also take the
mask of the block's wordpieces.
"""

import dataclasses
import os
from typing import Any

import tensorflow as tf

from realm_tf.hub import hub_modules
from realm_tf.modeling.span_reader import SpanReader
from realm_tf.text.tokenizer import BertTokenizer

KIND = 'span_reader'
_INPUTS = (*hub_modules.INPUTS, 'block_mask')


class SpanReaderModule(hub_modules.HubModule):
  """Scores spans of blocks: BERT inputs and `block_mask` -> logits.

  A row is one question with one block, int32 `[rows, length]`. The logits are
  those of `SpanReader`, float32 `[rows, starts, max_span_width]`.
  """

  def __init__(
    self,
    reader: SpanReader,
    tokenizer: BertTokenizer,
    *,
    query_seq_len: int,
    reader_seq_len: int,
    document_embedder_fingerprint: str,
  ):
    """Holds the weights of `reader`.

    Args:
      reader: Reader to export.
      tokenizer: Tokenizer of its wordpieces.
      query_seq_len: Maximum number of wordpieces of `[CLS] question [SEP]`.
      reader_seq_len: Maximum number of wordpieces of
        `[CLS] question [SEP] block [SEP]`.
      document_embedder_fingerprint: Fingerprint of the embedder that made the
        index that it was trained with (`build_index.fingerprint_embedder`).
        `save` takes another one once the index was refreshed.
    """
    info = {
      'kind': KIND,
      'bert_config': dataclasses.asdict(reader.bert_config),
      'max_span_width': reader.max_span_width,
      'span_hidden_size': reader.span_hidden_size,
      'query_seq_len': query_seq_len,
      'reader_seq_len': reader_seq_len,
      'document_embedder_fingerprint': document_embedder_fingerprint,
    }
    super().__init__({'span_reader': reader}, tokenizer, info)

    def logits(inputs: Any, training: bool = False) -> tf.Tensor:
      # As the only block of its question.
      joint = {name: inputs[name][:, tf.newaxis] for name in _INPUTS}
      return reader(joint, joint['block_mask'], training=training)[:, 0]

    self._set_call(logits, _INPUTS)


def export_span_reader(
  reader: SpanReader,
  tokenizer: BertTokenizer,
  directory: str | os.PathLike,
  step: int,
  *,
  query_seq_len: int,
  reader_seq_len: int,
  document_embedder_fingerprint: str,
) -> None:
  """Writes one module; for several use a SpanReaderModule."""
  SpanReaderModule(
    reader,
    tokenizer,
    query_seq_len=query_seq_len,
    reader_seq_len=reader_seq_len,
    document_embedder_fingerprint=document_embedder_fingerprint,
  ).save(directory, step)


def read_span_reader_weights(
  reader: SpanReader, directory: str | os.PathLike
) -> None:
  """Sets the weights of `reader` to those of a module, in place."""
  hub_modules.read_layers(directory, span_reader=reader)


def load_span_reader(
  directory: str | os.PathLike,
  *,
  max_span_width: int | None = None,
  dropout: float | None = None,
  seed: int = 0,
) -> SpanReader:
  """Makes the layer that was exported to `directory`.

  Args:
    directory: Directory of the module.
    max_span_width: Maximum number of wordpieces of a span. Defaults to that of
      training; no weight depends on it.
    dropout: Rate of dropout. Defaults to those that it was trained with.
    seed: Seed of dropout.
  """
  info = hub_modules.read_info(directory, KIND)
  reader = SpanReader(
    hub_modules.bert_config_of(directory, info).with_dropout(dropout),
    max_span_width=max_span_width or info['max_span_width'],
    span_hidden_size=info['span_hidden_size'],
    seed=seed,
  )
  read_span_reader_weights(reader, directory)
  return reader
