# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Document uids: digests of their text, as the original computes them."""

import hashlib
from collections.abc import Iterable

import numpy as np
import tensorflow as tf

_SEPARATOR = b' <sep> '
# Of the 20 bytes of a SHA-1 digest the last eight are kept.
_KEPT = slice(12, 20)


def uids_of(titles: Iterable[bytes], bodies: Iterable[bytes]) -> np.ndarray:
  """Returns int64 `[batch]`: the low 64 bits of the original's 160-bit uids.

  The original's uid is the SHA-1 of `title <sep> body` as an integer. 64 bits
  keep 13 million documents apart in all but one of 200,000 corpora.

  Args:
    titles: UTF-8 titles.
    bodies: UTF-8 bodies, one per title.
  """
  digests = b''.join(
    hashlib.sha1(title + _SEPARATOR + body).digest()[_KEPT]
    for title, body in zip(titles, bodies)
  )
  return np.frombuffer(digests, '>i8').astype(np.int64)


def _uids_of_arrays(titles: np.ndarray, bodies: np.ndarray) -> np.ndarray:
  return uids_of(titles.tolist(), bodies.tolist())


def document_uid(titles: tf.Tensor, bodies: tf.Tensor) -> tf.Tensor:
  """Computes uids of a batch of documents, in a graph too.

  Args:
    titles: UTF-8 strings `[batch]`.
    bodies: UTF-8 strings `[batch]`.

  Returns:
    int64 `[batch]`, see `uids_of`.
  """
  inputs = [tf.convert_to_tensor(titles), tf.convert_to_tensor(bodies)]
  uids = tf.numpy_function(_uids_of_arrays, inputs, tf.int64, stateful=False)
  return tf.ensure_shape(uids, [None])


class SeenUids:
  """The uids so far, in 8 bytes each: sorted arrays of which sizes double."""

  def __init__(self, uids: np.ndarray):
    """Takes those of before."""
    self._sorted = [np.sort(uids)]

  def add(self, uids: np.ndarray) -> np.ndarray:
    """Adds uids; returns the places of the new ones, the first of each.

    Args:
      uids: int64 `[batch]`.
    """
    _, first = np.unique(uids, return_index=True)
    first.sort()
    found = uids[first]
    is_new = np.ones(len(found), bool)
    for known in self._sorted:
      places = np.searchsorted(known, found)
      places[places == len(known)] = 0
      if len(known):
        is_new &= known[places] != found
    added = np.sort(found[is_new])
    while self._sorted and len(self._sorted[-1]) <= 2 * len(added):
      added = np.sort(np.concatenate([self._sorted.pop(), added]))
    self._sorted.append(added)
    return first[is_new]
