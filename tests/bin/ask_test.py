# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""bin/ask as somebody types into it."""

import re

import pytest

from tests.bin import tiny_world

pytestmark = pytest.mark.timeout(1200)


def test_shows_answers_in_their_evidence(finetuned):
  question = finetuned.questions[0]['question']
  result = tiny_world.call(
    'ask',
    *finetuned.answering_flags(),
    '--top_n=2',
    typed=f'{question}\nzz \ufffd?\n\nnot asked any more\n',
  )
  assert result.returncode == 0, result.stderr
  assert result.stdout.count('question>') == 3
  answers = re.findall(
    r'^(?:question> )?(.+)\tp = [01]\.\d\d$', result.stdout, re.M
  )
  assert len(answers) == 4
  evidence = result.stdout.replace('\n  ', ' ')
  for answer in answers:
    assert f'>>{answer}<<' in evidence
  assert result.stdout.count('retrieved with p = ') == 4
