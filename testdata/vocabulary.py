# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""A WordPiece vocabulary of words, single characters and common pieces."""

import collections
from collections.abc import Iterable, Sequence

SPECIAL = ('[PAD]', *(f'[unused{i}]' for i in range(10)))
SPECIAL += ('[UNK]', '[CLS]', '[SEP]', '[MASK]')
_CHARACTERS = 'abcdefghijklmnopqrstuvwxyz0123456789'
_PUNCTUATION = '!"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~'
_PIECES = 300


def pieces(name_words: Sequence[str]) -> tuple[list[str], list[str]]:
  """The commonest beginnings and continuations of names, 2-3 letters each."""
  heads: collections.Counter = collections.Counter()
  tails: collections.Counter = collections.Counter()
  for word in name_words:
    for size in (2, 3):
      heads[word[:size]] += len(word) > size
      for at in range(1, len(word) - size + 1):
        tails[word[at : at + size]] += 1
  return _commonest(heads, _PIECES), _commonest(tails, _PIECES)


def _commonest(counter: collections.Counter, limit: int) -> list[str]:
  return sorted(counter, key=lambda key: (-counter[key], key))[:limit]


def build(
  texts: Iterable[Sequence[str]], name_words: Sequence[str], limit: int = 8000
) -> list[str]:
  """Returns the vocabulary: special tokens, characters, pieces, words.

  Args:
    texts: tokenized, folded texts, the frequency of whose words counts.
    name_words: words that must stand in the vocabulary whole.
    limit: the most entries.
  """
  entries = dict.fromkeys(SPECIAL)
  entries.update(dict.fromkeys(_PUNCTUATION + _CHARACTERS))
  entries.update(dict.fromkeys('##' + c for c in _CHARACTERS + _PUNCTUATION))
  counts: collections.Counter = collections.Counter()
  for text in texts:
    counts.update(text)
  # Letters that have no accent to lose, such as an o with a stroke.
  others = sorted({c for word in counts for c in word if not c.isascii()})
  entries.update(dict.fromkeys(others))
  entries.update(dict.fromkeys('##' + c for c in others))
  heads, tails = pieces(name_words)
  entries.update(dict.fromkeys(heads))
  entries.update(dict.fromkeys('##' + tail for tail in tails))
  # Numbers of two digits and years whole, so that longer ones need two pieces.
  entries.update(dict.fromkeys(f'{n:02d}' for n in range(100)))
  entries.update(dict.fromkeys(f'##{n:02d}' for n in range(100)))
  entries.update(dict.fromkeys(str(year) for year in range(1600, 2026)))
  names = set(name_words)
  by_use = sorted(counts, key=lambda w: (w not in names, -counts[w], w))
  for word in [*by_use, *sorted(names)]:
    if len(entries) >= limit:
      break
    entries[word] = None
  return list(entries)
