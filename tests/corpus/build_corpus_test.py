# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import json
import pathlib
import shutil

import pytest

from realm_tf.configs.corpus_config import CorpusConfig
from realm_tf.corpus import blocks, build_corpus
from realm_tf.corpus.corpus import is_corpus
from realm_tf.corpus.document import CorpusError
from realm_tf.io import atomic
from realm_tf.text.tokenizer import BertTokenizer
from tests.support import shared_data

ROOT = pathlib.Path(__file__).resolve().parents[2]


def _config(corpus_file, output_dir, vocab_file, **kwargs):
  return CorpusConfig(
    input=[str(corpus_file)],
    output_dir=str(output_dir),
    vocab_file=vocab_file,
    progress=False,
    **{'num_processes': 1, 'records_per_shard': 512, **kwargs},
  )


def _contents(directory):
  return {
    str(p.relative_to(directory)): p.read_bytes()
    for p in directory.rglob('*')
    if p.is_file()
  }


def test_the_same_bytes_with_any_number_of_processes(
  corpus_file, tmp_path, vocab_file
):
  for n in (1, 2):
    build_corpus.build_corpus(
      _config(corpus_file, tmp_path / str(n), vocab_file, num_processes=n)
    )
  contents = _contents(tmp_path / '1')
  assert contents == _contents(tmp_path / '2')
  assert len(contents) == 15
  vocab = pathlib.Path(vocab_file).read_text()
  assert contents['vocab.txt'].decode() == vocab


@pytest.mark.parametrize('parts', [0, 1, 2])
def test_a_killed_build_resumes_after_the_last_whole_part(
  corpus_file, tmp_path, vocab_file, monkeypatch, parts
):
  whole = _config(corpus_file, tmp_path / 'whole', vocab_file)
  build_corpus.build_corpus(whole)
  config = _config(corpus_file, tmp_path / 'out', vocab_file)
  made, write_json = [], atomic.write_json
  make_blocks = blocks.make_blocks

  def fail(path, value):
    # After the blocks of a part, and before the note about them.
    if path.name == f'{parts:05d}.json':
      raise InterruptedError
    write_json(path, value)

  def count(*args):
    made.append(args)
    return make_blocks(*args)

  with monkeypatch.context() as patch, pytest.raises(InterruptedError):
    patch.setattr(atomic, 'write_json', fail)
    build_corpus.build_corpus(config)
  assert not is_corpus(tmp_path / 'out')
  with monkeypatch.context() as patch:
    patch.setattr(build_corpus.blocks, 'make_blocks', count)
    build_corpus.build_corpus(config)
  assert len(made) == 3 - parts
  assert _contents(tmp_path / 'out') == _contents(tmp_path / 'whole')


def test_manifest_and_blocks_agree(corpus_file, tmp_path, vocab_file):
  corpus = build_corpus.build_corpus(
    _config(corpus_file, tmp_path / 'out', vocab_file, max_block_length=64)
  )
  tokenizer = BertTokenizer.from_file(vocab_file)
  assert corpus.vocab_fingerprint == tokenizer.fingerprint
  assert corpus.vocab_size == tokenizer.vocab_size
  assert corpus.tokenizer.vocab == tokenizer.vocab
  assert corpus.max_block_length == 64
  assert len(corpus) == corpus.counts['blocks'] > corpus.counts['kept']
  assert corpus.body_lengths.sum() == corpus.counts['wordpieces']
  assert (corpus.body_lengths + corpus.title_lengths).max() <= 64 - 3
  bodies = corpus.bodies(range(len(corpus)))
  assert corpus.gather(range(len(corpus)))[1].to_list() == (
    tokenizer.tokenize(bodies).to_list()
  )
  # What it was made of does not matter, so a corpus made of it is the same.
  again = build_corpus.build_corpus(
    _config(tmp_path / 'out', tmp_path / 'again', vocab_file)
  )
  assert again.fingerprint == corpus.fingerprint
  assert again.info['settings']['input'] == [
    {'path': 'out', 'format': 'corpus', 'digest': corpus.fingerprint}
  ]


def test_blocks_know_the_record_that_they_came_from(tmp_path, vocab_file):
  (tmp_path / 'a.jsonl').write_text(
    '{"id": 7, "title": "A", "text": "The king. ' + 'River town. ' * 60 + '"}\n'
    '{"id": "x é", "url": "u/é", "title": "B", "text": "The old town."}\n'
    '{"title": "C", "text": "Another town."}\n'
  )
  (tmp_path / 'b.tsv').write_text('id\ttext\ttitle\n12\tOld river.\tD\n')
  corpus = build_corpus.build_corpus(
    _config(
      tmp_path / '[ab].*', tmp_path / 'out', vocab_file, max_block_length=64
    )
  )
  found = corpus.record_ids(range(len(corpus)))
  first = found.count('7')
  assert first > 2 and found == ['7'] * first + ['x é', '', '12']
  assert corpus.urls(range(len(corpus))) == [''] * first + ['u/é', '', '']
  assert corpus.rows_of_records(['7'])['7'] == list(range(first))
  # They survive where a corpus is the input.
  again = build_corpus.build_corpus(
    _config(tmp_path / 'out', tmp_path / 'again', vocab_file)
  )
  assert again.record_ids(range(len(again))) == found
  assert again.urls([first]) == ['u/é']


def test_vocabulary_and_case_of_a_bert(corpus_file, tmp_path):
  bert = tmp_path / 'bert'
  bert.mkdir()
  shutil.copy(ROOT / 'testdata/bert/config.json', bert)
  shutil.copy(ROOT / 'testdata/bert/model.safetensors', bert)
  config = CorpusConfig(
    input=str(corpus_file), output_dir=str(tmp_path / 'out'), bert=str(bert)
  )
  with pytest.raises(CorpusError, match='`bert`: .*: it has no vocabulary'):
    build_corpus.build_corpus(config)
  shutil.copy(ROOT / 'testdata/bert/vocab.txt', bert)
  (bert / 'tokenizer_config.json').write_text('{"do_lower_case": false}')
  made = build_corpus.build_corpus(config).tokenizer
  assert not made.lower_case
  assert (
    made.vocab_size == len((bert / 'vocab.txt').read_text().split('\n')) - 1
  )


def test_without_a_vocabulary_words_are_counted(tmp_path):
  path = tmp_path / 'text.jsonl'
  sentence = 'Zürich, naïve café.'  # Five words and marks.
  record = {'title': 'Ort', 'text': ' '.join([sentence] * 9)}
  path.write_text(json.dumps(record))
  config = CorpusConfig(
    input=str(path), output_dir=str(tmp_path / 'out'), max_block_length=24
  )
  corpus = build_corpus.build_corpus(config)
  # The second block of four is the first one again.
  assert corpus.bodies([0, 1]) == [' '.join([sentence] * n) for n in (4, 1)]
  assert corpus.body_lengths.tolist() == [20, 5]
  assert corpus.vocab_size == 6


def test_errors(corpus_file, tmp_path, vocab_file):
  with pytest.raises(CorpusError, match='`vocab_file`: /no/vocab'):
    build_corpus.build_corpus(_config(corpus_file, tmp_path / 'o', '/no/vocab'))
  with pytest.raises(CorpusError, match='`input`: no file matches'):
    build_corpus.build_corpus(_config('/no/file', tmp_path / 'o', vocab_file))


def test_mediawiki_sample(tmp_path):
  dump = next(shared_data.path('wiki', 'xml').iterdir())
  vocab = shared_data.path('goldens/modules/tiny/bert/assets/vocab.txt')
  config = _config(dump, tmp_path / 'out', str(vocab))
  corpus = build_corpus.build_corpus(config)
  counts = corpus.counts
  assert counts['read'] == 206
  assert counts['skipped_redirect'] == 99
  assert counts['skipped_disambiguation'] == 8
  assert counts['skipped_list_or_index'] == 2
  assert counts['skipped_other_namespace'] == 1
  assert counts['kept'] == 96
  assert 1500 < counts['blocks'] < 3000
  assert (corpus.title_lengths + corpus.body_lengths).max() <= 288 - 3
  text = ' '.join(corpus.bodies(range(len(corpus))))
  for markup in ('{{', '}}', '[[', ']]', '<ref', '==', "'''"):
    assert markup not in text
