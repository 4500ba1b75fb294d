# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""How fast documents become a corpus, from JSONL to the document store."""

import dataclasses
import os
import shutil
import statistics
import time

from benchmarks import timing
from benchmarks.material import Material

NEEDS_WORK_DIR = True


@dataclasses.dataclass(frozen=True)
class Settings:
  """How it is measured.

  Attributes:
    num_processes: As `CorpusConfig.num_processes`; 0 lets the builder choose.
    repeats: Corpora built.
  """

  num_processes: int = 0
  repeats: int = 3


def measure(
  settings: Settings, material: Material, work_dir: str
) -> dict[str, float]:
  """Builds corpora, each from the beginning.

  The start of the builder's own processes is counted, that of this one is not.

  Returns:
    `documents_per_second`, of the way to records and document store, and of
    its first part `records_documents_per_second`.
  """
  whole, records = [], []
  source = material.documents_file()
  for repeat in range(settings.repeats):
    output_dir = os.path.join(work_dir, f'corpus-{repeat}')
    shutil.rmtree(output_dir, ignore_errors=True)
    start = time.perf_counter()
    manifest = material.build_records(
      output_dir, num_processes=settings.num_processes
    )
    records.append(time.perf_counter() - start)
    corpus = material.build_store(output_dir, manifest)
    whole.append(time.perf_counter() - start)
    blocks = len(corpus)
    del corpus
    shutil.rmtree(output_dir)
  count = material.num_documents
  return {
    **timing.rate(count, whole, 'documents'),
    'records_documents_per_second': count / statistics.median(records),
    'documents': count,
    'blocks': blocks,
    'megabytes': os.path.getsize(source) / 1e6,
  }
