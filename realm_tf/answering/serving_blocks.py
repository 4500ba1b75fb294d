# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Blocks as variables of a SavedModel, and packing them in its graph.

Made of dense tensors from the beginning: the same by ragged ones, as in
`text.packing`, takes hundreds of small operations, which for one question take
longer than its embedding.
"""

import numpy as np
import tensorflow as tf

from realm_tf.corpus.documents import Documents
from realm_tf.text.packing import SpecialIds

_CHUNK = 1 << 16


def _constant(value: tf.Tensor, name: str) -> tf.Variable:
  """A variable that nobody trains: constants would blow up the graph."""
  return tf.Variable(value, trainable=False, name=name)


def pack_question(
  ids: tf.RaggedTensor, *, special: SpecialIds, max_length: int
) -> dict[str, tf.Tensor]:
  """Packs `[CLS] question [SEP]`, as `packing.pack_query` does.

  Args:
    ids: int32 [batch, (tokens)]; tokens beyond `max_length` are cut.
    special: Ids of [CLS] and so on.
    max_length: Wordpieces of a packed row at most.

  Returns:
    `input_word_ids`, `input_mask`, `input_type_ids`, int32 [batch, length].
  """
  room = max_length - 2
  lengths = tf.minimum(tf.cast(ids.row_lengths(), tf.int32), room)
  longest = tf.maximum(tf.reduce_max(lengths), 0)
  dense = ids.to_tensor(special.pad, shape=[None, room])[:, :longest]
  dense = tf.pad(dense, [[0, 0], [1, 1]], constant_values=special.pad)
  places = tf.range(longest + 2)[tf.newaxis]
  last = lengths[:, tf.newaxis] + 1
  dense = tf.where(places == last, special.sep, dense)
  dense = tf.where(places == 0, special.cls, dense)
  mask = tf.cast(places <= last, tf.int32)
  return {
    'input_word_ids': dense,
    'input_mask': mask,
    'input_type_ids': tf.zeros_like(mask),
  }


class Blocks(tf.Module):
  """Wordpieces and texts of the blocks of a corpus.

  Attributes:
    ids: Wordpieces of all bodies, one after the other, uint16 where the
      vocabulary fits, and a 0 behind them, so that there is one.
    splits: int64 [blocks + 1], where those of each body end.
    titles: UTF-8 [blocks].
    bodies: UTF-8 [blocks].
  """

  def __init__(self, documents: Documents):
    """Reads a whole corpus into memory."""
    super().__init__(name='blocks')
    values, splits = documents.body_ids
    self.ids = _constant(
      tf.constant(np.append(values, np.zeros(1, values.dtype))), 'ids'
    )
    self.splits = _constant(tf.constant(splits), 'splits')
    texts: dict[str, list[bytes]] = {'titles': [], 'bodies': []}
    for start in range(0, len(documents), _CHUNK):
      rows = range(start, min(start + _CHUNK, len(documents)))
      for name, strings in texts.items():
        strings += [s.encode() for s in getattr(documents, name)(rows)]
    self.titles = _constant(tf.constant(texts['titles']), 'titles')
    self.bodies = _constant(tf.constant(texts['bodies']), 'bodies')

  def texts(self, rows: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Titles and bodies of int32 rows, both of their shape."""
    return tf.gather(self.titles, rows), tf.gather(self.bodies, rows)

  def pack(
    self,
    question: dict[str, tf.Tensor],
    rows: tf.Tensor,
    *,
    special: SpecialIds,
    max_length: int,
  ) -> dict[str, tf.Tensor]:
    """Packs questions with blocks, as `packing.pack_reader` does.

    Args:
      question: Of `pack_question`, int32 [batch, question_length]; shorter than
        `max_length` by two at least.
      rows: int32 [batch, blocks].
      special: Ids of [CLS] and so on.
      max_length: Wordpieces of a packed row at most.

    Returns:
      `input_word_ids`, `input_mask`, `input_type_ids` and `block_mask`, int32
      [batch, blocks, length].
    """
    starts = tf.gather(self.splits, rows)
    sizes = tf.cast(tf.gather(self.splits, rows + 1) - starts, tf.int32)
    # Wordpieces of `[CLS] question [SEP]`; behind them the block begins.
    first = tf.reduce_sum(question['input_mask'], 1)[:, tf.newaxis]
    sizes = tf.minimum(sizes, max_length - 1 - first)
    length = tf.maximum(tf.reduce_max(sizes + first) + 1, 1)
    # [batch, blocks, length]: the place in the block.
    places = tf.range(length) - first[:, :, tf.newaxis]
    sizes = sizes[:, :, tf.newaxis]
    inside = (places >= 0) & (places < sizes)
    sources = tf.where(
      inside, starts[:, :, tf.newaxis] + tf.cast(places, tf.int64), 0
    )
    of_blocks = tf.cast(tf.gather(self.ids, sources), tf.int32)
    of_questions = question['input_word_ids'][:, :length]
    of_questions = tf.pad(
      of_questions,
      [[0, 0], [0, length - tf.shape(of_questions)[1]]],
      constant_values=special.pad,
    )
    ids = tf.where(inside, of_blocks, of_questions[:, tf.newaxis])
    ids = tf.where(places == sizes, special.sep, ids)
    mask = tf.cast(places <= sizes, tf.int32)
    return {
      'input_word_ids': ids,
      'input_mask': mask,
      'input_type_ids': tf.where(places >= 0, mask, 0),
      'block_mask': tf.cast(inside, tf.int32),
    }
