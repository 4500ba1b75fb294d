# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import json

import numpy as np
import pytest
import tensorflow as tf

from realm_tf.configs.spans_config import LookupPairsConfig
from realm_tf.spans import lookup_pairs, span_records

_SENTENCES = (
  'Żary lies west of Lima.',
  'Nothing else is known.',
  'Limaville is older than Lima.',
  'Rome saw Rome burn.',
  'In Rome it rains.',
)


def _document(sentences=_SENTENCES, names=('Lima', 'Rome', 'Żary')):
  """Text, sentences, and every mention of the names, also within words.

  A mention is (start, limit, sentence).
  """
  text = ' '.join(sentences).encode()
  places, at = [], 0
  for sentence in sentences:
    size = len(sentence.encode())
    places.append((at, at + size))
    at += size + 1
  spans = []
  for name in (n.encode() for n in names):
    start = text.find(name)
    while start >= 0:
      sentence = sum(first <= start for first, _ in places) - 1
      spans.append((start, start + len(name), sentence))
      start = text.find(name, start + 1)
  return text, np.reshape(places, [-1, 2]), np.reshape(spans, [-1, 3])


def _pairs(*args, seed=0, **settings):
  rng = np.random.default_rng(seed)
  config = LookupPairsConfig(**settings)
  return list(lookup_pairs.pairs_of_document(*args, rng, config))


def _blank(pair):
  start, limit = pair['span']
  return pair['query'].encode()[start:limit].decode()


def test_the_passage_tells_the_blank_and_the_sentence_does_not():
  seen = set()
  for seed in range(30):
    for pair in _pairs(*_document(), seed=seed, pairs_per_document=9):
      answer = _blank(pair)
      assert f' {answer}' in f' {pair["text"]}'
      assert pair['query'] not in pair['text']
      seen.add((pair['query'], answer))
  # Rome is twice in its sentence; Żary is mentioned once; the Lima of
  # Limaville is no word.
  assert seen == {
    ('Żary lies west of Lima.', 'Lima'),
    ('Limaville is older than Lima.', 'Lima'),
    ('In Rome it rains.', 'Rome'),
  }


def test_passages_are_sentences_around_the_mention():
  sizes = [4, 4, 5, 4, 4]
  passage = lookup_pairs._passage
  assert passage(sizes, 2, 0, 5) == [2]
  assert passage(sizes, 2, 0, 9) == [1, 2]
  assert passage(sizes, 2, 1, 12) == [2, 3]
  assert passage(sizes, 2, 1, 13) == [0, 2, 3]
  assert passage(sizes, 2, 1, 99) == [0, 2, 3, 4]
  # The mention is never left out, however long.
  assert passage(sizes, 2, 0, 1) == [2]


def test_names_are_whole_words_in_any_script():
  sentences = ('Jos is far.', 'José is near.', 'Иван пел.', 'Ивановна пела.')
  assert _pairs(*_document(sentences, names=('Jos', 'Иван'))) == []
  sentences = ('Иван пел.', '«Иван» ушёл.')
  pairs = _pairs(*_document(sentences, names=('Иван',)), pairs_per_document=9)
  assert {_blank(pair) for pair in pairs} == {'Иван'} and len(pairs) == 2


def test_as_many_as_asked_for():
  assert len(_pairs(*_document(), pairs_per_document=2)) == 2
  assert _pairs(*_document(names=())) == []
  assert _pairs(*_document((), ())) == []


def _write(path, documents):
  with tf.io.TFRecordWriter(str(path), 'GZIP') as f:
    for text, sentences, spans in documents:
      record = span_records.encode_document(
        b'Title', text, sentences, spans[:, :2]
      )
      f.write(record)


def test_files(tmp_path):
  _write(tmp_path / 'spans-0.gz', [_document()] * 3)
  _write(tmp_path / 'spans-1.gz', [_document(names=())] * 2)
  output = tmp_path / 'pairs.jsonl'
  found = lookup_pairs.write_pairs(
    f'{tmp_path}/spans-*', output, show_progress=False
  )
  assert found == {'documents': 5, 'documents_with_pairs': 3, 'pairs': 9}
  lines = output.read_text().splitlines()
  assert {_blank(json.loads(line)) for line in lines} <= {'Lima', 'Rome'}
  assert len(lines) == 9
  again = tmp_path / 'again.jsonl'
  lookup_pairs.write_pairs(f'{tmp_path}/spans-*', again, show_progress=False)
  assert again.read_bytes() == output.read_bytes()


def test_no_pair_at_all_is_an_empty_file(tmp_path, caplog):
  _write(tmp_path / 'spans-0.gz', [_document(names=())] * 2)
  output = tmp_path / 'pairs.jsonl'
  found = lookup_pairs.write_pairs(
    str(tmp_path / 'spans-0.gz'), output, show_progress=False
  )
  assert found == {'documents': 2, 'documents_with_pairs': 0, 'pairs': 0}
  assert output.read_text() == ''
  assert 'pairs.jsonl is empty: of 2 documents none' in caplog.text


def test_a_damaged_file_is_named_and_nothing_is_written(tmp_path):
  path = tmp_path / 'spans-0.gz'
  _write(path, [_document()] * 400)
  data = path.read_bytes()
  path.write_bytes(data[: len(data) - 20])
  output = tmp_path / 'pairs.jsonl'
  with pytest.raises(OSError, match=r'spans-0\.gz'):
    lookup_pairs.write_pairs(str(path), output, show_progress=False)
  assert not output.exists()
