# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import pytest

from realm_tf.corpus.corpus import Corpus
from realm_tf.original import original_corpus
from tests.support import original_files, tiny_world

DOCS = str(original_files.RELEASE / 'docs' / 'docs.small.tfr.gz-*')


def test_there_and_back(tmp_path):
  vocab = f'--vocab_file={original_files.VOCAB}'
  result = tiny_world.call_forked(
    'convert_corpus', f'--from={DOCS}', f'--to={tmp_path}/ours', vocab
  )
  assert result.returncode == 0, result.stderr
  assert result.stdout.strip() == f'24 blocks in {tmp_path}/ours'
  assert len(Corpus.open(tmp_path / 'ours' / 'documents')) == 24
  for kind, source in (('realm', 'realm/docs.tfr.gz-*'), ('orqa', 'orqa')):
    result = tiny_world.call_forked(
      'convert_corpus',
      f'--from={tmp_path}/ours',
      f'--to={tmp_path}/{kind}',
      f'--format={kind}',
      '--num_shards=3',
      vocab,
    )
    assert result.returncode == 0, result.stderr
    again = list(original_corpus.read(str(tmp_path / source)))
    assert again == list(original_corpus.read(DOCS))


@pytest.mark.parametrize(
  'flags, reason',
  [
    (['--from=/no/where'], '--from: no file matches'),
    ([f'--from={DOCS}', '--vocab_file=/no/vocab'], '/no/vocab'),
    (['--from=/no/where', '--format=realm'], 'has no document store'),
  ],
)
def test_errors_are_one_line(tmp_path, flags, reason):
  result = tiny_world.call_forked(
    'convert_corpus',
    f'--to={tmp_path}/out',
    f'--vocab_file={original_files.VOCAB}',
    *flags,
  )
  said = tiny_world.last_line(result)
  assert said.startswith('convert_corpus: ') and reason in said, said
  assert not (tmp_path / 'out').exists()


def test_nothing_is_overwritten(tmp_path):
  (tmp_path / 'precious').touch()
  result = tiny_world.call_forked(
    'convert_corpus', f'--from={DOCS}', f'--to={tmp_path}', '--vocab_file=x'
  )
  assert 'is there already' in tiny_world.last_line(result)
