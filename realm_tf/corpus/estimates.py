# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Estimates the number of records of a file from its beginning."""

import os
import struct

from realm_tf.corpus import tables
from realm_tf.corpus.corpus import Corpus
from realm_tf.io import files

# Bytes of a file that are looked at.
_SAMPLE = 1 << 20
# Mark that each record has once.
_MARKS = {
  'jsonl': b'\n',
  'json': b'{',
  'csv': b'\n',
  'tsv': b'\n',
  'wikiextractor': b'</doc>',
  'mediawiki': b'<page>',
}
# Bytes around a TFRecord: length and its checksum, checksum of the data.
_BEFORE, _AFTER = 12, 4


def _count_tf_records(content: bytes) -> int:
  count = position = 0
  while position + _BEFORE <= len(content):
    (length,) = struct.unpack_from('<Q', content, position)
    position += _BEFORE + length + _AFTER
    count += 1
  return count


def estimate_records(path: str, format: str) -> int:
  """Estimates the number of records; exact for small files and corpora.

  Args:
    path: File, packed or not, or a corpus.
    format: One of `formats.FORMATS`.
  """
  if format == 'text':
    return 1
  if format == 'corpus':
    return len(Corpus.open(path))
  if format == 'parquet':
    return tables.count_rows(path)
  size = os.path.getsize(path)
  content = files.unpacked_sample(path, _SAMPLE)
  if format == 'blocks':
    count = _count_tf_records(content)
  else:
    count = content.count(_MARKS[format])
  return round(count * max(size / _SAMPLE, 1))
