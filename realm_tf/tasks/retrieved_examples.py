# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""From masked sentences to batches with the documents retrieved for them."""

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from realm_tf.configs.masking_config import FeaturizationConfig
from realm_tf.corpus.corpus import Corpus
from realm_tf.index.candidates import CandidateFinder
from realm_tf.modeling import featurization
from realm_tf.text.tokenizer import BertTokenizer
from realm_tf.training import summaries
from realm_tf.training.task import Batch

_SHOWN = 3


def _describer(
  masked: Mapping[str, Any],
  rows: np.ndarray,
  documents: Corpus,
  tokenizer: BertTokenizer,
) -> Callable[[], str]:
  """Shows the first examples of a batch, when somebody asks."""

  def describe() -> str:
    # Row -1 is the null document.
    real = [[int(row) for row in its if row >= 0] for its in rows[:_SHOWN]]
    return summaries.retrieval_table(
      tokenizer.detokenize(masked['query_ids'][:_SHOWN]),
      [documents.titles(np.array(its, np.int64)) for its in real],
      [documents.bodies(np.array(its, np.int64)) for its in real],
    )

  return describe


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
    masked_batches: As `spans.pretraining_examples.masked_queries` gives them.
    first_number: Number of the first of them.
    finder: Finds documents in the index in use; one version of it serves a
      whole batch.
    tokenizer: Whose ids all of it is in.
    config: Lengths and number of candidates.

  Yields:
    Batches that say which version of the index they were made with.
  """
  # More than the model reads, if it is to choose.
  config = dataclasses.replace(config, num_candidates=finder.num_candidates)
  documents = finder.documents
  featurizer = featurization.Featurizer(tokenizer.special, config)
  for number, masked in enumerate(masked_batches, first_number):
    query = featurizer.pack_query(masked['query_ids'])
    with finder.slot.acquire() as version:
      rows = finder.find(masked, query, version)
      metadata = version.metadata
    title_ids, body_ids = documents.gather(rows.reshape(-1))
    features = featurizer.featurize(masked, title_ids, body_ids)
    yield Batch(
      number,
      features,
      index_step=metadata.step,
      index_time=metadata.built_at,
      describe=_describer(masked, rows, documents, tokenizer),
    )
