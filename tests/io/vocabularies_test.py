# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import json

import pytest

from realm_tf.io import vocabularies


def test_reads_lines(tmp_path):
  path = tmp_path / 'vocab.txt'
  path.write_bytes('\ufeff[PAD]\r\nà\n\u2028\n'.encode())
  assert vocabularies.read_vocab(path) == ['[PAD]', 'à', '\u2028']


def test_reads_a_tokenizer(tmp_path):
  path = tmp_path / 'tokenizer.json'
  model = {'vocab': {'b': 1, '[PAD]': 0}}
  path.write_text(json.dumps({'model': model, 'normalizer': None}))
  assert vocabularies.read_vocab(path) == ['[PAD]', 'b']
  assert vocabularies.says_lower_case(path) is None


@pytest.mark.parametrize(
  ('settings', 'message'),
  [
    ({'strip_accents': False}, '`strip_accents` False .* not supported'),
    ({'do_lower_case': False, 'strip_accents': True}, '`strip_accents` True'),
    ({'tokenize_chinese_chars': False}, '`tokenize_chinese_chars` False'),
    ({'word_tokenizer_type': 'mecab'}, '`word_tokenizer_type` mecab'),
    ({'strip_accents': True, 'tokenize_chinese_chars': True}, None),
    ({'do_lower_case': False, 'strip_accents': False}, None),
    ({'strip_accents': None}, None),
  ],
)
@pytest.mark.parametrize('name', ['tokenizer_config.json', 'tokenizer.json'])
def test_settings_are_honored_or_refused(tmp_path, settings, message, name):
  (tmp_path / 'vocab.txt').write_text('a\n')
  path = tmp_path / 'vocab.txt'
  if name == 'tokenizer.json':
    path = tmp_path / name
    chinese = 'tokenize_chinese_chars', 'handle_chinese_chars'
    message = message and message.replace(*chinese)
    settings = {
      'lowercase': settings.get('do_lower_case', True),
      **{k.replace(*chinese): v for k, v in settings.items()},
    }
    settings = {'model': {'vocab': {'a': 0}}, 'normalizer': settings}
  (tmp_path / name).write_text(json.dumps(settings))
  if message is None:
    assert vocabularies.read_vocab(path) == ['a']
  else:
    with pytest.raises(ValueError, match=f'{name}: {message}'):
      vocabularies.read_vocab(path)


@pytest.mark.parametrize(
  ('found', 'message'),
  [
    ({'model': {'type': 'BPE', 'vocab': {}}}, 'a BPE tokenizer'),
    ({'model': {'type': 'Unigram', 'vocab': []}}, 'not a tokenizer of wordp'),
    ({'model': {'vocab': {'a': 0, 'b': 2}}}, 'the ids of its .* have gaps'),
    ([], 'not a tokenizer of wordpieces'),
    (
      {'model': {'vocab': {'a': 0}, 'continuing_subword_prefix': '@@'}},
      "`continuing_subword_prefix` is '@@'",
    ),
    (
      {'model': {'vocab': {'a': 0}, 'unk_token': '<unk>'}},
      "`unk_token` is '<unk>'",
    ),
    (
      {'model': {'vocab': {'a': 0}}, 'normalizer': {'type': 'Sequence'}},
      'its normalizer is Sequence',
    ),
  ],
)
def test_other_json_is_refused(tmp_path, found, message):
  path = tmp_path / 'tokenizer.json'
  path.write_text(json.dumps(found))
  with pytest.raises(ValueError, match=message):
    vocabularies.read_vocab(path)
  # Also where the wordpieces themselves are read from another file.
  (tmp_path / 'vocab.txt').write_text('a\n')
  if 'gaps' not in message:
    with pytest.raises(ValueError, match=message):
      vocabularies.read_vocab(tmp_path / 'vocab.txt')
