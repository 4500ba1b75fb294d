# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Masked language modeling: trains a BERT from which REALM can start."""

import dataclasses
import os
from collections.abc import Iterable
from typing import Any

from absl import logging

from realm_tf.bert import weights
from realm_tf.configs.mlm_config import MlmConfig, PassageMaskingConfig
from realm_tf.modeling.mlm_model import MaskedLanguageModel
from realm_tf.tasks import mlm_examples, starts
from realm_tf.training import estimator, optimization
from realm_tf.training.run_directory import with_modules
from realm_tf.training.task import Batch, ModelSpec, Task, numbered


class MlmTask(Task):
  """Masked language modeling on passages."""

  def __init__(self, config: MlmConfig):
    if config.strict:
      mlm_examples.check_passages(config.train_passages)
      if config.heldout_passages is not None:
        mlm_examples.check_passages(config.heldout_passages)
    self.config = config = with_modules(config)
    self.evaluates = config.heldout_passages is not None
    self._masking = config.part(PassageMaskingConfig)
    self._bert, self._tokenizer = starts.warm_start(config)

  def make_model(self) -> ModelSpec:
    config = self.config
    model = MaskedLanguageModel(self._bert.config, seed=config.seed)
    model.init_from_bert(self._bert)
    self._model = model
    groups = optimization.make_groups(config, model.trainable_variables)
    return ModelSpec(model, groups)

  def train_batches(self, start: int) -> Iterable[Batch]:
    config = self.config
    dataset = mlm_examples.mlm_batches(
      config.train_passages,
      self._tokenizer,
      self._masking,
      batch_size=config.batch_size,
      seed=config.seed,
      start_batch=start,
    )
    return numbered(dataset, start)

  def eval_batches(self) -> Iterable[Batch]:
    config = self.config
    assert config.heldout_passages is not None
    dataset = mlm_examples.mlm_batches(
      config.heldout_passages,
      self._tokenizer,
      self._masking,
      batch_size=config.batch_size,
      seed=config.seed + 1,
      repeat=False,
      shuffle_buffer=0,
    )
    return numbered(dataset.take(config.eval_batches), 0)

  def resume_settings(self) -> dict[str, Any]:
    return {
      'bert': dataclasses.asdict(self._bert.config),
      'examples': self._masking.to_dict(),
      'train_passages': self.config.train_passages,
      'vocabulary': self._tokenizer.fingerprint,
    }

  def finish(self) -> None:
    directory = os.path.join(self.config.model_dir, 'bert')
    vocab_file = os.path.join(directory, 'vocab.txt')
    self._tokenizer.save_vocab(vocab_file)
    weights.save_bert(
      dataclasses.replace(
        self._bert,
        encoder=self._model.encoder,
        mlm_head=self._model.mlm_head,
        vocab_file=vocab_file,
        lower_case=self._tokenizer.lower_case,
      ),
      directory,
      dtype=self.config.weights_dtype,
    )
    logging.info('wrote the weights to %s', directory)


def pretrain(config: MlmConfig) -> dict[str, float]:
  """Trains a BERT and writes its weights to `model_dir/bert`.

  A call that was killed resumes when called again with the same configuration.

  Returns:
    The metrics of the last evaluation; empty without held-out passages.

  Raises:
    ValueError: A passage is malformed, and `strict` is set; or the run so far
      had other settings.
  """
  return estimator.run_task(config, MlmTask(config))
