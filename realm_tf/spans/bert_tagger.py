# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The tagger that `bin/train_tagger` trains, at work on a corpus."""

import os
from collections.abc import Sequence
from typing import Any

import tensorflow as tf
import tensorflow_text  # noqa: F401, its ops are in the graph

from realm_tf.corpus.document import CorpusError
from realm_tf.io import atomic
from realm_tf.spans.taggers import Span

_INFO = os.path.join('assets.extra', 'realm.json')
_WEIGHTS = os.path.join('variables', 'variables.data-00000-of-00001')
_KIND = 'entity_tagger'


def read_info(directory: str | os.PathLike) -> dict[str, Any]:
  """What a tagger says of itself, without loading it: `labels` ...

  Raises:
    CorpusError: There is no tagger.
  """
  path = os.path.join(directory, _INFO)
  if not os.path.exists(path):
    raise CorpusError(
      f'--bert_tagger: {os.fspath(directory)} is no tagger: it has no {_INFO};'
      ' name what bin/train_tagger says at its end'
    )
  info = atomic.read_json(path)
  if info.get('kind') != _KIND:
    raise CorpusError(
      f'--bert_tagger: {os.fspath(directory)} is of kind {info.get("kind")!r},'
      ' no tagger'
    )
  return info


def weights_file(directory: str | os.PathLike) -> str:
  """The file that tells one tagger from another."""
  return os.path.join(directory, _WEIGHTS)


class BertTagger:
  """Finds named entities by a SavedModel; spans are whole words.

  Attributes:
    labels: That its spans may have.
    whole_documents: Whether it does better with documents than with sentences
      one by one.
  """

  def __init__(self, directory: str | os.PathLike):
    """Loads the SavedModel in `directory`.

    Raises:
      CorpusError: There is none, or none of a tagger.
    """
    info = read_info(directory)
    self.labels = frozenset(info['labels'])
    self.whole_documents: bool = info['whole_documents']
    try:
      self._module = tf.saved_model.load(os.fspath(directory))
    except (OSError, tf.errors.OpError) as e:
      said = str(e).splitlines()[0]
      raise CorpusError(f'--bert_tagger: {os.fspath(directory)}: {said}') from e
    self._tag = self._module.signatures['serving_default']

  def tag(self, texts: Sequence[str]) -> list[list[Span]]:
    """Returns the entities of each sentence, or document, in order."""
    if not texts:
      return []
    found = self._tag(sentences=tf.constant(texts, tf.string))
    names: dict[bytes, str] = {}
    spans = [
      Span(start, limit, names.setdefault(label, label.decode()))
      for start, limit, label in zip(
        found['starts'].numpy().tolist(),
        found['limits'].numpy().tolist(),
        found['labels'].numpy().tolist(),
      )
    ]
    splits = found['row_splits'].numpy().tolist()
    return [spans[a:b] for a, b in zip(splits, splits[1:])]
