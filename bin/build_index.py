# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
r"""Makes a corpus searchable: by vectors, by its words, or by both.

Embeds it with an exported embedder and publishes its index.

Once:

    python -m bin.build_index --corpus_dir=out/corpus --index_dir=out/index \
        --embedder=out/ict

With an encoder as it is published, here one of sentence-transformers; what its
directory does not say can be given (E5's prefixes), and 128 principal axes
instead of all its numbers:

    python -m bin.build_index --corpus_dir=out/corpus --index_dir=out/index \
        --embedder=e5-small-v2 --query_prefix='query: ' \
        --document_prefix='passage: ' --projection=principal

Beside a training that was started with --index_builder=none (on the same
machine or on another that sees the same directories), for each new export
until the training has ended:

    python -m bin.build_index --watch --corpus_dir=out/corpus \
        --model_dir=out/realm

By the words that documents share with a question (BM25), for which no embedder
is needed; with --retrieval=hybrid both:

    python -m bin.build_index --corpus_dir=out/corpus --index_dir=out/index \
        --retrieval=lexical

Cost: 400 documents of 200 words a second on 2 cores for a tiny encoder
(2 x 128), 90 for mini, 35 for all-MiniLM-L6-v2; then 5 s a 100,000 documents
for a ScaNN index. Killed and called again it goes on with the embeddings it
had. BM25: 5,000 documents of 100 words a second on one core.

A training makes its indexes itself: give one built by hand a directory of its
own. pretrain_realm does not begin where indexes lie already, and ignores those
that are not of its exports.

Expect: index_dir/<step>/ with searcher/, embeddings.npy, embedder/ and
metadata.json, all at once when it is whole; and index_dir/lexical/, once for a
corpus.
"""

import dataclasses
import os
import threading

from realm_tf.configs.embedding_config import IndexConfig

from . import config_flags, program


@dataclasses.dataclass(frozen=True, kw_only=True)
class BuildIndexConfig(IndexConfig):
  """What is embedded, and by what.

  Attributes:
    index_dir: Directory in which index versions are published. Defaults to
      `model_dir`/index.
    embedder: What to embed with, without `watch`: the directory of a training
      or of index versions, of which the newest is taken, a TF Hub module, or an
      encoder that others published. That is a directory of
      sentence-transformers, or of the weights of a BERT, such as Contriever's
      and DPR's; or QUERIES,DOCUMENTS for two encoders.
    watch: Build the index of each new export in `model_dir`. Defaults to False.
    model_dir: Directory of a pre-training; with `watch`.
  """

  index_dir: str = ''
  embedder: str | None = None
  watch: bool = False
  model_dir: str = ''

  def __post_init__(self) -> None:
    super().__post_init__()
    if self.watch and not self.model_dir:
      raise ValueError('`watch` needs `model_dir`')
    if self.watch and self.changes:
      raise ValueError(f'`{self.changes[0]}` and `watch` exclude each other')
    if not (self.watch or self.embedder or self.retrieval == 'lexical'):
      raise ValueError(
        'give `embedder`, or `watch` with `model_dir`, or `retrieval` lexical'
      )
    if not self.index_dir:
      if not self.model_dir:
        raise ValueError('give `index_dir` or `model_dir`')
      own = os.path.join(self.model_dir, 'index')
      object.__setattr__(self, 'index_dir', own)


config_flags.define(BuildIndexConfig)


def main() -> None:
  """Builds one index, or one for each export."""
  config = config_flags.make(BuildIndexConfig)
  from realm_tf.indexing import corpus_index

  if config.watch:
    corpus_index.watch(config, config.model_dir, threading.Event())
  else:
    print(corpus_index.build_once(config, config.embedder))


if __name__ == '__main__':
  program.run(main)
