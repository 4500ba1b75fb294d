# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import hashlib
import json

import numpy as np
import tensorflow as tf

from realm_tf.corpus import document_uids
from tests.support import shared_data


def test_low_bits_of_sha1():
  whole = int(hashlib.sha1('Köln <sep> a city'.encode()).hexdigest(), 16)
  got = document_uids.document_uid(['Köln'], ['a city']).numpy()
  assert got.view(np.uint64)[0] == whole % 2**64


def test_in_a_graph_and_in_a_dataset():
  dataset = tf.data.Dataset.from_tensor_slices((['a', 'b'], ['x', '']))
  got = next(iter(dataset.batch(2).map(document_uids.document_uid)))
  np.testing.assert_array_equal(
    got, document_uids.uids_of([b'a', b'b'], [b'x', b''])
  )


def test_the_originals_uids():
  golden = json.loads(shared_data.path('goldens', 'doc_uids.json').read_text())
  got = document_uids.document_uid(
    [g['title'] for g in golden], [g['body'] for g in golden]
  ).numpy()
  expected = np.array([int(g['uid']) % 2**64 for g in golden], np.uint64)
  np.testing.assert_array_equal(got.view(np.uint64), expected)
