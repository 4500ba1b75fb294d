# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""bin/ask as somebody types into it."""

import re

import numpy as np
import pytest

from realm_tf.answering.answerer import Answerer
from realm_tf.corpus.corpus import Corpus
from realm_tf.index import versions
from realm_tf.training import exporters
from tests.support import tiny_world

pytestmark = pytest.mark.timeout(1200)


def test_shows_answers_in_their_evidence(finetuned):
  question = finetuned.questions[0]['question']
  result = tiny_world.call(
    'ask',
    *finetuned.answering_flags(),
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
  answerer = Answerer.open(
    exporters.best_or_newest(finetuned.model_dir),
    finetuned.directory / 'corpus',
    versions.find_index(finetuned.directory / 'index'),
  )
  found = answerer.answer([question], reader_beam=5, top_n=2)
  answerer.close()
  for answer, (retrieved, read) in zip(found.to_records(0), shown[:2]):
    expected = answer['retriever_log_prob'], answer['reader_log_prob']
    np.testing.assert_allclose(
      [float(retrieved), float(read)], np.exp(expected), atol=0.006
    )


def test_documents_come_and_go_while_it_runs(finetuned, tmp_path):
  land = finetuned.questions[0]['question'].split()[-1].rstrip('?')
  corpus = finetuned.directory / 'corpus' / 'documents'
  before = (corpus / 'metadata.json').read_text()
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
  result = tiny_world.call_forked(
    'ask',
    *finetuned.answering_flags(),
    '--reader_beam=100',
    '--top_n=100',
    typed='\n'.join(typed),
  )
  assert result.returncode == 0, result.stderr
  said = result.stdout.split('question> ')[1:]
  assert len(said) == len(typed) + 1
  evidence = f'\n  {land} (retrieved'
  assert evidence in said[0]
  assert said[1] == 'added 0, removed 1: 59 blocks\n\n'
  assert evidence not in said[2] and 'retrieved with' in said[2]
  assert said[3] == 'added 1, removed 0: 60 blocks\n\n'
  assert said[4] == said[5] == 'a document is added as "+ Title: text"\n\n'
  assert 'left out: list_or_index' in said[6]
  assert "there is no block of title 'Nobody & Sons'" in said[7]
  assert evidence in said[8]
  shown = re.sub(r'>>|<<', '', said[8].replace('\n  ', ' '))
  assert f'The capital of {land} is Zanzibar.' in shown
  assert said[9] == f'{tmp_path}/out/index/0\n\n'
  assert 'is there already' in said[10]
  assert 'which stays as it is' in said[11]
  saved = Corpus.open(tmp_path / 'out' / 'corpus' / 'documents')
  assert saved.titles([59]) == [land] and len(saved) == 60
  assert (corpus / 'metadata.json').read_text() == before
  # The next one starts from there.
  result = tiny_world.call_forked(
    'ask',
    *finetuned.answering_flags()[:1],
    f'--corpus_dir={tmp_path}/out/corpus',
    f'--index_dir={tmp_path}/out/index',
    '--reader_beam=100',
    '--top_n=100',
    typed=typed[0],
  )
  assert evidence in result.stdout, result.stderr
