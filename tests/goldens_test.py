# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Every golden file is compared, and every difference has a reason.

What is compared in detail, and with what it costs, is beside the modules it
concerns; here is what the report alone knows of.
"""

import pytest

from tests.support import golden_report, shared_data


def test_no_file_is_forgotten():
  folder = shared_data.path('goldens')
  named = {
    name
    for title in golden_report.REPORTS
    for name in title.replace(':', ',').split(', ')
  }
  there = {p.name for p in folder.iterdir()} - {'README.md'}
  assert there == named - {'encoded.ckpt'}


@pytest.mark.parametrize('name', golden_report.REPORTS)
def test_cases_agree_or_it_is_known_why_not(name):
  folder = shared_data.path('goldens')
  report = golden_report.REPORTS[name]
  # Of 5,000 documents some are enough here.
  options = {'every': 40} if report is golden_report.doc_embeds else {}
  cases = list(report(folder, **options))
  assert cases
  differing = [
    (case, reason)
    for case, reason in cases
    if reason is not None and reason.startswith(golden_report.DIFFERS)
  ]
  assert not differing
  agreeing = sum(reason is None for _, reason in cases)
  assert agreeing > 0.7 * len(cases)
