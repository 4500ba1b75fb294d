# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Weights, blocks and questions of the original's ORQA, put into ours."""

import gzip
import json
import pathlib

import numpy as np
import tensorflow as tf

from realm_tf.modeling.open_qa import OpenQAModel
from realm_tf.modeling.span_reader import SpanReader
from realm_tf.questions import answer_spans
from realm_tf.text import packing
from realm_tf.text.tokenizer import BertTokenizer
from tests.support import goldens

READER_BEAM = 5
_HEAD = {
  'span_reader/projection/kernel': 'reader/dense/kernel',
  'span_reader/projection/bias': 'reader/dense/bias',
  'span_reader/layer_norm/gamma': 'reader/layer_normalization/gamma',
  'span_reader/layer_norm/beta': 'reader/layer_normalization/beta',
  'span_reader/score/kernel': 'reader/dense_1/kernel',
  'span_reader/score/bias': 'reader/dense_1/bias',
}


def original_name(variable: tf.Variable) -> str:
  """What the original's fine-tuning graph calls a variable of ours."""
  name = variable.name.split(':')[0]
  if name in _HEAD:
    return _HEAD[name]
  name = goldens.original_name(variable)
  if name.startswith('embedder/'):
    within = name.removeprefix('embedder/')
    return within if within.startswith('module/module/') else f'module/{within}'
  return 'reader/module/' + name.removeprefix('bert/')


def load_model(folder: pathlib.Path) -> OpenQAModel:
  """The original's model with the weights that its numbers were made with."""
  reader = SpanReader(goldens.CONFIG)
  goldens._restore(
    reader.encoder.variables, folder / 'modules' / 'tiny' / 'bert', 'bert/'
  )
  head = np.load(folder / 'orqa_tiny_head.npz')
  for variable in reader.variables:
    name = _HEAD.get(variable.name.split(':')[0])
    if name:
      variable.assign(head[name])
  return OpenQAModel(goldens.load_embedder(folder), reader)


def load_tokenizer(folder: pathlib.Path) -> BertTokenizer:
  return BertTokenizer.from_file(
    folder / 'modules' / 'tiny' / 'bert' / 'assets' / 'vocab.txt'
  )


class Case:
  """A question of the goldens.

  Attributes:
    facts: What is known of it as JSON.
    arrays: What is known of it as arrays, by name.
    bodies: Texts of the whole beam.
    first: Where blocks begin in the packed rows.
    query: BERT inputs of the question.
    features: Features for the model, without the question's embedding. Bytes
      decide which blocks have the answer, as in the original.
    has_answer_in_ids: Which blocks have it by wordpieces, bool [beam].
  """

  def __init__(self, facts, arrays, documents, embeddings, tokenizer):
    self.facts, self.arrays = facts, arrays
    rows = facts['block_ids']
    self.bodies = [documents[row]['body'] for row in rows]
    question = tokenizer.tokenize([facts['question']])
    self.first = int(question.row_lengths()[0]) + 2
    self.query = packing.pack_query(
      question, special=tokenizer.special, max_length=512
    )
    answers = tf.RaggedTensor.from_row_lengths(
      tokenizer.tokenize(facts['answers']), [len(facts['answers'])]
    )
    blocks = tokenizer.tokenize(self.bodies)
    read = blocks[:READER_BEAM]
    packed = packing.pack_reader(
      tf.gather(question, [0] * READER_BEAM),
      read,
      special=tokenizer.special,
      max_length=320,
      fixed_length=True,
    )
    sizes = tf.reduce_sum(packed['block_mask'], -1).numpy()
    kept = tf.ragged.stack([row[:size] for row, size in zip(read, sizes)])
    starts, ends = answer_spans.gold_spans(kept, answers)
    self.has_answer_in_ids = answer_spans.contains_any(
      blocks.values.numpy(),
      blocks.row_splits.numpy(),
      answers.values.to_list(),
    )
    texts = [body.encode() for body in self.bodies]
    has_answer = answer_spans.contains_any(
      np.frombuffer(b''.join(texts), np.uint8),
      np.cumsum([0, *map(len, texts)]),
      [list(answer.encode()) for answer in facts['answers']],
    )
    self.features = {
      'beam_embeddings': tf.constant(embeddings[rows])[tf.newaxis],
      'beam_has_answer': tf.constant(has_answer)[tf.newaxis],
      'joint': {key: x[tf.newaxis] for key, x in packed.items()},
      'gold_starts': starts[tf.newaxis],
      'gold_ends': ends[tf.newaxis],
    }


def load_cases(folder: pathlib.Path) -> list[Case]:
  with gzip.open(folder / 'corpus.jsonl.gz', 'rt', encoding='utf-8') as f:
    documents = [json.loads(line) for line in f]
  embeddings = np.load(folder / 'doc_embeds_tiny.npy')
  arrays = np.load(folder / 'orqa_tiny.npz')
  questions = json.loads((folder / 'orqa_tiny.json').read_text())['questions']
  tokenizer = load_tokenizer(folder)
  return [
    Case(
      facts,
      {
        name.split('.')[1]: arrays[name]
        for name in arrays.files
        if name.startswith(f'q{i}.')
      },
      documents,
      embeddings,
      tokenizer,
    )
    for i, facts in enumerate(questions)
  ]
