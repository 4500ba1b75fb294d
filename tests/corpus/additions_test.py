# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import pytest

from realm_tf.corpus import additions
from realm_tf.corpus.document import CorpusError, Document

_LINES = """
{"title": "Rome", "text": "Old  Rome."}
{"title": "Lima"
{"title": "List of towns", "text": "Rome."}
{"title": "Oslo", "text": "Oslo &amp; more."}
""".lstrip()


def test_good_lines_are_read_and_others_counted(tmp_path):
  path = tmp_path / 'a.jsonl'
  path.write_text(_LINES)
  found, counts = additions.read_additions(str(path))
  assert found == [
    Document('Rome', 'Old Rome.'),
    Document('Oslo', 'Oslo & more.'),
  ]
  assert counts == {'read': 4, 'malformed': 1, 'skipped_list_or_index': 1}


def test_strict_names_file_and_line(tmp_path):
  path = tmp_path / 'a.jsonl'
  path.write_text(_LINES)
  with pytest.raises(CorpusError, match=r'a\.jsonl:2: not JSON.*--strict'):
    additions.read_additions(str(path), strict=True)


def test_no_file_is_named(tmp_path):
  with pytest.raises(CorpusError, match=r'--add: no file matches .*none'):
    additions.read_additions(str(tmp_path / 'none'))
