# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import bz2
import gzip
import json
import re
import typing

import pytest
from absl import logging

from realm_tf.configs.qa_formats import QaFormat
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
  kinds = {'not_json': 3, 'not_utf8': 2, 'wrong_type': 3}
  kinds.update(no_question=2, no_answer=3, no_list=1)
  assert dataset.counts == {
    'read': 17,
    'malformed': 14,
    'kept': 3,
    **{f'malformed_{kind}': count for kind, count in kinds.items()},
  }
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
  assert dataset.counts == {
    'read': 5,
    'malformed': 3,
    'malformed_no_answer': 1,
    'malformed_not_json': 1,
    'kept': 2,
  }
  lines = path.read_text().splitlines()
  # The brace stands a line before the question.
  assert [re.findall(r':(\d+): ', x)[0] for x in said] == [
    str(lines.index('  "question": "e",')),
    str(lines.index('  "question": "f",')),
    str(lines.index(' 7') + 1),
  ]
  path.write_text(json.dumps(items, indent=1)[:-30])
  with pytest.raises(CorpusError, match=r'nq-dev\.json:\d+: not JSON'):
    qa_datasets.read_dataset(str(path))


def test_plain_words_say_what_is_no_list(tmp_path, said):
  path = tmp_path / 'a.qas.csv'
  path.write_text(
    'Question\tAnswers\n'
    "who?\t['Ona', \"O'Neil\"]\n"
    '"""Begins"" so"\t["x"]\n'
    'who else\tOna\n'
    "bad\t[1, 'a']\n"
    "numpy\t['a' 'b']\n"
    f'long\t{"word " * 99}\n'
  )
  dataset = qa_datasets.read_dataset(str(path))
  assert [(e.question, e.answers) for e in dataset.examples] == [
    ('who?', ('Ona', "O'Neil")),
    ('"Begins" so', ('x',)),
  ]
  assert dataset.counts['skipped_header'] == 1
  assert [re.findall(r':(\d+): (.*)', line)[0] for line in said] == [
    ('4', 'the answers are no list like ["a", "b"]: Ona'),
    ('5', 'an answer is int, not a string'),
    ('6', 'two answers without a comma between them'),
    ('7', f'the answers are no list like ["a", "b"]: {"word " * 12}...'),
  ]


ARTICLE = {
  'title': 'Super_Bowl',
  'paragraphs': [
    {
      'context': 'It was won by Denver in 2016.',
      'qas': [
        {
          'id': 'a1',
          'question': 'Who won?',
          'answers': [
            {'text': 'Denver', 'answer_start': 14},
            {'text': 'by Denver', 'answer_start': 11},
          ],
        },
        {'id': 'a2', 'question': 'Why?', 'answers': [], 'is_impossible': True},
        {
          'id': 'a3',
          'question': 'How?',
          'answers': [],
          'plausible_answers': [{'text': 'Denver', 'answer_start': 14}],
          'is_impossible': True,
        },
        {'id': 'a4', 'answers': [{'text': 'x'}]},
        7,
      ],
    },
    {'context': 'x'},
  ],
}


@pytest.mark.parametrize('indent', [None, 1])
def test_squad_counts_what_has_no_answer(tmp_path, said, indent):
  path = tmp_path / 'dev-v2.0'
  whole = {'version': 'v2.0', 'data': [ARTICLE, {**ARTICLE, 'title': 'B'}]}
  path.write_text('\ufeff' + json.dumps(whole, indent=indent))
  dataset = qa_datasets.read_dataset(str(path))
  answers = ('Denver', 'by Denver')
  assert dataset.examples == tuple(
    QaExample('Who won?', answers, id='a1', gold_title=title)
    for title in ('Super_Bowl', 'B')
  )
  assert dataset.counts == {
    'read': 12,
    'kept': 2,
    'malformed': 6,
    'malformed_no_question': 2,
    'malformed_no_questions': 2,
    'malformed_not_json': 2,
    'skipped_unanswerable': 4,
  }
  reasons = ['no "question"', 'not a JSON object', 'a paragraph without "qas"']
  assert [line.rsplit(': ', 1)[1] for line in said] == reasons * 2
  # The article begins after two lines.
  assert said[0].split(f'{path}:')[1].startswith('4:' if indent else '1:')
  path.write_text(json.dumps(whole, indent=indent)[:-40])
  lines = path.read_text().split('\n')
  # Where the last article begins.
  place = [i for i, x in enumerate(lines, 1) if x == '  {' or i == 1][-1]
  with pytest.raises(CorpusError, match=rf'dev-v2.0:{place}: not JSON'):
    qa_datasets.read_dataset(str(path))


_CONTEXT = {'title': 'Ona', 'context': 'The Ona rises in Tarn.'}
_ROWS = {
  'hugging_face_squad': (
    {
      **_CONTEXT,
      'answers': {'text': ['Tarn', 'in Tarn'], 'answer_start': [17]},
    },
    ('Tarn', 'in Tarn'),
    {'gold_title': 'Ona'},
  ),
  'hugging_face_trivia_qa': (
    {'answer': {'value': 'Tarn', 'aliases': ['Ta', 'Tarn'], 'type': 'x'}},
    ('Tarn', 'Ta'),
    {},
  ),
  'nq_open': ({'answer': ['Tarn']}, ('Tarn',), {}),
  'numbers_of_paragraphs': (
    {'answers': 'Tarn', 'paragraph_id': 7, 'title': 'T'},
    ('Tarn',),
    {'gold_id': 7, 'gold_title': 'T'},
  ),
}


@pytest.mark.parametrize('kind', _ROWS)
@pytest.mark.parametrize('as_array', [False, True])
def test_rows_with_a_question(tmp_path, kind, as_array):
  row, answers, gold = _ROWS[kind]
  row = {'id': '1', 'question': 'Where?', **row}
  path = tmp_path / 'a'
  path.write_text(json.dumps([row, row] if as_array else row))
  dataset = qa_datasets.read_dataset(str(path))
  expected = QaExample('Where?', answers, id='1', **gold)
  assert dataset.examples == (expected,) * (1 + as_array)


def test_rows_without_answers_are_unanswerable_or_malformed(tmp_path):
  path = tmp_path / 'a.jsonl'
  row = {'question': 'Who?', 'answers': {'text': [], 'answer_start': []}}
  rows = [{**_CONTEXT, **row}, row, {'question': 'Where?', 'answer': 'a'}]
  path.write_text(''.join(json.dumps(r) + '\n' for r in rows))
  dataset = qa_datasets.read_dataset(str(path))
  counts = {'read': 3, 'kept': 1, 'malformed': 1, 'skipped_unanswerable': 1}
  assert dataset.counts == {**counts, 'malformed_no_answer': 1}


def test_kilt(tmp_path, said):
  path = tmp_path / 'a.jsonl'
  provenance = [{'wikipedia_id': '771', 'title': 'Tarn', 'section': 'x'}]
  output = [
    {'answer': 'Tarn', 'provenance': []},
    {'answer': 'in Tarn', 'provenance': provenance},
    {'provenance': provenance},
  ]
  rows = [
    {'id': 'k', 'input': 'Where?', 'output': output},
    {'id': 'l', 'input': 'Who?', 'output': [{'answer': 'a'}]},
    {'id': 'm', 'input': 'Why?', 'output': [{'provenance': 7, 'answer': 'a'}]},
    {'id': 'n', 'input': 'When?'},
  ]
  path.write_text(''.join(json.dumps(r) + '\n' for r in rows))
  dataset = qa_datasets.read_dataset(str(path))
  assert dataset.examples == (
    QaExample('Where?', ('Tarn', 'in Tarn'), False, 'k', '771', 'Tarn'),
    QaExample('Who?', ('a',), id='l'),
  )
  assert 'no list of objects' in said[0] and 'no "answer"' in said[1]


def test_trivia_qa(tmp_path):
  path = tmp_path / 'web-dev.json'
  answer = {'Value': 'Tarn', 'Aliases': ['The Tarn'], 'NormalizedValue': 'tarn'}
  row = {'Question': 'Where?', 'QuestionId': 'q_1', 'Answer': answer}
  whole = {'Data': [row, {'Question': 'Who?'}], 'Domain': 'Web', 'Version': 1.0}
  path.write_text(json.dumps(whole, indent=4))
  dataset = qa_datasets.read_dataset(str(path))
  assert dataset.examples == (
    QaExample('Where?', ('Tarn', 'The Tarn'), id='q_1'),
  )
  assert dataset.counts['malformed'] == 1


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


@pytest.mark.parametrize(
  'name, content, format',
  [
    ('a', LINES[0], 'jsonl'),
    ('a.jsonl', b'broken\n' + LINES[0], 'jsonl'),
    ('a.csv', b"[why]?\t['a']", 'dpr'),
    ('a.txt', b"why\t['a']", 'dpr'),
    ('a.json', b' [\n{"question": 1}]', 'json'),
    ('a', b'{"version": "1.1", "data": [', 'json'),
    ('a.jsonl', b'{\n "Domain": "Web",\n "Data" : [', 'json'),
    (
      'a.jsonl',
      b'{"annotations": [], "question_text": "a"}',
      'jsonl',
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


def test_a_damaged_end_is_an_error(tmp_path):
  path = tmp_path / 'a.jsonl.gz'
  lines = [
    json.dumps({'question': str(i), 'answer': [str(i * i)]})
    for i in range(9999)
  ]
  whole = gzip.compress('\n'.join(lines).encode())
  path.write_bytes(whole[: len(whole) // 2])
  with pytest.raises(CorpusError, match=r'a\.jsonl\.gz:\d+: damaged gzip'):
    qa_datasets.read_dataset(str(path))


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
  assert ('auto', *qa_datasets.FORMATS) == typing.get_args(QaFormat)


def test_aliases_that_are_no_list(tmp_path):
  path = tmp_path / 'q.jsonl'
  path.write_text(
    '{"question": "a?", "answer": {"value": "b", "aliases": 5}}\n'
  )
  with pytest.raises(CorpusError, match='"aliases" is no list'):
    qa_datasets.read_dataset(str(path))


def test_arrays_that_follow_one_another(tmp_path):
  path = tmp_path / 'q.json'
  path.write_text('[{"question": "a?", "answer": "b"}]\n' * 2)
  assert len(qa_datasets.read_dataset(str(path))) == 2


@pytest.mark.parametrize(
  'case, kept, left_out',
  [
    ('q_squad', 1, {'skipped_unanswerable': 1}),
    ('q_hfsquad', 1, {'skipped_unanswerable': 1}),
    ('q_kilt', 1, {}),
    ('q_dpr', 3, {'malformed': 4, 'malformed_no_list': 1}),
  ],
)
def test_questions_that_went_wrong(case, kept, left_out):
  found = qa_datasets.read_dataset(str(shared_data.path('cases', case)))
  assert len(found) == found.counts['kept'] == kept
  assert found.counts == {**found.counts, **left_out}
