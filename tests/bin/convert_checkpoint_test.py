# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import pytest

from realm_tf.original import corpus_conversion, original_corpus
from realm_tf.text.tokenizer import BertTokenizer
from tests.support import original_files, tiny_world

MODULES = original_files.RELEASE / 'modules'


def test_modules_are_converted_and_searched(tmp_path):
  source = str(original_files.RELEASE / 'orqa_corpus')
  corpus_conversion.to_corpus(
    original_corpus.read(source),
    str(tmp_path / 'corpus'),
    BertTokenizer.from_file(original_files.VOCAB),
    source=source,
    show_progress=False,
  )
  result = tiny_world.call(
    'convert_checkpoint',
    f'--from={MODULES}',
    f'--to={tmp_path}/model',
    f'--corpus_dir={tmp_path}/corpus',
  )
  assert result.returncode == 0, result.stderr
  words = [line.split('  ')[0] for line in result.stdout.splitlines()]
  assert words == [
    *('found', 'found', 'mapped', 'mapped', 'compared', 'mapped'),
    *('left over', 'written', 'written', 'written'),
  ]
  result = tiny_world.call_forked(
    'search',
    f'--model_dir={tmp_path}/model',
    f'--corpus_dir={tmp_path}/corpus',
    '--query=The capital of Bali is [MASK].',
    '--num_documents=2',
    '--query_seq_len=16',
    '--candidate_seq_len=32',
  )
  assert result.returncode == 0, result.stderr
  assert '(no document)' in result.stdout and 'blank 1:' in result.stdout


@pytest.mark.parametrize(
  'flags, reason',
  [
    ([f'--from={MODULES}', '--corpus_dir=/no/where'], 'has no document store'),
    (['--from=/no/where'], '/no/where: no such'),
    ([f'--from={original_files.HUGGING_FACE}/openqa'], 'give --vocab_file'),
  ],
)
def test_errors_are_one_line(tmp_path, flags, reason):
  result = tiny_world.call_forked(
    'convert_checkpoint', f'--to={tmp_path}/out', *flags
  )
  said = tiny_world.last_line(result)
  assert said.startswith('convert_checkpoint: ') and reason in said, said
  assert not (tmp_path / 'out').exists()
