# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
r"""Asks a pre-trained REALM: type a sentence, see documents and blanks.

    python -m bin.search --model_dir=out/demo/realm \
        --corpus_dir=out/demo/corpus --query='The capital of Peru is [MASK].'

Without --query it asks for sentences until an empty line. A sentence with
[MASK] (one for each wordpiece) is filled; one without is only searched for.

Cost: some seconds to load, then milliseconds a sentence.

Expect: of a sentence with [MASK] the documents with p(z | x), best first, and
what each of them and all together put into the blank; of one without the
documents with a softmax of their scores in the index, which may be older than
the weights, over those that are shown.
"""

import os
import sys

import numpy as np
from absl import app, flags, logging

from bin import console
from realm_tf.answering import queries
from realm_tf.answering.blank_filler import BlankFiller
from realm_tf.configs.masking_config import FeaturizationConfig
from realm_tf.index import versions
from realm_tf.training import exporters

_MODEL_DIR = flags.DEFINE_string(
  'model_dir', None, 'Of bin/pretrain_realm: its newest export and index.'
)
_EXPORT_DIR = flags.DEFINE_string(
  'export_dir', None, 'Holds embedder/ and bert/; replaces the newest export.'
)
_INDEX_DIR = flags.DEFINE_string(
  'index_dir', None, 'Index versions; default: model_dir/index.'
)
_CORPUS_DIR = flags.DEFINE_string(
  'corpus_dir', None, 'Of bin/build_corpus.', required=True
)
_QUERY = flags.DEFINE_multi_string('query', [], 'Asked and answered, no more.')
_NUM_DOCUMENTS = flags.DEFINE_integer(
  'num_documents', 5, 'Documents found and read.', lower_bound=1
)
_QUERY_SEQ_LEN = flags.DEFINE_integer(
  'query_seq_len', 96, 'Wordpieces of a sentence that are read.', lower_bound=3
)
_CANDIDATE_SEQ_LEN = flags.DEFINE_integer(
  'candidate_seq_len', 288, 'The same of a document.', lower_bound=4
)
_TOP = flags.DEFINE_integer(
  'top', 3, 'Wordpieces shown for each blank.', lower_bound=1
)


def _choices(filler: BlankFiller, ids, probs) -> str:
  words = filler.tokenizer.tokens(ids)
  return ', '.join(f'{w} {p:.2f}' for w, p in zip(words, probs))


def _fill(filler: BlankFiller, ids) -> None:
  filling = filler.fill(ids, _TOP.value)
  rows = filling.rows[0]
  titles, bodies = filler.documents.titles(rows), filler.documents.bodies(rows)
  for i in (-filling.document_probs[0]).argsort():
    title = titles[i] if rows[i] >= 0 else '(no document)'
    print(f'  {filling.document_probs[0, i]:.3f}  {title}: {bodies[i][:200]}')
    for j in range(filling.lengths[0]):
      shown = _choices(
        filler,
        filling.by_document_ids[0, i, j],
        filling.by_document_probs[0, i, j],
      )
      print(f'         blank {j + 1}: {shown}')
  for j in range(filling.lengths[0]):
    shown = _choices(filler, filling.ids[0, j], filling.probs[0, j])
    print(f'  blank {j + 1}: {shown}')


def _find(filler: BlankFiller, ids) -> None:
  rows, scores = filler.retrieve(ids, _NUM_DOCUMENTS.value)
  titles, bodies = (
    filler.documents.titles(rows[0]),
    filler.documents.bodies(rows[0]),
  )
  # Softmax of the index's scores, among those found: not p(z | x) of training,
  # which is of newer weights and has the null document among them.
  probabilities = np.exp(scores[0] - scores[0].max())
  probabilities /= probabilities.sum()
  for probability, title, body in zip(probabilities, titles, bodies):
    print(f'  {probability:.3f}  {title}: {body[:200]}')


def _answer(filler: BlankFiller, text: str) -> None:
  ids = queries.tokenize_with_blanks(filler.tokenizer, [text])
  print(text)
  if queries.BLANK in text:
    _fill(filler, ids)
  else:
    _find(filler, ids)
  sys.stdout.flush()


def _locate() -> tuple[str, str]:
  """The export and the index that the flags name."""
  export_dir, index_dir = _EXPORT_DIR.value, _INDEX_DIR.value
  if _MODEL_DIR.value is None and None in (export_dir, index_dir):
    raise app.UsageError('give --model_dir, or --export_dir and --index_dir')
  if export_dir is None:
    hub_dir = os.path.join(_MODEL_DIR.value, 'export', 'tf_hub')
    steps = exporters.list_exports(hub_dir)
    if not steps:
      raise app.UsageError(f'--model_dir: there is no export in {hub_dir}')
    export_dir = exporters.export_path(hub_dir, steps[-1])
  index_dir = index_dir or os.path.join(_MODEL_DIR.value, 'index')
  index_path = versions.latest_index(index_dir)
  if index_path is None:
    raise app.UsageError(f'--index_dir: there is no index in {index_dir}')
  return export_dir, index_path


def _load() -> BlankFiller:
  export_dir, index_path = _locate()
  return BlankFiller.load(
    export_dir,
    _CORPUS_DIR.value,
    index_path,
    config=FeaturizationConfig(
      query_seq_len=_QUERY_SEQ_LEN.value,
      candidate_seq_len=_CANDIDATE_SEQ_LEN.value,
      num_candidates=_NUM_DOCUMENTS.value + 1,
    ),
  )


def _converse(filler: BlankFiller) -> None:
  while True:
    try:
      text = input('> ').strip()
    except EOFError:
      return
    if not text:
      return
    try:
      _answer(filler, text)
    except ValueError as e:
      print(f'  {e}')


def main(argv: list[str]) -> None:
  """Answers what the flags or the person ask."""
  if len(argv) > 1:
    raise app.UsageError(f'these are no flags: {" ".join(argv[1:])}')
  logging.set_verbosity(logging.WARNING)
  with console.one_line_errors('search'):
    filler = _load()
    for text in _QUERY.value:
      _answer(filler, text)
  if not _QUERY.value:
    _converse(filler)


if __name__ == '__main__':
  app.run(main)
