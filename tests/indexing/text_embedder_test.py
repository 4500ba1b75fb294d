# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from realm_tf.indexing.text_embedder import TextEmbedder
from tests.support import sentence_encoders
from tests.support.small_world import tokenizer


def test_embeds_each_text_as_if_it_were_alone(tmp_path):
  bert = sentence_encoders.write_bert(tmp_path, tokenizer())
  sentence_encoders.write_modules(tmp_path, [])
  embedder = TextEmbedder.open(tmp_path)
  texts = ['lima', 'the big city of paris . ' * 9, '', b'rome has a river .']
  expected = [
    sentence_encoders.outputs(
      bert, tokenizer(), text if isinstance(text, str) else text.decode()
    ).mean(0)
    for text in texts
  ]
  found = embedder.queries(texts)
  assert found.dtype == np.float32 and found.shape == (4, 16)
  np.testing.assert_allclose(found, expected, atol=1e-5)
  np.testing.assert_allclose(embedder.documents(texts), expected, atol=1e-5)
  titled = embedder.documents(['has a river .', ''], ['rome', 'lima'])
  np.testing.assert_allclose(titled, [expected[3], expected[0]], atol=1e-5)
  assert embedder.queries([]).shape == embedder.documents([]).shape == (0, 16)
  with pytest.raises(ValueError, match='1 titles for 2 texts'):
    embedder.documents(['a', 'b'], ['c'])


def test_opens_what_this_package_writes(indexed):
  root, _, documents, embedder, *_ = indexed
  whole = TextEmbedder.open(root / 'index' / '3')
  vectors = whole.documents(documents.bodies([5]), documents.titles([5]))
  stored = np.load(root / 'index' / '3' / 'embeddings.npy')
  np.testing.assert_allclose(vectors[0], stored[5], atol=1e-4)
  np.testing.assert_allclose(
    TextEmbedder.open(root / 'embedder-3').queries(['land']),
    TextEmbedder(embedder, whole.tokenizer).queries(['land']),
    atol=1e-5,
  )
