# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""What trainings start from: a BERT, a span reader, a query embedder."""

import dataclasses
import functools
import os
import pathlib
from collections.abc import Callable, Mapping
from typing import Any

from absl import logging

from realm_tf.bert import weights
from realm_tf.bert.bert_config import PRESETS, BertConfig
from realm_tf.configs.embedder_config import EmbedderForm, EmbedderStartConfig
from realm_tf.configs.embedding_config import EmbeddingConfig
from realm_tf.configs.ict_config import IctConfig
from realm_tf.configs.realm_config import RealmConfig
from realm_tf.configs.training_config import WarmStartConfig
from realm_tf.corpus.corpus import Corpus
from realm_tf.hub import hub_modules, span_reader_module, text_encoders
from realm_tf.index import build_index, versions
from realm_tf.index.index import Index
from realm_tf.indexing import embedder_start
from realm_tf.io import compatibility
from realm_tf.modeling.embedder import Embedder
from realm_tf.modeling.span_reader import SpanReader
from realm_tf.text.tokenizer import BertTokenizer


def load_bert(
  bert: str,
  *,
  vocab_file: str | None = None,
  lower_case: bool | None = None,
  with_mlm_head: bool = True,
  dropout: float | None = None,
  seed: int = 0,
) -> tuple[weights.Bert, BertTokenizer]:
  """Loads a BERT and its tokenizer.

  Vocabulary, case and dropout default to what the weights say.

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
  logging.info('BERT from %s, vocabulary from %s', bert, vocab_file)
  config = loaded.config.with_dropout(dropout)
  return dataclasses.replace(loaded, config=config), tokenizer


def warm_start(
  config: WarmStartConfig, *, with_mlm_head: bool = True
) -> tuple[weights.Bert, BertTokenizer]:
  """Loads the BERT and the tokenizer that a configuration names."""
  return load_bert(
    config.bert,
    vocab_file=config.vocab_file,
    lower_case=config.lower_case,
    with_mlm_head=with_mlm_head,
    dropout=config.dropout,
    seed=config.seed,
  )


@dataclasses.dataclass(frozen=True)
class NewEmbedder:
  """An embedder to be made from a BERT."""

  bert: weights.Bert
  tokenizer: BertTokenizer
  form: EmbedderForm
  projection_size: int
  separate_towers: bool
  seed: int

  @property
  def shape(self) -> dict[str, Any]:
    """Arguments of `Embedder`, as JSON."""
    size = self.projection_size
    return {
      'bert_config': dataclasses.asdict(self.bert.config),
      'projection_size': (
        size if self.form.projection else self.bert.config.hidden_size
      ),
      'separate_towers': self.separate_towers,
      'form': self.form.to_dict(),
    }

  def make(self) -> Embedder:
    """Makes the embedder, under the current precision policy."""
    embedder = Embedder(
      self.bert.config,
      self.projection_size,
      self.separate_towers,
      form=self.form,
      seed=self.seed,
    )
    embedder.init_from_bert(self.bert)
    return embedder


@dataclasses.dataclass(frozen=True)
class _SavedModule:
  """An export, to be trained further with `dropout`."""

  directory: str
  info: Mapping[str, Any]
  dropout: float | None

  @property
  def bert_config(self) -> BertConfig:
    """Configuration of its encoder."""
    config = hub_modules.bert_config_of(self.directory, self.info)
    return config.with_dropout(self.dropout)

  @functools.cached_property
  def tokenizer(self) -> BertTokenizer:
    """Tokenizer of its wordpieces."""
    return hub_modules.load_tokenizer(self.directory)


@dataclasses.dataclass(frozen=True)
class SavedEmbedder(_SavedModule):
  """An exported embedder, to be trained further with `dropout`."""

  @property
  def shape(self) -> dict[str, Any]:
    """Arguments of `Embedder`, as JSON."""
    return {
      'bert_config': dataclasses.asdict(self.bert_config),
      'projection_size': self.info['projection_size'],
      'separate_towers': self.info['separate_towers'],
      'form': EmbedderForm(**self.info.get('form', {})).to_dict(),
    }

  def make(self) -> Embedder:
    """Makes the embedder, under the current precision policy."""
    return hub_modules.load_embedder(self.directory, dropout=self.dropout)


def find_embedder(
  config: IctConfig | RealmConfig,
  bert: Callable[[], tuple[weights.Bert, BertTokenizer]],
) -> NewEmbedder | SavedEmbedder:
  """Finds the embedder that a pre-training starts from.

  That is `embedder`, or a new one that starts from a BERT, which is loaded if
  it is needed.

  Raises:
    MismatchError: `embedder` has another vocabulary than the corpus.
    ValueError: There is no such embedder, or it is not as asked for.
  """
  directory, changes = config.embedder, config.part(EmbedderStartConfig)
  if directory is None:
    loaded, tokenizer = bert()
    return NewEmbedder(
      loaded,
      tokenizer,
      text_encoders.new_form(changes, tokenizer),
      config.projection_size or text_encoders.PROJECTION_SIZE,
      bool(config.separate_towers),
      config.seed,
    )
  if text_encoders.is_encoder(directory):
    encoders = directory.split(',')
    if config.separate_towers is False and len(encoders) > 1:
      raise ValueError(f'`separate_towers`: {directory} are two encoders')
    if config.separate_towers and len(encoders) == 1:
      encoders *= 2
    directory = os.path.join(config.model_dir, 'start', 'embedder')
    corpus = Corpus.open(config.corpus_dir)
    embedder_start.as_module(
      ','.join(encoders), directory, changes, corpus, seed=config.seed
    )
  else:
    embedder_start.check_unchanged(directory, config)
  info = hub_modules.read_info(directory, 'embedder')
  return SavedEmbedder(directory, info, config.dropout)


@dataclasses.dataclass(frozen=True)
class NewReader:
  """A span reader to be made from a BERT, with a new MLP."""

  bert: weights.Bert
  tokenizer: BertTokenizer
  max_span_width: int
  span_hidden_size: int
  seed: int

  @property
  def bert_config(self) -> BertConfig:
    """Configuration of its encoder."""
    return self.bert.config

  def make(self) -> SpanReader:
    """Makes the reader, under the current precision policy."""
    reader = SpanReader(
      self.bert.config,
      max_span_width=self.max_span_width,
      span_hidden_size=self.span_hidden_size,
      seed=self.seed,
    )
    reader.init_from_bert(self.bert)
    return reader


@dataclasses.dataclass(frozen=True)
class SavedReader(_SavedModule):
  """An exported span reader, to be trained further with `dropout`."""

  max_span_width: int
  seed: int

  @property
  def span_hidden_size(self) -> int:
    """Hidden units of its MLP."""
    return self.info['span_hidden_size']

  def make(self) -> SpanReader:
    """Makes the reader, under the current precision policy."""
    logging.info('reader from %s, step %d', self.directory, self.info['step'])
    return span_reader_module.load_span_reader(
      self.directory,
      max_span_width=self.max_span_width,
      dropout=self.dropout,
      seed=self.seed,
    )


def find_reader(
  *,
  bert: str | None,
  span_reader: str | None,
  max_span_width: int,
  span_hidden_size: int,
  dropout: float | None,
  seed: int,
) -> NewReader | SavedReader:
  """Finds the reader to start from: `span_reader`, or `bert` with a new MLP."""
  if span_reader is not None:
    info = hub_modules.read_info(span_reader, span_reader_module.KIND)
    return SavedReader(span_reader, info, dropout, max_span_width, seed)
  assert bert is not None
  loaded, tokenizer = load_bert(
    bert, with_mlm_head=False, dropout=dropout, seed=seed
  )
  return NewReader(loaded, tokenizer, max_span_width, span_hidden_size, seed)


def _trained_on(span_reader: str | os.PathLike) -> str:
  """Fingerprint of the document embedder that a reader was trained with."""
  info = hub_modules.read_info(span_reader, span_reader_module.KIND)
  return info['document_embedder_fingerprint']


def _check_embedder(embedder: str, index: Index) -> None:
  """Checks that an embedder made the index or was fine-tuned on it.

  An export of a fine-tuning says so in the reader beside its embedder.
  """
  made_by = index.metadata.embedder_fingerprint
  own = build_index.fingerprint_embedder(embedder)
  fits, what = [own], own
  beside = pathlib.Path(embedder).parent / 'span_reader'
  if beside.is_dir():
    fits.append(_trained_on(beside))
    what += f', fine-tuned on documents of {fits[-1]}'
  if made_by not in (*fits, versions.UNKNOWN):
    raise compatibility.MismatchError(
      f'{index.path} is an index of the embedder {made_by}, and'
      f' `embedder` {embedder} is {what}: build the index with it, or give'
      ' `refresh_schedule`'
    )


def _beside_reader(
  span_reader: str, index: Index, refreshed: bool
) -> str | None:
  """The embedder beside a reader, unless it was trained on another index."""
  its, made_by = _trained_on(span_reader), index.metadata.embedder_fingerprint
  beside = pathlib.Path(span_reader).parent / 'embedder'
  if not beside.is_dir():
    logging.warning('there is no embedder beside %s', span_reader)
  elif refreshed or made_by in (its, versions.UNKNOWN):
    return str(beside)
  else:
    logging.warning(
      '%s was trained on documents of the embedder %s, and %s is of %s:'
      ' questions start from the embedder of the index',
      *(span_reader, its, index.path, made_by),
    )
  return None


def find_query_embedder(
  embedder: str | None,
  span_reader: str | None,
  index: Index,
  tokenizer: BertTokenizer,
  *,
  refreshed: bool,
) -> str:
  """Finds the query embedder that a fine-tuning starts from.

  That is `embedder`, or the one beside `span_reader` if it fits the index or
  the documents are `refreshed`, or the index's own.

  Raises:
    MismatchError: `embedder` neither made the index nor was fine-tuned on it,
      or has another vocabulary. The message names both fingerprints.
    ValueError: There is none, or it is a module of another kind.
  """
  if embedder is None and span_reader is not None:
    embedder = _beside_reader(span_reader, index, refreshed)
  elif embedder is not None:
    hub_modules.read_info(embedder, 'embedder')
    if not refreshed:
      _check_embedder(embedder, index)
  embedder = embedder or index.embedder_dir
  if embedder is None:
    raise ValueError(
      f'{index.path} was published without its embedder: give `embedder`'
    )
  compatibility.check(
    compatibility.Part('the reader', vocabulary=tokenizer.fingerprint),
    hub_modules.module_part(embedder),
  )
  logging.info('questions are embedded by %s', embedder)
  return embedder


def refreshed_embedding(
  embedder_dir: str,
  candidate_seq_len: int | None,
  metadata: versions.IndexMetadata,
) -> EmbeddingConfig:
  """Returns how a fine-tuning embeds the documents for its own index.

  The length defaults to that of the index that it starts with.

  Raises:
    ValueError: BERT has too few positions; or documents have a tower of their
      own, which fine-tuning does not train.
  """
  length = candidate_seq_len or metadata.max_length
  embedding = EmbeddingConfig()
  if length is not None:
    embedding = EmbeddingConfig(candidate_seq_len=length)
  info = hub_modules.read_info(embedder_dir, 'embedder')
  compatibility.check_lengths(
    embedder_dir,
    info['bert_config']['max_positions'],
    candidate_seq_len=embedding.candidate_seq_len,
  )
  if info['separate_towers']:
    raise ValueError(
      f'{embedder_dir} has a tower of its own for documents, which fine-tuning'
      ' does not train: leave out `refresh_schedule`'
    )
  return embedding
