# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0

import json
import subprocess
import time

import pytest

from realm_tf.corpus.corpus import Corpus
from tests.support import tiny_world


@pytest.fixture
def world(tmp_path):
  tiny_world.write(tmp_path / 'world')
  return tmp_path / 'world'


def _flags(world, out):
  return (
    f'--input={world}/knowledge.jsonl',
    f'--vocab_file={world}/vocab.txt',
    f'--output_dir={out}',
  )


def test_builds(world, tmp_path):
  with open(world / 'knowledge.jsonl', 'a') as f:
    f.write('broken\n')
  done = tiny_world.call('build_corpus', *_flags(world, tmp_path / 'out'))
  assert done.returncode == 0, done.stderr
  assert f'{world}/knowledge.jsonl:61: not JSON' in done.stderr
  counts = {
    line.split()[0]: line.split()[1] for line in done.stdout.splitlines()[1:]
  }
  assert (counts['read'], counts['kept'], counts['malformed']) == (
    '61', '60', '1',
  )  # fmt: skip
  documents = Corpus.open(tmp_path / 'out' / 'documents')
  manifest = json.loads((tmp_path / 'out' / 'manifest.json').read_text())
  assert len(documents) == manifest['counts']['blocks'] == 60
  assert documents.vocab_fingerprint == manifest['vocab_fingerprint']
  lines = (world / 'knowledge.jsonl').read_text().splitlines()
  titles = [json.loads(line)['title'] for line in lines[:60]]
  assert documents.titles(list(range(60))) == titles


def test_malformed_input_is_counted_or_the_end(world, tmp_path):
  with open(world / 'knowledge.jsonl', 'a') as f:
    f.write('{"title": ' + '[' * 100_000 + '\n')
  (world / 'dump.xml').write_text(
    '<mediawiki><page><title>A</title><ns>x</ns><revision><text>A is.</text>'
    '</revision></page></mediawiki>'
  )
  flags = (
    *_flags(world, tmp_path / 'out'),
    f'--input={world}/knowledge.jsonl,{world}/dump.xml',
  )
  done = tiny_world.call_forked('build_corpus', *flags)
  assert done.returncode == 0, done.stderr
  assert "dump.xml: page 1 ('A'): its <ns> is no number" in done.stderr
  assert 'knowledge.jsonl:61: nested too deeply' in done.stderr
  assert ['malformed', '2'] in [x.split() for x in done.stdout.splitlines()]
  strict = tiny_world.call_forked(
    'build_corpus', *flags, '--strict', '--overwrite'
  )
  assert strict.returncode == 1
  last = strict.stderr.strip().splitlines()[-1]
  assert last.startswith('build_corpus: ') and 'page 1' in last


@pytest.mark.parametrize(
  'flags, message',
  [
    (['--input=/no/file'], "--input: no file matches '/no/file'"),
    (['--vocab_file=/no/vocab'], '--vocab_file: /no/vocab'),
    (['--strict'], 'knowledge.jsonl:61: not JSON'),
  ],
)
def test_errors_are_one_line(world, tmp_path, flags, message):
  with open(world / 'knowledge.jsonl', 'a') as f:
    f.write('broken\n')
  done = tiny_world.call_forked(
    'build_corpus', *_flags(world, tmp_path / 'o'), *flags
  )
  assert done.returncode == 1
  last = done.stderr.strip().splitlines()[-1]
  assert last.startswith('build_corpus: ')
  assert message in last
  assert 'Traceback' not in done.stderr


def test_killed_builds_go_on(world, tmp_path):
  lines = (world / 'knowledge.jsonl').read_text()
  (world / 'knowledge.jsonl').write_text(lines * 200)
  flags = (*_flags(world, tmp_path / 'out'), '--records_per_shard=512')
  process = subprocess.Popen(
    tiny_world.command('build_corpus', *flags),
    cwd=tiny_world.ROOT,
    env=tiny_world.environment(),
    stdout=subprocess.DEVNULL,
    stderr=subprocess.DEVNULL,
  )
  first = tmp_path / 'out' / '.unfinished' / '00000.json'
  end = time.time() + 120
  while not first.exists() and process.poll() is None and time.time() < end:
    time.sleep(0.01)
  process.kill()
  process.wait()
  assert not (tmp_path / 'out' / 'manifest.json').exists()
  done = tiny_world.call_forked('build_corpus', *flags)
  assert done.returncode == 0, done.stderr
  whole = tiny_world.call_forked(
    'build_corpus', *flags, f'--output_dir={tmp_path / "whole"}'
  )
  assert whole.returncode == 0, whole.stderr
  manifests = [
    json.loads((tmp_path / d / 'manifest.json').read_text())
    for d in ('out', 'whole')
  ]
  assert manifests[0] == manifests[1]
  assert manifests[0]['counts']['read'] == 12000
  assert 'resuming after part' in done.stderr
