# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0

import importlib.util
import json

import pytest
import tensorflow as tf

from realm_tf.configs.spans_config import SpansConfig
from realm_tf.corpus.document import CorpusError
from realm_tf.spans import beam_pipeline, salient_spans
from tests.support import small_tagger

OPTIONS = ['--runner=apache_beam.runners.direct.DirectRunner']
has_beam = importlib.util.find_spec('apache_beam') is not None
needs_beam = pytest.mark.skipif(
  not has_beam, reason="Apache Beam is not installed: pip install '.[beam]'"
)


def _records(directory):
  paths = sorted(str(p) for p in directory.glob('spans-*'))
  dataset = tf.data.TFRecordDataset(paths, compression_type='GZIP')
  return sorted(dataset.as_numpy_iterator())


@pytest.fixture
def config(tmp_path):
  def make(output, **changes):
    return SpansConfig(
      input=str(tmp_path / '*.jsonl'),
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
  beam = beam_pipeline.tag_salient_spans(config('beam', **changes), OPTIONS)
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
  assert beam == beam_pipeline.tag_salient_spans(
    config('beam', **changes), OPTIONS
  )
  with pytest.raises(CorpusError, match='other settings .pipeline is'):
    salient_spans.tag_salient_spans(config('beam', **changes))


@needs_beam
def test_strict(config):
  with pytest.raises(CorpusError, match=r'a.jsonl:601: .* \(--strict\)'):
    beam_pipeline.tag_salient_spans(config('out', strict=True), OPTIONS)


@pytest.mark.skipif(has_beam, reason='Apache Beam is installed')
def test_without_beam_it_says_what_to_install(config):
  with pytest.raises(CorpusError, match=r"pip install 'realm_tf\[beam\]'"):
    beam_pipeline.tag_salient_spans(config('out'))
