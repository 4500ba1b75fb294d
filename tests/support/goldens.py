# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Weights and inputs of the original's model, put into ours."""

import functools
import json
import pathlib

import numpy as np
import tensorflow as tf

from realm_tf.bert import weight_names
from realm_tf.bert.bert_config import BertConfig
from realm_tf.modeling.embedder import Embedder
from realm_tf.modeling.reader import KnowledgeAugmentedReader
from realm_tf.modeling.realm_model import RealmModel
from realm_tf.modeling.retriever import Retriever
from realm_tf.training import optimization, task, trainer

# The README of the goldens says erf; the graphs of the modules have tanh.
CONFIG = BertConfig.preset('tiny', activation='gelu_new')
_PROJECTION = {
  'projection/kernel': 'dense/kernel',
  'projection/bias': 'dense/bias',
  'layer_norm/gamma': 'layer_normalization/gamma',
  'layer_norm/beta': 'layer_normalization/beta',
}


def original_name(variable: tf.Variable) -> str:
  """What the original's training graph calls a variable of ours."""
  name = variable.name.split(':')[0]
  for ours, theirs in _PROJECTION.items():
    if name == f'embedder/{ours}':
      return f'embedder/{theirs}'
  canonical = weight_names.canonical_name(name)
  prefix = 'embedder/module/' if name.startswith('embedder/') else 'bert/'
  return prefix + canonical


def canonical_layout(variable: tf.Variable, value: np.ndarray) -> np.ndarray:
  """A weight or its gradient with attention heads side by side."""
  return weight_names.canonical_layout(original_name(variable), value)


def _restore(variables, directory: pathlib.Path, prefix: str) -> None:
  reader = tf.train.load_checkpoint(str(directory / 'variables' / 'variables'))
  for variable in variables:
    value = reader.get_tensor(original_name(variable).removeprefix(prefix))
    variable.assign(value.reshape(variable.shape))


def load_embedder(goldens: pathlib.Path) -> Embedder:
  embedder = Embedder(CONFIG)
  _restore(
    embedder.variables, goldens / 'modules' / 'tiny' / 'embedder', 'embedder/'
  )
  return embedder


def load_model(goldens: pathlib.Path, **retriever_options) -> RealmModel:
  """The original's model with the weights that its numbers were made with."""
  reader = KnowledgeAugmentedReader(CONFIG)
  _restore(reader.variables, goldens / 'modules' / 'tiny' / 'bert', 'bert/')
  retriever = Retriever(load_embedder(goldens), **retriever_options)
  return RealmModel(retriever, reader)


def _bert_inputs(arrays, name: str, rows) -> dict[str, tf.Tensor]:
  return {
    ours: tf.constant(arrays[f'{name}.{theirs}'][rows], tf.int32)
    for ours, theirs in (
      ('input_word_ids', 'token_ids'),
      ('input_mask', 'mask'),
      ('input_type_ids', 'segment_ids'),
    )
  }


def load_features(goldens: pathlib.Path, rows=None) -> dict:
  """Features as the original made them; by default of its batch of four."""
  arrays = np.load(goldens / 'featurization.npz')
  if rows is None:
    rows = np.load(goldens / 'model_tiny.npz')['sel']
  return {
    'query': _bert_inputs(arrays, 'query_inputs', rows),
    'candidates': _bert_inputs(arrays, 'candidate_inputs', rows),
    'joint': _bert_inputs(arrays, 'joint_inputs', rows),
    'mlm_positions': tf.constant(arrays['mlm_positions'][rows]),
    'mlm_targets': tf.constant(arrays['mlm_targets'][rows]),
    'mlm_mask': tf.constant(arrays['mlm_mask'][rows], tf.float32),
  }


def load_facts(goldens: pathlib.Path) -> dict:
  return json.loads((goldens / 'model_tiny.json').read_text())


class _WithoutDropout:
  """The original's trajectory was made in evaluation mode."""

  def __init__(self, model: RealmModel):
    self._model = model

  def loss_and_metrics(self, features: dict, training: bool):
    del training
    return self._model.loss_and_metrics(features)


@functools.lru_cache
def trajectory(goldens: pathlib.Path) -> tuple[list[float], dict[str, float]]:
  """Six steps of our trainer on the original's batch.

  Returns:
    The losses before each step and after the last; the norm of each variable
    after the last, by the original's names.
  """
  model, facts = load_model(goldens), load_facts(goldens)['optimizer']
  optimizer = optimization.create_optimizer(
    facts['learning_rate'], facts['num_train_steps'], facts['num_warmup_steps']
  )
  variables = model.trainable_variables
  counters = [tf.Variable(0, dtype=tf.int64) for _ in range(3)]
  steps = trainer.StepTrainer(
    task.ModelSpec(
      _WithoutDropout(model), [task.OptimizerGroup(optimizer, variables)]
    ),
    strategy=tf.distribute.get_strategy(),
    global_step=counters[0],
    next_batch=counters[1],
    index_step=counters[2],
  )
  features = load_features(goldens)
  count = len(facts['losses'])
  steps.batches = iter(task.Batch(i, features) for i in range(count))
  losses = []
  for step in range(count):
    if step == count - 1:
      norms = {original_name(v): float(np.linalg.norm(v)) for v in variables}
    losses.append(steps.train(tf.constant(1))['loss'])
  return losses, norms
