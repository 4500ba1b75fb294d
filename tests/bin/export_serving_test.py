# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""bin/export_serving as a user calls it."""

import re
import shutil

import pytest
import tensorflow as tf

from realm_tf.io import atomic
from tests.support import small_qa, tiny_world


@pytest.fixture(scope='module')
def qa(tmp_path_factory):
  return small_qa.make(tmp_path_factory.mktemp('qa'), 'exact')


def flags(qa, output_dir, **others):
  given = {
    'model_dir': qa.directory,
    'index_dir': qa.directory / 'index',
    'corpus_dir': qa.corpus_dir,
    'output_dir': output_dir,
    **others,
  }
  return [f'--{name}={value}' for name, value in given.items()]


def test_exports_and_asks(qa, tmp_path):
  question = 'the capital of France is'
  result = tiny_world.call(
    'export_serving',
    *flags(qa, tmp_path / 'out', reader_beam=3, question=question),
  )
  assert result.returncode == 0, result.stderr
  assert 'gradient' not in result.stderr
  (expected,) = small_qa.answers(qa, question, 3, 1)
  title = qa.documents.titles([expected.row])[0]
  answered, timed, written = result.stdout.splitlines()
  assert answered == f'{question} -> {expected.text.decode()}  ({title})'
  assert re.fullmatch(
    r'loaded in \S+ s, first answer after \S+ s more, the next in \d+ ms', timed
  )
  assert written == f'{tmp_path}/out'
  info = atomic.read_json(tmp_path / 'out' / 'assets.extra' / 'realm.json')
  assert (info['reader_beam'], info['step']) == (3, 20)
  model = tf.saved_model.load(written)
  found = model.answer(tf.constant([question]))
  assert found['answer'].numpy()[0] == expected.text


def test_the_model_computes_in_bfloat16_if_told(qa, tmp_path):
  result = tiny_world.call_forked(
    'export_serving', *flags(qa, tmp_path / 'out'), '--mixed_precision'
  )
  assert result.returncode == 0, result.stderr
  model = tf.saved_model.load(f'{tmp_path}/out')
  graph = model.signatures['embed'].graph.as_graph_def()
  kinds = {
    node.attr['T'].type
    for function in graph.library.function
    for node in function.node_def
    if node.op == 'MatMul'
  }
  assert tf.bfloat16.as_datatype_enum in kinds


def test_what_does_not_fit_is_one_line(qa, tmp_path):
  other = tmp_path / 'index' / '10'
  shutil.copytree(qa.index_path, other)
  path = other / 'metadata.json'
  old = atomic.read_json(path)
  atomic.write_json(path, {**old, 'embedder_fingerprint': 'f00d'})
  result = tiny_world.call_forked(
    'export_serving',
    *flags(
      qa,
      tmp_path / 'out',
      index_dir=tmp_path / 'index',
    ),
  )
  said = tiny_world.last_line(result)
  assert said.startswith(f'export_serving: {other} has the embedder'), said
  assert 'f00d' in said and old['embedder_fingerprint'] in said
  assert not (tmp_path / 'out').exists()


def test_what_is_not_there_is_named(qa, tmp_path):
  result = tiny_world.call_forked(
    'export_serving', *flags(qa, tmp_path / 'out', model_dir=tmp_path)
  )
  assert result.returncode != 0
  assert 'has no export' in result.stdout + result.stderr
