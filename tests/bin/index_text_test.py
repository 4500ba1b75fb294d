# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""bin/index_text, and bin/ask on what it makes."""

import json

import numpy as np

from realm_tf.corpus.corpus import Corpus
from realm_tf.indexing.text_embedder import TextEmbedder
from realm_tf.text.tokenizer import BertTokenizer
from tests.support import sentence_encoders, tiny_world


def test_from_text_to_documents(world, tmp_path):
  encoder, mine = tmp_path / 'encoder', tmp_path / 'mine'
  tokenizer = BertTokenizer.from_file(world / 'vocab.txt')
  sentence_encoders.write_bert(encoder, tokenizer)
  sentence_encoders.write_modules(encoder, ['Normalize'])
  made = tiny_world.call(
    'index_text',
    f'--input={world}/knowledge.jsonl',
    f'--encoder={encoder}',
    f'--output_dir={mine}',
  )
  assert made.returncode == 0, made.stderr
  assert f'realm ask --dir={mine}' in made.stdout
  questions = ['What is the capital of peru ?', 'the long river']
  asked = tiny_world.call_forked(
    'ask',
    f'--dir={mine}',
    '--reader_beam=2',
    '--retrieval=dense',
    typed='\n'.join(questions),
  )
  assert asked.returncode == 0, asked.stderr
  corpus, embedder = Corpus.open(mine / 'corpus'), TextEmbedder.open(encoder)
  rows = range(len(corpus))
  vectors = embedder.documents(corpus.bodies(rows), corpus.titles(rows))
  expected = np.argsort(-embedder.queries(questions) @ vectors.T)[:, :2]
  found = [json.loads(line) for line in asked.stdout.splitlines()]
  assert [record['question'] for record in found] == questions
  np.testing.assert_array_equal(
    [[d['block_id'] for d in record['documents']] for record in found],
    expected,
  )
  typed = f'{questions[0]}\n+ Zo: {questions[1]}\n{questions[1]}\n'
  shown = tiny_world.call_forked(
    'ask', f'--dir={mine}', '--nojson', '--retrieval=lexical', typed=typed
  )
  assert f'added 1, removed 0: {len(corpus) + 1} blocks' in shown.stdout
  assert f'  Zo: {questions[1]}' in shown.stdout
