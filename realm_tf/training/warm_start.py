# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The BERT and the vocabulary that a training starts from."""

import dataclasses

from absl import logging

from realm_tf.bert import weights
from realm_tf.bert.bert_config import PRESETS, BertConfig
from realm_tf.text.tokenizer import BertTokenizer


def load(
  bert: str,
  *,
  vocab_file: str | None = None,
  lower_case: bool | None = None,
  with_mlm_head: bool = True,
  dropout: float | None = None,
  seed: int = 0,
) -> tuple[weights.Bert, BertTokenizer]:
  """Loads weights, and the tokenizer that belongs to them.

  Args:
    bert: What `bert.weights.load_bert` takes.
    vocab_file: Replaces the vocabulary that came with the weights.
    lower_case: Replaces what the weights say.
    with_mlm_head: Whether the head for masked words is made.
    dropout: Replaces the rates of dropout that the weights were trained with.
    seed: Of weights that are not loaded.

  Raises:
    ValueError: There is no vocabulary, or one that does not fit.
  """
  size = None
  if vocab_file is not None and bert in PRESETS:
    size = BertTokenizer.from_file(vocab_file).vocab_size
  loaded = weights.load_bert(
    bert, vocab_size=size, with_mlm_head=with_mlm_head, seed=seed
  )
  vocab_file = vocab_file or loaded.vocab_file
  if vocab_file is None:
    raise ValueError(f'{bert} comes without a vocabulary: give `vocab_file`')
  if lower_case is None:
    lower_case = loaded.lower_case
  tokenizer = BertTokenizer.from_file(vocab_file, lower_case=lower_case)
  if tokenizer.vocab_size > loaded.config.vocab_size:
    raise ValueError(
      f'{vocab_file} has {tokenizer.vocab_size} wordpieces, but {bert} has'
      f' embeddings for {loaded.config.vocab_size}'
    )
  loaded = dataclasses.replace(
    loaded, config=loaded.config.with_dropout(dropout)
  )
  logging.info('BERT from %s, vocabulary from %s', bert, vocab_file)
  return loaded, tokenizer


def check_lengths(
  config: BertConfig, *, query_seq_len: int, candidate_seq_len: int, joint: bool
) -> None:
  """Checks that BERT has a position for every wordpiece that it may be given.

  Args:
    config: Of the BERT.
    query_seq_len: Of `[CLS] x [SEP]`.
    candidate_seq_len: Of `[CLS] title [SEP] body [SEP]`.
    joint: Whether `[CLS] x [SEP] body [SEP]` is read, too.

  Raises:
    ValueError: It has not.
  """
  longest = max(query_seq_len, candidate_seq_len)
  what = f'`query_seq_len` is {query_seq_len}, '
  what += f'`candidate_seq_len` is {candidate_seq_len}'
  if joint:
    longest = max(longest, query_seq_len + candidate_seq_len)
    what += ' and both together'
  if longest > config.max_positions:
    raise ValueError(
      f'{what}: {longest} wordpieces, but this BERT has'
      f' {config.max_positions} positions; take shorter lengths'
    )
