# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import tensorflow as tf

from testdata.original import release
from tests.support import original_files


def tensors(prefix):
  reader = tf.train.load_checkpoint(str(prefix))
  return {n: reader.get_tensor(n) for n in reader.get_variable_to_shape_map()}


def test_the_script_writes_what_is_committed(tmp_path):
  release.generate(tmp_path / 'release')
  names = [
    {p.relative_to(root) for p in root.rglob('*') if p.is_file()}
    for root in (tmp_path / 'release', original_files.RELEASE)
  ]
  assert names[0] == names[1]
  made = dict(np.load(tmp_path / 'release' / 'expected.npz'))
  committed = original_files.release_numbers()
  assert made.keys() == committed.keys()
  for name, value in committed.items():
    np.testing.assert_allclose(made[name], value, rtol=1e-4, atol=1e-5)
  for name in names[0]:
    path, other = tmp_path / 'release' / name, original_files.RELEASE / name
    if name.suffix == '.index':
      made = tensors(path.with_suffix(''))
      for key, value in tensors(other.with_suffix('')).items():
        np.testing.assert_allclose(made[key], value, rtol=1e-4, atol=1e-5)
    elif name.suffix in ('.tfr', '.txt', '.json', '.jsonl'):
      assert path.read_bytes() == other.read_bytes(), name
