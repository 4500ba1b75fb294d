# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""MediaWiki XML dumps: pages from a stream.

Reading pages is cheap and happens in one process; turning wikitext into prose
is expensive and happens in the workers, see `wikitext`.
"""

import re
import urllib.parse
from collections.abc import Iterator
from typing import IO, NamedTuple
from xml.parsers import expat

from realm_tf.corpus import wikitext
from realm_tf.corpus.document import MalformedError, SkippedError
from realm_tf.corpus.lines import DamagedError

# Characters of a page: MediaWiki allows 2 MB.
_MAX_TEXT = 2 << 20
# Elements within one another; dumps have 6. Bytes of a tag.
_MAX_DEPTH = 64
_MAX_TAG = 4 << 20
_CHUNK = 1 << 16


class Site(NamedTuple):
  """What a dump says of itself.

  Attributes:
    is_wikipedia: Whether it is a Wikipedia, in any language.
    base: Address of its main page.
    namespaces: Names of the namespaces but for that of articles.
  """

  is_wikipedia: bool = False
  base: str = ''
  namespaces: tuple[str, ...] = ()


class Page(NamedTuple):
  """A page of a dump.

  Attributes:
    title: Title of the page.
    namespace: 0 for articles; None if the dump does not have a number.
    is_redirect: Whether the page only points at another one.
    model: `wikitext`, or the name of something that is not prose.
    text: Wikitext of the last revision; empty if the page is skipped anyway.
    id: Id of the page.
    site: Site of the dump.
    is_too_long: Whether the text is longer than MediaWiki allows.
  """

  title: str
  namespace: int | None
  is_redirect: bool
  model: str
  text: str
  id: str = ''
  site: Site = Site()
  is_too_long: bool = False

  @property
  def url(self) -> str:
    """Address of the page; empty if the dump does not have the site's."""
    if not self.site.base:
      return ''
    name = urllib.parse.quote(self.title.replace(' ', '_'), ":/'(),!*;@")
    return f'{self.site.base.rpartition("/")[0]}/{name}'


def _namespace(text: str) -> int | None:
  try:
    return int(text or 0)
  except ValueError:
    return None


class _Dump:
  """Collects the pages that a parser comes across.

  Attributes:
    pages: Pages that have ended; whoever reads them removes them.
    root: Name of the first element.
  """

  def __init__(self, parser: expat.XMLParserType):
    self.pages: list[Page] = []
    self.root = ''
    self._parser = parser
    self._site = Site()
    self._names: list[str] = []
    self._path: list[str] = []
    self._page: dict[str, str] = {}
    self._parts: list[str] | None = None
    self._size = 0

  def start(self, name: str, attributes: dict[str, str]) -> None:
    """Takes the start of an element."""
    self._path.append(name.rpartition(':')[2])
    path = self._path
    self.root = self.root or path[0]
    if len(path) > _MAX_DEPTH:
      line = self._parser.CurrentLineNumber
      raise DamagedError(line, 'XML that is nested too deeply')
    if path[1:] == ['page']:
      self._page = {}
    elif path[1:2] == ['siteinfo']:
      is_wanted = path[-1] in ('sitename', 'base', 'namespace')
      self._parts = [] if is_wanted else None
      if path[-1] == 'namespace' and attributes.get('key') == '0':
        self._parts = None
    elif path[1:2] == ['page'] and (
      len(path) == 3 or path[2:-1] == ['revision']
    ):
      if path[-1] == 'redirect':
        self._page['redirect'] = 'yes'
      is_wanted = path[-1] in ('title', 'ns', 'id', 'text', 'model')
      self._parts = [] if is_wanted else None
    else:
      self._parts = None
    self._size = 0

  def characters(self, content: str) -> None:
    """Takes text."""
    if self._parts is not None:
      self._size += len(content)
      if self._size <= _MAX_TEXT:
        self._parts.append(content)

  def end(self, name: str) -> None:
    """Takes the end of an element."""
    del name
    path, parts = self._path, self._parts
    if path[1:] == ['page']:
      self.pages.append(self._make_page())
      self._page = {}
    elif parts is not None:
      text = ''.join(parts)
      if path[1] == 'siteinfo':
        self._add_fact(path[-1], text)
      elif path[-1] != 'id' or len(path) == 3:  # Revisions have ids, too.
        self._page[path[-1]] = text
        if path[-1] == 'text':
          self._page['too long'] = 'yes' * (self._size > _MAX_TEXT)
    self._parts = None
    path.pop()

  def _add_fact(self, field: str, text: str) -> None:
    site = self._site
    if field == 'namespace':
      site = site._replace(namespaces=(*site.namespaces, text.strip()))
    elif 'wikipedia' in text.lower():
      site = site._replace(is_wikipedia=True)
    if field == 'base':
      site = site._replace(base=text.strip())
    self._site = site

  def _make_page(self) -> Page:
    found = self._page
    text = found.get('text', '')
    namespace = _namespace(found.get('ns', '0'))
    if 'ns' not in found:  # Old dumps have only the names.
      prefix = found.get('title', '').partition(':')[0]
      namespace = -1 if prefix in self._site.namespaces else 0
    model = found.get('model', '') or 'wikitext'
    is_redirect = 'redirect' in found or wikitext.is_redirect(text)
    is_too_long = bool(found.get('too long'))
    if is_redirect or namespace != 0 or model != 'wikitext' or is_too_long:
      text = ''
    return Page(
      found.get('title', ''),
      namespace,
      is_redirect,
      model,
      text,
      found.get('id', '').strip(),
      self._site,
      is_too_long,
    )


def _no_entity(*declaration: object) -> None:
  raise DamagedError(1, 'XML that declares entities, as no dump does')


_DECLARATION = re.compile(rb'\s*(<\?xml.*?\?>)?\s*(?=<page\b)', re.S)


def read_pages(file: IO[bytes]) -> Iterator[Page]:
  """Yields the pages of a dump, or of its `<page>` elements without a root.

  Holds one page at a time.

  Raises:
    DamagedError: The XML is broken, at its `line`.
  """
  content = file.read(_CHUNK)
  # The file may have been recoded, whatever its declaration says.
  encoding = 'utf-8' if b'utf-16' in content[:200].lower() else None
  parser = expat.ParserCreate(encoding)
  parser.buffer_text = True
  parser.buffer_size = _CHUNK
  dump = _Dump(parser)
  parser.StartElementHandler = dump.start
  parser.EndElementHandler = dump.end
  parser.CharacterDataHandler = dump.characters
  parser.EntityDeclHandler = _no_entity
  fragment = _DECLARATION.match(content)
  try:
    if fragment:
      content = content[fragment.end() :]
      parser.Parse(b'<mediawiki>')
    fed = 0
    while content:
      parser.Parse(content)
      fed += len(content)
      yield from dump.pages
      dump.pages.clear()
      if fed - parser.CurrentByteIndex > _MAX_TAG:
        raise DamagedError(parser.CurrentLineNumber, 'a tag that does not end')
      content = file.read(_CHUNK)
    parser.Parse(b'</mediawiki>' if fragment else b'', True)
  except expat.ExpatError as e:
    yield from dump.pages
    reason = expat.ErrorString(e.code)
    raise DamagedError(
      e.lineno, f'broken XML at column {e.offset + 1}: {reason}'
    ) from e


def page_text(page: Page) -> str:
  """Returns the prose of an article.

  Raises:
    MalformedError: Nobody can say whether it is an article.
    SkippedError: It is a redirect, a disambiguation page or no article, or too
      much work.
  """
  if page.namespace is None:
    raise MalformedError('its <ns> is no number', 'markup')
  if page.namespace != 0:
    raise SkippedError('other_namespace')
  if page.is_redirect:
    raise SkippedError('redirect')
  if page.model != 'wikitext':
    raise SkippedError('not_wikitext')
  if page.is_too_long:
    raise SkippedError('too_long')
  if wikitext.is_disambiguation(page.text):
    raise SkippedError('disambiguation')
  if wikitext.estimate_seconds(page.text) > wikitext.MAX_SECONDS:
    raise SkippedError('too_costly')
  return wikitext.strip_wikitext(page.text, page.site.namespaces)
