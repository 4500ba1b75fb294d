# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""How fast a corpus is embedded."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from benchmarks import timing
from benchmarks.material import Material
from benchmarks.pipeline import Pipeline, PipelineConfig
from realm_tf.configs.embedding_config import EmbeddingConfig
from realm_tf.index import embed_corpus


@dataclasses.dataclass(frozen=True)
class Settings:
  """What is measured.

  Attributes:
    pipeline: Arguments of `PipelineConfig`.
    repeats: Times that the corpus is embedded.
  """

  pipeline: Mapping[str, Any] = dataclasses.field(default_factory=dict)
  repeats: int = 3


def measure(settings: Settings, material: Material) -> dict[str, float]:
  """Embeds the whole corpus, as the index builder does.

  Returns:
    `documents_per_second`, of whole documents of the material, and the same of
    the blocks that the longer of them were split into.
  """
  config = PipelineConfig(**settings.pipeline)
  pipeline = Pipeline(config, material)
  embed = tf.function(
    pipeline.embedder.embed_documents,
    input_signature=embed_corpus.embed_signature(),
  )
  seconds = timing.time_repeats(
    lambda: embed_corpus.embed_documents(
      pipeline.documents,
      embed,
      special=pipeline.tokenizer.special,
      config=EmbeddingConfig(candidate_seq_len=config.candidate_seq_len),
      progress=False,
    ),
    settings.repeats,
  )
  blocks = len(pipeline.documents)
  lengths = pipeline.documents.body_lengths
  pipeline.close()
  return {
    **timing.rate(material.num_documents, seconds, 'documents'),
    **timing.rate(blocks, seconds, 'blocks'),
    'documents': material.num_documents,
    'blocks': blocks,
    'mean_wordpieces_of_block': float(lengths.mean()),
  }
