# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""BERT's FullTokenizer in Python, by which ours is measured.

It is Model Garden's, with the two rules in which that differs from the one
that BERT and REALM were trained with (see goldens/tokenizer.json): all
characters of the categories C are deleted, private and unassigned ones too,
and a word may have 200 characters, not 400.
"""

import functools
import pathlib
import unicodedata

from official.nlp.tools import tokenization


class _BasicTokenizer(tokenization.BasicTokenizer):
  def _clean_text(self, text):
    return super()._clean_text(
      ''.join(
        character
        for character in text
        if character in '\t\n\r' or unicodedata.category(character)[0] != 'C'
      )
    )


@functools.cache
def basic_tokenizer(lower_case: bool) -> tokenization.BasicTokenizer:
  return _BasicTokenizer(do_lower_case=lower_case)


class FullTokenizer:
  """Words and their wordpieces, one string at a time."""

  def __init__(self, vocab_file: pathlib.Path, lower_case: bool):
    self.vocab = tokenization.load_vocab(str(vocab_file))
    self.lower_case = lower_case
    self._wordpiece = tokenization.WordpieceTokenizer(
      self.vocab, max_input_chars_per_word=200
    )
    # Texts have the same words over and over.
    self.pieces = functools.cache(self._wordpiece.tokenize)
    self._ids = functools.cache(
      lambda word: [self.vocab[piece] for piece in self.pieces(word)]
    )

  def words(self, text: str) -> list[str]:
    return basic_tokenizer(self.lower_case).tokenize(text)

  def ids_of_words(self, words: list[str]) -> list[int]:
    return [i for word in words for i in self._ids(word)]

  def ids(self, text: str) -> list[int]:
    return self.ids_of_words(self.words(text))
