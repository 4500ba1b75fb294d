# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Classes of letters for regular expressions, by Unicode."""

import functools
import sys
import unicodedata

# Inside of a word: soft hyphen, accents that are characters of their own, and
# characters without width, which also mark the direction of writing.
IN_WORD = (
  '\u00ad\u0300-\u036f\u200b-\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff'
)


@functools.cache
def upper_case() -> str:
  """Returns the content of a class of the upper-case letters of all scripts.

  A script without case has none.
  """
  ranges: list[list[int]] = []
  for point in range(sys.maxunicode + 1):
    character = chr(point)
    # Only these are of a category that begins with L, and change.
    if not character.isupper() and not character.istitle():
      continue
    if unicodedata.category(character) not in ('Lu', 'Lt'):
      continue
    if ranges and ranges[-1][1] == point - 1:
      ranges[-1][1] = point
    else:
      ranges.append([point, point])
  return ''.join(
    chr(first) if first == last else f'{chr(first)}-{chr(last)}'
    for first, last in ranges
  )
