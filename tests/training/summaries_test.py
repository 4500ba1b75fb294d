# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
from realm_tf.training import summaries


def test_metrics_log_drops_what_is_taken_again(tmp_path):
  path = tmp_path / 'metrics.jsonl'
  log = summaries.MetricsLog(path, -1)
  for step in (0, 10, 20, 30):
    log.write(step, 'train', {'loss': 1 / (step + 1)})
  log.write(20, 'eval', {'loss': 0.5})
  with open(path, 'a') as f:
    f.write('{"step": 40, "ki')  # cut off by a kill
  assert [line['step'] for line in summaries.read_metrics(path)] == [
    0,
    10,
    20,
    30,
    20,
  ]
  log = summaries.MetricsLog(path, 20)
  log.write(30, 'train', {'loss': 0.25})
  assert summaries.read_metrics(path)[-2:] == [
    {'step': 20, 'kind': 'eval', 'loss': 0.5},
    {'step': 30, 'kind': 'train', 'loss': 0.25},
  ]
  assert len(summaries.read_metrics(path)) == 5


def test_each_step_and_kind_stands_once(tmp_path):
  path = tmp_path / 'metrics.jsonl'
  with open(path, 'w') as f:  # as it was doubled once
    f.write('{"step": 0, "kind": "eval", "loss": 3.0}\n' * 2)
  log = summaries.MetricsLog(path, 0)
  log.write(10, 'train', {'loss': 2.0})
  log.write(10, 'eval', {'loss': 1.0})
  log = summaries.MetricsLog(path, 10)
  log.write(10, 'eval', {'loss': 0.5})
  log.write(20, 'train', {'loss': 0.25})
  assert [tuple(line.values()) for line in summaries.read_metrics(path)] == [
    (0, 'eval', 3.0),
    (10, 'train', 2.0),
    (10, 'eval', 0.5),
    (20, 'train', 0.25),
  ]


class Documents:
  def titles(self, rows):
    return [['', 'Title', 'T'][row] for row in rows]

  def bodies(self, rows):
    return [['', 'x' * 500, 'two\nlines'][row] for row in rows]


def test_a_retrieval_is_described_in_markdown():
  text = summaries.describe_retrieval(
    ['Who | what?', 'b', 'c', 'd'], Documents(), [[0, -1, 1], [2], [], [2]]
  )
  assert '**Who \\| what?**' in text
  assert '| 1 |  |  |' in text
  assert '| 2 | Title | ' + 'x' * 160 + ' … |' in text
  assert '| 1 | T | two lines |' in text
  assert '**c**' in text and '**d**' not in text


def test_damaged_lines_do_not_refuse_a_restart(tmp_path, caplog):
  path = tmp_path / 'metrics.jsonl'
  good = '{"step": 1, "kind": "train", "loss": 2.0}\n'
  bad = ['{"step": 2, "ki\n', '[]\n', '{"step": "3", "kind": "x"}\n', '\xff\n']
  path.write_bytes(''.join([bad[0], good, *bad[1:]]).encode('latin-1'))
  log = summaries.MetricsLog(path, 5)
  assert f'{path}:1: not JSON' in caplog.text
  assert '4 damaged lines are left out' in caplog.text
  log.write(2, 'train', {'loss': 1.0})
  found = [tuple(line.values()) for line in summaries.read_metrics(path)]
  assert found == [(1, 'train', 2.0), (2, 'train', 1.0)]
