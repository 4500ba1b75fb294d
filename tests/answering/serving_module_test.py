# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The graph before it is saved; serving_test has it saved and loaded."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from realm_tf.answering import serving_blocks, serving_module
from realm_tf.answering.serving_module import ServingConfig
from realm_tf.answering.serving_search import ServedSearcher
from realm_tf.index import searcher
from realm_tf.index.searcher_config import SearcherConfig
from realm_tf.modeling.embedder import Embedder
from realm_tf.modeling.span_reader import SpanReader
from tests.support import small_realm, small_world

# Words of one wordpiece each, so that no two spans are the same words.
BLOCKS = [
  ('France', 'Paris is the capital'),
  ('Italy', 'Rome'),
  ('Peru', 'Lima is a big old city of Peru'),
  ('Seine', 'a river'),
  ('Japan', 'four'),
  *[(word, f'{word} and Rome') for word in 'bcdefghijklm'],  # ScaNN needs 16.
]
QUESTIONS = ['the capital of Peru', 'river', 'is Rome old and big']
CONFIG = ServingConfig(
  query_seq_len=10,
  reader_seq_len=20,
  reader_beam=3,
  top_n=120,
  blocks_at_once=4,
)
WIDTH = 3
STRINGS = {'answers', 'evidence', 'titles'}
INTEGERS = {'block_ids', 'byte_starts', 'byte_ends'}
NUMBERS = {'scores', 'log_probs', 'retriever_log_probs', 'reader_log_probs'}


class World:
  """Blocks and layers; modules of them."""

  def __init__(self, directory, blocks):
    self.documents = small_world.store(directory, blocks)
    self.embedder = small_realm.shaken(Embedder(small_realm.CONFIG, 8), 1)
    self.reader = small_realm.shaken(
      SpanReader(small_realm.CONFIG, max_span_width=WIDTH, span_hidden_size=6),
      2,
    )
    rng = np.random.default_rng(3)
    self.vectors = rng.standard_normal((len(blocks), 8)).astype(np.float32)
    self.blocks = serving_blocks.Blocks(self.documents)

  def served(self, kind='exact'):
    config = SearcherConfig(kind=kind, num_leaves=1, reorder=len(self.vectors))
    built = searcher.build_searcher(self.vectors, config)
    made = ServedSearcher(built, self.vectors)
    built.close()
    return made

  def module(self, kind='exact', **changes):
    module, _ = serving_module.make_module(
      self.embedder,
      self.reader,
      small_world.tokenizer(),
      self.blocks,
      self.served(kind),
      dataclasses.replace(CONFIG, **changes),
    )
    return module


@pytest.fixture(scope='module')
def world(tmp_path_factory):
  return World(tmp_path_factory.mktemp('world'), BLOCKS)


@pytest.fixture(scope='module')
def module(world):
  return world.module()


def answers(module, questions, *k):
  function = module.answer_k if k else module.answer
  found = function(tf.constant(questions, tf.string), *k)
  return {name: value.numpy() for name, value in found.items()}


def check_same(found, expected):
  assert found.keys() == expected.keys()
  for name, value in expected.items():
    if value.dtype == np.float32:
      np.testing.assert_allclose(found[name], value, atol=2e-5, err_msg=name)
    else:
      np.testing.assert_array_equal(found[name], value, err_msg=name)


@pytest.mark.parametrize(
  'field', [field.name for field in dataclasses.fields(ServingConfig)]
)
@pytest.mark.parametrize('value', [0, -1])
def test_all_of_the_config_is_positive(field, value):
  with pytest.raises(
    ValueError, match=f'^{field} must be positive. Received: {value}$'
  ):
    ServingConfig(**{field: value})


def test_a_question_and_a_block_need_room():
  ServingConfig(query_seq_len=3, reader_seq_len=5)
  for query, reader in ((2, 320), (1, 5), (3, 4), (64, 65), (64, 64)):
    with pytest.raises(
      ValueError,
      match=f'leave room.*query_seq_len={query}, reader_seq_len={reader}$',
    ):
      ServingConfig(query_seq_len=query, reader_seq_len=reader)


def num_spans(row: int) -> int:
  words = len(BLOCKS[row][1].split())
  return sum(min(WIDTH, words - start) for start in range(words))


@pytest.mark.parametrize('k', [1, 3, 100])
def test_log_probabilities_sum_to_one(module, k):
  found = answers(module, QUESTIONS, k)
  retrieved = module.retrieve(tf.constant(QUESTIONS), k)
  for i in range(len(QUESTIONS)):
    there = found['top_block_ids'][i] >= 0
    blocks = found['top_block_ids'][i][there]
    rows = retrieved['block_ids'][i].numpy()
    assert len(rows) == min(k, len(BLOCKS))
    assert set(blocks) == set(rows)
    score, joint, of_block, within = (
      found[f'top_{name}'][i][there].astype(np.float64)
      for name in (
        'scores',
        'log_probs',
        'retriever_log_probs',
        'reader_log_probs',
      )
    )
    # All spans are among the answers: none is lost, none is there twice.
    assert np.exp(joint).sum() == pytest.approx(1, abs=1e-4)
    np.testing.assert_allclose(
      joint, score - np.logaddexp.reduce(score), atol=2e-5
    )
    assert (np.diff(score) <= 0).all()
    scores = retrieved['scores'][i].numpy().astype(np.float64)
    for row, its in zip(rows, scores):
      mine = blocks == row
      assert mine.sum() == num_spans(row)
      assert np.exp(within[mine]).sum() == pytest.approx(1, abs=1e-4)
      np.testing.assert_allclose(
        of_block[mine], its - np.logaddexp.reduce(scores), atol=2e-5
      )
      # What is left of a score without its block is the reader's alone.
      alone = score[mine] - its
      np.testing.assert_allclose(
        within[mine], alone - np.logaddexp.reduce(alone), atol=2e-5
      )


def test_all_is_there_in_its_shape_and_type(module):
  for questions in (QUESTIONS, QUESTIONS[:1], []):
    found = answers(module, questions)
    several = {f'top_{n}' for n in STRINGS | INTEGERS | NUMBERS}
    assert {n for n in found if n.startswith('top_')} == several
    assert len(found) == 2 * len(several)
    for name in several:
      one = found[name.removeprefix('top_').removesuffix('s')]
      assert found[name].shape == (len(questions), CONFIG.top_n)
      assert one.shape == (len(questions),)
      assert one.dtype == found[name].dtype
      if questions:
        kind = {np.int32: INTEGERS, np.float32: NUMBERS}
        assert name[4:] in kind.get(one.dtype.type, STRINGS)
  nothing = tf.constant([], tf.string)
  retrieved = module.retrieve(nothing, 4)
  assert retrieved['titles'].shape == retrieved['texts'].shape == [0, 4]
  assert module.embed(nothing)['embedding'].shape == [0, 8]


@pytest.mark.parametrize('blocks_at_once', [1, 2, 9, 1000])
def test_some_blocks_at_a_time_are_read_as_all_of_them(
  world, module, blocks_at_once
):
  other = world.module(blocks_at_once=blocks_at_once)
  # 9 blocks: parts of 4, 4 and 1 in the one, of ones, twos with a 1, or all.
  for questions in (QUESTIONS, []):
    check_same(answers(other, questions), answers(module, questions))


@pytest.mark.skipif(
  not searcher.scann_is_installed(), reason='ScaNN is not installed'
)
def test_scann_that_looks_everywhere_answers_as_exact_search(world, module):
  other = world.module('scann')
  for k in (1, 2, 100):
    check_same(answers(other, QUESTIONS, k), answers(module, QUESTIONS, k))


def test_blocks_without_a_word_have_no_answer(tmp_path):
  module = World(tmp_path, [('Rome', ''), ('Lima', '')]).module(top_n=3)
  found = answers(module, QUESTIONS[:2])
  for names, missing in ((STRINGS, b''), (INTEGERS, -1), (NUMBERS, -1e9)):
    for name in names:
      assert found[f'top_{name}'].shape == (2, 3)
      assert set(found[f'top_{name}'].reshape(-1).tolist()) == {missing}
