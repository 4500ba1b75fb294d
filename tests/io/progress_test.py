# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import time

from realm_tf.io import progress


def test_remaining_time_is_shown_when_steps_after_the_first_are_timed(capsys):
  bar = progress.progress(total=103, unit='step', initial=2)
  time.sleep(0.3)  # The first step is slow.
  for _ in range(2):
    bar.update(1)
    assert '<?, ?step/s' in str(bar)
  time.sleep(0.01)
  bar.update(1)
  rate = bar.format_dict['rate']
  assert 20 < rate < 200 and '?' not in str(bar)
  bar.close()


def test_a_log_file_has_a_line_for_each_state(capsys):
  with progress.progress(total=2, desc='read') as bar:
    progress.write('a message')
    bar.update(2)
  first, message, last = capsys.readouterr().err.splitlines()
  assert first.startswith('read:   0%') and message == 'a message'
  assert last.startswith('read: 100%')
  assert list(progress.progress([1, 2], disable=True)) == [1, 2]
