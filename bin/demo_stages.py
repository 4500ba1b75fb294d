# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The stages of the demo, each a call of a library function."""

import contextlib
import gc
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import tf_keras

from realm_tf.answering import (
  blank_evaluation,
  blanks,
  qa_evaluation,
  serving,
)
from realm_tf.answering.answerer import Answerer
from realm_tf.configs.corpus_config import CorpusConfig
from realm_tf.configs.embedding_config import IndexConfig
from realm_tf.configs.evaluation_config import EvaluationConfig
from realm_tf.configs.ict_config import IctConfig
from realm_tf.configs.masking_config import FeaturizationConfig
from realm_tf.configs.qa_config import QAConfig
from realm_tf.configs.realm_config import RealmConfig
from realm_tf.configs.refresh_schedule import RefreshSchedule
from realm_tf.configs.spans_config import SpansConfig
from realm_tf.corpus import build_corpus
from realm_tf.corpus.corpus import Corpus
from realm_tf.index import versions
from realm_tf.indexing import corpus_index
from realm_tf.io import files
from realm_tf.questions import qa_datasets, qa_predictions
from realm_tf.spans import salient_spans
from realm_tf.tasks import ict, qa, realm
from realm_tf.training.run_directory import find_module

if TYPE_CHECKING:
  from .demo import DemoConfig

_Settings = dict[str, dict[str, Any]]
_LENGTHS: _Settings = {
  'small': dict(query_seq_len=48, candidate_seq_len=72),
  'real': dict(query_seq_len=96, candidate_seq_len=288),
}
_ICT: _Settings = {
  'small': dict(
    **dict(train_steps=300, batch_size=64, learning_rate=5e-4, eval_every=150),
  ),
  'real': dict(
    **dict(train_steps=1000, batch_size=32, learning_rate=2e-4, dropout=0.0),
    eval_every=500,
  ),
}
_REALM: _Settings = {
  'small': dict(
    **dict(train_steps=450, batch_size=16, num_candidates=5, max_masks=6),
    **dict(learning_rate=2e-4, embedder_learning_rate=2e-4),
    **dict(refresh_schedule=RefreshSchedule((0,), (100,)), eval_every=150),
  ),
  'real': dict(
    **dict(train_steps=2000, batch_size=8, num_candidates=8, dropout=0.0),
    **dict(learning_rate=1e-4, embedder_learning_rate=5e-5),
    **dict(refresh_schedule=RefreshSchedule((0,), (500,)), eval_every=250),
  ),
}
_QA: _Settings = {
  'small': dict(
    **dict(train_steps=250, batch_size=8, retriever_beam=100),
    **dict(query_seq_len=40, reader_seq_len=112, eval_questions=200),
    **dict(learning_rate=2e-4, embedder_learning_rate=2e-5, eval_every=125),
  ),
  'real': dict(
    **dict(train_steps=2000, batch_size=4, retriever_beam=500),
    **dict(learning_rate=1e-4, embedder_learning_rate=1e-5, eval_every=500),
  ),
}
# What a server does: nothing of this package is imported.
_CLIENT = """
import sys
import scann
import tensorflow as tf
import tensorflow_text

model = tf.saved_model.load(sys.argv[1])
answer = model.signatures['serving_default'](question=tf.constant(sys.argv[2:]))
for i, question in enumerate(sys.argv[2:]):
  print(question, '->', answer['answer'][i].numpy().decode())
  print('   ', answer['evidence'][i].numpy().decode())
print('realm_tf imported:', 'realm_tf' in sys.modules)
"""
_QUESTIONS = ('What is the capital of Peru?', 'Who wrote Emma?')


@contextlib.contextmanager
def _stage(title: str) -> Iterator[None]:
  """Shows a stage and how long it took, and frees its memory."""
  print(f'\n=== {title}', flush=True)
  start = time.monotonic()
  yield
  tf_keras.backend.clear_session()
  gc.collect()
  print(f'=== {time.monotonic() - start:.0f} s', flush=True)


class Demo:
  """The stages, and where each finds what earlier ones made."""

  def __init__(self, config: 'DemoConfig'):
    """Checks that all text is there.

    Raises:
      FileNotFoundError: A file is missing.
      ValueError: A file is needed.
    """
    self._config = config
    self._lengths = _LENGTHS[config.settings]
    for name in (
      *('world', 'knowledge', 'pretraining', 'heldout_text'),
      *('heldout_blanks', 'gazetteer', 'bert'),
    ):
      try:
        files.expand(getattr(config, name) or '.')
      except OSError as e:
        raise FileNotFoundError(f'`{name}`: {e}') from e
    for name, file in (
      ('knowledge', 'knowledge.jsonl'),
      ('pretraining', 'pretraining.jsonl'),
      ('bert', 'bert'),
    ):
      if not (getattr(config, name) or self._in_world(file)):
        raise ValueError(f'`{name}` is needed')
    self._bert = config.bert or self._in_world('bert')
    self._corpus, self._ict, self._realm = map(
      self._path, ('corpus', 'ict', 'realm')
    )
    self._index = os.path.join(self._realm, 'index')

  def _path(self, name: str) -> str:
    return os.path.join(self._config.output_dir, name)

  def _in_world(self, name: str) -> str:
    """The path of a file of the world; empty if there is none."""
    path = os.path.join(self._config.world or '', name)
    return path if self._config.world and os.path.exists(path) else ''

  def _build_corpus(self, text: str, directory: str) -> int:
    """Builds a corpus; returns the number of its blocks."""
    with _stage(f'Corpus: {directory}'):
      config = CorpusConfig(input=text, output_dir=directory, bert=self._bert)
      return len(build_corpus.build_corpus(config))

  def _tag(self, text: str, directory: str) -> str:
    """Tags salient spans; returns the glob of their records."""
    names = self._config.gazetteer or self._in_world('gazetteer.txt')
    with _stage(f'Salient spans: {directory}'):
      salient_spans.tag_salient_spans(
        SpansConfig(input=text, output_dir=directory, gazetteer=names)
      )
    return os.path.join(directory, 'spans-*.tfrecord.gz')

  def _build_index(self, embedder: str, corpus: str, directory: str) -> None:
    with _stage(f'Index: {directory}'):
      if versions.latest_index(directory) is None:
        config = IndexConfig(
          corpus_dir=corpus,
          index_dir=directory,
          candidate_seq_len=self._lengths['candidate_seq_len'],
        )
        corpus_index.build_once(config, embedder)

  def _train(self, title: str, task: Callable[[Any], Any], config: Any) -> None:
    with _stage(f'{title}, {config.train_steps} steps: {config.model_dir}'):
      task(config)

  def pretrain(self) -> None:
    """Builds the corpus, tags spans, and pre-trains by ICT and REALM."""
    config = self._config
    blocks = self._build_corpus(
      config.knowledge or self._in_world('knowledge.jsonl'), self._corpus
    )
    if blocks < 2:
      raise ValueError(f'`knowledge` has {blocks} block: nothing to tell apart')
    spans = self._tag(
      config.pretraining or self._in_world('pretraining.jsonl'),
      self._path('spans'),
    )
    heldout = config.heldout_text or self._in_world('heldout.jsonl')
    heldout = heldout and self._tag(heldout, self._path('heldout_spans'))
    settings = {**self._lengths, **_ICT[config.settings]}
    settings['batch_size'] = min(settings['batch_size'], blocks)
    if config.ict_steps is not None:
      settings['train_steps'] = config.ict_steps
    ict_config = IctConfig(
      model_dir=self._ict, corpus_dir=self._corpus, bert=self._bert, **settings
    )
    self._train('Inverse cloze task', ict.pretrain, ict_config)
    settings = {**self._lengths, **_REALM[config.settings]}
    if config.realm_steps is not None:
      settings['train_steps'] = config.realm_steps
    if config.refresh_schedule is not None:
      settings['refresh_schedule'] = config.refresh_schedule
    realm_config = RealmConfig(
      model_dir=self._realm,
      corpus_dir=self._corpus,
      train_examples=spans,
      heldout_examples=heldout or None,
      bert=self._bert,
      embedder=self._ict_embedder,
      log_every_steps=50,
      **settings,
    )
    self._train('REALM', realm.pretrain, realm_config)

  @property
  def _ict_embedder(self) -> str:
    return find_module(self._ict, 'embedder')

  def fill_blanks(self, file: str) -> None:
    """Compares random weights, ICT and REALM on held-out blanks."""
    systems = {
      'random weights': None,
      'BERT and ICT': (self._ict_embedder, self._bert),
      'REALM': (
        find_module(self._realm, 'embedder'),
        find_module(self._realm, 'bert'),
      ),
    }
    with _stage('Held-out blanks'):
      corpus, reports = Corpus.open(self._corpus), {}
      lengths = FeaturizationConfig(**self._lengths)
      questions = blanks.read_blank_questions(file)
      for label, modules in systems.items():
        if modules is None:
          filler = blank_evaluation.random_filler(
            self._ict_embedder, corpus, lengths
          )
        else:
          filler = blank_evaluation.load_filler(*modules, corpus, lengths)
        reports[label] = blank_evaluation.evaluate(filler, questions)
      print('\n' + blank_evaluation.describe(reports))

  def _open(self, name: str, corpus: str, index: str) -> Any:
    """An answerer, as a context, of the model in directory `name`."""
    return contextlib.closing(Answerer.open(self._path(name), corpus, index))

  def finetune(self, questions: str) -> None:
    """Fine-tunes with and without REALM, and compares on test questions."""
    ict_index = self._path('ict_index')
    self._build_index(self._ict_embedder, self._corpus, ict_index)
    settings = dict(_QA[self._config.settings])
    if self._config.qa_steps is not None:
      settings['train_steps'] = self._config.qa_steps
    indexes = {'qa': self._index, 'qa_without_realm': ict_index}
    berts = self._realm, self._bert
    for (name, index), bert in zip(indexes.items(), berts):
      config = QAConfig(
        model_dir=self._path(name),
        corpus_dir=self._corpus,
        index_dir=index,
        bert=bert,
        train_questions=os.path.join(questions, 'train.jsonl'),
        dev_questions=os.path.join(questions, 'dev.jsonl'),
        log_every_steps=50,
        **settings,
      )
      self._train('Fine-tuning', qa.finetune, config)
    with _stage('Test questions'):
      test = qa_datasets.read_dataset(os.path.join(questions, 'test.jsonl'))
      print(f'\n{"":20} exact match (95 %)     recall@1  recall@5')
      for title, name, closed_book in (
        ('without REALM', 'qa_without_realm', False),
        ('REALM', 'qa', False),
        ('REALM, closed book', 'qa', True),
      ):
        measured = EvaluationConfig(depth=100, closed_book=closed_book)
        with self._open(name, self._corpus, indexes[name]) as answerer:
          row = qa_evaluation.evaluate(answerer, test.examples, measured)
        recall = (row.get(f'answer_recall@{k}') for k in (1, 5))
        first, fifth = ('-' if x is None else f'{x:.3f}' for x in recall)
        print(
          f'{title:20} {row["exact_match"]:.3f} ({row["exact_match_low"]:.3f}'
          f' to {row["exact_match_high"]:.3f})   {first:>8}  {fifth:>8}'
        )
      print(f'({len(test)} test questions)')

  def change_edition(self, knowledge: str, changes: str) -> tuple[str, str]:
    """Answers from a second edition; returns its corpus and its index."""
    corpus, index = self._path('corpus_edition2'), self._path('index_edition2')
    self._build_corpus(knowledge, corpus)
    first = versions.find_index(self._index)
    self._build_index(os.path.join(first, 'embedder'), corpus, index)
    with _stage('Questions about facts that the second edition changed'):
      old, new = (
        qa_datasets.read_dataset(changes, answer_field=fact)
        for fact in ('old', 'new')
      )
      for edition, its_corpus, its_index in (
        ('first', self._corpus, first),
        ('second', corpus, index),
      ):
        path = self._path(f'predictions_{edition}.jsonl')
        with self._open('qa', its_corpus, its_index) as answerer:
          qa_evaluation.evaluate(
            answerer,
            new.examples,
            EvaluationConfig(depth=100),
            predictions=path,
          )
        predictions = qa_predictions.read_predictions(path)
        by_old, by_new = (
          qa_predictions.score(fact, predictions).correct for fact in (old, new)
        )
        print(
          f'with the {edition} edition, {by_old} of {len(old)} are answered by'
          f' the old fact, {by_new} by the new one'
        )
    return corpus, index

  def serve(self, corpus: str, index: str) -> None:
    """Exports a SavedModel and asks it from another process."""
    directory = self._path('serving')
    with _stage(f'SavedModel: {directory}'):
      with self._open('qa', corpus, index) as answerer:
        serving.export_serving(answerer, directory)
    with _stage('Questions to it, by a process without realm_tf'):
      command = [sys.executable, '-c', _CLIENT, directory, *_QUESTIONS]
      if subprocess.run(command, check=False).returncode:
        raise ValueError('the process ended with an error, see above')

  def run(self) -> list[str]:
    """Runs the stages for which there is text; returns flags of bin/ask."""
    self.pretrain()
    if file := self._config.heldout_blanks or self._in_world('heldout.jsonl'):
      self.fill_blanks(file)
    flags = [f'--model_dir={self._realm}', f'--corpus_dir={self._corpus}']
    if not (questions := self._in_world('qa')):
      return flags
    self.finetune(questions)
    corpus, index = self._corpus, self._index
    knowledge = self._in_world('knowledge_edition2.jsonl')
    changes = self._in_world('edition2_changes.jsonl')
    if knowledge and changes:
      corpus, index = self.change_edition(knowledge, changes)
    self.serve(corpus, index)
    flags[0] = f'--model_dir={self._path("qa")}'
    return [*flags, f'--index_dir={self._index}']
