# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Packages realm_tf with its programs and the small world; see setup.cfg."""

import setuptools
from setuptools.command import build_py


class BuildPy(build_py.build_py):
  """Leaves out the code that makes the small world."""

  def find_package_modules(self, package, package_dir):
    """Modules of a package."""
    if package == 'realm_tf.testdata':
      return []
    return super().find_package_modules(package, package_dir)


setuptools.setup(
  cmdclass={'build_py': BuildPy},
  packages=[
    *setuptools.find_packages(include=['realm_tf', 'realm_tf.*']),
    'realm_tf.bin',
    'realm_tf.testdata',
  ],
  package_dir={'realm_tf.bin': 'bin', 'realm_tf.testdata': 'testdata'},
  package_data={
    'realm_tf': ['py.typed', '__init__.pyi'],
    'realm_tf.testdata': ['*.jsonl', '*.txt', 'bert/*', 'qa/*'],
  },
)
