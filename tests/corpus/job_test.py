# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0

import collections
import contextlib
import json
import os
import pathlib
import shutil

import pytest

from realm_tf.configs.corpus_config import JobConfig
from realm_tf.corpus import job, readers, workers
from realm_tf.corpus.document import CorpusError
from realm_tf.io import atomic


class KilledError(Exception):
  pass


def _titles(settings):
  """Makes lines of the titles; fails after `settings` batches."""
  left = [settings]

  def process(batch):
    left[0] -= 1
    if left[0] < 0:
      raise KilledError
    documents, counts, problems = readers.parse_all(batch)
    titles = [d.title for d in documents]
    tallies = {'initials': collections.Counter(t[0] for t in titles)}
    return workers.Result(titles, counts, problems, tallies)

  return process


@contextlib.contextmanager
def _open_part(directory, number, before):
  assert (before is None) == (number == 0)
  facts = {'lines': 0}
  with atomic.atomic_file(directory / f'{number}.txt', 'w') as f:

    def write(titles):
      facts['lines'] += len(titles)
      f.writelines(f'{t}\n' for t in titles)

    yield write, facts


def _finish(directory, notes, total):
  for number in range(len(notes)):
    part = directory / f'{number}.txt'
    if part.exists():
      os.replace(part, directory.parent / f'titles-{number}.txt')
  lines = [note['lines'] for note in notes]
  manifest = {'kind': 'titles', 'lines': lines, **total}
  atomic.write_json(directory.parent / 'manifest.json', manifest)


def _write(corpus_file, output_dir, batches=10**9, settings=None, **kwargs):
  config = JobConfig(
    input=[str(corpus_file)],
    output_dir=str(output_dir),
    num_processes=1,
    progress=False,
    **{'records_per_shard': 512, **kwargs},
  )
  made = job.Job(
    kind='titles',
    files=job.input_files(config),
    make_processor=_titles,
    processor_settings=batches,
    open_part=_open_part,
    finish=_finish,
    settings=settings or {'a': 1},
    outputs=('titles-*.txt', 'more/*.txt'),
  )
  return job.run(config, made)


def _contents(directory):
  return {
    p.name: p.read_bytes()
    for p in pathlib.Path(directory).rglob('*')
    if p.is_file()
  }


def test_writes_everything_once(corpus_file, tmp_path):
  manifest = _write(corpus_file, tmp_path / 'out')
  lines = corpus_file.read_text().splitlines()
  expected = [
    json.loads(line)['title'] for line in lines if '"title": "Town' in line
  ]
  contents = _contents(tmp_path / 'out')
  parts = [contents[f'titles-{i}.txt'].decode() for i in range(3)]
  assert ''.join(parts).splitlines() == expected
  assert manifest['counts'] == {
    'read': 1300,
    'kept': len(expected),
    'malformed': 2,
    'malformed_no_text': 1,
    'malformed_not_json': 1,
    'skipped_list_or_index': 13,
  }
  assert manifest['tallies'] == {'initials': {'T': len(expected)}}
  assert sum(manifest['lines']) == len(expected) == 1300 - 13 - 2
  assert len(contents) == 4


@pytest.mark.parametrize('batches', [0, 1, 2])
def test_resumes_after_the_last_whole_part(corpus_file, tmp_path, batches):
  whole = _write(corpus_file, tmp_path / 'whole')
  with pytest.raises(KilledError):
    _write(corpus_file, tmp_path / 'out', batches)
  assert not (tmp_path / 'out' / 'manifest.json').exists()
  # What is left to do is all that is done.
  resumed = _write(corpus_file, tmp_path / 'out', 3 - batches)
  assert resumed == whole
  assert _contents(tmp_path / 'out') == _contents(tmp_path / 'whole')


def test_several_files_and_a_part_that_ends_between_them(corpus_file, tmp_path):
  lines = corpus_file.read_text().splitlines(keepends=True)
  (tmp_path / 'in').mkdir()
  for i, part in enumerate((lines[:512], lines[512:600], lines[600:])):
    (tmp_path / 'in' / f'{i}.jsonl').write_text(''.join(part))
  whole = _write(corpus_file, tmp_path / 'whole')
  with pytest.raises(KilledError):
    _write(tmp_path / 'in', tmp_path / 'out', 1)
  resumed = _write(tmp_path / 'in', tmp_path / 'out')
  assert resumed['lines'] == whole['lines']
  assert resumed['counts'] == whole['counts']


def test_killed_while_the_parts_get_their_names(
  corpus_file, tmp_path, monkeypatch
):
  whole = _write(corpus_file, tmp_path / 'whole')
  replace = os.replace

  def replace_some(a, b):
    if str(b).endswith('titles-1.txt'):
      raise KilledError
    replace(a, b)

  with monkeypatch.context() as patch, pytest.raises(KilledError):
    patch.setattr(os, 'replace', replace_some)
    _write(corpus_file, tmp_path / 'out')
  assert _write(corpus_file, tmp_path / 'out', 0) == whole
  assert _contents(tmp_path / 'out') == _contents(tmp_path / 'whole')


def test_a_whole_corpus_is_left_alone(corpus_file, tmp_path):
  whole = _write(corpus_file, tmp_path / 'out')
  # As if it was killed after the manifest was written.
  (tmp_path / 'out' / '.unfinished').mkdir()
  (tmp_path / 'out' / '.unfinished' / '00001.json').touch()
  (tmp_path / 'out' / '.documents.tmp-999999999-0123abcd').mkdir()
  assert _write(corpus_file, tmp_path / 'out', 0) == whole
  assert sorted(os.listdir(tmp_path / 'out')) == [
    'manifest.json',
    'titles-0.txt',
    'titles-1.txt',
    'titles-2.txt',
  ]


def test_one_process_at_a_time_writes_an_output(corpus_file, tmp_path):
  with atomic.working_in(tmp_path / 'out'):
    with pytest.raises(BlockingIOError, match='another process .* works in'):
      _write(corpus_file, tmp_path / 'out')
  _write(corpus_file, tmp_path / 'out')


def test_other_settings_are_refused_unless_overwritten(corpus_file, tmp_path):
  out, new = tmp_path / 'out', tmp_path / 'new'
  _write(corpus_file, out)
  with pytest.raises(CorpusError, match=r'whole output .* \(a is 1, not 2\)'):
    _write(corpus_file, out, settings={'a': 2})
  (out / 'mine.txt').touch()
  manifest = _write(
    corpus_file,
    out,
    settings={'a': 2},
    overwrite=True,
    records_per_shard=5000,
  )
  assert manifest['settings']['a'] == 2
  assert set(_contents(out)) == {'manifest.json', 'mine.txt', 'titles-0.txt'}
  with pytest.raises(KilledError):
    _write(corpus_file, new, 1)
  with pytest.raises(CorpusError, match='unfinished output of other settings'):
    _write(corpus_file, new, settings={'a': 2})
  with open(corpus_file, 'a') as f:
    f.write('\n{"title": "New", "text": "New."}\n')
  with pytest.raises(CorpusError, match='the input files differ'):
    _write(corpus_file, new)
  atomic.write_json(out / 'manifest.json', {**manifest, 'kind': 'spans'})
  with pytest.raises(CorpusError, match="is of kind 'spans'"):
    _write(corpus_file, out, settings={'a': 2})


def test_half_a_removal_is_not_taken_for_half_an_output(
  corpus_file, tmp_path, monkeypatch
):
  out = tmp_path / 'out'
  _write(corpus_file, out)
  unlink = pathlib.Path.unlink

  def unlink_some(path, **kwargs):
    if path.name == 'titles-1.txt':
      raise KilledError
    unlink(path, **kwargs)

  with monkeypatch.context() as patch, pytest.raises(KilledError):
    patch.setattr(pathlib.Path, 'unlink', unlink_some)
    _write(corpus_file, out, overwrite=True)
  with pytest.raises(CorpusError, match='titles-1.* is left .*`overwrite`'):
    _write(corpus_file, out)
  _write(corpus_file, out, overwrite=True)
  # Nor are the files of others removed.
  (tmp_path / 'b' / 'more').mkdir(parents=True)
  (tmp_path / 'b' / 'more' / 'mine').touch()
  with pytest.raises(CorpusError, match='more is left'):
    _write(corpus_file, tmp_path / 'b')
  assert (tmp_path / 'b' / 'more' / 'mine').exists()


def test_nothing_is_removed_if_something_else_is_in_the_way(
  corpus_file, tmp_path
):
  out = tmp_path / 'out'
  _write(corpus_file, out)
  (out / 'more').mkdir()
  (out / 'more' / 'mine').touch()
  before = _contents(out)
  with pytest.raises(CorpusError, match='more/mine is not of the output'):
    _write(corpus_file, out, overwrite=True)
  assert _contents(out) == before


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


def test_a_resumed_job_knows_the_problems_before(corpus_file, tmp_path):
  out = tmp_path / 'out'
  with pytest.raises(KilledError):
    _write(corpus_file, out, 2)
  with pytest.raises(CorpusError, match=r'corpus.jsonl:5: not JSON: .*strict'):
    _write(corpus_file, out, strict=True)
  with pytest.raises(KilledError):
    _write(corpus_file, out, 0)
  assert _write(corpus_file, out)['counts']['malformed'] == 2


@pytest.mark.parametrize(
  'content, message',
  [
    ('', r'a.jsonl \(read as jsonl\): 0 records; nothing is written'),
    (
      '{"titel": "x"}\n{"title": "x", "text": " "}\n',
      r'2 records \(1 malformed_no_text, 1 skipped_empty\); the first problem'
      r' is .*a.jsonl:1: no "text" among its fields \(titel\)',
    ),
    ('{"title": "a", "text": "b"}\n{"tit', 'a.jsonl:2: the last line is cut'),
  ],
)
def test_input_without_a_document_or_its_end_leaves_nothing(
  tmp_path, content, message
):
  path, out = tmp_path / 'a.jsonl', tmp_path / 'out'
  path.write_text(content)
  with pytest.raises(CorpusError, match=message):
    _write(path, out)
  assert not list(out.iterdir())
  # The same command with mended input is not refused.
  path.write_text('{"title": "x", "text": "y z"}\n')
  assert _write(path, out)['counts'] == {'read': 1, 'kept': 1}


def test_what_comes_before_the_damage_is_kept_if_accepted(tmp_path):
  path = tmp_path / 'a.jsonl'
  path.write_text('{"title": "a", "text": "b"}\n{"tit')
  manifest = _write(path, tmp_path / 'out', accept_damaged=True)
  assert manifest['counts']['kept'] == manifest['counts']['malformed'] == 1
  assert manifest['counts']['malformed_damaged'] == 1


def test_a_part_keeps_the_most_frequent_tallies(tmp_path, monkeypatch):
  monkeypatch.setattr(job, '_TALLIED', 2)
  titles = 'aaabbc' * 86 + 'cccaab' * 86
  text = ''.join(f'{{"title": "{t}", "text": "x y"}}\n' for t in titles)
  (tmp_path / 'in.jsonl').write_text(text)
  manifest = _write(tmp_path / 'in.jsonl', tmp_path / 'out')
  counted = [
    collections.Counter(titles[:512]),
    collections.Counter(titles[512:]),
  ]
  expected = collections.Counter()
  for its in counted:
    expected.update(dict(its.most_common(2)))
  assert manifest['tallies'] == {'initials': dict(expected)}


def test_describe_counts():
  files = [{'path': f'{i}.csv', 'format': 'csv'} for i in range(5)]
  files.append({'path': 'a', 'format': 'text'})
  text = job.describe_counts(
    {
      'kind': 'corpus',
      'counts': {'kept': 1, 'read': 20000},
      'settings': {'input': files},
    }
  )
  assert [' '.join(line.split()) for line in text.splitlines()] == [
    'corpus',
    'read as csv 0.csv, 1.csv, 2.csv and 2 more',
    'read as text a',
    'read 20,000',
    'kept 1',
  ]
