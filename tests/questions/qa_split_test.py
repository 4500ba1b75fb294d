# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import json
import pathlib

import numpy as np
import pytest

from realm_tf.questions import qa_datasets, qa_split
from realm_tf.questions.qa_datasets import QaExample
from tests.support import shared_data

# The buckets are the original's (goldens/resplit_hash.json).
REBA = 'who sings does he love me with reba'  # 74,661
EIFFEL = 'où est la tour eiffel ?'  # 55,401


def test_as_the_original():
  path = shared_data.path('goldens', 'resplit_hash.json')
  cases = json.loads(path.read_text())
  questions = [case['question'] for case in cases]
  assert len(cases) > 50
  np.testing.assert_array_equal(
    qa_split.buckets(questions), [case['bucket'] for case in cases]
  )
  np.testing.assert_array_equal(
    qa_split.is_dev(questions), [case['mod10'] == 0 for case in cases]
  )


def test_buckets():
  found = qa_split.buckets([REBA, EIFFEL, ''])
  assert found.dtype == np.int64
  np.testing.assert_array_equal(found, [74661, 55401, 97263])
  assert qa_split.buckets([]).shape == (0,)
  assert not qa_split.is_dev([REBA, EIFFEL]).any()


def test_parts_are_what_the_hash_says_in_order():
  examples = [QaExample(f'question {i}', (str(i),)) for i in range(1000)]
  split = qa_split.resplit(examples)
  assert len(split.train) + len(split.dev) == 1000
  assert 70 < len(split.dev) < 130
  assert sorted([*split.train, *split.dev], key=examples.index) == examples
  for part, is_dev in ((split.train, False), (split.dev, True)):
    numbers = [int(e.answers[0]) for e in part]
    assert numbers == sorted(numbers)
    assert (qa_split.is_dev([e.question for e in part]) == is_dev).all()
  # White space belongs to a question.
  assert (
    qa_split.buckets(['question 1 ']) != qa_split.buckets(['question 1'])
  ).all()


def test_parts_are_written_both_or_not_at_all(tmp_path, monkeypatch):
  examples = [QaExample(f'q {i}', ('é',), id=i) for i in range(100)]
  split = qa_split.resplit(examples)
  paths = qa_split.write_split(split, tmp_path / 'new', 'NQ')
  assert [p.rsplit('/', 1)[1] for p in paths] == [
    'NQ.resplit.train.jsonl',
    'NQ.resplit.dev.jsonl',
  ]
  for path, part in zip(paths, split):
    assert list(qa_datasets.read_dataset(path).examples) == part

  def fails(self):
    raise OSError('disk full')

  monkeypatch.setattr(QaExample, 'to_json', fails)
  before = [pathlib.Path(p).read_text() for p in paths]
  with pytest.raises(OSError, match='disk full'):
    qa_split.write_split(split, tmp_path / 'new', 'NQ')
  assert [pathlib.Path(p).read_text() for p in paths] == before
  assert len(list((tmp_path / 'new').iterdir())) == 2


def test_real_file():
  path = shared_data.path('qa', 'webquestions.train.jsonl')
  split = qa_split.resplit(qa_datasets.read_dataset(str(path)).examples)
  # The sizes in ORQA's paper.
  assert (len(split.train), len(split.dev)) == (3417, 361)
