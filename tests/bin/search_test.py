# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""bin/search on what bin/demo made."""

import json
import re

import pytest

from realm_tf.configs.corpus_config import CorpusConfig
from realm_tf.corpus import build_corpus
from tests.support import tiny_world

pytestmark = pytest.mark.timeout(1200)


def search(local_run, *flags, call=tiny_world.call_forked, **options):
  return call(
    'search',
    f'--model_dir={local_run.directory}/realm',
    f'--corpus_dir={local_run.directory}/corpus',
    '--query_seq_len=32',
    '--candidate_seq_len=64',
    *flags,
    **options,
  )


def titles(world):
  lines = (world / 'knowledge.jsonl').read_text().splitlines()
  return {json.loads(line)['title'] for line in lines}


def split_answers(output, queries):
  """The lines below each query."""
  answers, lines = [], output.splitlines()
  starts = [lines.index(query) for query in queries]
  for start, limit in zip(starts, [*starts[1:], len(lines)]):
    answers.append(lines[start + 1 : limit])
  return answers


def test_fills_blanks_and_shows_the_documents_that_did(local_run):
  queries = [
    'People in [MASK] once named [MASK] the seat of government.',
    'The capital of a land near the sea.',
  ]
  result = search(
    local_run,
    *(f'--query={query}' for query in queries),
    '--num_documents=3',
    '--top=2',
    call=tiny_world.call,
  )
  assert result.returncode == 0, result.stderr
  filled, found = split_answers(result.stdout, queries)

  document = re.compile(r'  (-?\d+\.\d{3})  ([^:]*): (.*)')
  shown = [document.fullmatch(line) for line in filled]
  shown = [match.groups() for match in shown if match]
  probs = [float(prob) for prob, _, _ in shown]
  assert len(probs) == 4 and probs == sorted(probs, reverse=True)
  assert sum(probs) == pytest.approx(1, abs=0.003)
  names = [name for _, name, _ in shown]
  assert names.count('(no document)') == 1
  assert len(set(names)) == 4
  assert set(names) - {'(no document)'} <= titles(local_run.world)
  assert all(name in body for _, name, body in shown if body)
  # Two wordpieces a blank: of each document, and at the end of all.
  blanks = [line for line in filled if 'blank ' in line]
  choices = re.compile(r' +blank ([12]): \S+ [01]\.\d\d, \S+ [01]\.\d\d')
  numbers = [choices.fullmatch(line).group(1) for line in blanks]
  assert numbers == ['1', '2'] * 5
  assert [line.startswith(' ' * 4) for line in blanks] == [True] * 8 + (
    [False] * 2
  )

  matches = [document.fullmatch(line) for line in found]
  assert len(matches) == 3 and all(matches)
  scores = [float(match.group(1)) for match in matches]
  assert scores == sorted(scores, reverse=True)
  assert {match.group(2) for match in matches} <= titles(local_run.world)


def test_asks_until_an_empty_line(local_run):
  far = 'on ' * 40 + '[MASK]'
  near = 'The river [MASK].'
  result = search(local_run, typed=f'{far}\n{near}\n\nnever read\n')
  assert result.returncode == 0, result.stderr
  assert 'each sentence needs a [MASK] within its first 30' in result.stdout
  assert result.stdout.count('(no document)') == 1
  assert 'never read' not in result.stdout


def test_a_corpus_of_another_vocabulary_is_refused(local_run, tmp_path):
  world = local_run.world
  vocab = (world / 'vocab.txt').read_text() + 'zebra\n'
  (tmp_path / 'vocab.txt').write_text(vocab)
  corpus = build_corpus.build_corpus(
    CorpusConfig(
      input=[str(world / 'knowledge.jsonl')],
      output_dir=str(tmp_path / 'corpus'),
      num_processes=1,
      vocab_file=str(tmp_path / 'vocab.txt'),
    )
  )
  result = search(local_run, f'--corpus_dir={tmp_path}/corpus', '--query=on')
  said = tiny_world.last_line(result)
  assert said.startswith(f'search: {tmp_path}/corpus'), said
  assert corpus.vocab_fingerprint in said, said
  # The same of bin/evaluate_blanks, which makes its index itself.
  export = local_run.directory / 'realm/export/tf_hub/6'
  result = tiny_world.call_forked(
    'evaluate_blanks',
    f'--corpus_dir={tmp_path}/corpus',
    f'--heldout={local_run.heldout}',
    f'--system=REALM={export}/embedder,{export}/bert',
  )
  said = tiny_world.last_line(result)
  assert said.startswith(f'evaluate_blanks: {tmp_path}/corpus'), said
  assert corpus.vocab_fingerprint in said, said


@pytest.mark.parametrize(
  'flags, message',
  [
    ((), 'give --model_dir, or --export_dir and --index_dir'),
    (('--model_dir={tmp}',), '--model_dir: there is no export in {tmp}'),
    (
      ('--index_dir={tmp}', '--export_dir={tmp}'),
      '--index_dir: there is no index in {tmp}',
    ),
  ],
)
def test_what_is_missing_is_named(tmp_path, flags, message):
  flags = [flag.format(tmp=tmp_path) for flag in flags]
  result = tiny_world.call_forked('search', f'--corpus_dir={tmp_path}', *flags)
  assert result.returncode != 0
  output = result.stdout + result.stderr
  assert 'Traceback' not in output
  assert message.format(tmp=tmp_path) in output
