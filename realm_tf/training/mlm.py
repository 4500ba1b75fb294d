# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Masked language modelling: a BERT of one's own to start REALM from."""

import dataclasses
import os
from collections.abc import Iterator

from absl import logging

from realm_tf.bert import weights
from realm_tf.bert.encoder import build_mlm_head
from realm_tf.data import mlm as mlm_data
from realm_tf.models.mlm import MaskedLanguageModel
from realm_tf.text.tokenizer import BertTokenizer
from realm_tf.training import estimator, optimization, run_config, warm_start


@dataclasses.dataclass(frozen=True)
class MlmTrainingConfig:
  """Everything that `pretrain` is told.

  Attributes:
    model_dir: Checkpoints and summaries; the weights go to `model_dir/bert`.
    train_passages: Globs of JSONL passages, see `data.mlm.mlm_batches`.
    heldout_passages: The same, for evaluation; None evaluates nothing.
    bert: Start: a preset, a bert_config.json, or weights.
    vocab_file: Default: the vocabulary beside the weights.
    lower_case: Default: as the weights say, else true.
    examples: How passages are masked.
    train_steps: Where training ends.
    batch_size: Passages a step.
    learning_rate: The highest.
    warmup_steps: Default: BERT's rule.
    eval_every: Steps between two evaluations.
    eval_batches: Batches of an evaluation.
    save_checkpoints_steps: Steps between two checkpoints.
    log_every_steps: Steps over which metrics are averaged.
    weights_dtype: Of the saved weights, `float32` or `float16`.
    strict: Stop at a malformed passage instead of skipping it.
    seed: Of weights, masks, order and dropout.
    mixed_precision: Compute in bfloat16.
    progress: Whether progress is drawn.
  """

  model_dir: str
  train_passages: str
  heldout_passages: str | None = None
  bert: str = 'tiny'
  vocab_file: str | None = None
  lower_case: bool | None = None
  examples: mlm_data.MlmConfig = dataclasses.field(
    default_factory=mlm_data.MlmConfig
  )
  train_steps: int = 10_000
  batch_size: int = 64
  learning_rate: float = 1e-3
  warmup_steps: int | None = None
  eval_every: int = 1000
  eval_batches: int = 10
  save_checkpoints_steps: int = 1000
  log_every_steps: int = 100
  weights_dtype: str = 'float32'
  strict: bool = False
  seed: int = 0
  mixed_precision: bool = False
  progress: bool = True


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
    strict=config.strict,
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
    strict=config.strict,
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
  """
  bert, tokenizer = warm_start.load(
    config.bert,
    vocab_file=config.vocab_file,
    lower_case=config.lower_case,
    seed=config.seed,
  )

  trained: list[weights.Bert] = []

  def model_fn(run: run_config.RunConfig) -> run_config.ModelSpec:
    del run
    # Made anew: precision and the kind of dropout are set up for the run only.
    trained.append(_copy(bert, tokenizer))
    model = MaskedLanguageModel(trained[0])
    optimizer = optimization.create_optimizer(
      config.learning_rate, config.train_steps, config.warmup_steps
    )
    return run_config.ModelSpec(
      model,
      [run_config.OptimizerGroup(optimizer, model.trainable_variables)],
    )

  evaluation = None
  if config.heldout_passages is not None:
    evaluation = run_config.EvalSpec(
      lambda first: _heldout_batches(config, tokenizer),
      every_steps=config.eval_every,
    )
  result = estimator.train_and_evaluate(
    model_fn,
    run_config.RunConfig(
      config.model_dir,
      seed=config.seed,
      save_checkpoints_steps=config.save_checkpoints_steps,
      log_every_steps=config.log_every_steps,
      mixed_precision=config.mixed_precision,
      progress=config.progress,
      resume_settings={
        'batch_size': config.batch_size,
        'bert': dataclasses.asdict(bert.config),
        'examples': dataclasses.asdict(config.examples),
        'seed': config.seed,
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
    dataclasses.replace(trained[0], vocab_file=vocab_file),
    directory,
    dtype=config.weights_dtype,
  )
  logging.info('wrote the weights to %s', directory)
  return result
