# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Adds documents to a corpus and its index on disk, and removes some."""

import contextlib
import functools
import os
from typing import Any

from realm_tf.bert import precision
from realm_tf.configs.embedding_config import EmbeddingConfig
from realm_tf.configs.update_config import UpdateConfig
from realm_tf.corpus import readers, removals
from realm_tf.corpus.corpus import Corpus
from realm_tf.corpus.document import CorpusError
from realm_tf.corpus.problems import Problems
from realm_tf.hub import hub_modules
from realm_tf.index import build_index, editions, live, versions
from realm_tf.index.embed_corpus import traced
from realm_tf.index.index import Index
from realm_tf.io import compatibility


def _find_embedder(
  index_path: str, metadata: versions.IndexMetadata, embedder: str | None
) -> str:
  own = os.path.join(index_path, 'embedder')
  if embedder is None:
    if os.path.isdir(own):
      return own
    raise ValueError(
      f'{index_path} was built without its embedder in it: give `embedder`'
    )
  if metadata.embedder_fingerprint != versions.UNKNOWN:
    compatibility.check(
      metadata.part(index_path),
      compatibility.Part(
        f'`embedder` {embedder}',
        embedder=build_index.fingerprint_embedder(embedder),
      ),
    )
  return embedder


def encoding_of(
  index_path: str,
  metadata: versions.IndexMetadata,
  *,
  embedder: str | None = None,
  max_length: int | None = None,
  mixed_precision: bool | None = None,
) -> live.Encoding:
  """Loads the embedder of an index, with the settings it was built with.

  Args:
    index_path: Version of the index.
    metadata: Its metadata.
    embedder: TF Hub module that made it. Defaults to the one in it.
    max_length: Maximum wordpieces of a document. Defaults to the metadata's.
    mixed_precision: Embed in bfloat16. Defaults to the metadata's.

  Raises:
    MismatchError: `embedder` is not that of the index.
    ValueError: There is no embedder in the index and none was given.
  """
  if max_length is None:
    max_length = metadata.max_length or EmbeddingConfig().candidate_seq_len
  if mixed_precision is None:
    mixed_precision = metadata.precision == 'bfloat16'
  embedder_dir = _find_embedder(index_path, metadata, embedder)
  with precision.mixed_precision_scope(mixed_precision):
    loaded = hub_modules.load_embedder(embedder_dir)
  return live.Encoding(
    hub_modules.load_tokenizer(embedder_dir),
    traced(loaded.embed_documents),
    EmbeddingConfig(candidate_seq_len=max_length),
  )


def open_live(
  corpus_dir: str, index_dir: str, **encoding: Any
) -> live.LiveIndex:
  """Opens a corpus and its index for updates.

  The embedder is loaded by `encoding_of`, with the other arguments, if there is
  something to embed.

  Raises:
    FileNotFoundError: One of them is not there.
    MismatchError: They do not belong together.
  """
  corpus = Corpus.open(corpus_dir)
  index = Index.open(index_dir, corpus)
  load = functools.partial(encoding_of, index.path, index.metadata, **encoding)
  return live.LiveIndex(corpus, index, load)


def update_corpus(config: UpdateConfig) -> tuple[str, dict[str, int]]:
  """Writes a corpus and its index with changes to `output_dir`.

  Returns:
    The path of the index, and what was counted.

  Raises:
    CorpusError: There is nothing to change, or input cannot be used.
    ValueError: Corpus, index and embedder do not belong together.
  """
  if os.path.exists(config.output_dir) and not config.overwrite:
    raise CorpusError(
      f'`output_dir`: {config.output_dir} is there already; name another'
      ' directory, or set `overwrite`'
    )
  editions.check_output_dir(
    config.output_dir, [config.corpus_dir, config.index_dir]
  )
  problems = Problems(config.strict)
  added = []
  if config.add:
    added = list(readers.read_documents(config.add, config, problems, 'add'))
    problems.warn_if_most()
    if not added:
      raise CorpusError(
        f'`add`: no document in {config.add}{problems.explain()}'
      )
  removed = []
  if config.remove:
    removed = removals.read_removals(config.remove, problems)
  counts = dict(problems.counts)
  opened = open_live(
    config.corpus_dir,
    config.index_dir,
    embedder=config.embedder,
    max_length=config.candidate_seq_len,
    mixed_precision=config.mixed_precision,
  )
  with contextlib.closing(opened):
    with opened.acquire() as edition:
      edition.verify()
    update = opened.update(
      added,
      removed,
      replace_titles=config.replace_titles,
      strict=config.strict,
      progress=config.progress,
    )
    counts.update(
      documents_to_add=len(added),
      blocks_added=update.added,
      blocks_already_there=update.already_there,
      blocks_removed=update.removed,
      not_there_to_remove=len(update.missing),
    )
    if not update.added and not update.removed:
      said = ', '.join(f'{n} {k}' for k, n in sorted(counts.items()) if n)
      raise CorpusError(
        f'there is nothing to change ({said or "no input"}): nothing is written'
      )
    if config.retrain:
      opened.retrain()
    path = opened.save(
      config.output_dir,
      settings={'replace_titles': config.replace_titles},
      counts=counts,
    )
    with opened.acquire() as edition:
      counts['blocks'] = len(edition.documents)
  return path, counts
