# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Converts what other programs made; what it is, is found by looking."""

import pathlib
import re
from collections.abc import Callable

from realm_tf.bert import weights
from realm_tf.configs.conversion_config import ConversionConfig
from realm_tf.corpus import formats
from realm_tf.corpus.corpus import Corpus
from realm_tf.io import files
from realm_tf.original import (
  model_conversion,
  original_corpus,
)
from realm_tf.questions import qa_datasets, qa_split
from realm_tf.text.tokenizer import BertTokenizer

MODELS, BLOCKS, CORPUS, QUESTIONS = 'models', 'blocks', 'corpus', 'questions'

_WEIGHTS = re.compile(r'\.(safetensors|bin|ckpt|index\.json)$')
_TEXT = re.compile(r'\.(jsonl?|csv|tsv)(\.gz|\.bz2)?$')
_HEAD = 64 << 20
_QUESTION = re.compile(rb'(?<!\\)"(question|question_text|input)"\s*:')


def kind_of(source: str) -> str:
  """Returns what a source is: `models`, `blocks`, `corpus` or `questions`.

  Args:
    source: Path, glob, or address of a TF Hub module.

  Raises:
    FileNotFoundError: Nothing is there.
  """
  path = pathlib.Path(source)
  if '://' in source or path.with_name(path.name + '.index').is_file():
    return MODELS
  if path.is_dir():
    if (path / original_corpus.BLOCKS).is_file():
      return BLOCKS
    if (path / 'documents').is_dir():
      return CORPUS
    texts = [str(p) for p in path.glob('*') if _TEXT.search(p.name)]
    is_model = any(p.name.endswith('.json') for p in path.glob('*'))
    return MODELS if is_model or not texts else kind_of(min(texts))
  try:
    first = files.expand(source)[0]
  except FileNotFoundError as e:
    raise FileNotFoundError(
      f'{source}: no such file, directory or checkpoint'
    ) from e
  if first != source and pathlib.Path(first).is_dir():
    return kind_of(first)
  if _WEIGHTS.search(first):
    return MODELS
  if formats.detect_format(first) == 'blocks':
    return BLOCKS
  if qa_datasets.detect_format(first) != 'jsonl':
    return QUESTIONS
  with files.open_binary(first) as f:
    # In Natural Questions the page comes before the question.
    return QUESTIONS if _QUESTION.search(f.readline(_HEAD)) else BLOCKS


def _tokenizer(config: ConversionConfig) -> BertTokenizer:
  if config.vocab_file is None:
    raise ValueError('give `vocab_file`')
  lower_case = config.lower_case
  if lower_case is None:
    lower_case = weights.is_lower_case(pathlib.Path(config.vocab_file))
  return BertTokenizer.from_file(config.vocab_file, lower_case=lower_case)


def _convert_corpus(config: ConversionConfig, kind: str) -> int:
  source = ','.join(config.sources)
  if kind == BLOCKS:
    return len(
      original_corpus.to_corpus(
        original_corpus.read(source),
        config.output_dir,
        _tokenizer(config),
        source=source,
      )
    )
  documents = Corpus.open(source)
  if config.to_format == 'realm':
    original_corpus.to_realm(
      documents, config.output_dir, num_shards=config.num_shards
    )
  elif config.to_format == 'orqa':
    original_corpus.to_orqa(documents, config.output_dir, _tokenizer(config))
  else:
    raise ValueError(f'{source} is a corpus already: give `to_format`')
  return len(documents)


def _split_questions(
  config: ConversionConfig, say: Callable[[str], None]
) -> None:
  if config.name is None:
    raise ValueError('give `name`, the beginning of the names of the files')
  dataset = qa_datasets.read_dataset(
    config.sources,
    format=config.format,
    is_regex=config.is_regex,
    strict=config.strict,
    field='sources',
  )
  split = qa_split.resplit(dataset.examples)
  paths = qa_split.write_split(split, config.output_dir, config.name)
  say(dataset.describe())
  for part, path in zip(split._fields, paths):
    say(f'{part:5} {len(getattr(split, part)):9,}  {path}')


def convert(
  config: ConversionConfig, say: Callable[[str], None] = print
) -> None:
  """Converts models, a corpus or questions.

  Models and corpora appear in their directory when they are complete.

  Args:
    config: What to convert, and where to.
    say: Receives lines on what was done.

  Raises:
    FileNotFoundError: A source does not exist.
    ValueError: Sources are of different kinds, or damaged; a model or corpus is
      to be written to what exists; or parts do not fit one another.
  """
  kinds = {kind_of(source) for source in config.sources}
  if len(kinds) > 1:
    raise ValueError(f'`sources` are of several kinds: {", ".join(kinds)}')
  (kind,) = kinds
  if kind == QUESTIONS:
    _split_questions(config, say)
    return
  output = pathlib.Path(config.output_dir)
  if output.exists() and (not output.is_dir() or any(output.iterdir())):
    raise ValueError(f'{output} exists already: name a new directory')
  if kind == MODELS:
    model_conversion.convert(config, say)
  else:
    count = _convert_corpus(config, kind)
    say(f'{count:,} blocks in {output}')
