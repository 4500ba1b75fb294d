# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Modules without a graph, which takes seconds to trace."""

import dataclasses

import pytest
import tensorflow as tf

from realm_tf.hub import hub_modules, span_reader_module
from realm_tf.io import atomic


def patch(monkeypatch: pytest.MonkeyPatch) -> None:
  """Exports have no graph from now on."""

  def export(info, layers, tokenizer, directory, step):
    prefix = directory / 'variables' / 'variables'
    tf.train.Checkpoint(**layers).write(str(prefix))
    tokenizer.save_vocab(directory / 'assets' / 'vocab.txt')
    info['vocab_fingerprint'] = tokenizer.fingerprint
    info.update(lower_case=tokenizer.lower_case, step=step)
    atomic.write_json(directory / 'assets.extra' / 'realm.json', info)

  def embedder(layer, *rest):
    info = {
      'kind': 'embedder',
      'bert_config': dataclasses.asdict(layer.bert_config),
    }
    for name in ('projection_size', 'projection_epsilon', 'separate_towers'):
      info[name] = getattr(layer, name)
    export(info, {'embedder': layer}, *rest)

  def bert(config, encoder, mlm_head, *rest):
    info = {'kind': 'bert', 'bert_config': dataclasses.asdict(config)}
    export(info, {'encoder': encoder, 'mlm_head': mlm_head}, *rest)

  def span_reader(layer, *rest, **lengths):
    info = {
      'kind': 'span_reader',
      'bert_config': dataclasses.asdict(layer.bert_config),
      'max_span_width': layer.max_span_width,
      'span_hidden_size': layer.span_hidden_size,
      **lengths,
    }
    export(info, {'span_reader': layer}, *rest)

  monkeypatch.setattr(hub_modules, 'export_embedder', embedder)
  monkeypatch.setattr(hub_modules, 'export_bert', bert)
  monkeypatch.setattr(span_reader_module, 'export_span_reader', span_reader)
