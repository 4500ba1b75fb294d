# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""A vocabulary, records and a corpus for tests."""

import functools
import pathlib

import tensorflow as tf

from realm_tf.corpus import block_records
from realm_tf.corpus.corpus import Corpus, write_corpus
from realm_tf.corpus.store import Blocks
from realm_tf.spans import span_records
from realm_tf.text.tokenizer import BertTokenizer

_VOCAB = ' '.join(
  (
    '[PAD] [UNK] [CLS] [SEP] [MASK] the a of is in . , ! capital city river',
    'paris france london england rome italy ##n ##ese japan lima peru seine',
    'thames tiber flows through has was and old big word one two three four',
  )
).split()


@functools.cache
def tokenizer() -> BertTokenizer:
  letters = 'bcdefghijklmnopqrstuvwxyz0123456789'
  return BertTokenizer(
    [*_VOCAB, *letters, *(f'##{c}' for c in 'abcdefghijklmopqrstuvwxyz')]
  )


def span_record(
  title: str, sentences: list[str], spans: list[str], outside: int = 0
) -> bytes:
  """A document of `sentences`, in which each of `spans` is marked once."""
  text = ' '.join(sentences)
  places, position = [], 0
  for sentence in sentences:
    size = len(sentence.encode())
    places.append((position, position + size))
    position += size + 1
  found = []
  for span in spans:
    start = text.encode().index(span.encode())
    found.append((start, start + len(span.encode())))
  if outside:
    found += [(places[0][1] - 2, places[1][0] + 2)] * outside
  return span_records.encode_document(
    title.encode(), text.encode(), places, found
  )


def write_records(path: pathlib.Path, records: list[bytes]) -> str:
  with block_records.record_writer(path) as writer:
    for record in records:
      writer.write(record)
  return str(path)


def block(title: str, body: str) -> bytes:
  ids = tokenizer().tokenize([title, body]).to_list()
  return block_records.encode_block(title.encode(), body.encode(), *ids)


def blocks(
  texts: list[tuple[str, str]],
  record_ids: list[str] | None = None,
  urls: list[str] | None = None,
) -> Blocks:
  """Blocks of (title, body) pairs."""
  titles, bodies = ([t[i] for t in texts] for i in range(2))
  return Blocks.make(
    [t.encode() for t in titles],
    [b.encode() for b in bodies],
    tokenizer().tokenize(titles).to_list() if titles else [],
    tokenizer().tokenize(bodies).to_list() if bodies else [],
    vocab_size=tokenizer().vocab_size,
    record_ids=[r.encode() for r in record_ids] if record_ids else None,
    urls=[u.encode() for u in urls] if urls else None,
  )


def store(
  directory: pathlib.Path,
  texts: list[tuple[str, str]],
  record_ids: list[str] | None = None,
  urls: list[str] | None = None,
) -> Corpus:
  """A corpus of (title, body) pairs."""
  write_corpus(directory, [blocks(texts, record_ids, urls)], tokenizer())
  return Corpus.open(directory)


def ragged(rows: list[list[int]]) -> tf.RaggedTensor:
  return tf.ragged.constant(rows, tf.int32, ragged_rank=1)
