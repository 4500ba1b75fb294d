# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Finds the answers of a dataset in the blocks of a corpus."""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from realm_tf.corpus.corpus import Corpus
from realm_tf.questions import answer_spans
from realm_tf.questions.questions import Questions
from realm_tf.questions.regex_answers import RegexAnswers
from realm_tf.text.tokenizer import BertTokenizer


class AnswerFinder:
  """Matches wordpieces, or regular expressions with the original text.

  Not safe for use by several threads at once.
  """

  def __init__(
    self, questions: Questions, documents: Corpus, tokenizer: BertTokenizer
  ):
    """Makes a finder.

    Args:
      questions: The dataset.
      documents: The corpus.
      tokenizer: Tokenizer of both.
    """
    self._questions = questions
    self._documents = documents
    self._regex = RegexAnswers(documents.bodies, tokenizer)
    self._gold_spans = tf.function(
      answer_spans.gold_spans, reduce_retracing=True, autograph=False
    )

  def has_answer(self, number: int, rows: np.ndarray) -> np.ndarray:
    """Returns which blocks contain an answer, bool `[n]`.

    Args:
      number: Number of the question in the dataset.
      rows: Rows of blocks, int `[n]`.
    """
    example = self._questions.examples[number]
    if example.is_regex:
      return self._regex.contain(example.answers, rows, example.question)
    _, bodies = self._documents.gather(rows)
    return answer_spans.contains_any(
      bodies.values.numpy(),
      bodies.row_splits.numpy(),
      [answer.numpy() for answer in self._questions.answer_ids(number)],
    )

  def spans(
    self, numbers: Sequence[int], rows: np.ndarray, body_ids: tf.RaggedTensor
  ) -> tuple[np.ndarray, np.ndarray]:
    """Finds all spans of blocks that are an answer.

    Args:
      numbers: Numbers of the questions in the dataset, `[batch]`.
      rows: Rows of blocks, int `[batch, n]`.
      body_ids: Wordpieces of the blocks, ragged int32 `[batch * n, (tokens)]`.

    Returns:
      First and last wordpieces, int32 `[batch * n, spans]` each, padded with
      -1.
    """
    examples = [self._questions.examples[number] for number in numbers]
    if not any(example.is_regex for example in examples):
      starts, ends = self._gold_spans(
        body_ids,
        tf.stack([self._questions.answer_ids(number) for number in numbers]),
      )
      return starts.numpy(), ends.numpy()
    found: list[np.ndarray] = []
    for number, example, its in zip(numbers, examples, rows):
      if example.is_regex:
        found += self._regex.spans(example.answers, its, example.question)
        continue
      _, ids = self._documents.gather(its)
      starts, ends = self._gold_spans(
        ids, tf.stack([self._questions.answer_ids(number)])
      )
      pairs = np.stack([starts.numpy(), ends.numpy()], -1)
      found += [one[one[:, 0] >= 0] for one in pairs]
    return answer_spans.pad_spans(found)
