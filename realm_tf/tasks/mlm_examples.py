# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Masked language modeling on passages, and on a sentence with its passage.

This warms BERT up before REALM: on pairs, the reader learns to look a blank up
in a passage about the same subject.
"""

import itertools
from collections.abc import Iterator, Sequence

import tensorflow as tf

from realm_tf.configs.mlm_config import PassageMaskingConfig
from realm_tf.corpus import lines, readers
from realm_tf.corpus.document import MalformedError
from realm_tf.corpus.problems import Problems
from realm_tf.io import faults, files
from realm_tf.text import packing
from realm_tf.text import tokenizer as tokenizer_lib

_LINES_PER_CHUNK = 1024
# A word that starts with a capital or a digit after optional punctuation.
_NAME = r'\pP?[\p{Lu}\p{Nd}].*'
_COLUMNS = ('query', 'span_start', 'span_limit', 'text')


def _parse(line: readers.RawRecord) -> tuple[bytes, int, int, bytes]:
  try:
    record = lines.parse_object(line.payload)
    text, query = record['text'], record.get('query', '')
    start, limit = record.get('span', (0, 0))
    if not isinstance(text, str) or not isinstance(query, str):
      raise TypeError('text and query must be strings')
    query_bytes = query.encode()
    if not 0 <= start <= limit <= len(query_bytes):
      raise ValueError(f'the span {start}:{limit} is not within the query')
    return query_bytes, start, limit, text.encode()
  except (ValueError, KeyError, TypeError) as e:
    raise MalformedError(f'not a passage: {faults.text_of(e)}') from e


def _passages(paths: Sequence[str], strict: bool = False) -> Iterator[tuple]:
  problems = Problems(strict)
  for path in paths:
    yield from problems.parse(readers.raw_records(path, 'jsonl'), _parse)


def _read_chunks(paths: Sequence[str]) -> Iterator[tuple]:
  """Yields columns of up to `_LINES_PER_CHUNK` passages."""
  passages = _passages(paths)
  while rows := list(itertools.islice(passages, _LINES_PER_CHUNK)):
    yield tuple(zip(*rows))


def check_passages(patterns: str | Sequence[str]) -> None:
  """Reads JSONL passages once: an error within tf.data is one of TensorFlow.

  Raises:
    CorpusError: A line is malformed; names file and line.
  """
  for _ in _passages(files.expand(patterns), strict=True):
    pass


def _tokenize_words(
  tokenizer: tokenizer_lib.BertTokenizer, texts: tf.Tensor
) -> tuple[tf.RaggedTensor, tf.RaggedTensor]:
  """Ids and name flags (names or numbers), [batch, (tokens)]."""
  words = tf.strings.split(texts)
  pieces = tokenizer.tokenize(words.values)  # [words, (pieces)]
  ids = words.with_values(pieces).merge_dims(1, 2)
  is_name = tf.strings.regex_full_match(words.values, _NAME)
  has_letters = [any(map(str.isalnum, piece)) for piece in tokenizer.vocab]
  flags = tf.repeat(is_name, pieces.row_lengths())
  flags &= tf.gather(tf.constant(has_letters), ids.values)
  return ids, ids.with_values(tf.cast(flags, tf.int32))


def _pack_passages(
  rows: dict[str, tf.Tensor],
  is_dropped: tf.Tensor,
  tokenizer: tokenizer_lib.BertTokenizer,
  max_length: int,
) -> tuple[dict[str, tf.Tensor], tf.Tensor, tf.Tensor]:
  """BERT's inputs, name flags and span flags, each [batch, length]."""
  is_pair = tf.strings.length(rows['query']) > 0
  # A passage without a query is its own first segment.
  first = tf.where(is_pair, rows['query'], rows['text'])
  second = tf.where(is_pair & ~is_dropped, rows['text'], '')

  def pack(first_values: tf.RaggedTensor, second_values: tf.RaggedTensor, ids):
    return packing.pack_joint(
      first_values, second_values, special=ids, max_length=max_length
    )

  first_ids, first_names = _tokenize_words(tokenizer, first)
  second_ids, second_names = _tokenize_words(tokenizer, second)
  inputs = pack(first_ids, second_ids, tokenizer.special)
  # Flags are packed like tokens.
  nothing = packing.SpecialIds(cls=0, sep=0, mask=0, pad=0)
  is_name = pack(first_names, second_names, nothing)['input_word_ids'] > 0
  offsets = tokenizer.tokenize_with_offsets(first)
  in_span = offsets.ids.with_values(
    tf.cast(
      (offsets.starts < rows['span_limit'][:, tf.newaxis]).values
      & (offsets.limits > rows['span_start'][:, tf.newaxis]).values,
      tf.int32,
    )
  )
  in_span = pack(in_span, second_names * 0, nothing)['input_word_ids'] > 0
  return inputs, is_name, in_span


def mask_passages(
  rows: dict[str, tf.Tensor],
  tokenizer: tokenizer_lib.BertTokenizer,
  config: PassageMaskingConfig,
  seed: tf.Tensor,
) -> dict:
  """Packs and masks a batch of passages, in the graph.

  Args:
    rows: `query`, `text` string [batch]; `span_start`, `span_limit` int32
      [batch], bytes of the query (an empty span masks nothing).
    tokenizer: Tokenizer of both sides.
    config: What to mask.
    seed: int32 [2].

  Returns:
    `inputs` (BERT's dict, int32 [batch, length]), `mlm_positions`,
    `mlm_targets` int32, `mlm_mask` and `span_mask` float32, the last four
    [batch, max_predictions]; `span_mask` marks the wordpieces of a span.
  """
  special = tokenizer.special
  seeds = tf.random.experimental.stateless_split(seed, 4)
  batch = tf.shape(rows['text'])[0]
  is_dropped = (
    tf.random.stateless_uniform([batch], seeds[0]) < config.empty_rate
  )
  inputs, is_name, in_span = _pack_passages(
    rows, is_dropped, tokenizer, config.max_length
  )
  ids = inputs['input_word_ids']  # [batch, length]
  length = tf.shape(ids)[1]
  is_text = (
    (inputs['input_mask'] > 0) & (ids != special.cls) & (ids != special.sep)
  )
  noise = tf.random.stateless_uniform(tf.shape(ids), seeds[1])
  rate = tf.where(is_name, config.name_mask_rate, config.mask_rate)
  # The span comes first, then a random choice.
  priority = tf.where(is_text & (noise < rate), 1.0 + noise / rate, 0.0)
  priority = tf.where(in_span, 3.0, priority)
  count = tf.minimum(config.max_predictions, length)
  best, positions = tf.math.top_k(priority, count)
  padding = [[0, 0], [0, config.max_predictions - count]]
  best = tf.pad(best, padding)  # [batch, max_predictions]
  positions = tf.pad(positions, padding)
  predicted = tf.cast(best > 0, tf.float32)
  targets = tf.gather(ids, positions, batch_dims=1)

  masked = tf.reduce_any(  # [batch, length]
    tf.one_hot(positions, length, True, False, dtype=tf.bool)
    & (best > 0)[:, :, tf.newaxis],
    axis=1,
  )
  how = tf.random.stateless_uniform(tf.shape(ids), seeds[2])
  other = tf.random.stateless_uniform(
    tf.shape(ids), seeds[3], 0, tokenizer.vocab_size, tf.int32
  )
  replaced = tf.where(how < 0.8, special.mask, tf.where(how < 0.9, ids, other))
  replaced = tf.where(in_span, special.mask, replaced)
  inputs['input_word_ids'] = tf.where(masked, replaced, ids)
  return {
    'inputs': inputs,
    'mlm_positions': positions,
    'mlm_targets': targets,
    'mlm_mask': predicted,
    'span_mask': tf.cast(best >= 3.0, tf.float32),
  }


def mlm_batches(
  patterns: str | Sequence[str],
  tokenizer: tokenizer_lib.BertTokenizer,
  config: PassageMaskingConfig,
  *,
  batch_size: int,
  seed: int,
  start_batch: int = 0,
  repeat: bool = True,
  shuffle_buffer: int = 65536,
) -> tf.data.Dataset:
  """Batches for masked language modeling from JSONL passages.

  A line holds `text` and, for a pair, `query` (a sentence about the same
  subject) with `span` (byte start and limit of the blank in it). Malformed
  lines are logged and skipped; `check_passages` refuses them.

  Args:
    patterns: Files (plain, .gz or .bz2), comma-separated paths and globs.
    tokenizer: Tokenizer of both sides.
    config: What to mask.
    batch_size: Examples per batch.
    seed: Seed of the order and the masks.
    start_batch: Number of the first batch. Batch n does not depend on it.
    repeat: Whether to repeat forever.
    shuffle_buffer: Size of the shuffle buffer; 0 keeps the order of the files.

  Returns:
    A dataset of batches of `mask_passages`.
  """
  paths = files.expand(patterns)
  dataset = tf.data.Dataset.from_generator(
    lambda: _read_chunks(paths),
    output_signature=(
      tf.TensorSpec([None], tf.string),
      tf.TensorSpec([None], tf.int32),
      tf.TensorSpec([None], tf.int32),
      tf.TensorSpec([None], tf.string),
    ),
  ).unbatch()
  if shuffle_buffer:
    dataset = dataset.shuffle(shuffle_buffer, seed=seed)
  if repeat:
    dataset = dataset.repeat()
  dataset = dataset.skip(start_batch * batch_size)
  dataset = dataset.batch(batch_size, drop_remainder=repeat)
  dataset = dataset.enumerate(start_batch)

  @tf.autograph.experimental.do_not_convert
  def make(number: tf.Tensor, columns: tuple) -> dict:
    example_seed = tf.stack([tf.cast(seed, tf.int64), number])
    return mask_passages(
      dict(zip(_COLUMNS, columns)), tokenizer, config, example_seed
    )

  return dataset.map(make, num_parallel_calls=2, deterministic=True).prefetch(4)
