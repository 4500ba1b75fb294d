# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""REALM: retrieval-augmented language model pre-training in TensorFlow 2.

A public name is imported when it is first used, so that `import realm_tf` is
fast and does not load TensorFlow. `__init__.pyi` lists the names.
"""

import ast
import importlib
import pathlib
from typing import Any

__version__ = '0.1.0'

# Module and name in it by public name.
_HOMES = {
  alias.asname or alias.name: (node.module, alias.name)
  for node in ast.parse(
    pathlib.Path(__file__).with_suffix('.pyi').read_text()
  ).body
  if isinstance(node, ast.ImportFrom)
  for alias in node.names
}
__all__ = [*_HOMES, '__version__']  # noqa: PLE0604


def __getattr__(name: str) -> Any:
  """Imports a public name."""
  if name not in _HOMES:
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
  module, attribute = _HOMES[name]
  value = getattr(importlib.import_module(module), attribute)
  globals()[name] = value
  return value


def __dir__() -> list[str]:
  return sorted({*globals(), *__all__})
