# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The info file of a TF Hub module or SavedModel of this package."""

import os
from typing import Any

from realm_tf.io import atomic

INFO = os.path.join('assets.extra', 'realm.json')
_EXPORT = {
  'bert_config': {'max_positions': int},
  'lower_case': bool,
  'step': int,
  'vocab_fingerprint': str,
}
# Types of the fields that readers rely on, by kind.
_REQUIRED: dict[str, dict[str, Any]] = {
  'bert': _EXPORT,
  'embedder': {**_EXPORT, 'projection_size': int, 'separate_towers': bool},
  'span_reader': {
    **_EXPORT,
    'document_embedder_fingerprint': str,
    'max_span_width': int,
    'query_seq_len': int,
    'reader_seq_len': int,
    'span_hidden_size': int,
  },
  'entity_tagger': {'labels': list, 'whole_documents': bool},
}
_OPTIONAL = {
  'candidate_seq_len': int,
  'exported_at': float,
  'form': dict,
  'projection_epsilon': float,
  'query_seq_len': int,
  'separate_candidate_segments': bool,
}


def read_info(
  directory: str | os.PathLike, kind: str | None = None
) -> dict[str, Any]:
  """Returns what a module says about itself: kind, bert_config, step and so on.

  Args:
    directory: Directory of the module.
    kind: Kind that it must be of. Defaults to any.

  Raises:
    ValueError: There is no module of this package, or one of another kind, or
      its info file is broken.
  """
  path = os.path.join(directory, INFO)
  if not os.path.exists(path):
    raise ValueError(
      f'{os.fspath(directory)} is no TF Hub module of realm_tf: it has no'
      f' {INFO} (one of the original release: convert it)'
    )
  found = atomic.read_object(path, {'kind': str})['kind']
  if kind not in (None, found):
    raise ValueError(
      f'{os.fspath(directory)} is a module of kind {found!r}, not {kind!r}'
    )
  return atomic.read_object(path, _REQUIRED.get(found), _OPTIONAL)
