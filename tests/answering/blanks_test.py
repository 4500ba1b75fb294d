# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import json

import numpy as np
import pytest

from realm_tf.answering import blanks
from realm_tf.text.tokenizer import BertTokenizer

VOCAB = '[PAD] [UNK] [CLS] [SEP] [MASK] the sea is são ##o sa paulo big .'
VOCAB = VOCAB.split()


@pytest.fixture(scope='module')
def tokenizer():
  return BertTokenizer(VOCAB)


def test_each_blank_is_one_wordpiece(tokenizer):
  ids = blanks.tokenize_with_blanks(
    tokenizer, ['the [MASK] is big.', '[MASK][MASK]', 'sea', '', 'is [MASK]']
  )
  assert [' '.join(tokenizer.tokens(row)) for row in ids.to_list()] == [
    'the [MASK] is big .',
    '[MASK] [MASK]',
    'sea',
    '',
    'is [MASK]',
  ]


def test_spans_are_bytes_and_blanks_are_counted_in_wordpieces(
  tokenizer, tmp_path
):
  text = 'São Paulo is big.'
  path = tmp_path / 'blanks.jsonl'
  path.write_text(json.dumps({'text': text, 'span': [0, 10], 'title': 't'}))
  (question,) = blanks.read_blank_questions(path)
  assert question.answer == 'São Paulo'
  masked, answers = blanks.masked_ids(tokenizer, [question])
  assert tokenizer.tokens(answers[0]) == ['sa', '##o', 'paulo']
  assert ' '.join(tokenizer.tokens(masked[0])) == (
    '[MASK] [MASK] [MASK] is big .'
  )


def test_malformed_line_is_named(tmp_path):
  path = tmp_path / 'blanks.jsonl'
  path.write_text(
    '{"text": "a", "span": [0, 1]}\n{"text": "a", "span": [0, 9]}'
  )
  assert len(blanks.read_blank_questions(path)) == 1
  with pytest.raises(ValueError, match=r'blanks\.jsonl:2.*0:9'):
    blanks.read_blank_questions(path, strict=True)


@pytest.mark.parametrize(
  'line', ['[1]', '{"text": "a"}', '{"text": "\u00e9", "span": [0, 1]}']
)
def test_a_file_without_blanks_is_an_error(tmp_path, line):
  path = tmp_path / 'blanks.jsonl'
  path.write_text(line)
  with pytest.raises(ValueError, match=r'no blank; .*blanks\.jsonl:1'):
    blanks.read_blank_questions(path)


TARGETS = np.array([[5, 6, 0], [5, 6, 0], [7, 0, 0], [0, 0, 0]])
PREDICTED = np.array([[5, 6, 9], [5, 8, 0], [7, 1, 1], [0, 0, 0]])
MASK = np.array([[1, 1, 0], [1, 1, 0], [1, 0, 0], [0, 0, 0]])


def test_all_wordpieces_of_a_blank_must_be_right():
  np.testing.assert_array_equal(
    blanks.filled_right(PREDICTED, TARGETS, MASK), [True, False, True, False]
  )
