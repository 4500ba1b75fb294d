# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Describes corpora, span records, indexes and exports in words."""

import itertools
import json
import os
import pathlib
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from realm_tf.corpus import block_records, job, readers
from realm_tf.corpus.corpus import Corpus
from realm_tf.corpus.document import CorpusError, MalformedError
from realm_tf.io import atomic, checksums, faults
from realm_tf.io.module_info import INFO
from realm_tf.spans import span_records

_MANIFEST = 'manifest.json'
# What describes an index version or a document store, and an export.
_INFO_FILES = ('metadata.json', INFO)
# Rows of an array that are looked at for its statistics.
_SAMPLED_ROWS = 10_000


def describe(path: str, num_records: int = 3, skip: int = 0) -> Iterator[str]:
  """Describes a record file or a directory that this package wrote.

  Args:
    path: A TFRecord file, a corpus, the output of `tag_salient_spans`, an index
      version or an export; or a directory with index versions or exports below.
    num_records: Number of records to show.
    skip: Number of records to skip first.

  Yields:
    Lines.

  Raises:
    CorpusError: It is none of these.
  """
  root = pathlib.Path(path)
  if root.is_file():
    yield from _describe_records(path, num_records, skip)
  elif (root / _MANIFEST).exists():
    manifest = _read_manifest(root)
    with faults.naming(root / _MANIFEST):
      described = job.describe_counts(manifest)
    yield described
    yield f'  fingerprint {manifest.get("fingerprint")}'
    settings = manifest.get('settings', {})
    known = {k: v for k, v in settings.items() if k != 'input'}
    yield f'  settings {json.dumps(known, sort_keys=True)}'
    with faults.naming(root / _MANIFEST):
      inputs = [(s['path'], s['format']) for s in settings.get('input', [])]
    for name, format in inputs:
      yield f'  from {name} ({format})'
    if (root / 'documents').exists():
      yield from _describe_documents(Corpus.open(root), num_records, skip)
    else:
      for shard in manifest.get('shards', [])[:1]:
        yield from _describe_records(str(root / shard), num_records, skip)
  else:
    found = _artifacts(root)
    if not found:
      raise CorpusError(
        f'{path}: neither a record file nor a corpus, spans, an index or an'
        f' export ({_MANIFEST}, {" or ".join(_INFO_FILES)})'
      )
    for artifact in found:
      yield from _describe_artifact(artifact)


def verify(paths: Iterable[str]) -> Iterator[str]:
  """Compares the files of what directories hold with their checksums.

  Args:
    paths: Corpora, index versions, exports, or directories with some of these
      below.

  Yields:
    A line for each of them.

  Raises:
    CorpusError: A directory has none of these.
    ValueError: Files are damaged or not there.
  """
  damaged = []
  for path in paths:
    root = pathlib.Path(path)
    found = [(m.parent, m) for m in sorted(root.rglob(_MANIFEST))]
    found += [(p, p / i) for p in _artifacts(root) if (i := _info_file(p))]
    if not found:
      raise CorpusError(f'{path}: neither a corpus nor an index nor an export')
    for directory, info in found:
      expected = atomic.read_object(info).get(checksums.CRC32)
      try:
        count = checksums.verify(directory, expected)
      except ValueError as e:
        damaged.append(str(e))
        yield f'{directory}: damaged'
      else:
        said = f'{count} files are as they were written'
        yield f'{directory}: {said if count else "has no checksums"}'
  if damaged:
    raise ValueError('; '.join(damaged))


def _read_manifest(root: pathlib.Path) -> dict[str, Any]:
  found = atomic.read_object(
    root / _MANIFEST,
    {'kind': str},
    {'counts': dict, 'settings': dict, 'shards': list},
  )
  whole = all(isinstance(n, int) for n in found.get('counts', {}).values())
  if not whole or not all(
    isinstance(s, str) and '\0' not in s for s in found.get('shards', [])
  ):
    raise ValueError(f'{root / _MANIFEST}: counts or shards are of other types')
  return found


def span_files(path: str) -> list[str]:
  """Returns the files of span records that a path names, maybe none."""
  root = pathlib.Path(path)
  if (root / _MANIFEST).exists():
    manifest = _read_manifest(root)
    shards = manifest.get('shards', []) if manifest['kind'] == 'spans' else []
    return [str(root / shard) for shard in shards]
  if not root.is_file():
    return []
  first = next(readers.raw_records(path, 'blocks'), None)
  return [path] if first and span_records.TEXT in _features(first) else []


def _info_file(directory: pathlib.Path) -> pathlib.Path | None:
  paths = (directory / name for name in _INFO_FILES)
  return next((path for path in paths if path.exists()), None)


def _artifacts(root: pathlib.Path) -> list[pathlib.Path]:
  """`root` itself, or the index versions and exports below it, by step."""
  if _info_file(root):
    return [root]
  found = {p for p in root.rglob('*') if p.is_dir() and _info_file(p)}
  # An index version may contain its embedder.
  outer = [p for p in found if found.isdisjoint(p.parents)]
  return sorted(
    outer,
    key=lambda p: [(int(x) if x.isdigit() else -1, x) for x in p.parts],
  )


def _describe_artifact(directory: pathlib.Path) -> Iterator[str]:
  path = _info_file(directory)
  assert path is not None
  yield f'{directory}'
  for name, value in sorted(atomic.read_object(path).items()):
    if name == checksums.CRC32:
      value = f'{len(value or ())} files'
    yield f'  {name:<24} {json.dumps(value, ensure_ascii=False)}'
  for path in sorted(directory.glob('*.npy')):
    with faults.naming(path):
      array = np.load(path, mmap_mode='r')
    yield f'  {path.name:<24} {array.dtype} {list(array.shape)}'
    if array.ndim == 2 and len(array):
      rows = np.asarray(array[:: -(-len(array) // _SAMPLED_ROWS)], np.float32)
      norms = np.linalg.norm(rows, axis=1)
      # A collapsed embedder gives all documents one direction.
      mean = float(np.linalg.norm((rows / norms[:, None]).mean(0)))
      yield (
        f'    norms {norms.min():.3f} to {norms.max():.3f}, length of the mean'
        f' direction {mean:.3f} (1: all rows point one way)'
      )
  size = sum(p.stat().st_size for p in directory.rglob('*') if p.is_file())
  yield f'  {"size":<24} {size / 1e6:.1f} MB'


def _describe_documents(corpus: Corpus, num: int, skip: int) -> Iterator[str]:
  yield f'{len(corpus):,} blocks'
  rows = range(skip, min(skip + num, len(corpus)))
  lengths = (ids.row_lengths().numpy() for ids in corpus.gather(rows))
  texts = corpus.titles(rows), corpus.bodies(rows)
  names = zip(corpus.record_ids(rows), corpus.urls(rows))
  for row, title, body, name, of_title, of_body in zip(
    rows, *texts, names, *lengths
  ):
    of_record = f' of record {name[0]}' if name[0] else ''
    yield f'--- block {row}{of_record}' + (f', {name[1]}' if name[1] else '')
    yield f'title ({of_title} wordpieces): {title}'
    yield f'body ({of_body} wordpieces): {body}'


def _features(record: readers.RawRecord) -> dict[str, tf.train.Feature]:
  if isinstance(record.payload, MalformedError):
    raise CorpusError(f'{record.where}: {record.payload}')
  with faults.naming(f'{record.where}: no tf.train.Example', CorpusError):
    return dict(tf.train.Example.FromString(record.payload).features.feature)


def _describe_records(path: str, num: int, skip: int) -> Iterator[str]:
  records = readers.raw_records(path, 'blocks', skip)
  yield f'{path} ({os.path.getsize(path) / 1e6:.1f} MB)'
  for record in itertools.islice(records, num):
    feature = _features(record)
    yield f'--- record {record.line}'
    if span_records.TEXT in feature:
      with faults.naming(record.where, CorpusError):
        lines = list(_describe_spans(record.payload))
      yield from lines
      continue
    for name in sorted(feature):
      kind = feature[name].WhichOneof('kind')
      values = getattr(feature[name], kind).value if kind else []
      is_text = name in (block_records.TITLE, block_records.BODY)
      if is_text and kind == 'bytes_list' and values:
        yield f'{name}: {values[0].decode("utf-8", "replace")}'
      else:
        yield f'{name}: {kind} x {len(values)}: {list(values[:8])}'


def _describe_spans(payload: bytes) -> Iterator[str]:
  document = span_records.parse(tf.constant([payload]))
  ((text, sentences, spans),) = document.texts_and_places()
  outside = int(document.outside)
  yield f'title: {document.titles.numpy()[0].decode("utf-8", "replace")}'
  yield (
    f'{len(sentences)} sentences, {len(spans) + outside} spans [[in brackets]]'
  )
  for i, (start, limit) in enumerate(sentences.tolist()):
    parts = []
    position = start
    for a, b, owner in sorted(spans.tolist()):
      if owner == i and a >= position:
        parts += [text[position:a], b'[[', text[a:b], b']]']
        position = b
    parts.append(text[position:limit])
    yield '  ' + b''.join(parts).decode('utf-8', 'replace')
  if outside:
    yield f'  {outside} spans that lie in no sentence'
