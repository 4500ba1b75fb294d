# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Records and directories in words, for people."""

import itertools
import json
import os
import pathlib
from collections.abc import Iterator, Mapping

import numpy as np
import tensorflow as tf

from realm_tf.corpus import block_records, readers, sharding
from realm_tf.corpus.document import CorpusError, MalformedError
from realm_tf.io import atomic
from realm_tf.spans import span_records

# Rows of an array that are looked at for its statistics.
_SAMPLED_ROWS = 10_000


def describe(path: str, num_records: int = 3, skip: int = 0) -> Iterator[str]:
  """Describes a record file, a corpus, an index or a document store.

  Args:
    path: A TFRecord file; or a directory with `manifest.json` (a corpus),
      `metadata.json` (an index version, a document store), or of versions.
    num_records: Records to show.
    skip: Records to pass over first.

  Yields:
    Lines.

  Raises:
    CorpusError: It is none of these.
  """
  root = pathlib.Path(path)
  if root.is_file():
    yield from _describe_records(path, num_records, skip)
  elif (root / 'manifest.json').exists():
    manifest = atomic.read_json(root / 'manifest.json')
    yield sharding.describe_counts(manifest)
    yield f'  fingerprint {manifest["fingerprint"]}'
    settings = {k: v for k, v in manifest['settings'].items() if k != 'input'}
    yield f'  settings {json.dumps(settings, sort_keys=True)}'
    for source in manifest['settings']['input']:
      yield f'  from {source["path"]} ({source["format"]})'
    for shard in manifest['shards'][:1]:
      yield from _describe_records(str(root / shard), num_records, skip)
  elif (root / 'metadata.json').exists():
    yield from _describe_arrays(root)
  else:
    versions = [p.parent for p in root.glob('*/metadata.json')]
    if not versions:
      raise CorpusError(
        f'{path}: neither a record file nor a directory with manifest.json or'
        ' metadata.json'
      )
    for version in sorted(versions, key=_version_key):
      yield from _describe_arrays(version)


def span_files(path: str) -> list[str]:
  """Returns the files of span records that a path names, maybe none."""
  root = pathlib.Path(path)
  manifest = root / 'manifest.json'
  if manifest.exists():
    found = atomic.read_json(manifest)
    shards = found['shards'] if found['kind'] == 'spans' else []
    return [str(root / shard) for shard in shards]
  if not root.is_file():
    return []
  first = next(readers.raw_records(path, 'blocks'), None)
  return [path] if first and span_records.TEXT in _features(first) else []


def _version_key(path: pathlib.Path) -> tuple[int, str]:
  return (int(path.name) if path.name.isdigit() else -1, path.name)


def _describe_arrays(directory: pathlib.Path) -> Iterator[str]:
  metadata = atomic.read_json(directory / 'metadata.json')
  yield f'{directory}'
  for name in sorted(metadata):
    yield f'  {name:<24} {json.dumps(metadata[name], ensure_ascii=False)}'
  for path in sorted(directory.glob('*.npy')):
    array = np.load(path, mmap_mode='r')
    yield f'  {path.name:<24} {array.dtype} {list(array.shape)}'
    if array.ndim == 2 and len(array):
      rows = np.asarray(array[:: -(-len(array) // _SAMPLED_ROWS)], np.float32)
      norms = np.linalg.norm(rows, axis=1)
      # One direction for all is how a collapsed embedder shows.
      mean = float(np.linalg.norm((rows / norms[:, None]).mean(0)))
      yield (
        f'    norms {norms.min():.3f} to {norms.max():.3f}, length of the mean'
        f' direction {mean:.3f} (1: all rows point one way)'
      )
  size = sum(p.stat().st_size for p in directory.rglob('*') if p.is_file())
  yield f'  {"size":<24} {size / 1e6:.1f} MB'


def _features(record: readers.RawRecord) -> Mapping[str, tf.train.Feature]:
  if isinstance(record.payload, MalformedError):
    raise CorpusError(f'{record.where}: {record.payload}')
  try:
    return tf.train.Example.FromString(record.payload).features.feature
  except Exception as e:
    # As in block_records: protobuf's error has no lasting name.
    raise CorpusError(f'{record.where}: no tf.train.Example: {e}') from e


def _describe_records(path: str, num: int, skip: int) -> Iterator[str]:
  records = readers.raw_records(path, 'blocks', skip)
  yield f'{path} ({os.path.getsize(path) / 1e6:.1f} MB)'
  for record in itertools.islice(records, num):
    feature = _features(record)
    yield f'--- record {record.line}'
    if span_records.TEXT in feature:
      yield from _describe_spans(record.payload)
    elif block_records.BODY in feature:
      yield from _describe_block(feature)
    else:
      for name in sorted(feature):
        kind = feature[name].WhichOneof('kind')
        values = getattr(feature[name], kind).value if kind else []
        yield f'{name}: {kind} x {len(values)}: {list(values[:8])}'


def _describe_block(feature) -> Iterator[str]:
  title = feature[block_records.TITLE].bytes_list.value[0].decode()
  body = feature[block_records.BODY].bytes_list.value[0].decode()
  title_ids = feature[block_records.TITLE_TOKEN_IDS].int64_list.value
  body_ids = feature[block_records.BODY_TOKEN_IDS].int64_list.value
  yield f'title ({len(title_ids)} wordpieces): {title}'
  yield f'body ({len(body_ids)} wordpieces): {body}'


def _describe_spans(payload: bytes) -> Iterator[str]:
  document = span_records.parse(tf.constant([payload]))
  ((text, sentences, spans),) = document.texts_and_places()
  outside = int(document.outside)
  yield f'title: {document.titles.numpy()[0].decode()}'
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
