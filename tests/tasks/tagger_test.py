# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0

import dataclasses
import json

import numpy as np
import pytest
import tensorflow as tf

from realm_tf.configs.tagger_config import TaggerConfig
from realm_tf.corpus.document import CorpusError
from realm_tf.spans import bert_tagger
from realm_tf.tasks import tagger
from realm_tf.training import run_directory, summaries

LETTERS = 'abcdefghijkl'
VOCAB = [
  *('[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'),
  *('saw', 'in', '.', *LETTERS),
]


def write_conll(path, seed=0, count=40):
  """Who `saw` is a PER, what comes after `in` a LOC; case tells it too."""
  rng = np.random.default_rng(seed)
  with open(path, 'w') as f:
    for i in range(count):
      if i % 2 == 0:
        f.write('-DOCSTART- O\n\n')
      who, what, where = rng.choice(list(LETTERS), 3)
      f.write(f'{who.upper()} I-PER\nsaw O\n{what} O\nin O\n')
      f.write(f'{where.upper()} I-LOC\n. O\n\n')


@pytest.fixture(scope='module')
def files(tmp_path_factory):
  directory = tmp_path_factory.mktemp('files')
  write_conll(directory / 'train.conll')
  (directory / 'vocab.txt').write_text('\n'.join(VOCAB))
  (directory / 'config.json').write_text(
    json.dumps(
      {
        'vocab_size': len(VOCAB),
        'hidden_size': 16,
        'num_hidden_layers': 1,
        'num_attention_heads': 2,
        'intermediate_size': 32,
        'max_position_embeddings': 32,
        'hidden_dropout_prob': 0.1,
        'attention_probs_dropout_prob': 0.1,
        'initializer_range': 0.1,
      }
    )
  )
  return directory


def make_config(files, model_dir, **changes):
  config = TaggerConfig(
    model_dir=str(model_dir),
    train_files=str(files / 'train.conll'),
    bert=str(files / 'config.json'),
    vocab_file=str(files / 'vocab.txt'),
    max_length=32,
    overlap=8,
    train_word_embeddings=True,
    swapped_copies=1,
    train_steps=60,
    batch_size=8,
    learning_rate=2e-2,
    warmup_steps=5,
    eval_every=30,
    save_checkpoints_steps=30,
    log_every_steps=15,
    seed=3,
    progress=False,
  )
  return dataclasses.replace(config, **changes)


def test_learns_resumes_and_exports_the_best(files, tmp_path):
  with pytest.raises(KeyboardInterrupt):
    _train_until_stopped(make_config(files, tmp_path))
  result = tagger.train(make_config(files, tmp_path))
  steps = [
    line['step']
    for line in summaries.read_metrics(tmp_path / 'metrics.jsonl')
    if line['kind'] == 'train'
  ]
  assert steps == [15, 30, 45, 60]
  assert result.scores['f1'] > 0.9
  assert result.scores['entities'] == 16  # 4 documents of 20
  assert result.labels == ('LOC', 'PER')
  assert result.confusion[0, 0] + result.confusion[1, 1] > 14
  assert result.directory == run_directory.best_tagger(tmp_path)
  said = json.loads((tmp_path / 'evaluation.json').read_text())
  assert said['scores'] == result.scores

  loaded = bert_tagger.BertTagger(result.directory)
  assert loaded.whole_documents
  (found,) = loaded.tag(['A saw b in C.'])
  assert [tuple(s) for s in found] == [(0, 1, 'PER'), (11, 12, 'LOC')]

  with pytest.raises(ValueError, match='swap_rate was 0.5 and is 0.1'):
    tagger.train(make_config(files, tmp_path, swap_rate=0.1))


def _train_until_stopped(config):
  """Stops at the second evaluation, after the checkpoint before it."""
  evaluate = tagger.TaggerTask.more_metrics
  calls = []

  def stop(self):
    calls.append(1)
    if len(calls) == 2:
      raise KeyboardInterrupt
    return evaluate(self)

  with pytest.MonkeyPatch.context() as patched:
    patched.setattr(tagger.TaggerTask, 'more_metrics', stop)
    tagger.train(config)


def test_dev_files_and_what_they_must_not_have(files, tmp_path):
  dev = tmp_path / 'dev.conll'
  write_conll(dev, seed=1, count=6)
  config = make_config(files, tmp_path, dev_files=str(dev))
  train, held = tagger.read_sentences(config)
  assert (len(train), len(held)) == (40, 6)
  with open(dev, 'a') as f:
    f.write('x I-ORG\n')
  with pytest.raises(CorpusError, match=r"dev.conll:49: the label 'ORG'"):
    tagger.read_sentences(config)


def test_refusals(files, tmp_path):
  with pytest.raises(
    ValueError, match='`max_length` is 64, but this BERT has only 32'
  ):
    tagger.train(make_config(files, tmp_path, max_length=64, overlap=32))
  (tmp_path / 'o.conll').write_text('a O\n\nb O\n')
  with pytest.raises(ValueError, match='no entity to train on'):
    tagger.train(
      make_config(files, tmp_path, train_files=str(tmp_path / 'o.conll'))
    )
  with pytest.raises(ValueError, match='`dev_share` must be between 0 and 1'):
    make_config(files, tmp_path, dev_share=1.0)
  with pytest.raises(FileNotFoundError, match='neither a tagger nor'):
    run_directory.best_tagger(tmp_path)


def test_sentences_are_tagged_by_bytes():
  def tag(texts):
    assert texts.numpy().tolist() == ['Ü b'.encode(), b'c']
    return {
      'starts': tf.constant([0, 0]),
      'limits': tf.constant([4, 1]),
      'labels': tf.constant(['X', 'Y']),
      'row_splits': tf.constant([0, 1, 2], tf.int64),
    }

  sentences = [
    tagger.conll.Sentence(('Ü', 'b'), (), 0),
    tagger.conll.Sentence(('c',), (), 0),
  ]
  assert tagger.tag_sentences(tag, sentences) == [[(0, 2, 'X')], [(0, 1, 'Y')]]
