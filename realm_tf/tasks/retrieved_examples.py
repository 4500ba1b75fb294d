# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Batches of masked sentences with retrieved documents."""

import dataclasses
import functools
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from realm_tf.configs.masking_config import FeaturizationConfig
from realm_tf.corpus.corpus import Corpus
from realm_tf.index.candidates import (
  TEXTS,
  CandidateFinder,
  query_texts,
)
from realm_tf.modeling import featurization
from realm_tf.text.tokenizer import BertTokenizer
from realm_tf.training import summaries
from realm_tf.training.task import Batch


def _describe(
  query_ids: tf.RaggedTensor,
  rows: np.ndarray,
  documents: Corpus,
  tokenizer: BertTokenizer,
) -> str:
  return summaries.describe_retrieval(
    tokenizer.detokenize(query_ids), documents, rows
  )


def retrieved_batches(
  masked_batches: Iterable[Mapping[str, Any]],
  first_number: int,
  *,
  finder: CandidateFinder,
  tokenizer: BertTokenizer,
  config: FeaturizationConfig,
) -> Iterator[Batch]:
  """Finds candidates for each masked batch and makes features of both.

  Args:
    masked_batches: Batches of `spans.pretraining_examples.masked_queries`.
    first_number: Number of the first batch.
    finder: Finds documents; one version of the index serves a whole batch.
    tokenizer: Tokenizer of queries and documents.
    config: Lengths.
  """
  # May be more than the model reads: it chooses.
  config = dataclasses.replace(config, num_candidates=finder.num_candidates)
  documents = finder.documents
  featurizer = featurization.Featurizer(tokenizer.special, config)
  for number, masked in enumerate(masked_batches, first_number):
    query = featurizer.pack_query(masked['query_ids'])
    bm25 = None
    with finder.slot.acquire() as version:
      if version.needs_words:
        texts = query_texts(masked['query_ids'], tokenizer)
        masked = {**masked, TEXTS: texts}
      rows = finder.find(masked, query, version)
      if version.needs_words:
        bm25 = version.index.lexical.score(texts, rows)
      metadata = version.metadata
    title_ids, body_ids = documents.gather(rows.reshape(-1))
    features = featurizer.featurize(masked, title_ids, body_ids)
    if bm25 is not None:
      features['candidate_bm25'] = bm25
    yield Batch(
      number,
      features,
      index_step=metadata.step,
      index_time=metadata.built_at,
      describe=functools.partial(
        _describe, masked['query_ids'], rows, documents, tokenizer
      ),
    )
