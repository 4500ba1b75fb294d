# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import pytest

from realm_tf.io import compatibility
from realm_tf.io.compatibility import MismatchError, Part


@pytest.mark.parametrize(
  ('fact', 'word'),
  [
    ('vocabulary', 'vocabulary'),
    ('corpus', 'corpus'),
    ('num_documents', 'number of documents'),
    ('embedder', 'embedder'),
    ('dim', 'dimension'),
  ],
)
def test_both_parts_and_what_they_say_are_named(fact, word):
  parts = [Part('a'), Part('b', **{fact: 7}), Part('c'), Part('d', **{fact: 8})]
  compatibility.check(*parts[:3])
  with pytest.raises(
    MismatchError, match=f'^d has the {word} 8, but b has 7: .*build'
  ):
    compatibility.check(*parts)


def test_a_length_needs_positions():
  compatibility.check_lengths('this BERT', 40, query_seq_len=40)
  with pytest.raises(
    ValueError,
    match='^`query_seq_len` is 41, but this BERT has only 40 positions: take ',
  ):
    compatibility.check_lengths('this BERT', 40, query_seq_len=41)
