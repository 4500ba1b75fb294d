# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Sentences with blanks: read, tokenized and scored."""

import dataclasses
import operator
import os
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from realm_tf.corpus import lines, readers
from realm_tf.corpus.document import CorpusError, MalformedError
from realm_tf.corpus.problems import Problems
from realm_tf.text.tokenizer import BertTokenizer

BLANK = '[MASK]'


def tokenize_with_blanks(
  tokenizer: BertTokenizer, texts: Sequence[str] | tf.Tensor
) -> tf.RaggedTensor:
  """Splits sentences into wordpieces; each `[MASK]` in them is one.

  Args:
    tokenizer: Tokenizer of the model.
    texts: Strings [batch].

  Returns:
    int32 [batch, (tokens)].
  """
  # RE2 splits nothing away but the blank itself.
  parts = tf.strings.split(tf.convert_to_tensor(texts), BLANK)
  ids = parts.with_values(tokenizer.tokenize(parts.values))
  blanks = tf.fill([tf.size(parts.values), 1], tokenizer.mask_id)
  ended = tf.concat([ids.values, blanks], axis=1)  # [parts, (tokens)]
  joined = parts.with_values(ended).merge_dims(1, 2)
  return joined[:, :-1]  # No blank follows the last part.


@dataclasses.dataclass(frozen=True)
class BlankQuestion:
  """A sentence with one span to take out.

  Attributes:
    text: The whole sentence.
    span: First byte of the span, and the byte after its last.
    title: Title of the document that the sentence is about, if known.
  """

  text: str
  span: tuple[int, int]
  title: str | None = None

  @property
  def answer(self) -> str:
    """The text of the span."""
    start, limit = self.span
    return self.text.encode()[start:limit].decode()

  def with_blanks(self, count: int) -> str:
    """The sentence with `[MASK]`, `count` times, in place of the span."""
    start, limit = self.span
    text = self.text.encode()
    blanks = ' '.join([BLANK] * count)
    return text[:start].decode() + blanks + text[limit:].decode()


def _parse(raw: readers.RawRecord) -> BlankQuestion:
  record = lines.parse_object(raw.payload)
  text = lines.check_string('"text"', record.get('text'))
  title = record.get('title')
  if title is not None:
    lines.check_string('"title"', title)
  try:
    start, limit = map(operator.index, record['span'])
    text.encode()[:start].decode(), text.encode()[start:limit].decode()
  except (KeyError, TypeError, ValueError) as e:
    raise MalformedError(
      f'"span" is not where a text starts and ends: {record.get("span")!r}'
    ) from e
  if not 0 <= start < limit <= len(text.encode()):
    raise MalformedError(f'the span {start}:{limit} is not within the text')
  return BlankQuestion(text, (start, limit), title)


def read_blank_questions(
  path: str | os.PathLike, strict: bool = False
) -> list[BlankQuestion]:
  """Reads JSONL with `text`, `span` and perhaps `title`.

  Args:
    path: One file, packed or not.
    strict: Whether a malformed line is an error.

  Raises:
    CorpusError: The file has no usable line, or a line is malformed and
      `strict`.
  """
  problems = Problems(strict)
  records = readers.raw_records(os.fspath(path), 'jsonl')
  questions = list(problems.parse(records, _parse))
  if not questions:
    raise CorpusError(f'`blanks`: {path} has no blank{problems.explain()}')
  return questions


def masked_ids(
  tokenizer: BertTokenizer, questions: Sequence[BlankQuestion]
) -> tuple[tf.RaggedTensor, tf.RaggedTensor]:
  """Tokenizes blanked sentences and what was taken out.

  Returns:
    int32 [batch, (tokens)] with a [MASK] for each wordpiece of the answer,
    and int32 [batch, (answer tokens)].
  """
  answers = tokenizer.tokenize([q.answer for q in questions])
  counts = answers.row_lengths().numpy()
  texts = [q.with_blanks(count) for q, count in zip(questions, counts)]
  return tokenize_with_blanks(tokenizer, texts), answers


def filled_right(
  predicted: np.ndarray, targets: np.ndarray, mask: np.ndarray
) -> np.ndarray:
  """Which sentences have all their masks right.

  Args:
    predicted: Wordpieces `[batch, masks]`.
    targets: Right wordpieces `[batch, masks]`.
    mask: `[batch, masks]`, 0 where there is no mask.

  Returns:
    bool `[batch]`; a sentence without a mask is not right.
  """
  masked = np.asarray(mask) > 0
  right = np.asarray(predicted) == np.asarray(targets)
  return (right | ~masked).all(-1) & masked.any(-1)
