# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""MediaWiki XML dumps: pages from a stream, and prose from wikitext.

Reading pages is cheap and happens in one process; turning wikitext into prose
is expensive and happens in the workers.
"""

import re
from collections.abc import Iterator
from typing import IO, NamedTuple
from xml.etree import ElementTree

import mwparserfromhell
from mwparserfromhell import nodes

from realm_tf.corpus.document import MalformedError, SkippedError


class Page(NamedTuple):
  """A page of a dump.

  Attributes:
    title: Title of the page.
    namespace: 0 for articles; None if the dump does not have a number.
    is_redirect: Whether the page only points at another one.
    model: `wikitext`, or the name of something that is not prose.
    text: Wikitext of the last revision; empty if the page is skipped anyway.
  """

  title: str
  namespace: int | None
  is_redirect: bool
  model: str
  text: str


def _namespace(text: str | None) -> int | None:
  try:
    return int(text or 0)
  except ValueError:
    return None


def read_pages(file: IO[bytes]) -> Iterator[Page]:
  """Yields the pages of a dump, holding one at a time.

  Raises:
    xml.etree.ElementTree.ParseError: The XML is broken, at its `position`.
  """
  context = ElementTree.iterparse(file, events=('start', 'end'))
  root = None
  for event, element in context:
    if root is None:
      root = element
    if event == 'start':
      continue
    name = element.tag.rpartition('}')[2]
    if name != 'page':
      continue
    title = text = ''
    namespace: int | None = 0
    is_redirect, model = False, 'wikitext'
    for child in element:
      field = child.tag.rpartition('}')[2]
      if field == 'title':
        title = child.text or ''
      elif field == 'ns':
        namespace = _namespace(child.text)
      elif field == 'redirect':
        is_redirect = True
      elif field == 'revision':
        for part in child:
          field = part.tag.rpartition('}')[2]
          if field == 'text':
            text = part.text or ''
          elif field == 'model':
            model = part.text or model
    is_redirect = is_redirect or bool(_REDIRECT.match(text))
    if is_redirect or namespace != 0 or model != 'wikitext':
      text = ''
    yield Page(title, namespace, is_redirect, model, text)
    root.clear()


def page_text(page: Page) -> str:
  """Returns the prose of an article.

  Raises:
    MalformedError: Nobody can say whether it is an article.
    SkippedError: It is a redirect, a disambiguation page or no article.
  """
  if page.namespace is None:
    raise MalformedError('its <ns> is no number')
  if page.namespace != 0:
    raise SkippedError('other_namespace')
  if page.is_redirect:
    raise SkippedError('redirect')
  if page.model != 'wikitext':
    raise SkippedError('not_wikitext')
  if _DISAMBIGUATION.search(page.text):
    raise SkippedError('disambiguation')
  return strip_wikitext(page.text)


def _words(text: str) -> frozenset[str]:
  return frozenset(text.split())


_REDIRECT = re.compile(r'\s*#\s*redirect', re.I)
_DISAMBIGUATION = re.compile(
  r'\{\{\s*(?:[\w -]*\bdisambig(?:uation)?(?: page)?|dab|hndis|geodis|numberdis'
  r'|mathdab|letter-NumberCombdisambig)\s*(?:\||\}\})',
  re.I,
)
# Sections with no prose in them; they go with all that is nested in them.
_NO_PROSE_SECTIONS = frozenset(
  (
    'references',
    'notes',
    'footnotes',
    'notes and references',
    'references and notes',
    'citations',
    'sources',
    'bibliography',
    'works cited',
    'further reading',
    'external links',
    'see also',
    'gallery',
    'discography',
    'filmography',
  )
)
# Before parsing: what never holds prose and is costly to parse.
_DROPPED = re.compile(
  r'<!--.*?-->'
  r'|<ref\b[^<>]*/\s*>'
  r'|<(?P<tag>ref|gallery|math|chem|timeline|imagemap|score|syntaxhighlight'
  r'|source|pre|code|hiero|graph)\b[^<>]*>.*?</\s*(?P=tag)\s*>',
  re.I | re.S,
)
_DROPPED_TAGS = _words("""
  ref gallery math chem timeline imagemap score syntaxhighlight source pre
  code hiero graph table references templatestyles section
""")
_LIST_TAGS = frozenset(('li', 'dt', 'dd'))
_BREAK_TAGS = frozenset(('br', 'p', 'div', 'blockquote', 'hr'))
# Templates that stand for words of the sentence: name -> what they say.
_LAST_ARGUMENT = _words("""
  lang transl translit nowrap nobr nobreak small big smaller larger
  langwithname lang-en abbr-link noitalic nihongo-s
""")
_FIRST_ARGUMENT = _words("""
  abbr visible anchor ill interlanguage_link
""")
_FIXED = {
  'spaced ndash': ' – ',
  'snd': ' – ',
  'spnd': ' – ',
  'ndash': '–',
  'mdash': '—',
  'emdash': '—',
  'spaced mdash': ' — ',
  'nbsp': ' ',
  'space': ' ',
  "'": "'",
  "'s": "'s",
  '=': '=',
  '!': '|',
  'circa': 'c.',
  'c.': 'c.',
  'bc': 'BC',
  'ad': 'AD',
  'bce': 'BCE',
  'ce': 'CE',
}
_OTHER_NAMESPACE = re.compile(
  r'\s*:?\s*(?:File|Image|Media|Category|Template|Portal|Help|Special|Wikipedia'
  r'|WP|User|Talk|MediaWiki|Module|Draft|Book|TimedText)\s*:',
  re.I,
)
_INTERLANGUAGE = re.compile(r'\s*[a-z]{2,3}(?:-[a-z-]+)?\s*:')
# A mark that no wikitext holds: this line is an item of a list.
_ITEM = '\x01'
_ITEM_LINE = re.compile(f'^[ \t]*{_ITEM}.*$', re.M)
_EMPTY_BRACKETS = re.compile(r'\s*\(\s*[,;:–—\s]*\)|\s*\[\s*\]')
_BRACKET_START = re.compile(r'\(\s*(?:[,;:]\s*)+')
_BRACKET_END = re.compile(r'(?:\s*[,;:])+\s*\)|\s+\)')
_SPACE_BEFORE = re.compile(r' +(?=[,.;:!?](?:\s|$))')
_MAGIC_WORD = re.compile(r'__[A-Z]{3,}__')
_QUOTE_MARKS = re.compile(r"'{2,}")


def _template_text(template: nodes.Template) -> str:
  name = str(template.name).strip().lower().replace('_', ' ')
  if name in _FIXED:
    text = _FIXED[name]
    if name in ('circa', 'c.') and template.params:
      text += ' ' + _render(template.params[0].value)
    return text
  positional = [p for p in template.params if not p.showkey]
  if not positional:
    return ''
  if name in ('convert', 'cvt') and len(positional) >= 2:
    return _converted([_render(p.value).strip() for p in positional])
  if name in _LAST_ARGUMENT or name.startswith('lang-'):
    return _render(positional[-1].value)
  if name in _FIRST_ARGUMENT:
    return _render(positional[0].value)
  return ''


def _converted(arguments: list[str]) -> str:
  """Says `{{convert|5|to|7|km|mi}}` as `5 to 7 km`."""
  between = {'to', 'and', 'by', '-', '–', 'x', 'or', '+/-'}
  if arguments[1] in between and len(arguments) >= 4:
    return ' '.join(arguments[:4])
  return ' '.join(arguments[:2])


def _tag_text(tag: nodes.Tag) -> str:
  name = str(tag.tag).strip().lower()
  if name in _DROPPED_TAGS:
    return ''
  if name in _LIST_TAGS and tag.wiki_markup:
    return _ITEM
  if name == 'li':
    return f'\n{_ITEM}'
  inner = _render(tag.contents) if tag.contents is not None else ''
  if name in _BREAK_TAGS:
    return f'\n{inner}\n'
  return inner


def _link_text(link: nodes.Wikilink) -> str:
  title = str(link.title)
  if _OTHER_NAMESPACE.match(title) and not title.lstrip().startswith(':'):
    return ''
  if link.text is not None:
    return _render(link.text)
  return '' if _INTERLANGUAGE.match(title) else title.lstrip(' :')


def _render(code: mwparserfromhell.wikicode.Wikicode) -> str:
  """Returns the words that a reader of the page would see in running text."""
  parts = []
  skipped_level = 0  # of the heading whose section is left out; 0: none
  for node in code.nodes:
    if isinstance(node, nodes.Heading):
      if skipped_level and node.level > skipped_level:
        continue
      title = str(node.title).strip().lower()
      skipped_level = node.level if title in _NO_PROSE_SECTIONS else 0
      parts.append('\n')
    elif skipped_level:
      continue
    elif isinstance(node, nodes.Text):
      parts.append(node.value)
    elif isinstance(node, nodes.Wikilink):
      parts.append(_link_text(node))
    elif isinstance(node, nodes.Tag):
      parts.append(_tag_text(node))
    elif isinstance(node, nodes.Template):
      parts.append(_template_text(node))
    elif isinstance(node, nodes.ExternalLink):
      if node.title is not None:
        parts.append(_render(node.title))
    elif isinstance(node, nodes.HTMLEntity):
      parts.append(node.normalize())
  return ''.join(parts)


def strip_wikitext(wikitext: str) -> str:
  """Returns the running text of a page, a line for each paragraph.

  References, templates (but for a few that stand for words), tables, lists,
  files, categories, headings and the sections at the end are left out.
  """
  wikitext = _DROPPED.sub('', wikitext)
  text = _render(mwparserfromhell.parse(wikitext, skip_style_tags=True))
  text = _ITEM_LINE.sub('', text)
  text = _MAGIC_WORD.sub('', text)
  text = _QUOTE_MARKS.sub('', text)
  if '(' in text or '[' in text:
    text = _BRACKET_START.sub('(', text)
    text = _BRACKET_END.sub(')', text)
    text = _EMPTY_BRACKETS.sub('', text)
  return _SPACE_BEFORE.sub('', text)
