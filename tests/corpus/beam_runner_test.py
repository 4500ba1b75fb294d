# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0

import dataclasses
import importlib.util
import json

import pytest
import tensorflow as tf

from realm_tf.configs.spans_config import SpansConfig
from realm_tf.corpus import beam_runner
from realm_tf.corpus import job as job_lib
from realm_tf.corpus.document import CorpusError
from realm_tf.corpus.problems import Problems
from realm_tf.spans import salient_spans
from tests.support import small_tagger, small_world

OPTIONS = ['--runner=apache_beam.runners.direct.DirectRunner']
has_beam = importlib.util.find_spec('apache_beam') is not None
needs_beam = pytest.mark.skipif(
  not has_beam, reason="Apache Beam is not installed: pip install '.[beam]'"
)


def _run(config):
  return salient_spans.tag_salient_spans(
    dataclasses.replace(config, pipeline='beam', beam_options=OPTIONS)
  )


def _records(directory):
  paths = sorted(str(p) for p in directory.glob('spans-*'))
  dataset = tf.data.TFRecordDataset(paths, compression_type='GZIP')
  return sorted(dataset.as_numpy_iterator())


@pytest.fixture
def config(tmp_path):
  def make(output, **changes):
    return SpansConfig(
      input=[str(tmp_path / '*.jsonl')],
      output_dir=str(tmp_path / output),
      num_processes=1,
      progress=False,
      **changes,
    )

  for name, count in (('a', 600), ('b', 30)):
    with open(tmp_path / f'{name}.jsonl', 'w') as f:
      for i in range(count):
        text = f'Ann Lee saw Rome in {1500 + i}. It was x. {name} and Ann.'
        f.write(json.dumps({'title': f'T{i}', 'text': text}) + '\n')
      f.write('no record\n')
  return make


@needs_beam
def test_the_records_are_those_of_a_local_run(config, tmp_path):
  tagger = small_tagger.export(tmp_path / 'tagger', whole_documents=True)
  changes = {'tagger': 'bert', 'bert_tagger': tagger, 'records_per_shard': 300}
  local = salient_spans.tag_salient_spans(config('local', **changes))
  beam = _run(config('beam', **changes))
  records = _records(tmp_path / 'beam')
  assert len(records) == 630 and records == _records(tmp_path / 'local')
  assert beam['counts'] == local['counts']
  assert beam['counts']['malformed'] == 2
  assert sum(beam['records_in_shards']) == 630
  assert len(beam['shards']) == 2
  local_statistics, beam_statistics = (
    json.loads((tmp_path / name / 'statistics.json').read_text())
    for name in ('local', 'beam')
  )
  assert beam_statistics == local_statistics
  # It is whole, and not made again; a local run does not go on with it.
  assert beam == _run(config('beam', **changes))
  with pytest.raises(CorpusError, match='other settings .pipeline is'):
    salient_spans.tag_salient_spans(config('beam', **changes))


@needs_beam
def test_strict(config):
  with pytest.raises(CorpusError, match=r'a.jsonl:601: .* \(`strict`\)'):
    _run(config('out', strict=True))


@pytest.mark.skipif(has_beam, reason='Apache Beam is installed')
def test_without_beam_it_says_what_to_install(config):
  with pytest.raises(CorpusError, match=r"pip install 'realm_tf\[beam\]'"):
    _run(config('out'))


def test_parts_are_files_together_or_rows_of_a_corpus(config, tmp_path):
  made = config('out')
  job = salient_spans._make_job(made)
  files = job.files
  assert list(beam_runner._parts(made, job)) == [(0, files, 0, None)]
  made = dataclasses.replace(made, records_per_shard=512)
  parts = list(beam_runner._parts(made, job))
  assert parts == [(i, [files[i]], 0, None) for i in range(2)]
  texts = [(f'T{i}', f'Ann Lee saw Rome in {1500 + i}.') for i in range(1100)]
  corpus = small_world.store(tmp_path / 'corpus', texts)
  made = dataclasses.replace(made, input=[corpus.directory])
  job = salient_spans._make_job(made)
  parts = list(beam_runner._parts(made, job))
  file = (corpus.directory, 'corpus')
  assert parts == [(i, [file], i * 512, 1) for i in range(3)]
  # As a worker of Beam writes them.
  workspace = job_lib.Workspace(made, job)
  assert workspace.open() is None
  process = job.make_processor(job.processor_settings)
  for part in reversed(parts):
    beam_runner._write_part(
      process, job.open_part, workspace.directory, part, made
    )
  workspace.read_notes()
  manifest = workspace.finish(Problems())
  local = salient_spans.tag_salient_spans(
    dataclasses.replace(made, output_dir=str(tmp_path / 'local'))
  )
  assert manifest == local
  assert _records(tmp_path / 'out') == _records(tmp_path / 'local')
  assert manifest['counts']['kept'] == 1100
