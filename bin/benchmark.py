# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
r"""Measures speed and memory of everything, and prints JSON.

    python -m bin.benchmark --output=benchmark.json \
        --text=wiki.jsonl.gz --vocab_file=BERT_DIR/vocab.txt

On the text of the small world, which needs nothing else:

    python -m bin.benchmark --output=benchmark.json

Cost: about 15 minutes on 2 cores, 3 GB of memory, 1 GB of disk while it runs.
Nothing else should run on the machine; `busy_cores_before` of each measurement
tells what does. --toy takes 3 minutes and shows only that everything runs.

Expect: `targets`, each with its figure and whether it is met; `results` with
all figures by measurement; `machine`. Rates are medians of repeats, with the
worst and the best. Each measurement is a process of its own, bound to --cores
cores (tokenizer and BM25 to one). By name:

    peak                 GFLOP/s of a matrix product: the targets were set on a
                         machine that has 210 in float32 and 380 in bfloat16
    tokenizing           MB/s of text into wordpieces, on one core
    corpus               documents/s from JSONL to a corpus
    examples             examples/s, masked, retrieved, gathered and packed
    steps_{tiny,mini}    seconds of a pre-training step at the launcher's shapes
                         (batch 4, 8 candidates, 96 / 288 / 384, 10 masks), and
                         the peak memory
    embedding_{tiny,mini}  documents/s into vectors
    refresh              how much slower steps are while an index is built
    refresh_short_steps  how long a step waits around the swap
    memory               after 20 refreshes of 100,000 rows, relative to three
    lexical              milliseconds of a question to 1,000,000 documents of
                         100 words by BM25 on one core, in a SavedModel, and its
                         memory
    finetuning_{tiny,mini}  seconds per question in fine-tuning, 5,000 of
                         100,000 blocks in the retriever's beam
    serving_{tiny,mini}  milliseconds from a question to its answer from 100,000
                         blocks, 5 of them read, with the exported SavedModel;
                         speed-up by batches of 16; seconds to load it

Documents have 200 words, cut or joined from those of the text; for BM25 they
are 20,000 with words left out.
"""

import json
import os
import sys

from absl import flags

from benchmarks import child_process, machine, plan
from realm_tf.io import atomic

from . import program

_TEXT = flags.DEFINE_string(
  'text',
  None,
  'JSONL with title and text, both for the corpus and for the blanks. Default:'
  ' the small world of testdata.',
)
_VOCAB_FILE = flags.DEFINE_string(
  'vocab_file', 'testdata/vocab.txt', 'One wordpiece per line.'
)
_LOWER_CASE = flags.DEFINE_bool(
  'lower_case', True, 'Whether the vocabulary is uncased.'
)
_ONLY = flags.DEFINE_list(
  'only',
  [],
  'Measure only these: names, or steps, embedding, refresh, finetuning,'
  ' serving.',
)
_OUTPUT = flags.DEFINE_string('output', None, 'File for the JSON.')
_CORES = flags.DEFINE_integer('cores', 2, 'Cores to measure on.', lower_bound=1)
_MIXED_PRECISION = flags.DEFINE_bool(
  'mixed_precision', False, 'Compute in bfloat16.'
)
_TOY = flags.DEFINE_bool('toy', False, 'Only show that everything runs.')
_WORK_DIR = flags.DEFINE_string(
  'work_dir',
  None,
  'Directory to keep logs and corpora in, which are used again. Default: a'
  ' temporary one.',
)

_BUSY = 0.3


def _measure(
  measurements: list[child_process.Measurement], work_dir: str
) -> dict[str, dict]:
  results = {}
  for measurement in measurements:
    print(f'{measurement.name} ...', end=' ', file=sys.stderr, flush=True)
    found = child_process.run(measurement, work_dir)
    results[measurement.name] = found
    note = f'{found["seconds"]:.0f} s'
    if found['busy_cores_before'] > _BUSY:
      note += f'; {found["busy_cores_before"]} cores were busy before it'
    print(note, file=sys.stderr, flush=True)
  return results


def main() -> None:
  """Measures one after the other."""
  with atomic.scratch_directory() as temporary:
    work_dir = os.path.abspath(_WORK_DIR.value or temporary)
    material = {
      'directory': os.path.join(work_dir, 'material'),
      'knowledge': _TEXT.value or 'testdata/knowledge.jsonl',
      'queries': _TEXT.value or 'testdata/pretraining.jsonl',
      'vocab_file': _VOCAB_FILE.value,
      'lower_case': _LOWER_CASE.value,
    }
    for name in ('knowledge', 'queries', 'vocab_file'):
      if not os.path.exists(material[name]):
        raise ValueError(f'{material[name]} is not there')
    measurements = plan.make_plan(
      material,
      only=_ONLY.value,
      cores=_CORES.value,
      mixed_precision=_MIXED_PRECISION.value,
      toy=_TOY.value,
    )
    facts = machine.facts()
    try:
      results = _measure(measurements, work_dir)
    except child_process.MeasurementError as e:
      raise SystemExit(f'benchmark: {e}') from None
  report = {
    'machine': facts,
    'settings': {
      'text': material['knowledge'],
      'vocab_file': _VOCAB_FILE.value,
      'cores': _CORES.value,
      'mixed_precision': _MIXED_PRECISION.value,
      'toy': _TOY.value,
    },
    'targets': plan.compare(results),
    'results': results,
  }
  if _OUTPUT.value:
    atomic.write_json(_OUTPUT.value, report)
  print(json.dumps(report, indent=2))


if __name__ == '__main__':
  program.run(main)
