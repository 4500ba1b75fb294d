# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import json

import numpy as np
import pytest
import tensorflow as tf

from realm_tf.configs.mlm_config import PassageMaskingConfig
from realm_tf.tasks import mlm_examples
from realm_tf.text.tokenizer import BertTokenizer

WORDS = 'the capital of peru is lima its river amazon flows there . 12 zoo'
VOCAB = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', *WORDS.split(), '##ma']


@pytest.fixture(scope='module')
def tokenizer():
  return BertTokenizer(VOCAB)


def _rows(query='The capital of Peru is Lima.', span=(23, 27), n=1, text=None):
  return {
    'query': tf.constant([query] * n),
    'span_start': tf.constant([span[0]] * n),
    'span_limit': tf.constant([span[1]] * n),
    'text': tf.constant([text or 'Its river is the Amazon .'] * n),
  }


def test_span_is_masked_and_its_targets_are_what_stood_there(tokenizer):
  config = PassageMaskingConfig(
    mask_rate=0.0, name_mask_rate=0.0, empty_rate=0.0
  )
  out = mlm_examples.mask_passages(
    _rows(), tokenizer, config, tf.constant([1, 2])
  )
  ids = out['inputs']['input_word_ids'].numpy()[0]
  tokens = tokenizer.tokens(ids)
  assert ' '.join(tokens) == (
    '[CLS] the capital of peru is [MASK] . [SEP] its river is the amazon .'
    ' [SEP]'
  )
  assert out['span_mask'].numpy().sum() == out['mlm_mask'].numpy().sum() == 1
  assert out['mlm_positions'].numpy()[0, 0] == 6
  assert tokenizer.vocab[out['mlm_targets'].numpy()[0, 0]] == 'lima'


def test_rates_of_words_and_names(tokenizer):
  config = PassageMaskingConfig(
    mask_rate=0.2, name_mask_rate=0.6, empty_rate=0.0
  )
  n = 4000
  out = mlm_examples.mask_passages(
    _rows(n=n), tokenizer, config, tf.constant([1, 2])
  )
  unmasked = PassageMaskingConfig(
    mask_rate=0.0, name_mask_rate=0.0, empty_rate=0.0
  )
  clean = mlm_examples.mask_passages(
    _rows(), tokenizer, unmasked, tf.constant([1, 2])
  )
  clean = clean['inputs']['input_word_ids'].numpy()[0]
  positions = out['mlm_positions'].numpy()
  predicted = out['mlm_mask'].numpy() > 0
  counts = np.bincount(positions[predicted], minlength=16) / n
  names = {1, 4, 9, 13}  # The, Peru, Its, Amazon
  for i, share in enumerate(counts):
    if i in (0, 8, 15):
      assert share == 0, 'special wordpieces are not predicted'
    elif i == 6:
      assert share == 1
    else:
      assert share == pytest.approx(0.6 if i in names else 0.2, abs=0.04)
  ids = out['inputs']['input_word_ids'].numpy()
  chosen = ids[:, 4][((positions == 4) & predicted).any(1)]
  assert (chosen == tokenizer.mask_id).mean() == pytest.approx(0.8, abs=0.04)
  assert (chosen == clean[4]).mean() == pytest.approx(0.1, abs=0.04)
  untouched = ids[:, 4][~((positions == 4) & predicted).any(1)]
  assert (untouched == clean[4]).all()


def test_empty_passages_and_passages_without_a_query(tokenizer):
  config = PassageMaskingConfig(empty_rate=1.0)
  out = mlm_examples.mask_passages(
    _rows(), tokenizer, config, tf.constant([1, 2])
  )
  assert out['inputs']['input_mask'].numpy().sum() == 10
  out = mlm_examples.mask_passages(
    _rows(query='', span=(0, 0)), tokenizer, config, tf.constant([1, 2])
  )
  assert out['inputs']['input_mask'].numpy().sum() == 9
  assert out['span_mask'].numpy().sum() == 0


def test_batches_resume_where_they_were(tokenizer, tmp_path, caplog):
  path = tmp_path / 'passages.jsonl'
  lines = [
    json.dumps({'query': f'The zoo is {i} .', 'span': [11, 12], 'text': WORDS})
    for i in range(40)
  ]
  lines.insert(3, '{"query": "Lima", "span": [3, 9], "text": "x"}')
  path.write_text('\n'.join(lines))

  def batches(start, count):
    dataset = mlm_examples.mlm_batches(
      str(path),
      tokenizer,
      PassageMaskingConfig(),
      batch_size=8,
      seed=3,
      start_batch=start,
      shuffle_buffer=16,
    )
    return [
      {k: v for k, v in batch.items() if k != 'inputs'} | dict(batch['inputs'])
      for batch in dataset.take(count).as_numpy_iterator()
    ]

  whole = batches(0, 9)
  tail = batches(7, 2)
  for a, b in zip(whole[7:], tail):
    for key in a:
      np.testing.assert_array_equal(a[key], b[key], err_msg=key)
  assert not np.array_equal(whole[0]['mlm_targets'], whole[5]['mlm_targets'])
  with pytest.raises(ValueError, match=r'passages\.jsonl:4: not a passage'):
    mlm_examples.check_passages(str(path))
  del lines[3]
  path.write_text('\n'.join(lines))
  mlm_examples.check_passages(str(path))
