# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The small releases in testdata/original."""

import pathlib

import numpy as np
import tensorflow as tf

ROOT = pathlib.Path(__file__).resolve().parents[2] / 'testdata' / 'original'
RELEASE = ROOT / 'release'
HUGGING_FACE = ROOT / 'hugging_face'
VOCAB = RELEASE / 'vocab.txt'


def release_numbers() -> dict[str, np.ndarray]:
  """What the graph of TensorFlow 1 computed."""
  return dict(np.load(RELEASE / 'expected.npz'))


def hugging_face_numbers() -> dict[str, np.ndarray]:
  """What Hugging Face's library computed."""
  return dict(np.load(HUGGING_FACE / 'expected.npz'))


def release_inputs(numbers, name: str) -> dict[str, tf.Tensor]:
  """BERT inputs `query`, `document` or `joint` of the release."""
  return {
    'input_word_ids': tf.constant(numbers[f'{name}.input_ids'], tf.int32),
    'input_mask': tf.constant(numbers[f'{name}.input_mask'], tf.int32),
    'input_type_ids': tf.constant(numbers[f'{name}.segment_ids'], tf.int32),
  }


def hugging_face_inputs(numbers) -> dict[str, tf.Tensor]:
  """BERT inputs that all of Hugging Face's models got."""
  return {
    'input_word_ids': tf.constant(numbers['ids'], tf.int32),
    'input_mask': tf.constant(numbers['mask'], tf.int32),
    'input_type_ids': tf.constant(numbers['types'], tf.int32),
  }
