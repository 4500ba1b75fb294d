# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
r"""Measures retrieval and blank filling on held-out sentences, zero-shot.

    python -m bin.evaluate_blanks --corpus_dir=out/demo/corpus \
        --heldout=testdata/heldout.jsonl \
        --system='REALM=EXPORT/embedder,EXPORT/bert'

A held-out sentence is a line of JSON with `text`, `span` (first and last byte
+ 1 of what is taken out) and `title` (of the document that tells it). A system
is LABEL=EMBEDDER,BERT: an exported embedder, and an exported BERT or a
directory of weights; LABEL=random has random weights of the size of the first.

Cost: the corpus is embedded for each system; the 2,300 documents and 400
sentences of testdata take some 10 s each.

Expect: a table with recall of the right document, and the share of blanks
filled rightly with retrieval and by the reader alone.
"""

import dataclasses

from absl import app, flags, logging

from bin import console
from realm_tf.answering import blank_evaluation, queries
from realm_tf.configs.masking_config import FeaturizationConfig
from realm_tf.corpus.corpus import Corpus
from realm_tf.io import atomic

_CORPUS_DIR = flags.DEFINE_string(
  'corpus_dir', None, 'Of bin/build_corpus.', required=True
)
_HELDOUT = flags.DEFINE_string(
  'heldout', None, 'JSONL of held-out sentences.', required=True
)
_SYSTEMS = flags.DEFINE_multi_string(
  'system', None, 'LABEL=EMBEDDER,BERT or LABEL=random.', required=True
)
_NUM_CANDIDATES = flags.DEFINE_integer(
  'num_candidates',
  8,
  'Documents read, the null document counted.',
  lower_bound=2,
)
_QUERY_SEQ_LEN = flags.DEFINE_integer(
  'query_seq_len', 96, 'Wordpieces.', lower_bound=3
)
_CANDIDATE_SEQ_LEN = flags.DEFINE_integer(
  'candidate_seq_len', 288, 'Wordpieces.', lower_bound=4
)
_EXAMPLES = flags.DEFINE_integer(
  'examples',
  3,
  'Filled blanks shown of the last system, chosen among those filled rightly'
  ' that retrieval changed; without any, among those filled rightly, or all.',
  lower_bound=0,
)
_OUTPUT = flags.DEFINE_string('output', None, 'Write the figures as JSON, too.')


def _parse(text: str) -> tuple[str, list[str]]:
  label, _, value = text.partition('=')
  parts = value.split(',')
  if not label or not all(parts) or not (value == 'random' or len(parts) == 2):
    raise app.UsageError(
      f'--system={text}: expected LABEL=EMBEDDER,BERT or LABEL=random'
    )
  return label, parts


def _evaluate() -> None:
  systems = [_parse(text) for text in _SYSTEMS.value]
  sized = next((parts for _, parts in systems if len(parts) == 2), None)
  if sized is None:
    raise app.UsageError('--system: at least one must not be random')
  documents = Corpus.open(_CORPUS_DIR.value)
  questions = queries.read_blank_questions(_HELDOUT.value)
  config = FeaturizationConfig(
    query_seq_len=_QUERY_SEQ_LEN.value,
    candidate_seq_len=_CANDIDATE_SEQ_LEN.value,
    num_candidates=_NUM_CANDIDATES.value,
  )
  reports = {}
  for label, parts in systems:
    if parts == ['random']:
      filler = blank_evaluation.random_filler(sized[0], documents, config)
    else:
      filler = blank_evaluation.load_filler(*parts, documents, config)
    reports[label] = blank_evaluation.evaluate(filler, questions)
  print('\n' + blank_evaluation.describe(reports, _EXAMPLES.value))
  if _OUTPUT.value:
    figures = {label: dataclasses.asdict(r) for label, r in reports.items()}
    for figure in figures.values():
      figure.pop('examples')
    atomic.write_json(_OUTPUT.value, figures)


def main(argv: list[str]) -> None:
  """Measures each system and prints a table."""
  if len(argv) > 1:
    raise app.UsageError(f'these are no flags: {" ".join(argv[1:])}')
  logging.set_verbosity(logging.WARNING)
  with console.one_line_errors('evaluate_blanks'):
    _evaluate()


if __name__ == '__main__':
  app.run(main)
