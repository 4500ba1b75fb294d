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
  quiet.add('a.jsonl:31', MalformedError('of two', 'columns'))
  for i in range(5):
    found.add(f'c:{i}', MalformedError('cut', 'not_json'))
  assert len(said) == 4 and len(quiet.first) == 21
  found.merge(quiet.counts, [list(problem) for problem in quiet.first])
  found.add('b:1', 'broken')
  assert found.counts == {
    'malformed': 37,
    'malformed_columns': 1,
    'malformed_not_json': 5,
  }
  assert said == [
    *(f'skipped: c:{i}: cut' for i in range(3)),
    'further ones like this (not_json) are only counted',
    *(f'skipped: a.jsonl:{i}: broken' for i in range(1, 21)),
    'skipped: a.jsonl:31: of two',
    'further ones like this are only counted',
  ]
  assert found.explain() == '; the first problem is c:0: cut'
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
  assert [p.text for p in problems.first] == ['f:2: no title', 'f:3: damaged']
  with pytest.raises(CorpusError, match=r'^f:2: no title \(`strict`\)$'):
    list(Problems(strict=True).parse(records, _parse))


def test_most_malformed_is_a_warning_with_the_first_reason(monkeypatch):
  said = []
  monkeypatch.setattr(
    logging, 'warning', lambda text, *a: said.append(text % a)
  )
  problems = Problems(silent=True)
  problems.counts['read'] = 2
  problems.add('a:1', 'broken')
  problems.warn_if_most()
  assert not said
  problems.add('a:2', 'broken')
  problems.warn_if_most()
  assert said == [
    '2 of 2 records are malformed; the first problem is a:1: broken'
  ]
