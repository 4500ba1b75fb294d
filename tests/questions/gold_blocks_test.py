# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import gzip
import json
import pathlib

import numpy as np
import pytest

from realm_tf.configs.corpus_config import CorpusConfig
from realm_tf.corpus import build_corpus
from realm_tf.corpus import corpus as corpus_lib
from realm_tf.corpus.document import CorpusError
from realm_tf.questions import gold_blocks
from realm_tf.questions.qa_datasets import QaExample
from realm_tf.text.tokenizer import BertTokenizer
from tests.support import tiny_world


@pytest.fixture(scope='module')
def built(tmp_path_factory):
  """Paragraphs, two of which are longer than a block, and their corpus."""
  directory = tmp_path_factory.mktemp('gold')
  tiny_world.write(directory)
  vocab_file = str(directory / 'vocab.txt')
  paragraphs = [
    {'id': 7, 'title': 'land', 'text': 'The king lies near the sea.'},
    {
      'id': 8,
      'title': 'land',
      'text': 'People trade &amp; speak.  A river flows, long and old. '
      'The people eat in the city. Government lies near the capital.',
    },
    {'id': 9, 'title': 'river', 'text': 'Near the sea lies a land.'},
    {'id': 'x', 'title': 'land', 'text': 'the ' * 30 + 'king ' * 30 + '.'},
  ]
  path = directory / 'paragraphs.jsonl'
  path.write_text(''.join(json.dumps(p) + '\n' for p in paragraphs))
  corpus = directory / 'blocks'
  manifest = build_corpus.build_corpus(
    CorpusConfig(
      input=[str(path)],
      output_dir=str(corpus),
      num_processes=1,
      vocab_file=vocab_file,
      max_block_length=24,
    )
  )
  store = corpus_lib.write_documents(
    str(corpus / 'blocks-*.tfrecord.gz'),
    str(corpus / 'documents'),
    vocab_size=manifest['vocab_size'],
    vocab_fingerprint=manifest['vocab_fingerprint'],
    progress=False,
  )
  return str(path), store, BertTokenizer.from_file(vocab_file)


def _bodies(store, rows):
  return store.bodies([row for row in rows if row >= 0])


def test_all_blocks_of_a_paragraph_are_found(built):
  path, store, tokenizer = built
  found = gold_blocks.find_rows(path, {'7', '8', 'x'}, store, tokenizer, 24)
  assert _bodies(store, found['7']) == ['The king lies near the sea.']
  whole = ' '.join(_bodies(store, found['8']))
  assert len(found['8']) > 1
  assert whole == (
    'People trade & speak. A river flows, long and old. The people eat in the'
    ' city. Government lies near the capital.'
  )
  assert len(found['x']) > 2
  everything = np.concatenate(list(found.values()))
  assert len(set(everything)) == len(everything) == len(store) - 1


def test_the_block_with_the_answer_comes_first(built):
  path, store, tokenizer = built
  examples = [
    QaExample('?', ('CAPITAL',), gold_id=8),
    QaExample('?', ('people trade',), gold_id=8),
    QaExample('?', ('land',), gold_id=9),
    QaExample('?', ('land',)),
    QaExample('?', ('land',), gold_id=1000),
  ]
  rows = gold_blocks.relevant_rows(examples, path, store, tokenizer, 24)
  assert 'capital' in store.bodies(rows[0, :1])[0]
  assert 'People trade' in store.bodies(rows[1, :1])[0]
  assert sorted(rows[0]) == sorted(rows[1])
  assert (rows[2] >= 0).sum() == 1
  assert (rows[3:] == -1).all()
  first = gold_blocks.gold_rows(examples, path, store, tokenizer, 24)
  assert first.tolist() == rows[:, 0].tolist()
  # Without any gold block there are no relevant rows to take the first of.
  first = gold_blocks.gold_rows(examples[3:4] * 2, path, store, tokenizer, 24)
  assert first.tolist() == [-1, -1] and first.dtype == np.int64
  assert not gold_blocks.gold_rows([], path, store, tokenizer).size


def test_a_damaged_file_is_an_error_with_its_place(built, tmp_path):
  whole, store, tokenizer = built
  path = tmp_path / 'paragraphs.jsonl.gz'
  packed = gzip.compress(pathlib.Path(whole).read_bytes() * 50)
  path.write_bytes(packed[: len(packed) // 2])
  with pytest.raises(CorpusError, match=rf'{path}:\d+: .*damaged file'):
    gold_blocks.relevant_rows(
      [QaExample('?', ('a',), gold_id=7)], str(path), store, tokenizer
    )


def test_paragraphs_of_another_corpus_are_an_error(built, tmp_path):
  _, store, tokenizer = built
  path = tmp_path / 'other.jsonl'
  path.write_text('{"id": 1, "title": "a", "text": "the sea is old"}\n')
  with pytest.raises(CorpusError, match='none is in'):
    gold_blocks.relevant_rows(
      [QaExample('?', ('a',), gold_id=1)], str(path), store, tokenizer
    )
