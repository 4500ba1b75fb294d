# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import collections
import hashlib
import os

import pytest

from realm_tf.corpus import shards as shards_lib
from realm_tf.corpus.document import CorpusError
from realm_tf.corpus.shards import Shards
from realm_tf.io import atomic

SETTINGS = {'size': 288, 'input': [{'path': 'a', 'digest': '1'}]}
# A number that no process has.
DEAD = 1 << 30


class KilledError(Exception):
  pass


def opened(directory, kind='blocks', settings=None, **kwargs):
  shards = Shards(str(directory), kind, settings or SETTINGS)
  return shards, shards.open(**kwargs)


def write(shards, *records, **more):
  """Makes a shard of one batch for each record, as a build does."""
  shards.data_file(len(shards.notes)).write_bytes(b''.join(records))
  shards.add(
    {
      'counts': {'read': len(records)},
      'digests': [hashlib.sha256(r).hexdigest() for r in records],
      'num_records': len(records),
      **more,
    }
  )


def names(directory):
  return sorted(p.name for p in directory.iterdir())


def test_the_fingerprint_does_not_depend_on_the_shards(tmp_path):
  manifests = []
  for name, cuts in (('a', [3]), ('b', [1, 2]), ('c', [2, 0, 1])):
    shards, _ = opened(tmp_path / name)
    records = iter([b'x', b'yy', b'z'])
    for count in cuts:
      write(shards, *(next(records) for _ in range(count)))
    manifests.append(shards.finish({'vocab_size': 9}, None))
    assert manifests[-1]['records_in_shards'] == cuts
    assert atomic.read_json(tmp_path / name / 'manifest.json') == manifests[-1]
    files = [tmp_path / name / s for s in manifests[-1]['shards']]
    assert b''.join(f.read_bytes() for f in files) == b'xyyz'
    assert len(names(tmp_path / name)) == len(cuts) + 1
  assert len({m['fingerprint'] for m in manifests}) == 1
  assert all(m['counts'] == {'read': 3} for m in manifests)
  assert all(m['vocab_size'] == 9 for m in manifests)
  shards, _ = opened(tmp_path / 'd')
  write(shards, b'yy', b'x', b'z')
  assert shards.finish({}, None)['fingerprint'] != manifests[0]['fingerprint']


def test_goes_on_behind_the_last_shard_that_has_a_note(tmp_path):
  shards, _ = opened(tmp_path)
  write(shards, b'x', position=[0, 1])
  write(shards, b'y', position=[0, 2])
  # Half-written by a process that died, and whole but without a note.
  half = shards.unfinished / f'.00002.tfrecord.gz.tmp-{DEAD}-0123abcd'
  half.write_bytes(b'hal')
  shards.data_file(2).write_bytes(b'whole')
  again, manifest = opened(tmp_path)
  assert manifest is None
  assert [n['position'] for n in again.notes] == [[0, 1], [0, 2]]
  assert not half.exists()
  write(again, b'z')
  manifest = again.finish({}, None)
  third = tmp_path / 'blocks-00002-of-00003.tfrecord.gz'
  assert third.read_bytes() == b'z'
  assert manifest['counts'] == {'read': 3}
  assert opened(tmp_path)[1] == manifest
  # Others begin anew on purpose.
  more, _ = opened(tmp_path / 'more')
  write(more, b'x')
  more.forget()
  assert more.notes == [] and opened(tmp_path / 'more')[0].notes == []


def test_statistics_are_of_what_the_shards_keep(tmp_path, monkeypatch):
  monkeypatch.setattr(shards_lib, '_TALLIED', 2)
  shards, _ = opened(tmp_path)
  for record, text in ((b'x', 'aaabbc'), (b'y', 'cccaab')):
    kept = shards_lib.most_frequent({'letters': collections.Counter(text)})
    write(shards, record, tallies=kept)
  write(shards, b'z')
  shards.finish({}, lambda counts, tallies: {**counts, **tallies})
  found = atomic.read_json(tmp_path / shards_lib.STATISTICS)
  assert found == {'read': 3, 'letters': {'a': 5, 'b': 2, 'c': 3}}


@pytest.mark.parametrize(
  ('change', 'said'),
  [
    ({'size': 100}, 'size is 288, not 100'),
    ({'more': 1}, 'more is None, not 1'),
    ({'input': [{'path': 'a', 'digest': '2'}]}, 'files differ: a'),
    ({'input': []}, 'files differ: a'),
    ({'input': [*SETTINGS['input']] * 2}, 'files differ: their order'),
  ],
)
@pytest.mark.parametrize('is_whole', [False, True])
def test_other_settings_are_named(tmp_path, change, said, is_whole):
  shards, _ = opened(tmp_path)
  write(shards, b'x')
  if is_whole:
    shards.finish({}, None)
  what = 'whole' if is_whole else 'unfinished'
  with pytest.raises(CorpusError, match=f'{what} corpus of other.*{said}'):
    opened(tmp_path, settings={**SETTINGS, **change})
  with pytest.raises(CorpusError, match="is of kind 'blocks'"):
    opened(tmp_path, 'spans')


def test_overwriting_removes_what_a_build_of_its_kind_left(tmp_path):
  shards, _ = opened(tmp_path, settings={'size': 1})
  for record in (b'x', b'y'):
    write(shards, record)
  shards.finish({}, lambda counts, _: counts)
  for name in ('spans-00000-of-00001.tfrecord.gz', 'blocks-of-mine.txt'):
    (tmp_path / name).touch()
  shards, manifest = opened(tmp_path, overwrite=True)
  assert manifest is None and shards.notes == []
  write(shards, b'z')
  shards.finish({}, None)
  assert names(tmp_path) == [
    'blocks-00000-of-00001.tfrecord.gz',
    'blocks-of-mine.txt',
    'manifest.json',
    'spans-00000-of-00001.tfrecord.gz',
  ]


def test_half_a_removal_is_not_taken_for_half_a_build(tmp_path, monkeypatch):
  def remove_one(path, **_):
    (path / '00000.tfrecord.gz').unlink()
    raise KilledError

  def remove_all_but_one(path, **_):
    if path.name.startswith('blocks-00001'):
      raise KilledError
    if path.exists():
      os.unlink(path)

  for is_whole, patched in (
    (False, (shards_lib.shutil, 'rmtree', remove_one)),
    (True, (shards_lib.pathlib.Path, 'unlink', remove_all_but_one)),
  ):
    shards, _ = opened(tmp_path, overwrite=True)
    for record in (b'x', b'y'):
      write(shards, record)
    if is_whole:
      shards.finish({}, None)
    with monkeypatch.context() as patch, pytest.raises(KilledError):
      patch.setattr(*patched)
      opened(tmp_path, overwrite=True)
    for settings in (SETTINGS, {'size': 1}):
      with pytest.raises(CorpusError, match='0000.* is left.*--overwrite'):
        opened(tmp_path, settings=settings)
  shards, _ = opened(tmp_path, overwrite=True)
  write(shards, b'z')
  shards.finish({}, None)
  assert names(tmp_path) == [
    'blocks-00000-of-00001.tfrecord.gz',
    'manifest.json',
  ]
