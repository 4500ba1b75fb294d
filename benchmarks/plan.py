# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Which measurements there are, at which sizes, and what is expected of them.

Starts no TensorFlow.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.child_process import Measurement


@dataclasses.dataclass(frozen=True)
class Target:
  """What a figure should be.

  Attributes:
    measurement: Name of the measurement.
    figure: Key of the figure in its answer.
    at_least: The lowest that will do; None if there is none.
    at_most: The highest.
  """

  measurement: str
  figure: str
  at_least: float | None = None
  at_most: float | None = None

  def compare(self, value: float) -> dict[str, Any]:
    """The figure beside the target, for people and programs to read."""
    met = (self.at_least is None or value >= self.at_least) and (
      self.at_most is None or value <= self.at_most
    )
    bounds = {'at_least': self.at_least, 'at_most': self.at_most}
    return {
      'measurement': self.measurement,
      'figure': self.figure,
      'value': value,
      **{name: bound for name, bound in bounds.items() if bound is not None},
      'met': met,
    }


# For two cores. A trainer that shares them with one other may take twice as
# long.
TARGETS = (
  Target('tokenizing', 'megabytes_per_second', at_least=10),
  Target('corpus', 'documents_per_second', at_least=4000),
  Target('examples', 'examples_per_second', at_least=1000),
  Target('steps_tiny', 'step_seconds', at_most=0.6),
  # 1.8 GB; the figure is in MiB.
  Target('steps_tiny', 'peak_memory_mb', at_most=1.8e9 / (1 << 20)),
  Target('steps_mini', 'step_seconds', at_most=3),
  Target('embedding_tiny', 'documents_per_second', at_least=400),
  Target('embedding_mini', 'documents_per_second', at_least=90),
  Target('refresh', 'slow_down', at_most=2),
  Target('refresh_short_steps', 'pause_milliseconds', at_most=50),
  Target('memory', 'last_to_third', at_most=1.1),
  Target('memory', 'highest_to_third', at_most=1.1),
  Target('finetuning_tiny', 'question_seconds', at_most=0.12),
  Target('finetuning_mini', 'question_seconds', at_most=0.35),
  Target('serving_tiny', 'answer_milliseconds', at_most=25),
  Target('serving_tiny', 'batch_speed_up', at_least=3),
  Target('serving_tiny', 'load_seconds', at_most=5),
  Target('serving_mini', 'answer_milliseconds', at_most=70),
  Target('serving_mini', 'batch_speed_up', at_least=3),
  Target('serving_mini', 'load_seconds', at_most=5),
)

_SHORT_STEPS = {'batch_size': 1, 'num_candidates': 2}
_TOY = {
  'query_seq_len': 32,
  'candidate_seq_len': 64,
  'num_candidates': 3,
  'max_masks': 5,
}


def _full(mixed_precision: bool) -> list[tuple]:
  """(name, module, documents, cores but all of them, settings)."""
  tiny = {'preset': 'tiny', 'mixed_precision': mixed_precision}
  mini = {'preset': 'mini', 'mixed_precision': mixed_precision}
  return [
    ('peak', 'peak', 0, None, {}),
    ('tokenizing', 'tokenizing', 1, 1, {}),
    ('corpus', 'corpus', 60_000, None, {}),
    ('examples', 'examples', 5000, None, {'pipeline': tiny}),
    ('steps_tiny', 'steps', 5000, None, {'pipeline': tiny}),
    ('steps_mini', 'steps', 5000, None, {'pipeline': mini, 'steps': 12}),
    ('embedding_tiny', 'embedding', 2000, None, {'pipeline': tiny}),
    ('embedding_mini', 'embedding', 1000, None, {'pipeline': mini}),
    ('refresh', 'refresh', 5000, None, {'pipeline': tiny}),
    (
      'refresh_short_steps',
      'refresh',
      1000,
      None,
      {'pipeline': {**tiny, **_SHORT_STEPS}, 'idle_steps': 100, 'rounds': 5},
    ),
    ('memory', 'memory', 0, None, {}),
    ('finetuning_tiny', 'finetuning', 100_000, None, tiny),
    ('finetuning_mini', 'finetuning', 100_000, None, mini),
    ('serving_tiny', 'serving', 100_000, None, tiny),
    ('serving_mini', 'serving', 100_000, None, mini),
  ]


def _toy(mixed_precision: bool) -> list[tuple]:
  """The same at sizes that show only that everything runs."""
  tiny = {'preset': 'tiny', 'mixed_precision': mixed_precision, **_TOY}
  mini = {**tiny, 'preset': 'mini'}
  few = {'warmup': 1, 'steps': 2, 'batches': 2}
  refresh = {'warmup': 1, 'idle_steps': 3, 'rounds': 1}
  tuned = {'questions': 8, 'warmup': 1, 'steps': 2, 'retriever_beam': 50}
  asked = {'questions': 4, 'batch_size': 2, 'repeats': 1}
  return [
    ('peak', 'peak', 0, None, {'size': 512, 'repeats': 2}),
    ('tokenizing', 'tokenizing', 1, 1, {'num_documents': 512, 'repeats': 2}),
    ('corpus', 'corpus', 200, None, {'repeats': 1, 'num_processes': 1}),
    (
      'examples',
      'examples',
      200,
      None,
      {
        'pipeline': tiny,
        'batch_sizes': [8, 4],
        'num_examples': 32,
        'repeats': 2,
      },
    ),
    ('steps_tiny', 'steps', 200, None, {'pipeline': tiny, **few}),
    ('steps_mini', 'steps', 200, None, {'pipeline': mini, **few}),
    ('embedding_tiny', 'embedding', 200, None, {'pipeline': tiny}),
    ('embedding_mini', 'embedding', 200, None, {'pipeline': mini}),
    ('refresh', 'refresh', 200, None, {'pipeline': tiny, **refresh}),
    (
      'refresh_short_steps',
      'refresh',
      200,
      None,
      {'pipeline': {**tiny, 'batch_size': 1, 'num_candidates': 2}, **refresh},
    ),
    ('memory', 'memory', 0, None, {'rows': 2000, 'refreshes': 4}),
    ('finetuning_tiny', 'finetuning', 200, None, {'preset': 'tiny', **tuned}),
    ('finetuning_mini', 'finetuning', 200, None, {'preset': 'mini', **tuned}),
    ('serving_tiny', 'serving', 200, None, {'preset': 'tiny', **asked}),
    ('serving_mini', 'serving', 200, None, {'preset': 'mini', **asked}),
  ]


def make_plan(
  material: Mapping[str, Any],
  *,
  only: Sequence[str] = (),
  cores: int = 2,
  mixed_precision: bool = False,
  toy: bool = False,
) -> list[Measurement]:
  """Lists the measurements, each after those that make what it needs.

  Args:
    material: Arguments of `material.Material` but the number of documents.
    only: Names of measurements, or of their modules; all if empty.
    cores: Of those that are not measured on one.
    mixed_precision: Compute in bfloat16.
    toy: At sizes that show only that everything runs.

  Raises:
    ValueError: A name in `only` is not known.
  """
  rows = (_toy if toy else _full)(mixed_precision)
  known = {name for row in rows for name in row[:2]}
  for name in only:
    if name not in known:
      raise ValueError(
        f'there is no measurement {name!r}; there are'
        f' {", ".join(sorted(known))}'
      )
  plan: list[Measurement] = []
  made = set()
  for name, module, documents, own_cores, settings in rows:
    if only and name not in only and module not in only:
      continue
    its = {**material, 'num_documents': documents} if documents else {}
    # What others made before is not in a measurement's memory and time.
    if 'pipeline' in settings and documents not in made:
      made.add(documents)
      plan.append(
        Measurement(f'material_{documents}', 'material', {}, its, cores)
      )
    if module == 'corpus' and not toy:
      settings = {**settings, 'num_processes': cores}
    plan.append(Measurement(name, module, settings, its, own_cores or cores))
  return plan


def compare(results: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
  """All figures of `results` that have a target, beside it."""
  return [
    target.compare(results[target.measurement][target.figure])
    for target in TARGETS
    if target.measurement in results
  ]
