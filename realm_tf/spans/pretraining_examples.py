# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Masked sentences to pre-train with, from span records."""

import math
from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from realm_tf.configs.masking_config import MaskingConfig
from realm_tf.corpus import document_uids
from realm_tf.io import files, records
from realm_tf.io.progress import progress as progress_bar
from realm_tf.spans import masking, span_choice, span_records
from realm_tf.text.tokenizer import BertTokenizer

# So many records are masked together: fewer waste time in the ops' overhead,
# and a record without a usable span needs others to take its place.
_POOL = 512

# What `count_examples` counts.
COUNTS = (
  'documents',
  'kept',
  'dropped_no_span',
  'dropped_no_span_fits',
  'dropped_no_sentence',
  'spans_outside_sentences',
  'spans_seen',
  'spans_seen_too_long',
  'spans_seen_truncated',
  'spans_seen_without_wordpiece',
)


def _count(x: tf.Tensor) -> tf.Tensor:
  return tf.math.count_nonzero(x)


def _gather_sentences(
  documents: span_choice.SpanDocuments, chosen: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
  """Sentences by number (-1: an empty one), and their first bytes."""
  exists = chosen >= 0
  safe = tf.maximum(chosen, 0)

  def pick(values: tf.Tensor) -> tf.Tensor:
    values = tf.concat([values, tf.zeros([1], values.dtype)], 0)
    return tf.where(exists, tf.gather(values, safe), 0)

  starts = pick(documents.sentences.starts)
  lengths = tf.maximum(pick(documents.sentences.limits) - starts, 0)
  # A position behind the end is an error, and texts may be cut.
  sizes = tf.cast(tf.strings.length(documents.texts), tf.int64)
  first = tf.minimum(starts, sizes)
  return tf.strings.substr(documents.texts, first, lengths), starts


def _mask_salient(
  documents: span_choice.SpanDocuments,
  tokenizer: BertTokenizer,
  config: MaskingConfig,
  seed: tf.Tensor,
) -> tuple[tf.Tensor, tf.Tensor, masking.MaskedTokens, dict[str, tf.Tensor]]:
  """Masks one salient span of each document.

  As in the original each span of a document is equally likely. Where it cannot
  be masked whole, another one of the same sentence is.
  """
  batch = tf.size(documents.texts, tf.int64)
  seeds = tf.random.experimental.stateless_split(seed, 2)
  spans = documents.spans
  span = span_choice.choose(spans.rows, batch, seeds[0])
  numbers = tf.concat([spans.sentences, [-1]], 0)
  chosen = tf.where(span >= 0, tf.gather(numbers, tf.maximum(span, 0)), -1)
  sentences, offsets = _gather_sentences(documents, chosen)
  tokens = tokenizer.tokenize_with_offsets(sentences)

  spans = spans.filtered(spans.sentences == tf.gather(chosen, spans.rows))
  shift = tf.gather(offsets, spans.rows)
  ranges = masking.find_tokens(
    tokens, spans.rows, spans.starts - shift, spans.limits - shift, config
  )
  fitting = spans.filtered(ranges.fit)
  pick = span_choice.choose(fitting.rows, batch, seeds[1])
  kept = pick >= 0
  picked = tf.boolean_mask(pick, kept)
  first, limit = (
    tf.gather(tf.boolean_mask(x, ranges.fit), picked)
    for x in (ranges.first, ranges.limit)
  )
  ids = tokens.ids[:, : config.max_query_tokens]
  inside = masking.cover(ids, tf.where(kept)[:, 0], first, limit)
  masked = masking.mask_dense(ids, inside, tokenizer.mask_id, config)
  counts = {
    'dropped_no_span': _count(chosen < 0),
    'dropped_no_span_fits': _count((chosen >= 0) & ~kept),
    'spans_seen': tf.size(spans.rows, tf.int64),
    'spans_seen_too_long': _count(ranges.too_long),
    'spans_seen_truncated': _count(ranges.truncated & ~ranges.too_long),
    'spans_seen_without_wordpiece': _count(ranges.empty),
  }
  return kept, sentences, masked, counts


def _mask_random(
  documents: span_choice.SpanDocuments,
  tokenizer: BertTokenizer,
  config: MaskingConfig,
  seed: tf.Tensor,
) -> tuple[tf.Tensor, tf.Tensor, masking.MaskedTokens, dict[str, tf.Tensor]]:
  """Masks wordpieces of one sentence of each document, whatever they are."""
  batch = tf.size(documents.texts, tf.int64)
  seeds = tf.random.experimental.stateless_split(seed, 2)
  chosen = span_choice.choose(documents.sentences.rows, batch, seeds[0])
  sentences, _ = _gather_sentences(documents, chosen)
  ids = tokenizer.tokenize(sentences)[:, : config.max_query_tokens]
  if config.masking == masking.RANDOM_TOKENS:
    inside = masking.choose_random_tokens(ids, seeds[1], config)
  else:
    inside = masking.choose_random_spans(ids, seeds[1], config)
  masked = masking.mask_dense(ids, inside, tokenizer.mask_id, config)
  kept = ids.row_lengths() > 0
  return kept, sentences, masked, {'dropped_no_sentence': _count(~kept)}


def mask_records(
  serialized: tf.Tensor,
  tokenizer: BertTokenizer,
  config: MaskingConfig,
  seed: tf.Tensor,
) -> tuple[dict[str, Any], tf.Tensor, dict[str, tf.Tensor]]:
  """Makes one masked sentence of each span record, in the graph.

  Args:
    serialized: string [batch].
    tokenizer: The tokenizer.
    config: What is masked.
    seed: int64 [2].

  Returns:
    The examples, see `masked_queries`; bool [batch], which of them are good
    (of the others nothing is masked); and counts by the names of `COUNTS`.
  """
  documents = span_choice.parse(serialized)
  mask = (
    _mask_salient if config.masking == masking.SALIENT_SPAN else _mask_random
  )
  kept, sentences, masked, counts = mask(documents, tokenizer, config, seed)
  examples = {
    'query_ids': masked.query_ids,
    'sentence_ids': masked.sentence_ids,
    'mlm_positions': masked.positions,
    'mlm_targets': masked.targets,
    'mlm_mask': masked.mask,
    'doc_uid': document_uids.document_uid(documents.titles, documents.texts),
    'sentence': sentences,
    'title': documents.titles,
  }
  zero = tf.constant(0, tf.int64)
  counts = {
    **dict.fromkeys(COUNTS, zero),
    **counts,
    'documents': tf.size(kept, tf.int64),
    'kept': _count(kept),
    'spans_outside_sentences': documents.outside,
  }
  return examples, kept, counts


def _check(patterns: str | Sequence[str]) -> list[str]:
  paths = files.expand(patterns)
  records.check_features(paths[0], span_records.FEATURES)
  return paths


def _take(examples: dict[str, Any], rows: tf.Tensor) -> dict[str, Any]:
  return {name: tf.gather(x, rows) for name, x in examples.items()}


def _replace_dropped(
  examples: dict[str, Any], kept: tf.Tensor, seed: tf.Tensor
) -> dict[str, Any]:
  """Puts a kept example, drawn at random, in the place of each dropped one."""
  good = tf.where(kept)[:, 0]
  check = tf.debugging.assert_positive(
    tf.size(good),
    'of hundreds of span records in a row none has a span that can be masked; '
    'why is counted by: python -m bin.inspect --vocab_file=VOCAB SPAN_RECORDS',
  )
  with tf.control_dependencies([check] if check is not None else []):
    drawn = tf.random.stateless_uniform(
      tf.shape(kept), seed, 0, tf.size(good, tf.int64), tf.int64
    )
  rows = tf.where(
    kept, tf.range(tf.size(kept, tf.int64)), tf.gather(good, drawn)
  )
  return _take(examples, rows)


def masked_queries(
  patterns: str | Sequence[str],
  tokenizer: BertTokenizer,
  config: MaskingConfig,
  *,
  batch_size: int,
  seed: int,
  start_batch: int = 0,
  repeat: bool = True,
  shuffle_buffer: int = 10000,
  num_shards: int = 1,
  shard: int = 0,
) -> tf.data.Dataset:
  """Batches of masked sentences, one from each document of span records.

  Each epoch has the documents in another order and masks other spans. With
  `repeat` the batches depend on the arguments alone, and batch n is the same
  wherever the run started; so that it can be found without looking into the
  records before it, a record that gives no example has its place taken by an
  example of a neighbour. Without `repeat` such a record is left out, and the
  last batch may be smaller.

  Args:
    patterns: Span record files, comma-separated paths and globs.
    tokenizer: The tokenizer.
    config: What is masked.
    batch_size: Examples of a batch.
    seed: Of the order and of the masks.
    start_batch: Number of the first batch.
    repeat: Whether the documents are gone through for ever.
    shuffle_buffer: Corpus among which the next one is drawn; 0 keeps the
      order of the files.
    num_shards: Among how many readers the documents are divided: by file where
      there are enough files, else one by one.
    shard: Which of them this one is.

  Returns:
    A dataset of dicts:
      query_ids: ragged int32 [batch, (tokens)], masked, without [CLS] and
        [SEP], at most `query_seq_len` - 2 of them.
      sentence_ids: The same, unmasked.
      mlm_positions: int32 [batch, max_masks], in the packed query, where [CLS]
        is at 0.
      mlm_targets: int32 [batch, max_masks].
      mlm_mask: float32 [batch, max_masks].
      doc_uid: int64 [batch], uid of the title and text of the document.
      sentence: string [batch].
      title: string [batch].
  """
  if batch_size < 1:
    raise ValueError(f'batch_size must be at least 1. Received: {batch_size}')
  paths = _check(patterns)
  # Without repetition batches do not have to line up with pools, and so the
  # examples do not depend on the size of a batch.
  in_pool = math.ceil(_POOL / batch_size) if repeat else 0
  pool = in_pool * batch_size or _POOL
  first_pool = start_batch // in_pool if repeat else 0
  dataset = records.stream(
    paths,
    seed=seed,
    start=first_pool * pool,
    repeat=repeat,
    shuffle_buffer=shuffle_buffer,
    num_shards=num_shards,
    shard=shard,
  )
  dataset = dataset.batch(pool, drop_remainder=repeat).enumerate(first_pool)

  @tf.autograph.experimental.do_not_convert
  def make(number: tf.Tensor, serialized: tf.Tensor) -> dict[str, Any]:
    seeds = tf.random.experimental.stateless_split(
      tf.stack([tf.cast(seed, tf.int64), number]), 2
    )
    examples, kept, _ = mask_records(serialized, tokenizer, config, seeds[0])
    if repeat:
      return _replace_dropped(examples, kept, seeds[1])
    return _take(examples, tf.where(kept)[:, 0])

  dataset = dataset.map(
    make, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True
  )
  if not repeat:
    dataset = dataset.unbatch().ragged_batch(batch_size)
    return dataset.map(_with_static_ranks).skip(start_batch).prefetch(2)

  @tf.autograph.experimental.do_not_convert
  def split(examples: dict[str, Any]) -> tf.data.Dataset:
    @tf.autograph.experimental.do_not_convert
    def part(i: tf.Tensor) -> dict[str, Any]:
      begin = i * batch_size
      return {n: x[begin : begin + batch_size] for n, x in examples.items()}

    return tf.data.Dataset.range(in_pool).map(part)

  if in_pool > 1:
    dataset = dataset.flat_map(split).skip(start_batch % in_pool)
  return dataset.prefetch(4)


@tf.autograph.experimental.do_not_convert
def _with_static_ranks(batch: dict[str, Any]) -> dict[str, Any]:
  """Makes tensors of what need not be ragged."""
  return {
    name: x
    if name in ('query_ids', 'sentence_ids')
    or not isinstance(x, tf.RaggedTensor)
    else x.to_tensor()
    for name, x in batch.items()
  }


def count_examples(
  patterns: str | Sequence[str],
  tokenizer: BertTokenizer,
  config: MaskingConfig,
  *,
  seed: int = 0,
  limit: int = -1,
  progress: bool = True,
) -> dict[str, int]:
  """Goes once through span records and counts what becomes of them.

  Args:
    patterns: Span record files, comma-separated paths and globs.
    tokenizer: The tokenizer.
    config: What is masked.
    seed: Of the choice among sentences and spans.
    limit: How many records are looked at; -1 for all.
    progress: Whether progress is drawn.

  Returns:
    By the names of `COUNTS`. `spans_seen` are those of the sentences that were
    chosen; `spans_outside_sentences` those of all.
  """
  paths = _check(patterns)
  totals = dict.fromkeys(COUNTS, 0)

  @tf.function(
    input_signature=[
      tf.TensorSpec([None], tf.string),
      tf.TensorSpec([], tf.int64),
    ],
    autograph=False,
  )
  def count_batch(
    serialized: tf.Tensor, number: tf.Tensor
  ) -> dict[str, tf.Tensor]:
    seeds = tf.stack([tf.constant(seed, tf.int64), number])
    return mask_records(serialized, tokenizer, config, seeds)[2]

  dataset = records.stream(paths, seed=seed, repeat=False).take(limit)
  with progress_bar(desc='examples', unit='doc', disable=not progress) as bar:
    for number, serialized in dataset.batch(_POOL).enumerate():
      counts = count_batch(serialized, number)
      for name, value in counts.items():
        totals[name] += int(value)
      bar.update(int(counts['documents']))
  return totals


def describe_first_pool(
  patterns: str | Sequence[str],
  tokenizer: BertTokenizer,
  config: MaskingConfig,
) -> str:
  """Says in a line what becomes of the first records: cheap, for a log."""
  counts = count_examples(
    patterns, tokenizer, config, limit=_POOL, progress=False
  )
  replaced = counts['documents'] - counts['kept']
  line = (
    f'of the first {counts["documents"]:,} span records {replaced:,} give no'
    ' example, their places are taken by others'
  )
  if config.masking != masking.SALIENT_SPAN:
    return line
  return (
    f'{line} ({counts["dropped_no_span"]:,} have no span,'
    f' {counts["dropped_no_span_fits"]:,} none that can be used); of'
    f' {counts["spans_seen"]:,} spans {counts["spans_seen_too_long"]:,} are too'
    f' long (over {config.max_masks} wordpieces),'
    f' {counts["spans_seen_truncated"]:,} truncated (beyond'
    f' {config.query_seq_len}), {counts["spans_seen_without_wordpiece"]:,}'
    ' without a wordpiece'
  )


def describe_counts(counts: dict[str, int], config: MaskingConfig) -> list[str]:
  """Returns the counts of `count_examples` for people, as lines."""
  seen = counts['spans_seen']
  unusable = [
    (f'too long (over {config.max_masks} wordpieces)', 'spans_seen_too_long'),
    (f'truncated (beyond {config.query_seq_len})', 'spans_seen_truncated'),
    ('without a wordpiece', 'spans_seen_without_wordpiece'),
  ]
  lost = sum(counts[name] for _, name in unusable)
  rows = [
    ('documents, one sentence drawn of each', counts['documents']),
    ('  used: a span of it is masked', counts['kept']),
    ('  dropped: no span', counts['dropped_no_span']),
    ('  dropped: no span can be used', counts['dropped_no_span_fits']),
    ('spans in the sentences drawn', seen),
    ('  can be used', seen - lost),
    *((f'  {words}', counts[name]) for words, name in unusable),
    ('spans that lie in no sentence', counts['spans_outside_sentences']),
  ]
  return [f'  {words:<40}{number:>14,}' for words, number in rows]
