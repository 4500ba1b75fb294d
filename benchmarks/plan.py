# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The measurements, at which sizes, and their targets; starts no TensorFlow."""

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.child_process import Measurement

# Measurement, figure, and bound, for two cores. A trainer that shares them with
# another process may take twice as long.
TARGETS = (
  ('tokenizing', 'megabytes_per_second', 'at_least', 10),
  ('corpus', 'documents_per_second', 'at_least', 4000),
  ('examples', 'examples_per_second', 'at_least', 1000),
  ('steps_tiny', 'step_seconds', 'at_most', 0.6),
  # 1.8 GB; the figure is in MiB.
  ('steps_tiny', 'peak_memory_mb', 'at_most', 1.8e9 / (1 << 20)),
  ('steps_mini', 'step_seconds', 'at_most', 3),
  ('embedding_tiny', 'documents_per_second', 'at_least', 400),
  ('embedding_mini', 'documents_per_second', 'at_least', 90),
  ('refresh', 'slow_down', 'at_most', 2),
  ('refresh_short_steps', 'pause_milliseconds', 'at_most', 50),
  ('memory', 'last_to_third', 'at_most', 1.1),
  ('memory', 'highest_to_third', 'at_most', 1.1),
  # On text of many words, such as Wikipedia's; 1.5 GB.
  ('lexical', 'question_milliseconds', 'at_most', 15),
  ('lexical', 'peak_memory_mb', 'at_most', 1.5e9 / (1 << 20)),
  ('finetuning_tiny', 'question_seconds', 'at_most', 0.12),
  ('finetuning_mini', 'question_seconds', 'at_most', 0.35),
  ('serving_tiny', 'answer_milliseconds', 'at_most', 25),
  ('serving_tiny', 'batch_speed_up', 'at_least', 3),
  ('serving_tiny', 'load_seconds', 'at_most', 5),
  ('serving_mini', 'answer_milliseconds', 'at_most', 70),
  ('serving_mini', 'batch_speed_up', 'at_least', 3),
  ('serving_mini', 'load_seconds', 'at_most', 5),
)

_SHORT_STEPS = {'batch_size': 1, 'num_candidates': 2}
# Name, function, documents, preset of BERT, settings.
_ROWS: tuple[tuple[str, str, int, str, dict[str, Any]], ...] = (
  ('peak', 'throughput.peak', 0, '', {}),
  ('tokenizing', 'throughput.tokenizing', 1, '', {}),
  ('corpus', 'throughput.corpus', 60_000, '', {}),
  ('examples', 'pretraining.examples', 5000, 'tiny', {}),
  ('steps_tiny', 'pretraining.steps', 5000, 'tiny', {}),
  ('steps_mini', 'pretraining.steps', 5000, 'mini', {'steps': 12}),
  ('embedding_tiny', 'pretraining.embedding', 2000, 'tiny', {}),
  ('embedding_mini', 'pretraining.embedding', 1000, 'mini', {}),
  ('refresh', 'refresh.refresh', 5000, 'tiny', {}),
  (
    'refresh_short_steps',
    'refresh.refresh',
    1000,
    'tiny',
    {**_SHORT_STEPS, 'idle_steps': 100, 'rounds': 5},
  ),
  ('memory', 'memory.memory', 0, '', {}),
  ('lexical', 'lexical.lexical', 20_000, '', {}),
  ('finetuning_tiny', 'finetuning.finetuning', 100_000, 'tiny', {}),
  ('finetuning_mini', 'finetuning.finetuning', 100_000, 'mini', {}),
  ('serving_tiny', 'serving.serving', 100_000, 'tiny', {}),
  ('serving_mini', 'serving.serving', 100_000, 'mini', {}),
)

# Sizes that show only that everything runs, by function.
_TOY_DOCUMENTS = 200
_TOY_LENGTHS = {'query_seq_len': 32, 'candidate_seq_len': 64, 'max_masks': 5}
_TOY_SIZES = {'num_candidates': 3, **_TOY_LENGTHS}
_TOY: dict[str, dict[str, Any]] = {
  'peak': {'size': 512, 'repeats': 2},
  'tokenizing': {'num_documents': 512, 'repeats': 2},
  'corpus': {'repeats': 1, 'num_processes': 1},
  'examples': {**_TOY_SIZES, 'batch_sizes': [8, 4], 'num_examples': 32},
  'steps': {**_TOY_SIZES, 'warmup': 1, 'steps': 2, 'batches': 2},
  'embedding': _TOY_SIZES,
  'refresh': {**_TOY_LENGTHS, 'warmup': 1, 'idle_steps': 3, 'rounds': 1},
  'memory': {'rows': 2000, 'refreshes': 4},
  'lexical': {'rows': 1000, 'questions': 4},
  'finetuning': {
    **{'questions': 8, 'warmup': 1, 'steps': 2},
    'retriever_beam': 50,
  },
  'serving': {'questions': 4, 'batch_size': 2, 'repeats': 1},
}
_ON_ONE_CORE = ('tokenizing', 'lexical')
# What others made before is not in the memory and time of these.
_NEED_MATERIAL_AHEAD = ('examples', 'steps', 'embedding', 'refresh')


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
    only: Names of measurements, or of their functions; all if empty.
    cores: Cores of each but tokenizer and BM25, which have one.
    mixed_precision: Whether to compute in bfloat16.
    toy: Whether to use sizes that show only that everything runs.

  Raises:
    ValueError: A name in `only` is not known.
  """
  known = {x for name, function, *_ in _ROWS for x in (name, _kind(function))}
  for name in only:
    if name not in known:
      raise ValueError(
        f'`only`: there is no measurement {name!r}; there are'
        f' {", ".join(sorted(known))}'
      )
  plan: list[Measurement] = []
  made = set()
  for name, function, documents, preset, settings in _ROWS:
    kind = _kind(function)
    if only and name not in only and kind not in only:
      continue
    if toy:
      documents = min(documents, _TOY_DOCUMENTS)
      settings = {**settings, **_TOY[kind]}
    its = {**material, 'num_documents': documents} if documents else {}
    if kind in _NEED_MATERIAL_AHEAD and documents not in made:
      made.add(documents)
      ahead = f'material_{documents}'
      plan.append(Measurement(ahead, 'material.prepare', {}, its, cores))
    if preset:
      model = {'preset': preset, 'mixed_precision': mixed_precision}
      settings = {**settings, **model}
    if kind == 'corpus':
      settings = {'num_processes': cores, **settings}
    own_cores = 1 if kind in _ON_ONE_CORE else cores
    plan.append(Measurement(name, function, settings, its, own_cores))
  return plan


def _kind(function: str) -> str:
  return function.split('.')[1]


def compare(results: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
  """All figures of `results` that have a target, with it."""
  compared = []
  for measurement, figure, side, bound in TARGETS:
    if measurement in results:
      value = results[measurement][figure]
      compared.append(
        {
          'measurement': measurement,
          'figure': figure,
          'value': value,
          side: bound,
          'met': value >= bound if side == 'at_least' else value <= bound,
        }
      )
  return compared
