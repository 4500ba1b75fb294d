# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Estimates the number of records of a file from its beginning."""

import bz2
import os
import struct
import zlib

from realm_tf.corpus.corpus import Corpus

# Bytes of a file that are looked at.
_SAMPLE = 1 << 20
# Mark that each record has once.
_MARKS = {
  'jsonl': b'\n',
  'dpr': b'\n',
  'wikiextractor': b'</doc>',
  'mediawiki': b'<page>',
}
# Bytes around a TFRecord: length and its checksum, checksum of the data.
_BEFORE, _AFTER = 12, 4


def _unpack(path: str, sample: bytes) -> bytes:
  try:
    if path.endswith('.gz'):
      return zlib.decompressobj(wbits=31).decompress(sample)
    if path.endswith('.bz2'):
      return bz2.BZ2Decompressor().decompress(sample)
  except (OSError, zlib.error, EOFError):
    return b''
  return sample


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
    path: Plain, `.gz` or `.bz2` file, or a corpus.
    format: One of `readers.FORMATS`.
  """
  if format == 'text':
    return 1
  if format == 'corpus':
    return len(Corpus.open(path))
  size = os.path.getsize(path)
  with open(path, 'rb') as f:
    sample = f.read(_SAMPLE)
  content = _unpack(path, sample)
  if format == 'blocks':
    count = _count_tf_records(content)
  else:
    count = content.count(_MARKS[format])
  return round(count * size / max(len(sample), 1))
