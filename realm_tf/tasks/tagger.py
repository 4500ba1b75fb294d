# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Training of the tagger of named entities from CoNLL files."""

import dataclasses
import os
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
import tensorflow as tf
from absl import logging

from realm_tf.bert import weights
from realm_tf.configs.tagger_config import TaggerConfig, WindowConfig
from realm_tf.hub import entity_tagger
from realm_tf.io import atomic, files
from realm_tf.modeling.token_classifier import TokenClassifier
from realm_tf.spans import bert_tagger, conll, entities, word_labels
from realm_tf.text.tokenizer import BertTokenizer
from realm_tf.training import (
  estimator,
  exporters,
  run_config,
  settings,
  warm_start,
)

# Sentences that are tagged at a time.
_CHUNK = 512


@dataclasses.dataclass(frozen=True)
class Result:
  """What a training came to.

  Attributes:
    step: Of the best export.
    directory: Where it is.
    scores: Its scores on the sentences held out, see
      `spans.entities.entity_scores`.
    confusion: Its table, see `spans.entities.confusion`.
    labels: Of the entities.
    last_f1: F1 at the last step, which was not chosen.
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
  """Reads what is trained on, and what is held out.

  Raises:
    CorpusError: A file cannot be read as CoNLL.
    FileNotFoundError: There is none.
    ValueError: Nothing to be found is in them.
  """
  train = conll.read_files(files.expand(config.train_files))
  if config.dev_files is None:
    train, dev = conll.split_by_document(
      train, config.dev_share, config.split_seed
    )
  labels = conll.labels_of(train)
  if not labels:
    raise ValueError(f'{config.train_files}: not one entity to train on')
  if config.dev_files is not None:
    dev = conll.read_files(files.expand(config.dev_files), labels)
  unknown = set(conll.labels_of(dev)) - set(labels)
  if unknown:
    raise ValueError(
      f'{config.train_files}: only the part held out has the label'
      f' {min(unknown)}; choose another split_seed, or dev_files'
    )
  return train, dev


def _training_texts(
  config: TaggerConfig, sentences: Sequence[conll.Sentence]
) -> list[conll.Sentence]:
  """The sentences or documents, and copies of them with entities swapped."""
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


class _Evaluation:
  """Scores the tagger as it will be used: from raw text to spans."""

  def __init__(
    self, sentences: Sequence[conll.Sentence], labels: tuple[str, ...]
  ):
    self._sentences = sentences
    self._labels = labels
    self._gold = [s.entities for s in sentences]
    self._sizes = [len(s.tokens) for s in sentences]
    # Set when the model is there.
    self.tag: Callable[[tf.Tensor], Mapping[str, tf.Tensor]] | None = None

  def scores(self) -> dict[str, float]:
    """Scores of the weights of now."""
    return self.scores_and_confusion()[0]

  def scores_and_confusion(self) -> tuple[dict[str, float], np.ndarray]:
    """Scores, and the table of what is confused."""
    assert self.tag is not None
    found = tag_sentences(self.tag, self._sentences)
    return (
      entities.entity_scores(self._gold, found, self._sizes),
      entities.confusion(self._gold, found, self._labels),
    )


def _numbered(
  batches: Iterator[Mapping[str, tf.Tensor]], first: int
) -> Iterator[run_config.Batch]:
  for number, features in enumerate(batches, first):
    yield run_config.Batch(number, features)


def _model_fn(
  config: TaggerConfig,
  bert: weights.Bert,
  tokenizer: BertTokenizer,
  classes: word_labels.Classes,
  evaluation: _Evaluation,
) -> run_config.ModelFn:
  def model_fn(run: run_config.RunConfig) -> run_config.ModelSpec:
    del run
    model = TokenClassifier(
      bert.config,
      len(classes),
      num_segments=entity_tagger.num_segments(config.part(WindowConfig)),
      seed=config.seed,
      train_word_embeddings=config.train_word_embeddings,
    )
    model.init_from_bert(bert)
    module = entity_tagger.EntityTaggerModule(
      model,
      classes,
      tokenizer,
      config.part(WindowConfig),
      whole_documents=config.whole_documents,
    )
    evaluation.tag = module.tag

    def export(directory: str, step: int) -> None:
      module.save(os.path.join(directory, exporters.TAGGER), step)

    optimizer = settings.optimizer(config, bias_correction=True)
    return run_config.ModelSpec(
      model,
      [run_config.OptimizerGroup(optimizer, model.trainable_variables)],
      export_fn=export,
    )

  return model_fn


def train(config: TaggerConfig) -> Result:
  """Trains, from where an earlier call with the same config was killed.

  Returns:
    What the export with the best F1 does on the sentences held out.

  Raises:
    ValueError: Of the data, see `read_sentences`, or of the weights.
  """
  sentences, held = read_sentences(config)
  labels = conll.labels_of(sentences)
  bert, tokenizer = warm_start.load(
    config.bert,
    vocab_file=config.vocab_file,
    lower_case=config.lower_case,
    with_mlm_head=False,
    dropout=config.dropout,
    seed=config.seed,
  )
  if config.part(WindowConfig).max_length > bert.config.max_positions:
    raise ValueError(
      f'--max_length={config.part(WindowConfig).max_length}, but this BERT has'
      f' {bert.config.max_positions} positions'
    )
  classes = word_labels.Classes(labels, conll.has_neighbors(sentences))
  training_texts = _training_texts(config, sentences)
  if config.whole_documents:
    held = conll.join_documents(held)
  examples, dev_examples = (
    word_labels.make_examples(
      part, classes, tokenizer, config.part(WindowConfig)
    )
    for part in (training_texts, held)
  )
  logging.info(
    '%d sentences to train on, %d held out; labels %s',
    len(sentences),
    len(held),
    ', '.join(labels),
  )
  evaluation = _Evaluation(held, labels)
  run = settings.run_config(
    config,
    {
      'bert': dataclasses.asdict(bert.config),
      'dev_files': config.dev_files,
      'dev_share': config.dev_share,
      'labels': list(labels),
      'mask_rate': config.mask_rate,
      'split_seed': config.split_seed,
      'swap_rate': config.swap_rate,
      'swapped_copies': config.swapped_copies,
      'train_files': config.train_files,
      'vocabulary': tokenizer.fingerprint,
      'whole_documents': config.whole_documents,
      'windows': dataclasses.asdict(config.part(WindowConfig)),
    },
  )
  last = estimator.train_and_evaluate(
    _model_fn(config, bert, tokenizer, classes, evaluation),
    run,
    run_config.TrainSpec(
      lambda first: _numbered(
        word_labels.training_batches(
          examples,
          tokenizer,
          batch_size=config.batch_size,
          seed=config.seed,
          start_batch=first,
          mask_rate=config.mask_rate,
        ),
        first,
      ),
      config.train_steps,
    ),
    run_config.EvalSpec(
      lambda first: _numbered(
        word_labels.heldout_batches(
          dev_examples, tokenizer, batch_size=config.batch_size
        ),
        0,
      ),
      every_steps=config.eval_every,
      at_start=False,
      best_metric='f1',
      more_metrics=evaluation.scores,
    ),
  )
  step = exporters.list_exports(run.best_export_dir)[-1]
  directory = exporters.best_tagger(config.model_dir)
  evaluation.tag = tf.saved_model.load(directory).signatures['serving_default']
  scores, table = evaluation.scores_and_confusion()
  atomic.write_json(
    os.path.join(config.model_dir, 'evaluation.json'),
    {
      'step': step,
      'scores': scores,
      'confusion': table.tolist(),
      'labels': labels,
      'last_f1': last['f1'],
    },
  )
  return Result(step, directory, scores, table, labels, last['f1'])
