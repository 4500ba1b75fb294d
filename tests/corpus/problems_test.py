# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import collections

import pytest
from absl import logging

from realm_tf.corpus.document import CorpusError, MalformedError, SkippedError
from realm_tf.corpus.problems import Problems

_Record = collections.namedtuple('_Record', 'where payload')


def test_all_are_counted_and_some_logged(monkeypatch):
  said = []
  monkeypatch.setattr(
    logging, 'warning', lambda text, *a: said.append(text % a)
  )
  found, quiet = Problems(), Problems(silent=True)
  for i in range(1, 31):
    quiet.add(f'a.jsonl:{i}', ValueError('broken'))
  assert not said and len(quiet.texts) == 20
  found.merge(quiet.counts, quiet.texts)
  found.add('b:1', 'broken')
  assert found.counts['malformed'] == 31
  assert len(said) == 21
  assert said[0] == 'skipped: a.jsonl:1: broken'
  assert said[-1] == 'further malformed lines are only counted'
  assert found.explain() == '; the first problem is a.jsonl:1: broken'
  assert Problems().explain() == ''


def _parse(record):
  if record.payload == 'list':
    raise SkippedError('list')
  if record.payload == 'wrong':
    raise MalformedError('no title')
  return record.payload


def test_records_are_parsed_counted_or_the_end():
  payloads = ['a', 'list', 'wrong', MalformedError('damaged'), 'b']
  records = [_Record(f'f:{i}', p) for i, p in enumerate(payloads)]
  problems = Problems()
  assert list(problems.parse(records, _parse)) == ['a', 'b']
  assert problems.counts == {'read': 5, 'malformed': 2, 'skipped_list': 1}
  assert problems.texts == ['f:2: no title', 'f:3: damaged']
  with pytest.raises(CorpusError, match=r'^f:2: no title \(`strict`\)$'):
    list(Problems(strict=True).parse(records, _parse))
