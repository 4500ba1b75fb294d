# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""bin/evaluate on questions, files of predictions and blanks."""

import gzip
import json
import re

import pytest

from realm_tf.questions import qa_metrics
from tests.support import tiny_world

pytestmark = pytest.mark.timeout(1200)
DEPTHS = (1, 5, 10, 20, 50)


def test_measures_and_its_predictions_score_the_same(finetuned, tmp_path):
  questions = f'{finetuned.directory}/questions/dev.jsonl'
  predictions = tmp_path / 'predictions.jsonl'
  result = tiny_world.call(
    'evaluate',
    *finetuned.answering_flags(),
    f'--questions={questions}',
    f'--output={predictions}',
    '--json',
  )
  assert result.returncode == 0, result.stderr
  assert 'tf_hub_best' in result.stderr
  found = json.loads(result.stdout)
  assert found['questions'] == len(finetuned.questions) == 30
  assert found['answer_recall@50'] >= found['answer_recall@1']
  assert found['exact_match'] <= found['reader_oracle@5']
  scored = tiny_world.call_forked(
    'evaluate',
    f'--questions={questions}',
    f'--predictions={predictions}',
    '--json',
  )
  assert scored.returncode == 0, scored.stderr
  assert json.loads(scored.stdout)['exact_match'] == pytest.approx(
    found['exact_match']
  )
  lines = [json.loads(line) for line in predictions.read_text().splitlines()]
  assert [line['question'] for line in lines] == [
    record['question'] for record in finetuned.questions
  ]


def _write(path, records):
  path.write_text(''.join(json.dumps(record) + '\n' for record in records))
  return path


def _evaluate(finetuned, questions, *flags):
  """Calls the binary; returns what `--json` prints."""
  result = tiny_world.call_forked(
    'evaluate',
    *finetuned.answering_flags(),
    f'--questions={questions}',
    '--json',
    *flags,
  )
  assert result.returncode == 0, result.stderr

  return json.loads(result.stdout, parse_constant=pytest.fail)


def _land(record):
  return record['question'].split()[-1].rstrip('?')


def test_retrieval_and_gold_paragraphs_alone(finetuned, tmp_path):
  lines = (finetuned.directory / 'knowledge.jsonl').read_text().splitlines()
  ids = {its['title']: its['id'] for its in map(json.loads, lines)}
  questions = _write(
    tmp_path / 'questions.jsonl',
    [
      # The first one does not say which its paragraph is.
      {**record, 'paragraph_id': ids[_land(record)]} if i else record
      for i, record in enumerate(finetuned.questions)
    ],
  )
  found = _evaluate(
    finetuned,
    questions,
    '--retrieve_only',
    f'--output={tmp_path}/blocks.jsonl',
    '--reader_beam=20',
  )
  assert found['questions'] == 30 and found['gold_questions'] == 29
  assert 'exact_match' not in found
  blocks = (tmp_path / 'blocks.jsonl').read_text().splitlines()
  ranks = []
  for record, line in zip(finetuned.questions, blocks, strict=True):
    its = json.loads(line)
    assert its['question'] == record['question']
    titles = [block['title'] for block in its['blocks']]
    assert len(titles) == 20
    ranks.append(titles.index(_land(record)) if _land(record) in titles else 99)
  for k in (1, 5, 10, 20):
    share = sum(rank < k for rank in ranks[1:]) / 29
    assert found[f'gold_recall@{k}'] == pytest.approx(share)
  # A gold block has its answer in it.
  assert found['answer_recall@20'] * 30 >= found['gold_recall@20'] * 29
  low, high = (found[f'gold_recall@20_{end}'] for end in ('low', 'high'))
  assert low <= found['gold_recall@20'] <= high
  table = tiny_world.call_forked(
    'evaluate',
    *finetuned.answering_flags(),
    f'--questions={questions}',
    '--retrieve_only',
  )
  names = [line.split('\t')[0] for line in table.stdout.splitlines()[1:]]
  for name in ('answer', 'gold'):
    assert {f'{name}_recall@{k}' for k in DEPTHS} <= set(names)


def test_closed_book_answers_nothing(finetuned, tmp_path):
  found = _evaluate(
    finetuned,
    finetuned.directory / 'questions/dev.jsonl',
    '--closed_book',
    f'--output={tmp_path}/predictions.jsonl',
  )
  assert found['exact_match'] == found['reader_oracle@5'] == 0
  assert not any('recall' in name for name in found)
  lines = (tmp_path / 'predictions.jsonl').read_text().splitlines()
  assert [json.loads(line)['prediction'] for line in lines] == [''] * 30


def test_answers_may_be_regular_expressions(finetuned, tmp_path):
  literal = finetuned.directory / 'questions/dev.jsonl'
  predictions = tmp_path / 'predictions.jsonl'
  exact = _evaluate(finetuned, literal, f'--output={predictions}')
  predicted = [
    json.loads(line)['prediction']
    for line in predictions.read_text().splitlines()
  ]
  # The first letter may be any; of ten questions what is predicted is right.
  right = [*predicted[:10], *(r['answer'][0] for r in finetuned.questions[10:])]
  patterns = _write(
    tmp_path / 'patterns.jsonl',
    [
      {**record, 'answer': ['.' + re.escape(answer[1:])]}
      for record, answer in zip(finetuned.questions, right)
    ],
  )
  matched = _evaluate(finetuned, patterns, '--is_regex')
  others = [
    record['answer'][0][1:].lower() == prediction[1:].lower()
    for record, prediction in zip(finetuned.questions, predicted)
  ]
  expected = (10 + sum(others[10:])) / 30
  assert matched['exact_match'] == pytest.approx(expected)
  assert matched['answer_recall@50'] >= exact['answer_recall@50'] > 0
  # As text a pattern stands nowhere, and there is no share to tell.
  as_text = _evaluate(finetuned, patterns)
  assert as_text['exact_match'] == as_text['answer_recall@50'] == 0
  assert as_text['exact_match_if_retrieved'] is None


@pytest.mark.parametrize(
  ('flags', 'message'),
  [
    (['--index_dir=/nowhere'], '/nowhere'),
    (['--questions=/nowhere'], '--questions'),
    (['--model_dir=/nowhere'], 'no export'),
    (['--closed_book', '--retrieve_only'], 'exclude each other'),
  ],
)
def test_what_cannot_be_is_told_in_a_line(finetuned, flags, message):
  result = tiny_world.call_forked(
    'evaluate',
    *finetuned.answering_flags(),
    f'--questions={finetuned.directory}/questions/dev.jsonl',
    *flags,
  )
  assert result.returncode != 0
  assert message in result.stdout + result.stderr
  assert 'Traceback' not in result.stderr


@pytest.fixture
def files(tmp_path):
  """A dataset and predictions, each with something wrong."""
  dataset, predictions = tmp_path / 'd.jsonl.gz', tmp_path / 'p.jsonl'
  with gzip.open(dataset, 'wt') as f:
    for i in range(100):
      record = {'question': f'q{i}', 'answer': [f'The {i}.', r'\d+ and']}
      f.write(json.dumps(record) + '\n')
    f.write('{"question": "q100", "answer": []}\n')
  with open(predictions, 'w') as f:
    # 40 right, 30 right as patterns only, 25 wrong, 5 missing.
    for i in range(95):
      said = str(i) if i < 40 else '7 and more' if i < 70 else '?'
      f.write(json.dumps({'question': f'q{i}', 'prediction': said}) + '\n')
    f.write('{"question": "q94", "prediction": "again"}\n')
    f.write('{"question": "other", "prediction": "x"}\n')
    f.write('{"question": "q95"}\n')
  return [f'--questions={dataset}', f'--predictions={predictions}']


def test_scores(files):
  done = tiny_world.call_forked('evaluate', *files)
  assert done.returncode == 0, done.stderr
  assert 'd.jsonl.gz:101: no answers' in done.stderr
  assert 'p.jsonl:98: no "prediction"' in done.stderr
  low, high = qa_metrics.bootstrap_interval(40, 100)
  assert done.stdout.splitlines() == [
    f'exact match 40.00 % (40 of 100; 95 % interval {100 * low:.2f} to'
    f' {100 * high:.2f})',
    '  5 questions have no prediction: counted as wrong',
    '  1 predictions are for no question: not counted',
    '  1 predictions are for a question that comes again: the last one counts',
    '  1 lines of the dataset could not be read',
    '  1 lines of the predictions could not be read',
  ]


def test_patterns_as_json(files):
  done = tiny_world.call_forked('evaluate', *files, '--is_regex', '--json')
  assert done.returncode == 0, done.stderr
  score = json.loads(done.stdout)
  low, high = qa_metrics.bootstrap_interval(30, 100)
  # `The 7.` is no match of `7`, but `\d+ and` is one of `7 and more`.
  assert score == {
    'exact_match': 0.3,
    'low': low,
    'high': high,
    'correct': 30,
    'questions': 100,
    'missing': 5,
    'unknown': 1,
    'duplicate_questions': 0,
    'duplicate_predictions': 1,
    'empty_answers': 0,
    'unanswerable': 0,
    'malformed_questions': 1,
    'malformed_predictions': 1,
  }


def test_errors_are_one_line(files, tmp_path):
  (tmp_path / 'other.jsonl').write_text('{"question": "x", "answer": ["y"]}')
  for more, message in (
    (['--strict'], 'd.jsonl.gz:101: no answers (--strict)'),
    ([f'--questions={tmp_path}/other.jsonl'], "the first one is for 'q0'"),
  ):
    last = tiny_world.last_line(
      tiny_world.call_forked('evaluate', *files, *more)
    )
    assert last.startswith('evaluate: '), last
    assert message in last


def system(local_run):
  export = local_run.directory / 'realm/export/tf_hub/6'
  return f'{export}/embedder+{export}/bert'


def test_blanks_as_a_table_and_as_json(local_run):
  flags = [
    f'--corpus_dir={local_run.directory}/corpus',
    f'--blanks={local_run.heldout}',
    f'--systems=mine={system(local_run)},chance=random',
  ]
  result = tiny_world.call_forked('evaluate', *flags, '--num_examples=2')
  assert result.returncode == 0, result.stderr
  figures = json.loads(
    tiny_world.call_forked('evaluate', *flags, '--json').stdout
  )
  assert set(figures) == {'mine', 'chance'}
  for label, report in figures.items():
    assert (report['count'], report['skipped']) == (30, 2)
    values = [
      *(report['recall'][k] for k in ('1', '5')),
      *(report[name] for name in ('filled', 'closed_book')),
    ]
    assert all(0 <= value <= 1 for value in values)
    assert values[0] <= values[1]
    (row,) = re.findall(rf'^{label} .*$', result.stdout, re.MULTILINE)
    assert row.split()[1:] == [f'{value:.3f}' for value in values]
  assert result.stdout.count('(without retrieval: ') == 2
  assert re.search(
    r'^The first 2 of the blanks (filled correctly|measured).* of 30\)',
    result.stdout,
    re.MULTILINE,
  )
  # The demo's settings are the same.
  (row,) = re.findall(r'^mine .*$', result.stdout, re.MULTILINE)
  its = re.findall(r'^REALM .*$', local_run.result.stdout, re.MULTILINE)[0]
  assert row.split()[1:] == its.split()[1:]


@pytest.mark.parametrize(
  'given',
  ['REALM', 'REALM=a', '=a+b', 'A=random'],
)
def test_a_malformed_system_is_named(tmp_path, given):
  result = tiny_world.call_forked(
    'evaluate',
    f'--corpus_dir={tmp_path}',
    f'--blanks={tmp_path}',
    f'--systems={given}',
  )
  assert result.returncode != 0
  output = result.stdout + result.stderr
  assert 'Traceback' not in output
  if given == 'A=random':
    assert '--systems: at least one must not be random' in output
  else:
    expected = (
      f'--systems: {given}: expected LABEL=EMBEDDER+BERT or LABEL=random'
    )
    assert expected in output


@pytest.mark.parametrize(
  'line, reason',
  [
    ('{"text": "On a river.", "span": [3, 99]}', 'not within the text'),
    ('On a river.', 'not JSON'),
  ],
)
def test_a_malformed_blank_is_named(local_run, tmp_path, line, reason):
  heldout = tmp_path / 'heldout.jsonl'
  heldout.write_text(f'{{"text": "On a river.", "span": [0, 2]}}\n{line}\n')
  result = tiny_world.call_forked(
    'evaluate',
    f'--model_dir={local_run.directory}/realm',
    f'--corpus_dir={local_run.directory}/corpus',
    f'--blanks={heldout}',
    '--strict',
  )
  said = tiny_world.last_line(result)
  assert said.startswith(f'evaluate: {heldout}:2: '), said
  assert reason in said


def test_retrieval_of_a_beir_folder_and_its_runs(finetuned, tmp_path):
  lines = (finetuned.directory / 'knowledge.jsonl').read_text().splitlines()
  ids = {its['title']: str(its['id']) for its in map(json.loads, lines)}
  folder = tmp_path / 'beir'
  (folder / 'qrels').mkdir(parents=True)
  _write(
    folder / 'queries.jsonl',
    [
      {'_id': f'q{i}', 'text': record['question']}
      for i, record in enumerate(finetuned.questions)
    ],
  )
  (folder / 'qrels' / 'test.tsv').write_text(
    'query-id\tcorpus-id\tscore\n'
    + ''.join(
      f'q{i}\t{ids[_land(record)]}\t1\n'
      for i, record in enumerate(finetuned.questions)
    )
  )
  flags = dict(
    flag.lstrip('-').split('=', 1) for flag in finetuned.answering_flags()
  )
  runs = tmp_path / 'runs'
  shared = [f'--questions={folder}', f'--corpus_dir={flags["corpus_dir"]}']
  result = tiny_world.call_forked(
    'evaluate',
    f'--index_dir={flags["index_dir"]}',
    f'--output={runs}',
    f'--fit_questions={finetuned.directory}/questions/train.jsonl',
    '--json',
    *shared,
  )
  assert result.returncode == 0, result.stderr
  found = json.loads(result.stdout)
  assert list(found) == ['BM25', 'dense', 'rank_fusion', 'hybrid']
  fitted = re.search(r'--lexical_weight=(\S+)', result.stderr)
  assert fitted and float(fitted[1]) > 0
  # Vectors of random weights get no say.
  assert found['hybrid']['Success@1'] > 0.9 > found['dense']['Success@1']
  # The name of the land is in the question, and in one document.
  assert found['BM25']['Success@1'] == 1
  assert found['dense']['Success@100'] > found['dense']['Success@1'] - 1e-9
  scored = tiny_world.call_forked(
    'evaluate', f'--runs={runs}/*.trec', '--json', *shared
  )
  assert scored.returncode == 0, scored.stderr
  assert json.loads(scored.stdout) == found
  shown = tiny_world.call_forked(
    'evaluate', f'--runs={runs}/dense.trec', '--show_misses=1', *shared
  )
  assert shown.returncode == 0, shown.stderr
  assert re.search(r'^dense +0\.\d{3} \(', shown.stdout, re.M)
  assert '  relevant, ' in shown.stdout
