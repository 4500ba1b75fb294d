# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""BERT's tokenizer in the graph; equal to its Python FullTokenizer."""

import functools
import hashlib
import itertools
import os
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf
import tensorflow_text as tf_text

from realm_tf.io import atomic, faults, vocabularies
from realm_tf.text.packing import SpecialIds

# BERT's limit for a word, which FastWordpieceTokenizer counts in bytes.
_MAX_BYTES_PER_WORD = 200
_SPECIAL = ('[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]')
# Ranges with assigned characters; all others are deleted.
_PLANES, _TAGS = (0, 0x34000), (0xE0000, 0xE0200)
_ASSIGNED = (_PLANES, _TAGS)
# Tables have a place for each of these and one for all others; they are small
# because graphs are copied often, and the tables with them.
_TAGS_PLACE = _PLANES[1]
_OTHERS_PLACE = _TAGS_PLACE + _TAGS[1] - _TAGS[0]
_TABLE_SIZE = _OTHERS_PLACE + 1
_SIGMA, _FINAL_SIGMA = 0x3A3, 0x3C2
# TensorFlow takes seconds to put a bool table of this size into a graph.
_FLAG = np.uint8


class TokensWithOffsets(NamedTuple):
  """Wordpieces and their bytes in the original strings.

  Attributes:
    ids: int32 [batch, (tokens)].
    starts: int32 [batch, (tokens)], first byte of each.
    limits: int32 [batch, (tokens)], byte after the last of each.
  """

  ids: tf.RaggedTensor
  starts: tf.RaggedTensor
  limits: tf.RaggedTensor


def _is_deleted(character: str) -> bool:
  """Whether the category is C (control, unassigned ...), except white space."""
  if character in '\t\n\r':
    return False
  return unicodedata.category(character)[0] == 'C' or character == '\ufffd'


def _normalize_character(character: str, lower_case: bool) -> str:
  """Normalizes one character as BERT's BasicTokenizer does."""
  if _is_deleted(character):
    return ''
  if not lower_case:
    return character
  decomposed = unicodedata.normalize('NFD', character.lower())
  return ''.join(c for c in decomposed if unicodedata.category(c) != 'Mn')


@functools.lru_cache(maxsize=1)
def _deleted_pattern() -> str:
  """Returns a regular expression (RE2) of the deleted characters."""
  ranges: list[list[int]] = []
  for first, limit in _ASSIGNED:
    for point in range(first, limit):
      if 0xD800 <= point < 0xE000 or not _is_deleted(chr(point)):
        continue
      if ranges and ranges[-1][1] == point - 1:
        ranges[-1][1] = point
      else:
        ranges.append([point, point])
  ranges += [[_PLANES[1], _TAGS[0] - 1], [_TAGS[1], 0x10FFFF]]
  parts = [f'\\x{{{first:x}}}-\\x{{{last:x}}}' for first, last in ranges]
  return f'[{"".join(parts)}]+'


def _assigned() -> Iterator[tuple[int, int]]:
  """Yields code points that may be assigned, with their place in a table."""
  points = itertools.chain(*(range(*plane) for plane in _ASSIGNED))
  return ((point, place) for place, point in enumerate(points))


def _places(points: tf.Tensor) -> tf.Tensor:
  """Returns the places of code points in a table."""
  tags = points - (_TAGS[0] - _TAGS_PLACE)
  is_tag = (points >= _TAGS[0]) & (points < _TAGS[1])
  others = tf.where(is_tag, tags, _OTHERS_PLACE)
  return tf.where(points < _PLANES[1], points, others)


@functools.lru_cache(maxsize=2)
def _normalization_table(lower_case: bool) -> tuple[np.ndarray, ...]:
  """Returns what the character at each place of a table becomes.

  Returns:
    Code points int32, row splits int32, and as 0 or 1 whether the character is
    a deleted mark, which belongs to the character before it.
  """
  lengths = np.ones(_TABLE_SIZE, np.int32)
  lengths[_OTHERS_PLACE] = 0
  marks = np.zeros(_TABLE_SIZE, _FLAG)
  changed: dict[int, str] = {}
  for point, place in _assigned():
    character = chr(point)
    normal = _normalize_character(character, lower_case)
    if normal != character:
      changed[place] = normal
      lengths[place] = len(normal)
      marks[place] = not normal and unicodedata.category(character) == 'Mn'
  splits = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
  same = np.concatenate([np.arange(*plane) for plane in _ASSIGNED] + [[0]])
  values = np.repeat(same, lengths).astype(np.int32)
  for place, normal in changed.items():
    values[splits[place] : splits[place + 1]] = [ord(c) for c in normal]
  return values, splits, marks


@functools.lru_cache(maxsize=1)
def _sigma_table() -> tuple[np.ndarray, np.ndarray]:
  """Returns which characters decide how a capital sigma is lowercased.

  Returns:
    For each place of a table, 0 or 1: whether the character is ignored
    (accents, apostrophes, full stops, deleted characters ...), and whether it
    is a cased letter.
  """
  ignored = np.ones(_TABLE_SIZE, _FLAG)
  cased = np.zeros(_TABLE_SIZE, _FLAG)
  sigma = chr(_SIGMA)
  for point, place in _assigned():
    character = chr(point)
    if _is_deleted(character):
      continue
    # Python offers no other access to these properties.
    after_it = (character + sigma).lower()[-1] != sigma.lower()
    through_it = ('A' + character + sigma).lower()[-1] != sigma.lower()
    ignored[place] = through_it and not after_it
    cased[place] = after_it
  return ignored, cased


def _utf8_lengths(points: tf.Tensor) -> tf.Tensor:
  return (
    1
    + tf.cast(points >= 0x80, tf.int32)
    + tf.cast(points >= 0x800, tf.int32)
    + tf.cast(points >= 0x10000, tf.int32)
  )


class BertTokenizer(tf.Module):
  """Splits strings into wordpieces as BERT's FullTokenizer does, in batches.

  Works eagerly, in tf.function, in tf.data, and inside a SavedModel.

  Example:
    >>> tokenizer = realm_tf.Tokenizer.from_file('BERT/vocab.txt')
    >>> ids = tokenizer.tokenize(['Rivers of France'])
    >>> tokenizer.detokenize(ids)
    ['rivers of france']

  Attributes:
    vocab: The wordpieces by id.
    lower_case: Whether case and accents are removed (BERT's uncased models).
    pad_id: Id of [PAD]; likewise `unk_id`, `cls_id`, `sep_id`, `mask_id`.
  """

  def __init__(
    self,
    vocab: Sequence[str],
    *,
    lower_case: bool = True,
    name: str | None = None,
  ):
    """Makes a tokenizer.

    Raises:
      ValueError: A special wordpiece is missing, or a wordpiece occurs twice.
    """
    super().__init__(name=name or 'bert_tokenizer')
    self._vocab = tuple(vocab)
    self.lower_case = lower_case
    ids = {piece: i for i, piece in enumerate(self._vocab)}
    if len(ids) != len(self._vocab):
      twice = next(p for i, p in enumerate(self._vocab) if ids[p] != i)
      raise ValueError(f'the vocabulary has {twice!r} more than once')
    for piece in _SPECIAL:
      if piece not in ids:
        raise ValueError(f'the vocabulary has no {piece}')
    self.pad_id, self.unk_id = ids['[PAD]'], ids['[UNK]']
    self.cls_id, self.sep_id = ids['[CLS]'], ids['[SEP]']
    self.mask_id = ids['[MASK]']
    self._wordpiece = tf_text.FastWordpieceTokenizer(
      list(self._vocab),
      token_out_type=tf.int32,
      no_pretokenization=False,
      max_bytes_per_word=_MAX_BYTES_PER_WORD,
    )

  @classmethod
  def from_file(
    cls, vocab_file: str | os.PathLike, *, lower_case: bool = True
  ) -> 'BertTokenizer':
    """Reads a `vocab.txt` or a `tokenizer.json`.

    Raises:
      ValueError: As in the constructor, with the name of the file.
    """
    vocab = vocabularies.read_vocab(vocab_file)
    with faults.naming(vocab_file):
      return cls(vocab, lower_case=lower_case)

  @classmethod
  def of_words(cls) -> 'BertTokenizer':
    """A tokenizer to which each word or mark is one wordpiece, mostly [UNK]."""
    # TensorFlow Text refuses a vocabulary of special wordpieces alone.
    return cls([*_SPECIAL, '.'])

  @property
  def vocab(self) -> tuple[str, ...]:
    """The wordpieces by id."""
    return self._vocab

  @property
  def vocab_size(self) -> int:
    """Number of wordpieces."""
    return len(self._vocab)

  @property
  def special(self) -> SpecialIds:
    """Ids of the special wordpieces, for packing and masking."""
    return SpecialIds(
      cls=self.cls_id, sep=self.sep_id, mask=self.mask_id, pad=self.pad_id
    )

  @functools.cached_property
  def fingerprint(self) -> str:
    """Hex digest of the vocabulary and of `lower_case`."""
    digest = hashlib.sha256(f'lower_case={self.lower_case}\n'.encode())
    digest.update('\n'.join(self._vocab).encode())
    return digest.hexdigest()[:16]

  def save_vocab(self, path: str | os.PathLike) -> None:
    """Writes the vocabulary, one wordpiece per line."""
    with atomic.atomic_file(path, 'w') as f:
      f.writelines(f'{piece}\n' for piece in self._vocab)

  def tokenize(self, texts: tf.Tensor) -> tf.RaggedTensor:
    """Splits strings into wordpieces.

    Args:
      texts: UTF-8 strings [batch]; invalid bytes are ignored.

    Returns:
      Ids, int32 [batch, (tokens)].
    """
    texts = tf.ensure_shape(tf.convert_to_tensor(texts, tf.string), [None])
    # First, because a NUL would end the string and a control character would
    # separate a capital sigma from its word.
    texts = tf.strings.regex_replace(texts, _deleted_pattern(), '')
    if self.lower_case:
      # Invalid bytes become U+FFFD, which is deleted with the accents.
      texts = tf.strings.lower(texts, 'utf-8')
      texts = tf_text.normalize_utf8(texts, 'NFD')
      texts = tf.strings.regex_replace(texts, r'[\p{Mn}\x{fffd}]+', '')
    else:
      texts = tf.strings.unicode_transcode(
        texts, 'UTF-8', 'UTF-8', errors='ignore'
      )
    return self._wordpiece.tokenize(texts)

  def tokenize_with_offsets(self, texts: tf.Tensor) -> TokensWithOffsets:
    """Splits strings into wordpieces with their bytes.

    The bytes of a token are those of the original string from its first
    character to its last, including accents after the last.

    Args:
      texts: UTF-8 strings [batch]; invalid bytes are ignored.

    Returns:
      The ids of `tokenize`, and their byte offsets.
    """
    texts = tf.ensure_shape(tf.convert_to_tensor(texts, tf.string), [None])
    points, char_starts = tf.strings.unicode_decode_with_offsets(
      texts, 'UTF-8', errors='replace', replacement_char=0xFFFD
    )
    char_limits = _next_in_row(
      tf.cast(char_starts, tf.int32), tf.strings.length(texts)
    )
    rows = points.value_rowids()  # [chars]
    source, normal = self._normalize(points.values, rows)
    starts_of_row = tf.searchsorted(tf.gather(rows, source), _row_ids(points))
    splits = tf.concat([starts_of_row, [tf.size(normal)]], 0)
    characters = tf.RaggedTensor.from_row_splits(normal, splits)
    encoded = tf.strings.unicode_encode(characters, 'UTF-8')
    ids, starts, limits = self._wordpiece.tokenize_with_offsets(encoded)
    # From bytes of the normalized string to characters of the original.
    byte_lengths = _utf8_lengths(normal)
    byte_sources = tf.repeat(source, byte_lengths)
    row_bytes = tf.concat([[0], tf.cumsum(tf.strings.length(encoded))[:-1]], 0)
    row_bytes = tf.gather(row_bytes, ids.value_rowids())  # [tokens]
    first = tf.gather(
      byte_sources, row_bytes + tf.cast(starts.values, tf.int32)
    )
    last = tf.gather(
      byte_sources, row_bytes + tf.cast(limits.values, tf.int32) - 1
    )
    extended = self._with_marks(points, rows, char_limits)
    return TokensWithOffsets(
      ids,
      ids.with_values(tf.gather(tf.cast(char_starts.values, tf.int32), first)),
      ids.with_values(tf.gather(extended, last)),
    )

  def _normalize(
    self, points: tf.Tensor, rows: tf.Tensor
  ) -> tuple[tf.Tensor, tf.Tensor]:
    """Normalizes characters one by one.

    Args:
      points: int32 [chars], code points of all rows.
      rows: int64 [chars], the row of each.

    Returns:
      int32 [normalized chars]: the character that each comes from, and its
      code point.
    """
    values, splits, _ = _normalization_table(self.lower_case)
    places = _places(points)
    starts = tf.gather(splits, places)
    lengths = tf.gather(splits, places + 1) - starts
    source = tf.repeat(tf.range(tf.size(points)), lengths)
    within = tf.range(tf.size(source)) - tf.gather(
      tf.cumsum(lengths, exclusive=True), source
    )
    normal = tf.gather(values, tf.gather(starts, source) + within)
    if self.lower_case:
      final = tf.cond(
        tf.reduce_any(points == _SIGMA),
        lambda: _ends_word_in_sigma(points, rows),
        lambda: tf.zeros_like(points, tf.bool),
      )
      normal = tf.where(tf.gather(final, source), _FINAL_SIGMA, normal)
    return source, normal

  def _with_marks(
    self, points: tf.RaggedTensor, rows: tf.Tensor, limits: tf.Tensor
  ) -> tf.Tensor:
    """Moves byte limits [chars] to after the deleted marks that follow."""
    _, _, marks = _normalization_table(self.lower_case)
    flat = points.values
    is_mark = tf.gather(marks, _places(flat)) > 0
    starts_row = tf.concat([[True], rows[1:] != rows[:-1]], 0)
    starts_row = starts_row[: tf.size(flat)]
    group = tf.cumsum(tf.cast(~is_mark | starts_row, tf.int32)) - 1
    return tf.gather(tf.math.segment_max(limits, group), group)

  def tokens(self, ids: Iterable[int]) -> list[str]:
    """Returns the wordpieces of ids."""
    return [self._vocab[int(i)] for i in ids]

  def detokenize(self, ids: tf.RaggedTensor | Iterable) -> list[str]:
    """Joins wordpieces for people to read.

    Args:
      ids: [batch, (tokens)], ragged or nested lists.

    Returns:
      A string per row; the original spacing and case are lost.
    """
    rows = ids.to_list() if isinstance(ids, tf.RaggedTensor) else ids
    return [' '.join(self.tokens(row)).replace(' ##', '') for row in rows]


def _row_ids(ragged: tf.RaggedTensor) -> tf.Tensor:
  return tf.range(ragged.nrows(), dtype=tf.int64)


def _next_in_row(starts: tf.RaggedTensor, lengths: tf.Tensor) -> tf.Tensor:
  """Returns the next value in the row, after the last the row's length."""
  flat = starts.values
  following = tf.concat([flat[1:], [0]], 0)[: tf.size(flat)]
  rows = starts.value_rowids()
  is_last = tf.concat([rows[1:] != rows[:-1], [True]], 0)[: tf.size(flat)]
  return tf.where(is_last, tf.gather(lengths, rows), following)


def _ends_word_in_sigma(points: tf.Tensor, rows: tf.Tensor) -> tf.Tensor:
  """Returns which capital sigmas are lowercased to the final form.

  These have a cased letter before and none after them, not counting ignored
  characters.
  """
  ignored, cased = _sigma_table()
  places = _places(points)
  # Sigmas are among them.
  kept = tf.where(tf.equal(tf.gather(ignored, places), 0))[:, 0]
  rows = tf.gather(rows, kept)
  is_cased = tf.gather(cased, tf.gather(places, kept)) > 0
  same_row = rows[1:] == rows[:-1]
  no = tf.zeros([1], tf.bool)
  size = tf.size(kept)
  before = tf.concat([no, is_cased[:-1] & same_row], 0)[:size]
  after = tf.concat([is_cased[1:] & same_row, no], 0)[:size]
  ends = tf.scatter_nd(
    kept[:, tf.newaxis], before & ~after, tf.shape(points, tf.int64)
  )
  return (points == _SIGMA) & ends
