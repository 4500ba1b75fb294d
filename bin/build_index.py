# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
r"""Embeds a corpus with an exported embedder and publishes its index.

Once:

    python -m bin.build_index --corpus_dir=out/corpus --index_dir=out/index \
        --embedder=out/ict/export/tf_hub/500/embedder

Beside a training that was started with --index_builder=none (on the same
machine or on another that sees the same directories), for each new export
until the training has ended:

    python -m bin.build_index --watch --corpus_dir=out/corpus \
        --model_dir=out/realm

Cost: 400 documents of 200 words a second on 2 cores for a tiny encoder
(2 x 128), 90 for mini; then 5 s a 100,000 documents for a ScaNN index. Killed
and called again it goes on with the embeddings it had.

A training makes its indexes itself: give one built by hand a directory of its
own. bin/pretrain_realm does not begin where indexes lie already, and ignores
those that are not of its exports.

Expect: index_dir/<step>/ with searcher/, embeddings.npy, embedder/ and
metadata.json, all at once when it is whole.
"""

import os
import sys
import threading

from absl import app, flags

from bin import console
from realm_tf.configs.embedding_config import IndexConfig
from realm_tf.indexing import corpus_index

_CORPUS_DIR = flags.DEFINE_string(
  'corpus_dir', None, 'Of bin/build_corpus.', required=True
)
_INDEX_DIR = flags.DEFINE_string(
  'index_dir', None, 'Index versions; default model_dir/index.'
)
_EMBEDDER = flags.DEFINE_string(
  'embedder', None, 'TF Hub module to embed with, without --watch.'
)
_WATCH = flags.DEFINE_bool(
  'watch', False, 'Build for each new export in model_dir.'
)
_MODEL_DIR = flags.DEFINE_string(
  'model_dir', None, 'Of bin/pretrain_realm, with --watch.'
)
_STOP_WITH_STDIN = flags.DEFINE_bool(
  'stop_with_stdin',
  False,
  'With --watch: end when standard input closes (a trainer that starts this'
  ' binary holds it open while it lives).',
)
_SEARCHER = flags.DEFINE_enum(
  'searcher', 'auto', ['auto', 'exact', 'scann'], 'How the index is searched.'
)
_MAX_LENGTH = flags.DEFINE_integer(
  'candidate_seq_len', 288, 'Wordpieces of a document, as in training.'
)
_MIXED_PRECISION = flags.DEFINE_bool(
  'mixed_precision', False, 'Embed in bfloat16.'
)


def _stop_with_stdin(stop: threading.Event) -> None:
  def wait() -> None:
    while sys.stdin.buffer.read(4096):
      pass
    stop.set()

  threading.Thread(target=wait, name='stdin', daemon=True).start()


def _build() -> None:
  model_dir, index_dir = _MODEL_DIR.value, _INDEX_DIR.value
  if _WATCH.value and not model_dir:
    raise app.UsageError('--watch needs --model_dir')
  if not _WATCH.value and not _EMBEDDER.value:
    raise app.UsageError('give --embedder, or --watch with --model_dir')
  if not index_dir and not model_dir:
    raise app.UsageError('give --index_dir or --model_dir')
  config = IndexConfig(
    corpus_dir=_CORPUS_DIR.value,
    index_dir=index_dir or os.path.join(model_dir, 'index'),
    searcher=_SEARCHER.value,
    candidate_seq_len=_MAX_LENGTH.value,
    mixed_precision=_MIXED_PRECISION.value,
  )
  if not _WATCH.value:
    print(corpus_index.build_once(config, _EMBEDDER.value))
    return
  stop = threading.Event()
  if _STOP_WITH_STDIN.value:
    _stop_with_stdin(stop)
  corpus_index.watch(config, model_dir, stop)


def main(argv: list[str]) -> None:
  """Builds one index, or one for each export."""
  if len(argv) > 1:
    raise app.UsageError(f'these are no flags: {" ".join(argv[1:])}')
  console.show_messages()
  with console.one_line_errors('build_index'):
    _build()


if __name__ == '__main__':
  app.run(main)
