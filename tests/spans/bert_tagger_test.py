# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0

import json
import shutil

import pytest

from realm_tf.configs.spans_config import SpansConfig
from realm_tf.corpus import job
from realm_tf.corpus.document import CorpusError
from realm_tf.spans import bert_tagger, salient_spans
from tests.support import small_tagger


@pytest.fixture(scope='module')
def directory(tmp_path_factory):
  return small_tagger.export(
    tmp_path_factory.mktemp('tagger') / 'tagger', whole_documents=True
  )


def _config(tmp_path, directory, **changes):
  return SpansConfig(
    input=str(tmp_path / 'a.jsonl'),
    output_dir=str(tmp_path / 'out'),
    tagger='bert',
    bert_tagger=directory,
    progress=False,
    **{'num_processes': 1, **changes},
  )


def _write(tmp_path, count=600):
  with open(tmp_path / 'a.jsonl', 'w') as f:
    for i in range(count):
      text = f'Ann saw Rome {i}.\nIt and Lee{"s" * (i % 2)} saw.\nIt saw x.'
      f.write(json.dumps({'title': f'T{i}', 'text': text}) + '\n')


def test_rules_and_statistics(directory, tmp_path):
  _write(tmp_path, 40)
  rules = {
    'labels': ('person', 'LOC'),
    'min_span_chars': 4,
    'unique_spans': True,
    'drop_spanless': 1.0,
  }
  manifest = salient_spans.tag_salient_spans(
    _config(tmp_path, directory, **rules)
  )
  # Ann and Lee are too short, Rome and Lees are not.
  assert manifest['counts'] == {
    'kept': 40,
    'read': 40,
    'sentences': 120,
    'sentences_dropped': 60,
    'sentences_with_spans': 60,
    'spans_LOC': 40,
    'spans_PER': 20,
    'spans_dropped_length': 60,
  }
  found = json.loads((tmp_path / 'out' / 'statistics.json').read_text())
  assert found['spans_per_sentence'] == {'0': 60, '1': 60}
  assert found['most_frequent'] == [
    {'label': 'LOC', 'text': 'Rome', 'count': 40},
    {'label': 'PER', 'text': 'Lees', 'count': 20},
  ]
  with pytest.raises(CorpusError, match='other settings .rules is'):
    salient_spans.tag_salient_spans(_config(tmp_path, directory))


def test_an_interrupted_run_goes_on(directory, tmp_path, monkeypatch):
  _write(tmp_path, 1100)
  whole = salient_spans.tag_salient_spans(
    _config(tmp_path, directory, records_per_shard=512)
  )
  whole_statistics = (tmp_path / 'out' / 'statistics.json').read_text()
  shutil.rmtree(tmp_path / 'out')
  config = _config(tmp_path, directory, records_per_shard=512)
  batches = job.batches

  def broken(*arguments):
    for i, batch in enumerate(batches(*arguments)):
      if i == 2:
        raise KeyboardInterrupt
      yield batch

  with monkeypatch.context() as patched:
    patched.setattr(job, 'batches', broken)
    with pytest.raises(KeyboardInterrupt):
      salient_spans.tag_salient_spans(config)
  assert (tmp_path / 'out/.unfinished/00000.json').exists()
  assert salient_spans.tag_salient_spans(config) == whole
  assert len(whole['shards']) == 3
  again = (tmp_path / 'out' / 'statistics.json').read_text()
  assert again == whole_statistics


def test_no_tagger(directory, tmp_path):
  with pytest.raises(
    CorpusError, match='`bert_tagger`: .* no TF Hub module.*train_tagger'
  ):
    bert_tagger.BertTagger(tmp_path)
  (tmp_path / 'assets.extra').mkdir()
  info = tmp_path / 'assets.extra' / 'realm.json'
  info.write_text('{"kind": "bert"}')
  with pytest.raises(CorpusError, match="of kind 'bert', not 'entity_tagger'"):
    bert_tagger.BertTagger(tmp_path)
  shutil.copy(f'{directory}/assets.extra/realm.json', info)
  with pytest.raises(CorpusError, match='`bert_tagger`: '):
    bert_tagger.BertTagger(tmp_path)
