# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Examples, steps and embedding of pre-training: how fast, how much memory.

`sizes` of each are arguments of `PipelineConfig`.
"""

import dataclasses
import functools
import itertools
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from benchmarks import timing
from benchmarks.material import Material
from benchmarks.pipeline import Pipeline, PipelineConfig
from realm_tf.configs.embedding_config import EmbeddingConfig
from realm_tf.index import embed_corpus
from realm_tf.training.task import Batch

_SIDES = ('query', 'candidates', 'joint')


def _again(batches: Sequence[Batch]) -> Iterator[Batch]:
  for number, batch in enumerate(itertools.cycle(batches)):
    yield dataclasses.replace(batch, number=number)


def mean_length(inputs: Mapping[str, Any]) -> float:
  """Mean number of wordpieces of BERT inputs, null documents excepted."""
  lengths = np.sum(np.asarray(inputs['input_mask']), -1)
  if lengths.ndim == 2:
    lengths = lengths[:, 1:]
  return float(lengths.mean())


def steps(
  material: Material,
  *,
  batches: int = 8,
  warmup: int = 4,
  steps: int = 24,
  **sizes: Any,
) -> dict[str, Any]:
  """Trains for some steps on batches that are ready.

  Returns:
    `step_seconds` (median), `step_seconds_best` and `..._worst`; the
    `mean_wordpieces` of the batches by input, and the `longest`, to which they
    are padded.
  """
  config = PipelineConfig(**sizes)
  ends: list[float] = []
  with Pipeline(config, material) as pipeline:
    pipeline.use_random_index()
    generator = pipeline.batches()
    made = list(itertools.islice(generator, batches))
    generator.close()
    trainer, _ = pipeline.make_trainer(lambda: ends.append(time.perf_counter()))
    trainer.batches = _again(made)
    trainer.train(tf.constant(warmup))
    ends[:] = [time.perf_counter()]
    metrics = trainer.train(tf.constant(steps))
  seconds = np.diff(ends)
  return {
    'step_seconds': statistics.median(seconds),
    'step_seconds_best': float(seconds.min()),
    'step_seconds_worst': float(seconds.max()),
    'batch_size': config.batch_size,
    'num_candidates': config.num_candidates,
    'mean_wordpieces': {
      side: statistics.fmean(mean_length(b.features[side]) for b in made)
      for side in _SIDES
    },
    'longest': {
      side: max(int(b.features[side]['input_word_ids'].shape[-1]) for b in made)
      for side in _SIDES
    },
    'loss': metrics['loss'],
  }


def _consume(batches: Iterator, count: int) -> None:
  for _ in itertools.islice(batches, count):
    pass


def examples(
  material: Material,
  *,
  batch_sizes: Sequence[int] = (32, 4, 128),
  num_examples: int = 2048,
  repeats: int = 5,
  **sizes: Any,
) -> dict[str, Any]:
  """Makes examples as fast as it goes, in the thread that training uses.

  Returns:
    `examples_per_second` at the first batch size, `by_batch_size`, and
    `masking_examples_per_second` of masking alone, at the first size.
  """
  first = batch_sizes[0]

  def rate(batches: Iterator, batch_size: int) -> dict[str, float]:
    count = max(1, num_examples // batch_size)
    return timing.rate_of(
      functools.partial(_consume, batches, count),
      repeats,
      count * batch_size,
      'examples',
    )

  with Pipeline(PipelineConfig(**sizes), material) as pipeline:
    pipeline.use_random_index()
    by_size = {}
    for batch_size in batch_sizes:
      batches = pipeline.batches(batch_size)
      try:
        by_size[batch_size] = rate(batches, batch_size)
      finally:
        batches.close()
    masking = rate(iter(pipeline.masked_queries(first)), first)
    return {
      **by_size[first],
      'batch_size': first,
      'by_batch_size': {
        str(size): rates['examples_per_second']
        for size, rates in by_size.items()
      },
      'masking_examples_per_second': masking['examples_per_second'],
      'blocks': len(pipeline.documents),
    }


def embedding(
  material: Material, *, repeats: int = 3, **sizes: Any
) -> dict[str, float]:
  """Embeds the whole corpus, as the index builder does.

  Returns:
    `documents_per_second`, of whole documents of the material, and
    `blocks_per_second`, of the blocks that they were split into.
  """
  config = PipelineConfig(**sizes)
  with Pipeline(config, material) as pipeline:
    embed = embed_corpus.traced(pipeline.embedder.embed_documents)
    seconds = timing.time_repeats(
      lambda: embed_corpus.embed_documents(
        pipeline.documents,
        embed,
        special=pipeline.tokenizer.special,
        config=EmbeddingConfig(candidate_seq_len=config.candidate_seq_len),
        progress=False,
      ),
      repeats,
    )
    blocks = len(pipeline.documents)
    return {
      **timing.rate(material.num_documents, seconds, 'documents'),
      **timing.rate(blocks, seconds, 'blocks'),
      'documents': material.num_documents,
      'blocks': blocks,
      'mean_wordpieces_of_block': float(pipeline.documents.body_lengths.mean()),
    }
