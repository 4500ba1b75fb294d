# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import pytest
import tensorflow as tf
import tf_keras as keras

from realm_tf.bert import precision


@pytest.mark.parametrize('mixed', [False, True])
def test_layers_keep_what_they_were_made_in(mixed):
  with precision.mixed_precision_scope(mixed):
    layer = keras.layers.Dense(3)
  out = layer(tf.ones([2, 4]))
  assert out.dtype == (tf.bfloat16 if mixed else tf.float32)
  assert layer.kernel.dtype == tf.float32


def test_the_setting_is_as_before_whatever_happens():
  before = keras.mixed_precision.global_policy().name
  with pytest.raises(KeyError), precision.mixed_precision_scope(True):
    with precision.mixed_precision_scope(False):
      assert keras.mixed_precision.global_policy().name == 'float32'
    assert keras.mixed_precision.global_policy().name == 'mixed_bfloat16'
    raise KeyError
  assert keras.mixed_precision.global_policy().name == before


@pytest.mark.parametrize('unit', ['avx512_bf16', 'amx_bf16', 'bf16', ''])
def test_says_once_where_mixed_precision_is_slow(
  unit, tmp_path, monkeypatch, caplog
):
  cpuinfo = tmp_path / 'cpuinfo'
  cpuinfo.write_text(f'flags : fpu avx512f {unit}\nbugs: none\n')
  found = precision.has_bfloat16(str(cpuinfo))
  assert found == bool(unit) and precision.has_bfloat16(str(tmp_path / 'no'))
  monkeypatch.setattr(precision, 'has_bfloat16', lambda: found)
  precision._warn_where_slow.cache_clear()
  for mixed in (False, True, True):
    with precision.mixed_precision_scope(mixed):
      pass
  said = [record.getMessage() for record in caplog.records]
  assert len(said) == (not unit)
