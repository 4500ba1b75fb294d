# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import dataclasses
import json

import pytest

from realm_tf.bert.bert_config import PRESETS, BertConfig


@pytest.mark.parametrize(
  'name, layers, hidden, heads, intermediate',
  [
    ('tiny', 2, 128, 2, 512),
    ('mini', 4, 256, 4, 1024),
    ('small', 4, 512, 8, 2048),
    ('base', 12, 768, 12, 3072),
  ],
)
def test_presets(name, layers, hidden, heads, intermediate):
  config = BertConfig.preset(name)
  assert (config.num_layers, config.hidden_size) == (layers, hidden)
  assert (config.num_heads, config.intermediate_size) == (heads, intermediate)
  assert (config.vocab_size, config.max_positions) == (30522, 512)
  assert name in PRESETS


def test_preset_takes_overrides():
  config = BertConfig.preset('tiny', vocab_size=99, dropout=0.0)
  assert config.vocab_size == 99
  assert config.dropout == 0.0
  assert config.attention_dropout == 0.1


def test_unknown_preset_names_those_there_are():
  with pytest.raises(ValueError, match="'huge'; there are tiny, mini"):
    BertConfig.preset('huge')


def test_json_round_trip(tmp_path):
  config = BertConfig.preset(
    'mini',
    vocab_size=77,
    dropout=0.2,
    attention_dropout=0.3,
    activation='gelu_new',
    initializer_range=0.01,
    layer_norm_epsilon=1e-7,
    max_positions=64,
    type_vocab_size=3,
    intermediate_size=100,
  )
  # Every field differs from its default, so none can be lost.
  default = BertConfig()
  for field in dataclasses.fields(config):
    assert getattr(config, field.name) != getattr(default, field.name)
  path = tmp_path / 'config.json'
  path.write_text(json.dumps(config.to_json()))
  assert BertConfig.from_json(path) == config


def test_reads_googles_config(tmp_path):
  path = tmp_path / 'bert_config.json'
  path.write_text(
    json.dumps(
      {
        'attention_probs_dropout_prob': 0.0,
        'hidden_act': 'gelu',
        'hidden_dropout_prob': 0.2,
        'hidden_size': 32,
        'initializer_range': 0.02,
        'intermediate_size': 48,
        'max_position_embeddings': 40,
        'num_attention_heads': 4,
        'num_hidden_layers': 3,
        'type_vocab_size': 2,
        'vocab_size': 50,
      }
    )
  )
  assert BertConfig.from_json(path) == BertConfig(
    vocab_size=50,
    hidden_size=32,
    num_layers=3,
    num_heads=4,
    intermediate_size=48,
    max_positions=40,
    dropout=0.2,
    attention_dropout=0.0,
  )


@pytest.mark.parametrize(
  'text, message',
  [
    ('{"vocab_size": 5', 'not JSON'),
    ('[]', 'not a JSON object'),
    ('{"vocab_size": 5, "hidden_size": 8}', 'no num_hidden_layers'),
    ('{"model_type": "roberta"}', "model_type is 'roberta'"),
    ('{"position_embedding_type": "relative_key"}', 'relative_key'),
    (
      '{"vocab_size": 5, "hidden_size": 9, "num_hidden_layers": 1,'
      ' "num_attention_heads": 2}',
      'multiple of `num_heads`',
    ),
  ],
)
def test_bad_file_is_named_with_its_fault(tmp_path, text, message):
  path = tmp_path / 'config.json'
  path.write_text(text)
  with pytest.raises(ValueError, match=message) as error:
    BertConfig.from_json(path)
  assert str(path) in str(error.value)


@pytest.mark.parametrize(
  'fields, message',
  [
    ({'activation': 'swish'}, 'swish'),
    ({'dropout': 1.0}, '`dropout` must be in'),
    ({'num_layers': 0}, '`num_layers` must be at least 1'),
  ],
)
def test_refuses_impossible_values(fields, message):
  with pytest.raises(ValueError, match=message):
    BertConfig.preset('tiny', **fields)
