# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""bin/ask: somebody types into it, files go through it."""

import gzip
import json
import re

import numpy as np
import pytest

from realm_tf.answering.answerer import Answerer
from realm_tf.corpus.corpus import Corpus
from tests.support import tiny_world

pytestmark = pytest.mark.timeout(1200)


@pytest.fixture(scope='module')
def expected(finetuned):
  """Answers of the library to the first questions, as JSON objects."""
  questions = [record['question'] for record in finetuned.questions[:5]]
  answerer = Answerer.open(
    finetuned.model_dir,
    finetuned.directory / 'corpus',
    finetuned.directory / 'index',
  )
  found = answerer.answer(questions, top_n=2)
  answerer.close()
  return found.to_records(questions)


def test_shows_answers_in_their_evidence(finetuned, expected):
  question = expected[0]['question']
  result = tiny_world.call(
    'ask',
    *finetuned.answering_flags(),
    '--nojson',
    '--top_n=2',
    '--blocks_at_once=2',
    typed=f'{question}\nzz \ufffd?\n\nnot asked any more\n',
  )
  assert result.returncode == 0, result.stderr
  assert result.stdout.count('question>') == 3
  answers = re.findall(
    r'^(?:question> )?(.+)\tp = [01]\.\d\d$', result.stdout, re.M
  )
  assert len(answers) == 4
  evidence = result.stdout.replace('\n  ', ' ')
  for answer in answers:
    assert f'>>{answer}<<' in evidence
  shown = re.findall(
    r'\(retrieved with p = ([01]\.\d\d), read with p = ([01]\.\d\d)\)$',
    result.stdout,
    re.M,
  )
  assert len(shown) == 4
  for answer, numbers in zip(expected[0]['answers'], shown[:2]):
    log_probs = answer['retriever_log_prob'], answer['reader_log_prob']
    np.testing.assert_allclose(
      [float(x) for x in numbers], np.exp(log_probs), atol=0.006
    )


def test_documents_come_and_go_while_it_runs(finetuned, tmp_path):
  land = finetuned.questions[0]['question'].split()[-1].rstrip('?')
  manifest = finetuned.directory / 'corpus' / 'manifest.json'
  before = manifest.read_text()
  typed = [
    f'What is the capital of {land}?',
    f'- {land}',
    f'What is the capital of {land}?',
    f'+ {land}: {land} is new land. The capital of {land} is\tZanzibar.',
    '+ Oslo',
    '+ Oslo:',
    '+ List of towns: Oslo.',
    '- Nobody &amp; Sons',
    f'What is the capital of {land}?',
    f':save {tmp_path}/out',
    f':save {finetuned.directory}/corpus',
    f':save {finetuned.directory}/corpus/new',
  ]
  everything = ['--nojson', '--reader_beam=100', '--top_n=100']
  result = tiny_world.call_forked(
    'ask',
    *finetuned.answering_flags(),
    *everything,
    typed='\n'.join(typed),
  )
  assert result.returncode == 0, result.stderr
  said = result.stdout.split('question> ')[1:]
  assert len(said) == len(typed) + 1
  evidence = re.compile(rf'\n  {land}( \[\d+\])? \(retrieved')
  assert evidence.search(said[0])
  assert said[1] == 'added 0, removed 1: 59 blocks\n\n'
  assert not evidence.search(said[2]) and 'retrieved with' in said[2]
  assert said[3] == 'added 1, removed 0: 60 blocks\n\n'
  assert said[4] == said[5] == 'a document is added as "+ Title: text"\n\n'
  assert said[6] == 'added 1, removed 0: 61 blocks\n\n'
  assert "there is no block of title 'Nobody & Sons'" in said[7]
  assert evidence.search(said[8])
  shown = re.sub(r'>>|<<', '', said[8].replace('\n  ', ' '))
  assert f'The capital of {land} is Zanzibar.' in shown
  assert said[9] == f'{tmp_path}/out/index/0\n\n'
  assert 'is there already' in said[10]
  assert 'which stays as it is' in said[11]
  saved = Corpus.open(tmp_path / 'out' / 'corpus')
  assert saved.titles([59]) == [land] and len(saved) == 61
  assert manifest.read_text() == before
  # The next one starts from there.
  result = tiny_world.call_forked(
    'ask',
    *finetuned.answering_flags()[:1],
    f'--corpus_dir={tmp_path}/out/corpus',
    f'--index_dir={tmp_path}/out/index',
    *everything,
    typed=typed[0],
  )
  assert evidence.search(result.stdout), result.stderr


def records_of(result):
  return [json.loads(line) for line in result.stdout.splitlines()]


def test_each_line_has_its_answer(finetuned, expected, tmp_path):
  asked = [record['question'] for record in expected]
  typed = '\n'.join(
    [asked[0], '', json.dumps({'question': asked[1]}), '{"a": 1}', *asked[2:]]
  )
  flags = [*finetuned.answering_flags(), '--top_n=2', '--batch_size=3']
  result = tiny_world.call_forked('ask', *flags, typed=typed + '\n')
  assert result.returncode == 0, result.stderr
  records = records_of(result)
  bad = [i for i, record in enumerate(records) if 'error' in record]
  assert bad == [1, 3]
  for number in (2, 4):
    assert f'not answered: standard input:{number}: ' in result.stderr
  good = [record for record in records if 'error' not in record]
  for record, its in zip(good, expected, strict=True):
    assert list(record) == list(its)
    for name in ('question', 'prediction', 'title', 'evidence', 'block_id'):
      assert record[name] == its[name]
    assert record['answers'][0]['prediction'] == record['prediction'] != ''
    for answer, other in zip(record['answers'], its['answers'], strict=True):
      assert answer == pytest.approx(other, abs=1e-4)
  rounded = tiny_world.call_forked(
    'ask', *flags, '--mixed_precision', typed=asked[0] + '\n'
  )
  (near,) = records_of(rounded)
  assert near['score'] != good[0]['score']
  assert near['score'] == pytest.approx(good[0]['score'], abs=0.5)
  path = tmp_path / 'questions.txt'
  path.write_text(typed)
  written = tiny_world.call_forked(
    'ask', *flags, f'--input={path}', f'--output={tmp_path}/answers.jsonl'
  )
  assert written.stdout == '', written.stderr
  lines = (tmp_path / 'answers.jsonl').read_text().splitlines()
  assert [json.loads(line)['question'] for line in lines] == [
    record['question'] for record in records
  ]
  refused = tiny_world.call_forked('ask', *flags, f'--input={path}', '--strict')
  assert f'{path}:2: ' in tiny_world.last_line(refused)


def test_a_bad_line_costs_no_other_its_answer(finetuned, tmp_path):
  asked = [record['question'] for record in finetuned.questions[:3]]
  lines = [
    b'\xef\xbb\xbf' + json.dumps({'question': asked[0]}).encode(),
    rb'{"question": "Who wrote \ud83d Emma?"}',
    b'{"question": ' + b'[' * 100_000,
    b'Who wrote \xff Emma?',
    asked[1].encode(),
    b'x' * 100_000,
    asked[2].encode(),
  ]
  path = tmp_path / 'questions.txt'
  path.write_bytes(b'\n'.join(lines))
  flags = [*finetuned.answering_flags(), f'--input={path}', '--batch_size=3']
  result = tiny_world.call_forked('ask', *flags)
  assert result.returncode == 0, result.stderr
  records = records_of(result)
  assert [record.get('error', '')[:16] for record in records] == [
    *('', 'not UTF-8: half ', 'nested too deepl', 'not UTF-8 at byt'),
    *('', '', ''),
  ]
  for number in (2, 3, 4):
    assert f'{path}:{number}: ' in result.stderr
  assert '3 lines are not answered' in result.stderr
  for i, question in ((0, asked[0]), (4, asked[1]), (6, asked[2])):
    assert records[i]['question'] == question
    assert records[i]['prediction']
  # Blocks at once change what is in memory, not the answers.
  few = tiny_world.call_forked('ask', *flags, '--blocks_at_once=2')
  for record, other in zip(records, records_of(few), strict=True):
    assert record['prediction'] == other['prediction']


def test_a_damaged_file_is_answered_as_far_as_it_can_be_read(
  finetuned, tmp_path
):
  asked = [record['question'] for record in finetuned.questions] * 200
  path = tmp_path / 'questions.txt.gz'
  packed = gzip.compress('\n'.join(asked).encode(), 0)
  path.write_bytes(packed[:300])
  result = tiny_world.call_forked(
    'ask', *finetuned.answering_flags(), f'--input={path}'
  )
  assert result.returncode != 0
  assert 'damaged gzip file' in tiny_world.last_line(result)
  records = records_of(result)
  assert 0 < len(records) < 20
  assert [r['question'] for r in records] == asked[: len(records)]


def test_a_pretrained_model_fills_blanks_and_finds_documents(local_run):
  queries = [
    'People in [MASK] once named [MASK] the seat of government.',
    'The capital of a land near the sea.',
    'on ' * 200 + '[MASK]',
  ]
  flags = [
    f'--model_dir={local_run.directory}/realm',
    f'--corpus_dir={local_run.directory}/corpus',
    '--reader_beam=3',
    '--top_n=2',
  ]
  result = tiny_world.call_forked('ask', *flags, typed='\n'.join(queries))
  assert result.returncode == 0, result.stderr
  filled, found, far = records_of(result)
  lines = (local_run.world / 'knowledge.jsonl').read_text().splitlines()
  titles = {json.loads(line)['title'] for line in lines}
  probs = [document['score'] for document in filled['documents']]
  assert len(probs) == 4 and probs == sorted(probs, reverse=True)
  assert sum(probs) == pytest.approx(1, abs=1e-3)
  names = {d['title'] for d in filled['documents'] if d['block_id'] >= 0}
  assert len(names) == 3 and names <= titles
  for its in (filled, *filled['documents']):
    assert [len(choices) for choices in its['blanks']] == [2, 2]
  scores = [document['score'] for document in found['documents']]
  assert len(scores) == 3 and scores == sorted(scores, reverse=True)
  assert {document['title'] for document in found['documents']} <= titles
  assert 'prediction' not in found
  assert far['error'].startswith('each sentence needs a [MASK] within its firs')
  refused = tiny_world.call_forked('ask', *flags, '--mixed_precision', typed='')
  assert '--mixed_precision is for a fine-tuned' in tiny_world.last_line(
    refused
  )
  # The same for people.
  typed = f'{queries[0]}\n+ A: new\n{queries[2]}\n\nnever read\n'
  result = tiny_world.call_forked('ask', *flags, '--nojson', typed=typed)
  assert '> a pre-trained model takes no updates\n' in result.stdout
  assert 'each sentence needs a [MASK] within' in result.stdout
  assert result.stdout.count('(no document)') == 1
  choices = re.findall(
    r'^( +)blank ([12]): \S+ [01]\.\d\d, \S+ [01]\.\d\d$', result.stdout, re.M
  )
  # Two wordpieces a blank: of each document, and at the end of all.
  assert [number for _, number in choices] == ['1', '2'] * 5
  assert [len(indent) for indent, _ in choices] == [9] * 8 + [2] * 2


def test_what_is_missing_is_named(finetuned, tmp_path):
  for change, message in (
    (f'--model_dir={tmp_path}', f'{tmp_path} has no export'),
    (f'--index_dir={tmp_path}', f'there is no index in {tmp_path}'),
    (f'--corpus_dir={tmp_path}', f'{tmp_path} holds no corpus'),
    ('--top_n=0', '--top_n must be at least 1'),
  ):
    result = tiny_world.call_forked(
      'ask', *finetuned.answering_flags(), change, typed=''
    )
    said = tiny_world.last_line(result)
    assert said.startswith('ask: ') and message in said, said
