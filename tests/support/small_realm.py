# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Eight documents, an index of them that is stale, and an export."""

import dataclasses
import pathlib

import numpy as np
import tensorflow as tf

from realm_tf.bert.bert_config import BertConfig
from realm_tf.configs.searcher_config import SearcherConfig
from realm_tf.corpus.corpus import Corpus
from realm_tf.hub import hub_modules
from realm_tf.index import build_index
from realm_tf.modeling.embedder import Embedder
from realm_tf.modeling.reader import KnowledgeAugmentedReader
from realm_tf.text.tokenizer import BertTokenizer
from tests.support import small_world

BLOCKS = [
  ('France', 'Paris is the capital of France . The Seine flows through it .'),
  ('England', 'London is the capital of England .'),
  ('Italy', 'Rome is the capital of Italy , and old .'),
  ('Japan', 'Japan has a big city .'),
  ('Peru', 'Lima is the capital of Peru .'),
  ('Seine', 'The Seine is a river of France .'),
  ('Thames', 'The Thames is a river of England and flows through London .'),
  ('Tiber', 'The Tiber is a river of Italy ! It flows through Rome .'),
]
CONFIG = BertConfig(
  vocab_size=small_world.tokenizer().vocab_size,
  hidden_size=16,
  num_layers=1,
  num_heads=2,
  intermediate_size=32,
  max_positions=40,
  initializer_range=0.4,
)


def shaken(layer, seed: int):
  """Moves biases and norms too, which start where they do nothing."""
  rng = np.random.default_rng(seed)
  for variable in layer.trainable_variables:
    variable.assign_add(0.2 * rng.standard_normal(variable.shape))
  return layer


@dataclasses.dataclass(frozen=True)
class SmallRealm:
  """What a pre-training leaves behind, and the layers it is of."""

  directory: pathlib.Path
  tokenizer: BertTokenizer
  documents: Corpus
  embedder: Embedder
  stale_embedder: Embedder
  reader: KnowledgeAugmentedReader
  index_path: str

  @property
  def export_dir(self) -> pathlib.Path:
    return self.directory / 'export'

  @property
  def corpus_dir(self) -> pathlib.Path:
    return self.directory / 'corpus'


def make(directory: pathlib.Path) -> SmallRealm:
  tokenizer = small_world.tokenizer()
  documents = small_world.store(
    directory / 'corpus', BLOCKS, [str(row) for row in range(len(BLOCKS))]
  )
  embedder = shaken(Embedder(CONFIG, 8, seed=1), 1)
  stale = shaken(Embedder(CONFIG, 8, seed=2), 2)
  reader = shaken(KnowledgeAugmentedReader(CONFIG, seed=3), 3)
  export = directory / 'export'
  hub_modules.export_embedder(embedder, tokenizer, export / 'embedder', 20)
  hub_modules.export_bert(
    CONFIG, reader.encoder, reader.mlm_head, tokenizer, export / 'bert', 20
  )
  hub_modules.export_embedder(stale, tokenizer, directory / 'stale', 10)
  index_path = build_index.build_index(
    documents,
    tf.function(stale.embed_documents, reduce_retracing=True),
    directory / 'index',
    10,
    special=tokenizer.special,
    searcher_config=SearcherConfig(searcher='exact'),
    embedder_dir=directory / 'stale',
    progress=False,
  )
  return SmallRealm(
    directory, tokenizer, documents, embedder, stale, reader, index_path
  )
