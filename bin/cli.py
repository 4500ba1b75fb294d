# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The `realm` command: `realm NAME --flags` is `python -m bin.NAME --flags`."""

import ast
import difflib
import pathlib
import runpy
import sys

import realm_tf

_USAGE = """\
Usage: realm PROGRAM [--flags]
       realm PROGRAM --help
       realm --version

REALM: retrieval-augmented language model pre-training in TensorFlow 2.

Programs:"""


_BIN = pathlib.Path(__file__).resolve().parent
_BENCHMARKS = _BIN.parent / 'benchmarks'  # In a checkout only.


def programs() -> dict[str, str]:
  """Each program with the first line of its docstring; nothing is imported."""
  found = {}
  hidden = {'cli'} if _BENCHMARKS.is_dir() else {'cli', 'benchmark'}
  for path in sorted(_BIN.glob('*.py')):
    text = path.read_text(encoding='utf-8')
    if "__name__ == '__main__'" in text and path.stem not in hidden:
      doc = ast.get_docstring(ast.parse(text)) or ''
      found[path.stem] = doc.partition('\n')[0]
  return found


def main() -> None:
  """Runs the program that the first argument names."""
  name = sys.argv[1] if len(sys.argv) > 1 else '--help'
  if name == '--version':
    print(f'realm_tf {realm_tf.__version__}')
    return
  known = programs()
  if name in ('-h', '--help', '--helpshort'):
    width = max(map(len, known))
    print(_USAGE, *(f'  {n:{width}}  {known[n]}' for n in known), sep='\n')
    return
  if name not in known:
    close = difflib.get_close_matches(name, known, 1)
    hint = f'Did you mean {close[0]}?' if close else '`realm` lists them.'
    raise SystemExit(f'realm: there is no program {name}. {hint}')
  del sys.argv[1]
  if name == 'benchmark':
    sys.path.append(str(_BENCHMARKS.parent))
  runpy.run_module(f'{__package__}.{name}', run_name='__main__', alter_sys=True)


if __name__ == '__main__':
  main()
