# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""A SavedModel from sentences to entities, in one graph.

The SavedModel needs nothing of this package, only TensorFlow Text:

    module = tf.saved_model.load(directory)
    found = module.signatures['serving_default'](sentences=['He saw Rome.'])

`found` has `starts`, `limits` (int32, bytes of the sentence) and `labels`
(string) of the entities of all sentences, and `row_splits` (int64 [batch + 1]),
where those of each sentence begin. A sentence may be a whole document.

A capitalized word that stands at several places of a document gets half of its
probabilities from the others. It belongs to an entity if that is then more
likely than not. Adjacent words are one entity, unless the model is sure of two
labels or says that one begins; its label is the likeliest for all its words.
"""

import dataclasses

import tensorflow as tf

from realm_tf.configs.tagger_config import WindowConfig
from realm_tf.hub import hub_modules
from realm_tf.io import saved_models
from realm_tf.modeling.token_classifier import TokenClassifier
from realm_tf.spans.bert_tagger import KIND
from realm_tf.spans.word_labels import Classes
from realm_tf.text import split_words, word_pieces
from realm_tf.text.tokenizer import BertTokenizer

# Adjacent words belong to two entities if the model gives them different labels
# with at least this probability each.
_SURE = 0.9
# Approximate wordpieces per call of the encoder: enough to keep cores busy, few
# enough to stay in their caches.
_PIECES_AT_ONCE = 2048
_SENTENCES = tf.TensorSpec([None], tf.string, name='sentences')


def num_segments(config: WindowConfig) -> int:
  """Number of segments in `input_type_ids`."""
  return len(split_words.CASE_PATTERNS) if config.case_feature else 1


def _agree(found: tf.Tensor, texts: tf.Tensor, rows: tf.Tensor) -> tf.Tensor:
  """Averages capitalized words with the mean over the same word's places.

  Often only one of a name's places in a document tells what it is.

  Args:
    found: float32 [words, classes], probabilities.
    texts: string [words].
    rows: int64 [words], the document of each.
  """
  which = tf.where(texts != tf.strings.lower(texts, 'utf-8'))
  keys = tf.strings.join(
    [
      tf.strings.as_string(tf.gather_nd(rows, which)),
      tf.gather_nd(texts, which),
    ],
    ' ',
  )
  unique, same = tf.unique(keys)
  own = tf.gather_nd(found, which)
  mean = tf.math.unsorted_segment_mean(own, same, tf.size(unique))
  return tf.tensor_scatter_nd_update(
    found, which, (own + tf.gather(mean, same)) / 2
  )


class _Tagger:
  """Builds the graph; holds layers, which the SavedModel must not."""

  def __init__(
    self,
    model: TokenClassifier,
    classes: Classes,
    tokenizer: BertTokenizer,
    config: WindowConfig,
  ):
    self._model = model
    self._classes = classes
    self._tokenizer = tokenizer
    self._config = config

  def _classify(
    self, pieces: word_pieces.WordPieces, windows: word_pieces.Windows
  ) -> tf.Tensor:
    """Returns probabilities of classes, float32 [pieces, classes].

    Takes windows by length, so that those of a batch need little padding.
    """
    lengths = windows.pieces.row_lengths()
    order = tf.argsort(lengths, stable=True)
    size = len(self._classes)

    def classify(first: tf.Tensor, where: tf.Tensor, done: tf.Tensor):
      # As many as the longest of the next ones allows.
      longest = tf.cast(lengths[order[first]], tf.int32)
      count = tf.maximum(_PIECES_AT_ONCE // (longest + 2), 1)
      chosen = order[first : first + count]
      numbers = tf.gather(windows.pieces, chosen)
      ids, cases = (
        numbers.with_values(tf.gather(x.values, numbers.values))
        for x in (pieces.ids, pieces.cases)
      )
      packed = word_pieces.pack_windows(ids, cases, self._tokenizer)
      logits = self._model(packed, training=False)[:, 1:]
      inside = tf.sequence_mask(numbers.row_lengths(), tf.shape(logits)[1])
      found = tf.nn.softmax(tf.boolean_mask(logits, inside))
      kept = tf.gather(windows.kept, chosen).values
      return (
        first + count,
        tf.concat([where, tf.boolean_mask(numbers.values, kept)], 0),
        tf.concat([done, tf.boolean_mask(found, kept)], 0),
      )

    _, where, found = tf.while_loop(
      lambda first, *_: first < tf.size(order),
      classify,
      (0, tf.zeros([0], tf.int32), tf.zeros([0, size])),
      shape_invariants=(
        tf.TensorShape([]),
        tf.TensorShape([None]),
        tf.TensorShape([None, size]),
      ),
      parallel_iterations=1,
    )
    return tf.scatter_nd(
      where[:, tf.newaxis], found, [tf.size(pieces.ids.values), size]
    )

  def tag(self, sentences: tf.Tensor) -> dict[str, tf.Tensor]:
    """Finds the entities of sentences, as the module's docstring says."""
    config = self._config
    pieces = word_pieces.split_word_pieces(
      sentences, self._tokenizer, with_cases=config.case_feature
    )
    windows = word_pieces.make_windows(
      pieces.ids.row_lengths(),
      length=config.max_length - 2,
      overlap=config.overlap,
    )
    # Words that have a wordpiece. The others, invisible, do not end an entity.
    begins = pieces.words.values >= 0
    rows = tf.boolean_mask(pieces.words.value_rowids(), begins)
    numbers = tf.boolean_mask(pieces.words.values, begins)
    found = _agree(
      tf.boolean_mask(self._classify(pieces, windows), begins),
      tf.gather(pieces.word_texts.values, numbers),
      rows,
    )
    inside = found[:, 0] < 0.5
    starts, entity, labels = self._join(found, inside, rows)
    row = tf.boolean_mask(rows, starts)
    counts = tf.math.unsorted_segment_sum(
      tf.ones_like(row), row, tf.size(sentences, tf.int64)
    )
    limits = tf.gather(pieces.word_limits.values, numbers)
    return {
      'starts': tf.gather(
        pieces.word_starts.values, tf.boolean_mask(numbers, starts)
      ),
      'limits': tf.math.segment_max(tf.boolean_mask(limits, inside), entity),
      'labels': tf.gather(tf.constant(self._classes.labels), labels),
      'row_splits': tf.concat([[0], tf.cumsum(counts)], 0),
    }

  def _join(
    self, found: tf.Tensor, inside: tf.Tensor, rows: tf.Tensor
  ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Joins words to entities, with the label that all together give.

    Args:
      found: float32 [words, classes], probabilities.
      inside: bool [words], whether a word belongs to an entity.
      rows: int64 [words], the sentence of each.

    Returns:
      bool [words], where entities begin; int32 [words inside], the entity of
      each; int32 [entities], indexes of labels.
    """
    of_label = found[:, 1:]
    marked = tf.zeros_like(inside)
    if self._classes.with_begin:
      begin, within = found[:, 1::2], found[:, 2::2]
      marked = tf.reduce_sum(begin, 1) > tf.reduce_sum(within, 1)
      of_label = begin + within
    best = tf.argmax(of_label, 1)
    sure = tf.reduce_max(of_label, 1) > _SURE
    goes_on = inside[1:] & inside[:-1] & (rows[1:] == rows[:-1]) & ~marked[1:]
    goes_on &= ~(sure[1:] & sure[:-1] & (best[1:] != best[:-1]))
    first = tf.zeros([1], tf.bool)
    starts = inside & ~tf.concat([first, goes_on], 0)[: tf.size(rows)]
    entity = tf.cumsum(tf.cast(starts, tf.int32)) - 1
    entity = tf.boolean_mask(entity, inside)
    scores = tf.math.segment_sum(
      tf.math.log(tf.boolean_mask(of_label, inside) + 1e-6), entity
    )
    return starts, entity, tf.argmax(scores, 1, output_type=tf.int32)


class EntityTaggerModule(hub_modules.HubModule):
  """The tagger as a SavedModel, which can be saved again as weights change."""

  def __init__(
    self,
    model: TokenClassifier,
    classes: Classes,
    tokenizer: BertTokenizer,
    config: WindowConfig,
    *,
    whole_documents: bool = False,
  ):
    """Traces the graph.

    Args:
      model: Classifier of wordpieces.
      classes: Classes of the model.
      tokenizer: Tokenizer of the model.
      config: How sentences are cut into windows.
      whole_documents: Whether it was trained on documents, and does better
        with them than with sentences.
    """
    info = {
      'kind': KIND,
      'bert_config': dataclasses.asdict(model.bert_config),
      'labels': list(classes.labels),
      'with_begin': classes.with_begin,
      'whole_documents': whole_documents,
      'windows': dataclasses.asdict(config),
    }
    super().__init__({'token_classifier': model}, tokenizer, info)
    tagger = _Tagger(model, classes, tokenizer, config)
    self.tag = tf.function(
      saved_models.checked(tagger.tag),
      input_signature=[_SENTENCES],
      autograph=False,
    )
    self._signatures['serving_default'] = self.tag
