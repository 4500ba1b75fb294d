# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
r"""Question answering on one machine, after bin/run_local.

    python -m bin.run_local_qa --output_dir=out/demo

goes on with what bin/run_local made of the small world of testdata: fine-tunes
on its questions with and without REALM pre-training, measures both on test
questions about facts that no training question asks for, gives the same model
the second edition of the documents, in which some facts differ, and exports
one SavedModel, which a process without this package asks.

Each stage is one of the other binaries, called with the command that is
printed; what is done already is not done again.

Cost: 2 to 8 minutes on 2 cores.

Expect: a table of exact match and retrieval; how many of the changed facts are
answered as the first edition has them, and as the second has them; an answer.
"""

import json
import os
import sys

from absl import app, flags

from bin import console
from bin.stages import Stages
from realm_tf.index import versions
from realm_tf.questions import qa_datasets, qa_predictions
from realm_tf.training import exporters

_OUTPUT_DIR = flags.DEFINE_string(
  'output_dir', None, 'Of bin/run_local; more is written there.', required=True
)
_TESTDATA = flags.DEFINE_string(
  'testdata', 'testdata', 'With qa/ and the second edition.'
)
_BERT = flags.DEFINE_string(
  'bert', 'testdata/bert', 'As of bin/run_local: the reader without REALM.'
)
_STEPS = flags.DEFINE_integer(
  'steps', 250, 'Of each fine-tuning.', lower_bound=1
)

_LENGTHS = ['--query_seq_len=40', '--reader_seq_len=112']
_TRAINING = [
  '--batch_size=8',
  '--retriever_beam=100',
  '--learning_rate=2e-4',
  '--embedder_learning_rate=2e-5',
  '--eval_every=125',
  '--eval_questions=100',
  '--log_every_steps=50',
]
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
_QUESTIONS = ['What is the capital of Peru?', 'Who wrote Emma?']


def _newest_export(directory: str) -> str:
  hub = os.path.join(directory, 'export', 'tf_hub')
  steps = exporters.list_exports(hub)
  if not steps:
    raise FileNotFoundError(f'{hub} has no export: call bin/run_local first')
  return exporters.export_path(hub, steps[-1])


def _cell(row: dict[str, float], name: str) -> str:
  return f'{row[name]:.3f}' if name in row else '-'


class _Demo:
  """The stages, and where each finds what the one before it made."""

  def __init__(self, out: str):
    self._out = out
    self._stages = Stages('run_local_qa')
    self._corpus = self._path('corpus')
    export = _newest_export(self._path('realm'))
    self._vocab = os.path.join(export, 'embedder', 'assets', 'vocab.txt')
    self._index = versions.find_index(self._path('realm', 'index'))

  def _path(self, *parts: str) -> str:
    return os.path.join(self._out, *parts)

  def _testdata(self, *parts: str) -> str:
    return os.path.join(_TESTDATA.value, *parts)

  def _build_index(self, embedder: str, corpus: str, directory: str) -> str:
    """The index of a corpus by an embedder; it is made once."""
    if versions.latest_index(directory) is None:
      self._stages.run(
        'build_index',
        f'--embedder={embedder}',
        f'--corpus_dir={corpus}',
        f'--index_dir={directory}',
        '--candidate_seq_len=72',
      )
    return versions.find_index(directory)

  def _finetune(self, name: str, index: str, bert: str) -> str:
    model_dir = self._path(name)
    self._stages.run(
      'finetune_qa',
      f'--model_dir={model_dir}',
      f'--corpus_dir={self._corpus}',
      f'--index_dir={index}',
      f'--bert={bert}',
      f'--train_questions={self._testdata("qa", "train.jsonl")}',
      f'--dev_questions={self._testdata("qa", "dev.jsonl")}',
      f'--train_steps={_STEPS.value}',
      *_LENGTHS,
      *_TRAINING,
    )
    return model_dir

  def _evaluate(
    self, model_dir: str, corpus: str, index: str, questions: str, *more: str
  ) -> dict[str, float]:
    output = self._stages.run(
      'evaluate_qa',
      f'--model_dir={model_dir}',
      f'--corpus_dir={corpus}',
      f'--index_dir={index}',
      f'--questions={questions}',
      '--depth=100',
      '--json',
      *more,
      capture=True,
    )
    return json.loads(output)

  def _compare(self, with_realm: str, without: str, index: str) -> None:
    questions = self._testdata('qa', 'test.jsonl')
    rows = {
      'without REALM': self._evaluate(without, self._corpus, index, questions),
      'REALM': self._evaluate(with_realm, self._corpus, self._index, questions),
      'REALM, closed book': self._evaluate(
        with_realm, self._corpus, self._index, questions, '--closed_book'
      ),
    }
    count = int(rows['REALM']['questions'])
    print(f'\n{"":20} exact match (95 %)     recall@1  recall@5')
    for name, row in rows.items():
      low, high = row['exact_match_low'], row['exact_match_high']
      print(
        f'{name:20} {row["exact_match"]:.3f} ({low:.3f} to {high:.3f})'
        f'   {_cell(row, "answer_recall@1"):>8}'
        f'  {_cell(row, "answer_recall@5"):>8}'
      )
    print(f'({count} test questions)', flush=True)

  def _swap(self, model_dir: str) -> tuple[str, str]:
    """The second edition for the same model; returns its corpus and index."""
    corpus = self._path('corpus_edition2')
    self._stages.run(
      'build_corpus',
      f'--input={self._testdata("knowledge_edition2.jsonl")}',
      f'--output_dir={corpus}',
      f'--vocab_file={self._vocab}',
    )
    index = self._build_index(
      os.path.join(self._index, 'embedder'),
      corpus,
      self._path('index_edition2'),
    )
    changes = self._testdata('edition2_changes.jsonl')
    print('\nQuestions about facts that the second edition changed:')
    for edition, its_corpus, its_index in (
      ('first', self._corpus, self._index),
      ('second', corpus, index),
    ):
      predictions = self._path(f'predictions_{edition}.jsonl')
      self._evaluate(
        model_dir,
        its_corpus,
        its_index,
        changes,
        '--answer_field=new',
        f'--predictions={predictions}',
      )
      answered = qa_predictions.read_predictions(predictions)
      old, new = (
        qa_predictions.score(
          qa_datasets.read_dataset(changes, answer_field=fact), answered
        )
        for fact in ('old', 'new')
      )
      print(
        f'with the {edition} edition, {old.correct} of {old.questions} are'
        f' answered by the old fact, {new.correct} by the new one',
        flush=True,
      )
    return corpus, index

  def run(self) -> None:
    """Goes the whole way."""
    ict = os.path.join(_newest_export(self._path('ict')), 'embedder')
    ict_index = self._build_index(ict, self._corpus, self._path('ict_index'))
    bert = os.path.join(_newest_export(self._path('realm')), 'bert')
    with_realm = self._finetune('qa', self._index, bert)
    without = self._finetune('qa_without_realm', ict_index, _BERT.value)
    self._compare(with_realm, without, ict_index)
    corpus, index = self._swap(with_realm)
    serving = self._path('serving')
    self._stages.run(
      'export_serving',
      f'--model_dir={with_realm}',
      f'--corpus_dir={corpus}',
      f'--index_dir={os.path.dirname(index)}',
      f'--output_dir={serving}',
    )
    self._stages.run_python(
      'a process without realm_tf', _CLIENT, serving, *_QUESTIONS
    )
    print(f'\nDone in {self._stages.seconds:.0f} s. Ask it:')
    python = os.path.relpath(sys.executable)
    print(
      f'  {python} -m bin.ask --model_dir={with_realm}'
      f' --corpus_dir={self._corpus} --index_dir={self._index}'
    )


def main(argv: list[str]) -> None:
  """Goes the whole way."""
  if len(argv) > 1:
    raise app.UsageError(f'these are no flags: {" ".join(argv[1:])}')
  with console.one_line_errors('run_local_qa'):
    _Demo(_OUTPUT_DIR.value).run()


if __name__ == '__main__':
  app.run(main)
