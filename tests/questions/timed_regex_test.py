# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import threading
import time

import pytest
from absl import logging

from realm_tf.questions import answers, timed_regex

EVIL = 'a' * 40 + 'b'


@pytest.fixture
def said(monkeypatch):
  texts: list[str] = []
  monkeypatch.setattr(logging, 'warning', lambda *a: texts.append(a[0] % a[1:]))
  return texts


def test_matches():
  texts = ['one two', 'two', ' ', 'bÉ\ud800']
  find = timed_regex.find
  assert find(['T.O', 'x'], texts, 'match') == [[], [True], [], []]
  assert find(['T.O', 'x'], texts, 'search') == [[True], [True], [], []]
  assert find(['two|é', 'o'], texts, 'all') == [
    [[0, 1], [4, 7], [6, 7]], [[0, 3], [2, 3]], [], [[1, 2]],
  ]  # fmt: skip
  assert find([], ['a'], 'all') == [[]]
  assert find(['a'], [], 'all') == []


@pytest.mark.timeout(30)
def test_out_of_time_is_no_answer_and_named_once(said):
  start = time.monotonic()
  assert not answers.is_correct(EVIL, ['(a+)+$', 'b'], True, 'who?')
  assert time.monotonic() - start < 10
  assert len(said) == 1 and "'who?'" in said[0] and "'(a+)+$'" in said[0]
  assert not answers.is_correct('aaa', ['(a+)+$', 'b'], True, 'who?')
  assert len(said) == 1
  # Another question has time of its own, and texts before the hard one count.
  assert answers.is_correct('aaa', ['(a+)+$'], True, 'what?')
  found = timed_regex.find(['(a+)+$'], ['aa', EVIL, 'aa'], 'match', 'when?')
  assert found == [[True], [], []]
  assert len(said) == 2


def test_a_killed_worker_is_replaced(said):
  assert answers.is_correct('a', ['a'], True)
  timed_regex._worker.close()
  assert answers.is_correct('a', ['a'], True)
  assert not said


def test_many_threads():
  wrong = []

  def run(number):
    for _ in range(50):
      text = str(number)
      if not answers.is_correct(text, [text + '$'], True):
        wrong.append(number)

  threads = [threading.Thread(target=run, args=[i]) for i in range(8)]
  for thread in threads:
    thread.start()
  for thread in threads:
    thread.join()
  assert not wrong
