# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The committed warm start knows how to read, and no fact."""

import json
import pathlib

import numpy as np
import tensorflow as tf

from realm_tf.answering import blanks
from realm_tf.bert import weights
from realm_tf.modeling.reader import KnowledgeAugmentedReader
from realm_tf.text import packing
from realm_tf.text.tokenizer import BertTokenizer
from testdata import world

ROOT = pathlib.Path(world.__file__).parent


def _read(name):
  with open(ROOT / name, encoding='utf-8') as lines:
    return [json.loads(line) for line in lines]


def test_it_fills_from_the_document_and_next_to_nothing_without():
  bert = weights.load_bert(ROOT / 'bert')
  tokenizer = BertTokenizer.from_file(
    bert.vocab_file, lower_case=bert.lower_case
  )
  reader = KnowledgeAugmentedReader(bert.config)
  reader.init_from_bert(bert)
  heldout = _read('heldout.jsonl')
  every = len(heldout) // 100  # of all kinds of facts
  questions = blanks.read_blank_questions(ROOT / 'heldout.jsonl')[::every]
  texts = {line['id']: line['text'] for line in _read('knowledge.jsonl')}
  documents = [texts[line['id']] for line in heldout[::every]]
  assert len(questions) >= 100

  ids, answers = blanks.masked_ids(tokenizer, questions)
  positions = tf.ragged.constant(
    [1 + np.flatnonzero(row == tokenizer.mask_id) for row in ids.numpy()],
    tf.int32,
  )
  lengths = answers.row_lengths().numpy()
  assert positions.row_lengths().numpy().tolist() == lengths.tolist()

  def share_right(bodies):
    joint = packing.pack_joint(
      ids,
      tokenizer.tokenize(bodies),
      special=tokenizer.special,
      max_length=128,
    )
    logits = reader.logits(
      {name: x[:, None] for name, x in joint.items()}, positions.to_tensor()
    )
    right = blanks.filled_right(
      logits[:, 0].numpy().argmax(-1),
      answers.to_tensor().numpy(),
      tf.sequence_mask(lengths).numpy(),
    )
    return right.mean()

  assert share_right([''] * len(questions)) < 0.03
  assert share_right(documents) > 0.3
