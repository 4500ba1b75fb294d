# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import pytest

from realm_tf.configs.refresh_schedule import RefreshSchedule


def due_steps(text, limit):
  schedule = RefreshSchedule.parse(text)
  return [step for step in range(limit) if schedule.is_due(step)]


def test_intervals_by_range():
  assert due_steps('0-10:2,10-:5', 26) == [2, 4, 6, 8, 10, 15, 20, 25]
  assert due_steps('0-1000:100,1000-:500', 2001) == [
    *range(100, 1001, 100),
    1500,
    2000,
  ]


def test_a_range_counts_from_its_start():
  assert due_steps('0-7:3,7-:4', 20) == [3, 6, 7, 11, 15, 19]


def test_a_number_holds_for_ever_and_zero_never():
  assert due_steps('4', 13) == [4, 8, 12]
  assert due_steps('0', 100) == []
  assert due_steps('0-6:2,6-12:0,12-:3', 20) == [2, 4, 12, 15, 18]


@pytest.mark.parametrize('text', ['0-10:2,10-:5', '3', '0-6:2,6-12:0,12-:3'])
def test_next_after_finds_the_due_steps(text):
  schedule = RefreshSchedule.parse(text)
  for step in range(40):
    later = next(s for s in range(step + 1, 99) if schedule.is_due(s))
    assert schedule.next_after(step) == later


def test_next_after_the_last():
  assert RefreshSchedule.parse('0-6:2,6-:0').next_after(4) is None
  assert RefreshSchedule.parse('0').next_after(0) is None


def test_reads_what_it_writes():
  text = '0-1000:100,1000-:500'
  assert str(RefreshSchedule.parse(f' {text} ')) == text


@pytest.mark.parametrize(
  'text, message',
  [
    ('', 'is not FIRST-LIMIT:EVERY'),
    ('0-1000:100,abc', "part 'abc' is not FIRST-LIMIT:EVERY"),
    ('10-:5', 'must start at 0'),
    ('0-10:5,20-:5', 'starts at 20, but must start at 10'),
    ('0-10:5', 'has no limit'),
    ('0-:5,5-:5', 'has no limit'),
    ('0-0:5,0-:5', 'ends before it starts'),
    ('0-10:-5', 'is not FIRST-LIMIT:EVERY'),
  ],
)
def test_errors_name_the_part(text, message):
  with pytest.raises(ValueError, match=message):
    RefreshSchedule.parse(text)
