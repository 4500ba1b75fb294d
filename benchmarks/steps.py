# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""How long a step of pre-training takes, and how much memory."""

import dataclasses
import itertools
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from benchmarks.material import Material
from benchmarks.pipeline import Pipeline, PipelineConfig
from realm_tf.training.run_config import Batch


@dataclasses.dataclass(frozen=True)
class Settings:
  """What is measured.

  Attributes:
    pipeline: Arguments of `PipelineConfig`.
    batches: Different batches, made before; they come again in turn.
    warmup: Steps that are not counted.
    steps: Steps that are.
  """

  pipeline: Mapping[str, Any] = dataclasses.field(default_factory=dict)
  batches: int = 8
  warmup: int = 4
  steps: int = 24


def _again(batches: Sequence[Batch]) -> Iterator[Batch]:
  for number, batch in enumerate(itertools.cycle(batches)):
    yield dataclasses.replace(batch, number=number)


def mean_length(inputs: Mapping[str, Any]) -> float:
  """Mean number of wordpieces of BERT inputs, the null documents aside."""
  lengths = np.sum(np.asarray(inputs['input_mask']), -1)
  if lengths.ndim == 2:
    lengths = lengths[:, 1:]
  return float(lengths.mean())


def measure(settings: Settings, material: Material) -> dict[str, Any]:
  """Trains for some steps on batches that lie ready.

  Returns:
    `step_seconds` (median), `step_seconds_best` and `..._worst`; of the
    batches `mean_wordpieces` by input, and to how many the `longest` is
    padded.
  """
  config = PipelineConfig(**settings.pipeline)
  pipeline = Pipeline(config, material)
  pipeline.use_random_index()
  generator = pipeline.batches()
  batches = list(itertools.islice(generator, settings.batches))
  generator.close()
  ends: list[float] = []
  trainer, _ = pipeline.make_trainer(lambda: ends.append(time.perf_counter()))
  trainer.batches = _again(batches)
  trainer.train(tf.constant(settings.warmup))
  ends[:] = [time.perf_counter()]
  metrics = trainer.train(tf.constant(settings.steps))
  seconds = np.diff(ends)
  pipeline.close()
  sides = ('query', 'candidates', 'joint')
  return {
    'step_seconds': statistics.median(seconds),
    'step_seconds_best': float(seconds.min()),
    'step_seconds_worst': float(seconds.max()),
    'batch_size': config.batch_size,
    'num_candidates': config.num_candidates,
    'mean_wordpieces': {
      side: statistics.fmean(mean_length(b.features[side]) for b in batches)
      for side in sides
    },
    'longest': {
      side: max(
        int(b.features[side]['input_word_ids'].shape[-1]) for b in batches
      )
      for side in sides
    },
    'loss': metrics['loss'],
  }
