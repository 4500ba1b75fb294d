# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The info file of a TF Hub module or SavedModel of this package."""

import os
from typing import Any

from realm_tf.io import atomic

INFO = os.path.join('assets.extra', 'realm.json')


def read_info(
  directory: str | os.PathLike, kind: str | None = None
) -> dict[str, Any]:
  """Returns what a module says about itself: kind, bert_config, step and so on.

  Args:
    directory: Directory of the module.
    kind: Kind that it must be of. Defaults to any.

  Raises:
    ValueError: There is no module of this package, or one of another kind.
  """
  path = os.path.join(directory, INFO)
  if not os.path.exists(path):
    raise ValueError(
      f'{os.fspath(directory)} is no TF Hub module of realm_tf: it has no'
      f' {INFO} (one of the original release: convert it)'
    )
  info = atomic.read_json(path)
  if kind is not None and info['kind'] != kind:
    raise ValueError(
      f'{os.fspath(directory)} is a module of kind {info["kind"]!r}, not'
      f' {kind!r}'
    )
  return info
