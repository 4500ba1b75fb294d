# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
r"""Evaluates answers, retrieval, filled blanks, or a file of predictions.

A fine-tuned model on questions, as the papers do:

    python -m bin.evaluate --model_dir=out/qa --corpus_dir=out/corpus \
        --index_dir=out/realm/index --questions=testdata/qa/test.jsonl

The best export of --model_dir is taken, or else its newest. With another
--corpus_dir and an index of that, which the same embedder made, the model
answers from other text. The blocks that are read are those that `ask` and a
server find, by a search for --reader_beam of them; recall is measured by a
search for --depth, in which ScaNN looks into more of its leaves.

Predicted answers, of this package or the original:

    python -m bin.evaluate --questions=NQ-open.dev.jsonl \
        --predictions=predictions.jsonl

A question is found by its text, letter for letter, or by its id in an object of
answers by id, as for SQuAD; one without a prediction counts as wrong.
Predictions of KILT and of DPR's reader are read, too. Answers are compared
after the official normalization.

Retrieval alone, as BEIR measures it, of an index with BM25 beside it:

    python -m bin.evaluate --index_dir=out/index --corpus_dir=out/corpus \
        --questions=beir/scifact --output=out/runs --show_misses=20

--questions is a BEIR folder, or a file of questions with their `paragraph_id`.
A document counts once, with the best of its blocks. The sum of vectors and BM25
is in the table with --lexical_weight, or with --fit_questions=train.jsonl, by
which the program finds the weights and prints them. --runs=out/runs/*.trec
scores TREC runs of any system instead of an index. Needs ir-measures
(pip install 'realm_tf[measures]').

A pre-trained model on held-out sentences, without fine-tuning:

    python -m bin.evaluate --model_dir=out/demo/realm \
        --corpus_dir=out/demo/corpus --blanks=testdata/heldout.jsonl

Each line has `text`, `span` (first byte of what is taken out, and the byte
after its last) and perhaps `title`, of the document that tells it.

Cost: on 2 cores, with 5 blocks of 150 wordpieces and a --depth of 100: tiny
(2 x 128) about 60 questions a second, 6 layers of 384 about 10. 30,000
predictions a second. For blanks the corpus is embedded; the 2,300 documents and
400 sentences of testdata take about 10 s.

Expect: exact match with its 95 % bootstrap interval, exact match where a block
with the answer was read, the reader's oracle, and the share of questions with
an answer (and the gold paragraph, where it is known) among the first k blocks;
a table of systems with success at 1 to 100, MRR and nDCG at 10, their intervals
and paired randomization tests; or a table with recall of the right document and
the share of blanks filled correctly, with retrieval and by the reader alone.
--json has all intervals, and null where there is nothing to take a share of.
"""

import contextlib
import json
import math
import pathlib
import re
import sys
from typing import TYPE_CHECKING, Any

from realm_tf.configs.evaluation_config import EvaluateConfig
from realm_tf.configs.retrieval_config import RetrievalConfig

from . import config_flags, program

if TYPE_CHECKING:
  from realm_tf.questions.judged_queries import JudgedQueries
  from realm_tf.questions.qa_datasets import QaDataset

config_flags.define(EvaluateConfig, hide=['progress'])

# Intervals that would make the table too long.
_IN_JSON_ONLY = re.compile(r'(?<!^exact_match)_(low|high)$')


def _print_json(values: dict[str, Any]) -> None:
  # NaN is not JSON.
  known = {
    k: None if isinstance(v, float) and math.isnan(v) else v
    for k, v in values.items()
  }
  print(json.dumps(known, indent=2, allow_nan=False))


def _read_questions(
  config: EvaluateConfig, field: str = 'questions'
) -> 'QaDataset':
  from realm_tf.questions import qa_datasets

  return qa_datasets.read_dataset(
    getattr(config, field),
    format=config.format,
    is_regex=config.is_regex,
    answer_field=config.answer_field,
    strict=config.strict,
    field=field,
  )


def _score(config: EvaluateConfig) -> None:
  """Scores a file of predictions."""
  from realm_tf.questions import qa_predictions

  dataset = _read_questions(config)
  predictions = qa_predictions.read_predictions(
    config.predictions, config.strict
  )
  score = qa_predictions.score(dataset, predictions)
  if config.json:
    _print_json(score.to_dict())
  else:
    print(score.describe())


def _answer(config: EvaluateConfig) -> None:
  """Evaluates a fine-tuned model on questions."""
  from realm_tf.answering import asking, qa_evaluation
  from realm_tf.answering.answerer import Answerer
  from realm_tf.questions import gold_blocks
  from realm_tf.training import run_directory

  examples = _read_questions(config).examples[: config.limit]
  export_dir = run_directory.find_export(config.model_dir)
  # With --json, standard output is JSON and nothing else.
  print(
    f'{export_dir} on {len(examples)} questions',
    file=sys.stderr if config.json else sys.stdout,
    flush=True,
  )
  answerer = Answerer.open(
    export_dir,
    config.corpus_dir,
    asking.default_index(config.model_dir, config.index_dir),
    mixed_precision=config.mixed_precision,
    retrieval=config.part(RetrievalConfig),
  )
  with contextlib.closing(answerer):
    result = qa_evaluation.evaluate(
      answerer,
      examples,
      config,
      gold_rows=gold_blocks.relevant_rows(examples, answerer.corpus),
      predictions=config.output,
    )
  if config.json:
    _print_json(result)
    return
  for name, value in result.items():
    if not _IN_JSON_ONLY.search(name):
      print(f'{name}\t{value:.4f}' if value % 1 else f'{name}\t{value:g}')


def _read_judged(config: EvaluateConfig) -> 'JudgedQueries':
  from realm_tf.questions import judged_queries

  if config.questions and judged_queries.is_beir(config.questions):
    judged = judged_queries.read_beir(
      config.questions, config.split, config.strict
    )
  else:
    judged = judged_queries.from_questions(_read_questions(config).examples)
  return judged.first(config.limit)


def _rank(config: EvaluateConfig) -> None:
  """Evaluates retrieval, of an index or of runs."""
  from realm_tf.answering import retrieval_evaluation
  from realm_tf.corpus import readers
  from realm_tf.corpus.corpus import Corpus
  from realm_tf.questions import judged_queries, retrieval_measures

  judged = _read_judged(config)
  corpus = None
  if config.runs:
    runs = {
      pathlib.Path(path).stem: judged_queries.read_run(path, config.strict)
      for path in readers.list_files(config.runs, 'runs')
    }
  else:
    corpus = Corpus.open(config.corpus_dir)
    known = retrieval_evaluation.check_documents(judged, corpus)
    print(
      f'{len(judged.texts)} queries, {known} with a relevant document in'
      f' {config.corpus_dir}',
      file=sys.stderr if config.json else sys.stdout,
      flush=True,
    )
    runs = {}
    weights = config.part(RetrievalConfig)
    if config.fit_questions:
      weights = retrieval_evaluation.fit(
        config.index_dir,
        corpus,
        _read_questions(config, 'fit_questions').examples,
      )
      print(
        f'fitted: --dense_weight={weights.dense_weight:.4g}'
        f' --lexical_weight={weights.lexical_weight:.4g}',
        file=sys.stderr if config.json else sys.stdout,
        flush=True,
      )
    with retrieval_evaluation.systems(
      config.index_dir, corpus, weights
    ) as searches:
      for label, search in searches.items():
        runs[label] = retrieval_evaluation.rank(
          search,
          judged,
          corpus,
          depth=config.run_depth,
          progress=config.progress,
          label=label,
        )
    if config.output:
      for label, run in runs.items():
        path = pathlib.Path(config.output, f'{label}.trec')
        path.parent.mkdir(parents=True, exist_ok=True)
        judged_queries.write_run(path, run, label)
  values = retrieval_evaluation.compare(runs, judged)
  if config.json:
    _print_json(retrieval_measures.to_dict(values))
    return
  print(retrieval_measures.table(values))
  if config.show_misses:
    if corpus is None:
      corpus = Corpus.open(config.corpus_dir)
    last = list(runs)[-1]
    print(f'\nMisses of {last}:\n')
    for text in retrieval_evaluation.misses(
      runs[last], judged, corpus, config.show_misses
    ):
      print(text + '\n')


def _fill(config: EvaluateConfig) -> None:
  """Evaluates pre-trained models on blanks."""
  from realm_tf.answering import blank_evaluation
  from realm_tf.training import run_directory

  systems = config.systems
  if not systems:
    export = run_directory.find_export(config.model_dir, best=False)
    systems = (f'REALM={export}/embedder+{export}/bert',)
  reports = blank_evaluation.compare(
    systems, config.corpus_dir, config.blanks, config.strict
  )
  if config.json:
    print(
      json.dumps(
        {label: report.to_dict() for label, report in reports.items()}, indent=2
      )
    )
  else:
    print(blank_evaluation.describe(reports, config.num_examples))


def main() -> None:
  """Evaluates what the flags name."""
  config = config_flags.make(EvaluateConfig)
  if config.predictions:
    _score(config)
  elif config.runs or config.ranks_documents:
    _rank(config)
  elif config.questions:
    _answer(config)
  else:
    _fill(config)


if __name__ == '__main__':
  program.run(main)
