# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import gzip
import io
import json

import pytest

from realm_tf.answering import asking
from realm_tf.configs.answering_config import AskConfig
from realm_tf.corpus.document import CorpusError
from realm_tf.io import files


class Echo(asking.Asker):
  """Answers with the question in capitals, and keeps what it was asked."""

  def __init__(self, **options):
    self._config = AskConfig(
      model_dir='model', corpus_dir='corpus', batch_size=2, **options
    )
    self.asked = []

  def ask(self, questions):
    self.asked.append(questions)
    return [{'question': q, 'prediction': q.upper()} for q in questions]


def stream(content):
  return io.BufferedReader(io.BytesIO(content))


def test_files_with_answers_are_asked_too():
  questions = [{'id': i, 'question': f'{i}?', 'answers': []} for i in 'ab']
  article = {'title': 'T', 'paragraphs': [{'context': 'c', 'qas': questions}]}
  squad = json.dumps({'version': '2.0', 'data': [article]}, indent=1).encode()
  for content in (squad, json.dumps(questions).encode()):
    found = list(Echo().ask_lines(stream(content), 'in'))
    assert [r['prediction'] for r in found] == ['A?', 'B?']
  found = []
  with pytest.raises(CorpusError, match='in:.*the rest is not read: '):
    for record in Echo().ask_lines(stream(squad[:-4]), 'in'):
      found.append(record['prediction'])
  assert found == ['A?', 'B?']


def test_lines_are_answered_in_their_order_in_batches():
  asker = Echo()
  lines = stream(b'one\n{"question": "two"}\n\n \nfive\n')
  found = list(asker.ask_lines(lines, 'in'))
  assert [r['prediction'] for r in found] == ['ONE', 'TWO', '', '', 'FIVE']
  assert [('error' in r) for r in found] == [False, False, True, True, False]
  assert asker.asked == [['one', 'two'], ['five']]


def test_a_strict_run_stops_at_the_line_after_answering_those_before():
  found = []
  with pytest.raises(CorpusError, match='in:2: '):
    for record in Echo(strict=True).ask_lines(stream(b'one\n\nx\n'), 'in'):
      found.append(record['prediction'])
  assert found == ['ONE']


def test_what_comes_before_a_damage_is_answered(tmp_path):
  path = tmp_path / 'questions.gz'
  packed = gzip.compress(b''.join(b'%d\n' % i for i in range(20_000)))
  path.write_bytes(packed[:-2000])
  found = []
  with (
    files.open_binary(path) as lines,
    pytest.raises((CorpusError, OSError), match=r'questions\.gz'),
  ):
    for record in Echo().ask_lines(lines, str(path)):
      found.append(record['prediction'])
  assert found and found == [str(i) for i in range(len(found))]


def test_the_index_of_the_model_is_the_default(tmp_path):
  with pytest.raises(FileNotFoundError, match='`index_dir`'):
    asking.default_index(str(tmp_path), None)
  assert asking.default_index(str(tmp_path), 'given') == 'given'
  (tmp_path / 'index').mkdir()
  for missing in (None, ''):
    own = asking.default_index(str(tmp_path), missing)
    assert own == str(tmp_path / 'index')
