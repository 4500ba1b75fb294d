# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Labelled words to train a tagger with."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import tensorflow as tf

from realm_tf.configs.tagger_config import WindowConfig
from realm_tf.spans.conll import Sentence
from realm_tf.text import word_pieces
from realm_tf.text.tokenizer import BertTokenizer

# Class of wordpieces that do not begin a word, and of padding.
IGNORED = -1
# Batches among whose windows those of one length are put together.
_POOL = 16
# Sentences tokenized at a time.
_CHUNK = 1024


@dataclasses.dataclass(frozen=True)
class Classes:
  """The classes of words; class 0 is no entity.

  Attributes:
    labels: Labels of entities.
    with_begin: Whether a label has two classes, B- and then I-. They are of use
      where entities of one label stand side by side; otherwise one class is
      learned better.
  """

  labels: tuple[str, ...]
  with_begin: bool

  def __len__(self) -> int:
    return 1 + len(self.labels) * (2 if self.with_begin else 1)

  def of_entity(self, label: str) -> tuple[int, int]:
    """The classes of an entity's first word and of its others."""
    index = self.labels.index(label)
    if self.with_begin:
      return 2 * index + 1, 2 * index + 2
    return index + 1, index + 1


@dataclasses.dataclass(frozen=True)
class Examples:
  """Windows of sentences with the classes of their words, all in memory.

  Attributes:
    ids: int32 [pieces of all windows].
    cases: int32, same shape.
    classes: int32, same shape; `IGNORED` where no word begins.
    splits: int64 [windows + 1], where each window begins.
  """

  ids: np.ndarray
  cases: np.ndarray
  classes: np.ndarray
  splits: np.ndarray

  def __len__(self) -> int:
    return len(self.splits) - 1

  def batch(
    self,
    chosen: np.ndarray,
    tokenizer: BertTokenizer,
    mask_rate: float = 0.0,
    seed: Sequence[int] = (),
  ) -> dict[str, tf.Tensor]:
    """Packs the chosen windows, with some wordpieces masked."""
    starts, limits = self.splits[chosen], self.splits[chosen + 1]
    where = np.concatenate([np.arange(a, b) for a, b in zip(starts, limits)])

    def ragged(values: np.ndarray) -> tf.RaggedTensor:
      return tf.RaggedTensor.from_row_lengths(values, limits - starts)

    ids = self.ids[where]
    if mask_rate:
      drawn = np.random.default_rng(seed).random(len(ids))
      ids = np.where(drawn < mask_rate, np.int32(tokenizer.mask_id), ids)
    inputs = word_pieces.pack_windows(
      ragged(ids), ragged(self.cases[where]), tokenizer
    )
    ends = tf.fill([len(chosen), 1], IGNORED)
    classes = tf.concat([ends, ragged(self.classes[where]), ends], 1)
    return {**inputs, 'word_classes': classes.to_tensor(IGNORED)}


def _entity_classes(
  sentences: Sequence[Sentence],
  classes: Classes,
  word_starts: tf.RaggedTensor,
) -> np.ndarray:
  """Classes of words, int32 [words of all sentences]."""
  starts, limits, of_entity = [], [], []
  for row, sentence in enumerate(sentences):
    places = sentence.token_bytes() + (row << 32)
    for entity in sentence.entities:
      starts.append(places[entity.start, 0])
      limits.append(places[entity.limit - 1, 1])
      of_entity.append(classes.of_entity(entity.label))
  rows = word_starts.value_rowids().numpy().astype(np.int64)
  keys = (rows << 32) + word_starts.values.numpy()
  if not starts:
    return np.zeros(len(keys), np.int32)
  entity = np.searchsorted(np.array(starts), keys, side='right') - 1
  inside = (entity >= 0) & (keys < np.array(limits)[entity])
  goes_on = np.diff(entity, prepend=-2) == 0
  found = np.array(of_entity, np.int32)[entity, goes_on.astype(int)]
  return np.where(inside, found, 0).astype(np.int32)


def make_examples(
  sentences: Sequence[Sentence],
  classes: Classes,
  tokenizer: BertTokenizer,
  config: WindowConfig,
) -> Examples:
  """Tokenizes sentences, gives their words classes and cuts windows.

  Words are those of `text.split_words`, found in the tokens with a space
  between: the model is trained on what it will be given.

  Args:
    sentences: Sentences or whole documents.
    classes: Classes of their words.
    tokenizer: The tokenizer.
    config: How windows are cut.

  Raises:
    ValueError: No sentence has a wordpiece.
  """
  columns: list[list[np.ndarray]] = [[], [], [], []]
  for first in range(0, len(sentences), _CHUNK):
    part = sentences[first : first + _CHUNK]
    pieces = word_pieces.split_word_pieces(
      tf.constant([s.text for s in part]),
      tokenizer,
      with_cases=config.case_feature,
    )
    of_word = _entity_classes(part, classes, pieces.word_starts)
    words = pieces.words.values.numpy()
    of_piece = np.full(len(words), IGNORED, np.int32)
    of_piece[words >= 0] = of_word[words[words >= 0]]
    windows = word_pieces.make_windows(
      pieces.ids.row_lengths(),
      length=config.max_length - 2,
      overlap=config.overlap,
    ).pieces
    where = windows.values.numpy()
    ids, cases = pieces.ids.values.numpy(), pieces.cases.values.numpy()
    found = (ids[where], cases[where], of_piece[where])
    for column, values in zip(columns, (*found, windows.row_lengths().numpy())):
      column.append(values)
  ids, cases, of_pieces, lengths = (np.concatenate(c) for c in columns)
  if not len(lengths):
    raise ValueError('the sentences have no wordpiece')
  splits = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
  return Examples(ids, cases, of_pieces, splits)


def _epoch_order(
  lengths: np.ndarray, batch_size: int, seed: Sequence[int]
) -> np.ndarray:
  """A random order of batches of windows of similar length.

  Returns:
    int [batches, batch_size].
  """
  rng = np.random.default_rng(seed)
  order = rng.permutation(len(lengths))
  order = order[: len(order) // batch_size * batch_size]
  pool = _POOL * batch_size
  for first in range(0, len(order), pool):
    part = order[first : first + pool]
    order[first : first + pool] = part[np.argsort(lengths[part])]
  return rng.permutation(order.reshape(-1, batch_size))


def training_batches(
  examples: Examples,
  tokenizer: BertTokenizer,
  *,
  batch_size: int,
  seed: int,
  start_batch: int = 0,
  mask_rate: float = 0.0,
) -> Iterator[Mapping[str, tf.Tensor]]:
  """Endless batches of windows of similar length, each epoch in another order.

  Args:
    examples: All windows.
    tokenizer: Tokenizer of their ids.
    batch_size: Windows per batch; where there are fewer, all of them.
    seed: Seed of the order and of the masks.
    start_batch: Number of the first batch, which is the same as that of a run
      from batch 0.
    mask_rate: Share of the wordpieces that are replaced by [MASK], so that the
      model learns from the words around them.

  Yields:
    `input_word_ids`, `input_mask`, `input_type_ids` and `word_classes`, int32
    [batch, longest].
  """
  size = min(batch_size, len(examples))
  per_epoch = len(examples) // size
  number = start_batch
  while True:
    epoch, first = divmod(number, per_epoch)
    order = _epoch_order(np.diff(examples.splits), size, [seed, epoch])
    for chosen in order[first:]:
      yield examples.batch(chosen, tokenizer, mask_rate, [seed, number])
      number += 1


def heldout_batches(
  examples: Examples, tokenizer: BertTokenizer, *, batch_size: int
) -> Iterator[Mapping[str, tf.Tensor]]:
  """Each window once, those of one length together."""
  order = np.argsort(np.diff(examples.splits), kind='stable')
  for first in range(0, len(order), batch_size):
    yield examples.batch(order[first : first + batch_size], tokenizer)
