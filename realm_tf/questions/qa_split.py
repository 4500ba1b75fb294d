# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The published split of training questions into train and dev.

ORQA and REALM test on the usual dev sets, and develop on a tenth of the
training questions: those that a hash of the question selects.
"""

import os
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from realm_tf.io import atomic
from realm_tf.questions.qa_datasets import QaExample

_BUCKETS = 100_000
_PARTS = 10


class Split(NamedTuple):
  """Both parts, each in the original order."""

  train: list[QaExample]
  dev: list[QaExample]


def buckets(questions: Sequence[str]) -> np.ndarray:
  """Hashes questions as the original does.

  Args:
    questions: Strings [batch].

  Returns:
    int64 [batch], from 0 to 99,999.
  """
  with tf.device('cpu'):
    strings = tf.constant(list(questions), tf.string)
    return tf.strings.to_hash_bucket_fast(strings, _BUCKETS).numpy()


def is_dev(questions: Sequence[str]) -> np.ndarray:
  """Returns whether each question belongs to dev, bool [batch]."""
  return buckets(questions) % _PARTS == 0


def resplit(examples: Sequence[QaExample]) -> Split:
  """Splits examples by their questions alone."""
  split = Split([], [])
  for example, dev in zip(examples, is_dev([e.question for e in examples])):
    (split.dev if dev else split.train).append(example)
  return split


def write_split(
  split: Split, output_dir: str | os.PathLike, name: str
) -> tuple[str, str]:
  """Writes `NAME.resplit.train.jsonl` and `NAME.resplit.dev.jsonl`.

  They are in NQ-open's form, and appear when both are complete.

  Returns:
    The paths of train and dev.
  """
  train, dev = (
    os.path.join(output_dir, f'{name}.resplit.{part}.jsonl')
    for part in split._fields
  )
  with (
    atomic.atomic_file(train, 'w') as train_file,
    atomic.atomic_file(dev, 'w') as dev_file,
  ):
    for file, part in ((train_file, split.train), (dev_file, split.dev)):
      file.writelines(f'{example.to_json()}\n' for example in part)
  return train, dev
