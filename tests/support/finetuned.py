# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""A fine-tuning by its binary, for the tests of all that use its export."""

import dataclasses
import json
import pathlib
import subprocess

from realm_tf.configs.embedding_config import EmbeddingConfig
from realm_tf.configs.searcher_config import SearcherConfig
from realm_tf.corpus.corpus import Corpus
from realm_tf.hub import hub_modules
from realm_tf.indexing import corpus_index
from realm_tf.modeling.embedder import Embedder
from realm_tf.tasks import starts
from tests.support import tiny_world


@dataclasses.dataclass(frozen=True)
class Finetuned:
  """What bin/finetune_qa was given and made.

  Attributes:
    directory: Everything is in it.
    flags: It was called with these.
    result: What it printed.
  """

  directory: pathlib.Path
  flags: list[str]
  result: subprocess.CompletedProcess

  @property
  def model_dir(self) -> pathlib.Path:
    return self.directory / 'qa'

  @property
  def questions(self) -> list[dict]:
    lines = (self.directory / 'questions/dev.jsonl').read_text().splitlines()
    return [json.loads(line) for line in lines]

  def answering_flags(self) -> list[str]:
    """Of the binaries that answer questions."""
    return [
      f'--model_dir={self.model_dir}',
      f'--corpus_dir={self.directory}/corpus',
      f'--index_dir={self.directory}/index',
    ]


def make(directory: pathlib.Path) -> Finetuned:
  """Embeds the tiny world with random weights and fine-tunes on it."""
  tiny_world.build(directory)
  tiny_world.write_questions(directory)
  bert, tokenizer = starts.load_bert(
    str(directory / 'bert_config.json'),
    vocab_file=str(directory / 'vocab.txt'),
    seed=3,
  )
  bert_dir = directory / 'bert'
  hub_modules.export_bert(
    bert.config, bert.encoder, bert.mlm_head, tokenizer, bert_dir, 0
  )
  embedder = Embedder(bert.config, 16, seed=3)
  hub_modules.export_embedder(embedder, tokenizer, directory / 'embedder', 0)
  indexer = corpus_index.CorpusIndexer(
    Corpus.open(directory / 'corpus' / 'documents'),
    tokenizer,
    str(directory / 'index'),
    searcher=SearcherConfig(),
    embedding_config=EmbeddingConfig(candidate_seq_len=48),
  )
  indexer(str(directory / 'embedder'), 0)
  flags = [
    f'--model_dir={directory}/qa',
    f'--corpus_dir={directory}/corpus',
    f'--index_dir={directory}/index',
    f'--bert={bert_dir}',
    f'--train_questions={directory}/questions/train.jsonl',
    f'--dev_questions={directory}/questions/dev.jsonl',
    '--query_seq_len=16',
    '--reader_seq_len=64',
    # The embedder's weights are random: all is read.
    '--reader_beam=60',
    '--train_steps=40',
    '--batch_size=4',
    '--learning_rate=3e-3',
    '--warmup_steps=1',
    '--eval_every=20',
    '--save_checkpoints_steps=10',
    '--log_every_steps=10',
  ]
  return Finetuned(
    directory, flags, tiny_world.call('finetune_qa', *flags, timeout=1000)
  )
