# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Fine-tuning whose document side is refreshed; bin/ tests the usual one."""

import dataclasses
import json
import pathlib
import shutil

import numpy as np
import pytest

from realm_tf.answering.answerer import Answerer
from realm_tf.configs.embedding_config import IndexConfig
from realm_tf.configs.qa_config import QAConfig
from realm_tf.configs.refresh_schedule import RefreshSchedule
from realm_tf.corpus.corpus import Corpus
from realm_tf.hub import hub_modules, span_reader_module
from realm_tf.index import build_index, lexical
from realm_tf.index.index import Index
from realm_tf.indexing import corpus_index
from realm_tf.io import compatibility
from realm_tf.tasks import qa
from realm_tf.training import run_directory, summaries
from realm_tf.training.run_directory import RunDirectory
from tests.support import sentence_encoders, small_realm

STEPS = 12


@pytest.fixture(scope='module')
def realm(tmp_path_factory):
  return small_realm.make(tmp_path_factory.mktemp('realm'))


def config_of(realm, model_dir, **others):
  questions = pathlib.Path(realm.directory, 'questions.jsonl')
  records = [
    {'question': f'What is the capital of {land} ?', 'answer': [city]}
    for land, city in (
      ('France', 'Paris'),
      ('England', 'London'),
      ('Italy', 'Rome'),
      ('Peru', 'Lima'),
    )
  ]
  questions.write_text(''.join(json.dumps(r) + '\n' for r in records))
  return QAConfig(
    model_dir=str(model_dir),
    corpus_dir=str(realm.corpus_dir),
    index_dir=realm.index_path,
    train_questions=str(questions),
    bert=str(realm.export_dir),
    query_seq_len=14,
    reader_seq_len=34,
    retriever_beam=8,
    reader_beam=4,
    max_span_width=3,
    span_hidden_size=8,
    train_steps=STEPS,
    batch_size=2,
    learning_rate=0.01,
    warmup_steps=1,
    searcher='exact',
    candidate_seq_len=30,
    log_every_steps=1,
    progress=False,
    **others,
  )


def test_the_index_is_closed_if_questions_cannot_be_read(
  realm, tmp_path, monkeypatch
):
  opened = []

  load = Index.open

  def open_index(*args, **kwargs):
    opened.append(load(*args, **kwargs))
    return opened[-1]

  monkeypatch.setattr(Index, 'open', open_index)
  config = config_of(realm, tmp_path, dev_questions=str(tmp_path / 'none'))
  with pytest.raises(ValueError, match='dev_questions'):
    qa.QATask(config)
  (index,) = opened
  assert not len(index.embeddings)


def test_starts_from_the_index_of_an_encoder(realm, tmp_path):
  encoder = tmp_path / 'encoder'
  sentence_encoders.write_bert(encoder, realm.tokenizer)
  sentence_encoders.write_modules(encoder, ['Normalize'])
  index = corpus_index.build_once(
    IndexConfig(
      corpus_dir=str(realm.corpus_dir),
      index_dir=str(tmp_path / 'index'),
      query_prefix='the ',
      progress=False,
    ),
    str(encoder),
  )
  config = config_of(realm, tmp_path / 'qa')
  qa.finetune(dataclasses.replace(config, index_dir=index, train_steps=4))
  exported = tmp_path / 'qa/export/tf_hub/4/embedder'
  before, after = (
    hub_modules.load_embedder(path) for path in (f'{index}/embedder', exported)
  )
  assert after.form == before.form and after.form.pooling == 'mean'
  assert after.log_scale.numpy() != before.log_scale.numpy()
  answerer = Answerer.open(tmp_path / 'qa', realm.corpus_dir, index)
  found = answerer.answer(['What is the capital of Peru ?'])
  assert found.answers[0][0]
  answerer.close()


@pytest.mark.parametrize('retrieval', ['hybrid', 'lexical'])
def test_words_are_weighed(realm, tmp_path, retrieval):
  index_dir = tmp_path / 'index'
  shutil.copytree(realm.index_path, index_dir / '0')
  lexical.publish(Corpus.open(realm.corpus_dir), index_dir)
  config = config_of(
    realm,
    tmp_path / 'qa',
    retrieval=retrieval,
    lexical_weight=0.3,
    weight_learning_rate=0.02,
  )
  qa.finetune(dataclasses.replace(config, index_dir=str(index_dir)))
  answerer = Answerer.open(tmp_path / 'qa', realm.corpus_dir, index_dir)
  trained = answerer.index.retrieval
  assert trained.retrieval == retrieval
  assert abs(trained.lexical_weight - 0.3) > 0.01
  if retrieval == 'hybrid':
    assert abs(trained.dense_weight - 1) > 0.01
  question = 'What is the capital of Peru ?'
  rows, scores = answerer.retrieve([question], 3)
  bm25 = answerer.index.lexical.score([question], rows).numpy()
  query = answerer.graph.embed([question]).numpy()[0]
  expected = trained.lexical_weight * bm25
  if retrieval == 'hybrid':
    products = answerer.index.embeddings[rows[0]] @ query
    expected = expected + trained.dense_weight * products
  np.testing.assert_allclose(scores, expected, rtol=1e-4, atol=1e-4)
  answerer.close()
  with pytest.raises(ValueError, match='rank_fusion has no probabilities'):
    dataclasses.replace(config, retrieval='rank_fusion')


def test_an_export_names_the_embedder_of_its_own_documents(realm, tmp_path):
  config = config_of(
    realm, tmp_path, refresh_schedule=RefreshSchedule.parse('0-:4')
  )
  steps = 60  # The first index takes about as long as twenty of them.
  qa.finetune(dataclasses.replace(config, train_steps=steps))
  hub = tmp_path / 'export' / 'tf_hub'
  exported = run_directory.list_exports(hub)
  assert exported[-1] == steps
  export = pathlib.Path(run_directory.export_path(hub, steps))
  made_by = build_index.fingerprint_embedder(export / 'embedder')
  info = hub_modules.read_info(export / 'span_reader', 'span_reader')
  assert info['document_embedder_fingerprint'] == made_by
  # It has moved away from the one that it started with.
  assert made_by != build_index.fingerprint_embedder(realm.directory / 'stale')
  lines = summaries.read_metrics(tmp_path / 'metrics.jsonl')
  used = [line['index_version'] for line in lines if line['kind'] == 'train']
  assert used == sorted(used) and used[0] == 0
  # Later batches were searched in a newer index.
  assert used[-1] > 0
  # The index that the training began with is one of other documents' vectors.
  with pytest.raises(compatibility.MismatchError, match=made_by):
    Answerer.open(export, realm.corpus_dir, realm.index_path)


def test_only_the_query_side_learns_if_told(realm, tmp_path):
  config = config_of(realm, tmp_path, embedder_learning_rate=0.01)
  qa.finetune(dataclasses.replace(config, learning_rate=0.0))
  hub = tmp_path / 'export' / 'tf_hub'
  first, last = (run_directory.export_path(hub, step) for step in (0, STEPS))

  def change(load, part):
    before, after = (
      load(f'{export}/{part}').get_weights() for export in (first, last)
    )
    return max(np.abs(a - b).max() for a, b in zip(before, after))

  assert change(span_reader_module.load_span_reader, 'span_reader') == 0
  assert change(hub_modules.load_embedder, 'embedder') > 0.001


def test_without_a_refresh_it_is_the_embedder_of_the_index(realm, tmp_path):
  qa.finetune(config_of(realm, tmp_path))
  export = RunDirectory(tmp_path).export()
  answerer = Answerer.open(export, realm.corpus_dir, realm.index_path)
  found = answerer.answer(['What is the capital of Peru ?'])
  assert found.answers[0][0]
  answerer.close()


def test_it_goes_on_from_the_reader_of_an_earlier_one(realm, tmp_path):
  first, second = tmp_path / 'first', tmp_path / 'second'
  config = config_of(realm, first)
  qa.finetune(config)
  start = pathlib.Path(
    run_directory.export_path(first / 'export/tf_hub', STEPS)
  )
  # Next to nothing is learnt: what is written is what it started from.
  qa.finetune(
    dataclasses.replace(
      config,
      model_dir=str(second),
      bert=None,
      span_reader=str(start / 'span_reader'),
      embedder=str(start / 'embedder'),
      learning_rate=1e-9,
      train_steps=2,
    )
  )
  end = pathlib.Path(run_directory.export_path(second / 'export/tf_hub', 2))
  earlier, later = (
    Answerer.open(export, realm.corpus_dir, realm.index_path).answer(
      ['What is the capital of Peru ?', 'Paris']
    )
    for export in (start, end)
  )
  assert earlier.answers == later.answers
  np.testing.assert_allclose(later.scores, earlier.scores, rtol=1e-5)


def test_gold_paragraphs_make_gold_rows(realm, tmp_path):
  questions = tmp_path / 'questions.jsonl'
  with open(questions, 'w') as f:
    for number in (4, None, 1):
      line = {'question': 'Which ?', 'answer': ['x'], 'paragraph_id': number}
      f.write(json.dumps(line) + '\n')
  config = config_of(realm, tmp_path / 'model')
  # None of these questions names a paragraph.
  parts = qa.QATask(config)
  numbers, rows = np.arange(3), np.tile(np.arange(8), [3, 1])

  def features(parts):
    query = parts.train.query(numbers)
    vectors = np.zeros([8, 8], np.float32)
    return parts.train.features(numbers, query, rows, vectors)

  assert 'beam_is_gold' not in features(parts)
  parts.slot.close()
  asked = dataclasses.replace(
    config,
    add_gold=True,
  )
  with pytest.raises(ValueError, match='no question names its paragraph'):
    qa.QATask(asked)
  parts = qa.QATask(dataclasses.replace(config, train_questions=str(questions)))
  is_gold = features(parts)['beam_is_gold']
  assert np.argwhere(is_gold).tolist() == [[0, 4], [2, 1]]
  parts.slot.close()


def test_dev_questions_need_no_gold_paragraph(realm, tmp_path):
  train = tmp_path / 'train.jsonl'
  line = {
    'question': 'What is the capital of Peru ?',
    'answer': ['Lima'],
    'paragraph_id': 4,
  }
  train.write_text(json.dumps(line) + '\n')
  config = config_of(
    realm,
    tmp_path / 'qa',
    retriever_gold_loss=1.0,
    reader_gold_loss=1.0,
  )
  config = dataclasses.replace(
    config,
    dev_questions=config.train_questions,
    train_questions=str(train),
    batch_size=1,
    train_steps=4,
  )
  result = qa.finetune(config)
  # Their gold blocks are not known, so there is no metric of them.
  assert 'gold_in_beam' not in result and result['answer_in_beam'] > 0
  lines = summaries.read_metrics(tmp_path / 'qa' / 'metrics.jsonl')
  (learnt, *_) = (line for line in lines if line['kind'] == 'train')
  assert learnt['gold_in_beam'] == 1 and learnt['reader_gold_loss'] > 0
