# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Masked language modelling: a BERT of one's own to start REALM from."""

import dataclasses
import os
from collections.abc import Iterator

from absl import logging

from realm_tf.bert import weights
from realm_tf.configs.mlm_config import MlmConfig, PassageMaskingConfig
from realm_tf.modeling.mlm_model import MaskedLanguageModel
from realm_tf.tasks import mlm_examples as mlm_data
from realm_tf.text.tokenizer import BertTokenizer
from realm_tf.training import estimator, run_config, settings, warm_start


def _batches(
  config: MlmConfig, tokenizer: BertTokenizer, first: int
) -> Iterator[run_config.Batch]:
  dataset = mlm_data.mlm_batches(
    config.train_passages,
    tokenizer,
    config.part(PassageMaskingConfig),
    batch_size=config.batch_size,
    seed=config.seed,
    start_batch=first,
  )
  for number, features in enumerate(dataset, first):
    yield run_config.Batch(number, features)


def _heldout_batches(
  config: MlmConfig, tokenizer: BertTokenizer
) -> Iterator[run_config.Batch]:
  assert config.heldout_passages is not None
  dataset = mlm_data.mlm_batches(
    config.heldout_passages,
    tokenizer,
    config.part(PassageMaskingConfig),
    batch_size=config.batch_size,
    seed=config.seed + 1,
    repeat=False,
    shuffle_buffer=0,
  )
  for number, features in enumerate(dataset.take(config.eval_batches)):
    yield run_config.Batch(number, features)


def pretrain(config: MlmConfig) -> dict[str, float]:
  """Trains to `config.train_steps` and writes `model_dir/bert`.

  Returns:
    The metrics of the last evaluation, empty without held-out passages.

  Raises:
    ValueError: A passage is malformed, and the config is strict; or the run so
      far had other settings.
  """
  if config.strict:
    mlm_data.check_passages(config.train_passages)
    if config.heldout_passages is not None:
      mlm_data.check_passages(config.heldout_passages)
  bert, tokenizer = warm_start.load(
    config.bert,
    vocab_file=config.vocab_file,
    lower_case=config.lower_case,
    dropout=config.dropout,
    seed=config.seed,
  )

  trained: list[MaskedLanguageModel] = []

  def model_fn(run: run_config.RunConfig) -> run_config.ModelSpec:
    del run
    model = MaskedLanguageModel(bert.config, seed=config.seed)
    model.init_from_bert(bert)
    trained.append(model)
    return run_config.ModelSpec(
      model,
      [
        run_config.OptimizerGroup(
          settings.optimizer(config), model.trainable_variables
        )
      ],
    )

  evaluation = None
  if config.heldout_passages is not None:
    evaluation = run_config.EvalSpec(
      lambda first: _heldout_batches(config, tokenizer),
      every_steps=config.eval_every,
    )
  result = estimator.train_and_evaluate(
    model_fn,
    settings.run_config(
      config,
      {
        'bert': dataclasses.asdict(bert.config),
        'examples': config.part(PassageMaskingConfig).to_dict(),
        'train_passages': config.train_passages,
        'vocabulary': tokenizer.fingerprint,
      },
    ),
    run_config.TrainSpec(
      lambda first: _batches(config, tokenizer, first), config.train_steps
    ),
    evaluation,
  )
  directory = os.path.join(config.model_dir, 'bert')
  vocab_file = os.path.join(directory, 'vocab.txt')
  tokenizer.save_vocab(vocab_file)
  weights.save_bert(
    dataclasses.replace(
      bert,
      encoder=trained[0].encoder,
      mlm_head=trained[0].mlm_head,
      vocab_file=vocab_file,
      lower_case=tokenizer.lower_case,
    ),
    directory,
    dtype=config.weights_dtype,
  )
  logging.info('wrote the weights to %s', directory)
  return result
