# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import dataclasses
import json
import shutil

import numpy as np
import pytest
import safetensors.numpy

from realm_tf.bert import weights
from realm_tf.configs.mlm_config import MlmConfig
from realm_tf.io import files as files_lib
from realm_tf.tasks import mlm
from realm_tf.text.tokenizer import BertTokenizer
from realm_tf.training import summaries

LETTERS = 'abcdefghijkl'
VOCAB = [
  '[PAD]',
  '[UNK]',
  '[CLS]',
  '[SEP]',
  '[MASK]',
  'who',
  'is',
  '.',
  *LETTERS,
]


@pytest.fixture(scope='module')
def files(tmp_path_factory):
  """Passages (the letter of the query's blank stands in the text)."""
  directory = tmp_path_factory.mktemp('files')
  with open(directory / 'passages.jsonl', 'w') as f:
    for i, letter in enumerate(LETTERS * 2):
      other = LETTERS[(i + 5) % 12]
      f.write(
        json.dumps(
          {
            'query': f'who is {letter} .',
            'span': [7, 8],
            'text': f'{other} is {letter}',
          }
        )
        + '\n'
      )
  (directory / 'vocab.txt').write_text('\n'.join(VOCAB))
  (directory / 'config.json').write_text(
    json.dumps(
      {
        'vocab_size': len(VOCAB),
        'hidden_size': 16,
        'num_hidden_layers': 1,
        'num_attention_heads': 2,
        'intermediate_size': 32,
        'max_position_embeddings': 16,
        'hidden_dropout_prob': 0.3,
        'attention_probs_dropout_prob': 0.3,
      }
    )
  )
  return directory


def make_config(files, model_dir, **changes):
  config = MlmConfig(
    model_dir=str(model_dir),
    train_passages=str(files / 'passages.jsonl'),
    bert=str(files / 'config.json'),
    vocab_file=str(files / 'vocab.txt'),
    max_length=16,
    max_predictions=4,
    train_steps=8,
    batch_size=6,
    learning_rate=1e-2,
    warmup_steps=2,
    log_every_steps=1,
    save_checkpoints_steps=4,
    seed=3,
    progress=False,
  )
  return dataclasses.replace(config, **changes)


def curve(model_dir):
  lines = summaries.read_metrics(model_dir / 'metrics.jsonl')
  return [line['loss'] for line in lines if line['kind'] == 'train']


def weights_of(bert):
  return {v.name: v.numpy() for v in bert.encoder.variables} | {
    v.name: v.numpy() for v in bert.mlm_head.variables
  }


class _KilledError(Exception):
  """Stands for SIGKILL."""


def test_interrupted_it_ends_with_the_same_weights(
  files, tmp_path, monkeypatch
):
  straight, broken = tmp_path / 'straight', tmp_path / 'broken'
  mlm.pretrain(make_config(files, straight))
  all_batches = mlm.MlmTask.train_batches

  def some_batches(self, start):
    for batch in all_batches(self, start):
      if batch.number == 6:
        raise _KilledError
      yield batch

  monkeypatch.setattr(mlm.MlmTask, 'train_batches', some_batches)
  with pytest.raises(_KilledError):
    mlm.pretrain(make_config(files, broken))
  assert not (broken / 'bert').exists()
  assert curve(broken) == curve(straight)[:6]
  monkeypatch.setattr(mlm.MlmTask, 'train_batches', all_batches)
  mlm.pretrain(make_config(files, broken))
  # Dropout is on: its state is part of what is resumed.
  assert curve(broken)[-4:] == curve(straight)[-4:]
  one, other = (
    weights_of(weights.load_bert(path / 'bert')) for path in (straight, broken)
  )
  assert one.keys() == other.keys()
  for name, value in one.items():
    np.testing.assert_array_equal(value, other[name], err_msg=name)
  start = weights.load_bert(files / 'config.json', seed=3)
  moved = [
    np.abs(one[v.name] - v.numpy()).max() > 1e-4
    for v in start.encoder.trainable_variables
    # What is added to all keys alike, softmax does not see.
    if 'pooler' not in v.name and 'key/bias' not in v.name
  ]
  assert all(moved)

  with pytest.raises(ValueError, match="mask_rate': 0.15.*mask_rate': 0.5"):
    mlm.pretrain(make_config(files, broken, mask_rate=0.5))


def test_learns_to_copy_and_writes_weights_with_their_vocabulary(
  files, tmp_path
):
  """Weights at a learned state are evaluated the same after loading."""
  config = make_config(
    files,
    tmp_path,
    heldout_passages=str(files / 'passages.jsonl'),
    train_steps=150,
    batch_size=24,
    eval_every=150,
    log_every_steps=50,
    save_checkpoints_steps=150,
    lower_case=False,
  )
  result = mlm.pretrain(config)
  assert set(result) >= {'loss', 'accuracy', 'span_accuracy'}
  assert result['loss'] < np.log(len(VOCAB)) - 0.3
  saved = weights.load_bert(tmp_path / 'bert')
  assert saved.lower_case is False
  tokenizer = BertTokenizer.from_file(saved.vocab_file, lower_case=False)
  assert tokenizer.vocab == tuple(VOCAB)
  model = mlm.MaskedLanguageModel(saved.config)
  model.init_from_bert(saved)
  losses = [
    float(model.loss_and_metrics(batch.features)[0])
    for batch in mlm.MlmTask(config).eval_batches()
  ]
  assert len(losses) == 1
  assert losses[0] == pytest.approx(result['loss'], rel=1e-4)


def test_half_precision_on_the_way_and_in_the_file(files, tmp_path):
  plain, mixed = tmp_path / 'plain', tmp_path / 'mixed'
  for directory in (plain, mixed):
    mlm.pretrain(
      make_config(
        files,
        directory,
        train_steps=2,
        mixed_precision=directory == mixed,
        weights_dtype='float16',
      )
    )
  one, other = curve(plain), curve(mixed)
  # bfloat16 was used: the numbers are near and not the same.
  assert one != other
  assert other == pytest.approx(one, rel=0.02)
  tensors = safetensors.numpy.load_file(mixed / 'bert' / 'model.safetensors')
  assert {t.dtype for t in tensors.values()} == {np.dtype(np.float16)}


@pytest.mark.parametrize('which', ['train_passages', 'heldout_passages'])
def test_a_malformed_passage_ends_a_strict_run_before_it_begins(
  files, tmp_path, which
):
  bad = tmp_path / 'bad.jsonl'
  bad.write_text('{"text": "a is b"}\n{"txt": "a"}\n')
  config = make_config(
    files, tmp_path / 'run', strict=True, **{which: str(bad)}
  )
  with pytest.raises(ValueError, match=r'bad\.jsonl:2: not a passage'):
    mlm.pretrain(config)
  assert not (tmp_path / 'run').exists()


def test_a_strict_run_checks_once_however_often_it_evaluates(
  files, tmp_path, monkeypatch
):
  heldout = tmp_path / 'heldout.jsonl'
  shutil.copy(files / 'passages.jsonl', heldout)
  config = make_config(
    files,
    tmp_path / 'run',
    heldout_passages=str(heldout),
    train_steps=6,
    eval_every=2,
    strict=True,
  )
  done = []

  def recorded(name, function):
    def call(*args):
      done.append(name)
      return function(*args)

    return call

  for module, name in (
    (mlm.mlm_examples, 'check_passages'),
    (mlm.MlmTask, 'eval_batches'),
  ):
    monkeypatch.setattr(module, name, recorded(name, getattr(module, name)))
  opened = []
  open_binary = files_lib.open_binary

  def open_and_count(path):
    opened.append(path)
    return open_binary(path)

  monkeypatch.setattr(files_lib, 'open_binary', open_and_count)
  mlm.pretrain(config)
  evaluations = done.count('eval_batches')
  assert evaluations >= 3
  assert done[:2] == ['check_passages'] * 2
  assert done.count('check_passages') == 2
  # Each evaluation reads what it evaluates, and nothing else.
  assert opened.count(str(heldout)) == 1 + evaluations
