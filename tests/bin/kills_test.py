# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""A handful of the kills that `python -m tests.support.kills` makes more of."""

from tests.support import kills


def test_killed_programs_lose_leave_and_change_nothing(tmp_path):
  killer = kills.Killer(tmp_path)
  names = ('build_corpus', 'tag_salient_spans')
  killer.run_whole(names)
  while killer.counts.kills < 6:
    for name in names:
      killer.kill_one(name)
  assert killer.counts.ends >= 2
  assert not killer.counts.faults
