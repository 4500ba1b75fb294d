# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""What a run tells about itself besides TensorBoard scalars."""

import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

from realm_tf.io import atomic

_EXCERPT = 160


class MetricsLog:
  """`metrics.jsonl`: a line of JSON each time metrics are logged.

  Each line has `step`, `kind` (`train` or `eval`) and the metrics. Lines of
  steps that a restart takes again are dropped, so that the curve of a run that
  was killed reads like that of one that was not.
  """

  def __init__(self, path: str | os.PathLike, restored_step: int):
    self._path = path
    kept = [
      line for line in read_metrics(path) if line['step'] <= restored_step
    ]
    with atomic.atomic_file(path, 'w') as f:
      f.writelines(json.dumps(line) + '\n' for line in kept)

  def write(self, step: int, kind: str, metrics: Mapping[str, Any]) -> None:
    """Appends a line at once."""
    line = {'step': step, 'kind': kind}
    line.update((name, float(value)) for name, value in metrics.items())
    with open(self._path, 'a', encoding='utf-8') as f:
      f.write(json.dumps(line) + '\n')


def read_metrics(path: str | os.PathLike) -> list[dict[str, Any]]:
  """The lines of a `metrics.jsonl`; one cut off by a kill is left out."""
  if not os.path.exists(path):
    return []
  lines = []
  with open(path, encoding='utf-8') as f:
    for text in f:
      if text.endswith('\n'):
        lines.append(json.loads(text))
  return lines


def _cell(text: str) -> str:
  text = ' '.join(text.split()).replace('|', '\\|')
  return text if len(text) <= _EXCERPT else text[:_EXCERPT] + ' …'


def retrieval_table(
  queries: Sequence[str],
  titles: Sequence[Sequence[str]],
  bodies: Sequence[Sequence[str]],
) -> str:
  """A Markdown text of queries and the documents found for them.

  Args:
    queries: Masked sentences.
    titles: Of the documents of each query, best first.
    bodies: Of the same documents.
  """
  parts = []
  for query, its_titles, its_bodies in zip(queries, titles, bodies):
    rows = [f'**{_cell(query)}**', '', '| | title | text |', '|-|-|-|']
    rows += [
      f'| {i} | {_cell(title)} | {_cell(body)} |'
      for i, (title, body) in enumerate(zip(its_titles, its_bodies), 1)
    ]
    parts.append('\n'.join(rows))
  return '\n\n'.join(parts)
