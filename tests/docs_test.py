# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Commands in the documentation name programs and flags that exist."""

import functools
import pathlib
import re
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[1]
PAGES = ['README.md', 'docs/*.md', 'testdata/README.md', 'bin/*.py']
COMMAND = re.compile(r'(?:realm|-m bin\.)[ .]?([a-z_]+) (--.*)')


@functools.cache
def flags_of(program: str) -> set[str]:
  result = subprocess.run(
    [sys.executable, '-m', f'bin.{program}', '--help'],
    cwd=ROOT,
    capture_output=True,
    text=True,
    check=True,
  )
  return set(re.findall(r'^  --(?:\[no\])?(\w+)', result.stdout, re.MULTILINE))


@pytest.mark.parametrize(
  'page', [str(p.relative_to(ROOT)) for g in PAGES for p in ROOT.glob(g)]
)
def test_commands_exist(page):
  text = re.sub(r'\\\n\s*', '', (ROOT / page).read_text())
  wrong = [
    f'{program} --{flag}'
    for line in text.splitlines()
    if line.startswith('    ')
    for program, arguments in COMMAND.findall(line)
    for flag in re.findall(r'(?:^|\s)--(\w+)', arguments)
    if flag not in flags_of(program) | {'help'}
    and flag.removeprefix('no') not in flags_of(program)
  ]
  assert not wrong
