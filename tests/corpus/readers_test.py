# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0

import bz2
import collections
import gzip
import json

import pytest

from realm_tf.configs.corpus_config import ReadingConfig
from realm_tf.corpus import block_records, formats, readers
from realm_tf.corpus.document import CorpusError
from tests.corpus.mediawiki_test import DUMP

JSONL = [
  '{"title": "A", "text": "A one."}',
  '',
  '{"title": "B", "body": "B two."}',
  '{"title": "C"',
  '["D"]',
  '{"text": "E"}',
  '{"title": "F"}',
  '{"title": "G", "text": 7}',
  '{"title": "List of H", "text": "H."}',
  '{"title": "I", "text": ""}',
  '{"title": "J", "text": "Jot."}',
]
WIKIEXTRACTOR = """<doc id="1" url="u" title="Alpha &amp; Beta">
Alpha & Beta

The first.
It &lt;goes&gt; on.
</doc>
<doc id="2" title="Gamma" url="v">
Gamma

A "third".
</doc>
lost
<doc id="3" url="u" title="Cut">
"""


def _read(path, format='auto', **kwargs):
  documents, problems = [], []
  counts: collections.Counter = collections.Counter()
  reading = ReadingConfig(**kwargs)
  for record in readers.raw_records(str(path), format, reading=reading):
    found, counted, wrong = readers.parse_all([record], reading)
    documents += [document[:2] for document in found]
    problems += [problem.text for problem in wrong]
    counts.update(counted)
  return documents, counts, problems


@pytest.mark.parametrize('ending', ['', '.gz', '.bz2'])
def test_jsonl(tmp_path, ending):
  path = tmp_path / f'a.jsonl{ending}'
  opener = {'': open, '.gz': gzip.open, '.bz2': bz2.open}[ending]
  with opener(path, 'wb') as f:
    f.write('\n'.join(JSONL).encode() + b'\n{"title": "\xff"}\n')
  documents, counts, problems = _read(path)
  assert documents == [
    ('A', 'A one.'), ('B', 'B two.'), ('', 'E'), ('List of H', 'H.'),
    ('J', 'Jot.'),
  ]  # fmt: skip
  assert counts == {
    'read': 11,
    'kept': 5,
    'malformed': 5,
    'malformed_not_json': 2,
    'malformed_no_text': 1,
    'malformed_wrong_type': 1,
    'malformed_not_utf8': 1,
    'skipped_empty': 1,
  }
  assert [p.removeprefix(str(path)).split(':')[1] for p in problems] == [
    '4', '5', '7', '8', '12',
  ]  # fmt: skip
  assert 'not UTF-8' in problems[-1]


def test_a_damaged_end_is_an_error_unless_accepted(tmp_path):
  path = tmp_path / 'a.jsonl.gz'
  lines = [
    json.dumps({'title': str(i), 'text': f'{i * i}.'}) for i in range(9999)
  ]
  whole = gzip.compress('\n'.join(lines).encode())
  path.write_bytes(whole[: len(whole) // 2])
  with pytest.raises(CorpusError, match=rf'^{path}:\d+: damaged gzip file'):
    _read(path)
  documents, counts, problems = _read(path, accept_damaged=True)
  assert 100 < len(documents) < 9999
  assert counts['malformed'] == len(problems) == 1
  assert f'{path}:{len(documents) + 1}: ' in problems[0]
  assert 'the rest is not read' in problems[0]


def test_wikiextractor(tmp_path):
  path = tmp_path / 'wiki_00'
  path.write_text(WIKIEXTRACTOR)
  with pytest.raises(CorpusError, match=':13: <doc> without </doc>'):
    _read(path)
  documents, counts, problems = _read(path, accept_damaged=True)
  assert documents == [
    ('Alpha & Beta', 'The first.\nIt <goes> on.'),
    ('Gamma', 'A "third".'),
  ]
  assert counts['malformed'] == 2
  assert [p.removeprefix(f'{path}:').split(':')[0] for p in problems] == [
    '12',
    '13',
  ]


def test_wikiextractor_json(tmp_path):
  path = tmp_path / 'wiki_00'
  path.write_text(
    '{"id": "1", "url": "u", "title": "A", "text": "A\\n\\nIs."}\n'
  )
  assert _read(path)[0] == [('A', 'Is.')]


def test_dpr(tmp_path):
  path = tmp_path / 'psgs_w100.tsv'
  path.write_text(
    'id\ttext\ttitle\n'
    '1\t"Aaron was ""first"" there."\tAaron\n'
    '2\tPlain text.\t"Aaron ""the"" second"\n'
    '3\ttwo columns\n'
  )
  documents, counts, problems = _read(path)
  assert documents == [
    ('Aaron', 'Aaron was "first" there.'),
    ('Aaron "the" second', 'Plain text.'),
  ]
  assert counts['read'] == 3
  assert problems == [f'{path}:4: 2 columns, not 3: id, text, title']


def test_mediawiki(tmp_path):
  path = tmp_path / 'dump.xml.bz2'
  path.write_bytes(bz2.compress(DUMP.encode()))
  documents, counts, _ = _read(path)
  assert documents == [('There', 'There is a town.')]
  assert counts['skipped_redirect'] == 2
  path.write_bytes(bz2.compress(DUMP[:700].encode()))
  documents, counts, problems = _read(path, accept_damaged=True)
  assert counts['malformed_damaged'] == counts['malformed'] == 1
  assert 'broken XML' in problems[0]
  assert problems[0].startswith(f'{path}:{DUMP[:700].count(chr(10)) + 1}: ')


def test_malformed_records_do_not_end_the_reading(tmp_path):
  path = tmp_path / 'a.jsonl'
  lines = [
    '{"title": "A", "text": "A one."}',
    '{"title": "B", "text": ' + '[' * 100_000,
    '{"title": "E", "text": "E five."}',
  ]
  path.write_text('\n'.join(lines))
  documents, counts, problems = _read(path)
  assert documents == [('A', 'A one.'), ('E', 'E five.')]
  assert counts['malformed'] == 1
  assert problems[0] == f'{path}:2: nested too deeply'


def test_a_page_of_no_namespace_is_malformed(tmp_path):
  path = tmp_path / 'dump.xml'
  for number in ('main', '9' * 5000):
    path.write_text(
      DUMP.replace('<ns>1</ns>', f'<ns>{number}</ns>').replace(
        '<title>Code</title><ns>0</ns>', '<title>Code</title><ns></ns>'
      )
    )
    documents, counts, problems = _read(path)
    assert documents == [('There', 'There is a town.')]
    # What comes after it is read.
    assert counts['skipped_not_wikitext'] == 1
    assert counts['skipped_redirect'] == 2
    assert problems == [f"{path}: page 3 ('Talk:There'): its <ns> is no number"]


def test_text_files(tmp_path):
  (tmp_path / 'Old_Town.txt').write_text('It is\nold.\n\nIt is\r\nlarge.\n')
  (tmp_path / 'New_Town.txt').write_text('Line one.\nLine two.')
  (tmp_path / '.hidden').write_text('No.')
  (tmp_path / 'sub').mkdir()
  (tmp_path / 'sub' / 'b.txt').write_bytes(b'ab\xffc')
  paths = readers.list_files(str(tmp_path))
  assert len(paths) == 3
  found = readers.read_documents(str(tmp_path))
  assert [document[:2] for document in found] == [
    ('New Town', 'Line one.\nLine two.'),
    ('Old Town', 'It is old.\nIt is large.'),
  ]
  assert 'not UTF-8 at byte 2' in _read(tmp_path / 'sub' / 'b.txt')[2][0]


def test_blocks_are_taken_as_they_are(tmp_path):
  path = tmp_path / 'blocks-00000-of-00001.tfrecord.gz'
  body = 'Two  spaces &amp; more. '
  with block_records.record_writer(path) as writer:
    writer.write(block_records.encode_block(b'A', body.encode(), [1], [2, 3]))
    writer.write(b'no example')
  documents, counts, problems = _read(path)
  assert documents == [('A', body)]
  assert counts['malformed'] == 1
  assert problems[0].startswith(f'{path}: record 2: not a block')


def test_start_passes_records_over(tmp_path):
  path = tmp_path / 'a.jsonl'
  path.write_text('\n'.join(JSONL))
  everything = list(readers.raw_records(str(path)))
  for start in range(len(everything) + 1):
    assert (
      list(readers.raw_records(str(path), start=start)) == everything[start:]
    )


def test_digest_of_the_ends_of_a_file(tmp_path):
  path = tmp_path / 'a'
  digests = set()
  for content in (b'abcdefgh', b'Xbcdefgh', b'abcdefgX', b'abcdefghi'):
    path.write_bytes(content)
    digests.add(readers.content_digest(str(path), ends=2))
  assert len(digests) == 4
  path.write_bytes(b'abcXefgh')
  assert readers.content_digest(str(path), ends=2) in digests
  assert readers.content_digest(str(path), ends=4) not in digests


@pytest.mark.parametrize(
  'name, content, expected',
  [
    ('a.jsonl', '{"title": 1}', 'jsonl'),
    ('wiki_00', '<doc id="1">', 'wikiextractor'),
    ('a', '<mediawiki xmlns=', 'mediawiki'),
    ('a', '<?xml version="1.0"?><mediawiki>', 'mediawiki'),
    ('a.tsv', 'id\ttext\ttitle\n', 'tsv'),
    ('a.txt', 'Once upon', 'text'),
    ('a.tfrecord.gz', '', 'blocks'),
    ('docs.small.tfr.gz-00003-of-00050', '', 'blocks'),
    ('blocks.tfr', '', 'blocks'),
    ('a', '\ufeff{"title": 1}', 'jsonl'),
  ],
)
def test_detects_formats(tmp_path, name, content, expected):
  (tmp_path / name).write_text(content)
  assert formats.detect_format(str(tmp_path / name)) == expected


def test_errors_name_the_file(tmp_path):
  with pytest.raises(CorpusError, match="no file matches '/no/such/"):
    readers.list_files('/no/such/file*')
  with pytest.raises(CorpusError, match='no file in directory'):
    readers.list_files(str(tmp_path))
  (tmp_path / 'a.bin').write_bytes(b'\x7fELF\0\0')
  with pytest.raises(CorpusError, match='a.bin: not text'):
    formats.detect_format(str(tmp_path / 'a.bin'))
