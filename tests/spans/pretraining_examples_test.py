# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import collections
import os

import numpy as np
import pytest
import tensorflow as tf

from realm_tf.configs.masking_config import MaskingConfig
from realm_tf.corpus import document_uids
from realm_tf.spans import pretraining_examples
from tests.support import small_world

_CONFIG = MaskingConfig(query_seq_len=16, max_masks=4)


def _records(count, first=0):
  """Documents of three sentences with four spans, numbered."""
  return [
    small_world.span_record(
      f't{i}',
      [f'Paris is in France {i}.', 'Rome is old.', f'the Seine, of {i}.'],
      ['Paris', 'France', 'Rome', 'Seine'],
    )
    for i in range(first, first + count)
  ]


@pytest.fixture
def pattern(tmp_path):
  for f in range(3):
    small_world.write_records(
      tmp_path / f'spans-{f}.tfrecord.gz', _records(7, 7 * f)
    )
  return str(tmp_path / 'spans-*')


def _batches(pattern, count=None, config=_CONFIG, **settings):
  dataset = pretraining_examples.masked_queries(
    pattern,
    small_world.tokenizer(),
    config,
    **{'batch_size': 4, 'seed': 3, **settings},
  )
  return list(dataset.take(count) if count else dataset)


def _assert_equal(got, expected):
  assert len(got) == len(expected)
  for a, b in zip(got, expected):
    assert a.keys() == b.keys()
    for name in a:
      left, right = a[name], b[name]
      if isinstance(left, tf.RaggedTensor):
        assert left.to_list() == right.to_list(), name
      else:
        np.testing.assert_array_equal(left, right, name)


def test_one_whole_span_of_one_sentence(pattern):
  tokenizer = small_world.tokenizer()
  spans = {
    tuple(r)
    for r in tokenizer.tokenize(['Paris', 'France', 'Rome', 'Seine']).to_list()
  }
  seen = collections.Counter()
  for batch in _batches(pattern, 20):
    assert batch['mlm_positions'].dtype == tf.int32
    for row in range(4):
      mask = batch['mlm_mask'][row].numpy()
      positions = batch['mlm_positions'][row].numpy()[mask > 0]
      targets = batch['mlm_targets'][row].numpy()[mask > 0]
      query = batch['query_ids'][row].numpy()
      sentence = batch['sentence_ids'][row].numpy()
      assert tuple(targets) in spans
      seen[tuple(targets)] += 1
      # [CLS] stands at 0.
      assert (query[positions - 1] == tokenizer.mask_id).all()
      assert np.count_nonzero(query == tokenizer.mask_id) == len(targets)
      restored = query.copy()
      restored[positions - 1] = targets
      np.testing.assert_array_equal(restored, sentence)
      text = batch['sentence'][row].numpy()
      np.testing.assert_array_equal(tokenizer.tokenize([text])[0], sentence)
      number = batch['title'][row].numpy().decode()[1:]
      whole = (
        f'Paris is in France {number}. Rome is old. the Seine, of {number}.'
      )
      uid = document_uids.uids_of([f't{number}'.encode()], [whole.encode()])
      assert batch['doc_uid'][row] == uid[0]
  # Each span is equally likely: 80 draws of four.
  assert set(seen) == spans
  assert min(seen.values()) > 8


def test_each_epoch_has_every_document_and_other_spans(pattern):
  # 21 documents; a batch of 7 divides them.
  batches = _batches(pattern, 6, batch_size=7)
  titles = [
    np.concatenate([b['title'] for b in batches[i : i + 3]]) for i in (0, 3)
  ]
  assert sorted(titles[0]) == sorted(titles[1])
  assert len(set(titles[0])) == 21
  assert titles[0].tolist() != titles[1].tolist()
  masks = [
    {
      t: tuple(m)
      for b in batches[i : i + 3]
      for t, m in zip(b['title'].numpy(), b['mlm_targets'].numpy().tolist())
    }
    for i in (0, 3)
  ]
  changed = np.mean([masks[0][t] != masks[1][t] for t in masks[0]])
  assert changed > 0.4


@pytest.mark.parametrize(
  'strategy, batch_size',
  [('salient_span', 4), ('salient_span', 600), ('random_spans', 4)],
)
def test_any_batch_can_be_the_first(pattern, strategy, batch_size):
  config = MaskingConfig(masking=strategy, max_masks=4, query_seq_len=16)
  settings = {'config': config, 'batch_size': batch_size}
  # A pool is 128 batches of 4.
  start = 131 if batch_size == 4 else 3
  whole = _batches(pattern, start + 3, **settings)
  tf.random.set_seed(99)
  again = _batches(pattern, 3, start_batch=start, **settings)
  _assert_equal(again, whole[start:])


def test_seeds_differ(pattern):
  titles = [
    _batches(pattern, 1, batch_size=21, seed=seed)[0]['title'].numpy().tolist()
    for seed in (3, 4)
  ]
  assert sorted(titles[0]) == sorted(titles[1])
  assert titles[0] != titles[1]


def test_shards_have_different_documents(pattern):
  titles = [
    {
      t
      for b in _batches(pattern, repeat=False, num_shards=2, shard=s)
      for t in b['title'].numpy()
    }
    for s in range(2)
  ]
  assert not titles[0] & titles[1]
  assert len(titles[0] | titles[1]) == 21


def test_a_span_that_does_not_fit_is_never_half_predicted(tmp_path):
  long = 'one two three four old'  # Five wordpieces, four may be masked.
  behind = ' '.join(['word'] * 13) + ' Rome Lima'
  records = [
    # Another span of the sentence takes its place.
    small_world.span_record('other', [f'{long} in Paris.'], [long, 'Paris']),
    # There is none.
    small_world.span_record('too_long', [f'{long} city.'], [long]),
    # Its first wordpiece would be the last of the query.
    small_world.span_record('cut', [behind], ['Rome Lima']),
    small_world.span_record('none', ['the city.'], []),
    small_world.span_record('outside', ['the city.', 'a river.'], [], 2),
  ]
  path = small_world.write_records(tmp_path / 'x.tfrecord.gz', records)
  paris = small_world.tokenizer().tokenize(['Paris']).to_list()[0]
  once = _batches(path, repeat=False)
  assert [t for b in once for t in b['title'].numpy()] == [b'other']
  for batch in [*once, *_batches(path, 3)]:
    assert set(batch['title'].numpy()) == {b'other'}
    np.testing.assert_array_equal(
      batch['mlm_targets'][:, : len(paris)], [paris] * len(batch['title'])
    )
    assert (tf.reduce_sum(batch['mlm_mask'], 1) == len(paris)).numpy().all()
  counts = pretraining_examples.count_examples(
    path, small_world.tokenizer(), _CONFIG, progress=False
  )
  assert counts == {
    'documents': 5,
    'kept': 1,
    'dropped_no_span': 2,
    'dropped_no_span_fits': 2,
    'dropped_no_sentence': 0,
    'spans_outside_sentences': 2,
    'spans_seen': 4,
    'spans_seen_too_long': 2,
    'spans_seen_truncated': 1,
    'spans_seen_without_wordpiece': 0,
  }
  lines = pretraining_examples.describe_counts(counts, _CONFIG)
  assert [line.split('  ')[-1].strip() for line in lines] == [
    *('5', '1', '2', '2'),
    *('4', '1', '2', '1', '0'),
    '2',
  ]
  said = pretraining_examples.describe_first_pool(
    path, small_world.tokenizer(), _CONFIG
  )
  assert said == (
    'of the first 5 span records 4 give no example, their places are taken by'
    ' others (2 have no span, 2 none that can be used); of 4 spans 2 are too'
    f' long (over {_CONFIG.max_masks} wordpieces), 1 truncated (beyond'
    f' {_CONFIG.query_seq_len}), 0 without a wordpiece'
  )
  some = pretraining_examples.count_examples(
    path, small_world.tokenizer(), _CONFIG, limit=2, progress=False
  )
  assert (some['documents'], some['kept']) == (2, 1)


def test_one_epoch_does_not_depend_on_the_batch_size(pattern):
  small = _batches(pattern, repeat=False, shuffle_buffer=0)
  large = _batches(pattern, repeat=False, shuffle_buffer=0, batch_size=64)
  assert [len(b['title']) for b in small] == [4, 4, 4, 4, 4, 1]
  assert [len(b['title']) for b in large] == [21]
  joined = {name: tf.concat([b[name] for b in small], 0) for name in large[0]}
  _assert_equal([joined], large)
  later = _batches(pattern, repeat=False, shuffle_buffer=0, start_batch=4)
  _assert_equal(later, small[4:])


def test_unknown_characters_and_accents_are_not_dropped(tmp_path):
  records = [
    small_world.span_record(
      'a', ['漢 🚀 Pari\u0301s 한국 Rome'], ['Pari\u0301s']
    ),
  ]
  path = small_world.write_records(tmp_path / 'x.tfrecord.gz', records)
  (batch,) = _batches(path, repeat=False)
  tokens = small_world.tokenizer().tokens
  assert tokens(batch['query_ids'][0]) == (
    ['[UNK]', '[UNK]', '[MASK]', '[UNK]', 'rome']
  )
  assert tokens(batch['mlm_targets'][0])[0] == 'paris'


def test_ablations_need_no_spans(tmp_path):
  records = [small_world.span_record('t', ['the city is old.', ''], [])] * 9
  path = small_world.write_records(tmp_path / 'x.tfrecord.gz', records)
  for strategy in ('random_tokens', 'random_spans'):
    config = MaskingConfig(masking=strategy, query_seq_len=16, max_masks=4)
    (batch,) = _batches(path, 1, config=config)
    assert batch['mlm_mask'].numpy().sum(1).tolist() == [1, 1, 1, 1]


def test_nothing_to_mask_is_an_error(tmp_path):
  records = [small_world.span_record('t', ['the city.'], [])]
  path = small_world.write_records(tmp_path / 'x.tfrecord.gz', records)
  with pytest.raises(
    tf.errors.InvalidArgumentError, match='masked; .*`vocab_file`'
  ):
    _batches(path, 1)
  assert _batches(path, repeat=False) == []


def test_other_files_are_refused(tmp_path):
  path = small_world.write_records(
    tmp_path / 'blocks.tfrecord.gz', [small_world.block('t', 'a city')]
  )
  with pytest.raises(ValueError, match='blocks.*no .*text'):
    _batches(path, 1)
  with pytest.raises(FileNotFoundError, match='no-such'):
    _batches(os.fspath(tmp_path / 'no-such'), 1)
  with pytest.raises(ValueError, match='batch_size'):
    _batches(path, 1, batch_size=0)


@pytest.mark.parametrize(
  'record, message',
  [
    (b'\xff\xff', r'b\.tfrecord\.gz: record 3: .*'),
    (
      small_world.block('t', 'Paris'),  # Without `text`.
      r'b\.tfrecord\.gz: record 3: .*text.*',
    ),
  ],
)
def test_a_broken_record_is_found(tmp_path, record, message):
  small_world.write_records(tmp_path / 'a.tfrecord.gz', _records(3))
  broken = [*_records(2), record, *_records(1)]
  small_world.write_records(tmp_path / 'b.tfrecord.gz', broken)
  patterns = str(tmp_path / '*.gz')
  batches = pretraining_examples.masked_queries(
    patterns,
    small_world.tokenizer(),
    _CONFIG,
    batch_size=2,
    seed=1,
    repeat=False,
  )
  with pytest.raises(ValueError, match=f'^[^\n]*{message}$'):
    list(pretraining_examples.iterate(batches, patterns))


def test_a_cut_file_is_found(tmp_path):
  small_world.write_records(tmp_path / 'a.tfrecord.gz', _records(3))
  path = small_world.write_records(tmp_path / 'b.tfrecord.gz', _records(9))
  with open(path, 'r+b') as f:
    f.truncate(200)
  patterns = str(tmp_path / '*.gz')
  with pytest.raises(
    OSError, match=r'^[^\n]*b\.tfrecord\.gz: damaged TFRecord'
  ):
    pretraining_examples.count_examples(
      patterns, small_world.tokenizer(), _CONFIG, progress=False
    )
