# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import dataclasses
import json

import numpy as np
import pytest

from realm_tf.configs.ict_config import IctConfig
from realm_tf.configs.refresh_schedule import RefreshSchedule
from realm_tf.hub import hub_modules, text_encoders
from realm_tf.tasks import ict
from realm_tf.text.tokenizer import BertTokenizer
from realm_tf.training import summaries
from tests.support import sentence_encoders


def make_config(world, model_dir, **changes):
  config = IctConfig(
    model_dir=str(model_dir),
    corpus_dir=str(world / 'corpus'),
    bert=str(world / 'bert_config.json'),
    vocab_file=str(world / 'vocab.txt'),
    projection_size=8,
    query_seq_len=32,
    candidate_seq_len=48,
    train_steps=12,
    batch_size=8,
    learning_rate=1e-3,
    warmup_steps=2,
    eval_batches=0,
    export_schedule=RefreshSchedule.parse('6'),
    save_checkpoints_steps=6,
    log_every_steps=3,
    progress=False,
  )
  return dataclasses.replace(config, **changes)


def test_goes_on_where_it_was(world, tmp_path):
  config = make_config(world, tmp_path / 'unbroken')
  ict.pretrain(config)
  broken = dataclasses.replace(config, model_dir=str(tmp_path / 'broken'))
  save_whole = hub_modules.EmbedderModule.save

  class PulledPlugError(Exception):
    pass

  def save(self, directory, step):
    if step == 12:
      raise PulledPlugError
    save_whole(self, directory, step)

  with pytest.MonkeyPatch.context() as patch:
    patch.setattr(hub_modules.EmbedderModule, 'save', save)
    with pytest.raises(PulledPlugError):
      ict.pretrain(broken)
  assert not (tmp_path / 'broken/export/tf_hub/12').exists()
  with pytest.raises(ValueError, match='separate_towers was False and is True'):
    ict.pretrain(dataclasses.replace(broken, separate_towers=True))
  with pytest.raises(ValueError, match='projection_size was 8 and is 4'):
    ict.pretrain(dataclasses.replace(broken, projection_size=4))
  ict.pretrain(broken)
  curves = [
    [line['loss'] for line in summaries.read_metrics(path / 'metrics.jsonl')]
    for path in (tmp_path / 'unbroken', tmp_path / 'broken')
  ]
  assert len(curves[0]) == 4
  np.testing.assert_allclose(curves[0], curves[1], rtol=1e-4)
  kernels = [
    hub_modules.load_embedder(
      tmp_path / name / 'export/tf_hub/12/embedder'
    ).query_tower.projection.kernel
    for name in ('unbroken', 'broken')
  ]
  np.testing.assert_allclose(*kernels, atol=1e-4)


def test_starts_from_an_encoder_and_learns_its_temperature(world, tmp_path):
  tokenizer = BertTokenizer.from_file(world / 'vocab.txt')
  encoder = tmp_path / 'encoder'
  sentence_encoders.write_bert(encoder, tokenizer)
  sentence_encoders.write_modules(encoder, ['Normalize'])
  config = make_config(
    world,
    tmp_path / 'ict',
    bert='base',
    vocab_file=None,
    embedder=str(encoder),
    projection='principal',
    query_prefix='the ',
    query_seq_len=20,
    candidate_seq_len=20,
    train_steps=6,
  )
  task = ict.IctTask(config)
  made = task.make_model().model.embedder
  assert made.projection_size == 8 and made.form.pooling == 'mean'
  assert made.form.query_prefix == tuple(tokenizer.tokenize(['the'])[0])
  table = made.query_tower.encoder.get_embedding_table()
  source = text_encoders.read_encoder(encoder).embedder.query_tower.encoder
  np.testing.assert_array_equal(table, source.get_embedding_table())
  ict.pretrain(config)
  trained = hub_modules.load_embedder(tmp_path / 'ict/export/tf_hub/6/embedder')
  assert trained.form == made.form
  assert trained.log_scale.numpy() != made.log_scale.numpy()
  with pytest.raises(ValueError, match='cannot be resumed: form was'):
    ict.pretrain(dataclasses.replace(config, query_prefix='of '))
  twice = dataclasses.replace(
    config, model_dir=str(tmp_path / 'towers'), separate_towers=True
  )
  assert ict.IctTask(twice).make_model().model.embedder.separate_towers


def test_other_questions_in_the_same_file_are_refused(world, tmp_path):
  lines = (world / 'knowledge.jsonl').read_text().splitlines()
  path = tmp_path / 'questions.jsonl'

  def write(asked, count=20):
    with open(path, 'w') as f:
      for number in range(count):
        title = json.loads(lines[number])['title']
        line = {'question': f'{asked} of {title}?', 'answer': ['it']}
        f.write(json.dumps({**line, 'paragraph_id': number}) + '\n')

  def pretrain(steps):
    ict.pretrain(
      make_config(
        world,
        tmp_path / 'model',
        questions=str(path),
        train_steps=steps,
        save_checkpoints_steps=2,
        log_every_steps=1,
        export_schedule=RefreshSchedule((0,), (100,)),
      )
    )

  write('The capital')
  pretrain(2)
  write('The capital', 19)
  with pytest.raises(ValueError, match='num_questions was 20 and is 19'):
    pretrain(4)
  write('The king')
  with pytest.raises(ValueError, match='resumed: questions_fingerprint was'):
    pretrain(4)
  write('The capital')
  pretrain(4)
  steps = [
    line['step']
    for line in summaries.read_metrics(tmp_path / 'model' / 'metrics.jsonl')
  ]
  assert steps == [1, 2, 3, 4]
