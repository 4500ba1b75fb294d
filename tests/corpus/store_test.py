# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import tracemalloc

import numpy as np
import pytest

from realm_tf.corpus import store
from realm_tf.corpus.store import Blocks, BlocksView, BlockWriter
from tests.support import damage, small_world

_TEXTS = [
  ('Paris', 'Paris is the capital of France.'),
  ('', 'the Thames flows through London'),
  ('Lima', 'Lima — a city of Peru — é!'),
  ('Rome', 'old Rome'),
]
_NEW = [('Seine', 'a river of France'), ('', 'big word')]


@pytest.fixture
def blocks():
  return small_world.blocks(_TEXTS)


def _check_same(mine, its):
  assert len(mine) == len(its)
  rows = np.array([*range(len(its)), -1, 0, len(its) - 1, -1])
  for name in store.COLUMNS:
    for a, b in zip(mine.flat(name, rows), its.flat(name, rows)):
      np.testing.assert_array_equal(a, b)
      assert a.dtype == b.dtype
    if name not in store.IDS:
      assert mine.strings(name, rows) == its.strings(name, rows)
    for a, b in zip(mine.column(name), its.column(name)):
      np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(mine.lengths(name), its.lengths(name))
  np.testing.assert_array_equal(mine.uids, its.uids)
  assert mine.fingerprint() == its.fingerprint()


@pytest.mark.parametrize('chunk', [1, 7, 4096])
def test_views_are_like_blocks_of_the_same_texts(blocks, monkeypatch, chunk):
  monkeypatch.setattr(store.Blocks.chunks, '__defaults__', (chunk,))
  rows = np.random.default_rng(0).integers(4, size=30)
  view = BlocksView.of(blocks).select(rows)
  _check_same(view, small_world.blocks([_TEXTS[r] for r in rows]))
  new = small_world.blocks(_NEW)
  view = view.select(np.array([4, 0, 3])).append(new).append(view.select([1]))
  texts = [_TEXTS[rows[r]] for r in (4, 0, 3)] + _NEW + [_TEXTS[rows[1]]]
  _check_same(view, small_world.blocks(texts))
  _check_same(view.chunk(1, 5), small_world.blocks(texts[1:5]))


def test_many_updates_do_not_make_many_parts(blocks, monkeypatch):
  monkeypatch.setattr(store, '_MAX_PARTS', 4)
  view, expected = BlocksView.of(blocks), list(_TEXTS)
  for n in range(9):
    rows = [i for i in range(len(view)) if i != n % len(view)]
    view = view.select(np.array(rows)).append(small_world.blocks(_NEW))
    expected = [expected[i] for i in rows] + _NEW
    assert len(view._parts) <= 4
  _check_same(view, small_world.blocks(expected))


def test_strings_take_no_more_memory_than_text():
  text = b' '.join([b'word'] * 100)
  many = small_world.blocks([('title', text.decode())] * 1000)
  missing = many.strings('body_text', np.array([-1, 0, -1]))
  assert missing == [b'', text, b'']
  rows = np.arange(1000)
  tracemalloc.start()
  try:
    found = many.strings('body_text', rows)
    peak = tracemalloc.get_traced_memory()[1]
  finally:
    tracemalloc.stop()
  assert found == [text] * 1000
  assert peak < 2 * 1000 * len(text)


def test_the_fingerprint_is_of_all_that_is_in_a_block():
  def of_ids(*rows, bodies=(b'x', b'y')):
    titles = [b''] * len(rows)
    return Blocks.make(titles, bodies, *zip(*rows), vocab_size=9).fingerprint()

  one = ([1], [2, 3])
  found = [
    of_ids(one, ([], [4])),
    of_ids(([], [4]), one),
    of_ids(one, ([4], [])),
    # The same wordpieces, divided elsewhere.
    of_ids(([1], [2]), ([], [3, 4])),
    of_ids(([], [2, 3]), ([1], [4])),
    of_ids(one, ([], [5])),
    # Texts that the vocabulary does not tell apart.
    of_ids(one, ([], [4]), bodies=(b'x', b'z')),
  ]
  assert len(set(found)) == len(found)


@pytest.mark.parametrize(
  ('vocab_size', 'dtype'), [(1 << 16, 'uint16'), ((1 << 16) + 1, 'int32')]
)
def test_the_last_wordpiece_of_a_vocabulary_fits(vocab_size, dtype):
  last = vocab_size - 1
  made = Blocks.make([b'a'], [b'b'], [[0, last]], [[]], vocab_size=vocab_size)
  values, splits = made.column('title_ids')
  assert values.dtype == dtype and values.tolist() == [0, last]
  assert splits.tolist() == [0, 2]


@pytest.mark.parametrize('wrong', [100, 70_000, -1])
@pytest.mark.parametrize('column', [0, 1])
def test_wordpieces_of_another_vocabulary_are_refused(wrong, column):
  ids = [[[1], [99]], [[2], []]]
  ids[column][0] = [99, wrong, 0]
  with pytest.raises(ValueError, match=f'token id {wrong}, .* has 100'):
    Blocks.make([b'a', b'b'], [b'c', b'd'], *ids, vocab_size=100)


def test_a_writer_resumes_where_another_was_known_to_be(tmp_path, blocks):
  with BlockWriter(tmp_path / 'a') as writer:
    writer.append(blocks.chunk(0, 3))
  with BlockWriter(tmp_path / 'a', writer.sizes) as killed:
    killed.append(blocks.chunk(1, 2))
  with BlockWriter(tmp_path / 'a', writer.sizes) as resumed:
    resumed.append(blocks.chunk(3, 4))
  with BlockWriter(tmp_path / 'b') as whole:
    whole.append(blocks)
  assert whole.sizes == resumed.sizes
  files = sorted(p.name for p in (tmp_path / 'b').iterdir())
  assert len(files) == 13
  for name in files:
    mine, its = ((tmp_path / d / name).read_bytes() for d in 'ab')
    assert mine == its, name
  _check_same(store.open_blocks(tmp_path / 'a', 'uint16'), blocks)


def test_where_a_file_may_not_grow_it_is_named(tmp_path, blocks):
  with damage.file_size_limit(40):
    with pytest.raises(OSError, match="large: '.*/a/.*_ids.bin'"):
      with BlockWriter(tmp_path / 'a') as writer:
        writer.append(blocks)
  with BlockWriter(tmp_path / 'a') as again:
    again.append(blocks)
  _check_same(store.open_blocks(tmp_path / 'a', 'uint16'), blocks)


def test_what_an_older_writer_began_has_no_urls_there(tmp_path):
  ids, urls = ['7', '', 'é', '7'], ['', 'u', '', 'v']
  blocks = small_world.blocks(_TEXTS, ids, urls)
  with BlockWriter(tmp_path) as writer:
    writer.append(blocks.chunk(0, 3))
  older = {k: n for k, n in writer.sizes.items() if 'urls' not in k}
  for name in ('urls.bin', 'urls_splits.bin'):
    (tmp_path / name).unlink()
  assert store.open_blocks(tmp_path, 'uint16').lengths('urls').sum() == 0
  with BlockWriter(tmp_path, older) as resumed:
    resumed.append(blocks.chunk(3, 4))
  found = store.open_blocks(tmp_path, 'uint16')
  assert found.strings('urls', np.arange(4)) == [b'', b'', b'', b'v']
  assert found.strings('record_ids', np.arange(4))[3] == b'7'
