# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""What a reader of spans starts from: a BERT, or an earlier reader."""

import dataclasses
from collections.abc import Callable

from absl import logging

from realm_tf.bert.bert_config import BertConfig
from realm_tf.hub import hub_modules, span_reader_module
from realm_tf.modeling.span_reader import SpanReader
from realm_tf.text.tokenizer import BertTokenizer
from realm_tf.training import warm_start


@dataclasses.dataclass(frozen=True)
class ReaderStart:
  """A reader that is not made yet.

  Attributes:
    bert_config: Of its encoder, with the dropout of this training.
    span_hidden_size: Hidden units of its MLP.
    tokenizer: That goes with the weights.
    make: Makes the reader, in the precision of now.
  """

  bert_config: BertConfig
  span_hidden_size: int
  tokenizer: BertTokenizer
  make: Callable[[], SpanReader]


def from_bert(
  bert: str,
  *,
  max_span_width: int,
  span_hidden_size: int,
  dropout: float | None,
  seed: int,
) -> ReaderStart:
  """A reader whose encoder has the weights of a BERT, with a new MLP.

  Args:
    bert: What `warm_start.load` takes.
    max_span_width: Wordpieces of a span at most.
    span_hidden_size: Hidden units of the MLP.
    dropout: Replaces the rates of dropout that the weights say.
    seed: Of the MLP and of dropout.
  """
  loaded, tokenizer = warm_start.load(
    bert, with_mlm_head=False, dropout=dropout, seed=seed
  )

  def make() -> SpanReader:
    reader = SpanReader(
      loaded.config,
      max_span_width=max_span_width,
      span_hidden_size=span_hidden_size,
      seed=seed,
    )
    reader.init_from_bert(loaded)
    return reader

  return ReaderStart(loaded.config, span_hidden_size, tokenizer, make)


def from_span_reader(
  directory: str, *, max_span_width: int, dropout: float | None, seed: int
) -> ReaderStart:
  """The reader of an earlier fine-tuning, with its MLP.

  Args:
    directory: Of the `span_reader` module.
    max_span_width: Wordpieces of a span at most, whatever they were before.
    dropout: Replaces the rates of dropout that it was trained with.
    seed: Of dropout.

  Raises:
    ValueError: There is no such module.
  """
  info = hub_modules.read_info(directory, span_reader_module.KIND)
  tokenizer = hub_modules.load_tokenizer(directory)

  def make() -> SpanReader:
    logging.info('reader from %s, step %d', directory, info['step'])
    return span_reader_module.load_span_reader(
      directory, max_span_width=max_span_width, dropout=dropout, seed=seed
    )

  config = BertConfig(**info['bert_config']).with_dropout(dropout)
  return ReaderStart(config, info['span_hidden_size'], tokenizer, make)
