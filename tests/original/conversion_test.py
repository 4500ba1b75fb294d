# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import json

import pytest

from realm_tf.configs.conversion_config import ConversionConfig
from realm_tf.original import conversion
from tests.support import original_files

RELEASE, HUGGING_FACE = original_files.RELEASE, original_files.HUGGING_FACE


@pytest.mark.parametrize(
  'source, kind',
  [
    (RELEASE / 'modules', 'models'),
    (RELEASE / 'modules/bert', 'models'),
    (RELEASE / 'modules/embedder/encoded/encoded.ckpt', 'models'),
    (RELEASE / 'orqa', 'models'),
    (RELEASE / 'orqa/export/best_default/checkpoint', 'models'),
    (RELEASE / 'orqa/export/best_default/checkpoint/model.ckpt-30', 'models'),
    (HUGGING_FACE / 'openqa', 'models'),
    (HUGGING_FACE / 'openqa/pytorch_model.bin', 'models'),
    ('https://tfhub.dev/google/realm/1', 'models'),
    (RELEASE / 'orqa_corpus', 'blocks'),
    (RELEASE / 'docs/docs.small.tfr.gz-*', 'blocks'),
  ],
)
def test_what_the_release_holds(source, kind):
  assert conversion.kind_of(str(source)) == kind


@pytest.mark.parametrize(
  'name, line, kind',
  [
    ('a.jsonl', {'title': 'a "question"', 'body': 'b'}, 'blocks'),
    ('a.jsonl', {'id': 3, 'question': 'a', 'answer': ['b']}, 'questions'),
    ('nq.jsonl', {'document_text': 'x', 'question_text': 'a'}, 'questions'),
    ('a.json', [{'question': 'a'}], 'questions'),
    ('a.csv', "who\t['b']", 'questions'),
  ],
)
def test_text_is_looked_into(tmp_path, name, line, kind):
  (tmp_path / 'data').mkdir()
  path = tmp_path / 'data' / name
  path.write_text(line if isinstance(line, str) else json.dumps(line))
  assert conversion.kind_of(str(path)) == kind
  assert conversion.kind_of(str(tmp_path / 'data' / '*')) == kind
  if name != 'a.json':
    assert conversion.kind_of(str(tmp_path / 'data')) == kind


def test_what_is_refused(tmp_path):
  with pytest.raises(ValueError, match='`num_shards` must be at least 1'):
    ConversionConfig(sources=[], output_dir='', num_shards=0)
  (tmp_path / 'corpus' / 'documents').mkdir(parents=True)
  config = ConversionConfig(
    sources=[str(tmp_path / 'corpus')], output_dir=str(tmp_path / 'out')
  )
  assert conversion.kind_of(config.sources[0]) == 'corpus'
  with pytest.raises(FileNotFoundError):
    conversion.convert(config)
  with pytest.raises(FileNotFoundError, match='no such file, directory or'):
    conversion.kind_of(str(tmp_path / 'none'))
