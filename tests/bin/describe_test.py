# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0

from tests.support import tiny_world


def test_corpus_and_spans(world):
  done = tiny_world.call_forked(
    'describe',
    f'--vocab_file={world}/vocab.txt',
    '--query_seq_len=7',
    f'{world}/spans',
    f'{world}/corpus',
  )
  assert done.returncode == 0, done.stderr
  assert '--- block 2 of record 2\ntitle (' in done.stdout
  assert 'People in [[' in done.stdout
  # The corpus holds no spans.
  assert done.stdout.count('what an epoch of masking makes of it') == 1
  counts = {
    line[:42].strip(): int(line[42:].replace(',', ''))
    for line in done.stdout.split('makes of it\n')[1].splitlines()[:10]
  }
  assert counts['documents, one sentence drawn of each'] == 60
  used, dropped = 'used: a span of it is masked', 'no span can be used'
  assert counts[used] + counts[f'dropped: {dropped}'] == 60
  # All but the name at the beginning of the first sentence.
  assert counts['truncated (beyond 7)'] > 0
  assert counts['too long (over 10 wordpieces)'] == 0


def test_errors_are_one_line(tmp_path):
  done = tiny_world.call_forked('describe', str(tmp_path))
  assert tiny_world.last_line(done).startswith(f'describe: {tmp_path}: neither')
  done = tiny_world.call_forked('describe')
  assert tiny_world.last_line(done) == (
    'describe: name a file or a directory to describe'
  )
