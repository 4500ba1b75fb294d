# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import gc
import json
import os
import pathlib
import shutil
import subprocess
import sys
import weakref

import numpy as np
import pytest
import tensorflow as tf

from realm_tf.answering import serving
from realm_tf.answering.answerer import Answerer
from realm_tf.configs.retrieval_config import RetrievalConfig
from realm_tf.configs.searcher_config import SearcherConfig
from realm_tf.index import lexical, searcher, versions
from realm_tf.index.index import Index
from realm_tf.io import atomic
from realm_tf.modeling.embedder import Embedder
from realm_tf.modeling.span_reader import SpanReader
from tests.support import damage, ranks, small_qa, small_realm, small_world

QUESTIONS = [
  'the capital of France is',
  'Que\u0301bec city',
  'a big river of Italy and England flows through Peru one two three four is',
  '',
  'Lima',
]
# What people and programs send: each must be answered somehow.
STRANGE = [
  b'',
  b' \t\n',
  b'\xff\xfe\x80',
  b'capital \xc3( of \xe2\x82 France',
  '\u6771\u4eac \u306e\u9996\u90fd \u041c\u043e\u0441\u043a'.encode(),
  b'\x00\x01\x02',
  'e\u0301\u0301\u0301 \u03a3\u03a3 \U0001f5fc'.encode(),
  b'q' * 300,
  b'capital of France ' * 6000,
  b'x' * 100_000,
]
MISSING = dict.fromkeys(
  ('answers', 'evidence', 'titles', 'document_ids', 'document_urls'), b''
)


def export(qa, directory, mixed_precision=False, **options):
  answerer = Answerer.open(
    qa.export_dir,
    qa.corpus_dir,
    qa.index_path,
    mixed_precision=mixed_precision,
  )
  serving.export_serving(answerer, directory, **options)
  answerer.close()


@pytest.fixture(scope='module')
def served(qa, tmp_path_factory):
  """The loaded SavedModel, and where it lies."""
  directory = tmp_path_factory.mktemp('served') / 'serving'
  export(qa, directory)
  return tf.saved_model.load(str(directory)), directory


def numbers(outputs):
  return {name: value.numpy() for name, value in outputs.items()}


def check_names(qa, rows, ids, urls):
  """Compares ids and addresses of documents with those of the corpus."""
  for found, expected in (
    (ids, qa.documents.record_ids(rows)),
    (urls, qa.documents.urls(rows)),
  ):
    assert [name.decode() for name in np.atleast_1d(found)] == expected


def check_against_python(qa, found, expected):
  """Compares one row of the graph's answers with those found by numpy."""
  for i, answer in enumerate(expected):
    row = {name[4:]: x[i] for name, x in found.items() if name[:4] == 'top_'}
    for name in (
      'score',
      'retriever_log_prob',
      'reader_log_prob',
      'log_prob',
    ):
      np.testing.assert_allclose(
        row[f'{name}s'], getattr(answer, name), atol=1e-5
      )
    assert row['answers'] == answer.text
    assert row['block_ids'] == answer.row
    assert (row['byte_starts'], row['byte_ends']) == (
      answer.byte_start,
      answer.byte_end,
    )
    assert row['evidence'].decode() == qa.documents.bodies([answer.row])[0]
    assert row['titles'].decode() == qa.documents.titles([answer.row])[0]
    check_names(qa, row['block_ids'], row['document_ids'], row['document_urls'])
    place = slice(row['byte_starts'], row['byte_ends'])
    assert row['evidence'][place] == row['answers']


@pytest.mark.parametrize('question', QUESTIONS)
def test_answers_are_those_found_without_the_graph(qa, served, question):
  model, _ = served
  found = numbers(model.answer(tf.constant([question])))
  first = {name: x[0] for name, x in found.items()}
  check_against_python(qa, first, small_qa.answers(qa, question, 5, 5))
  for name, value in found.items():
    if name.startswith('top_'):
      assert value.shape == (1, 5)
      best = name[4:].removesuffix('s')
      assert found[best].shape == (1,) and found[best][0] == value[0, 0]


@pytest.mark.parametrize('k', [1, 3, 40])
def test_the_beam_is_chosen_in_the_call(qa, served, k):
  model, _ = served
  question = QUESTIONS[0]
  signature = model.signatures['answer_k']
  found = numbers(signature(question=tf.constant([question]), k=tf.constant(k)))
  first = {name: x[0] for name, x in found.items()}
  check_against_python(qa, first, small_qa.answers(qa, question, k, 5))


@pytest.mark.parametrize('retrieval', ['hybrid', 'lexical'])
def test_words_are_searched_as_in_python(qa, tmp_path, retrieval):
  index_dir = tmp_path / 'index'
  shutil.copytree(qa.index_path, index_dir / '10')
  lexical.publish(qa.documents, index_dir)
  answerer = Answerer.open(
    qa.export_dir,
    qa.corpus_dir,
    index_dir,
    retrieval=RetrievalConfig(
      retrieval=retrieval, dense_weight=0.5, lexical_weight=0.4
    ),
  )
  rows, scores = answerer.retrieve(QUESTIONS, 7)
  found = answerer.answer(QUESTIONS, reader_beam=7)
  serving.export_serving(answerer, tmp_path / 'serving', reader_beam=7)
  answerer.close()
  info = atomic.read_json(tmp_path / 'serving/assets.extra/realm.json')
  assert info['retrieval']['retrieval'] == retrieval
  model = tf.saved_model.load(str(tmp_path / 'serving'))
  questions = tf.constant(QUESTIONS)
  again = model.retrieve(questions, 7)
  np.testing.assert_array_equal(again['block_ids'], rows)
  np.testing.assert_allclose(again['scores'], scores, rtol=1e-4, atol=1e-5)
  answers = model.answer(questions)
  np.testing.assert_array_equal(answers['top_block_ids'], found.block_ids)
  np.testing.assert_allclose(answers['top_scores'], found.scores, atol=1e-4)
  assert (rows[0] != np.sort(rows[0])).any()  # Not just the first blocks.


def test_a_beam_larger_than_the_corpus_reads_everything(qa, served):
  model, _ = served
  question, size = tf.constant(QUESTIONS[:2]), len(qa.documents)
  everything = numbers(model.answer_k(question, size))
  more = numbers(model.answer_k(question, 10 * size))
  for name, value in everything.items():
    np.testing.assert_array_equal(value, more[name])
  found = numbers(model.retrieve(question, 10 * size))
  assert found['block_ids'].shape == (2, size)
  assert set(found['block_ids'][0]) == set(range(size))
  assert set(found['document_ids'][0]) > {b'', '\u00e91'.encode()}
  names = found['document_ids'][1], found['document_urls'][1]
  check_names(qa, found['block_ids'][1], *names)
  # Nothing is asked for: one block is read.
  least, one = (numbers(model.answer_k(question, k)) for k in (0, 1))
  np.testing.assert_array_equal(least['answer'], one['answer'])


def test_a_batch_is_answered_as_its_questions_one_by_one(served):
  model, _ = served
  questions = [*(q.encode() for q in QUESTIONS), *STRANGE, b'Rome'] * 2
  together = numbers(model.answer(tf.constant(questions)))
  for i, question in enumerate(questions):
    alone = numbers(model.answer(tf.constant([question])))
    for name, value in alone.items():
      if value.dtype == np.float32:
        np.testing.assert_allclose(together[name][i], value[0], atol=1e-5)
      else:
        np.testing.assert_array_equal(together[name][i], value[0])


@pytest.mark.parametrize('question', STRANGE, ids=lambda q: str(q[:12]))
def test_strange_questions_are_answered(qa, served, question):
  model, _ = served
  found = numbers(model.signatures['serving_default'](tf.constant([question])))
  assert np.isfinite(found['score'][0]) and found['block_id'][0] >= 0
  assert found['answer'][0]
  body = qa.documents.bodies([found['block_id'][0]])[0].encode()
  place = slice(found['byte_start'][0], found['byte_end'][0])
  assert body == found['evidence'][0] and body[place] == found['answer'][0]


def test_a_long_question_is_cut(served):
  model, _ = served
  short = 'one two ' * ((small_qa.QUERY_SEQ_LEN - 2) // 2)
  found = [
    numbers(model.answer(tf.constant([q]))) for q in (short, short + 'Rome')
  ]
  np.testing.assert_array_equal(found[0]['answer'], found[1]['answer'])
  np.testing.assert_array_equal(found[0]['score'], found[1]['score'])


def test_a_wrong_rank_is_an_error(served):
  ranks.check_ranks(served[0])


def test_no_question_no_answer(served):
  model, _ = served
  for found in (
    model.answer(tf.constant([], tf.string)),
    model.retrieve(tf.constant([], tf.string), 3),
    model.embed(tf.constant([], tf.string)),
  ):
    assert {value.shape[0] for value in found.values()} == {0}


def test_fewer_spans_than_asked_for(qa, tmp_path):
  export(qa, tmp_path / 'serving', top_n=40, reader_beam=1)
  model = tf.saved_model.load(str(tmp_path / 'serving'))
  expected = small_qa.answers(qa, 'Lima', 1, 40)
  found = numbers(model.answer(tf.constant(['Lima'])))
  first = {name: x[0] for name, x in found.items()}
  check_against_python(qa, first, expected)
  count = len(expected)
  assert count < 40
  for name, value in first.items():
    if name.startswith('top_'):
      assert len(value) == 40
      rest = MISSING.get(name[4:], -1 if value.dtype == np.int32 else -1e9)
      assert set(value[count:].tolist()) == {rest}


def test_retrieves_and_embeds(qa, served):
  model, _ = served
  question = tf.constant(QUESTIONS[:2])
  embedding = model.signatures['embed'](question)['embedding'].numpy()
  with_index = Index.open(qa.index_path)
  inner = embedding @ np.array(with_index.embeddings).T
  with_index.close()
  found = numbers(
    model.signatures['retrieve'](question=question, k=tf.constant(4))
  )
  for i in range(2):
    rows = np.argsort(-inner[i], kind='stable')[:4]
    np.testing.assert_array_equal(found['block_ids'][i], rows)
    np.testing.assert_allclose(found['scores'][i], inner[i][rows], atol=1e-5)
    titles = [title.decode() for title in found['titles'][i]]
    assert titles == qa.documents.titles(rows)
    texts = [text.decode() for text in found['texts'][i]]
    assert texts == qa.documents.bodies(rows)


def test_bfloat16_answers_nearly_the_same(qa, served, tmp_path):
  model, _ = served
  export(qa, tmp_path / 'serving', mixed_precision=True)
  rounded = tf.saved_model.load(str(tmp_path / 'serving'))
  questions = tf.constant(QUESTIONS)
  exact, near = (numbers(m.embed(questions)) for m in (model, rounded))
  np.testing.assert_allclose(near['embedding'], exact['embedding'], atol=0.05)
  assert np.abs(near['embedding'] - exact['embedding']).max() > 1e-5
  exact, near = (numbers(m.answer(questions)) for m in (model, rounded))
  assert near['score'].dtype == np.float32
  np.testing.assert_allclose(near['score'], exact['score'], atol=0.1)
  assert np.abs(near['score'] - exact['score']).max() > 1e-5
  assert (near['answer'] == exact['answer']).mean() >= 0.6


_FRESH = """
import json, sys
sys.path = [p for p in sys.path if p not in ('', %(root)r)]
import scann
import tensorflow as tf
import tensorflow_text
model = tf.saved_model.load(sys.argv[1])
found = model.answer(tf.constant(['the capital of France is']))
second = model.answer_k(tf.constant(['Lima']), 2)
loaded = [m for m in ('realm_tf', 'tf_keras', 'official', 'keras.src.models')
          if m in sys.modules]
print(json.dumps({
    'answer': found['answer'].numpy()[0].decode(),
    'score': float(found['score'].numpy()[0]),
    'loaded': [m for m in loaded if m != 'keras.src.models'],
}))
"""


def test_a_process_without_this_package_answers(qa, served, tmp_path):
  model, directory = served
  moved = tmp_path / 'elsewhere'
  shutil.copytree(directory, moved)
  root = str(pathlib.Path(__file__).resolve().parents[2])
  result = subprocess.run(
    [sys.executable, '-c', _FRESH % {'root': root}, str(moved)],
    cwd=tmp_path,
    env={
      **{k: v for k, v in os.environ.items() if k != 'PYTHONPATH'},
      'TF_CPP_MIN_LOG_LEVEL': '3',
    },
    capture_output=True,
    text=True,
    check=False,
  )
  assert result.returncode == 0, result.stderr
  said = json.loads(result.stdout.splitlines()[-1])
  expected = numbers(model.answer(tf.constant(['the capital of France is'])))
  assert said['answer'] == expected['answer'][0].decode()
  assert said['score'] == pytest.approx(float(expected['score'][0]), abs=1e-5)
  assert said['loaded'] == []


def test_nothing_of_this_machine_or_of_keras_is_inside(qa, served):
  _, directory = served
  info = atomic.read_json(directory / 'assets.extra' / 'realm.json')
  assert info['kind'] == 'serving' and info['num_blocks'] == len(qa.documents)
  assert (info['step'], info['index_step']) == (20, 10)
  for path in directory.rglob('*'):
    if path.is_file():
      content = path.read_bytes()
      for name in (
        *(qa.directory, directory, pathlib.Path(__file__).parents[2]),
        pathlib.Path(sys.prefix),
      ):
        assert str(name).encode() not in content, path
      assert b'_tf_keras' not in content, path
  # Texts and vectors are in the checkpoint.
  graph = (directory / 'saved_model.pb').read_bytes()
  assert b'The Seine is a river of France' not in graph


def test_nothing_is_left_of_an_export_that_failed(qa, tmp_path, monkeypatch):
  def fail(*args, **kwargs):
    raise OSError('the disk is full')

  monkeypatch.setattr(tf.saved_model, 'save', fail)
  with pytest.raises(OSError, match='the disk is full'):
    export(qa, tmp_path / 'serving')
  assert not os.listdir(tmp_path)


def test_only_an_earlier_export_is_replaced(qa, tmp_path):
  mine = tmp_path / 'mine'
  mine.mkdir()
  export(qa, mine)  # It was empty.
  export(qa, mine, top_n=2)
  assert atomic.read_json(mine / 'assets.extra' / 'realm.json')['top_n'] == 2
  other = tmp_path / 'other'
  other.mkdir()
  (other / 'notes.txt').write_text('mine')
  with pytest.raises(ValueError, match='other is there and is no earlier'):
    export(qa, other)
  assert (other / 'notes.txt').read_text() == 'mine'


def test_a_damaged_index_is_not_exported(qa, tmp_path):
  with damage.flipped(pathlib.Path(qa.index_path, 'embeddings.npy')):
    with pytest.raises(ValueError, match='npy is damaged'):
      export(qa, tmp_path / 'serving')


# Words of one wordpiece each, so that no two spans are the same words.
BLOCKS = [
  ('France', 'Paris is the capital'),
  ('Italy', 'Rome'),
  ('Peru', 'Lima is a big old city of Peru'),
  ('Seine', 'a river'),
  ('Japan', 'four'),
  *[(word, f'{word} and Rome') for word in 'bcdefghijklm'],  # ScaNN needs 16.
]
PLAIN = ['the capital of Peru', 'river', 'is Rome old and big']
TOP_N = 120
WIDTH = 3
STRINGS = set(MISSING)
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

  def answerer(self, kind='exact', query_seq_len=10, reader_seq_len=20):
    config = SearcherConfig(
      searcher=kind, num_leaves=1, reorder=len(self.vectors)
    )
    metadata = versions.IndexMetadata(
      step=0,
      num_documents=len(self.vectors),
      dim=8,
      kind=kind,
      corpus_fingerprint=self.documents.fingerprint,
      vocab_fingerprint=self.documents.vocab_fingerprint,
      embedder_fingerprint='random',
      searcher=config,
      built_at=0.0,
    )
    return Answerer(
      self.embedder,
      self.reader,
      small_world.tokenizer(),
      self.documents,
      Index(
        'random',
        searcher.build_searcher(self.vectors, config),
        metadata,
        self.vectors,
      ),
      query_seq_len=query_seq_len,
      reader_seq_len=reader_seq_len,
    )

  def module(self, kind='exact', **options):
    answerer = self.answerer(kind)
    options = {'reader_beam': 3, 'top_n': TOP_N, 'blocks_at_once': 4, **options}
    made = serving.make_module(answerer, **options)
    # It has all that it needs.
    answerer.close()
    return made


@pytest.fixture(scope='module')
def world(tmp_path_factory):
  return World(tmp_path_factory.mktemp('world'), BLOCKS)


@pytest.fixture(scope='module')
def module(world):
  return world.module()


def test_nothing_but_the_module_holds_its_data(world):
  module = world.module('scann')
  data = [weakref.ref(x) for x in (module.blocks, module.searcher)]
  gc.disable()
  try:
    del module
    assert [reference() for reference in data] == [None, None]
  finally:
    gc.enable()


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


def test_no_block_has_no_wordpieces(world):
  blocks = serving.VariableBlocks(world.documents)
  slices = blocks.wordpieces(tf.constant([-1, 1]))
  values, starts, sizes = (x.numpy() for x in slices)
  expected, _ = world.documents.blocks.flat('body_ids', np.array([1]))
  assert starts[0] == sizes[0] == 0 and sizes[1] == len(expected)
  found = values[starts[1] : starts[1] + sizes[1]]
  np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize('value', [0, -1])
@pytest.mark.parametrize('field', ['reader_beam', 'top_n', 'blocks_at_once'])
def test_numbers_must_be_positive(world, field, value):
  with pytest.raises(
    ValueError, match=f'^`{field}` must be positive. Received: {value}$'
  ):
    world.module(**{field: value})


def test_a_question_and_a_block_need_room(world):
  world.answerer(query_seq_len=3, reader_seq_len=5).close()
  for query, reader in ((2, 32), (1, 5), (3, 4), (24, 25), (24, 24)):
    with pytest.raises(
      ValueError,
      match=f'leave room.*query_seq_len={query}, reader_seq_len={reader}$',
    ):
      world.answerer(query_seq_len=query, reader_seq_len=reader)
  with pytest.raises(ValueError, match='`reader_seq_len` is 99, .* 40 pos'):
    world.answerer(reader_seq_len=99)


def num_spans(row: int) -> int:
  words = len(BLOCKS[row][1].split())
  return sum(min(WIDTH, words - start) for start in range(words))


@pytest.mark.parametrize('k', [1, 3, 100])
def test_log_probabilities_sum_to_one(module, k):
  found = answers(module, PLAIN, k)
  retrieved = module.retrieve(tf.constant(PLAIN), k)
  for i in range(len(PLAIN)):
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
  for questions in (PLAIN, PLAIN[:1], []):
    found = answers(module, questions)
    several = {f'top_{n}' for n in STRINGS | INTEGERS | NUMBERS}
    assert {n for n in found if n.startswith('top_')} == several
    assert len(found) == 2 * len(several)
    for name in several:
      one = found[name.removeprefix('top_').removesuffix('s')]
      assert found[name].shape == (len(questions), TOP_N)
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
  for questions in (PLAIN, []):
    check_same(answers(other, questions), answers(module, questions))


@pytest.mark.skipif(
  not searcher.scann_is_installed(), reason='ScaNN is not installed'
)
def test_scann_that_looks_everywhere_answers_as_exact_search(world, module):
  other = world.module('scann')
  for k in (1, 2, 100):
    check_same(answers(other, PLAIN, k), answers(module, PLAIN, k))


def test_blocks_without_a_word_have_no_answer(tmp_path):
  module = World(tmp_path, [('Rome', ''), ('Lima', '')]).module(top_n=3)
  found = answers(module, PLAIN[:2])
  for names, missing in ((STRINGS, b''), (INTEGERS, -1), (NUMBERS, -1e9)):
    for name in names:
      assert found[f'top_{name}'].shape == (2, 3)
      assert set(found[f'top_{name}'].reshape(-1).tolist()) == {missing}
