# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import json

import pytest

from realm_tf.training import warm_start

SIZES = {
  'vocab_size': 10,
  'hidden_size': 8,
  'num_hidden_layers': 1,
  'num_attention_heads': 2,
  'max_position_embeddings': 16,
}
VOCAB = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', 'a', 'b']


def write_vocab(path, vocab=VOCAB):
  path.write_text('\n'.join(vocab) + '\n')
  return str(path)


def write_config(directory):
  path = directory / 'bert_config.json'
  path.write_text(json.dumps(SIZES))
  return str(path)


def test_config_and_vocabulary(tmp_path):
  vocab = write_vocab(tmp_path / 'words.txt')
  config = write_config(tmp_path)
  bert, tokenizer = warm_start.load(config, vocab_file=vocab, lower_case=False)
  assert bert.config.hidden_size == 8
  assert (tokenizer.vocab_size, tokenizer.lower_case) == (7, False)


def test_dropout_is_replaced(tmp_path):
  vocab = write_vocab(tmp_path / 'words.txt')
  config = write_config(tmp_path)
  rates = []
  for dropout in (None, 0.0, 0.25):
    bert, _ = warm_start.load(config, vocab_file=vocab, dropout=dropout)
    rates += [bert.config.dropout, bert.config.attention_dropout]
  assert rates == [0.1, 0.1, 0.0, 0.0, 0.25, 0.25]


def test_without_a_vocabulary(tmp_path):
  with pytest.raises(ValueError, match='give `vocab_file`'):
    warm_start.load(write_config(tmp_path))


def test_a_vocabulary_that_is_too_large(tmp_path):
  vocab = write_vocab(tmp_path / 'words.txt', [*VOCAB, *'cdefgh'])
  with pytest.raises(ValueError, match='has 13 wordpieces, .* for 10'):
    warm_start.load(write_config(tmp_path), vocab_file=vocab)


@pytest.mark.parametrize(
  ('query', 'candidate', 'joint', 'longest'),
  [(17, 4, False, 17), (4, 17, False, 17), (8, 10, True, 18)],
)
def test_more_wordpieces_than_positions(
  tmp_path, query, candidate, joint, longest
):
  vocab = write_vocab(tmp_path / 'words.txt')
  bert, _ = warm_start.load(write_config(tmp_path), vocab_file=vocab)
  lengths = {'query_seq_len': query, 'candidate_seq_len': candidate}
  with pytest.raises(
    ValueError,
    match=f'`query_seq_len` is {query}, .*: {longest} wordpieces.* 16 pos',
  ):
    warm_start.check_lengths(bert.config, joint=joint, **lengths)
  shorter = {name: length - 1 for name, length in lengths.items()}
  warm_start.check_lengths(bert.config, joint=joint, **shorter)
