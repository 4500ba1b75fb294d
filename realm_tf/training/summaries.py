# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Metrics in `metrics.jsonl`, and text for TensorBoard."""

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from absl import logging

from realm_tf.io import atomic, faults

_EXCERPT, _SHOWN = 160, 3


class MetricsLog:
  """`metrics.jsonl`: a line of JSON each time metrics are logged.

  Each line has `step`, `kind` (`train` or `eval`) and the metrics. Steps and
  evaluations that a restart repeats replace their earlier lines.
  """

  def __init__(self, path: str | os.PathLike, restored_step: int):
    self._path = path
    self._written: set[tuple[int, str]] = set()
    self._rewrite(
      line for line in read_metrics(path) if line['step'] <= restored_step
    )

  def _rewrite(self, lines: Iterable[dict[str, Any]]) -> None:
    kept: dict[tuple[int, str], dict[str, Any]] = {}
    for line in lines:
      key = (line['step'], line['kind'])
      kept.pop(key, None)  # The last line of a kind counts.
      kept[key] = line
    self._written = set(kept)
    with atomic.atomic_file(self._path, 'w') as f:
      f.writelines(json.dumps(line) + '\n' for line in kept.values())

  def write(self, step: int, kind: str, metrics: Mapping[str, Any]) -> None:
    """Writes a line; replaces an earlier one of its step and kind."""
    line: dict[str, Any] = {'step': step, 'kind': kind}
    line.update((name, float(value)) for name, value in metrics.items())
    if (step, kind) in self._written:
      self._rewrite([*read_metrics(self._path), line])
      return
    self._written.add((step, kind))
    with (
      faults.named_errors(self._path),
      open(self._path, 'a', encoding='utf-8') as f,
    ):
      f.write(json.dumps(line) + '\n')


def read_metrics(path: str | os.PathLike) -> list[dict[str, Any]]:
  """Reads the complete lines of a `metrics.jsonl`.

  A line that is damaged is left out, and a warning names the first one: it is
  no reason not to go on with a training.
  """
  if not os.path.exists(path):
    return []
  lines, bad = [], []
  with faults.naming(path), open(path, 'rb') as f:
    for number, text in enumerate(f, 1):
      if not text.endswith(b'\n'):
        continue
      try:
        with faults.naming(f'{os.fspath(path)}:{number}'):
          line = json.loads(text)
          if type(line['step']) is not int or not isinstance(line['kind'], str):
            raise TypeError('step or kind is of another type')
        lines.append(line)
      except ValueError as e:
        bad.append(str(e))
  if bad:
    logging.warning('%s (%d damaged lines are left out)', bad[0], len(bad))
  return lines


def _cell(text: str) -> str:
  text = ' '.join(text.split()).replace('|', '\\|')
  return text if len(text) <= _EXCERPT else text[:_EXCERPT] + ' …'


def describe_retrieval(
  queries: Sequence[str], documents: Any, rows: Iterable[Iterable[int]]
) -> str:
  """Describes in Markdown the documents found for the first queries.

  Rows of a query come best first; negative ones stand for the null document and
  are left out.
  """
  parts = []
  for query, its in zip(queries[:_SHOWN], rows):
    shown = [int(row) for row in its if row >= 0]
    lines = [f'**{_cell(query)}**', '', '| | title | text |', '|-|-|-|']
    lines += [
      f'| {i} | {_cell(title)} | {_cell(body)} |'
      for i, (title, body) in enumerate(
        zip(documents.titles(shown), documents.bodies(shown)), 1
      )
    ]
    parts.append('\n'.join(lines))
  return '\n\n'.join(parts)
