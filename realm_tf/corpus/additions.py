# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Documents to be added to a corpus, read in this process."""

import itertools
from collections.abc import Sequence

from realm_tf.corpus import readers
from realm_tf.corpus.document import (
  Document,
  MalformedError,
  SkippedError,
)
from realm_tf.corpus.problems import Problems

_BATCH = 512


def read_additions(
  patterns: str | Sequence[str],
  *,
  format: str = 'auto',
  strict: bool = False,
  flag: str = '--add',
) -> tuple[list[Document], dict[str, int]]:
  """Reads documents as bin/build_corpus does, but into memory.

  Args:
    patterns: Paths, globs or directories.
    format: One of `readers.FORMATS`, or `auto` to look at each file.
    strict: Whether a malformed record is an error, and not logged and left out.
    flag: What the message of a missing file begins with.

  Returns:
    The documents in order, and how many records were `read`, `malformed` and
    left out (`skipped_REASON`).

  Raises:
    CorpusError: A file is not there; with `strict`, the first malformed
      record, with file and line.
  """
  problems = Problems(strict)
  documents = []
  for path in readers.list_files(patterns, flag):
    records = readers.raw_records(path, format)
    while batch := list(itertools.islice(records, _BATCH)):
      for record in batch:
        problems.counts['read'] += 1
        try:
          documents.append(readers.parse(record))
        except SkippedError as e:
          problems.counts[f'skipped_{e.reason}'] += 1
        except MalformedError as e:
          problems.add(record.where, e)
  return documents, dict(problems.counts)
