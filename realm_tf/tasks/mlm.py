# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Masked language modelling: a BERT of one's own to start REALM from."""

import dataclasses
import os
from collections.abc import Iterator

from absl import logging

from realm_tf.bert import weights
from realm_tf.bert.encoder import build_mlm_head
from realm_tf.modeling.mlm_model import MaskedLanguageModel
from realm_tf.tasks import mlm_examples as mlm_data
from realm_tf.text.tokenizer import BertTokenizer
from realm_tf.training import estimator, run_config, warm_start
from realm_tf.training.settings import TrainingSettings


@dataclasses.dataclass(frozen=True, kw_only=True)
class MlmTrainingConfig(TrainingSettings):
  """Everything that `pretrain` is told.

  See also `TrainingSettings`. The weights go to `model_dir/bert`.

  Attributes:
    train_passages: Globs of JSONL passages, see `mlm_examples.mlm_batches`.
    heldout_passages: The same, for evaluation; None evaluates nothing.
    bert: Start: a preset, a bert_config.json, or weights.
    vocab_file: Default: the vocabulary beside the weights.
    lower_case: Default: as the weights say, else true.
    examples: How passages are masked.
    eval_batches: Batches of an evaluation.
    weights_dtype: Of the saved weights, `float32` or `float16`.
    strict: Do not begin with a malformed passage anywhere, instead of skipping
      it.
  """

  train_passages: str
  heldout_passages: str | None = None
  bert: str = 'tiny'
  vocab_file: str | None = None
  lower_case: bool | None = None
  examples: mlm_data.MlmConfig = dataclasses.field(
    default_factory=mlm_data.MlmConfig
  )
  eval_batches: int = 10
  weights_dtype: str = 'float32'
  strict: bool = False
  train_steps: int = 10_000
  batch_size: int = 64
  learning_rate: float = 1e-3


def _batches(
  config: MlmTrainingConfig, tokenizer: BertTokenizer, first: int
) -> Iterator[run_config.Batch]:
  dataset = mlm_data.mlm_batches(
    config.train_passages,
    tokenizer,
    config.examples,
    batch_size=config.batch_size,
    seed=config.seed,
    start_batch=first,
  )
  for number, features in enumerate(dataset, first):
    yield run_config.Batch(number, features)


def _heldout_batches(
  config: MlmTrainingConfig, tokenizer: BertTokenizer
) -> Iterator[run_config.Batch]:
  assert config.heldout_passages is not None
  dataset = mlm_data.mlm_batches(
    config.heldout_passages,
    tokenizer,
    config.examples,
    batch_size=config.batch_size,
    seed=config.seed + 1,
    repeat=False,
    shuffle_buffer=0,
  )
  for number, features in enumerate(dataset.take(config.eval_batches)):
    yield run_config.Batch(number, features)


def _copy(bert: weights.Bert, tokenizer: BertTokenizer) -> weights.Bert:
  """The same weights in new layers, and the vocabulary in use."""
  if bert.mlm_head is None:
    raise ValueError('these weights have no masked language modelling head')
  encoder = weights.copy_encoder(bert)
  head = build_mlm_head(bert.config, encoder)
  head.set_weights(bert.mlm_head.get_weights())
  return dataclasses.replace(
    bert, encoder=encoder, mlm_head=head, lower_case=tokenizer.lower_case
  )


def pretrain(config: MlmTrainingConfig) -> dict[str, float]:
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

  trained: list[weights.Bert] = []

  def model_fn(run: run_config.RunConfig) -> run_config.ModelSpec:
    del run
    # Made anew: precision and the kind of dropout are set up for the run only.
    trained.append(_copy(bert, tokenizer))
    model = MaskedLanguageModel(trained[0])
    return run_config.ModelSpec(
      model,
      [
        run_config.OptimizerGroup(config.optimizer(), model.trainable_variables)
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
    config.run_config(
      {
        'bert': dataclasses.asdict(bert.config),
        'examples': dataclasses.asdict(config.examples),
        'train_passages': config.train_passages,
        'vocabulary': tokenizer.fingerprint,
      }
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
    dataclasses.replace(trained[0], vocab_file=vocab_file),
    directory,
    dtype=config.weights_dtype,
  )
  logging.info('wrote the weights to %s', directory)
  return result
