# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import shutil

import pytest

from realm_tf.original import original_sources
from realm_tf.text.tokenizer import BertTokenizer
from tests.support import original_files

RELEASE = original_files.RELEASE


def test_modules_and_what_is_in_them():
  sources = original_sources.find(RELEASE / 'modules')
  assert [[e.kind for e in s.found.encoders] for s in sources] == [
    ['bert'],
    ['embedder'],
  ]
  blocks = [s.block_embeddings for s in sources]
  assert blocks[0] is None and blocks[1].shape == (24, 8)
  # What their own tokenization_info says of the vocabulary is no path here.
  tokenizer = original_sources.find_tokenizer(sources)
  expected = BertTokenizer.from_file(original_files.VOCAB)
  assert tokenizer.fingerprint == expected.fingerprint


def test_vocabulary_of_another_name(tmp_path):
  shutil.copytree(RELEASE / 'modules/bert', tmp_path / 'bert')
  assets = tmp_path / 'bert' / 'assets'
  (assets / 'vocab.txt').rename(assets / 'wordpieces.txt')
  (source,) = original_sources.find(tmp_path / 'bert')
  assert source.files.vocab == assets / 'wordpieces.txt'


def test_different_vocabularies_are_refused(tmp_path):
  shutil.copytree(RELEASE / 'modules', tmp_path / 'modules')
  path = tmp_path / 'modules/bert/assets/vocab.txt'
  path.write_text(path.read_text().replace('river', 'brook'))
  sources = original_sources.find(tmp_path / 'modules')
  with pytest.raises(ValueError, match='has the vocabulary'):
    original_sources.find_tokenizer(sources)
  given = original_sources.find_tokenizer(sources, str(original_files.VOCAB))
  assert 'river' in given.vocab


def test_no_vocabulary():
  sources = original_sources.find(original_files.HUGGING_FACE / 'openqa')
  assert original_sources.find_tokenizer(sources) is None
  made = original_sources.find_tokenizer(
    sources, str(original_files.VOCAB), lower_case=False
  )
  assert not made.lower_case


def test_an_orqa_fine_tuning_is_its_best_checkpoint():
  (source,) = original_sources.find(RELEASE / 'orqa')
  assert source.path.name == 'model.ckpt-30'
  assert source.settings['max_span_width'] == 4
  embedder = source.found.encoders[0]
  assert source.bert_config(embedder).num_heads == 2
  assert source.projection_epsilon(embedder) == 1e-3
  embedder.norm_name = 'LayerNorm'  # As slim layers call it.
  assert source.projection_epsilon(embedder) == 1e-12


def test_our_own_and_what_is_not_there(tmp_path):
  (tmp_path / 'ours/assets.extra').mkdir(parents=True)
  (tmp_path / 'ours/assets.extra/realm.json').write_text('{}')
  with pytest.raises(ValueError, match='nothing to convert'):
    original_sources.find(tmp_path / 'ours')
  with pytest.raises(FileNotFoundError, match='nor a TensorFlow checkpoint'):
    original_sources.find(tmp_path / 'ours' / 'assets.extra')
  with pytest.raises(ValueError, match='copy it to a disk first'):
    original_sources.find('gs://realm-data/cc_news_pretrained')
