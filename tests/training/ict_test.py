# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import dataclasses

import numpy as np
import pytest

from realm_tf.export import hub_modules
from realm_tf.training import ict, summaries
from realm_tf.training.refresh_schedule import RefreshSchedule


def test_goes_on_where_it_was(world, tmp_path):
  config = ict.IctConfig(
    model_dir=str(tmp_path / 'unbroken'),
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
