# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0

import numpy as np
import pytest

from realm_tf.configs.masking_config import MaskingConfig
from realm_tf.spans import masking
from realm_tf.text.tokenizer import BertTokenizer
from tests.support import small_world

_CONFIG = MaskingConfig(query_seq_len=12, max_masks=3)


def _mask(texts, spans, config=_CONFIG, tokenizer=None):
  """Masks lists of byte spans; returns the ranges and the masked tokens."""
  tokenizer = tokenizer or small_world.tokenizer()
  tokens = tokenizer.tokenize_with_offsets(texts)
  rows = np.repeat(np.arange(len(spans)), [len(s) for s in spans])
  flat = np.array([s for row in spans for s in row]).reshape(-1, 2)
  ranges = masking.find_tokens(tokens, rows, flat[:, 0], flat[:, 1], config)
  ids = tokens.ids[:, : config.max_query_tokens]
  chosen = masking.cover(ids, rows, ranges.first, ranges.limit)
  return ranges, masking.mask_tokens(ids, chosen, tokenizer.mask_id, config)


def test_a_span_is_masked_whole():
  # paris ##n : two wordpieces; é is d ##f here: [UNK] keeps its place, too.
  text = '漢 Parisn is old'
  ranges, got = _mask([text], [[(4, 10)]])
  tokenizer = small_world.tokenizer()
  assert tokenizer.tokens(got['query_ids'][0]) == (
    ['[UNK]', '[MASK]', '[MASK]', 'is', 'old']
  )
  assert tokenizer.tokens(got['sentence_ids'][0]) == (
    ['[UNK]', 'paris', '##n', 'is', 'old']
  )
  assert got['mlm_positions'].numpy().tolist() == [[2, 3, 0]]
  assert tokenizer.tokens(got['mlm_targets'][0]) == ['paris', '##n', '[PAD]']
  assert got['mlm_mask'].numpy().tolist() == [[1, 1, 0]]
  assert ranges.fit.numpy().tolist() == [True]


@pytest.mark.parametrize(
  'span, expected',
  [
    ((4, 9), ['paris']),
    ((6, 9), ['paris']),  # Starts inside a token.
    ((6, 12), ['paris', 'is']),
    ((3, 10), ['paris']),  # White space around it.
    ((4, 11), ['paris']),  # The last token is only begun, as in the original.
    ((3, 4), []),
  ],
)
def test_which_tokens_belong_to_a_span(span, expected):
  ranges, got = _mask(['the Paris is old'], [[span]])
  count = int(got['mlm_mask'].numpy().sum())
  assert (
    small_world.tokenizer().tokens(got['mlm_targets'][0][:count]) == expected
  )
  assert bool(ranges.empty[0]) == (not expected)


def test_no_bytes_no_span():
  ranges, _ = _mask(['the Paris is old'], [[(5, 5)]])
  assert ranges.fit.numpy().tolist() == [False]


def test_all_pieces_of_one_character():
  # Hangul falls apart in the normalization: pieces share their bytes.
  vocab = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]']
  vocab += ['\u1112', '##\u1161', '##\u11ab', 'a']
  tokenizer = BertTokenizer(vocab)
  _, got = _mask(['a 한 a'], [[(2, 5)]], tokenizer=tokenizer)
  assert got['query_ids'].to_list() == [[8, 4, 4, 4, 8]]


def test_what_does_not_fit_is_told():
  texts = ['one two three four', 'a ' * 10 + 'Rome', 'a ' * 9 + 'one two']
  ranges, _ = _mask(texts, [[(0, 18), (0, 13)], [(20, 24)], [(18, 25)]])
  assert ranges.too_long.numpy().tolist() == [True, False, False, False]
  assert ranges.truncated.numpy().tolist() == [False, False, True, True]
  assert ranges.fit.numpy().tolist() == [False, True, False, False]


def test_several_spans_and_none():
  _, got = _mask(['one two one', 'two'], [[(8, 11), (0, 3)], []])
  assert got['mlm_positions'].numpy().tolist() == [[1, 3, 0], [0, 0, 0]]
  assert got['query_ids'][1].numpy().tolist() == (
    got['sentence_ids'][1].numpy().tolist()
  )


@pytest.mark.parametrize(
  'choose', [masking.choose_random_tokens, masking.choose_random_spans]
)
def test_ablations_mask_the_share_they_should(choose):
  config = MaskingConfig(max_masks=10, mask_rate=0.15)
  lengths = [1, 2, 7, 40, 94, 0]
  ids = small_world.ragged([list(range(5, 5 + n)) for n in lengths])
  chosen = [choose(ids, [1, i], config).numpy() for i in range(40)]
  for masks in chosen:
    # 15 %, at least one, at most ten; none beyond the sentence.
    assert masks.sum(1).tolist() == [1, 1, 1, 6, 10, 0]
    assert not any(m[n:].any() for m, n in zip(masks, lengths))
  places = np.sum([m[3] for m in chosen], 0)[:40]
  assert np.count_nonzero(places) > 35
  runs = np.mean([np.count_nonzero(np.diff(m[3], prepend=0)) for m in chosen])
  if choose is masking.choose_random_spans:
    assert runs < 6  # 6 masked in two or three runs: 4 to 6 edges.
  else:
    assert runs > 8
  again = choose(ids, [1, 0], config).numpy()
  np.testing.assert_array_equal(again, chosen[0])
