# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Blocks as variables of a SavedModel."""

import numpy as np
import tensorflow as tf

from realm_tf.corpus.corpus import Corpus
from realm_tf.text import packing
from realm_tf.text.packing import SpecialIds

_CHUNK = 1 << 16


def _constant(value: tf.Tensor, name: str) -> tf.Variable:
  """A variable that nobody trains: constants would blow up the graph."""
  return tf.Variable(value, trainable=False, name=name)


class Blocks(tf.Module):
  """Wordpieces and texts of the blocks of a corpus.

  Attributes:
    ids: Wordpieces of all bodies, one after the other, uint16 where the
      vocabulary fits, and a 0 behind them, so that there is one.
    splits: int64 [blocks + 1], where those of each body end.
    titles: UTF-8 [blocks].
    bodies: UTF-8 [blocks].
  """

  def __init__(self, documents: Corpus):
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
      question: Questions as `packing.pack_query` packs them, int32
        [batch, question_length]; shorter than `max_length` by at least two.
      rows: int32 [batch, blocks].
      special: Ids of [CLS] and so on.
      max_length: Wordpieces of a packed row at most.

    Returns:
      `input_word_ids`, `input_mask`, `input_type_ids` and `block_mask`, int32
      [batch, blocks, length].
    """
    questions, length = tf.unstack(tf.shape(question['input_word_ids']))
    blocks = tf.shape(rows)[1]
    of_question = packing.Slices(
      tf.pad(tf.reshape(question['input_word_ids'], [-1]), [[0, 1]]),
      tf.cast(tf.range(questions) * length + 1, tf.int64),
      tf.reduce_sum(question['input_mask'], 1) - 2,
    )
    flat = tf.reshape(rows, [-1])
    starts = tf.gather(self.splits, flat)
    sizes = tf.cast(tf.gather(self.splits, flat + 1) - starts, tf.int32)
    packed = packing.pack_reader(
      of_question._replace(
        starts=tf.repeat(of_question.starts, blocks),
        sizes=tf.repeat(of_question.sizes, blocks),
      ),
      packing.Slices(tf.convert_to_tensor(self.ids), starts, sizes),
      special=special,
      max_length=max_length,
    )
    del packed['block_positions']
    return {
      name: tf.reshape(x, [questions, blocks, tf.shape(x)[1]])
      for name, x in packed.items()
    }
