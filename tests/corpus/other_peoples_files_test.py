# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Files as people have them, from path to corpus."""

import bz2
import gzip
import json
import lzma
import tarfile
import zipfile

import pytest

from realm_tf.configs.corpus_config import CorpusConfig
from realm_tf.corpus import build_corpus, lines
from realm_tf.corpus.document import CorpusError
from tests.support import shared_data

TEXT = 'The river flows through the old town.'
OTHER = 'The king was in the old land.'
RECORDS = [{'title': 'A', 'text': TEXT}, {'title': 'B', 'text': OTHER}]
BOTH = [('A', TEXT), ('B', OTHER)]
JSONL = ''.join(json.dumps(record) + '\n' for record in RECORDS)


def _page(title, text):
  return (
    f'<page><title>{title}</title><ns>0</ns><revision><text>{text}</text>'
    '</revision></page>'
  )


@pytest.fixture
def build(tmp_path, vocab_file):
  def call(name, content, out='out', **kwargs):
    path = tmp_path / name
    if content is not None:
      data = content if isinstance(content, bytes) else content.encode()
      path.write_bytes(data)
    (tmp_path / out).mkdir()
    config = CorpusConfig(
      input=kwargs.pop('input', str(path)),
      output_dir=str(tmp_path / out),
      vocab_file=vocab_file,
      num_processes=1,
      progress=False,
      **kwargs,
    )
    try:
      return build_corpus.build_corpus(config)
    except CorpusError:
      # Nothing is published, and a mended command is not refused.
      assert not list((tmp_path / out).iterdir())
      raise

  return call


def _documents(corpus):
  rows = range(len(corpus))
  return list(zip(corpus.titles(rows), corpus.bodies(rows)))


def _parquet(tmp_path):
  pyarrow = pytest.importorskip('pyarrow')
  from pyarrow import parquet

  table = pyarrow.Table.from_pylist(
    [{'id': i, **record, 'more': [1.0]} for i, record in enumerate(RECORDS)]
  )
  parquet.write_table(table, tmp_path / 'made')
  return (tmp_path / 'made').read_bytes()


def _zstd(content):
  return pytest.importorskip('zstandard').compress(content)


SQUAD = {
  'version': 'v2.0',
  'data': [
    {
      'title': 'A',
      'paragraphs': [{'context': TEXT, 'qas': [{'id': '1', 'question': '?'}]}],
    },
    {'title': 'B', 'paragraphs': [{'context': OTHER, 'qas': []}]},
  ],
}
READ = {
  # Packed, under any name.
  'gzip': ('a.jsonl', lambda: gzip.compress(JSONL.encode())),
  'bzip2': ('a', lambda: bz2.compress(JSONL.encode())),
  'xz': ('a.txt', lambda: lzma.compress(JSONL.encode())),
  'zstd': ('a.zst', lambda: _zstd(JSONL.encode())),
  # Encodings.
  'utf-8 mark': ('a.jsonl', lambda: JSONL.encode('utf-8-sig')),
  'utf-16': ('a.jsonl', lambda: JSONL.encode('utf-16')),
  'utf-16 csv': (
    'a.csv',
    lambda: f'title,text\nA,{TEXT}\nB,{OTHER}\n'.encode('utf-16'),
  ),
  'marks anywhere': (
    'a.jsonl',
    lambda: '\ufeff' + JSONL.replace('\n', '\n\ufeff'),
  ),
  # JSON.
  'array': ('a.json', lambda: json.dumps(RECORDS)),
  'printed array': ('a', lambda: '\n ' + json.dumps(RECORDS, indent=1)),
  'arrays': (
    'a.json',
    lambda: ''.join(f'{json.dumps([r])}\n' for r in RECORDS),
  ),
  'printed objects': (
    'a.json',
    lambda: '\n'.join(json.dumps(r, indent=1) for r in RECORDS),
  ),
  'holder': ('a.json', lambda: json.dumps({'n': 2, 'documents': RECORDS})),
  'squad': ('dev.json', lambda: json.dumps(SQUAD)),
  'printed squad': ('dev.json', lambda: json.dumps(SQUAD, indent=1)),
  'squad rows': (
    'a.jsonl',
    lambda: ''.join(
      json.dumps({'id': i, 'title': t, 'context': c, 'question': 'q'}) + '\n'
      for i, (t, c) in enumerate([*BOTH, BOTH[0]])
    ),
  ),
  'pyserini': (
    'a.jsonl',
    lambda: (
      json.dumps({'id': 'd', 'contents': f'A\n{TEXT}'})
      + '\n'
      + json.dumps({'id': 'e', 'contents': f'"B"\n{OTHER}'})
    ),
  ),
  'kilt': (
    'a.jsonl',
    lambda: ''.join(
      json.dumps(
        {
          '_id': t,
          'wikipedia_title': t,
          'text': [f'{t}\n', 'Section::::Of it.\n', f'{c}\n'],
        }
      )
      + '\n'
      for t, c in BOTH
    ),
  ),
  'sentences': (
    'a.jsonl',
    lambda: (
      json.dumps(
        {'title': 'A', 'text': [['The river flows', ' through the old town.']]}
      )
      + '\n'
      + json.dumps({'title': 'B', 'text': OTHER})
    ),
  ),
  # Tables.
  'csv': ('a.csv', lambda: f'title,text\nA,"{TEXT}"\n"B",{OTHER}\n'),
  'semicolons': ('a.csv', lambda: f'Text;Title\r\n{TEXT};A\r\n{OTHER};B\r\n'),
  'tsv by header': (
    'a.tsv',
    lambda: f'id\ttitle\ttext\n1\tA\t{TEXT}\n2\tB\t"{OTHER}"\n',
  ),
  'tsv as dpr': (
    'a.tsv',
    lambda: f'id\ttext\ttitle\r\n1\t{TEXT}\tA\r\n2\t{OTHER}\tB\r\n',
  ),
  'tsv without header': ('a.tsv', lambda: f'1\t{TEXT}\tA\n2\t{OTHER}\tB\n'),
  'parquet': ('a.parquet', _parquet),
  # Wikis.
  'fragment': ('a.xml', lambda: _page('A', TEXT) + _page('B', OTHER)),
  'wikiextractor': (
    'wiki_00',
    lambda: ''.join(
      f'<doc id="1" url="u" title="{t}">\n{t}\n\n{c}\n</doc>\n' for t, c in BOTH
    ),
  ),
}


@pytest.mark.parametrize('case', READ)
def test_what_is_read(case, build, tmp_path):
  name, make = READ[case]
  content = make(tmp_path) if case == 'parquet' else make()
  assert _documents(build(name, content)) == BOTH


def test_prose_with_commas_is_no_csv(build):
  text = 'Body, mind and soul\n\nThe king, in the old land.\n'
  body = 'Body, mind and soul The king, in the old land.'
  assert _documents(build('a.txt', text)) == [('a', body)]


def test_names_of_fields(build):
  record = {'n': 1984, 'meta': {'head': 'A', 'key': 7}, 'words': TEXT}
  corpus = build(
    'a.jsonl',
    json.dumps(record),
    text_field='words',
    title_field='meta.head',
    id_field='meta.key',
  )
  assert _documents(corpus) == [('A', TEXT)]
  assert corpus.record_ids([0]) == ['7']
  assert corpus.info['settings']['text_field'] == 'words'


def test_a_column_named_by_the_user(build):
  content = f'name,said,text\nA,"{TEXT}",x\n'
  corpus = build('a.csv', content, text_field='said', title_field='name')
  assert _documents(corpus) == [('A', TEXT)]


@pytest.mark.parametrize(
  'content, documents',
  [
    ({'title': 1984, 'text': TEXT}, [('1984', TEXT)]),
    ({'text': TEXT}, [('', TEXT)]),
    ({'title': None, 'text': TEXT}, [('', TEXT)]),
    ({'title': 'List of towns', 'text': TEXT}, [('List of towns', TEXT)]),
    ({'title': 'A', 'text': 'a?b=1&copy=2'}, [('A', 'a?b=1&copy=2')]),
    ({'title': 'A', 'text': 'AT&amp;T'}, [('A', 'AT&T')]),
  ],
)
def test_titles_and_references(content, documents, build):
  assert _documents(build('a.jsonl', json.dumps(content))) == documents


def test_lists_are_left_out_of_wikipedia(build):
  url = 'https://en.wikipedia.org/wiki?curid=3'
  records = [{'title': 'List of towns', 'text': TEXT, 'url': url}, RECORDS[1]]
  corpus = build('a.jsonl', '\n'.join(map(json.dumps, records)))
  assert _documents(corpus) == BOTH[1:]
  assert corpus.counts['skipped_list_or_index'] == 1


def test_colbert_has_no_titles(build):
  corpus = build('collection.tsv', f'0\t{TEXT}\n1\t{OTHER}\n')
  assert _documents(corpus) == [('', TEXT), ('', OTHER)]
  assert corpus.record_ids([0, 1]) == ['0', '1']


def test_quotes_and_long_values_of_tsv(build):
  long = ' '.join([TEXT] * 4000)
  rows = [
    '"He was ""old"" in town"\tA',
    'He was "old" in town\tB',
    '"Old" was the king\tC',
    '"Only the king\tD',
    f'{long}\tE',
    'only two columns',
    'a\tb\tfour',
  ]
  content = 'id\ttext\ttitle\n' + ''.join(
    f'{i}\t{r}\n' for i, r in enumerate(rows)
  )
  corpus = build('psgs.tsv', content)
  bodies = dict(_documents(corpus))
  assert len(long) > 1 << 17 and set(bodies) == set('ABCDE')
  assert bodies['A'] == bodies['B'] == 'He was "old" in town'
  assert bodies['C'] == '"Old" was the king'
  assert corpus.counts['malformed_columns'] == 2


def test_blocks_that_come_again_are_left_out(build):
  corpus = build('a.jsonl', JSONL + JSONL)
  assert _documents(corpus) == BOTH
  assert corpus.counts['blocks_already_there'] == 2
  assert corpus.counts['wordpieces'] == corpus.body_lengths.sum()


@pytest.mark.parametrize('name', ['a,b.jsonl', 'a[1].jsonl', 'a*.jsonl'])
def test_a_path_that_exists_is_that_path(name, build, tmp_path):
  assert _documents(build(name, JSONL)) == BOTH
  # As the flag gives it.
  split = str(tmp_path / name).split(',')
  assert len(build(name, None, input=split, out='again')) == 2


REFUSED = {
  'nothing': ('a.jsonl', '', r'no document in .*: 0 records'),
  'no record': ('a.jsonl', '{"name": "A"}\n', '1 malformed_no_text.*no "text"'),
  'cut gzip': ('a', gzip.compress(JSONL.encode())[:-9], 'a:3: damaged gzip'),
  'cut line': ('a.jsonl', JSONL[:-9], 'a.jsonl:2: the last line is cut off'),
  'cut array': ('a.json', json.dumps(RECORDS)[:-3], 'a.json:1: not JSON'),
  'cut squad': ('a.json', json.dumps(SQUAD)[:-3], 'a.json:1: not JSON'),
  'cut quotes': ('a.csv', f'title,text\nA,"{TEXT}\n', 'a.csv:2: .* not end'),
  'cut doc': ('a', f'<doc id="1" title="A">\n{TEXT}\n', 'a:1: <doc> without'),
  'cut dump': (
    'a.xml',
    '<mediawiki>' + _page('A', TEXT),
    'a.xml:1: broken XML',
  ),
  'ampersand': (
    'a.xml',
    f'<mediawiki>{_page("A", TEXT)}\n{_page("A & B", TEXT)}</mediawiki>',
    'a.xml:2: broken XML at column',
  ),
  'tsv columns': ('a.tsv', 'name\tsaid\nA\tB\n', r'first line \(name, said\)'),
  'tsv of four': ('a.tsv', '1\ta\tb\tc\n', r'no column for the text'),
  'json of lists': ('a', json.dumps([['A', TEXT]]), 'JSON without objects'),
  'after the array': ('a', json.dumps(RECORDS) + '\nx', 'a:2: something after'),
  'packed twice': ('a', gzip.compress(bz2.compress(b'a')), 'packed twice'),
  'lz4': ('a.lz4', b'\x04"M\x18aaaa', 'an lz4 file'),
  'sql copy': ('a', 'COPY a (b, c) FROM stdin;\n', 'an SQL dump'),
  'doctype': ('a', '<!DOCTYPE a [<!ENTITY x "y">]><a>x</a>', 'the root <a>'),
  'tsv title, text': ('a.tsv', f'Old Town\t{TEXT}\n', 'a.tsv:1: not id, text,'),
  'tsv id, title, text': ('a.tsv', f'1\tA\t{TEXT}\n', '1: not id, text, title'),
  'csv same names': ('a.csv', 'title,text,text\nA,B,C\n', "the name 'text'"),
  'csv columns': ('a.csv', 'name,said\nA,B\n', r'first line \(name, said\)'),
  'csv no header': ('a.csv', f'1,{TEXT}\n', 'no column for the text'),
  'html': ('a', '<!DOCTYPE html>\n<html><p>A</p>', 'an HTML page'),
  'sql': ('a.gz', gzip.compress(b'INSERT INTO a VALUES (1);'), 'an SQL dump'),
  'xml': ('a.xml', '<?xml version="1.0"?>\n<rss>a</rss>', 'the root <rss>'),
  'trec': ('a', '<DOC>\n<DOCNO>1</DOCNO>', "TREC's SGML"),
  'lfs': ('a.jsonl', 'version https://git-lfs.github.com/spec/v1\n', 'git-lfs'),
  'pdf': ('a.pdf', b'%PDF-1.4\n%\xe2\0', 'a PDF file'),
  'docx': ('a.docx', None, 'an Office file'),
  'zip': ('a.zip', None, 'a zip archive'),
  'tar': ('a.tar.gz', None, 'a tar archive'),
  'parquet': ('a.parquet', b'PAR1 no', 'damaged Parquet'),
  'yaml': ('a.yaml', '- a: b\n', 'YAML'),
  'latex': ('a.tex', '\\documentclass{a}\n', 'LaTeX'),
  'subtitles': ('a.srt', '1\n00:00:01,000 --> 00:00:02,000\nA\n', 'subtitles'),
  'mailbox': ('a', 'From a@b.c Mon Jan  1 00:00:00 2024\nX: y\n', 'a mailbox'),
  'notebook': (
    'a.ipynb',
    json.dumps({'cells': [], 'nbformat': 4}, indent=1),
    r'no "text" among its fields \(cells, nbformat\)',
  ),
  'source': ('a.py', 'import os\n', 'source code'),
  'rtf': ('a.rtf', '{\\rtf1 a}', 'an RTF file'),
  'nested': ('a.jsonl', '{"text": {"a": "b"}}\n', 'text is dict, not a string'),
  'bytes': ('a', b'\x7fELF\0\0', 'not text'),
}


@pytest.mark.parametrize('case', REFUSED)
def test_what_is_refused_by_name(case, build, tmp_path):
  name, content, said = REFUSED[case]
  if case in ('docx', 'zip'):
    with zipfile.ZipFile(tmp_path / name, 'w') as f:
      f.writestr('a.txt', TEXT)
  elif case == 'tar':
    (tmp_path / 'a.txt').write_text(TEXT)
    with tarfile.open(tmp_path / name, 'w:gz') as f:
      f.add(tmp_path / 'a.txt', 'a.txt')
  if case == 'parquet':
    pytest.importorskip('pyarrow')
  with pytest.raises((CorpusError, OSError), match=said) as e:
    build(name, content)
  assert '\n' not in str(e.value)


def test_prose_of_any_kind_is_read_if_the_user_says_so(build):
  corpus = build('a.py', 'The old town', format='text')
  assert _documents(corpus) == [('a.py', 'The old town')]


def test_markdown_is_read_without_its_settings(build):
  corpus = build('Old_Town.md', f'---\ntitle: x\n---\n{TEXT}\n')
  assert _documents(corpus) == [('Old Town', TEXT)]


def test_one_line_without_end(build, monkeypatch):
  monkeypatch.setattr(lines, 'MAX_RECORD', 1 << 10)
  monkeypatch.setattr(lines, '_NO_LINES', 1 << 22)
  bomb = gzip.compress(b'{"text": "' + b'a' * (1 << 20) + b'"}\n')
  corpus = build('a.gz', gzip.compress(JSONL.encode()) + bomb)
  assert _documents(corpus) == BOTH
  assert corpus.counts['malformed_too_long'] == 1
  bomb = gzip.compress(b'{"' + b'a' * (8 << 20))
  with pytest.raises(CorpusError, match=r'b:1: no line break in'):
    build('b', bomb, out='again')


CASES = {
  'colbert_tsv': 2,
  'comma': 3,
  'csv': 2,
  'dup': 6,
  'entities': 1,
  'gz_noname': 3,
  'int_title': 1,
  'jsonarray': 2,
  'kilt': 1,
  'list_title': 6,
  'mw_fragment': 1,
  'mw_german': 1,
  'pyserini': 1,
  'tsv_custom_header': 1,
  'tsv_long': 2,
  'tsv_quotes': 5,
  'unicode': 7,
  'utf16': 3,
  'gz_truncated': r'\d: damaged gzip file',
  'mw_broken': 'broken XML at column',
  'mw_trunc': 'broken XML at column',
  'sql': 'an SQL dump',
  'zero_byte': '0 records',
}


@pytest.mark.parametrize('name', CASES)
def test_handed_over_cases(name, build):
  directory = shared_data.path('cases', name)
  expected = CASES[name]
  if isinstance(expected, str):
    with pytest.raises(CorpusError, match=expected):
      build('', None, input=str(directory))
    return
  corpus = build('', None, input=str(directory))
  assert corpus.counts['kept'] == expected
  bodies = ' '.join(corpus.bodies(range(len(corpus))))
  assert ('&copy=2&reg=3' in bodies) == (name == 'entities')
  assert len(corpus) == 3 or name != 'dup'
  for caption_or_category in (
    'Die Ona bei Tarn',
    'Fluss in Europa',
    'Weblinks',
  ):
    assert caption_or_category not in bodies
