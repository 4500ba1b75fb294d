# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Prose of wikitext."""

import functools
import re
from collections.abc import Sequence

import mwparserfromhell
from mwparserfromhell import nodes

from realm_tf.corpus import wikitext_words as words

# Seconds that a page may take; one of 2 MB takes 2.
MAX_SECONDS = 5.0

_REDIRECT = re.compile(rf'\s*#\s*(?:{"|".join(words.REDIRECT)})\b', re.I)
_TEMPLATE_NAME = re.compile(r'\{\{\s*(\w[^{}|<>\[\]]{0,60})(?=\||\}\})')


def is_redirect(text: str) -> bool:
  """Whether a page only points at another one."""
  return bool(_REDIRECT.match(text))


def is_disambiguation(text: str) -> bool:
  """Whether a page lists what a name may mean, by its template."""
  if '__DISAMBIG__' in text:
    return True
  for match in _TEMPLATE_NAME.finditer(text):
    name = ' '.join(match[1].replace('_', ' ').lower().split())
    if name in words.DISAMBIGUATION or _DISAMBIGUATION.search(name):
      return True
  return False


_DISAMBIGUATION = re.compile(r'\bdisambig(?:uation)?(?: page)?$')
# Before parsing: what never holds prose and is costly to parse.
_OPENING = re.compile(
  r'<!--|<(?P<tag>ref|gallery|math|chem|timeline|imagemap|score|syntaxhighlight'
  r'|source|pre|code|hiero|graph)\b[^<>]*>',
  re.I,
)
_DROPPED_TAGS = frozenset(
  (
    *(
      'ref',
      'gallery',
      'math',
      'chem',
      'timeline',
      'imagemap',
      'score',
      'syntaxhighlight',
      'source',
      'pre',
    ),
    *(
      'code',
      'hiero',
      'graph',
      'table',
      'references',
      'templatestyles',
      'section',
    ),
  )
)
_LIST_TAGS = frozenset(('li', 'dt', 'dd'))
_BREAK_TAGS = frozenset(('br', 'p', 'div', 'blockquote', 'hr'))
# Templates that stand for words of the sentence: name -> what they say.
_LAST_ARGUMENT = frozenset(
  (
    *(
      'lang',
      'transl',
      'translit',
      'nowrap',
      'nobr',
      'nobreak',
      'small',
      'big',
      'smaller',
      'larger',
    ),
    *('langwithname', 'lang-en', 'abbr-link', 'noitalic', 'nihongo-s'),
  )
)
_FIRST_ARGUMENT = frozenset(
  (*('abbr', 'visible', 'anchor', 'ill', 'interlanguage_link'),)
)
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
# As MediaWiki knows them in any language, beside a dump's own names.
_NAMESPACES = (
  *('File', 'Image', 'Media', 'Category', 'Template', 'Portal', 'Help'),
  *('Special', 'Wikipedia', 'WP', 'User', 'Talk', 'MediaWiki', 'Module'),
  *('Draft', 'Book', 'TimedText'),
)
_INTERLANGUAGE = re.compile(r'\s*[a-z]{2,3}(?:-[a-z-]+)?\s*:')
# A mark that no wikitext holds: this line is an item of a list.
_ITEM = '\x01'
_ITEM_LINE = re.compile(f'^[ \t]*{_ITEM}.*$', re.M)
# Each may begin only where a run of what it matches does: otherwise a long run
# takes time quadratic in its length.
_EMPTY_BRACKETS = re.compile(r'(?<!\s)\s*(?:\([,;:–—\s]*\)|\[\s*\])')
_BRACKET_START = re.compile(r'\(\s*(?:[,;:]\s*)+')
_BRACKET_END = re.compile(r'(?<![\s,;:])[\s,;:]+\)')
_SPACE_BEFORE = re.compile(r'(?<! ) +(?=[,.;:!?](?:\s|$))')
_MANY_MARKS = re.compile(r'^([*#:;])[*#:;]{7,}', re.M)
_MAGIC_WORD = re.compile(r'__[A-Z]{3,}__')
_QUOTE_MARKS = re.compile(r"'{2,}")


@functools.lru_cache
def _other_namespace(names: Sequence[str]) -> re.Pattern:
  """Matches links to files, categories and whatever else is no article."""
  found = '|'.join(re.escape(n) for n in (*_NAMESPACES, *names) if n)
  return re.compile(rf'\s*(?:{found})\s*:', re.I)


def _template_text(template: nodes.Template, other: re.Pattern) -> str:
  name = str(template.name).strip().lower().replace('_', ' ')
  if name in _FIXED:
    text = _FIXED[name]
    if name in ('circa', 'c.') and template.params:
      text += ' ' + _render(template.params[0].value, other)
    return text
  positional = [p for p in template.params if not p.showkey]
  if not positional:
    return ''
  if name in ('convert', 'cvt') and len(positional) >= 2:
    return _converted([_render(p.value, other).strip() for p in positional])
  if name in _LAST_ARGUMENT or name.startswith('lang-'):
    return _render(positional[-1].value, other)
  if name in _FIRST_ARGUMENT:
    return _render(positional[0].value, other)
  return ''


def _converted(arguments: list[str]) -> str:
  """Says `{{convert|5|to|7|km|mi}}` as `5 to 7 km`."""
  between = {'to', 'and', 'by', '-', '–', 'x', 'or', '+/-'}
  if arguments[1] in between and len(arguments) >= 4:
    return ' '.join(arguments[:4])
  return ' '.join(arguments[:2])


def _tag_text(tag: nodes.Tag, other: re.Pattern) -> str:
  name = str(tag.tag).strip().lower()
  if name in _DROPPED_TAGS:
    return ''
  if name in _LIST_TAGS and tag.wiki_markup:
    return _ITEM
  if name == 'li':
    return f'\n{_ITEM}'
  inner = _render(tag.contents, other) if tag.contents is not None else ''
  if name in _BREAK_TAGS:
    return f'\n{inner}\n'
  return inner


def _link_text(link: nodes.Wikilink, other: re.Pattern) -> str:
  title = str(link.title)
  if other.match(title):
    return ''
  if link.text is not None:
    return _render(link.text, other)
  return '' if _INTERLANGUAGE.match(title) else title.lstrip(' :')


def _render(code: mwparserfromhell.wikicode.Wikicode, other: re.Pattern) -> str:
  """Returns the words that a reader of the page would see in running text."""
  parts = []
  skipped_level = 0  # of the heading whose section is left out; 0: none
  for node in code.nodes:
    if isinstance(node, nodes.Heading):
      if skipped_level and node.level > skipped_level:
        continue
      title = str(node.title).strip().lower()
      skipped_level = node.level if title in words.NO_PROSE_SECTIONS else 0
      parts.append('\n')
    elif skipped_level:
      continue
    elif isinstance(node, nodes.Text):
      parts.append(node.value)
    elif isinstance(node, nodes.Wikilink):
      parts.append(_link_text(node, other))
    elif isinstance(node, nodes.Tag):
      parts.append(_tag_text(node, other))
    elif isinstance(node, nodes.Template):
      parts.append(_template_text(node, other))
    elif isinstance(node, nodes.ExternalLink):
      if node.title is not None:
        parts.append(_render(node.title, other))
    elif isinstance(node, nodes.HTMLEntity):
      parts.append(node.normalize())
  return ''.join(parts)


def _drop_elements(text: str) -> str:
  """Drops comments, references and others, each up to its first end."""
  parts, kept, position = [], 0, 0
  unclosed: set[str] = set()
  while match := _OPENING.search(text, position):
    position = match.end()
    tag = match['tag']
    if tag is None:
      # A comment without an end hides the rest of the page.
      end = text.find('-->', position)
      limit = len(text) if end < 0 else end + 3
    elif match[0].rstrip('> \t\n').endswith('/'):
      limit = position
    else:
      tag = tag.lower()
      closing = tag not in unclosed and re.compile(
        rf'</\s*{tag}\s*>', re.I
      ).search(text, position)
      if not closing:
        unclosed.add(tag)
        continue
      limit = closing.end()
    parts.append(text[kept : match.start()])
    kept = position = limit
  return ''.join(parts) + text[kept:]


# What a parser follows to the end of the page, in vain, if it is not closed:
# microseconds for each of them and character after it.
_COSTS = {'table': 1.0, 'half': 0.5, 'template': 0.3, 'link': 0.08, 'tag': 0.05}
_MARKS = re.compile(
  r'(?P<table>\{\|)|(?P<endtable>\|\})(?!\})'
  r'|(?P<template>\{\{)|(?P<endtemplate>\}\})'
  r'|(?P<link>\[\[|\[(?=\w*:?//))|(?P<endlink>\]\]?)'
  r'|<(?P<slash>/?)(?P<tag>[a-zA-Z]\w*)(?P<rest>[^<>]*)(?P<close>>?)'
)
_SINGLE = frozenset(
  (
    *('br', 'hr', 'img', 'li', 'dd', 'dt', 'td', 'th', 'tr', 'wbr', 'meta'),
    'link',
  )
)


def estimate_seconds(text: str) -> float:
  """Estimates how long it takes to parse a page; linear in its length."""
  text = _drop_elements(text)
  size = len(text)
  cost = 0.0
  opened: list[tuple[str, int]] = []
  counts: dict[str, int] = {}
  for match in _MARKS.finditer(text):
    kind, closes = match.lastgroup or '', False
    if match['tag']:
      kind = match['tag'].lower()
      if not match['close']:
        cost += _COSTS['half'] * (size - match.start())
        continue
      if kind in _SINGLE or match['rest'].endswith('/'):
        continue
      closes = bool(match['slash'])
    elif kind.startswith('end'):
      kind, closes = kind.removeprefix('end'), True
    if not closes:
      opened.append((kind, match.start()))
      counts[kind] = counts.get(kind, 0) + 1
      continue
    # What was opened in between stays open, or this does not close either.
    crossing = False
    while counts.get(kind):
      its, start = opened.pop()
      counts[its] -= 1
      is_own = its == kind
      if crossing or not is_own:
        cost += _COSTS.get(its, _COSTS['tag']) * (size - start)
      if is_own:
        break
      crossing = True
  cost += sum(_COSTS.get(k, _COSTS['tag']) * (size - p) for k, p in opened)
  return cost * 1e-6


def strip_wikitext(text: str, namespaces: Sequence[str] = ()) -> str:
  """Returns the running text of a page, a line for each paragraph.

  References, templates (but for a few that stand for words), tables, lists,
  files, categories, headings and the sections at the end are left out.

  Args:
    text: Wikitext.
    namespaces: Names of the site's namespaces, but for that of articles.
  """
  text = _MANY_MARKS.sub(r'\1', _drop_elements(text))
  code = mwparserfromhell.parse(text, skip_style_tags=True)
  text = _render(code, _other_namespace(tuple(namespaces)))
  text = _ITEM_LINE.sub('', text)
  text = _MAGIC_WORD.sub('', text)
  text = _QUOTE_MARKS.sub('', text)
  if '(' in text or '[' in text:
    text = _BRACKET_START.sub('(', text)
    text = _BRACKET_END.sub(')', text)
    text = _EMPTY_BRACKETS.sub('', text)
  return _SPACE_BEFORE.sub('', text)
