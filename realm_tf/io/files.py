# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Finds files by pattern, and opens them whatever they are packed with."""

import bz2
import codecs
import contextlib
import glob
import gzip
import io
import lzma
import os
import zlib
from collections.abc import Iterator, Sequence
from typing import IO, cast


def _matches(pattern: str) -> list[str]:
  """Returns the path itself if it exists, whatever is in it, else its glob."""
  if os.path.exists(pattern):
    return [pattern]
  return glob.glob(pattern, recursive=True)


def expand(patterns: str | Sequence[str]) -> list[str]:
  """Returns the sorted files of comma-separated paths and globs.

  A path that exists is that path, with commas and brackets in it, too.

  Raises:
    FileNotFoundError: A pattern matches nothing; the message names it.
  """
  if isinstance(patterns, str):
    patterns = patterns.split(',')
  pieces = [p for p in (os.fspath(p).strip() for p in patterns) if p]
  found: set[str] = set()
  whole = ','.join(pieces)
  if len(pieces) > 1 and os.path.exists(whole):
    return [whole]
  while pieces:
    sizes = range(1, len(pieces) + 1)
    size = next((n for n in sizes if _matches(','.join(pieces[:n]))), 0)
    if not size:
      raise FileNotFoundError(f'no file matches {pieces[0]!r}')
    found.update(_matches(','.join(pieces[:size])))
    pieces = pieces[size:]
  if not found:
    raise FileNotFoundError(f'no file is named in {patterns!r}')
  return sorted(found)


# First bytes, by what a file is packed with.
_PACKED = {
  b'\x1f\x8b': 'gzip',
  b'BZh': 'bzip2',
  b'\xfd7zXZ\x00': 'xz',
  b'\x28\xb5\x2f\xfd': 'zstd',
}
# The longer marks first: that of UTF-16 begins one of UTF-32.
_BYTE_ORDER_MARKS = (
  (codecs.BOM_UTF8, 'utf-8'),
  (codecs.BOM_UTF32_LE, 'utf-32'),
  (codecs.BOM_UTF32_BE, 'utf-32'),
  (codecs.BOM_UTF16_LE, 'utf-16'),
  (codecs.BOM_UTF16_BE, 'utf-16'),
)
_LFS_POINTER = b'version https://git-lfs'
_BUFFER = 1 << 17
# Bytes of zstd unpacked at a time: 32 MB of text at most.
_ZSTD_INPUT = 1 << 10


class DamagedFileError(OSError):
  """A file whose bytes cannot be unpacked; the message names it."""


def packing_of(head: bytes) -> str | None:
  """Returns gzip, bzip2, xz or zstd, by the first bytes of a file; or None."""
  return next((k for mark, k in _PACKED.items() if head.startswith(mark)), None)


def is_gzip(path: str | os.PathLike) -> bool:
  """Whether a file is gzipped, by its first bytes, whatever its name."""
  with open(path, 'rb') as f:
    return packing_of(f.read(2)) == 'gzip'


def _zstd_chunks(stream: IO[bytes]) -> Iterator[bytes]:
  try:
    import zstandard
  except ImportError as e:
    raise OSError('packed by zstd: pip install "realm_tf[formats]"') from e
  # Not its stream_reader, which takes a file that is cut off for whole.
  unpacker = zstandard.ZstdDecompressor().decompressobj()
  within = False
  while content := stream.read(_ZSTD_INPUT):
    while content:
      try:
        yield unpacker.decompress(content)
      except zstandard.ZstdError as e:
        raise EOFError(str(e)) from e
      content, within = b'', not unpacker.eof
      if unpacker.eof:  # A file may be several frames.
        content = unpacker.unused_data
        unpacker = zstandard.ZstdDecompressor().decompressobj()
  if within:
    raise EOFError('the file ended before the end of a zstd frame')


def _unpacked_chunks(stream: IO[bytes], kind: str) -> Iterator[bytes]:
  unpacked: IO[bytes]
  if kind == 'zstd':
    yield from _zstd_chunks(stream)
    return
  if kind == 'gzip':
    unpacked = cast(IO[bytes], gzip.GzipFile(fileobj=stream))
  else:
    unpacked = {'bzip2': bz2.BZ2File, 'xz': lzma.LZMAFile}[kind](stream)
  while content := unpacked.read1(_BUFFER):  # type: ignore[attr-defined]
    yield content


def unpacked_sample(path: str | os.PathLike, size: int) -> bytes:
  """Returns what the first bytes of a file unpack to, 64 times as many at most.

  Args:
    path: File, packed or not.
    size: Number of bytes.
  """
  with open(path, 'rb') as f:
    content = f.read(size)
  kind = packing_of(content)
  if not kind:
    return content
  unpacked = bytearray()
  with contextlib.suppress(EOFError, OSError, zlib.error, lzma.LZMAError):
    for chunk in _unpacked_chunks(io.BytesIO(content), kind):
      unpacked += chunk
      if len(unpacked) > 64 * size:
        break
  return bytes(unpacked)


def _recoded_chunks(stream: IO[bytes], encoding: str) -> Iterator[bytes]:
  decoder = codecs.getincrementaldecoder(encoding)()
  while content := stream.read(_BUFFER):
    yield decoder.decode(content).encode()
  yield decoder.decode(b'', final=True).encode()


class _Stream(io.RawIOBase):
  """Chunks of bytes as a stream; closes the stream that they are made of."""

  def __init__(self, chunks: Iterator[bytes], source: IO[bytes], kind: str):
    self._chunks, self._source, self._kind = chunks, source, kind
    self._chunk = memoryview(b'')
    self.name = source.name

  def readable(self) -> bool:
    return True

  def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
    try:
      while not self._chunk:
        content = next(self._chunks, None)
        if content is None:
          return 0
        self._chunk = memoryview(content)
    except (EOFError, ValueError, OSError, zlib.error, lzma.LZMAError) as e:
      if isinstance(e, DamagedFileError):
        raise
      raise DamagedFileError(f'{self.name}: damaged {self._kind}: {e}') from e
    size = min(len(buffer), len(self._chunk))
    buffer[:size] = self._chunk[:size]
    self._chunk = self._chunk[size:]
    return size

  def close(self) -> None:
    self._source.close()
    super().close()


def open_binary(path: str | os.PathLike) -> IO[bytes]:
  """Opens a file for reading its content, which begins without a mark.

  A file that is packed by gzip, bzip2, xz or zstd, which its first bytes tell,
  is unpacked; UTF-16 and UTF-32 with a byte order mark become UTF-8.

  Raises:
    DamagedFileError: While reading: the file cannot be unpacked.
    OSError: It cannot be opened; or it is a pointer of git-lfs, which stands
      for the file; or there is no package to unpack it.
  """
  stream: IO[bytes] = open(path, 'rb')  # noqa: SIM115
  try:
    # Does not move, so that a pipe can be read, too.
    kind = packing_of(stream.peek(8))  # type: ignore[attr-defined]
    if kind:
      raw = _Stream(_unpacked_chunks(stream, kind), stream, f'{kind} file')
      stream = cast(IO[bytes], io.BufferedReader(raw, _BUFFER))
    head = stream.peek(64)  # type: ignore[attr-defined]
    if head.startswith(_LFS_POINTER):
      raise OSError(
        f'{os.fspath(path)}: a pointer of git-lfs, not the file itself: run'
        ' `git lfs pull`'
      )
    for mark, encoding in _BYTE_ORDER_MARKS:
      if head.startswith(mark):
        if encoding == 'utf-8':
          stream.read(len(mark))
        else:
          raw = _Stream(_recoded_chunks(stream, encoding), stream, encoding)
          stream = cast(IO[bytes], io.BufferedReader(raw, _BUFFER))
        break
    return stream
  except BaseException:
    stream.close()
    raise
