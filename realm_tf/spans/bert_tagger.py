# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Tags a corpus with the SavedModel that `tasks.tagger` trains."""

import os
from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf
import tensorflow_text  # noqa: F401, its ops are in the graph

from realm_tf.corpus.document import CorpusError
from realm_tf.io import faults, module_info
from realm_tf.spans.taggers import Span

KIND = 'entity_tagger'
_WEIGHTS = os.path.join('variables', 'variables.data-00000-of-00001')


def read_info(directory: str | os.PathLike) -> dict[str, Any]:
  """Reads a tagger's info file, with its `labels`, without loading it.

  Raises:
    CorpusError: There is no tagger.
  """
  try:
    return module_info.read_info(directory, KIND)
  except (OSError, ValueError) as e:
    raise CorpusError(
      f'`bert_tagger`: {e}; name what train_tagger prints at its end'
    ) from e


def weights_file(directory: str | os.PathLike) -> str:
  """The file that tells one tagger from another."""
  return os.path.join(directory, _WEIGHTS)


class BertTagger:
  """Finds named entities with a SavedModel; spans are whole words.

  Attributes:
    labels: Labels that its spans may have.
    whole_documents: Whether it does better with documents than with single
      sentences.
  """

  def __init__(self, directory: str | os.PathLike):
    """Loads the SavedModel in `directory`.

    Raises:
      CorpusError: There is none, or none of a tagger.
    """
    info = read_info(directory)
    self.labels = frozenset(info['labels'])
    self.whole_documents: bool = info['whole_documents']
    with faults.naming(f'`bert_tagger`: {os.fspath(directory)}', CorpusError):
      self._module = tf.saved_model.load(os.fspath(directory))
      self._tag = self._module.signatures['serving_default']

  def tag(self, texts: Sequence[str]) -> list[list[Span]]:
    """Returns the entities of each sentence, or document, in order."""
    if not texts:
      return []
    return split_spans(self._tag(sentences=tf.constant(texts, tf.string)))


def split_spans(found: Mapping[str, tf.Tensor]) -> list[list[Span]]:
  """Returns what a tagger's signature found, by sentence."""
  starts, limits, labels, splits = (
    found[name].numpy().tolist()
    for name in ('starts', 'limits', 'labels', 'row_splits')
  )
  spans = [
    Span(start, limit, label.decode())
    for start, limit, label in zip(starts, limits, labels)
  ]
  return [spans[a:b] for a, b in zip(splits, splits[1:])]
