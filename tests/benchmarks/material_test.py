# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import dataclasses
import itertools
import json
import os
import pathlib

import pytest

from benchmarks import material as material_lib


def _write(path, texts):
  with open(path, 'w') as f:
    for i, text in enumerate(texts):
      f.write(json.dumps({'title': f'Title {i}', 'text': text}) + '\n')
  return str(path)


def test_documents_are_cut_and_joined_to_one_length(tmp_path):
  words = [f'w{i}' for i in range(40)]
  source = _write(
    tmp_path / 'source.jsonl', [' '.join(words), 'one two', 'three four five']
  )
  cut = list(material_lib.cut_documents(source, 12, 6))
  assert [len(d.text.split()) for d in cut] == [6] * 12
  # The long one is cut, whichever document it is that begins with it.
  begun = {d.text for d in cut if d.title == 'Title 0'}
  assert begun == {'w0 w1 w2 w3 w4 w5'}
  assert cut == list(material_lib.cut_documents(source, 12, 6))
  assert cut != list(material_lib.cut_documents(source, 12, 6, seed=1))


def test_nothing_to_cut_is_an_error(tmp_path):
  source = _write(tmp_path / 'source.jsonl', [])
  with pytest.raises(ValueError, match='source.jsonl: there is no document'):
    next(material_lib.cut_documents(source, 1, 5))


def test_is_made_once(material):
  figures = material_lib.prepare(material)
  assert figures['documents'] == 60 and figures['blocks'] == 60
  assert 1.0 < figures['wordpieces_per_word'] < 3.0

  def written() -> dict[str, int]:
    everything = pathlib.Path(material.directory).rglob('*')
    files = [p for p in everything if p.is_file()]
    return {str(p): p.stat().st_mtime_ns for p in files}

  made = written()
  # documents, corpus, queries, spans
  assert len(os.listdir(material.directory)) == 4
  assert material_lib.prepare(material) == figures
  assert written() == made


def test_other_text_is_made_elsewhere(material):
  other = dataclasses.replace(material, num_words=20)
  with open(other.documents_file()) as f:
    first = json.loads(next(itertools.islice(f, 1)))
  assert len(first['text'].split()) == 20
  assert other.documents_file() != material.documents_file()
