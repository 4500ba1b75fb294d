# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Rates of what is done before the training."""

import functools
import os
import shutil
import time

import tensorflow as tf

from benchmarks import timing
from benchmarks.material import Material, cut_documents


def peak(*, size: int = 4096, repeats: int = 7) -> dict[str, float]:
  """Multiplies matrices: what the cores can do at most.

  Returns:
    `gigaflops_per_second` in float32 and, with a prefix, in bfloat16.
  """
  work = 2 * size**3 / 1e9
  figures = {}
  multiply = tf.function(lambda m: tf.reduce_sum(m @ m))
  for dtype, prefix in ((tf.float32, ''), (tf.bfloat16, 'bfloat16_')):
    matrix = tf.cast(tf.random.normal([size, size], seed=0), dtype)
    rates = timing.rate_of(
      functools.partial(multiply, matrix), repeats, work, 'gigaflops'
    )
    figures.update({prefix + name: value for name, value in rates.items()})
  return figures


def tokenizing(
  material: Material,
  *,
  num_documents: int = 8192,
  batch_size: int = 512,
  repeats: int = 5,
) -> dict[str, float]:
  """Tokenizes with and without offsets; to be run on one core.

  Returns:
    `megabytes_per_second` of UTF-8 (1 MB = 1,000,000 bytes), and the same with
    offsets.
  """
  tokenizer = material.tokenizer()
  source = cut_documents(material.knowledge, num_documents, material.num_words)
  texts = [document.text for document in source]
  megabytes = sum(len(text.encode()) for text in texts) / 1e6
  batches = [
    tf.constant(texts[i : i + batch_size])
    for i in range(0, len(texts), batch_size)
  ]

  def tokenize() -> int:
    return sum(int(tf.size(tokenizer.tokenize(b).values)) for b in batches)

  def tokenize_with_offsets() -> None:
    for batch in batches:
      tokenizer.tokenize_with_offsets(batch)

  figures = timing.rate_of(tokenize, repeats, megabytes, 'megabytes')
  offsets = timing.rate_of(
    tokenize_with_offsets, repeats, megabytes, 'megabytes'
  )
  return {
    **figures,
    **{f'with_offsets_{name}': value for name, value in offsets.items()},
    'megabytes': megabytes,
    'wordpieces': tokenize(),
  }


def corpus(
  material: Material,
  work_dir: str,
  *,
  num_processes: int = 0,
  repeats: int = 3,
) -> dict[str, float]:
  """Builds corpora from JSONL.

  The start of the builder's own processes is counted, that of this one is not.

  Returns:
    `documents_per_second`, and the size of input and corpus.
  """
  seconds = []
  source = material.documents_file()
  blocks = 0
  for repeat in range(repeats):
    output_dir = os.path.join(work_dir, f'corpus-{repeat}')
    shutil.rmtree(output_dir, ignore_errors=True)
    start = time.perf_counter()
    made = material.build_corpus(output_dir, num_processes=num_processes)
    blocks = len(made)
    seconds.append(time.perf_counter() - start)
    shutil.rmtree(output_dir)
  count = material.num_documents
  return {
    **timing.rate(count, seconds, 'documents'),
    'documents': count,
    'blocks': blocks,
    'megabytes': os.path.getsize(source) / 1e6,
  }
