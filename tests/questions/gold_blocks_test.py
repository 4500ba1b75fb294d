# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import json
import re

import pytest

from realm_tf.configs.corpus_config import CorpusConfig
from realm_tf.corpus import build_corpus
from realm_tf.corpus.document import CorpusError
from realm_tf.questions import gold_blocks
from realm_tf.questions.qa_datasets import QaExample
from tests.support import small_world, tiny_world


@pytest.fixture(scope='module')
def corpus(tmp_path_factory):
  """Corpus of paragraphs, two of which are longer than a block."""
  directory = tmp_path_factory.mktemp('gold')
  tiny_world.write(directory)
  vocab_file = str(directory / 'vocab.txt')
  paragraphs = [
    {'id': 7, 'title': 'land', 'text': 'The king lies near the sea.'},
    {
      'id': 8,
      'title': 'land',
      'text': 'People trade &amp; speak.  A river flows, long and old. '
      'The people eat in the city. Government lies near the capital.',
    },
    {'id': 9, 'title': 'river', 'text': 'Near the sea lies a land.'},
    {'id': 'x', 'title': 'land', 'text': 'the ' * 30 + 'king ' * 30 + '.'},
  ]
  path = directory / 'paragraphs.jsonl'
  path.write_text(''.join(json.dumps(p) + '\n' for p in paragraphs))
  return build_corpus.build_corpus(
    CorpusConfig(
      input=[str(path)],
      output_dir=str(directory / 'corpus'),
      num_processes=1,
      vocab_file=vocab_file,
      max_block_length=24,
    )
  )


def _example(gold_id, *answers, title=None):
  return QaExample('?', answers or ('land',), gold_id=gold_id, gold_title=title)


def test_the_block_with_the_answer_comes_first(corpus):
  examples = [
    _example(8, 'CAPITAL'),
    _example('8', 'people trade'),
    _example(9),
    _example('x'),
    _example(None),
    _example(1000),
  ]
  rows = gold_blocks.relevant_rows(examples, corpus)
  assert 'capital' in corpus.bodies(rows[0, :1])[0]
  assert 'People trade' in corpus.bodies(rows[1, :1])[0]
  assert sorted(rows[0]) == sorted(rows[1])
  whole = ' '.join(corpus.bodies(sorted(r for r in rows[0] if r >= 0)))
  assert whole == (
    'People trade & speak. A river flows, long and old. The people eat in the'
    ' city. Government lies near the capital.'
  )
  assert (rows[2] >= 0).sum() == 1
  assert (rows[3] >= 0).sum() > 2
  assert (rows[4:] == -1).all()
  first = gold_blocks.gold_rows(examples, corpus)
  assert first.tolist() == rows[:, 0].tolist()
  assert gold_blocks.gold_rows([], corpus) is None


def test_questions_without_gold_blocks(corpus, tmp_path):
  old = small_world.store(tmp_path / 'old', [('Rome', 'old Rome')])
  for examples, its, why in (
    ([_example(None)], corpus, 'no question names its paragraph'),
    ([_example(1000)], corpus, 'none of them is in'),
    ([_example(7)], old, 'build the corpus again'),
  ):
    assert gold_blocks.gold_rows(examples, its) is None
    assert gold_blocks.relevant_rows(examples, its).shape == (1, 0)
    with pytest.raises(CorpusError, match=why):
      gold_blocks.gold_rows(examples, its, required=True)


def test_the_id_of_another_title_is_of_another_corpus(corpus, caplog):
  examples = [
    _example(7, title='Land'),
    _example(8, title='river'),
    _example(9, title=' river_'),
    _example(9),
  ]
  rows = gold_blocks.relevant_rows(examples, corpus)[:, 0]
  assert corpus.record_ids(rows) == ['7', '', '9', '9']
  assert re.search("1 questions .* 8, 'land' instead of 'river'", caplog.text)
  with pytest.raises(CorpusError, match='none of them is in'):
    gold_blocks.gold_rows([examples[1]], corpus, required=True)


def test_blocks_without_titles_are_found_by_id(tmp_path):
  corpus = small_world.store(
    tmp_path, [('', 'old'), ('Rome', 'big')], ['7'] * 2
  )
  rows = gold_blocks.relevant_rows([_example(7, title='Lima')], corpus)
  assert rows.tolist() == [[0]]
