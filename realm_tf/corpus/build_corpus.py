# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The knowledge corpus: documents in, a store of blocks out."""

import contextlib
import functools
import os
import pathlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from absl import logging

from realm_tf.bert import weight_files
from realm_tf.configs.corpus_config import CorpusConfig
from realm_tf.corpus import (
  blocks,
  corpus,
  document_uids,
  job,
  readers,
  store,
  workers,
)
from realm_tf.corpus.corpus import Corpus
from realm_tf.corpus.document import CorpusError
from realm_tf.text.tokenizer import BertTokenizer


def _load_tokenizer(config: CorpusConfig) -> BertTokenizer:
  if config.bert is None and config.vocab_file is None:
    return BertTokenizer.of_words()
  lower_case = config.lower_case
  vocab_file: str | os.PathLike | None = config.vocab_file
  if config.bert is not None:
    found = weight_files.find(config.bert)
    vocab_file = vocab_file or found.vocab
    if lower_case is None:
      lower_case = found.lower_case
  if vocab_file is None:
    raise ValueError('it has no vocabulary')
  if lower_case is None:
    lower_case = True
  return BertTokenizer.from_file(vocab_file, lower_case=lower_case)


def _make_processor(config: CorpusConfig) -> workers.Processor:
  return functools.partial(
    _to_blocks,
    tokenizer=_load_tokenizer(config),
    config=config,
  )


def _to_blocks(
  batch: Sequence[readers.RawRecord],
  tokenizer: BertTokenizer,
  config: CorpusConfig,
) -> workers.Result:
  documents, counts, problems = readers.parse_all(batch, config)
  made, block_counts = blocks.make_blocks(
    documents, tokenizer, config.max_block_length
  )
  counts.update(block_counts)
  return workers.Result(made, counts, problems)


@contextlib.contextmanager
def _open_part(
  directory: pathlib.Path, number: int, before: job.Note | None
) -> Iterator[tuple[Callable[[store.Blocks], dict[str, int]], job.Note]]:
  """Appends to the store; what a killed run wrote after `before` is dropped.

  Blocks that are there already are left out, as an update leaves them out.
  """
  del number
  sizes = before['sizes'] if before else None
  facts: job.Note = {}
  with store.BlockWriter(directory / corpus.DOCUMENTS, sizes) as writer:
    seen = document_uids.SeenUids(writer.read_uids())

    def write(blocks: store.Blocks) -> dict[str, int]:
      new = seen.add(blocks.uids)
      counts = {'blocks_already_there': len(blocks) - len(new)}
      if counts['blocks_already_there']:
        counts['wordpieces'] = -blocks.lengths('body_ids').sum()
        blocks = store.BlocksView.of(blocks).select(new).chunk(0, len(new))
        counts['wordpieces'] += blocks.lengths('body_ids').sum()
      writer.append(blocks)
      return {name: int(count) for name, count in counts.items() if count}

    yield write, facts
  facts['sizes'] = writer.sizes


def _finish(
  directory: pathlib.Path,
  notes: Sequence[job.Note],
  total: job.Note,
  config: CorpusConfig,
  tokenizer: BertTokenizer,
) -> None:
  del notes
  # Not there: an earlier call was killed after this.
  if (directory / corpus.DOCUMENTS).exists():
    os.replace(
      directory / corpus.DOCUMENTS, directory.parent / corpus.DOCUMENTS
    )
  tokenizer.save_vocab(directory.parent / corpus.VOCABULARY)
  corpus.write_manifest(
    directory.parent,
    vocabulary=corpus.vocabulary_of(tokenizer),
    max_block_length=config.max_block_length,
    counts=total['counts'],
    settings=total['settings'],
  )


def build_corpus(config: CorpusConfig) -> Corpus:
  """Builds a knowledge corpus.

  Resumes an interrupted build of the same settings, and only opens the corpus
  if it is there.

  Example:
    >>> config = realm_tf.CorpusConfig(
    ...   input='wiki.jsonl', output_dir='out/tiny_corpus', bert='BERT'
    ... )
    >>> corpus = realm_tf.build_corpus(config)
    >>> corpus.counts['blocks'] == len(corpus)
    True

  Args:
    config: Input, vocabulary and output directory.

  Returns:
    The corpus, open.

  Raises:
    CorpusError: Input, vocabulary or output directory cannot be used; one line
      that says which and what to do.
  """
  try:
    tokenizer = _load_tokenizer(config)
  except (OSError, ValueError) as e:
    field = 'bert' if config.vocab_file is None else 'vocab_file'
    raise CorpusError(f'`{field}`: {getattr(config, field)}: {e}') from e
  if tokenizer.vocab == BertTokenizer.of_words().vocab:
    logging.info(
      'no vocabulary: words are counted, and documents can be found by their'
      ' words alone'
    )
  settings: dict[str, Any] = {
    **corpus.vocabulary_of(tokenizer),
    'max_block_length': config.max_block_length,
  }
  job.run(
    config,
    job.Job(
      kind=corpus.KIND,
      files=job.input_files(config),
      make_processor=_make_processor,
      processor_settings=config,
      open_part=_open_part,
      finish=functools.partial(_finish, config=config, tokenizer=tokenizer),
      settings=settings,
      # The last two are of version 1.
      outputs=(
        f'{corpus.DOCUMENTS}/*.bin',
        f'{corpus.DOCUMENTS}/metadata.json',
        'blocks-*.tfrecord.gz',
      ),
    ),
  )
  return Corpus.open(config.output_dir)
