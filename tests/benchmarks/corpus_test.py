# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import os

from benchmarks import corpus


def test_figures(material, tmp_path):
  settings = corpus.Settings(num_processes=1, repeats=2)
  figures = corpus.measure(settings, material, str(tmp_path / 'work'))
  assert figures['documents'] == 60 and figures['blocks'] == 60
  # The way to the records is a part of the whole.
  assert (
    figures['records_documents_per_second']
    > figures['documents_per_second_worst']
    > 0
  )
  assert not os.listdir(tmp_path / 'work')
