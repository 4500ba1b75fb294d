# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import pytest
from absl import logging

from realm_tf.corpus import problems
from realm_tf.corpus.document import CorpusError


def test_all_are_counted_and_some_told(monkeypatch):
  said = []
  monkeypatch.setattr(
    logging, 'warning', lambda text, *a: said.append(text % a)
  )
  found = problems.Problems(strict=False)
  for i in range(1, 31):
    found.add(f'a.jsonl:{i}', ValueError('broken'))
  assert found.counts['malformed'] == 30
  assert found.first == 'a.jsonl:1: broken'
  assert len(said) == 21
  assert said[0] == 'skipped: a.jsonl:1: broken'
  assert said[-1] == 'further malformed lines are only counted'


def test_strict_ends_at_the_first():
  with pytest.raises(CorpusError, match=r'^a:1: broken \(--strict\)$'):
    problems.Problems(strict=True).add('a:1', ValueError('broken'))
