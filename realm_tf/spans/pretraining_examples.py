# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Masked sentences to pre-train with, from span records."""

import contextlib
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import tensorflow as tf

from realm_tf.configs.masking_config import MaskingConfig
from realm_tf.corpus import document_uids
from realm_tf.io import files, records
from realm_tf.io.progress import progress as progress_bar
from realm_tf.spans import masking, span_records
from realm_tf.text.tokenizer import BertTokenizer

# Records masked together: fewer waste time in the ops' overhead, and a record
# without a usable span needs others to take its place.
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

# Documents that give an example, bool [batch]; their sentences, string [batch];
# what `masking.mask_tokens` returns; and counts.
_Masked = tuple[tf.Tensor, tf.Tensor, dict[str, Any], dict[str, tf.Tensor]]


def _gather_sentences(
  documents: span_records.Documents, chosen: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
  """Sentences by number (-1: an empty one), and their first bytes."""
  starts, limits = (
    tf.gather(tf.concat([[0], x], 0), chosen + 1)
    for x in (documents.sentences.starts, documents.sentences.limits)
  )
  # A position after the end is an error, and texts may be cut.
  sizes = tf.cast(tf.strings.length(documents.texts), tf.int64)
  lengths = tf.maximum(limits - starts, 0)
  first = tf.minimum(starts, sizes)
  return tf.strings.substr(documents.texts, first, lengths), starts


def _mask_salient(
  documents: span_records.Documents,
  tokenizer: BertTokenizer,
  config: MaskingConfig,
  seed: tf.Tensor,
) -> _Masked:
  """Masks one salient span of each document.

  As in the original each span of a document is equally likely. Where it cannot
  be masked whole, another one of the same sentence is.
  """
  batch = tf.size(documents.texts, tf.int64)
  seeds = tf.random.experimental.stateless_split(seed, 2)
  spans = documents.spans
  span = span_records.draw_one(spans.rows, batch, seeds[0])
  chosen = tf.gather(tf.concat([[-1], spans.sentences], 0), span + 1)
  sentences, offsets = _gather_sentences(documents, chosen)
  tokens = tokenizer.tokenize_with_offsets(sentences)

  spans = spans.filtered(spans.sentences == tf.gather(chosen, spans.rows))
  shift = tf.gather(offsets, spans.rows)
  ranges = masking.find_tokens(
    tokens, spans.rows, spans.starts - shift, spans.limits - shift, config
  )
  rows, first, limit = (
    tf.boolean_mask(x, ranges.fit)
    for x in (spans.rows, ranges.first, ranges.limit)
  )
  pick = span_records.draw_one(rows, batch, seeds[1])
  kept = pick >= 0
  picked = tf.boolean_mask(pick, kept)
  ids = tokens.ids[:, : config.max_query_tokens]
  inside = masking.cover(
    ids,
    tf.where(kept)[:, 0],
    tf.gather(first, picked),
    tf.gather(limit, picked),
  )
  count = tf.math.count_nonzero
  counts = {
    'dropped_no_span': count(chosen < 0),
    'dropped_no_span_fits': count((chosen >= 0) & ~kept),
    'spans_seen': tf.size(spans.rows, tf.int64),
    'spans_seen_too_long': count(ranges.too_long),
    'spans_seen_truncated': count(ranges.truncated & ~ranges.too_long),
    'spans_seen_without_wordpiece': count(ranges.empty),
  }
  masked = masking.mask_tokens(ids, inside, tokenizer.mask_id, config)
  return kept, sentences, masked, counts


def _mask_random(
  documents: span_records.Documents,
  tokenizer: BertTokenizer,
  config: MaskingConfig,
  seed: tf.Tensor,
) -> _Masked:
  """Masks random wordpieces of one sentence of each document."""
  batch = tf.size(documents.texts, tf.int64)
  seeds = tf.random.experimental.stateless_split(seed, 2)
  chosen = span_records.draw_one(documents.sentences.rows, batch, seeds[0])
  sentences, _ = _gather_sentences(documents, chosen)
  ids = tokenizer.tokenize(sentences)[:, : config.max_query_tokens]
  choose = (
    masking.choose_random_tokens
    if config.masking == 'random_tokens'
    else masking.choose_random_spans
  )
  masked = masking.mask_tokens(
    ids, choose(ids, seeds[1], config), tokenizer.mask_id, config
  )
  kept = ids.row_lengths() > 0
  counts = {'dropped_no_sentence': tf.math.count_nonzero(~kept)}
  return kept, sentences, masked, counts


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
    The examples, as `masked_queries` describes them; bool [batch], which of
    them are usable (nothing is masked in the others); and counts by the names
    of `COUNTS`.
  """
  documents = span_records.parse(serialized)
  mask = _mask_salient if config.masking == 'salient_span' else _mask_random
  kept, sentences, masked, counts = mask(documents, tokenizer, config, seed)
  examples = {
    **masked,
    'doc_uid': document_uids.document_uid(documents.titles, documents.texts),
    'sentence': sentences,
    'title': documents.titles,
  }
  counts = {
    **dict.fromkeys(COUNTS, tf.constant(0, tf.int64)),
    **counts,
    'documents': tf.size(kept, tf.int64),
    'kept': tf.math.count_nonzero(kept),
    'spans_outside_sentences': documents.outside,
  }
  return examples, kept, counts


def _expand(patterns: str | Sequence[str]) -> list[str]:
  paths = files.expand(patterns)
  records.check_features(paths[0], span_records.FEATURES)
  return paths


def _damage_found(
  paths: Sequence[str],
) -> contextlib.AbstractContextManager[None]:
  return records.damage_found(paths, span_records.parse)


def iterate(
  batches: tf.data.Dataset, patterns: str | Sequence[str]
) -> Iterator[dict[str, Any]]:
  """Yields the batches of `masked_queries`.

  Args:
    batches: Batches, or some of them.
    patterns: Span record files that they are of.

  Raises:
    ValueError: A file is damaged; the message names file and record.
  """
  with _damage_found(files.expand(patterns)):
    yield from batches


def _replacements(kept: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
  """Rows with a random kept one in the place of each that is dropped."""
  good = tf.where(kept)[:, 0]
  check = tf.debugging.assert_positive(
    tf.size(good),
    'of hundreds of span records in a row none has a span that can be masked;'
    ' describe counts why if it is given a `vocab_file`',
  )
  with tf.control_dependencies([check] if check is not None else []):
    drawn = tf.random.stateless_uniform(
      tf.shape(kept), seed, 0, tf.size(good, tf.int64), tf.int64
    )
  return tf.where(
    kept, tf.range(tf.size(kept, tf.int64)), tf.gather(good, drawn)
  )


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
  records before it, a record that gives no example is replaced by an example
  of a neighbor. Without `repeat` such a record is left out, and the last batch
  may be smaller.

  Args:
    patterns: Span record files, comma-separated paths and globs.
    tokenizer: The tokenizer.
    config: What is masked.
    batch_size: Examples per batch.
    seed: Seed of the order and of the masks.
    start_batch: Number of the first batch.
    repeat: Whether to repeat the documents forever.
    shuffle_buffer: Size of the shuffle buffer in documents; 0 keeps the order
      of the files.
    num_shards: Number of readers that share the documents: by file where there
      are enough files, else one by one.
    shard: Number of this reader.

  Returns:
    A dataset of dicts:
      query_ids: ragged int32 [batch, (tokens)], masked, without [CLS] and
        [SEP], at most `query_seq_len` - 2 of them.
      sentence_ids: Wordpieces of the sentences, unmasked.
      mlm_positions: int32 [batch, max_masks], in the packed query, where [CLS]
        is at 0.
      mlm_targets: int32 [batch, max_masks].
      mlm_mask: float32 [batch, max_masks].
      doc_uid: int64 [batch], uid of the title and text of the document.
      sentence: string [batch].
      title: string [batch].

  Raises:
    FileNotFoundError: A pattern matches no file.
    ValueError: A file holds other records, or `batch_size` is below 1.
  """
  if batch_size < 1:
    raise ValueError(f'batch_size must be at least 1. Received: {batch_size}')
  paths = _expand(patterns)
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
    rows = _replacements(kept, seeds[1]) if repeat else tf.where(kept)[:, 0]
    return {name: tf.gather(x, rows) for name, x in examples.items()}

  dataset = dataset.map(
    make, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True
  )
  if not repeat:
    dataset = dataset.unbatch().ragged_batch(batch_size)
    return dataset.skip(start_batch).prefetch(2)

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
    seed: Seed of the choice among sentences and spans.
    limit: Number of records to look at; -1 for all.
    progress: Whether to show a progress bar.

  Returns:
    Counts by the names of `COUNTS`: one sentence is drawn of each document,
    and the spans seen are those of the sentences drawn.
  """
  paths = _expand(patterns)
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
  with (
    _damage_found(paths),
    progress_bar(desc='examples', unit='doc', disable=not progress) as bar,
  ):
    for number, serialized in dataset.batch(_POOL).enumerate():
      counts = count_batch(serialized, number)
      for name, value in counts.items():
        totals[name] += int(value)
      bar.update(int(counts['documents']))
  return totals


def _unusable(
  counts: Mapping[str, int], config: MaskingConfig
) -> list[tuple[str, int]]:
  """Why spans cannot be masked, and how many."""
  return [
    (
      f'too long (over {config.max_masks} wordpieces)',
      counts['spans_seen_too_long'],
    ),
    (
      f'truncated (beyond {config.query_seq_len})',
      counts['spans_seen_truncated'],
    ),
    ('without a wordpiece', counts['spans_seen_without_wordpiece']),
  ]


def describe_first_pool(
  patterns: str | Sequence[str],
  tokenizer: BertTokenizer,
  config: MaskingConfig,
) -> str:
  """Describes in a line what becomes of the first records: cheap, for a log."""
  counts = count_examples(
    patterns, tokenizer, config, limit=_POOL, progress=False
  )
  line = (
    f'of the first {counts["documents"]:,} span records'
    f' {counts["documents"] - counts["kept"]:,} give no example, their places'
    ' are taken by others'
  )
  if config.masking != 'salient_span':
    return line
  unusable = ', '.join(
    f'{number:,} {"are " * (not i)}{words}'
    for i, (words, number) in enumerate(_unusable(counts, config))
  )
  return (
    f'{line} ({counts["dropped_no_span"]:,} have no span,'
    f' {counts["dropped_no_span_fits"]:,} none that can be used); of'
    f' {counts["spans_seen"]:,} spans {unusable}'
  )


def describe_counts(
  counts: Mapping[str, int], config: MaskingConfig
) -> list[str]:
  """Returns the counts of `count_examples` for people, as lines."""
  unusable = _unusable(counts, config)
  seen = counts['spans_seen']
  rows = [
    ('documents, one sentence drawn of each', counts['documents']),
    ('  used: a span of it is masked', counts['kept']),
    ('  dropped: no span', counts['dropped_no_span']),
    ('  dropped: no span can be used', counts['dropped_no_span_fits']),
    ('spans in the sentences drawn', seen),
    ('  can be used', seen - sum(number for _, number in unusable)),
    *((f'  {words}', number) for words, number in unusable),
    ('spans that lie in no sentence', counts['spans_outside_sentences']),
  ]
  return [f'  {words:<40}{number:>14,}' for words, number in rows]
