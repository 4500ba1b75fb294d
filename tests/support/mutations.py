# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Files as accidents and other programs leave them, at random from a seed."""

import gzip
import io
import json
import random
import re
import struct
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

import tensorflow as tf

# Each takes the place of a value of any JSON file.
_ODD_VALUES = (
  *(None, True, 0, -1, 7, 1 << 31, 1 << 63, 10**30, -0.5, 1e308),
  *(float('nan'), float('inf'), '', 'x', '7', '\ud800', '\0', '../x'),
  *([], [[]], [None], ['x', 'y'], [1, 2, 3], {}, {'x': {}}),
)
_NUMBERS = (b'-1', b'0', b'1e9', b'99999999999999999999', b'NaN', b'0x10', b'')
_DEPTH = 20_000


def _place(content: bytes, rng: random.Random) -> tuple[int, int]:
  start = rng.randrange(len(content) + 1)
  return start, min(len(content), start + rng.choice((1, 4, 30, 500)))


def _cut(content: bytes, rng: random.Random) -> bytes:
  return content[: rng.randrange(len(content) + 1)]


def _flip(content: bytes, rng: random.Random) -> bytes:
  changed = bytearray(content)
  for _ in range(rng.choice((1, 1, 3, 20))):
    if changed:
      changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
  return bytes(changed)


def _repeat(content: bytes, rng: random.Random) -> bytes:
  start, limit = _place(content, rng)
  times = rng.choice((1, 3, 200))
  return content[:limit] + content[start:limit] * times + content[limit:]


def _splice(content: bytes, rng: random.Random) -> bytes:
  (start, limit), (to, end) = _place(content, rng), _place(content, rng)
  return content[:to] + content[start:limit] + content[end:]


def _drop(content: bytes, rng: random.Random) -> bytes:
  start, limit = _place(content, rng)
  return content[:start] + content[limit:]


def _noise(content: bytes, rng: random.Random) -> bytes:
  start, limit = _place(content, rng)
  return content[:start] + rng.randbytes(rng.randrange(40)) + content[limit:]


def _number(content: bytes, rng: random.Random) -> bytes:
  numbers = list(re.finditer(rb'\d+', content))
  if not numbers:
    return _noise(content, rng)
  start, limit = rng.choice(numbers).span()
  return content[:start] + rng.choice(_NUMBERS) + content[limit:]


def _encode(content: bytes, rng: random.Random) -> bytes:
  encoding = rng.choice(('utf-16', 'utf-16-be', 'utf-8-sig', 'utf-32', 'cp037'))
  return content.decode('latin-1').encode(encoding, 'replace')


def _lines(content: bytes, rng: random.Random) -> bytes:
  lines = content.splitlines(keepends=True)
  if lines:
    line = lines.pop(rng.randrange(len(lines)))
    lines[rng.randrange(len(lines) + 1) : 0] = [line] * rng.choice((0, 1, 2))
  return b''.join(lines)


def _replace_all(content: bytes, rng: random.Random) -> bytes:
  return rng.choice((b'', b'\n', b'\0' * 64, b'[]', b'{}', b'null', b'"x"'))


_OF_BYTES: tuple[Callable[[bytes, random.Random], bytes], ...] = (
  *(_cut, _flip, _flip, _repeat, _splice, _drop, _noise, _number, _number),
  *(_encode, _lines, _lines, _replace_all),
)


def change_bytes(content: bytes, rng: random.Random) -> bytes:
  """Changes a file of any kind."""
  return rng.choice(_OF_BYTES)(content, rng)


def _holders(value: Any) -> Iterator[tuple[Any, Any]]:
  """Yields each list or dict with each of its keys, at any depth."""
  if isinstance(value, dict | list):
    keys = value if isinstance(value, dict) else range(len(value))
    for key in keys:
      yield value, key
      yield from _holders(value[key])


def change_json(content: bytes, rng: random.Random) -> bytes:
  """Changes the shape of JSON: other values, fewer keys, no end of brackets."""
  value = json.loads(content)
  places = list(_holders(value))
  if not places or rng.random() < 0.1:
    value = rng.choice((value, [value], *_ODD_VALUES))
  for holder, key in rng.sample(places, min(len(places), rng.choice((1, 2)))):
    action = rng.randrange(8)
    try:
      if action < 5:
        holder[key] = rng.choice((*_ODD_VALUES, [holder[key]]))
      elif action == 5:
        other, its = rng.choice(places)
        holder[key] = json.loads(json.dumps(other[its]))
      elif isinstance(holder, dict):
        moved = holder.pop(key)
        if action == 6:
          holder[f'{key}_'] = moved
      else:
        holder.append(holder[key])
    except (KeyError, IndexError):
      pass  # An earlier change removed it.
  text = json.dumps(value)
  if rng.random() < 0.05:
    deep = '[' * _DEPTH + ']' * _DEPTH
    text = deep if rng.random() < 0.5 else text.replace('"x"', deep, 1)
    text = text if deep in text else f'{text.rstrip()[:-1]},"z":{deep}}}'
  return text.encode()


def change_json_lines(content: bytes, rng: random.Random) -> bytes:
  """Changes one line of JSONL."""
  lines = content.splitlines()
  number = rng.randrange(len(lines))
  lines[number] = change_json(lines[number], rng)
  return b'\n'.join(lines) + b'\n'


def change_gzip(content: bytes, rng: random.Random) -> bytes:
  """Changes what is compressed."""
  return gzip.compress(change_bytes(gzip.decompress(content), rng), 1)


def read_records(content: bytes) -> list[bytes]:
  """Returns the records of a TFRecord file, gzipped or not."""
  if content.startswith(b'\x1f\x8b'):
    content = gzip.decompress(content)
  records, position = [], 0
  while position < len(content):
    (size,) = struct.unpack_from('<Q', content, position)
    records.append(content[position + 12 : position + 12 + size])
    position += size + 16
  return records


def change_records(content: bytes, rng: random.Random) -> bytes:
  """Changes one record of a TFRecord file, with the right checksums."""
  records = read_records(content)
  number = rng.randrange(len(records))
  if rng.random() < 0.5:
    records[number] = change_bytes(records[number], rng)
  else:
    example = tf.train.Example.FromString(records[number])
    feature = example.features.feature
    name = rng.choice(sorted(feature))
    kinds = ('bytes_list', 'int64_list', 'float_list')
    kind = rng.choice(kinds)
    old = list(getattr(feature[name], feature[name].WhichOneof('kind')).value)
    if kind == 'int64_list':
      new = [rng.choice((-1, 0, 3, 1 << 40, 1 << 62, -(1 << 63)))]
    else:
      new = [rng.randbytes(5)] if kind == 'bytes_list' else [0.5]
    same = feature[name].WhichOneof('kind') == kind
    at = rng.randrange(len(old) + 1)
    new = (old[:at] + new + old[at + 1 :]) if same else new
    getattr(feature[name], kind).value[:] = new[: rng.choice((0, 99, 99))]
    records[number] = example.SerializeToString()
  written = io.BytesIO()
  for record in records:
    size = struct.pack('<Q', len(record))
    for part in (size, record):
      written.write(part + struct.pack('<I', _masked_crc(part)))
  made = written.getvalue()
  return gzip.compress(made, 1) if content.startswith(b'\x1f\x8b') else made


def _crc_table() -> list[int]:
  table = []
  for byte in range(256):
    for _ in range(8):
      byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
    table.append(byte)
  return table


_CRC = _crc_table()


def _masked_crc(content: bytes) -> int:
  """CRC-32C as TFRecord files have it."""
  crc = 0xFFFFFFFF
  for byte in content:
    crc = _CRC[(crc ^ byte) & 0xFF] ^ crc >> 8
  crc ^= 0xFFFFFFFF
  return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def change_safetensors(content: bytes, rng: random.Random) -> bytes:
  """Changes the header of a safetensors file, with the right length."""
  (size,) = struct.unpack_from('<Q', content)
  header = change_json(content[8 : 8 + size], rng)
  return struct.pack('<Q', len(header)) + header + content[8 + size :]


def change_zip(content: bytes, rng: random.Random) -> bytes:
  """Changes one file of a zip."""
  written = io.BytesIO()
  with zipfile.ZipFile(io.BytesIO(content)) as old:
    names = old.namelist()
    changed = rng.choice([n for n in names if n.endswith('.pkl')] + names)
    with zipfile.ZipFile(written, 'w') as new:
      for name in names:
        its = old.read(name)
        new.writestr(name, change_bytes(its, rng) if name == changed else its)
  return written.getvalue()


def change_npy(content: bytes, rng: random.Random) -> bytes:
  """Changes the header of a .npy file, which keeps its length."""
  size = 10 + struct.unpack_from('<H', content, 8)[0]
  header = change_bytes(content[10:size].rstrip(), rng)
  return content[:10] + header[: size - 10].ljust(size - 10) + content[size:]


_OF_FORMAT: dict[str, Callable[[bytes, random.Random], bytes]] = {
  '.json': change_json,
  '.jsonl': change_json_lines,
  '.jsonl.gz': change_gzip,
  '.gz': change_gzip,
  '.tfr': change_records,
  '.tfr.gz': change_records,
  '.safetensors': change_safetensors,
  'model.bin': change_zip,
  '.npy': change_npy,
}


def mutate(name: str, content: bytes, rng: random.Random) -> bytes:
  """Changes a file: half of the times as its format allows.

  Args:
    name: Name of the file, whose end tells the format.
    content: Content of the file.
    rng: Source of all choices.
  """
  ends = [end for end in _OF_FORMAT if name.endswith(end)]
  for _ in range(rng.choice((1, 1, 1, 2))):
    change = change_bytes
    if ends and rng.random() < 0.6:
      change = _OF_FORMAT[max(ends, key=len)]
    try:
      content = change(content, rng)
    except Exception:  # A first change has left no such file.
      content = change_bytes(content, rng)
  return content
