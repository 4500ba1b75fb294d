# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Taggers, which find the names in sentences.

    tagger.tag(['Paris is in France.'])
    # [[Span(0, 5, 'NAME'), Span(12, 18, 'NAME')]]

Anything with that method is a tagger. Dates are found apart from it.
"""

import collections
import functools
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

from realm_tf.corpus.document import CorpusError
from realm_tf.io import faults
from realm_tf.spans import dates
from realm_tf.text import letters, sentences


def _words(text: str) -> frozenset[str]:
  return frozenset(text.split())


class Span(NamedTuple):
  """A part of a sentence.

  Attributes:
    start: First byte of it (UTF-8), from the start of the sentence.
    limit: Byte after its last.
    label: Label, such as `NAME`, `PERSON` or `DATE`.
  """

  start: int
  limit: int
  label: str


class Tagger(Protocol):
  """Finds the salient spans of sentences.

  A tagger with a true attribute `whole_documents` is given documents instead.
  """

  def tag(self, texts: Sequence[str]) -> list[list[Span]]:
    """Returns the spans of each sentence, in order, disjoint."""


def to_spans(
  text: str, found: Iterable[tuple[int, int]], label: str
) -> list[Span]:
  """Makes byte spans of ascending, disjoint character spans."""
  return [Span(a, b, label) for a, b in sentences.byte_spans(text, found)]


def tag_dates(texts: Sequence[str]) -> list[list[Span]]:
  """Returns the dates of each sentence, in order, disjoint."""
  return [to_spans(t, dates.find_dates(t), 'DATE') for t in texts]


class _Patterns(NamedTuple):
  """Regular expressions of names.

  Attributes:
    name: A name: capitalized words, with words such as `of` between them.
    first_word: The first word of a name, and what joins it to the next.
    capital_word: A word with a capital.
  """

  name: re.Pattern
  first_word: re.Pattern
  capital_word: re.Pattern


# Words in lower case inside a name.
_JOINT = (
  r'(?:of(?:\sthe)?|de(?:\s(?:la|las|los))?|del|della|di|da|das|dos|do|du|des'
  r'|la|le|von(?:\sder|\sdem)?|van(?:\sde[rn]?)?|der|den|zu|bin|ibn|al|el|y|&)'
)


@functools.cache
def _patterns() -> _Patterns:
  upper, inside = f'[{letters.upper_case()}]', letters.IN_WORD
  # A word of a name: O'Neill, Jean-Luc, AT&T, al-Rashid, U.S., J., St.
  word = (
    rf'(?:(?:{upper}\.){{1,4}}(?!\w)'
    rf"|(?:(?:al|el|an|ibn)-|[dl]['’])?{upper}"
    rf"(?:[\w&]|[-.'’](?={upper})|-(?=\w)|[{inside}]+(?=\w|[{inside}]))*"
    r'(?:(?<=\bSt|\bMt|\bDr|\bJr|\bSr|\bFt|\bMr)\.|(?<=\bMrs)\.)?)'
  )
  return _Patterns(
    name=re.compile(
      rf'(?<![\w.])(?={upper}|[aeidl]){word}'
      rf'(?:\s(?:{_JOINT}\s)?{word}'
      r'|\s(?:I{1,3}|IV|VI{0,3}|\d{1,2})(?![\w.,%]))*'
    ),
    first_word=re.compile(rf'{word}(?:\s(?:{_JOINT}\s)?)?'),
    capital_word=re.compile(rf'(?<![\w.]){upper}\w*'),
  )


_WORD = re.compile(r'(?<!\w)[^\W\d_]{2,}(?!\w)')
# May stand before the first word of a sentence.
_OPENING = '"“‘\'«([ \u200b\u200e\u200f\u202a\u202b\u202d\u202e\ufeff'

# The first letters and digits of a name, by which the list is looked up.
_WORD_START = re.compile(r'(?<![^\W_])[^\W_]+')
# Capitalized without being names, wherever they stand.
_NO_NAMES = sentences.STARTERS | _words("""
  Mr Mrs Ms Dr Mr. Mrs. Ms. Dr. Jr. Sr. No. Nos. Vol. OK Okay Yes Hello Oh
  Monday Tuesday Wednesday Thursday Friday Saturday Sunday
  January February March April May June July August September October November
  December AD BC CE BCE A.D. B.C. AM PM A.M. P.M. GMT UTC
""")
# How often a word must be in lower case, for each time it has a capital, to be
# taken off the front of a name at the start of a sentence.
_ORDINARY = 4


class CaseCounts(NamedTuple):
  """How often words occur in lower case and with a capital.

  Attributes:
    small: Occurrences in lower case.
    large: Occurrences with a capital, but not at the start of a sentence.
  """

  small: Mapping[str, int]
  large: Mapping[str, int]


NO_CASES = CaseCounts({}, {})


def count_cases(texts: Iterable[str]) -> CaseCounts:
  """Counts the words of sentences; words seen once are dropped."""
  small: collections.Counter = collections.Counter()
  large: collections.Counter = collections.Counter()
  for text in texts:
    small.update(filter(str.islower, _WORD.findall(text)))
    capitals = _patterns().capital_word.finditer(text)
    large.update(m[0] for m in capitals if m.start() > 1)
  return CaseCounts(
    {w: n for w, n in small.items() if n > 1},
    {w: n for w, n in large.items() if n > 1},
  )


def read_gazetteer(path: str | os.PathLike) -> frozenset[str]:
  """Reads names, one per line; skips empty lines and those with #.

  Raises:
    CorpusError: The file cannot be read.
  """
  where = f'`gazetteer`: {os.fspath(path)}'
  with faults.naming(where, CorpusError), open(path, encoding='utf-8') as f:
    lines = (' '.join(line.split()) for line in f)
    return frozenset(n for n in lines if n and not n.startswith('#'))


class GazetteerTagger:
  """Finds names by their capitals, and the names of a list.

  A name is a sequence of capitalized words, with words such as `of` and `van`
  between them. The first word of a sentence has a capital anyway: it counts
  if the corpus capitalizes it elsewhere more often than not.
  """

  def __init__(
    self,
    cases: CaseCounts = NO_CASES,
    names: Iterable[str] = (),
  ):
    """Indexes the names.

    Args:
      cases: Counts of the corpus, by `count_cases`.
      names: More names, found wherever they stand.
    """
    self._cases = cases
    # By the first letters: the names, the longest first.
    by_first: dict[str, list[str]] = {}
    for name in names:
      first = _WORD_START.match(name)
      if first:
        by_first.setdefault(first[0], []).append(name)
    self._names = {
      first: tuple(sorted(same, key=len, reverse=True))
      for first, same in by_first.items()
    }

  def tag(self, texts: Sequence[str]) -> list[list[Span]]:
    """Returns the names of each sentence, in order, disjoint."""
    return [to_spans(t, self._find(t), 'NAME') for t in texts]

  def _find(self, text: str) -> list[tuple[int, int]]:
    """Names of the list, and others that do not overlap them."""
    found = self._find_capitals(text)
    if not self._names:
      return found
    listed = self._find_listed(text)
    others = (
      (start, limit)
      for start, limit in found
      if all(limit <= first or last <= start for first, last in listed)
    )
    return sorted([*listed, *others])

  def _find_capitals(self, text: str) -> list[tuple[int, int]]:
    found = []
    patterns = _patterns()
    for match in patterns.name.finditer(text):
      start, limit = match.span()
      is_first = not text[:start].strip(_OPENING)
      while (
        word := patterns.first_word.match(text, start, limit)
      ) and self._is_ordinary(
        word[0].split(' ')[0], is_first, is_whole=word.end() >= limit
      ):
        start, is_first = word.end(), False
      if word and limit - start > 1:
        found.append((start, limit))
    return found

  def _is_ordinary(self, word: str, is_first: bool, is_whole: bool) -> bool:
    """Whether the first word of a name does not belong to it."""
    if word in _NO_NAMES:
      return True
    if not is_first:
      return False
    small = self._cases.small.get(word.lower(), 0)
    large = self._cases.large.get(word, 0)
    return small > large * (1 if is_whole else _ORDINARY)

  def _find_listed(self, text: str) -> list[tuple[int, int]]:
    found = []
    limit = 0
    for match in _WORD_START.finditer(text):
      start = match.start()
      if start < limit:
        continue
      for name in self._names.get(match[0], ()):
        end = start + len(name)
        if text.startswith(name, start) and not text[end : end + 1].isalnum():
          found.append((start, end))
          limit = end
          break
    return found


class SpacyTagger:
  """Finds the entities of an installed spaCy pipeline.

  Attributes:
    LABELS: The labels that count; spaCy's numbers, for instance, do not.
  """

  LABELS = _words("""
    PERSON NORP FAC ORG GPE LOC PRODUCT EVENT WORK_OF_ART LAW LANGUAGE PER MISC
  """)

  def __init__(self, pipeline: str):
    """Loads a pipeline by name or path.

    Raises:
      CorpusError: spaCy or the pipeline is not installed.
    """
    try:
      import spacy
    except ImportError as e:
      raise CorpusError(
        "`tagger` spacy needs spaCy: pip install 'realm_tf[spacy]' && python -m"
        f' spacy download {pipeline}'
      ) from e
    try:
      self._pipeline = spacy.load(
        pipeline, exclude=['parser', 'lemmatizer', 'attribute_ruler']
      )
    except OSError as e:
      raise CorpusError(
        f'`spacy_pipeline`: {pipeline!r} is not installed: python -m spacy'
        f' download {pipeline}'
      ) from e

  def tag(self, texts: Sequence[str]) -> list[list[Span]]:
    """Returns the entities of each sentence, in order, disjoint."""
    result = []
    for text, parsed in zip(texts, self._pipeline.pipe(texts, batch_size=256)):
      entities = [e for e in parsed.ents if e.label_ in self.LABELS]
      places = [(e.start_char, e.end_char) for e in entities]
      result.append(
        [
          Span(start, limit, e.label_)
          for e, (start, limit) in zip(
            entities, sentences.byte_spans(text, places)
          )
        ]
      )
    return result
