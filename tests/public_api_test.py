# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The public names of realm_tf, and their examples on what bin/demo made."""

import ast
import doctest
import inspect
import pathlib
import re
import shutil
import subprocess
import sys
import textwrap

import pytest

import realm_tf

pytestmark = pytest.mark.timeout(1200)
ROOT = pathlib.Path(__file__).resolve().parents[1]
NAMES = [name for name in realm_tf.__all__ if name != '__version__']


@pytest.fixture(scope='module')
def made(local_run, tmp_path_factory):
  """A directory with `out/`, as the examples assume it."""
  directory = tmp_path_factory.mktemp('examples')
  shutil.copytree(local_run.directory, directory / 'out')
  (directory / 'out/demo').symlink_to('.')
  (directory / 'out/index').symlink_to('realm/index')
  (directory / 'BERT').symlink_to(local_run.bert)
  (directory / 'wiki.jsonl').symlink_to(local_run.world / 'knowledge.jsonl')
  (directory / 'testdata').symlink_to(ROOT / 'testdata')
  for name in ('train', 'dev'):
    (directory / f'{name}.jsonl').symlink_to(
      local_run.world / f'qa/{name}.jsonl'
    )
  return directory


def test_the_import_is_fast_and_loads_no_tensorflow():
  program = (
    'import sys, time; start = time.process_time(); import realm_tf;'
    'print(time.process_time() - start, "tensorflow" in sys.modules)'
  )
  done = subprocess.run(
    [sys.executable, '-c', program], cwd=ROOT, capture_output=True, check=True
  )
  seconds, tensorflow = done.stdout.decode().split()
  assert float(seconds) < 0.2 and tensorflow == 'False'


def test_lists_its_names_for_people_and_type_checkers():
  stub = ast.parse((ROOT / 'realm_tf/__init__.pyi').read_text())
  (exported,) = (node for node in stub.body if isinstance(node, ast.Assign))
  assert set(ast.literal_eval(exported.value)) == set(NAMES)
  assert set(realm_tf.__all__) <= set(dir(realm_tf))
  with pytest.raises(AttributeError, match="'realm_tf' has no attribute 'x'"):
    _ = realm_tf.x


@pytest.mark.parametrize('name', NAMES)
def test_the_example_of_a_public_name_runs(name, made, monkeypatch):
  value = getattr(realm_tf, name)
  text = re.search(
    r'^Examples?:\n((?:  .*\n|\n)+)', f'{inspect.getdoc(value)}\n', re.M
  )
  assert text, f'{name} has no example'
  example = textwrap.dedent(text[1])
  monkeypatch.chdir(made)
  names = {**vars(sys.modules[value.__module__]), 'realm_tf': realm_tf}
  if '>>>' not in example:
    exec(compile(example, name, 'exec'), names)
    return
  test = doctest.DocTestParser().get_doctest(example, names, name, None, None)
  report: list[str] = []
  doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(
    test, out=report.append
  )
  assert not report, ''.join(report)


def test_the_script_of_the_readme_runs(made):
  blocks = re.findall(
    r'^```python\n(.*?)^```', (ROOT / 'README.md').read_text(), re.M | re.S
  )
  script = next(block for block in blocks if 'Corpus.open' in block)
  assert len([line for line in script.splitlines() if line]) <= 20
  done = subprocess.run(
    [sys.executable, '-c', script],
    cwd=made,
    env={'PYTHONPATH': str(ROOT), 'TF_CPP_MIN_LOG_LEVEL': '3'},
    capture_output=True,
    text=True,
    check=False,
  )
  assert done.returncode == 0, done.stderr
  assert '3/3 [' in done.stdout
