# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""How fast examples are made: from masking to packing."""

import dataclasses
import functools
import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from benchmarks import timing
from benchmarks.material import Material
from benchmarks.pipeline import Pipeline, PipelineConfig


@dataclasses.dataclass(frozen=True)
class Settings:
  """What is measured.

  Attributes:
    pipeline: Arguments of `PipelineConfig`.
    batch_sizes: Sizes measured, the one that counts first.
    num_examples: Examples of a repeat.
    repeats: Times each is measured.
  """

  pipeline: Mapping[str, Any] = dataclasses.field(default_factory=dict)
  batch_sizes: Sequence[int] = (32, 4, 128)
  num_examples: int = 2048
  repeats: int = 5


def _consume(batches: Iterator, count: int) -> None:
  for _ in itertools.islice(batches, count):
    pass


def measure(settings: Settings, material: Material) -> dict[str, Any]:
  """Makes examples as fast as it goes, in the thread that training uses.

  Returns:
    `examples_per_second` at the first batch size, `by_batch_size`, and
    `masking_examples_per_second` of masking alone, at the first size.
  """
  pipeline = Pipeline(PipelineConfig(**settings.pipeline), material)
  pipeline.use_random_index()
  by_size = {}
  for batch_size in settings.batch_sizes:
    count = max(1, settings.num_examples // batch_size)
    batches = pipeline.batches(batch_size)
    try:
      seconds = timing.time_repeats(
        functools.partial(_consume, batches, count),
        settings.repeats,
      )
    finally:
      batches.close()
    by_size[batch_size] = timing.rate(count * batch_size, seconds, 'examples')
  first = settings.batch_sizes[0]
  count = max(1, settings.num_examples // first)
  masked = iter(pipeline.masked_queries(first))
  seconds = timing.time_repeats(
    lambda: _consume(masked, count), settings.repeats
  )
  masking = timing.rate(count * first, seconds, 'examples')
  documents = len(pipeline.documents)
  pipeline.close()
  return {
    **by_size[first],
    'batch_size': first,
    'by_batch_size': {
      str(size): rates['examples_per_second'] for size, rates in by_size.items()
    },
    'masking_examples_per_second': masking['examples_per_second'],
    'blocks': documents,
  }
