# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Training of the tagger of named entities from CoNLL files."""

import dataclasses
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from absl import logging

from realm_tf.configs.tagger_config import TaggerConfig, WindowConfig
from realm_tf.hub import entity_tagger
from realm_tf.io import atomic, compatibility, files
from realm_tf.modeling.token_classifier import TokenClassifier
from realm_tf.spans import bert_tagger, conll, entities, word_labels
from realm_tf.tasks import starts
from realm_tf.training import estimator, optimization
from realm_tf.training.run_directory import TAGGER, RunDirectory, with_modules
from realm_tf.training.task import Batch, ModelSpec, Task, numbered

# Sentences to tag at a time.
_CHUNK = 512


@dataclasses.dataclass(frozen=True)
class Result:
  """Result of a training.

  Attributes:
    step: Step of the best export.
    directory: Directory of the best export.
    scores: Its `spans.entities.entity_scores` on the held-out sentences.
    confusion: Its `spans.entities.confusion` on them.
    labels: Labels of the entities.
    last_f1: F1 at the last step.
  """

  step: int
  directory: str
  scores: dict[str, float]
  confusion: np.ndarray
  labels: tuple[str, ...]
  last_f1: float


def read_sentences(
  config: TaggerConfig,
) -> tuple[list[conll.Sentence], list[conll.Sentence]]:
  """Reads the training and the held-out sentences.

  Raises:
    CorpusError: A file cannot be read as CoNLL.
    FileNotFoundError: There is no file.
    ValueError: The training sentences lack entities or a held-out label.
  """
  train = conll.read_files(files.expand(config.train_files))
  if config.dev_files is None:
    train, dev = conll.split_by_document(
      train, config.dev_share, config.split_seed
    )
  labels = conll.labels_of(train)
  if not labels:
    raise ValueError(f'{config.train_files}: no entity to train on')
  if config.dev_files is not None:
    dev = conll.read_files(files.expand(config.dev_files), labels)
  unknown = set(conll.labels_of(dev)) - set(labels)
  if unknown:
    raise ValueError(
      f'{config.train_files}: only the held-out part has the label'
      f' {min(unknown)}; choose another split_seed, or dev_files'
    )
  return train, dev


def _training_texts(
  config: TaggerConfig, sentences: Sequence[conll.Sentence]
) -> list[conll.Sentence]:
  """Sentences or documents, with copies in which entities are swapped."""
  texts: list[conll.Sentence] = []
  for copy in range(config.swapped_copies + 1):
    seed = [config.seed, copy]
    rate = config.swap_rate if copy else 0
    swapped = conll.swap_entities(sentences, rate, seed)
    texts += (
      conll.join_documents(swapped) if config.whole_documents else swapped
    )
  return texts


def tag_sentences(
  tag: Callable[[tf.Tensor], Mapping[str, tf.Tensor]],
  sentences: Sequence[conll.Sentence],
) -> list[list[conll.Entity]]:
  """Tags the text of CoNLL sentences; returns entities of their tokens."""
  found: list[list[conll.Entity]] = []
  for first in range(0, len(sentences), _CHUNK):
    part = sentences[first : first + _CHUNK]
    tagged = bert_tagger.split_spans(tag(tf.constant([s.text for s in part])))
    found += [
      entities.spans_over_tokens(spans, sentence.token_bytes())
      for sentence, spans in zip(part, tagged)
    ]
  return found


class TaggerTask(Task):
  """Classifies words; evaluated from raw text to spans."""

  best_metric = 'f1'
  evaluates = True
  evaluates_at_start = False

  def __init__(self, config: TaggerConfig):
    self.config = config = with_modules(config)
    sentences, held = read_sentences(config)
    self.labels = conll.labels_of(sentences)
    self._windows = config.part(WindowConfig)
    self._bert, self._tokenizer = starts.warm_start(config, with_mlm_head=False)
    compatibility.check_lengths(
      'this BERT',
      self._bert.config.max_positions,
      max_length=config.max_length,
    )
    self._classes = word_labels.Classes(
      self.labels, conll.has_neighbors(sentences)
    )
    training_texts = _training_texts(config, sentences)
    if config.whole_documents:
      held = conll.join_documents(held)
    self._examples, self._dev_examples = (
      word_labels.make_examples(
        part, self._classes, self._tokenizer, self._windows
      )
      for part in (training_texts, held)
    )
    logging.info(
      '%d sentences to train on, %d held out; labels %s',
      len(sentences),
      len(held),
      ', '.join(self.labels),
    )
    self._held = held
    self._gold = [s.entities for s in held]
    self._sizes = [len(s.tokens) for s in held]

  def make_model(self) -> ModelSpec:
    config = self.config
    model = TokenClassifier(
      self._bert.config,
      len(self._classes),
      num_segments=entity_tagger.num_segments(self._windows),
      seed=config.seed,
      train_word_embeddings=config.train_word_embeddings,
    )
    model.init_from_bert(self._bert)
    self._module = entity_tagger.EntityTaggerModule(
      model,
      self._classes,
      self._tokenizer,
      self._windows,
      whole_documents=config.whole_documents,
    )
    groups = optimization.make_groups(
      config, model.trainable_variables, bias_correction=True
    )
    return ModelSpec(model, groups)

  def train_batches(self, start: int) -> Iterable[Batch]:
    batches = word_labels.training_batches(
      self._examples,
      self._tokenizer,
      batch_size=self.config.batch_size,
      seed=self.config.seed,
      start_batch=start,
      mask_rate=self.config.mask_rate,
    )
    return numbered(batches, start)

  def eval_batches(self) -> Iterable[Batch]:
    batches = word_labels.heldout_batches(
      self._dev_examples, self._tokenizer, batch_size=self.config.batch_size
    )
    return numbered(batches, 0)

  def scores_and_confusion(
    self, tag: Callable[[tf.Tensor], Mapping[str, tf.Tensor]]
  ) -> tuple[dict[str, float], np.ndarray]:
    """Returns the scores and the confusion on the held-out texts."""
    found = tag_sentences(tag, self._held)
    return (
      entities.entity_scores(self._gold, found, self._sizes),
      entities.confusion(self._gold, found, self.labels),
    )

  def more_metrics(self) -> dict[str, float]:
    return self.scores_and_confusion(self._module.tag)[0]

  def export(self, directory: str, step: int) -> None:
    self._module.save(os.path.join(directory, TAGGER), step)

  def resume_settings(self) -> dict[str, Any]:
    config = self.config
    return {
      'bert': dataclasses.asdict(self._bert.config),
      'dev_files': config.dev_files,
      'dev_share': config.dev_share,
      'labels': list(self.labels),
      'mask_rate': config.mask_rate,
      'split_seed': config.split_seed,
      'swap_rate': config.swap_rate,
      'swapped_copies': config.swapped_copies,
      'train_files': config.train_files,
      'vocabulary': self._tokenizer.fingerprint,
      'whole_documents': config.whole_documents,
      'windows': self._windows.to_dict(),
    }


def train(config: TaggerConfig) -> Result:
  """Trains a tagger of named entities.

  A call that was killed resumes when called again with the same configuration.

  Returns:
    Scores of the export with the best F1 on the held-out texts.

  Raises:
    ValueError: Data or weights do not fit, or the run so far had other
      settings.
  """
  task = TaggerTask(config)
  last_f1 = estimator.run_task(config, task)['f1']
  export = RunDirectory(config.model_dir).export()
  step, directory = int(os.path.basename(export)), os.path.join(export, TAGGER)
  best = tf.saved_model.load(directory)
  scores, table = task.scores_and_confusion(best.signatures['serving_default'])
  atomic.write_json(
    os.path.join(config.model_dir, 'evaluation.json'),
    {
      'step': step,
      'scores': scores,
      'confusion': table.tolist(),
      'labels': task.labels,
      'last_f1': last_f1,
    },
  )
  return Result(step, directory, scores, table, task.labels, last_f1)
