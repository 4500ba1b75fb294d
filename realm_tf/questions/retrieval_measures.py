# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Measures of ranked lists by ir-measures, intervals, and paired tests."""

from collections.abc import Mapping, Sequence

import numpy as np

from realm_tf.questions.judged_queries import Run

# As ir-measures names them. Success@k is 1 where a relevant document is among
# the first k; with one relevant document a query it is the same as R@k.
MEASURES = (
  'Success@1',
  'Success@5',
  'Success@20',
  'Success@100',
  'RR@10',
  'nDCG@10',
)
_SAMPLES = 10_000


def by_query(
  relevance: Mapping[str, Mapping[str, int]],
  run: Run,
  measures: Sequence[str] = MEASURES,
) -> dict[str, np.ndarray]:
  """Measures a run for each query.

  Args:
    relevance: Degrees of relevance by query and document.
    run: Scores by query and document. A query that is not in it counts as 0.
    measures: Measures of ir-measures, as `nDCG@10`.

  Returns:
    float64 `[queries]` by measure, in the order of `relevance`.

  Raises:
    ImportError: ir-measures is not installed.
    ValueError: A measure is unknown.
  """
  try:
    import ir_measures
  except ImportError as e:
    raise ImportError(
      "measures of retrieval need ir-measures: pip install 'realm_tf[measures]'"
    ) from e
  try:
    parsed = {name: ir_measures.parse_measure(name) for name in measures}
  except (NameError, SyntaxError, ValueError) as e:
    raise ValueError(f'`measures`: {e}') from e
  number = {query: i for i, query in enumerate(relevance)}
  values = {name: np.zeros(len(number)) for name in measures}
  names = {str(measure): name for name, measure in parsed.items()}
  judged = {query: dict(documents) for query, documents in relevance.items()}
  known = {query: run[query] for query in number if query in run}
  for metric in ir_measures.iter_calc(list(parsed.values()), judged, known):
    values[names[str(metric.measure)]][number[metric.query_id]] = metric.value
  return values


def mean_interval(
  values: np.ndarray, confidence: float = 0.95, seed: int = 0
) -> tuple[float, float]:
  """Returns the percentile bootstrap interval of a mean over queries.

  Args:
    values: float `[queries]`.
    confidence: Share of the samples within the interval. Defaults to 0.95.
    seed: Seed of the bootstrap. Defaults to 0.
  """
  rng = np.random.default_rng(seed)
  # A sample draws each distinct value a multinomial number of times.
  distinct, counts = np.unique(values, return_counts=True)
  draws = rng.multinomial(len(values), counts / len(values), _SAMPLES)
  tail = (1 - confidence) / 2
  low, high = np.quantile(draws @ distinct / len(values), [tail, 1 - tail])
  return float(low), float(high)


def paired_p_value(one: np.ndarray, other: np.ndarray, seed: int = 0) -> float:
  """Returns the two-sided p-value of a paired randomization test of the means.

  Signs of the differences are drawn at random 10,000 times (Smucker et al.
  2007); the p-value is at least 1/10,001.

  Args:
    one: float `[queries]`, values of one system.
    other: float `[queries]`, values of the other.
    seed: Seed of the signs. Defaults to 0.
  """
  differences = np.asarray(one) - np.asarray(other)
  sizes, counts = np.unique(
    np.abs(differences[differences != 0]), return_counts=True
  )
  if not len(sizes):
    return 1.0
  rng = np.random.default_rng(seed)
  # Of n differences of one size, a binomial number is positive.
  positive = rng.binomial(counts, 0.5, [_SAMPLES, len(counts)])
  drawn = np.abs((2 * positive - counts) @ sizes)
  observed = abs(differences.sum())
  # Sums that are equal but for rounding are equal.
  extreme = np.count_nonzero(drawn >= observed * (1 - 1e-9))
  return (extreme + 1) / (_SAMPLES + 1)


def table(systems: Mapping[str, Mapping[str, np.ndarray]]) -> str:
  """Returns a table: a line a system with means and 95 % intervals.

  Args:
    systems: Values `[queries]` by measure, by label. The last system is
      compared with each other one by `paired_p_value`.
  """
  labels = list(systems)
  measures = list(systems[labels[0]])
  width = max(map(len, [*labels, 'system']))
  out = ['  '.join(['system'.ljust(width), *(m.rjust(18) for m in measures)])]
  for label, values in systems.items():
    cells = []
    for measure in measures:
      low, high = mean_interval(values[measure])
      cells.append(f'{values[measure].mean():.3f} ({low:.3f}-{high:.3f})')
    out.append('  '.join([label.ljust(width), *(c.rjust(18) for c in cells)]))
  last = labels[-1]
  for label in labels[:-1]:
    tests = []
    for measure in measures:
      ours, theirs = systems[last][measure], systems[label][measure]
      tests.append(
        f'{measure} {ours.mean() - theirs.mean():+.3f}'
        f' (p {paired_p_value(ours, theirs):.4f})'
      )
    out.append(f'{last} against {label}: {", ".join(tests)}')
  return '\n'.join(out)


def to_dict(
  systems: Mapping[str, Mapping[str, np.ndarray]],
) -> dict[str, dict[str, float]]:
  """Returns means by measure, and `_low` and `_high`, by label."""
  result: dict[str, dict[str, float]] = {}
  for label, values in systems.items():
    its = result.setdefault(label, {})
    for measure, numbers in values.items():
      low, high = mean_interval(numbers)
      its[measure] = float(numbers.mean())
      its[f'{measure}_low'], its[f'{measure}_high'] = low, high
  return result
