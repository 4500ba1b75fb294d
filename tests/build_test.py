# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""BUILD mirrors the packages, and imports go down only."""

import ast
import pathlib
import re
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[1]

# DESIGN: an import goes from a room to one on a lower line.
ROOMS = [
  ['benchmarks'],
  ['training'],
  ['export'],
  ['models'],
  ['layers'],
  ['index'],
  ['data'],
  ['corpus'],
  ['text', 'bert', 'evaluation'],
  ['io'],
]
RANK = {room: -i for i, rooms in enumerate(ROOMS) for room in rooms}

# Import names whose distribution has another name.
DISTRIBUTIONS = {
  'absl': 'absl-py',
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
      assert node.level == 0, f'{path}:{node.lineno}: relative import'
      for alias in node.names:
        dotted = f'{node.module}.{alias.name}'
        is_module = (ROOT / (dotted.replace('.', '/') + '.py')).exists()
        is_package = (ROOT / dotted.replace('.', '/')).is_dir()
        names.add(dotted if is_module or is_package else node.module)
  return names


def _owner(dotted: str) -> str | None:
  """Returns the label that a file importing `dotted` must depend on."""
  parts = dotted.split('.')
  if parts[0] == 'realm_tf':
    return f':{parts[1]}' if len(parts) > 1 else ':realm_tf'
  if parts[0] == 'bin':
    return f':{parts[1]}' if len(parts) > 1 else None
  if parts[0] == 'testdata':
    return ':testdata_generator'
  if parts[0] in sys.stdlib_module_names or parts[0] in OPTIONAL:
    return None
  return f'@pypi//{DISTRIBUTIONS.get(parts[0], parts[0])}'


def _sources() -> list[str]:
  found = [
    str(p.relative_to(ROOT))
    for top in ('realm_tf', 'bin', 'testdata')
    for p in (ROOT / top).rglob('*.py')
  ]
  return sorted(found)


@pytest.fixture(scope='module')
def targets() -> dict[str, dict]:
  """Returns the arguments of each rule of BUILD by target name."""
  rules = {}
  for node in ast.parse((ROOT / 'BUILD').read_text()).body:
    call = getattr(node, 'value', None)
    if isinstance(call, ast.Call) and call.func.id in (
      'py_library',
      'py_binary',
    ):
      arguments = {k.arg: ast.literal_eval(k.value) for k in call.keywords}
      assert arguments['name'] not in rules, 'two targets of one name'
      rules[arguments['name']] = arguments
  return rules


def test_every_module_is_in_exactly_one_target(targets):
  listed = [s for t in targets.values() for s in t['srcs']]
  assert sorted(listed) == _sources()


def test_targets_depend_on_what_they_import(targets):
  wrong = []
  for name, target in targets.items():
    needed = set()
    for source in target['srcs']:
      needed.update(map(_owner, _imports(ROOT / source)))
    needed -= {None, f':{name}'}
    declared = set(target.get('deps', []))
    for label in sorted(needed - declared):
      wrong.append(f'{name} imports {label}, which its deps do not name')
    for label in sorted(declared - needed):
      wrong.append(f'{name} names {label} in deps and does not import it')
  assert not wrong, '\n'.join(wrong)


def test_rooms_mirror_packages(targets):
  for source in _sources():
    parts = source.split('/')
    if parts[0] == 'realm_tf':
      target = parts[1] if len(parts) > 2 else 'realm_tf'
    elif parts[0] == 'bin':
      target = parts[1][: -len('.py')] if parts[1] != '__init__.py' else 'bin'
    else:
      target = 'testdata_generator'
    assert source in targets[target]['srcs'], f'{source} not in {target}'


def test_imports_go_down_only():
  wrong = []
  for source in _sources():
    parts = source.split('/')
    for dotted in _imports(ROOT / source):
      target = dotted.split('.')
      if parts[0] != 'bin' and dotted.startswith('absl.flags'):
        wrong.append(f'{source} knows absl flags')
      if target[0] in ('keras',) or dotted.startswith('tensorflow.keras'):
        wrong.append(f'{source} imports Keras 3')
      if parts[0] != 'realm_tf' or len(parts) < 3 or len(target) < 2:
        continue
      if target[0] == 'bin':
        wrong.append(f'{source} imports a binary')
      if target[0] != 'realm_tf' or target[1] == parts[1]:
        continue
      if RANK[target[1]] >= RANK[parts[1]]:
        wrong.append(f'{source} imports {dotted}, which is not below it')
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
  for source in _sources():
    for dotted in _imports(ROOT / source):
      label = _owner(dotted)
      if label is None or not label.startswith('@pypi//'):
        continue
      name = re.escape(label[len('@pypi//') :])
      assert re.search(rf'^    {name}[\[=><]', declared, re.M), (
        f'{source} imports {dotted}: not in setup.cfg'
      )
