# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Sentences with blanks: read, tokenized and scored."""

import dataclasses
import json
import operator
import os
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from realm_tf.io import faults, files
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


def read_blank_questions(path: str | os.PathLike) -> list[BlankQuestion]:
  """Reads JSONL with `text`, `span` and perhaps `title`.

  Raises:
    ValueError: A line is malformed; the message names file and line.
  """
  questions = []
  with files.open_binary(path) as f:
    for number, line in enumerate(f, 1):
      with faults.naming(f'{os.fspath(path)}:{number}: not a blank'):
        record = json.loads(line)
        start, limit = map(operator.index, record['span'])
        text = record['text'].encode()
        if not 0 <= start < limit <= len(text):
          raise ValueError(f'the span {start}:{limit} is not within the text')
        text[:start].decode(), text[start:limit].decode()
        questions.append(
          BlankQuestion(record['text'], (start, limit), record.get('title'))
        )
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
