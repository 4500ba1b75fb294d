# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Reads the wordpieces of a `vocab.txt` or a `tokenizer.json`."""

import os
import pathlib
from typing import Any

from realm_tf.io import atomic, faults

TOKENIZER = 'tokenizer.json'
_SETTINGS = 'tokenizer_config.json'


def _check_settings(
  path: pathlib.Path,
  settings: dict[str, Any],
  lower_case: object,
  splits_chinese: str,
) -> None:
  """Refuses what the tokenizer does not do.

  Args:
    path: File of the settings.
    settings: Settings of Hugging Face.
    lower_case: Whether they make text lower case.
    splits_chinese: Name of the setting that splits Chinese characters.
  """
  accents = settings.get('strip_accents')
  wrong = []
  if accents is not None and bool(accents) != bool(lower_case):
    wrong.append(
      f'`strip_accents` {accents} (accents are removed with upper case, and'
      ' only then)'
    )
  if settings.get(splits_chinese, True) is False:
    wrong.append(f'`{splits_chinese}` False (each character is a word)')
  for name, known in (('word', 'basic'), ('subword', 'wordpiece')):
    kind = settings.get(f'{name}_tokenizer_type', known)
    if kind != known:
      wrong.append(f'`{name}_tokenizer_type` {kind}')
  if wrong:
    raise ValueError(
      f'{path}: {", ".join(wrong)} is not supported; without it wordpieces may'
      ' not be those that the model was trained with'
    )


def _check_beside(path: pathlib.Path) -> None:
  """Checks the settings in the directory of a vocabulary, if there are any."""
  beside = path.with_name(_SETTINGS)
  if beside.is_file():
    found = atomic.read_object(beside)
    lower_case = found.get('do_lower_case', True)
    _check_settings(beside, found, lower_case, 'tokenize_chinese_chars')
  fast = path.with_name(TOKENIZER)
  if path != fast and fast.is_file():
    _wordpiece_model(fast)


def _wordpiece_model(path: pathlib.Path) -> dict[str, Any]:
  found = atomic.read_json(path)
  model = found.get('model') if isinstance(found, dict) else None
  if not isinstance(model, dict) or not isinstance(model.get('vocab'), dict):
    raise ValueError(f'{path}: not a tokenizer of wordpieces')
  # Old files do not name the type.
  if model.get('type', 'WordPiece') != 'WordPiece':
    raise ValueError(
      f'{path}: a {model["type"]} tokenizer; only WordPiece is supported'
    )
  for name, known in (
    ('continuing_subword_prefix', '##'),
    ('unk_token', '[UNK]'),
  ):
    if model.get(name, known) != known:
      raise ValueError(
        f'{path}: its `{name}` is {model[name]!r}; only {known!r} is supported'
      )
  normalizer = found.get('normalizer') or {}
  if not isinstance(normalizer, dict):
    raise ValueError(f'{path}: its normalizer is no JSON object')
  kind = normalizer.get('type', 'BertNormalizer')
  if kind != 'BertNormalizer':
    raise ValueError(
      f'{path}: its normalizer is {kind}; only BertNormalizer is supported'
    )
  lower_case = normalizer.get('lowercase')
  if lower_case is not None:
    _check_settings(path, normalizer, lower_case, 'handle_chinese_chars')
  return found


def read_vocab(path: str | os.PathLike) -> list[str]:
  """Reads a vocabulary.

  Args:
    path: A wordpiece per line, or JSON of Hugging Face's tokenizers.

  Raises:
    ValueError: It is JSON of another tokenizer, or the settings beside it ask
      for what this package's tokenizer does not do.
  """
  path = pathlib.Path(path)
  _check_beside(path)
  if path.suffix == '.json':
    ids = _wordpiece_model(path)['model']['vocab']
    with faults.naming(path):
      pieces = sorted(ids, key=ids.__getitem__)
    if [ids[piece] for piece in pieces] != list(range(len(pieces))):
      raise ValueError(f'{path}: the ids of its wordpieces have gaps')
    return pieces
  with faults.naming(path):
    lines = path.read_text(encoding='utf-8-sig').split('\n')
  return [line.rstrip('\r') for line in (lines if lines[-1] else lines[:-1])]


def says_lower_case(path: str | os.PathLike) -> bool | None:
  """Whether a `tokenizer.json` is uncased; None if it does not say."""
  normalizer = _wordpiece_model(pathlib.Path(path)).get('normalizer')
  return (normalizer or {}).get('lowercase')
