# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Embeds strings."""

import functools
import os
import pathlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from realm_tf.configs.embedder_config import EmbedderStartConfig
from realm_tf.configs.embedding_config import EmbeddingConfig
from realm_tf.configs.masking_config import FeaturizationConfig
from realm_tf.hub import hub_modules, text_encoders
from realm_tf.index import embed_corpus, versions
from realm_tf.modeling import featurization
from realm_tf.modeling.embedder import Embedder
from realm_tf.text import packing
from realm_tf.text.tokenizer import BertTokenizer

Text = str | bytes
_SPECIAL = 3  # [CLS], and a [SEP] after title and body.


def _find_module(directory: str | os.PathLike) -> str:
  """The embedder in an index or an export; else the directory itself."""
  newest = versions.latest_index(directory)
  for path in (directory, newest):
    if path is not None and pathlib.Path(path, 'embedder').is_dir():
      return os.path.join(path, 'embedder')
  return os.fspath(directory)


class TextEmbedder:
  """Embeds questions and documents.

  Texts are sorted by length, so that a batch has little padding.

  Example:
    embedder = realm_tf.TextEmbedder.open('out/index')
    documents = embedder.documents(
      ['Lima is a city. It is the capital.', 'Quito is a city.'],
      titles=['Peru', 'Ecuador'],
    )
    scores = embedder.queries(['What is the capital of Peru?']) @ documents.T

  Attributes:
    embedder: The Keras layer.
    tokenizer: Tokenizer of its wordpieces.
    lengths: Maximum wordpieces of queries and documents.
  """

  def __init__(
    self,
    embedder: Embedder,
    tokenizer: BertTokenizer,
    lengths: FeaturizationConfig | None = None,
  ):
    """Makes an embedder of strings.

    Args:
      embedder: The Keras layer.
      tokenizer: Tokenizer of its wordpieces.
      lengths: Maximum wordpieces. Defaults to `FeaturizationConfig()`.
    """
    self.embedder = embedder
    self.tokenizer = tokenizer
    self.lengths = lengths or FeaturizationConfig()
    self._queries = embed_corpus.traced(embedder.query_vectors)
    self._documents = embed_corpus.traced(embedder.embed_documents)

  @classmethod
  def open(
    cls,
    directory: str | os.PathLike,
    config: EmbedderStartConfig | None = None,
  ) -> 'TextEmbedder':
    """Opens an embedder.

    Args:
      directory: TF Hub module of an embedder, an export or an index that has
        one; or a directory of sentence-transformers, or of an encoder of DPR,
        of Contriever or of a BERT.
      config: What to change of an encoder that others published.

    Raises:
      FileNotFoundError: There is no embedder.
      ValueError: It has a part that is not supported.
    """
    path = _find_module(directory)
    if text_encoders.is_encoder(path):
      encoder = text_encoders.read_encoder(path, config)
      return cls(encoder.embedder, encoder.tokenizer, encoder.lengths)
    return cls(
      hub_modules.load_embedder(path),
      hub_modules.load_tokenizer(path),
      hub_modules.trained_lengths(path),
    )

  @property
  def dim(self) -> int:
    """Number of dimensions of a vector."""
    return self.embedder.projection_size

  def _embed(
    self,
    parts: Sequence[Sequence[Text]],
    pack: Callable[..., Any],
    embed: embed_corpus.EmbedFn,
    max_length: int,
  ) -> np.ndarray:
    """Embeds texts of which each of `parts` is a segment."""
    vectors = np.zeros([len(parts[0]), self.dim], np.float32)
    if not len(vectors):
      return vectors
    ids = [self.tokenizer.tokenize(list(part)) for part in parts]
    lengths = sum(x.row_lengths().numpy() for x in ids) + _SPECIAL
    lengths = np.minimum(lengths, max_length)
    for rows in embed_corpus.plan_batches(lengths, EmbeddingConfig()):
      vectors[rows] = embed(pack(*(tf.gather(x, rows) for x in ids)))
    return vectors

  def queries(self, texts: Sequence[Text]) -> np.ndarray:
    """Embeds queries.

    A temperature, which divides the scores of a search, is not in the vectors.

    Args:
      texts: UTF-8 strings; those that are too long are cut.

    Returns:
      float32 `[texts, dim]`.
    """
    length = self.lengths.query_seq_len
    pack = functools.partial(
      packing.pack_query, special=self.tokenizer.special, max_length=length
    )
    return self._embed([texts], pack, self._queries, length)

  def documents(
    self, texts: Sequence[Text], titles: Sequence[Text] | None = None
  ) -> np.ndarray:
    """Embeds documents.

    Args:
      texts: UTF-8 strings; those that are too long are cut.
      titles: Their titles. Defaults to empty ones.

    Returns:
      float32 `[texts, dim]`.

    Raises:
      ValueError: There are not as many titles as texts.
    """
    titles = [''] * len(texts) if titles is None else titles
    if len(titles) != len(texts):
      raise ValueError(f'{len(titles)} titles for {len(texts)} texts')
    pack = functools.partial(
      featurization.pack_candidates,
      special=self.tokenizer.special,
      config=self.lengths,
    )
    length = self.lengths.candidate_seq_len
    return self._embed([titles, texts], pack, self._documents, length)
