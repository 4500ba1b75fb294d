# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""How fast text becomes wordpieces; to be run on one core."""

import dataclasses

import tensorflow as tf

from benchmarks import timing
from benchmarks.material import Material, cut_documents


@dataclasses.dataclass(frozen=True)
class Settings:
  """How much is measured.

  Attributes:
    num_documents: Corpus tokenized in each repeat.
    batch_size: Of these given to the tokenizer at a time.
    repeats: Times each is measured.
  """

  num_documents: int = 8192
  batch_size: int = 512
  repeats: int = 5


def measure(settings: Settings, material: Material) -> dict[str, float]:
  """Measures `tokenize`, and `tokenize_with_offsets` beside it.

  Returns:
    `megabytes_per_second` of UTF-8 (1 MB = 1,000,000 bytes), and the same
    with offsets.
  """
  tokenizer = material.tokenizer()
  texts = [
    document.text
    for document in cut_documents(
      material.knowledge, settings.num_documents, material.num_words
    )
  ]
  megabytes = sum(len(text.encode()) for text in texts) / 1e6
  batches = [
    tf.constant(texts[i : i + settings.batch_size])
    for i in range(0, len(texts), settings.batch_size)
  ]

  def tokenize() -> int:
    return sum(int(tf.size(tokenizer.tokenize(b).values)) for b in batches)

  def tokenize_with_offsets() -> None:
    for batch in batches:
      tokenizer.tokenize_with_offsets(batch)

  figures = timing.rate(
    megabytes, timing.time_repeats(tokenize, settings.repeats), 'megabytes'
  )
  offsets = timing.rate(
    megabytes,
    timing.time_repeats(tokenize_with_offsets, settings.repeats),
    'megabytes',
  )
  return {
    **figures,
    **{f'with_offsets_{name}': value for name, value in offsets.items()},
    'megabytes': megabytes,
    'wordpieces': tokenize(),
  }
