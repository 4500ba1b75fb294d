# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import numpy as np

from realm_tf.configs.masking_config import FeaturizationConfig, MaskingConfig
from realm_tf.hub import hub_modules
from realm_tf.index.candidates import CandidateFinder, QueryEmbedders
from realm_tf.index.index import Index
from realm_tf.index.slot import IndexSlot
from realm_tf.modeling.embedder import Embedder
from realm_tf.spans import pretraining_examples
from realm_tf.tasks.retrieved_examples import retrieved_batches
from realm_tf.text import packing
from tests.indexing.corpus_index_test import embed_document


def test_batches_have_what_the_index_finds(indexed, world):
  root, tokenizer, documents, embedder, _, _ = indexed
  slot = IndexSlot()
  embedders = QueryEmbedders(
    lambda: Embedder(embedder.bert_config, embedder.projection_size)
  )
  slot.swap(
    embedders.version(
      Index.open(root / 'index' / '3'),
      lambda e: hub_modules.read_embedder_weights(e, root / 'embedder-3'),
    )
  )
  config = FeaturizationConfig(
    query_seq_len=32, candidate_seq_len=48, num_candidates=4
  )
  masked = pretraining_examples.masked_queries(
    f'{world}/spans/spans-*',
    tokenizer,
    MaskingConfig(query_seq_len=32),
    batch_size=5,
    seed=0,
    start_batch=7,
  ).take(2)
  batches = list(
    retrieved_batches(
      masked,
      7,
      finder=CandidateFinder(documents, slot, num_candidates=4),
      tokenizer=tokenizer,
      config=config,
    )
  )
  assert [batch.number for batch in batches] == [7, 8]
  for batch, its in zip(batches, masked):
    assert batch.index_step == 3
    assert (
      batch.index_time
      == hub_modules.read_info(root / 'embedder-3')['exported_at']
    )
    ids = batch.features['candidates']['input_word_ids'].numpy()
    assert ids.shape[:2] == (5, 4)
    # The null document is [CLS] [SEP] [SEP].
    lengths = batch.features['candidates']['input_mask'].numpy().sum(-1)
    assert (lengths[:, 0] == 3).all() and (lengths[:, 1:] > 10).all()
    # The first real one is the nearest by exhaustive search.
    query = packing.pack_query(
      its['query_ids'], special=tokenizer.special, max_length=32
    )
    scores = (
      embedder.embed_queries(query).numpy()
      @ np.stack(
        [embed_document(indexed, row) for row in range(len(documents))]
      ).T
    )
    best = documents.titles(scores.argmax(1))
    text = batch.describe()
    for query_text, title in zip(tokenizer.detokenize(its['query_ids']), best):
      if f'**{query_text}**' in text:
        after = text.split(f'**{query_text}**')[1]
        assert after.split('| 1 | ')[1].startswith(title)
    assert text.count('**') == 6  # three examples are shown
  slot.close()
