# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The knowledge corpus: documents in, block records out."""

import functools
from collections.abc import Sequence
from typing import Any

from realm_tf.configs.corpus_config import CorpusConfig
from realm_tf.corpus import blocks, processes, readers, sharding
from realm_tf.corpus.document import CorpusError
from realm_tf.text.tokenizer import BertTokenizer


def _make_processor(config: CorpusConfig) -> processes.Processor:
  tokenizer = BertTokenizer.from_file(
    config.vocab_file, lower_case=config.lower_case
  )
  return functools.partial(
    _to_blocks, tokenizer=tokenizer, max_block_length=config.max_block_length
  )


def _to_blocks(
  batch: Sequence[readers.RawRecord],
  tokenizer: BertTokenizer,
  max_block_length: int,
) -> processes.Result:
  documents, counts, problems = readers.parse_all(batch)
  records, block_counts = blocks.make_blocks(
    documents, tokenizer, max_block_length
  )
  counts.update(block_counts)
  return processes.Result(records, counts, problems)


def build_corpus(config: CorpusConfig) -> dict[str, Any]:
  """Builds `blocks-XXXXX-of-XXXXX.tfrecord.gz` and `manifest.json`.

  Goes on where an earlier, interrupted build of the same settings stopped, and
  does nothing if the corpus is there.

  Returns:
    The manifest: `counts`, `fingerprint`, `settings`, `shards`, and of the
    tokenizer `vocab_size`, `vocab_fingerprint` and `lower_case`.

  Raises:
    CorpusError: Input, vocabulary or output directory will not do; one line
      that says which and what to do.
  """
  try:
    tokenizer = BertTokenizer.from_file(
      config.vocab_file, lower_case=config.lower_case
    )
  except (OSError, ValueError) as e:
    raise CorpusError(f'--vocab_file: {config.vocab_file}: {e}') from e
  vocabulary = {
    'vocab_size': tokenizer.vocab_size,
    'vocab_fingerprint': tokenizer.fingerprint,
    'lower_case': config.lower_case,
  }
  return sharding.write_sharded(
    config,
    'blocks',
    _make_processor,
    config,
    {**vocabulary, 'max_block_length': config.max_block_length},
    vocabulary,
  )
