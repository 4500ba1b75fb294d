# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0

import json
import os
import pathlib
import shutil

import pytest
import tensorflow as tf

from realm_tf.configs.corpus_config import ShardingConfig
from realm_tf.corpus import processes, readers, sharding
from realm_tf.corpus.document import CorpusError


class KilledError(Exception):
  pass


def _titles(settings):
  """Makes records of the titles; fails behind so many batches."""
  left = [settings]

  def process(batch):
    left[0] -= 1
    if left[0] < 0:
      raise KilledError
    documents, counts, problems = readers.parse_all(batch)
    return processes.Result(
      [d.title.encode() for d in documents], counts, problems
    )

  return process


def _write(corpus_file, output_dir, batches=10**9, settings=None, **kwargs):
  config = ShardingConfig(
    input=str(corpus_file),
    output_dir=str(output_dir),
    num_processes=1,
    progress=False,
    **{'records_per_shard': 512, **kwargs},
  )
  return sharding.write_sharded(
    config, 'titles', _titles, batches, settings or {'a': 1}
  )


def _contents(directory):
  return {
    p.name: p.read_bytes()
    for p in pathlib.Path(directory).rglob('*')
    if p.is_file()
  }


def _records(directory, manifest):
  dataset = tf.data.TFRecordDataset(
    [str(directory / s) for s in manifest['shards']], compression_type='GZIP'
  )
  return [r.decode() for r in dataset.as_numpy_iterator()]


def test_writes_everything_once(corpus_file, tmp_path):
  manifest = _write(corpus_file, tmp_path / 'out')
  assert manifest['shards'] == [
    f'titles-0000{i}-of-00003.tfrecord.gz' for i in range(3)
  ]
  lines = corpus_file.read_text().splitlines()
  expected = [
    json.loads(line)['title'] for line in lines if '"title": "Town' in line
  ]
  assert _records(tmp_path / 'out', manifest) == expected
  assert manifest['counts'] == {
    'read': 1300,
    'kept': len(expected),
    'malformed': 2,
    'skipped_list_or_index': 13,
  }
  assert sum(manifest['records_in_shards']) == len(expected)
  assert manifest['counts']['read'] == len(expected) + 13 + 2
  assert set(_contents(tmp_path / 'out')) == {
    'manifest.json',
    *manifest['shards'],
  }


@pytest.mark.parametrize('batches', [0, 1, 2])
def test_goes_on_behind_the_last_whole_shard(corpus_file, tmp_path, batches):
  whole = _write(corpus_file, tmp_path / 'whole')
  with pytest.raises(KilledError):
    _write(corpus_file, tmp_path / 'out', batches)
  assert not (tmp_path / 'out' / 'manifest.json').exists()
  # What is left to do is all that is done.
  resumed = _write(corpus_file, tmp_path / 'out', 3 - batches)
  assert resumed == whole
  assert _contents(tmp_path / 'out') == _contents(tmp_path / 'whole')


def test_several_files_and_a_shard_that_ends_between_them(
  corpus_file, tmp_path
):
  lines = corpus_file.read_text().splitlines(keepends=True)
  (tmp_path / 'in').mkdir()
  for i, part in enumerate((lines[:512], lines[512:600], lines[600:])):
    (tmp_path / 'in' / f'{i}.jsonl').write_text(''.join(part))
  whole = _write(corpus_file, tmp_path / 'whole')
  with pytest.raises(KilledError):
    _write(tmp_path / 'in', tmp_path / 'out', 1)
  resumed = _write(tmp_path / 'in', tmp_path / 'out')
  assert resumed['fingerprint'] == whole['fingerprint']
  assert resumed['counts'] == whole['counts']


def test_killed_while_the_shards_get_their_names(
  corpus_file, tmp_path, monkeypatch
):
  whole = _write(corpus_file, tmp_path / 'whole')
  replace = sharding.os.replace
  monkeypatch.setattr(
    sharding.os,
    'replace',
    lambda a, b: (
      replace(a, b)
      if not str(b).endswith('titles-00001-of-00003.tfrecord.gz')
      else (_ for _ in ()).throw(KilledError())
    ),
  )
  with pytest.raises(KilledError):
    _write(corpus_file, tmp_path / 'out')
  monkeypatch.undo()
  assert _write(corpus_file, tmp_path / 'out', 0) == whole
  assert _contents(tmp_path / 'out') == _contents(tmp_path / 'whole')


def test_a_whole_corpus_is_left_alone(corpus_file, tmp_path):
  whole = _write(corpus_file, tmp_path / 'out')
  assert _write(corpus_file, tmp_path / 'out', 0) == whole


def test_other_settings_are_refused_unless_overwritten(corpus_file, tmp_path):
  _write(corpus_file, tmp_path / 'out')
  with pytest.raises(CorpusError, match=r'whole corpus .* \(a is 1, not 2\)'):
    _write(corpus_file, tmp_path / 'out', settings={'a': 2})
  manifest = _write(
    corpus_file,
    tmp_path / 'out',
    settings={'a': 2},
    overwrite=True,
    records_per_shard=5000,
  )
  assert manifest['settings']['a'] == 2
  assert len(_contents(tmp_path / 'out')) == 2
  with pytest.raises(KilledError):
    _write(corpus_file, tmp_path / 'new', 1)
  with pytest.raises(CorpusError, match='unfinished corpus of other settings'):
    _write(corpus_file, tmp_path / 'new', settings={'a': 2})
  with open(corpus_file, 'a') as f:
    f.write('\n{"title": "New", "text": "New."}\n')
  with pytest.raises(CorpusError, match='the input files differ'):
    _write(corpus_file, tmp_path / 'new')


def _change(path, old, new):
  content = path.read_bytes()
  assert old in content and len(old) == len(new)
  path.write_bytes(content.replace(old, new, 1))


def test_an_edit_that_keeps_the_size_is_other_input(corpus_file, tmp_path):
  _write(corpus_file, tmp_path / 'out')
  with pytest.raises(KilledError):
    _write(corpus_file, tmp_path / 'half', 1)
  _change(corpus_file, b'"Town 1299"', b'"Town 9999"')
  for output_dir in ('out', 'half'):
    with pytest.raises(CorpusError, match='files differ: corpus.jsonl'):
      _write(corpus_file, tmp_path / output_dir)


def test_a_copy_is_the_same_input_and_a_namesake_is_not(corpus_file, tmp_path):
  whole = _write(corpus_file, tmp_path / 'whole')
  with pytest.raises(KilledError):
    _write(corpus_file, tmp_path / 'half', 1)
  for name in ('copy', 'other'):
    (tmp_path / name).mkdir()
    shutil.copyfile(corpus_file, tmp_path / name / corpus_file.name)
  os.utime(tmp_path / 'copy' / corpus_file.name, (1, 1))
  _change(tmp_path / 'other' / corpus_file.name, b'"Town 1"', b'"Town A"')
  with pytest.raises(CorpusError, match='files differ: corpus.jsonl'):
    _write(tmp_path / 'other', tmp_path / 'half')
  assert _write(tmp_path / 'copy', tmp_path / 'half') == whole
  shutil.copyfile(corpus_file, tmp_path / 'copy' / 'more.jsonl')
  with pytest.raises(CorpusError, match='files differ: more.jsonl'):
    _write(tmp_path / 'copy', tmp_path / 'half')


def test_strict_ends_at_the_first_malformed_line(corpus_file, tmp_path):
  with pytest.raises(CorpusError, match=r'corpus.jsonl:5: not JSON: .*strict'):
    _write(corpus_file, tmp_path / 'out', strict=True)


def test_empty_input_gives_an_empty_shard(tmp_path):
  (tmp_path / 'empty.jsonl').write_text('')
  manifest = _write(tmp_path / 'empty.jsonl', tmp_path / 'out')
  assert manifest['counts'] == {'read': 0}
  assert _records(tmp_path / 'out', manifest) == []


def test_describe_counts():
  text = sharding.describe_counts(
    {'kind': 'blocks', 'shards': ['a'], 'counts': {'kept': 1, 'read': 20000}}
  )
  assert text.splitlines()[1].split() == ['read', '20,000']
