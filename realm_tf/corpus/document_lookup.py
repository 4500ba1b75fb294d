# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Rows of the documents that somebody names."""

from collections.abc import Collection, Sequence

import numpy as np

from realm_tf.corpus.corpus import Corpus
from realm_tf.corpus.document import MalformedError, clean_title
from realm_tf.corpus.removals import Removal

_CHUNK = 1 << 16


def _cleaned(title: str) -> str:
  """A title in the one form in which titles are compared."""
  try:
    return clean_title(title)
  except MalformedError:
    return title


def rows_of_titles(
  documents: Corpus, titles: Collection[str]
) -> dict[str, list[int]]:
  """Rows of all blocks of titles; reads all titles of the corpus once.

  Args:
    documents: The corpus. A converted corpus has its titles as they were.
    titles: HTML references and white space in them do not matter.

  Returns:
    The rows of each that there is, rising, by cleaned title.
  """
  wanted = set(map(_cleaned, titles))
  found: dict[str, list[int]] = {}
  if not wanted:
    return found
  for start in range(0, len(documents), _CHUNK):
    rows = range(start, min(start + _CHUNK, len(documents)))
    for row, title in zip(rows, documents.titles(rows)):
      title = _cleaned(title)
      if title in wanted:
        found.setdefault(title, []).append(row)
  return found


def find_rows(
  documents: Corpus, removals: Sequence[Removal]
) -> tuple[np.ndarray, list[Removal]]:
  """Looks up what is to be removed.

  Args:
    documents: The corpus.
    removals: Titles, uids and rows.

  Returns:
    Rows, int64, rising, each once; and what was not found.
  """
  rows: set[int] = set()
  missing = []
  titles = rows_of_titles(
    documents, {str(r.value) for r in removals if r.key == 'title'}
  )
  wanted = {int(r.value) for r in removals if r.key == 'uid'}
  uids: dict[int, list[int]] = {}
  if wanted:
    # Python's numbers may be larger than a uid can be.
    known = [u for u in wanted if -(1 << 63) <= u < 1 << 63]
    for row in np.flatnonzero(np.isin(documents.uids, known)).tolist():
      uids.setdefault(int(documents.uids[row]), []).append(row)
  for removal in removals:
    if removal.key == 'title':
      its = titles.get(_cleaned(str(removal.value)), [])
    elif removal.key == 'uid':
      its = uids.get(int(removal.value), [])
    else:
      row = int(removal.value)
      its = [row] if 0 <= row < len(documents) else []
    if not its:
      missing.append(removal)
    rows.update(its)
  return np.array(sorted(rows), np.int64), missing
