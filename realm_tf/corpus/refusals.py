# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Kinds of files that hold text, but not as documents that can be read."""

import os
import re

from realm_tf.corpus.document import CorpusError

# By the first bytes.
_BYTES = (
  (b'%PDF', 'a PDF file', 'extract its text first'),
  (b'{\\rtf', 'an RTF file', 'extract its text first'),
  (b'\xd0\xcf\x11\xe0', 'an Office file', 'extract its text first'),
  (b'PK\x03\x04', 'a zip archive', 'unpack it first'),
  (b'PK\x05\x06', 'an empty zip archive', 'leave it out of `input`'),
  (b'7z\xbc\xaf', 'a 7z archive', 'unpack it first'),
  (b'Rar!', 'a rar archive', 'unpack it first'),
  (b'SQLite format 3', 'an SQLite database', 'export a table as csv'),
  (b'ARROW1', 'an Arrow file', 'save it as Parquet'),
  (b'\xff\xff\xff\xff', 'an Arrow stream', 'save it as Parquet'),
  (b'Obj\x01', 'an Avro file', 'save it as Parquet'),
  # What gzip, bzip2, xz and zstd pack is unpacked here.
  (b'\x1f\x8b', 'a file that is packed twice', 'unpack it once'),
  (b'BZh', 'a file that is packed twice', 'unpack it once'),
  (b'\xfd7zXZ', 'a file that is packed twice', 'unpack it once'),
  (b'\x28\xb5\x2f\xfd', 'a file that is packed twice', 'unpack it once'),
  (b'\x04"M\x18', 'an lz4 file', 'unpack it first'),
  (b'\x1f\x9d', 'a file of compress', 'unpack it first'),
  (b'\x89HDF', 'an HDF5 file', 'export its text as JSONL'),
)
_OFFICE = ('.docx', '.odt', '.epub', '.pptx', '.xlsx', '.ods', '.odp')
_TAR_MARK = slice(257, 262)

# By the beginning of the text.
_TEXTS = (
  (rb'<!doctype html|<html\b', 'an HTML page', 'extract its text first'),
  (
    rb'-- (MySQL|PostgreSQL|MariaDB|phpMyAdmin|SQLite)|/\*!\d|--\s*\n-- |'
    rb'(INSERT INTO|CREATE (TABLE|DATABASE)|DROP TABLE|BEGIN TRANSACTION'
    rb'|PRAGMA|SET NAMES|START TRANSACTION|LOCK TABLES'
    rb'|COPY \S+ (\([^()]*\) )?FROM STDIN)\b',
    'an SQL dump',
    'export a table as csv',
  ),
  (rb'\[[\s\[]*"', 'JSON without objects', 'make objects with `text` of it'),
  (rb'<doc>\s*<docno>', "TREC's SGML", 'make JSONL of it first'),
  (rb'from \S+@\S+ .*\d{4}\r?\n', 'a mailbox', 'make JSONL of it first'),
  (
    rb'(return-path|received|delivered-to|mime-version|message-id): ',
    'an e-mail',
    'make JSONL of it first',
  ),
  (rb'webvtt\b', 'subtitles', 'extract their text first'),
  (rb'\d+\r?\n\d\d:\d\d:\d\d[,.]\d+ -->', 'subtitles', 'extract their text'),
  (rb'\\(documentclass|documentstyle|begin\{)', 'LaTeX', 'make text of it'),
  (rb'%!ps', 'PostScript', 'extract its text first'),
  (rb'%yaml', 'YAML', 'make JSONL of it'),
  (rb'#!\s*/', 'a script', 'leave it out of `input`'),
)
_TEXT_KINDS = [
  (re.compile(pattern, re.I), kind, advice) for pattern, kind, advice in _TEXTS
]

# By the ending of the name, of what would be taken for prose.
_NAMES = {
  'HTML': ('html', 'htm', 'xhtml', 'mhtml'),
  'SQL': ('sql',),
  'XML': ('xml', 'xsd', 'rdf', 'svg', 'tei', 'opml', 'rss', 'atom'),
  'YAML': ('yaml', 'yml'),
  'LaTeX': ('tex', 'bib', 'sty'),
  'subtitles': ('srt', 'vtt', 'sub', 'ass'),
  'mail': ('eml', 'mbox'),
  'configuration': ('toml', 'ini', 'cfg', 'conf', 'lock', 'properties'),
  'RDF': ('nt', 'nq', 'ttl', 'n3'),
  'source code': (
    *('py', 'js', 'ts', 'css', 'c', 'h', 'cc', 'cpp', 'java', 'go', 'rs'),
    *('sh', 'rb', 'php', 'r', 'ipynb'),
  ),
  'logs': ('log',),
}
_KIND_OF_NAME = {
  ending: kind for kind, endings in _NAMES.items() for ending in endings
}

_BEFORE_ROOT = re.compile(
  rb'\s*(?:<\?.*?\?>\s*|<!--.*?-->\s*|<!doctype[^<>\[]*(?:\[.*?\]\s*)?>\s*)*',
  re.S | re.I,
)
_ROOT = re.compile(rb'<([A-Za-z_][\w:.-]*)(?=[\s/>])')


def xml_root(content: bytes) -> bytes | None:
  """Returns the name of the first element, if the text begins with one."""
  before = _BEFORE_ROOT.match(content)
  root = _ROOT.match(content, before.end() if before else 0)
  return root[1] if root else None


def _refuse(path: str, kind: str, advice: str) -> CorpusError:
  return CorpusError(f'{path}: {kind}, which is not read: {advice}')


def check_bytes(path: str, content: bytes) -> None:
  """Checks that a file is none of the known kinds without plain text.

  Raises:
    CorpusError: It is one; the message says which.
  """
  name = path.lower()
  for mark, kind, advice in _BYTES:
    if content.startswith(mark):
      if mark[:2] == b'PK' and name.endswith(_OFFICE):
        kind, advice = 'an Office file or book', 'extract its text first'
      raise _refuse(path, kind, advice)
  if content[_TAR_MARK] == b'ustar':
    raise _refuse(path, 'a tar archive', 'unpack it first')


def check_text(path: str, name: str, content: bytes) -> None:
  """Checks that a file may be one document of prose.

  Args:
    path: Path, for the error.
    name: Name of the file in lower case, without the ending of what packs it.
    content: Its first bytes, unpacked.

  Raises:
    CorpusError: It is something else; the message says what.
  """
  if b'\0' in content:
    raise CorpusError(f'{path}: not text; leave it out of `input`')
  as_text = 'or give `format` text, if it is prose'
  for pattern, kind, advice in _TEXT_KINDS:
    if pattern.match(content):
      raise _refuse(path, kind, f'{advice}, {as_text}')
  root = xml_root(content)
  if root or re.match(rb'<(\?xml|!doctype)', content, re.I):
    kind = f'XML with the root <{(root or b"?").decode()}>'
    raise _refuse(path, kind, f'make JSONL of it, {as_text}')
  kind = _KIND_OF_NAME.get(os.path.splitext(name)[1][1:], '')
  if kind:
    raise _refuse(path, f'{kind} by its name', f'make JSONL of it, {as_text}')
