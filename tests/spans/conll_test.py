# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0

import logging

import pytest

from realm_tf.corpus.document import CorpusError
from realm_tf.spans import conll

IO = """
-DOCSTART- O

Ann I-PER
Lee I-PER
saw O
Rome I-LOC

He O

-DOCSTART- O

Rome I-LOC
"""


def _write(tmp_path, text, name='a.conll'):
  path = tmp_path / name
  path.write_text(text)
  return path


def _tags(*tags):
  return ''.join(f't{i} {tag}\n' for i, tag in enumerate(tags))


def _entities(tmp_path, *tags):
  (sentence,) = conll.read_conll(_write(tmp_path, _tags(*tags)))
  return [tuple(e) for e in sentence.entities]


def test_documents_and_sentences(tmp_path):
  first, second, third = conll.read_conll(_write(tmp_path, IO))
  assert first.tokens == ('Ann', 'Lee', 'saw', 'Rome')
  assert first.entities == ((0, 2, 'PER'), (3, 4, 'LOC'))
  assert [s.document for s in (first, second, third)] == [0, 0, 1]
  assert first.text == 'Ann Lee saw Rome'
  assert first.token_bytes().tolist() == [[0, 3], [4, 7], [8, 11], [12, 16]]
  assert conll.labels_of([first, second]) == ('LOC', 'PER')


def test_four_columns_and_no_document_marks(tmp_path):
  path = _write(tmp_path, 'Ü NNP I-NP B-X\nb VB I-VP O\n\nc NN I-NP B-Y')
  first, second = conll.read_conll(path)
  assert (first.tokens, first.entities) == (('Ü', 'b'), ((0, 1, 'X'),))
  assert (first.document, second.document) == (0, 1)
  assert first.token_bytes().tolist() == [[0, 2], [3, 4]]


def test_schemes_are_read_by_one_rule(tmp_path):
  a, b = (0, 2, 'A'), (2, 3, 'A')
  for tags in (
    ('B-A', 'I-A', 'B-A', 'O'),  # BIO
    ('I-A', 'I-A', 'B-A', 'O'),  # IOB1
    ('B-A', 'E-A', 'S-A', 'O'),  # BIOES
    ('B-A', 'L-A', 'U-A', 'O'),  # BILOU
  ):
    assert _entities(tmp_path, *tags) == [a, b], tags
  assert _entities(tmp_path, 'I-A', 'I-B', 'O') == [(0, 1, 'A'), (1, 2, 'B')]
  # E- ends it, whatever follows.
  assert _entities(tmp_path, 'B-A', 'E-A', 'I-A') == [(0, 2, 'A'), (2, 3, 'A')]


def test_i_behind_o_is_taken_and_told(tmp_path, caplog):
  with caplog.at_level(logging.WARNING, logger='absl'):
    found = _entities(tmp_path, 'O', 'B-A', 'O', 'I-A', 'I-B')
  assert found == [(1, 2, 'A'), (3, 4, 'A'), (4, 5, 'B')]
  assert 'a.conll:4: an entity begins with I-, as do 2 in all' in caplog.text
  caplog.clear()
  with caplog.at_level(logging.WARNING, logger='absl'):
    _entities(tmp_path, 'O', 'I-A', 'B-A')  # IOB1: right
  assert not caplog.text


@pytest.mark.parametrize(
  ('text', 'message'),
  [
    ('a O\nb c O\n', r'a.conll:2: 3 columns, but 2 in the first row'),
    ('a b O\n', r'a.conll:1: 3 columns, not 2'),
    ('a O\nb\n', r'a.conll:2: 1 columns, but 2'),
    ('a X-PER\n', r"a.conll:1: 'X-PER' is no tag"),
    ('a B-\n', r"a.conll:1: 'B-' is no tag"),
    ('\tO\n', r'a.conll:1: 1 columns'),
    ('', r'a.conll: no sentence in it'),
    ('-DOCSTART- O\n\n', r'a.conll: no sentence in it'),
  ],
)
def test_bad_rows(tmp_path, text, message):
  with pytest.raises(CorpusError, match=message):
    conll.read_conll(_write(tmp_path, text))


def test_unknown_labels_and_bytes(tmp_path):
  with pytest.raises(CorpusError, match="a.conll:2: the label 'B' does not"):
    conll.read_conll(_write(tmp_path, _tags('I-A', 'I-B')), labels={'A'})
  path = tmp_path / 'b.conll'
  path.write_bytes(b'a O\n\xff O\n')
  with pytest.raises(CorpusError, match='b.conll:2: not UTF-8 at byte 0'):
    conll.read_conll(path)


def test_a_token_of_no_width_is_a_token(tmp_path):
  (sentence,) = conll.read_conll(_write(tmp_path, 'a O\n\u200b O\n\u2009 O\n'))
  assert len(sentence.tokens) == 3


def test_files_are_numbered_through(tmp_path):
  one = _write(tmp_path, IO, 'one')
  two = _write(tmp_path, IO, 'two')
  found = conll.read_files([str(one), str(two)])
  assert [s.document for s in found] == [0, 0, 1, 2, 2, 3]
  assert len(conll.join_documents(found)) == 4


def test_split_is_by_document_and_seeded(tmp_path):
  text = ''.join(f'-DOCSTART- O\n\na{i} O\n\nb{i} I-A\n\n' for i in range(10))
  sentences = conll.read_conll(_write(tmp_path, text))
  train, held = conll.split_by_document(sentences, 0.2, 1)
  assert (len(train), len(held)) == (16, 4)
  assert not {s.document for s in train} & {s.document for s in held}
  assert (train, held) == conll.split_by_document(sentences, 0.2, 1)
  assert held != conll.split_by_document(sentences, 0.2, 2)[1]
  with pytest.raises(ValueError, match='one document is too little'):
    conll.split_by_document(sentences[:2], 0.2, 1)


def test_joined_documents(tmp_path):
  first, second = conll.join_documents(conll.read_conll(_write(tmp_path, IO)))
  assert first.text == 'Ann Lee saw Rome He'
  assert second.entities == ((0, 1, 'LOC'),)
  assert not conll.has_neighbors([first, second])
  (other,) = conll.read_conll(_write(tmp_path, _tags('B-A', 'B-A')))
  assert conll.has_neighbors([other])


def test_swapped_entities_keep_their_labels(tmp_path):
  sentences = conll.read_conll(_write(tmp_path, IO.replace('Rome', 'Oslo', 1)))
  assert conll.swap_entities(sentences, 0, 1) == sentences
  names = set()
  for seed in range(20):
    for before, after in zip(
      sentences, conll.swap_entities(sentences, 1, seed), strict=True
    ):
      assert [e.label for e in before.entities] == [
        e.label for e in after.entities
      ]
      for start, limit, label in after.entities:
        names.add((label, ' '.join(after.tokens[start:limit])))
      assert ('saw' in before.tokens) == ('saw' in after.tokens)
  assert names == {('PER', 'Ann Lee'), ('LOC', 'Oslo'), ('LOC', 'Rome')}
