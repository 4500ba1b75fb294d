# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""A tagger that knows classes by the wordpieces themselves."""

import os
import pathlib

import tensorflow as tf

from realm_tf.bert.bert_config import BertConfig
from realm_tf.configs.tagger_config import WindowConfig
from realm_tf.hub import entity_tagger
from realm_tf.modeling.token_classifier import TokenClassifier
from realm_tf.spans.word_labels import Classes
from realm_tf.text.tokenizer import BertTokenizer

LABELS = ('LOC', 'PER')
VOCAB = [
  *('[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'),
  *('ann', 'lee', 'rome', 'saw', 'and', '.', '-', '##s', 'x', '##x'),
]
# By wordpiece: which class gets how much.
_LOGITS = {'ann': ('PER', 8), 'lee': ('PER', 8), 'rome': ('LOC', 8)}


def tokenizer() -> BertTokenizer:
  """Of `VOCAB`."""
  return BertTokenizer(VOCAB)


def make(
  config: WindowConfig, *, with_begin: bool = False, **logits: tuple[str, float]
) -> tuple[TokenClassifier, Classes]:
  """Makes a model without layers, whose word embedding is the answer.

  Args:
    config: Configuration of the windows.
    with_begin: Whether classes are B- and I-; each word is then an I-.
    **logits: A wordpiece -> label and its logit, 0 for all others.
  """
  classes = Classes(LABELS, with_begin)
  size = 8
  model = TokenClassifier(
    BertConfig(
      vocab_size=len(VOCAB),
      hidden_size=size,
      num_layers=1,
      num_heads=1,
      max_positions=64,
    ),
    len(classes),
    num_segments=entity_tagger.num_segments(config),
  )
  table = [[0.0] * len(classes) for _ in VOCAB]
  for row in table:
    row[0] = 2.0
  for piece, (label, logit) in {**_LOGITS, **logits}.items():
    table[VOCAB.index(piece)][classes.of_entity(label)[1]] = logit
  constant = tf.constant(table)
  # The graph asks the model for logits, and for nothing else.
  model.call = lambda inputs, training=False: tf.gather(
    constant, inputs['input_word_ids']
  )
  return model, classes


def export(
  directory: str | os.PathLike,
  config: WindowConfig | None = None,
  *,
  whole_documents: bool = False,
) -> str:
  """Writes such a tagger."""
  config = config or WindowConfig(max_length=16, overlap=4)
  model, classes = make(config)
  entity_tagger.EntityTaggerModule(
    model, classes, tokenizer(), config, whole_documents=whole_documents
  ).save(directory, 7)
  return str(pathlib.Path(directory))
