# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import dataclasses
import importlib
import pathlib
import subprocess
import sys

import pytest

from realm_tf import configs
from realm_tf.configs.config import Config
from realm_tf.configs.conversion_config import ConversionConfig
from realm_tf.configs.corpus_config import CorpusConfig
from realm_tf.configs.embedder_config import EmbedderForm, EmbedderStartConfig
from realm_tf.configs.embedding_config import EmbeddingConfig
from realm_tf.configs.evaluation_config import EvaluationConfig
from realm_tf.configs.ict_config import IctConfig
from realm_tf.configs.masking_config import FeaturizationConfig, MaskingConfig
from realm_tf.configs.mlm_config import MlmConfig
from realm_tf.configs.qa_config import OpenQAConfig, QAConfig, QuestionConfig
from realm_tf.configs.realm_config import RealmConfig
from realm_tf.configs.searcher_config import SearcherConfig
from realm_tf.configs.spans_config import SpansConfig
from realm_tf.configs.tagger_config import TaggerConfig
from realm_tf.configs.update_config import UpdateConfig

# What has no default, for each class that has such fields.
REQUIRED = {
  ConversionConfig: {'sources': ['a'], 'output_dir': 'b'},
  CorpusConfig: {'input': 'a', 'output_dir': 'b', 'vocab_file': 'v'},
  SpansConfig: {'input': 'a', 'output_dir': 'b'},
  UpdateConfig: {'corpus_dir': 'c', 'index_dir': 'i', 'output_dir': 'o'},
  MlmConfig: {'model_dir': 'm', 'train_passages': 'p'},
  IctConfig: {'model_dir': 'm', 'corpus_dir': 'c'},
  RealmConfig: {'model_dir': 'm', 'corpus_dir': 'c', 'train_examples': 'e'},
  QAConfig: {
    'model_dir': 'm',
    'corpus_dir': 'c',
    'index_dir': 'i',
    'train_questions': 'q',
  },
  TaggerConfig: {'model_dir': 'm', 'train_files': 't'},
}


def _all_configs() -> list[type[Config]]:
  classes = []
  for path in sorted(pathlib.Path(configs.__path__[0]).glob('*_config.py')):
    module = importlib.import_module(f'realm_tf.configs.{path.stem}')
    classes += [
      c
      for c in vars(module).values()
      if isinstance(c, type) and c.__module__ == module.__name__
    ]
  return classes


@pytest.mark.parametrize('config', _all_configs())
def test_every_field_is_described(config):
  described = ''.join(c.__doc__ or '' for c in config.__mro__)
  for field in dataclasses.fields(config):
    assert f'\n    {field.name}: ' in described, field.name


def test_configurations_load_no_tensorflow():
  names = [f'realm_tf.configs.{c.__module__.split(".")[-1]}' for c in REQUIRED]
  code = f'import sys, {", ".join(names)}; print(*sys.modules)'
  found = subprocess.run(
    [sys.executable, '-c', code], capture_output=True, text=True, check=True
  ).stdout.split()
  assert not {'tensorflow', 'numpy', 'absl'} & set(found)


@pytest.mark.parametrize(
  ('config', 'wrong', 'message'),
  [
    (CorpusConfig, {'format': 'pdf'}, '`format` must be one of auto, jsonl'),
    (CorpusConfig, {'max_block_length': 15}, '`max_block_length` must be at'),
    (CorpusConfig, {'num_processes': -1}, '`num_processes` must be at least 0'),
    (CorpusConfig, {'records_per_shard': 0}, '`records_per_shard` must be at'),
    (EmbedderForm, {'temperature': 0.0}, '`temperature` must be above 0'),
    (EmbedderStartConfig, {'pooling': 'max'}, '`pooling` must be one of poole'),
    (EmbedderStartConfig, {'temperature': -1.0}, '`temperature` must be above'),
    (
      EmbedderStartConfig,
      {'projection': 'none', 'projection_size': 8},
      '`projection_size` needs a `projection`',
    ),
    (EmbeddingConfig, {'batch_tokens': 0}, '`batch_tokens` must be at least 1'),
    (EmbeddingConfig, {'candidate_seq_len': 2}, 'at least 3. Received: 2'),
    (
      EvaluationConfig,
      {'retrieve_only': True, 'closed_book': True},
      '`retrieve_only` and `closed_book` exclude each other',
    ),
    (EvaluationConfig, {'depth': 0}, '`depth` must be at least 1'),
    (FeaturizationConfig, {'num_candidates': 0}, '`num_candidates` must be'),
    (IctConfig, {'batch_size': 1}, '`batch_size` must be at least 2'),
    (IctConfig, {'mask_rate': 1.1}, '`mask_rate` must be between 0 and 1'),
    (MaskingConfig, {'masking': 'all'}, '`masking` must be one of salient_sp'),
    (MaskingConfig, {'mask_rate': 0.0}, '`mask_rate` must be above 0'),
    (MaskingConfig, {'max_masks': 0}, '`max_masks` must be at least 1'),
    (MaskingConfig, {'mean_span_length': 0.5}, '`mean_span_length`'),
    (MaskingConfig, {'query_seq_len': 2}, '`query_seq_len` must be at least 3'),
    (MlmConfig, {'dropout': 1.0}, r'`dropout` must be in \[0, 1\)'),
    (MlmConfig, {'eval_every': 0}, '`eval_every` must be at least 1'),
    (MlmConfig, {'strategy': 'two'}, '`strategy` must be one of one, mirrored'),
    (MlmConfig, {'weights_dtype': 'int8'}, '`weights_dtype` must be one of'),
    (OpenQAConfig, {'recall_at': (0, 5)}, '`recall_at` must be positive'),
    (OpenQAConfig, {'reader_gold_loss': -0.1}, '`reader_gold_loss` must be'),
    (QAConfig, {'bert': 'a', 'span_reader': 'b'}, 'give `bert` or `span_read'),
    (QAConfig, {}, 'give `bert` or `span_reader`, and not both'),
    (QuestionConfig, {'query_seq_len': 2}, '`query_seq_len` must be at least'),
    (QuestionConfig, {'reader_beam': 6000}, '`reader_beam` must be from 1'),
    (QuestionConfig, {'reader_seq_len': 64}, '`reader_seq_len` .64. must be'),
    (RealmConfig, {'embedder_learning_rate': -0.1}, 'must be at least 0'),
    (RealmConfig, {'index_builder': 'nobody'}, 'thread, process, none'),
    (RealmConfig, {'warmup_steps': -1}, '`warmup_steps` must be at least 0'),
    (SearcherConfig, {'leaves_to_search': 0}, '`leaves_to_search` must be'),
    (SearcherConfig, {'reorder': 0}, '`reorder` must be at least 1'),
    (SearcherConfig, {'searcher': 'fast'}, '`searcher` must be one of auto'),
    (SpansConfig, {'bert_tagger': 'x'}, '`bert_tagger`: the tagger gazetteer'),
    (SpansConfig, {'drop_spanless': 1.5}, '`drop_spanless` must be between'),
    (SpansConfig, {'labels': ()}, '`labels` names no label'),
    (
      SpansConfig,
      {'min_span_chars': 5, 'max_span_chars': 4},
      r'`max_span_chars` \(4\) is less than `min_span_chars` \(5\)',
    ),
    (SpansConfig, {'tagger': 'bert'}, '`bert_tagger` is needed'),
    (SpansConfig, {'tagger': 'none', 'dates': False}, 'nothing to find'),
    (TaggerConfig, {'dev_share': 1.0}, '`dev_share` must be between 0 and 1'),
    (TaggerConfig, {'max_length': 34}, '`overlap` must be less than'),
    (UpdateConfig, {}, 'give `add` or `remove`, or both'),
  ],
)
def test_wrong_values_are_named(config, wrong, message):
  with pytest.raises(ValueError, match=message):
    config(**{**REQUIRED.get(config, {}), **wrong})


def test_a_part_has_the_values_of_the_whole():
  config = RealmConfig(
    **REQUIRED[RealmConfig], query_seq_len=48, searcher='exact'
  )
  assert config.part(MaskingConfig) == MaskingConfig(query_seq_len=48)
  assert config.part(FeaturizationConfig).query_seq_len == 48
  assert config.part(SearcherConfig).to_dict()['searcher'] == 'exact'
  assert config.index_path == 'm/index'
