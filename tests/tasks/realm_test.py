# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Parts of pre-training; bin/pretrain_realm's tests train."""

import contextlib
import dataclasses
import pickle
import shutil

import numpy as np
import pytest

from realm_tf.answering.blank_filler import BlankFiller
from realm_tf.configs.realm_config import RealmConfig
from realm_tf.configs.refresh_schedule import RefreshSchedule
from realm_tf.hub import hub_modules
from realm_tf.indexing import index_builder
from realm_tf.io import atomic
from realm_tf.io.compatibility import MismatchError
from realm_tf.modeling.embedder import Embedder
from realm_tf.tasks import realm
from realm_tf.text.tokenizer import BertTokenizer
from realm_tf.training import estimator
from realm_tf.training.run_directory import RunDirectory
from tests.support import sentence_encoders


@pytest.fixture
def config(world, tmp_path):
  return RealmConfig(
    model_dir=str(tmp_path / 'model'),
    corpus_dir=str(world / 'corpus'),
    index_dir=str(tmp_path / 'index'),
    train_examples=f'{world}/spans/spans-*',
    bert=str(world / 'bert_config.json'),
    vocab_file=str(world / 'vocab.txt'),
    projection_size=16,
    batch_size=4,
    query_seq_len=32,
    candidate_seq_len=48,
    num_candidates=3,
    progress=False,
  )


def test_starts_from_bert_or_from_an_embedder(config, indexed):
  root, *_ = indexed
  from_bert = realm.RealmTask(config)
  table = from_bert.bert.encoder.get_embedding_table().numpy()
  mine = (
    from_bert.embedder_start.make().query_tower.encoder.get_embedding_table()
  )
  np.testing.assert_array_equal(mine, table)
  from_module = realm.RealmTask(
    dataclasses.replace(config, embedder=str(root / 'embedder-3'))
  )
  np.testing.assert_array_equal(
    from_module.embedder_start.make().query_tower.projection.kernel,
    indexed[3].query_tower.projection.kernel,
  )


def test_starts_from_an_encoder_of_others(config, tmp_path):
  encoder = tmp_path / 'encoder'
  tokenizer = BertTokenizer.from_file(config.vocab_file)
  sentence_encoders.write_bert(encoder, tokenizer)
  sentence_encoders.write_modules(encoder, ['Normalize'])
  config = dataclasses.replace(
    config,
    embedder=str(encoder),
    projection_size=None,
    query_seq_len=20,
    candidate_seq_len=20,
    train_steps=2,
  )
  realm.pretrain(config)
  made, trained = (
    hub_modules.load_embedder(f'{config.model_dir}/{path}/embedder')
    for path in ('start', 'export/tf_hub/2')
  )
  assert trained.form == made.form and trained.form.normalization == 'l2'
  assert trained.log_scale.numpy() != made.log_scale.numpy()


def test_a_restart_with_another_embedder_is_refused(config, indexed, tmp_path):
  root, tokenizer, _, embedder, *_ = indexed

  def check(config, fresh=False):
    settings = realm.RealmTask(config).resume_settings()
    RunDirectory(tmp_path).check_settings(settings, fresh)

  check(config, fresh=True)
  check(config)
  for name, before, value in (
    ('separate_towers', False, True),
    ('projection_size', 16, 8),
  ):
    with pytest.raises(ValueError, match=f'{name} was {before} and is {value}'):
      check(dataclasses.replace(config, **{name: value}))
  # What counts is the embedder that is built.
  config = dataclasses.replace(config, projection_size=None)
  check(dataclasses.replace(config, embedder=str(root / 'embedder-3')))
  other = Embedder(embedder.bert_config, 8, separate_towers=True)
  hub_modules.export_embedder(other, tokenizer, tmp_path / 'other', 1)
  with pytest.raises(
    ValueError, match='projection_size was 16 and is 8; separate_towers was'
  ):
    check(dataclasses.replace(config, embedder=str(tmp_path / 'other')))


def test_the_shape_of_a_given_embedder_cannot_be_changed(config, indexed):
  root, *_ = indexed
  module = str(root / 'embedder-3')
  same = dataclasses.replace(config, embedder=module, separate_towers=False)
  made = realm.RealmTask(same).embedder_start.make()
  assert made.projection_size == 16 and not made.separate_towers
  other = dataclasses.replace(same, projection_size=8, separate_towers=True)
  with pytest.raises(ValueError) as e:
    realm.RealmTask(other)
  assert str(e.value) == (
    f'`projection_size` is 8, but {module} has 16;'
    f' `separate_towers` is True, but {module} has False'
  )
  by_default = dataclasses.replace(config, projection_size=None)
  made = realm.RealmTask(by_default).embedder_start.make()
  assert made.projection_size == 128 and not made.separate_towers


def test_two_rates_move_two_groups(config):
  parts = realm.RealmTask(
    dataclasses.replace(
      config, learning_rate=0.1, embedder_learning_rate=0.01, warmup_steps=0
    )
  )
  spec = parts.make_model()
  rates = [float(g.optimizer.learning_rate(0)) for g in spec.optimizers]
  np.testing.assert_allclose(rates, [0.1, 0.01], rtol=1e-4)
  names = [{v.ref() for v in g.variables} for g in spec.optimizers]
  assert not names[0] & names[1]
  assert names[0] | names[1] == {
    v.ref() for v in spec.model.trainable_variables
  }


def test_words_are_weighed(config):
  config = dataclasses.replace(
    config,
    retrieval='hybrid',
    lexical_weight=0.2,
    weight_learning_rate=0.02,
    train_steps=4,
    refresh_schedule=RefreshSchedule.parse('0-:2'),
  )
  realm.pretrain(config)
  task = realm.RealmTask(config)
  weights = []
  for step in (0, 4):
    embedder = f'{config.model_dir}/export/tf_hub/{step}/embedder'
    weights.append(hub_modules.read_info(embedder)['retrieval'])
  assert weights[0]['lexical_weight'] == pytest.approx(0.2)
  assert weights[0]['dense_weight'] == 1
  for name in ('lexical_weight', 'dense_weight'):
    assert abs(weights[1][name] - weights[0][name]) > 1e-3
  # The search has the weights of the export that the index is of.
  version = task.load_index(f'{config.index_dir}/0')
  assert version.index.retrieval.to_dict() == weights[0]
  assert version.needs_words
  version.close()
  filler = BlankFiller.open(
    config.model_dir, config.corpus_dir, config.index_dir
  )
  corpus = filler.corpus
  (record,) = filler.to_records([f'{corpus.titles([5])[0]} is [MASK] .'])
  assert record['documents']
  filler.close()


def test_an_index_comes_with_its_own_embedder(config, indexed, tmp_path):
  root, *_ = indexed
  parts = realm.RealmTask(config)
  version = parts.load_index(str(root / 'index' / '3'))
  assert version.metadata.step == 3
  version.close()
  assert parts.embedders.made == 1
  parts.load_index(str(root / 'index' / '3')).close()
  assert parts.embedders.made == 1

  bare = tmp_path / 'bare'
  shutil.copytree(root / 'index' / '3', bare)
  shutil.rmtree(bare / 'embedder')
  with pytest.raises(ValueError, match='published without its embedder'):
    parts.load_index(str(bare))
  metadata = atomic.read_json(bare / 'metadata.json')
  atomic.write_json(
    bare / 'metadata.json', {**metadata, 'corpus_fingerprint': 'feed'}
  )
  with pytest.raises(MismatchError, match='feed'):
    parts.load_index(str(bare))


def test_a_run_does_not_begin_among_indexes_of_another(config, tmp_path):
  (tmp_path / 'index' / '500').mkdir(parents=True)
  with pytest.raises(ValueError, match='/index has indexes already .*500') as e:
    realm.pretrain(config)
  assert '\n' not in str(e.value) and config.index_dir in str(e.value)


def test_an_unfinished_build_goes_when_the_training_has_ended(
  config, tmp_path, monkeypatch
):
  index = tmp_path / 'index'

  def train(error):
    """Trains until a build is given up; returns what is left of it."""

    class Run:
      def __init__(self, *args):
        pass

      def run(self):
        for name in ('.embedder-5', '.partial-5'):
          (index / name / 'part').mkdir(parents=True, exist_ok=True)
        if error is not None:
          raise error
        return {'loss': 1.0}

    monkeypatch.setattr(estimator, '_Run', Run)
    with pytest.raises(error) if error else contextlib.nullcontext():
      assert realm.pretrain(config) == {'loss': 1.0}
    return sorted(path.name for path in index.iterdir())

  for error in (FloatingPointError, KeyboardInterrupt):
    assert train(error) == ['.embedder-5', '.partial-5']
  assert train(None) == []


def test_who_builds(config):
  def builder(kind):
    changed = dataclasses.replace(config, index_builder=kind)
    return realm.RealmTask(changed).make_builder()

  assert isinstance(builder('thread'), index_builder.BuilderThread)
  process = builder('process')
  assert isinstance(process, index_builder.BuilderProcess)
  # What its process is given can be sent there.
  pickle.dumps(process._make()._args)
  assert builder('none') is None
