# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import bz2
import gzip
import json
import re

import pytest
from absl import logging

from realm_tf.configs.qa_formats import QA_FORMATS
from realm_tf.corpus.document import CorpusError
from realm_tf.questions import qa_datasets
from realm_tf.questions.qa_datasets import QaExample
from tests.questions.natural_questions_test import _full, _simplified
from tests.support import shared_data

LINES = [
  b'{"question": "who?", "answer": ["Ann", "Bob"]}',
  b'',
  b'{"question": "what", "answers": ["x"], "id": "q7", "paragraph_id": 18}',
  b'{"question": "broken"',
  b'["no object"]',
  b'{"answer": ["x"]}',
  b'{"question": "none", "answer": []}',
  b'{"question": "blank", "answer": ["", " "]}',
  b'{"question": "  ", "answer": ["x"]}',
  b'{"question": 7, "answer": ["x"]}',
  b'{"question": "q", "answer": [7]}',
  b'{"question": "q", "answer": {"a": 1}}',
  b'{"question": "\xff", "answer": ["x"]}',
  b'{"question": "\\ud800", "answer": ["x"]}',
  b'{"question": "q"}',
  b'{"question": "q", "answer": ["x"], "paragraph_id": [1]}',
  b'{"question": ' + b'[' * 100_000,
  b'{"question": " of one ", "answer": "single", "title": "T"}',
]
KEPT = (
  QaExample('who?', ('Ann', 'Bob')),
  QaExample('what', ('x',), id='q7', gold_id=18),
  QaExample(' of one ', ('single',), gold_title='T'),
)


@pytest.fixture
def said(monkeypatch):
  """What is logged as a warning."""
  said: list[str] = []
  monkeypatch.setattr(
    logging, 'warning', lambda text, *a: said.append(text % a)
  )
  return said


@pytest.mark.parametrize('ending', ['', '.gz', '.bz2'])
def test_jsonl_keeps_what_is_whole_and_names_the_rest(tmp_path, said, ending):
  path = tmp_path / f'a.jsonl{ending}'
  opener = {'': open, '.gz': gzip.open, '.bz2': bz2.open}[ending]
  with opener(path, 'wb') as f:
    f.write(b'\xef\xbb\xbf' + b'\n'.join(LINES))
  dataset = qa_datasets.read_dataset(str(path))
  assert dataset.examples == KEPT
  assert dataset.counts == {'read': 17, 'malformed': 14, 'kept': 3}
  assert dataset.describe() == (
    '3 of 17 lines are questions (left out: 14 malformed)'
  )
  assert [re.findall(r':(\d+): (.*)', line)[0] for line in said] == [
    ('4', "not JSON: Expecting ',' delimiter: line 2 column 1 (char 22)"),
    ('5', 'not a JSON object'),
    ('6', 'no "question"'),
    ('7', 'no answers'),
    ('8', 'no answers'),
    ('9', 'the question is empty'),
    ('10', 'the question is int, not a string'),
    ('11', 'an answer is int, not a string'),
    ('12', 'answers are dict, not a list'),
    ('13', 'not UTF-8 at byte 14'),
    ('14', 'not UTF-8: half of a surrogate pair in the question'),
    ('15', 'no "answer"'),
    ('16', 'the paragraph id is list, not a string'),
    ('17', 'nested too deeply'),
  ]
  assert all(str(path) in line for line in said)


def test_strict_names_file_and_line(tmp_path):
  path = tmp_path / 'a.jsonl'
  path.write_bytes(b'\n'.join(LINES))
  with pytest.raises(CorpusError, match=r'a\.jsonl:4: not JSON.*`strict`'):
    qa_datasets.read_dataset(str(path), strict=True)


def test_examples_survive_a_round_trip(tmp_path):
  path = tmp_path / 'a.jsonl'
  examples = (*KEPT, QaExample('où est\t"elle" \u2028?', ('là\nbas',), id=3))
  path.write_text('\n'.join(e.to_json() for e in examples))
  assert qa_datasets.read_dataset(str(path)).examples == examples
  assert KEPT[0].to_json() == '{"question": "who?", "answer": ["Ann", "Bob"]}'


def test_patterns_compile_or_the_line_is_left_out(tmp_path, said):
  path = tmp_path / 'a.jsonl'
  path.write_text(
    '{"question": "a", "answer": ["19\\\\d\\\\d|x"]}\n'
    '{"question": "b", "answer": ["fine", "Sievert \\\\(Sv\\\\)\\\\"]}\n'
  )
  dataset = qa_datasets.read_dataset(str(path), is_regex=True)
  assert dataset.examples == (QaExample('a', (r'19\d\d|x',), is_regex=True),)
  assert said == [
    f'skipped: {path}:2: not a regular expression (bad escape (end of pattern)'
    " at position 14): 'Sievert \\\\(Sv\\\\)\\\\'"
  ]
  assert len(qa_datasets.read_dataset(str(path))) == 2
  with pytest.raises(CorpusError, match=r'a\.jsonl:2: not a regular'):
    qa_datasets.read_dataset(str(path), is_regex=True, strict=True)


def test_forgotten_is_regex_is_told(tmp_path, said):
  path = tmp_path / 'Curated_Trec.jsonl'
  path.write_bytes(LINES[0])
  qa_datasets.read_dataset(str(path))
  assert said == [f'{path}: should `is_regex` be set for its answers?']


def test_answers_that_nothing_equals_are_told(tmp_path, said):
  path = tmp_path / 'a.jsonl'
  path.write_text('{"question": "who?", "answer": ["A", "x"]}')
  (example,) = qa_datasets.read_dataset(str(path)).examples
  assert example.empty_answers == ('A',)
  assert len(said) == 1 and "the first is 'who?'" in said[0]


def test_dpr(tmp_path, said):
  path = tmp_path / 'nq-test.qas.csv'
  path.write_text(
    "who is it\t['Ann', \"O'Neill\"]\n"
    'quoted\t"[""Tobias \'Toby\' X"", \'b\']"\n'
    '"Hello" was sung by\t[\'Adele\']\n'
    "three\t['a']\tcolumns\n"
    'code\t__import__("os")\n'
    "unclosed\t['a'\n"
    'number\t7\n'
    'none\t[]\n'
  )
  dataset = qa_datasets.read_dataset(str(path))
  assert [(e.question, e.answers) for e in dataset.examples] == [
    ('who is it', ('Ann', "O'Neill")),
    ('quoted', ("Tobias 'Toby' X", 'b')),
    ('"Hello" was sung by', ('Adele',)),
  ]
  assert [line.split(f'{path}:')[1].split(':')[0] for line in said] == [
    '4', '5', '6', '7', '8',
  ]  # fmt: skip
  assert '3 columns, not 2' in said[0]
  assert 'the answers are no list' in said[1]


def test_dpr_json(tmp_path, said):
  path = tmp_path / 'nq-dev.json'
  passage = {'title': 'T', 'text': 'x', 'passage_id': '871'}
  items = [
    {'question': 'a', 'answers': ['b'], 'positive_ctxs': [passage, passage]},
    {'question': 'c', 'answers': ['d'], 'positive_ctxs': []},
    {'question': 'e', 'answers': []},
    {'question': 'f', 'answers': ['g'], 'positive_ctxs': [7]},
    7,
  ]
  path.write_text(json.dumps(items, indent=1))
  dataset = qa_datasets.read_dataset(str(path))
  assert dataset.examples == (
    QaExample('a', ('b',), gold_id='871', gold_title='T'),
    QaExample('c', ('d',)),
  )
  assert dataset.counts == {'read': 5, 'malformed': 3, 'kept': 2}
  lines = path.read_text().splitlines()
  # The brace stands a line before the question.
  assert [re.findall(r':(\d+): ', x)[0] for x in said] == [
    str(lines.index('  "question": "e",')),
    str(lines.index('  "question": "f",')),
    str(lines.index(' 7') + 1),
  ]
  # Cut off: what is whole is kept.
  path.write_text(json.dumps(items, indent=1)[:-30])
  dataset = qa_datasets.read_dataset(str(path))
  assert len(dataset) == 2
  assert 'the rest is not read: line' in said[-1]


def test_natural_questions_become_nq_open(tmp_path, said):
  path = tmp_path / 'nq-train-00.jsonl.gz'
  none = _simplified()
  long = _simplified((2, 9))
  outside = _simplified((22, 26))
  big = _simplified((3, 4), document_text='<P> x x ' + 'y ' * 20_000)
  with gzip.open(path, 'wt') as f:
    for record in (big, none, _full('Rhine', 'Köln'), long, outside):
      f.write(json.dumps(record) + '\n')
  dataset = qa_datasets.read_dataset(str(path))
  assert [(e.question, e.answers) for e in dataset.examples] == [
    ('how long is the rhine', ('y',)),
    ('where', ('Rhine', 'Köln')),
  ]
  assert [e.gold_title for e in dataset.examples] == ['Rhine (river)', 'Rhine']
  assert dataset.counts == {
    'read': 5,
    'kept': 2,
    'malformed': 1,
    'skipped_no_short_answer': 1,
    'skipped_long_answer': 1,
  }
  assert dataset.describe() == (
    '2 of 5 lines are questions (left out: 1 malformed, 1 long answer, 1 no'
    ' short answer)'
  )
  # Lines without short answers are as they should be.
  with pytest.raises(CorpusError, match=r'00\.jsonl\.gz:5: a short answer'):
    qa_datasets.read_dataset(str(path), strict=True)
  with pytest.raises(CorpusError, match='is its format natural_questions'):
    qa_datasets.read_dataset(str(path), format='jsonl')


@pytest.mark.parametrize(
  'name, content, format',
  [
    ('a', LINES[0], 'jsonl'),
    ('a.jsonl', b'broken\n' + LINES[0], 'jsonl'),
    ('a.csv', b"[why]?\t['a']", 'dpr'),
    ('a.txt', b"why\t['a']", 'dpr'),
    ('a.json', b' [\n{"question": 1}]', 'dpr_json'),
    (
      'a.jsonl',
      b'{"annotations": [], "question_text": "a"}',
      'natural_questions',
    ),
  ],
)
def test_formats_are_found_out(tmp_path, name, content, format):
  path = tmp_path / name
  path.write_bytes(content)
  assert qa_datasets.detect_format(str(path)) == format
  with gzip.open(f'{path}.gz', 'wb') as f:
    f.write(content)
  assert qa_datasets.detect_format(f'{path}.gz') == format


def test_other_files_are_refused(tmp_path):
  (tmp_path / 'a.txt').write_text('just text\n')
  with pytest.raises(CorpusError, match='neither JSON nor tab-separated'):
    qa_datasets.read_dataset(str(tmp_path / 'a.txt'))
  (tmp_path / 'a.jsonl.gz').write_bytes(b'\x1f\x8bno gzip')
  with pytest.raises(CorpusError, match=r'a\.jsonl\.gz: cannot be read'):
    qa_datasets.read_dataset(str(tmp_path / 'a.jsonl.gz'))
  with pytest.raises(CorpusError, match=r'`dataset`: no file matches .*/x'):
    qa_datasets.read_dataset(str(tmp_path / 'x'), field='dataset')


def test_files_without_a_usable_line_are_an_error(tmp_path):
  path = tmp_path / 'a.jsonl'
  path.write_bytes(b'\n'.join(LINES[3:6]))
  with pytest.raises(
    CorpusError, match=r'none of 3 lines in .*first problem is .*a\.jsonl:1:'
  ):
    qa_datasets.read_dataset(str(path))
  path.write_bytes(b'')
  with pytest.raises(CorpusError, match='none of 0 lines'):
    qa_datasets.read_dataset(str(path))


def test_damaged_gzip_keeps_what_can_be_read(tmp_path, said):
  path = tmp_path / 'a.jsonl.gz'
  lines = [
    json.dumps({'question': str(i), 'answer': [str(i * i)]})
    for i in range(9999)
  ]
  whole = gzip.compress('\n'.join(lines).encode())
  path.write_bytes(whole[: len(whole) // 2])
  dataset = qa_datasets.read_dataset(str(path))
  assert 1000 < len(dataset) < 9000
  assert 'the rest is not read: damaged file' in said[-1]


def test_globs_and_directories_mix_formats(tmp_path):
  (tmp_path / 'a.jsonl').write_bytes(LINES[0])
  (tmp_path / 'b.tsv').write_text("why\t['c']\n")
  for patterns in (str(tmp_path), f'{tmp_path}/*', [f'{tmp_path}/?.*']):
    dataset = qa_datasets.read_dataset(patterns)
    assert [e.question for e in dataset.examples] == ['who?', 'why']


def test_other_answer_fields(tmp_path):
  path = tmp_path / 'a.jsonl'
  path.write_text('{"question": "q", "answer": ["a"], "more": ["a", "b"]}')
  dataset = qa_datasets.read_dataset(str(path), answer_field='more')
  assert dataset.examples[0].answers == ('a', 'b')
  with pytest.raises(CorpusError, match='no "other"'):
    qa_datasets.read_dataset(str(path), answer_field='other')


@pytest.mark.parametrize(
  'parts, is_regex, read, kept',
  [
    (('qa', 'nq_open.train_sample.jsonl'), False, 8757, 8757),
    (('qa', 'webquestions.train.jsonl'), False, 3778, 3778),
    # One expression ends with a backslash.
    (('qa', 'curatedtrec.train.jsonl'), True, 1479, 1478),
    (('squad', 'squad_open.dev.jsonl.gz'), False, 5375, 5375),
  ],
)
def test_real_files(parts, is_regex, read, kept):
  path = shared_data.path(*parts)
  dataset = qa_datasets.read_dataset(str(path), is_regex=is_regex)
  assert dataset.counts['read'] == read
  assert len(dataset) == dataset.counts['kept'] == kept
  gold = [e.gold_id for e in dataset.examples]
  if parts[0] == 'squad':
    assert all(isinstance(g, int) for g in gold)
  else:
    assert set(gold) == {None}


def test_each_format_has_a_parser():
  assert tuple(qa_datasets.FORMATS) == QA_FORMATS
