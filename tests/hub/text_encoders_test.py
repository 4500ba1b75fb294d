# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import json

import numpy as np
import pytest

from realm_tf.configs.embedder_config import EmbedderStartConfig
from realm_tf.hub import text_encoders
from realm_tf.text import packing
from tests.support import sentence_encoders, small_world

TITLE, BODY = 'peru', 'lima is the capital of peru .'
QUESTION = 'is lima big ?'
TOKENIZER = small_world.tokenizer()


def unit(x):
  return x / np.linalg.norm(x)


def packed(title, body):
  ids = (TOKENIZER.tokenize([text]) for text in (title, body))
  return packing.pack_document(*ids, special=TOKENIZER.special, max_length=40)


def query(encoder, text=QUESTION):
  inputs = packing.pack_query(
    TOKENIZER.tokenize([text]), special=TOKENIZER.special, max_length=40
  )
  return encoder.embedder.query_vectors(inputs).numpy()[0]


def document(encoder, title=TITLE, body=BODY):
  inputs = packed(title, body)
  return encoder.embedder.embed_documents(inputs).numpy()[0]


@pytest.mark.parametrize('normalized', [False, True])
@pytest.mark.parametrize('pooling', ['cls_token', 'mean_tokens'])
def test_a_sentence_transformer(tmp_path, pooling, normalized):
  bert = sentence_encoders.write_bert(tmp_path, TOKENIZER)
  kinds = ['Normalize'] if normalized else []
  sentence_encoders.write_modules(tmp_path, kinds, pooling=pooling)
  encoder = text_encoders.read_encoder(tmp_path)

  def expected(text):
    x = sentence_encoders.outputs(bert, TOKENIZER, text)
    x = x[0] if pooling == 'cls_token' else x.mean(0)
    return unit(x) if normalized else x

  np.testing.assert_allclose(query(encoder), expected(QUESTION), atol=1e-5)
  np.testing.assert_allclose(
    document(encoder), expected(f'{TITLE} {BODY}'), atol=1e-5
  )
  assert encoder.lengths.query_seq_len == 24
  assert encoder.lengths.candidate_seq_len == 25  # A [SEP] is taken out.
  temperature = 0.05 if normalized else None
  assert encoder.embedder.form.temperature == temperature


def test_a_dense_module(tmp_path):
  bert = sentence_encoders.write_bert(tmp_path, TOKENIZER)
  dense = sentence_encoders.write_modules(tmp_path, ['Dense', 'Normalize'])
  x = sentence_encoders.outputs(bert, TOKENIZER, QUESTION).mean(0)
  x = np.tanh(dense['linear.weight'] @ x + dense['linear.bias'])
  found = query(text_encoders.read_encoder(tmp_path))
  np.testing.assert_allclose(found, unit(x), atol=1e-5)


def test_prefixes_of_the_directory_and_of_the_configuration(tmp_path):
  bert = sentence_encoders.write_bert(tmp_path, TOKENIZER)
  sentence_encoders.write_modules(tmp_path, ['Normalize'])
  (tmp_path / 'config_sentence_transformers.json').write_text(
    json.dumps({'prompts': {'query': 'old word ', 'passage': 'city '}})
  )

  def expected(text):
    return unit(sentence_encoders.outputs(bert, TOKENIZER, text).mean(0))

  encoder = text_encoders.read_encoder(tmp_path)
  np.testing.assert_allclose(
    query(encoder), expected(f'old word {QUESTION}'), atol=1e-5
  )
  np.testing.assert_allclose(
    document(encoder), expected(f'city {TITLE} {BODY}'), atol=1e-5
  )
  assert encoder.source['query_prefix'] == 'old word '
  assert encoder.lengths.query_seq_len == 22
  config = EmbedderStartConfig(query_prefix='', document_prefix='the river ')
  encoder = text_encoders.read_encoder(tmp_path, config)
  np.testing.assert_allclose(query(encoder), expected(QUESTION), atol=1e-5)
  np.testing.assert_allclose(
    document(encoder, ''), expected(f'the river {BODY}'), atol=1e-5
  )


def test_the_two_encoders_of_dpr(tmp_path):
  berts = [
    sentence_encoders.write_bert(
      tmp_path / name,
      TOKENIZER,
      seed=seed,
      prefix=f'{name}.bert_model.',
      model_type='dpr',
      architectures=['DPR'],
      projection_dim=0,
    )
    for seed, name in enumerate(['question_encoder', 'ctx_encoder'])
  ]
  encoder = text_encoders.read_encoder(
    f'{tmp_path}/question_encoder,{tmp_path}/ctx_encoder'
  )
  assert encoder.embedder.separate_towers
  np.testing.assert_allclose(
    query(encoder),
    sentence_encoders.outputs(berts[0], TOKENIZER, QUESTION)[0],
    atol=1e-5,
  )
  np.testing.assert_allclose(
    document(encoder),
    sentence_encoders.outputs(berts[1], TOKENIZER, TITLE, BODY)[0],
    atol=1e-5,
  )


def test_contriever_and_a_plain_bert(tmp_path, caplog):
  bert = sentence_encoders.write_bert(
    tmp_path, TOKENIZER, architectures=['Contriever']
  )
  expected = sentence_encoders.outputs(bert, TOKENIZER, QUESTION).mean(0)
  encoder = text_encoders.read_encoder(tmp_path)
  np.testing.assert_allclose(query(encoder), expected, atol=1e-5)
  assert 'pooling' not in caplog.text
  sentence_encoders.write_bert(tmp_path, TOKENIZER)
  encoder = text_encoders.read_encoder(tmp_path)
  np.testing.assert_allclose(query(encoder), expected, atol=1e-5)
  assert 'the mean of its outputs is taken (`pooling`)' in caplog.text


def test_the_vocabulary_may_be_in_tokenizer_json(tmp_path):
  sentence_encoders.write_bert(tmp_path, TOKENIZER)
  sentence_encoders.write_modules(tmp_path, [])
  (tmp_path / 'vocab.txt').unlink()
  (tmp_path / 'tokenizer_config.json').unlink()
  ids = {piece: i for i, piece in enumerate(TOKENIZER.vocab)}
  for lower_case in (True, False):
    (tmp_path / 'tokenizer.json').write_text(
      json.dumps(
        {
          'normalizer': {'type': 'BertNormalizer', 'lowercase': lower_case},
          'model': {'type': 'WordPiece', 'vocab': ids},
        }
      )
    )
    tokenizer = text_encoders.read_encoder(tmp_path).tokenizer
    assert tokenizer.vocab == TOKENIZER.vocab
    assert tokenizer.lower_case == lower_case


def test_the_originals_form_on_any_encoder(tmp_path):
  sentence_encoders.write_bert(tmp_path, TOKENIZER)
  sentence_encoders.write_modules(tmp_path, ['Dense', 'Normalize'])
  config = EmbedderStartConfig(
    pooling='pooler',
    projection='random',
    projection_size=8,
    normalization='layer_norm',
  )
  encoder = text_encoders.read_encoder(tmp_path, config)
  x = query(encoder)
  assert x.shape == (8,) and abs(x.mean()) < 1e-6
  assert abs(x.var() - 1) < 0.1
  assert encoder.embedder.form.activation == 'linear'


@pytest.mark.parametrize(
  ('kinds', 'pooling', 'message'),
  [
    ([], 'max_tokens', "pooling 'max_tokens' is not supported"),
    (['LSTM'], 'mean_tokens', 'modules of type LSTM are not supported'),
    (['Normalize', 'Dense'], 'mean_tokens', 'Dense after Normalize'),
  ],
)
def test_what_is_not_supported(tmp_path, kinds, pooling, message):
  sentence_encoders.write_bert(tmp_path, TOKENIZER)
  sentence_encoders.write_modules(tmp_path, kinds, pooling=pooling)
  with pytest.raises(ValueError, match=message):
    text_encoders.read_encoder(tmp_path)


def test_a_size_needs_a_projection(tmp_path):
  sentence_encoders.write_bert(tmp_path, TOKENIZER)
  sentence_encoders.write_modules(tmp_path, [])
  for size in (None, 16):
    config = EmbedderStartConfig(projection_size=size)
    encoder = text_encoders.read_encoder(tmp_path, config)
    assert encoder.embedder.projection_size == 16
  with pytest.raises(ValueError, match='is 8, but .* 16 numbers: give a `proj'):
    text_encoders.read_encoder(tmp_path, EmbedderStartConfig(projection_size=8))


def test_towers_must_fit_together(tmp_path):
  sentence_encoders.write_bert(tmp_path / 'a', TOKENIZER)
  sentence_encoders.write_bert(tmp_path / 'b', TOKENIZER)
  sentence_encoders.write_modules(tmp_path / 'b', ['Normalize'])
  with pytest.raises(ValueError, match='the two encoders differ'):
    text_encoders.read_encoder(f'{tmp_path}/a,{tmp_path}/b')
