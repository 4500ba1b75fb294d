# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Rule-based sentence splitting for encyclopedic and news English.

A regular expression finds the places where a sentence may end; only there the
words around are examined. In case of doubt the sentences stay together: a fact
in a sentence that is too long is still complete.
"""

import re
from collections.abc import Iterable


def _words(text: str) -> frozenset[str]:
  return frozenset(text.split())


# A place where a sentence may end: a line break; a Chinese or Japanese full
# stop; or another mark with closing quotes, brackets or citations such as [12],
# white space, and the start of another sentence. The set of single characters
# at the beginning makes it fast.
_CANDIDATE = re.compile(
  r'(?P<mark>[\n.!?…。！？])'
  r'(?:'
  r'(?<=\n)\s*'
  r'|(?<=[。！？])[」』”’）]*\s*'
  r'|(?<=[.!?…])(?P<more>[.!?…]*)'
  r'(?P<close>[\'"”’»)\]]*(?:\[\d{1,3}\])*)'
  r'(?P<space>\s+)'
  r'(?=[\'"“‘«(\[¿¡]*'
  r'(?P<next>[^\W\d_a-zà-öø-ÿ][^\W_]*|[a-z][A-Z]\w*|\d+|[^\w\s]))'
  r')'
)

# Abbreviations before a name or a word; never at the end of a sentence.
_BEFORE_NAME = _words("""
  mr mrs ms mx messrs dr drs prof profs rev fr st ste mt ft gen col lt sgt maj
  capt cpt cmdr adm brig pvt pfc cpl hon pres gov sen rep reps sens amb supt
  det insp vs v cf viz e.g i.e ca c b d r fl m née approx var subsp ssp mme
  mlle msgr dom dept assn bros univ
""")
# Abbreviations before a number; before anything else they end a sentence.
_BEFORE_NUMBER = _words("""
  no nos vol vols p pp ch fig figs eq op art sec ed eds ser pt bk cl para jan
  feb mar apr jun jul aug sep sept oct nov dec c ca fl r lat long alt pop est
  min max approx
""")
# Abbreviations that may end a sentence, depending on the next word.
_EITHER = _words("""
  inc ltd co corp cos jr sr etc al esq plc bros llc intl hwy ave blvd rd ph.d
  m.d b.a m.a
""")
# Words that often start a sentence and hardly ever a name.
STARTERS = _words("""
  A About According After All Along Also Although Among An And Another Any As
  At Because Before Being Between Both But By Despite Due During Each Early
  Even Every Finally First Following For From Further Furthermore Given Had
  Has Have Having He Hence Her Here His How However I If In Indeed Instead Is
  It Its Later Like Many Meanwhile Moreover Most Much My Nearly Neither
  Nevertheless No None Nor Not Nothing Now Of Often On Once One Only Or Other
  Others Our Out Over Perhaps Recently Several She Shortly Since So Some
  Sometimes Soon Still Such Than That The Their Then There Therefore These
  They This Those Though Three Through Throughout Thus To Today Together Two
  Under Unlike Until Upon Usually Was We Were What When Where Whereas Whether
  Which While Who Why With Within Without Yet You Your
""")

# No abbreviation in the lists is longer than this.
_WORD_WINDOW = 16
_OPENING = '([{"“‘«\'–—/'


def _last_word(text: str, limit: int) -> str:
  start = max(0, limit - _WORD_WINDOW)
  start = max(start, text.rfind(' ', start, limit) + 1)
  start = max(start, text.rfind('\n', start, limit) + 1)
  return text[start:limit].lstrip(_OPENING)


def _ends_here(text: str, match: re.Match) -> bool:
  """Returns whether the full stop of a candidate ends a sentence."""
  following = match['next']
  start = match.start()
  word = _last_word(text, start)
  if not word:
    return True
  lowered = word.lower()
  is_number = following[0].isdigit()
  if lowered in _BEFORE_NUMBER and (is_number or lowered not in _BEFORE_NAME):
    return not is_number
  if len(word) == 1 and word.isalpha():
    # An initial, or the end of `World War I.`; `A` and `I` are initials too.
    return following in STARTERS and following not in ('A', 'I')
  if lowered in _BEFORE_NAME and not match['close']:
    return False
  is_abbreviation = (
    lowered in _EITHER
    or lowered in _BEFORE_NAME
    or ('.' in word and len(word) <= 8 and word[-1].isalpha())  # U.S, a.m
  )
  if is_abbreviation:
    return following in STARTERS
  # `1. First`: the number of a line in a list.
  at_line_start = start == len(word) or text[start - len(word) - 1] == '\n'
  return not (word.isdigit() and at_line_start)


def sentence_spans(text: str) -> list[tuple[int, int]]:
  """Finds the sentences of a document.

  Args:
    text: The document. A line break always ends a sentence.

  Returns:
    (start, limit) of each sentence in characters, in order, without surrounding
    white space. Every other character is in exactly one sentence.
  """
  spans = []
  start = len(text) - len(text.lstrip())
  for match in _CANDIDATE.finditer(text, start):
    mark = match['mark']
    space = match['space']
    if space is not None:
      following = match['next'][0]
      # In `iPod` it may; the pattern knows the lower case of Latin-1 only.
      if following > 'ÿ' and following.islower():
        continue
      if (
        mark == '.'
        and not match['more']
        and '\n' not in space
        and not _ends_here(text, match)
      ):
        continue
      limit = match.start('space')
    else:
      limit = start + len(text[start : match.end()].rstrip())
    if limit > start:
      spans.append((start, limit))
    start = match.end()
  limit = len(text.rstrip())
  if limit > start:
    spans.append((start, limit))
  return spans


def split_sentences(text: str) -> list[str]:
  """Returns the sentences of a document as strings."""
  return [text[start:limit] for start, limit in sentence_spans(text)]


def byte_spans(
  text: str, spans: Iterable[tuple[int, int]]
) -> list[tuple[int, int]]:
  """Converts ascending, disjoint character spans to UTF-8 byte spans."""
  if text.isascii():
    return list(spans)
  result = []
  position = offset = 0
  for start, limit in spans:
    offset += len(text[position:start].encode())
    byte_start = offset
    offset += len(text[start:limit].encode())
    position = limit
    result.append((byte_start, offset))
  return result
