# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Sentences to entities in one graph, and the SavedModel that holds it.

The SavedModel needs nothing of this package, only TensorFlow Text:

    module = tf.saved_model.load(directory)
    found = module.signatures['serving_default'](sentences=['He saw Rome.'])

`found` has `starts`, `limits` (int32, bytes of the sentence) and `labels`
(string) of the entities of all sentences, and `row_splits` (int64 [batch + 1]),
where those of each sentence begin.
"""

import dataclasses
import os

import tensorflow as tf

from realm_tf.bert.config import BertConfig
from realm_tf.data.word_labels import WindowConfig
from realm_tf.export import hub_modules
from realm_tf.models.token_classifier import TokenClassifier
from realm_tf.text import word_pieces, words
from realm_tf.text.tokenizer import BertTokenizer

KIND = 'entity_tagger'
# Wordpieces that the encoder is given at a time, about: enough to keep cores
# busy, few enough to stay in their caches.
_PIECES_AT_ONCE = 2048
_SENTENCES = tf.TensorSpec([None], tf.string, name='sentences')


def num_segments(config: WindowConfig) -> int:
  """How many numbers `input_type_ids` have."""
  return len(words.CASE_PATTERNS) if config.case_feature else 1


class _Tagger:
  """Builds the graph; holds layers, which the SavedModel must not."""

  def __init__(
    self,
    model: TokenClassifier,
    labels: tuple[str, ...],
    tokenizer: BertTokenizer,
    config: WindowConfig,
  ):
    self._model = model
    self._labels = labels
    self._tokenizer = tokenizer
    self._config = config

  def _classify(
    self, pieces: word_pieces.WordPieces, windows: word_pieces.Windows
  ) -> tf.Tensor:
    """Classes of wordpieces, int32 [pieces of all sentences].

    Windows are taken in the order of their length, so that those of a batch
    need little padding.
    """
    order = tf.argsort(windows.pieces.row_lengths(), stable=True)
    total = tf.size(order)

    def classify(first: tf.Tensor, where: tf.Tensor, done: tf.TensorArray):
      # As many as the longest of the next ones allows.
      longest = tf.cast(windows.pieces.row_lengths()[order[first]], tf.int32)
      count = tf.maximum(_PIECES_AT_ONCE // (longest + 2), 1)
      chosen = order[first : first + count]
      numbers = tf.gather(windows.pieces, chosen)
      packed = word_pieces.pack_windows(
        numbers.with_values(tf.gather(pieces.ids.values, numbers.values)),
        numbers.with_values(tf.gather(pieces.cases.values, numbers.values)),
        self._tokenizer,
      )
      logits = self._model(packed, training=False)[:, 1:]
      classes = tf.argmax(logits, -1, output_type=tf.int32)
      classes = tf.RaggedTensor.from_tensor(
        classes, lengths=numbers.row_lengths()
      ).values
      kept = tf.gather(windows.kept, chosen).values
      return (
        first + count,
        tf.concat([where, tf.boolean_mask(numbers.values, kept)], 0),
        tf.concat([done, tf.boolean_mask(classes, kept)], 0),
      )

    _, where, classes = tf.while_loop(
      lambda first, *_: first < total,
      classify,
      (0, tf.zeros([0], tf.int32), tf.zeros([0], tf.int32)),
      shape_invariants=(
        tf.TensorShape([]),
        tf.TensorShape([None]),
        tf.TensorShape([None]),
      ),
      parallel_iterations=1,
    )
    return tf.scatter_nd(
      where[:, tf.newaxis], classes, [tf.size(pieces.ids.values)]
    )

  def tag(self, sentences: tf.Tensor) -> dict[str, tf.Tensor]:
    """Entities of sentences, see the module's docstring."""
    config = self._config
    pieces = word_pieces.split_word_pieces(
      sentences, self._tokenizer, with_cases=config.case_feature
    )
    windows = word_pieces.make_windows(
      pieces.ids.row_lengths(),
      length=config.max_length - 2,
      overlap=config.overlap,
    )
    classes = self._classify(pieces, windows)
    # From here on words: those that have a wordpiece. The others, invisible,
    # do not end an entity.
    begins = pieces.words.values >= 0
    classes = tf.boolean_mask(classes, begins)
    numbers = tf.boolean_mask(pieces.words.values, begins)
    rows = tf.boolean_mask(pieces.words.value_rowids(), begins)
    label = (classes + 1) // 2  # 0 for none
    is_first = tf.concat([[True], rows[1:] != rows[:-1]], 0)[: tf.size(rows)]
    before = tf.concat([[0], label[:-1]], 0)[: tf.size(rows)]
    is_b = classes % 2 == 1
    starts = (label > 0) & (is_b | is_first | (label != before))
    entity = tf.cumsum(tf.cast(starts, tf.int32)) - 1
    inside = label > 0
    entity = tf.boolean_mask(entity, inside)
    numbers = tf.boolean_mask(numbers, inside)
    limits = tf.gather(pieces.word_limits.values, numbers)
    begin = tf.boolean_mask(starts, inside)
    names = tf.constant(['', *self._labels])
    counts = tf.math.unsorted_segment_sum(
      tf.ones_like(tf.boolean_mask(rows, starts)),
      tf.boolean_mask(rows, starts),
      tf.size(sentences, tf.int64),
    )
    return {
      'starts': tf.gather(
        pieces.word_starts.values, tf.boolean_mask(numbers, begin)
      ),
      'limits': tf.math.segment_max(limits, entity),
      'labels': tf.gather(names, tf.boolean_mask(label, starts)),
      'row_splits': tf.concat([[0], tf.cumsum(counts)], 0),
    }


class EntityTaggerModule(hub_modules.HubModule):
  """The tagger as a SavedModel, to be saved again as weights change."""

  def __init__(
    self,
    model: TokenClassifier,
    labels: tuple[str, ...],
    tokenizer: BertTokenizer,
    config: WindowConfig,
  ):
    """Traces the graph.

    Args:
      model: With classes by `word_labels.class_names`.
      labels: Of the entities.
      tokenizer: Of its wordpieces.
      config: How sentences are cut into windows.
    """
    info = {
      'kind': KIND,
      'bert_config': dataclasses.asdict(model.bert_config),
      'labels': list(labels),
      'windows': dataclasses.asdict(config),
    }
    super().__init__({'token_classifier': model}, tokenizer, info)
    tagger = _Tagger(model, labels, tokenizer, config)
    self.tag = tf.function(
      tagger.tag, input_signature=[_SENTENCES], autograph=False
    )
    self._signatures['serving_default'] = self.tag


def load_token_classifier(
  directory: str | os.PathLike,
) -> tuple[TokenClassifier, tuple[str, ...], BertTokenizer, WindowConfig]:
  """Makes the model that was exported to `directory`, and what belongs to it.

  Raises:
    ValueError: There is no module of this kind.
  """
  info = hub_modules.read_info(directory, KIND)
  labels, windows = tuple(info['labels']), WindowConfig(**info['windows'])
  model = TokenClassifier(
    BertConfig(**info['bert_config']),
    1 + 2 * len(labels),
    num_segments=num_segments(windows),
  )
  hub_modules.read_layers(directory, token_classifier=model)
  return model, labels, hub_modules.load_tokenizer(directory), windows
