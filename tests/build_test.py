# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Every file is in one target, and imports go down only."""

import ast
import fnmatch
import pathlib
import re
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[1]

# Import names whose distribution has another name.
DISTRIBUTIONS = {
  'Stemmer': 'PyStemmer',
  'absl': 'absl-py',
  'ir_measures': 'ir-measures',
  'official': 'tf-models-official',
  'orbit': 'tf-models-official',
  'tensorflow_hub': 'tensorflow-hub',
  'tensorflow_text': 'tensorflow-text',
  'tf_keras': 'tf-keras',
}
# Looked for where it is used, with a message that says how to install it.
OPTIONAL = {'spacy', 'apache_beam'}


def _imports(path: pathlib.Path) -> set[str]:
  """Returns the dotted names that a file imports, at any depth."""
  names = set()
  for node in ast.walk(ast.parse(path.read_text())):
    if isinstance(node, ast.Import):
      names.update(alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
      # bin/ is packaged as realm_tf.bin, so its imports are relative.
      module = node.module or ''
      if node.level:
        assert path.parent.name == 'bin', f'{path}: relative import'
        module = f'bin.{module}'.rstrip('.')
      names.update(f'{module}.{alias.name}' for alias in node.names)
  return names


def _sources() -> list[str]:
  return sorted(
    str(p.relative_to(ROOT))
    for top in ('realm_tf', 'bin', 'benchmarks', 'testdata')
    for p in (ROOT / top).rglob('*.py')
  )


@pytest.fixture(scope='module')
def rooms() -> dict[str, list[str]]:
  """`ROOMS` of BUILD: each room with what it may import, lowest first."""
  for node in ast.parse((ROOT / 'BUILD').read_text()).body:
    if isinstance(node, ast.Assign) and node.targets[0].id == 'ROOMS':
      return ast.literal_eval(node.value)
  raise AssertionError('BUILD has no ROOMS')


def test_every_file_is_in_exactly_one_target(rooms):
  patterns = [f'realm_tf/{room}/*.py' for room in rooms]
  patterns += re.findall(
    r'srcs = glob\(\["([^"%]+)"\]\)', (ROOT / 'BUILD').read_text()
  )
  for source in _sources():
    owners = [
      pattern
      for pattern in patterns
      if fnmatch.fnmatch(source, pattern.replace('**/', '*'))
      and ('**' in pattern or source.count('/') == pattern.count('/'))
    ]
    assert len(owners) == 1, f'{source} is in {owners}'


def test_a_room_imports_only_rooms_that_it_names_and_that_are_below(rooms):
  order = list(rooms)
  wrong = []
  for room, deps in rooms.items():
    below = order[: order.index(room)]
    named = [d for d in deps if not d.startswith('@')]
    wrong += [f'{room} names {d}, not below' for d in named if d not in below]
    imported = {
      dotted.split('.')[1]
      for path in (ROOT / 'realm_tf' / room).glob('*.py')
      for dotted in _imports(path)
      if dotted.startswith('realm_tf.')
    } - {room}
    wrong += [f'{room} imports {r}' for r in sorted(imported - set(named))]
    wrong += [f'{room} has no use of {r}' for r in set(named) - imported]
  assert not wrong, '\n'.join(wrong)


def test_no_file_name_stands_in_two_rooms():
  seen: dict[str, pathlib.Path] = {}
  for path in sorted((ROOT / 'realm_tf').rglob('*.py')):
    if path.name != '__init__.py':
      assert path.name not in seen, f'{path} and {seen[path.name]}'
      seen[path.name] = path


def test_the_library_knows_no_flags_no_binary_and_no_keras_3():
  wrong = []
  for source in _sources():
    library = source.startswith('realm_tf/')
    for dotted in _imports(ROOT / source):
      if library and dotted.startswith('absl.flags'):
        wrong.append(f'{source} knows absl flags')
      if library and dotted.split('.')[0] in ('bin', 'benchmarks'):
        wrong.append(f'{source} imports {dotted}')
      if dotted.split('.')[0] == 'keras' or dotted.startswith(
        'tensorflow.keras'
      ):
        wrong.append(f'{source} imports Keras 3')
  assert not wrong, '\n'.join(wrong)


def test_every_file_bears_the_licence():
  for source in _sources():
    head = (ROOT / source).read_text().splitlines()[:2]
    assert head == [
      '# Copyright 2026 The realm_tf Authors.',
      '# SPDX-License-Identifier: Apache-2.0',
    ], source


def test_setup_names_what_is_imported():
  declared = (ROOT / 'setup.cfg').read_text()
  own = {'realm_tf', 'bin', 'benchmarks', 'testdata'}
  for source in _sources():
    for dotted in _imports(ROOT / source):
      top = dotted.split('.')[0]
      if top in own | OPTIONAL | set(sys.stdlib_module_names):
        continue
      name = re.escape(DISTRIBUTIONS.get(top, top))
      assert re.search(rf'^    {name}[\[=><]', declared, re.M), (
        f'{source} imports {dotted}: not in setup.cfg'
      )
