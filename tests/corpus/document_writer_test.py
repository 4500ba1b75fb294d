# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from realm_tf.corpus import block_records
from realm_tf.corpus import corpus as corpus_lib
from realm_tf.corpus.document_writer import IDS, TEXTS, Digests, DocumentWriter
from tests.support import small_world

# Title and body in wordpieces, and as text.
_DOCUMENTS = [
  ([], [5, 6, 7], b'', b'the city'),
  ([8], [], b'Lima', b''),
  ([], [], b'', b''),
  ([9, 10], [11], 'É'.encode(), 'é!'.encode()),
]


def flat(rows, dtype=np.int64):
  values = np.array([v for row in rows for v in row], dtype)
  return values, np.array([len(row) for row in rows], np.int64)


def batch(rows, uids=None):
  columns = list(zip(*rows)) or [()] * 4
  return (
    dict(zip(IDS, map(flat, columns[:2]))),
    {n: flat(c, np.uint8) for n, c in zip(TEXTS, columns[2:])},
    np.arange(len(rows)) if uids is None else np.array(uids, np.int64),
  )


def written(directory, *portions, vocab_size=100):
  """Writes a store of portions; returns the writer, which is closed."""
  directory.mkdir()
  writer = DocumentWriter(directory, vocab_size)
  for portion in portions:
    writer.append(*portion)
  writer.close()
  return writer


def test_portions_do_not_matter(tmp_path):
  whole = written(tmp_path / 'whole', batch(_DOCUMENTS, [4, 5, 6, 7]))
  parts = written(
    tmp_path / 'parts',
    batch([]),
    batch(_DOCUMENTS[:3], [4, 5, 6]),
    batch([]),
    batch(_DOCUMENTS[3:], [7]),
  )
  assert whole.count == parts.count == 4
  assert whole.fingerprint() == parts.fingerprint()
  files = sorted(p.name for p in (tmp_path / 'whole').iterdir())
  assert len(files) == 9
  for name in files:
    mine, its = (tmp_path / d / name for d in ('whole', 'parts'))
    assert mine.read_bytes() == its.read_bytes(), name
  corpus_lib.write_metadata(tmp_path / 'parts', parts, vocab_fingerprint='x')
  store = corpus_lib.Corpus.open(tmp_path / 'parts')
  for found, column in zip(store.gather(range(4)), (0, 1)):
    assert found.to_list() == [d[column] for d in _DOCUMENTS]
  assert store.titles(range(4)) == [d[2].decode() for d in _DOCUMENTS]
  assert store.bodies(range(4)) == [d[3].decode() for d in _DOCUMENTS]
  assert store.uids.tolist() == [4, 5, 6, 7]
  assert store.fingerprint == whole.fingerprint()


def test_the_fingerprint_is_of_all_that_is_in_a_document():
  def fingerprint(rows, uids):
    ids, _, uids = batch(rows, uids)
    digests = Digests()
    digests.update(ids, uids)
    return digests.fingerprint()

  def of_ids(*rows, uids=(1, 2)):
    return fingerprint([(*ids, b'', b'') for ids in rows], uids)

  one = ([1], [2, 3])
  found = [
    of_ids(one, ([], [4])),
    of_ids(([], [4]), one),
    of_ids(one, ([4], [])),
    # The same wordpieces, parted elsewhere.
    of_ids(([1], [2]), ([], [3, 4])),
    of_ids(([], [2, 3]), ([1], [4])),
    of_ids(one, ([], [5])),
    # Texts that the vocabulary does not tell apart.
    of_ids(one, ([], [4]), uids=(1, 3)),
  ]
  assert len(set(found)) == len(found)


@pytest.mark.parametrize(
  ('vocab_size', 'dtype'), [(1 << 16, 'uint16'), ((1 << 16) + 1, 'int32')]
)
def test_the_last_wordpiece_of_a_vocabulary_fits(tmp_path, vocab_size, dtype):
  last = vocab_size - 1
  portion = batch([([0, last], [last], b'a', b'b')])
  writer = written(tmp_path / 'a', portion, vocab_size=vocab_size)
  assert writer.ids_dtype == dtype
  corpus_lib.write_metadata(tmp_path / 'a', writer, vocab_fingerprint='x')
  titles, bodies = corpus_lib.Corpus.open(tmp_path / 'a').gather([0])
  assert titles.to_list() == [[0, last]] and bodies.to_list() == [[last]]


@pytest.mark.parametrize('wrong', [100, 70_000, -1])
@pytest.mark.parametrize('column', [0, 1])
def test_what_is_refused_leaves_no_trace(tmp_path, wrong, column):
  rows = [list(d) for d in _DOCUMENTS]
  rows[1][column] = [99, wrong, 0]
  (tmp_path / 'a').mkdir()
  writer = DocumentWriter(tmp_path / 'a', 100)
  writer.append(*batch(_DOCUMENTS))
  with pytest.raises(ValueError, match=f'token id {wrong}, .* only 100'):
    writer.append(*batch(rows))
  writer.append(*batch(_DOCUMENTS))
  writer.close()
  expected = written(tmp_path / 'b', batch(_DOCUMENTS), batch(_DOCUMENTS))
  assert writer.count == expected.count == 8
  assert writer.fingerprint() == expected.fingerprint()
  for path in (tmp_path / 'b').iterdir():
    assert (tmp_path / 'a' / path.name).read_bytes() == path.read_bytes()


def test_records_are_added_with_the_uids_of_their_texts(tmp_path):
  blocks = [('Lima', 'old Lima'), ('', 'É'), ('Lima', 'old Lima')]
  records = [small_world.block(*b) for b in blocks]
  (tmp_path / 'a').mkdir()
  writer = DocumentWriter(tmp_path / 'a', 100)
  writer.add(block_records.parse_blocks(records[:2]))
  writer.add(block_records.parse_blocks(records[2:]))
  writer.close()
  uids = np.fromfile(tmp_path / 'a' / 'uids.bin', np.int64)
  assert uids[0] == uids[2] != uids[1]
  ids = small_world.tokenizer().tokenize([b for _, b in blocks]).to_list()
  stored = np.fromfile(tmp_path / 'a' / 'body_ids.bin', np.uint16)
  assert stored.tolist() == sum(ids, [])
  splits = np.fromfile(tmp_path / 'a' / 'body_text_splits.bin', np.int64)
  assert splits.tolist() == [0, 8, 10, 18]
