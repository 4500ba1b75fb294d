# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""How many records a file holds, guessed from its beginning: for estimates."""

import bz2
import os
import struct
import zlib

# Bytes of a file that are looked at.
_SAMPLE = 1 << 20
# What each record has once.
_MARKS = {
  'jsonl': b'\n',
  'dpr': b'\n',
  'wikiextractor': b'</doc>',
  'mediawiki': b'<page>',
}
# Length and its checksum before a TFRecord, checksum behind.
_BEFORE, _BEHIND = 12, 4


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
    position += _BEFORE + length + _BEHIND
    count += 1
  return count


def estimate_records(path: str, format: str) -> int:
  """Guesses the number of records; exact for small files.

  Args:
    path: Plain, `.gz` or `.bz2`.
    format: One of `readers.FORMATS`.
  """
  if format == 'text':
    return 1
  size = os.path.getsize(path)
  with open(path, 'rb') as f:
    sample = f.read(_SAMPLE)
  content = _unpack(path, sample)
  if format == 'blocks':
    count = _count_tf_records(content)
  else:
    count = content.count(_MARKS[format])
  return round(count * size / max(len(sample), 1))
