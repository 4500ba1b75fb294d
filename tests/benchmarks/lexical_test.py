# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0

from benchmarks import lexical
from realm_tf.corpus.document import Document


def test_copies_lack_some_words():
  copies = lexical._Copies([Document('a', 'x ' * 99), Document('b', 'y')], 6)
  assert copies.titles(range(6)) == ['a', 'b'] * 3
  lengths = [len(body.split()) for body in copies.bodies([0, 2, 4])]
  assert len(set(lengths)) > 1 and 50 < min(lengths) < max(lengths) < 90
  assert copies.bodies([4]) == copies.bodies([4])


def test_figures(tmp_path):
  documents = [Document(f'a{i}', f'word{i} ' * 20) for i in range(9)]
  lexical._export(documents, 500, str(tmp_path))
  figures = lexical._ask(documents, str(tmp_path), 3, 10)
  assert 0 < figures['question_milliseconds'] < 1000
  assert figures['saved_model_megabytes'] > 0.01
