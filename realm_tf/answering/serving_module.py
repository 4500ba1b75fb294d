# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The graph that answers questions, from strings to strings."""

import dataclasses
from typing import Any

import tensorflow as tf

from realm_tf.answering.serving_blocks import Blocks
from realm_tf.answering.serving_search import ServedSearcher
from realm_tf.hub import hub_modules
from realm_tf.modeling import span_scores
from realm_tf.modeling.embedder import Embedder
from realm_tf.modeling.span_reader import SpanReader
from realm_tf.text import packing, words
from realm_tf.text.tokenizer import BertTokenizer

_QUESTION = tf.TensorSpec([None], tf.string, name='question')
_K = tf.TensorSpec([], tf.int32, name='k')


def _traced(function: Any, *specs: tf.TensorSpec) -> Any:
  return tf.function(function, input_signature=specs, autograph=False)


@dataclasses.dataclass(frozen=True)
class ServingConfig:
  """How questions are answered.

  Attributes:
    query_seq_len: Wordpieces of `[CLS] question [SEP]`; what is longer is cut.
    reader_seq_len: Wordpieces of `[CLS] question [SEP] block [SEP]`.
    reader_beam: Blocks read for a question.
    top_n: Answers given.
    blocks_at_once: Blocks of a batch read at a time, so that memory does not
      grow with batch and beam.
  """

  query_seq_len: int = 64
  reader_seq_len: int = 320
  reader_beam: int = 5
  top_n: int = 5
  blocks_at_once: int = 16

  def __post_init__(self):
    for field in dataclasses.fields(self):
      if getattr(self, field.name) < 1:
        raise ValueError(
          f'{field.name} must be positive. Received:'
          f' {getattr(self, field.name)}'
        )
    # [CLS], [SEP], and one wordpiece of the block with its [SEP].
    if not 2 < self.query_seq_len < self.reader_seq_len - 1:
      raise ValueError(
        'query_seq_len must be at least 3, and leave room in reader_seq_len for'
        f' a block. Received: query_seq_len={self.query_seq_len},'
        f' reader_seq_len={self.reader_seq_len}'
      )


class _Answerer:
  """Builds the graph; holds layers, which the SavedModel must not."""

  def __init__(
    self,
    embedder: Embedder,
    reader: SpanReader,
    tokenizer: BertTokenizer,
    blocks: Blocks,
    searcher: ServedSearcher,
    config: ServingConfig,
  ):
    self._embedder = embedder
    self._reader = reader
    self._special = tokenizer.special
    self._blocks = blocks
    self._searcher = searcher
    self._config = config
    self._tokenizer = tokenizer
    # What several functions call is in the graph only once.
    self._embed = _traced(self._pack_and_embed, _QUESTION)

  def _pack_and_embed(
    self, question: tf.Tensor
  ) -> tuple[dict[str, tf.Tensor], tf.Tensor]:
    packed = packing.pack_query(
      self._tokenizer.tokenize(question),
      special=self._special,
      max_length=self._config.query_seq_len,
    )
    return packed, self._embedder.embed_queries(packed)

  def embed(self, question: tf.Tensor) -> dict[str, tf.Tensor]:
    """Questions [batch] -> `embedding` [batch, dim]."""
    return {'embedding': self._embed(question)[1]}

  def retrieve(self, question: tf.Tensor, k: tf.Tensor) -> dict[str, tf.Tensor]:
    """The best blocks of questions [batch], each [batch, min(k, blocks)]."""
    rows, scores = self._searcher.search(self._embed(question)[1], k)
    titles, texts = self._blocks.texts(rows)
    return {
      'block_ids': rows,
      'scores': scores,
      'titles': titles,
      'texts': texts,
    }

  def answer(self, question: tf.Tensor, k: tf.Tensor) -> dict[str, tf.Tensor]:
    """The best answers, see `make_module`."""
    packed, embedding = self._embed(question)
    rows, retriever_scores = self._searcher.search(embedding, k)
    joint = self._blocks.pack(
      packed,
      rows,
      special=self._special,
      max_length=self._config.reader_seq_len,
    )
    found = span_scores.best_answers(
      retriever_scores,
      self._reader(
        joint,
        joint['block_mask'],
        blocks_at_once=self._config.blocks_at_once,
      ),
      self._config.top_n,
      words.word_numbers(joint['input_word_ids'], self._tokenizer),
      joint['block_mask'],
    )
    answers = {
      f'{name}s': found[name]
      for name in (
        'score',
        'log_prob',
        'retriever_log_prob',
        'reader_log_prob',
      )
    }
    block = tf.maximum(found['block'], 0)
    rows = tf.gather(rows, block, batch_dims=1)
    rows = tf.where(found['block'] >= 0, rows, -1)
    answers.update(self._show(rows, found['start'], found['end']))
    return _with_best(answers)

  def _show(
    self, rows: tf.Tensor, start: tf.Tensor, end: tf.Tensor
  ) -> dict[str, tf.Tensor]:
    """The words of spans from wordpiece `start` to `end`, `[batch, top_n]`.

    Of the whole corpus only the blocks shown are tokenized again, each once.
    """
    there = rows >= 0
    flat = tf.reshape(tf.maximum(rows, 0), [-1])
    shown, which = tf.unique(flat)
    which = tf.reshape(which, tf.shape(rows))
    titles, texts = self._blocks.texts(shown)
    tokens = words.widen_to_words(
      self._tokenizer.tokenize_with_offsets(texts), self._tokenizer
    )
    splits = tf.cast(tokens.ids.row_splits, tf.int32)
    first, limit = tf.gather(splits, which), tf.gather(splits, which + 1)

    def bytes_of(offsets: tf.RaggedTensor, places: tf.Tensor) -> tf.Tensor:
      # Never outside, whatever other tokenizer the corpus was made by.
      places = tf.maximum(tf.minimum(first + places, limit - 1), 0)
      return tf.gather(tf.concat([offsets.values, [0]], 0), places)

    byte_start = tf.where(there, bytes_of(tokens.starts, start), 0)
    byte_end = tf.where(there, bytes_of(tokens.limits, end), 0)
    evidence = tf.where(there, tf.gather(texts, which), '')
    return {
      'answers': tf.strings.substr(
        evidence, byte_start, byte_end - byte_start, unit='BYTE'
      ),
      'evidence': evidence,
      'titles': tf.where(there, tf.gather(titles, which), ''),
      'block_ids': rows,
      'byte_starts': tf.where(there, byte_start, -1),
      'byte_ends': tf.where(there, byte_end, -1),
    }


def _with_best(answers: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
  """`[batch, top_n]` under `top_<names>`, and the first under `<name>`."""
  best = {name.removesuffix('s'): x[:, 0] for name, x in answers.items()}
  return {**best, **{f'top_{name}': x for name, x in answers.items()}}


def make_module(
  embedder: Embedder,
  reader: SpanReader,
  tokenizer: BertTokenizer,
  blocks: Blocks,
  searcher: ServedSearcher,
  config: ServingConfig,
) -> tuple[tf.Module, dict[str, Any]]:
  """Traces the functions of a SavedModel.

  Each is there under its name, and as a signature.
    `answer(question)`, the signature `serving_default`: reads `reader_beam`
      blocks.
    `answer_k(question, k)`: reads k blocks, or all if there are fewer.
    `retrieve(question, k)`: `block_ids`, `scores`, `titles` and `texts`
      [batch, min(k, blocks)].
    `embed(question)`: `embedding`, float32 [batch, dim].

  `question` is a string [batch], `k` an int32. Of answers, the best spans of
  all blocks read, there are [batch, top_n], best first:
    `top_answers`: words of the block, as they were written; spans of the same
      words are one answer, with the numbers of the best of them.
    `top_scores`: the retriever's score of the block plus the reader's of the
      span.
    `top_log_probs`: log p(block, span) among all that were read.
    `top_retriever_log_probs`: log p(block) among the blocks read, by the
      retriever alone.
    `top_reader_log_probs`: log p(span | block), by the reader alone.
    `top_evidence`, `top_titles`: text and title of the block.
    `top_block_ids`: its row in the corpus.
    `top_byte_starts`, `top_byte_ends`: where in the text the answer is.
  and of the best one, [batch], the same as `answer`, `score`, `log_prob`,
  `retriever_log_prob`, `reader_log_prob`, `evidence`, `title`, `block_id`,
  `byte_start`, `byte_end`. Where the blocks read have fewer spans than asked
  for, strings are empty, block and bytes -1, scores and log-probabilities -1e9.

  Args:
    embedder: Of questions.
    reader: Of spans.
    tokenizer: Of both.
    blocks: What is read.
    searcher: Over their embeddings.
    config: How questions are answered.

  Returns:
    The module, which holds no Keras, and its signatures.
  """
  answerer = _Answerer(embedder, reader, tokenizer, blocks, searcher, config)
  module = tf.Module(name='serving')
  seen: dict[int, Any] = {}
  module.query_tower = hub_modules.without_keras(embedder.query_tower, seen)
  module.span_reader = hub_modules.without_keras(reader, seen)
  module.blocks = blocks
  module.searcher = searcher

  answer_k = _traced(answerer.answer, _QUESTION, _K)
  module.answer_k = answer_k
  module.answer = _traced(
    lambda question: answer_k(question, config.reader_beam), _QUESTION
  )
  module.retrieve = _traced(answerer.retrieve, _QUESTION, _K)
  module.embed = _traced(answerer.embed, _QUESTION)
  return module, {
    'serving_default': module.answer,
    'answer_k': module.answer_k,
    'retrieve': module.retrieve,
    'embed': module.embed,
  }
