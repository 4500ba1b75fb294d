# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Exact match: whether a predicted answer is one of the right ones.

An answer is right if it equals a reference after normalization: SQuAD's, after
canonical decomposition. Nothing equals a reference that is empty then ("A",
"..."); in the original, another empty answer does. The references of
CuratedTREC are regular expressions; an answer is right if one of them matches
at its beginning.
"""

import functools
import re
import string
import unicodedata
from collections.abc import Sequence

from realm_tf.questions import timed_regex

_PUNCTUATION = dict.fromkeys(map(ord, string.punctuation))
_ARTICLE = re.compile(r'\b(?:an?|the)\b')


class AnswerPatternError(ValueError):
  """A reference that is not a valid regular expression."""


def normalize(answer: str) -> str:
  """Normalizes an answer.

  It is decomposed (NFD) and lowercased; ASCII punctuation, the articles a, an
  and the, and superfluous white space are removed. Accents stay, and so do
  dashes and quotes beyond ASCII. The result can be empty.
  """
  bare = unicodedata.normalize('NFD', answer).lower().translate(_PUNCTUATION)
  return ' '.join(_ARTICLE.sub(' ', bare).split())


@functools.lru_cache(maxsize=1 << 16)
def compile_pattern(pattern: str) -> re.Pattern[str]:
  """Compiles a reference of CuratedTREC as its evaluation does.

  Case does not matter, and `^` and `$` match at line breaks, too.

  Raises:
    AnswerPatternError: It does not compile; the message names the pattern.
  """
  try:
    return re.compile(pattern, timed_regex.FLAGS)
  except (re.error, OverflowError, RecursionError) as e:
    raise AnswerPatternError(
      f'not a regular expression ({e}): {pattern!r}'
    ) from e


def _compiles(pattern: str) -> bool:
  try:
    return bool(compile_pattern(pattern))
  except AnswerPatternError:
    # As in the original, nothing matches a broken reference. Readers of
    # datasets have refused it before.
    return False


def is_correct(
  prediction: str,
  answers: Sequence[str],
  is_regex: bool = False,
  question: str = '',
) -> bool:
  """Returns whether a prediction is one of the right answers.

  Args:
    prediction: The predicted answer. It is wrong if it is empty after
      normalization; with regular expressions, if it is white space.
    answers: The references; without any, nothing is right.
    is_regex: Whether the references are regular expressions. They are matched
      at the beginning of the unnormalized prediction; what follows the match
      does not matter. One that does not compile, or runs out of time,
      matches nothing.
    question: The question, for the log of what ran out of time.
  """
  if is_regex:
    patterns = [pattern for pattern in answers if _compiles(pattern)]
    texts = [prediction] if prediction.strip() else []
    return any(timed_regex.find(patterns, texts, 'match', question))
  normalized = normalize(prediction)
  return bool(normalized) and any(
    normalize(answer) == normalized for answer in answers
  )
