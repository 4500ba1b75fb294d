# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import dataclasses
import os
import threading

import numpy as np
import pytest
import tensorflow as tf

from realm_tf.configs.embedding_config import EmbeddingConfig
from realm_tf.configs.masking_config import FeaturizationConfig
from realm_tf.index import embed_corpus
from realm_tf.modeling import featurization
from realm_tf.text.packing import SpecialIds
from tests.support import toy_corpus

SPECIAL = SpecialIds(cls=1, sep=2, mask=3, pad=0)


class Embed:
  """A sum of wordpieces and positions; remembers what it was given."""

  def __init__(self, fail_after=None):
    self.shapes, self.threads = [], set()
    self.fail_after = fail_after

  def __call__(self, inputs):
    if self.fail_after is not None and len(self.shapes) >= self.fail_after:
      raise MemoryError('no room')
    ids = inputs['input_word_ids'].numpy()
    mask = inputs['input_mask'].numpy()
    self.shapes.append(ids.shape)
    self.threads.add(threading.current_thread())
    assert mask[:, -1].any() or self.shapes[-1][1] == 40
    positions = np.arange(1, ids.shape[1] + 1)
    return np.stack(
      [
        (ids * mask).sum(1),
        (ids * mask * positions).sum(1) / 100,
        mask.sum(1),
        (inputs['input_type_ids'].numpy() * mask).sum(1),
      ],
      1,
    ).astype(np.float32)


def expected(documents, max_length):
  rows = []
  for title, body in zip(documents.titles, documents.bodies):
    title = title[: max_length - 3]
    body = body[: max_length - 3 - len(title)]
    ids = np.array([1, *title, 2, *body, 2])
    positions = np.arange(1, len(ids) + 1)
    rows.append(
      [ids.sum(), (ids * positions).sum() / 100, len(ids), len(body) + 1]
    )
  return np.array(rows, np.float32)


def embed(documents, embed_fn, **kwargs):
  return embed_corpus.embed_documents(
    documents, embed_fn, special=SPECIAL, progress=False, **kwargs
  )


@pytest.mark.parametrize(
  'config',
  [
    EmbeddingConfig(),
    EmbeddingConfig(candidate_seq_len=40, batch_tokens=200, sort_window=64),
    EmbeddingConfig(candidate_seq_len=40, batch_tokens=1, sort_window=7),
    EmbeddingConfig(candidate_seq_len=40, batch_tokens=200, fixed_length=True),
  ],
)
def test_row_i_is_document_i(config):
  documents = toy_corpus.ToyDocuments(150)
  embedded = embed(documents, Embed(), config=config)
  assert embedded.dtype == np.float32
  np.testing.assert_allclose(
    embedded, expected(documents, config.candidate_seq_len), rtol=1e-6
  )


def test_batches_are_of_one_length_within_the_budget():
  documents = toy_corpus.ToyDocuments(1000)
  fn = Embed()
  config = EmbeddingConfig(candidate_seq_len=40, batch_tokens=400)
  embedded = embed(documents, fn, config=config)
  assert sum(rows for rows, _ in fn.shapes) == 1000
  assert all(rows * length <= 400 for rows, length in fn.shapes)
  wordpieces = embedded[:, 2].sum()
  computed = sum(rows * length for rows, length in fn.shapes)
  assert computed < 1.05 * wordpieces


def test_fixed_length_has_one_shape():
  fn = Embed()
  config = EmbeddingConfig(
    candidate_seq_len=40, batch_tokens=400, fixed_length=True
  )
  embed(toy_corpus.ToyDocuments(101), fn, config=config)
  assert set(fn.shapes) == {(10, 40)}


def test_a_function_is_traced_once():
  traces = []

  @embed_corpus.traced
  def fn(inputs):
    traces.append(1)
    return tf.cast(tf.reduce_sum(inputs['input_word_ids'], 1), tf.float32)[
      :, None
    ]

  config = EmbeddingConfig(batch_tokens=300)
  embed(toy_corpus.ToyDocuments(200), fn, config=config)
  assert len(traces) == 1


def test_goes_on_where_it_failed(tmp_path):
  documents = toy_corpus.ToyDocuments(150)
  config = EmbeddingConfig(
    candidate_seq_len=40, batch_tokens=200, sort_window=64
  )
  whole = Embed()
  embed(documents, whole, config=config)
  failing, rest = Embed(fail_after=9), Embed()
  kwargs = {'config': config, 'resume_dir': tmp_path / 'partial'}
  with pytest.raises(MemoryError):
    embed(documents, failing, **kwargs)
  embedded = embed(documents, rest, **kwargs)
  assert failing.shapes + rest.shapes == whole.shapes
  assert isinstance(embedded, np.memmap)
  np.testing.assert_allclose(embedded, expected(documents, 40), rtol=1e-6)


def test_a_full_disk_is_noticed_before_it_is_written_to(tmp_path):
  # Writing to holes of a mapped file would end the process.
  partial = embed_corpus._Partial(tmp_path, 'key', 50_000)
  partial.put(np.array([3]), np.ones([1, 8], np.float32))
  found = os.stat(tmp_path / 'embeddings.npy')
  assert found.st_blocks * 512 >= found.st_size > 1_600_000


@pytest.mark.parametrize('separate', [True, False])
def test_documents_are_packed_as_in_training(separate):
  """Wrong in the original: its training does not look at the setting."""
  given = []

  def record(inputs):
    given.append({name: x.numpy() for name, x in inputs.items()})
    return np.zeros([len(inputs['input_word_ids']), 1], np.float32)

  documents = toy_corpus.ToyDocuments(20)
  config = EmbeddingConfig(
    candidate_seq_len=40, batch_tokens=40, separate_candidate_segments=separate
  )
  embed(documents, record, config=config)
  lengths = documents.title_lengths + documents.body_lengths + 3
  batches = embed_corpus.plan_batches(np.minimum(lengths, 40), config)
  for rows, packed in zip(batches, given, strict=True):
    expected = featurization.pack_candidates(
      *documents.gather(rows),
      special=SPECIAL,
      config=FeaturizationConfig(
        candidate_seq_len=40, separate_candidate_segments=separate
      ),
    )
    assert packed['input_type_ids'].any() == separate
    for name, value in expected.items():
      np.testing.assert_array_equal(packed[name], value)


@pytest.mark.parametrize('change', ['weights', 'config', 'segments', 'corpus'])
def test_begins_anew_where_anything_differs(tmp_path, change):
  config = EmbeddingConfig(candidate_seq_len=40, batch_tokens=200)
  with pytest.raises(MemoryError):
    embed(
      toy_corpus.ToyDocuments(150),
      Embed(fail_after=5),
      config=config,
      resume_dir=tmp_path,
      embedder_fingerprint='a',
    )
  if change == 'config':
    config = EmbeddingConfig(candidate_seq_len=30, batch_tokens=200)
  if change == 'segments':
    config = dataclasses.replace(config, separate_candidate_segments=False)
  documents = toy_corpus.ToyDocuments(150, seed=change == 'corpus')
  fn = Embed()
  embedded = embed(
    documents,
    fn,
    config=config,
    resume_dir=tmp_path,
    embedder_fingerprint='b' if change == 'weights' else 'a',
  )
  assert sum(rows for rows, _ in fn.shapes) == 150
  rows = expected(documents, config.candidate_seq_len)
  if change == 'segments':
    rows[:, 3] = 0  # All is of type 0.
  np.testing.assert_allclose(embedded, rows, rtol=1e-6)


def test_stops_between_batches(tmp_path):
  documents = toy_corpus.ToyDocuments(150)
  stop = threading.Event()
  fn = Embed()

  def stopping(inputs):
    if len(fn.shapes) == 3:
      stop.set()
    return fn(inputs)

  config = EmbeddingConfig(candidate_seq_len=40, batch_tokens=200)
  kwargs = {'config': config, 'resume_dir': tmp_path, 'stop': stop}
  with pytest.raises(embed_corpus.EmbeddingStoppedError, match='of 150'):
    embed(documents, stopping, **kwargs)
  assert len(fn.shapes) == 4
  stop.clear()
  rest = Embed()
  embedded = embed(documents, rest, **kwargs)
  np.testing.assert_allclose(embedded, expected(documents, 40), rtol=1e-6)
  assert sum(r for r, _ in fn.shapes + rest.shapes) == 150


def test_check_ends_it_by_raising():
  def check():
    raise KeyboardInterrupt

  fn = Embed()
  with pytest.raises(KeyboardInterrupt):
    embed(toy_corpus.ToyDocuments(5), fn, check=check)
  assert not fn.shapes


def test_runs_in_any_thread():
  documents = toy_corpus.ToyDocuments(50)
  fn, found = Embed(), []
  thread = threading.Thread(target=lambda: found.append(embed(documents, fn)))
  thread.start()
  thread.join()
  np.testing.assert_allclose(found[0], expected(documents, 288), rtol=1e-6)
  assert fn.threads == {thread}


@pytest.mark.parametrize(
  ('fn', 'message'),
  [
    (lambda inputs: np.zeros([3, 4]), 'batch'),
    (lambda inputs: np.zeros(len(inputs['input_word_ids'])), 'batch'),
    (
      lambda inputs: np.full([len(inputs['input_word_ids']), 4], np.nan),
      'document .* not finite',
    ),
  ],
)
def test_wrong_vectors_are_refused(fn, message):
  with pytest.raises(ValueError, match=message):
    embed(toy_corpus.ToyDocuments(50), fn)


def test_an_empty_corpus_is_refused():
  with pytest.raises(ValueError, match='empty'):
    embed(toy_corpus.ToyDocuments(0), Embed())
