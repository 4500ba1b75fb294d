# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""A vocabulary, records and a document store for the tests of data/."""

import functools
import pathlib

import tensorflow as tf

from realm_tf.corpus import block_records
from realm_tf.corpus import corpus as corpus_lib
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


def store(
  directory: pathlib.Path, blocks: list[tuple[str, str]]
) -> corpus_lib.Corpus:
  """A document store of (title, body) pairs."""
  directory.mkdir(parents=True, exist_ok=True)
  path = write_records(
    directory / 'blocks-0.tfrecord.gz', [block(*b) for b in blocks]
  )
  return corpus_lib.write_documents(
    path,
    directory / 'documents',
    vocab_size=tokenizer().vocab_size,
    vocab_fingerprint=tokenizer().fingerprint,
    progress=False,
  )


def ragged(rows: list[list[int]]) -> tf.RaggedTensor:
  return tf.ragged.constant(rows, tf.int32, ragged_rank=1)
