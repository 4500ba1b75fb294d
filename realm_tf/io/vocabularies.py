# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Reads the wordpieces of a `vocab.txt` or a `tokenizer.json`."""

import os
import pathlib
from typing import Any

from realm_tf.io import atomic, faults

TOKENIZER = 'tokenizer.json'


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
  return found


def read_vocab(path: str | os.PathLike) -> list[str]:
  """Reads a vocabulary.

  Args:
    path: A wordpiece per line, or JSON of Hugging Face's tokenizers.

  Raises:
    ValueError: It is JSON of another tokenizer.
  """
  path = pathlib.Path(path)
  if path.suffix == '.json':
    ids = _wordpiece_model(path)['model']['vocab']
    with faults.naming(path):
      pieces = sorted(ids, key=ids.__getitem__)
    if [ids[piece] for piece in pieces] != list(range(len(pieces))):
      raise ValueError(f'{path}: the ids of its wordpieces have gaps')
    return pieces
  with faults.naming(path):
    lines = path.read_text(encoding='utf-8').split('\n')
  return [line.rstrip('\r') for line in (lines if lines[-1] else lines[:-1])]


def says_lower_case(path: str | os.PathLike) -> bool | None:
  """Whether a `tokenizer.json` is uncased; None if it does not say."""
  with faults.naming(path):
    normalizer = _wordpiece_model(pathlib.Path(path)).get('normalizer')
    return (normalizer or {}).get('lowercase')
