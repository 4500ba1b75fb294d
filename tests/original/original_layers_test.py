# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import json
import shutil

import numpy as np
import pytest
import tensorflow as tf

from realm_tf.modeling import span_scores
from realm_tf.original import original_layers
from tests.support import original_files

MODULES = original_files.RELEASE / 'modules'
HUGGING_FACE = original_files.HUGGING_FACE


def assert_close(found, expected):
  """1e-5, relative to the largest number."""
  limit = 1e-5 * np.abs(expected).max()
  np.testing.assert_allclose(found, expected, rtol=1e-5, atol=limit)


@pytest.fixture(scope='module')
def release():
  return original_files.release_numbers()


@pytest.fixture(scope='module')
def hugging_face():
  return original_files.hugging_face_numbers()


def test_an_embedder_module(release):
  embedder = original_layers.load_embedder(MODULES / 'embedder')
  assert (
    embedder.bert_config.num_heads == 2
  )  # The graph says it, not the shape.
  query = original_files.release_inputs(release, 'query')
  assert_close(embedder.embed_queries(query), release['query'])
  document = original_files.release_inputs(release, 'document')
  assert_close(embedder.embed_documents(document), release['block_emb'])


def test_tags_say_whether_it_drops_out(release):
  query = original_files.release_inputs(release, 'query')
  for tags, drops in (({'train'}, True), ('train', True), (iter([]), False)):
    embedder = original_layers.load_embedder(MODULES / 'embedder', tags)
    with tf.GradientTape() as tape:
      found = embedder.embed_queries(query, training=True)
      loss = tf.reduce_sum(found[:, 0])
    gradients = tape.gradient(loss, embedder.trainable_variables)
    assert len(gradients) > 15 and all(g is not None for g in gradients)
    assert drops != np.allclose(found, release['query'], atol=1e-4)
  with pytest.raises(ValueError, match=r'tags \{serve\}, but \{train\}, \{\}'):
    original_layers.load_embedder(MODULES / 'embedder', ['serve'])


def test_a_bert_module(release):
  bert = original_layers.load_bert(MODULES / 'bert', tags=())
  assert bert.config.dropout == 0 and bert.lower_case
  assert bert.vocab_file == str(MODULES / 'bert/assets/vocab.txt')
  outputs = bert.encoder(original_files.release_inputs(release, 'joint'))
  for name in ('sequence_output', 'pooled_output'):
    assert_close(outputs[name], release[name])
  logits = bert.mlm_head(
    outputs['sequence_output'], tf.constant(release['mlm_positions'])
  )
  assert_close(logits, release['mlm_logits'])


def test_a_directory_of_modules():
  embedder = original_layers.load_embedder(MODULES)
  assert embedder.projection_size == 8
  with pytest.raises(ValueError, match='one embedder was looked for'):
    original_layers.load_embedder(MODULES / 'bert')
  with pytest.raises(FileNotFoundError, match='no such'):
    original_layers.load_embedder(MODULES / 'none')


def scores_by_place(scores, first, lengths):
  """`[rows, starts, widths]` in the row, of those in the block."""
  found = np.full([len(scores), 64, scores.shape[-1]], np.nan)
  for row, (start, length) in enumerate(zip(first, lengths)):
    found[row, start : start + length] = scores[row, :length]
  return found


def read_blocks(reader, inputs, block_mask):
  joint = {name: x[:, None] for name, x in inputs.items()}
  scores = reader(joint, tf.constant(block_mask, tf.int32)[:, None])[:, 0]
  scores = np.where(scores > span_scores.NEVER / 2, scores, np.nan)
  return scores_by_place(scores, block_mask.argmax(1), block_mask.sum(1))


def test_a_fine_tuning_of_orqa(release):
  embedder = original_layers.load_embedder(original_files.RELEASE / 'orqa')
  joint = original_files.release_inputs(release, 'joint')
  query = {name: x[:, :16] for name, x in joint.items()}
  assert_close(embedder.embed_queries(query), release['orqa_query'])
  reader = original_layers.load_span_reader(original_files.RELEASE / 'orqa')
  assert (reader.max_span_width, reader.span_hidden_size) == (4, 12)
  # The last wordpiece of this segment is [SEP].
  mask = release['joint.segment_ids'].copy()
  for row in mask:
    row[row.nonzero()[0][-1]] = 0
  found = read_blocks(reader, joint, mask)
  is_span = ~np.isnan(found)
  assert is_span.sum() > 300
  expected = release['orqa_span_logits']
  length = expected.shape[1]
  is_span = is_span[:, :length]
  assert_close(found[:, :length][is_span], expected[is_span])


def test_hugging_face_scorer(hugging_face):
  embedder = original_layers.load_embedder(HUGGING_FACE / 'scorer')
  assert embedder.separate_towers and embedder.projection_epsilon == 1e-12
  inputs = original_files.hugging_face_inputs(hugging_face)
  assert_close(embedder.embed_queries(inputs), hugging_face['scorer_query'])
  assert_close(
    embedder.embed_documents(inputs), hugging_face['scorer_document']
  )


def test_hugging_face_encoder(hugging_face):
  bert = original_layers.load_bert(HUGGING_FACE / 'encoder')
  inputs = original_files.hugging_face_inputs(hugging_face)
  hidden = bert.encoder(inputs)['sequence_output']
  positions = tf.tile(tf.range(20)[None], [4, 1])
  assert_close(bert.mlm_head(hidden, positions), hugging_face['mlm_logits'])


def test_hugging_face_open_qa(hugging_face):
  inputs = original_files.hugging_face_inputs(hugging_face)
  embedder = original_layers.load_embedder(HUGGING_FACE / 'openqa')
  assert_close(embedder.embed_queries(inputs), hugging_face['openqa_query'])
  reader = original_layers.load_span_reader(HUGGING_FACE / 'openqa')
  found = read_blocks(reader, inputs, hugging_face['types'])
  logits = hugging_face['span_logits']
  is_span = logits > -5000  # Where there is none, 10,000 are taken off.
  widths = hugging_face['span_ends'] - hugging_face['span_starts']
  ours = found[:, hugging_face['span_starts'], widths]
  np.testing.assert_array_equal(~np.isnan(ours), is_span)
  assert is_span.sum() > 100
  assert_close(ours[is_span], logits[is_span])


def test_sizes_that_do_not_fit_are_refused(tmp_path):
  shutil.copytree(HUGGING_FACE / 'openqa', tmp_path / 'openqa')
  path = tmp_path / 'openqa' / 'config.json'
  config = json.loads(path.read_text())
  path.write_text(json.dumps({**config, 'intermediate_size': 25}))
  with pytest.raises(ValueError, match='`intermediate_size` 24, .* 25'):
    original_layers.load_embedder(tmp_path / 'openqa')
  path.write_text(json.dumps({**config, 'reader_layer_norm_eps': 1e-5}))
  with pytest.raises(ValueError, match='reader_layer_norm_eps is 1e-05'):
    original_layers.load_span_reader(tmp_path / 'openqa')
  path.write_text(json.dumps({**config, 'num_hidden_layers': 3}))
  with pytest.raises(ValueError, match='`num_layers` 2, .* 3'):
    original_layers.load_embedder(tmp_path / 'openqa')
