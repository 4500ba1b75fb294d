# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""What a fine-tuning leaves behind, tiny, with random weights."""

import dataclasses
import pathlib

import numpy as np
import tensorflow as tf

from realm_tf.configs.searcher_config import SearcherConfig
from realm_tf.corpus.corpus import Corpus
from realm_tf.hub import hub_modules, span_reader_module
from realm_tf.index import build_index
from realm_tf.index.index import Index
from realm_tf.modeling.embedder import Embedder
from realm_tf.modeling.span_reader import SpanReader
from realm_tf.text import packing
from realm_tf.text.tokenizer import BertTokenizer
from tests.support import small_realm, small_world

QUERY_SEQ_LEN, READER_SEQ_LEN = 14, 34
SEARCHERS = {
  'exact': SearcherConfig(searcher='exact'),
  'scann': SearcherConfig(searcher='scann', num_leaves=4, leaves_to_search=4),
}
# Bytes that a span must not come apart in.
_STRANGE = [
  (
    'Qu\u00e9bec',
    'Que\u0301bec  is a big CITY\u2003of \u00celes ; \u0130zmir is not .',
  ),
  (
    '',
    '\u00c9t\u00e9 in Paris\u200b : \u6771\u4eac is the capital of Japan'
    ' \U0001f5fc .',
  ),
  ('Lima', 'Lima'),
]


def _blocks() -> list[tuple[str, str]]:
  places = ['France', 'England', 'Italy', 'Japan', 'Peru', 'Rome', 'Lima']
  numbers = ['one', 'two', 'three', 'four']
  more = [
    (place, f'{place} has {a} {b} , {what} of the Seine .')
    for place in places
    for a in numbers
    for b, what in (('city', 'capital'), ('old river', 'big city'))
  ]
  return [*small_realm.BLOCKS, *_STRANGE, *more]


@dataclasses.dataclass(frozen=True)
class SmallQA:
  """The directories, and what is in them."""

  directory: pathlib.Path
  tokenizer: BertTokenizer
  documents: Corpus
  embedder: Embedder
  reader: SpanReader
  index_path: str

  @property
  def corpus_dir(self) -> pathlib.Path:
    return self.directory / 'corpus'

  @property
  def export_dir(self) -> pathlib.Path:
    return self.directory / 'export' / 'tf_hub' / '20'

  @property
  def embedder_dir(self) -> pathlib.Path:
    return self.export_dir / 'embedder'

  @property
  def span_reader_dir(self) -> pathlib.Path:
    return self.export_dir / 'span_reader'


def make(directory: pathlib.Path, kind: str) -> SmallQA:
  tokenizer = small_world.tokenizer()
  texts = _blocks()
  # A record without id, and one without url.
  ids = [f'\u00e9{row}' if row % 3 else '' for row in range(len(texts))]
  urls = [f'https://{i}.example' * (i % 4 > 0) for i in range(len(texts))]
  documents = small_world.store(directory / 'corpus', texts, ids, urls)
  config = small_realm.CONFIG
  old = small_realm.shaken(Embedder(config, 8, seed=2), 2)
  hub_modules.export_embedder(old, tokenizer, directory / 'old', 10)
  index_path = build_index.build_index(
    documents,
    tf.function(old.embed_documents, reduce_retracing=True),
    directory / 'index',
    10,
    special=tokenizer.special,
    searcher_config=SEARCHERS[kind],
    embedder_dir=directory / 'old',
    progress=False,
  )
  embedder = small_realm.shaken(Embedder(config, 8, seed=1), 1)
  reader = small_realm.shaken(
    SpanReader(config, max_span_width=4, span_hidden_size=12, seed=3), 3
  )
  made = SmallQA(directory, tokenizer, documents, embedder, reader, index_path)
  hub_modules.export_embedder(embedder, tokenizer, made.embedder_dir, 20)
  span_reader_module.export_span_reader(
    reader,
    tokenizer,
    made.span_reader_dir,
    20,
    query_seq_len=QUERY_SEQ_LEN,
    reader_seq_len=READER_SEQ_LEN,
    document_embedder_fingerprint=build_index.fingerprint_embedder(
      directory / 'old'
    ),
  )
  return made


@dataclasses.dataclass(frozen=True)
class Answer:
  """One span, found without the graph of the SavedModel."""

  text: bytes
  row: int
  byte_start: int
  byte_end: int
  score: float
  retriever_log_prob: float
  reader_log_prob: float
  log_prob: float


def answers(qa: SmallQA, question: str, k: int, top_n: int) -> list[Answer]:
  """Embeds, compares with all blocks, packs, reads and looks up, by numpy."""
  ids = qa.tokenizer.tokenize([question])[:, : QUERY_SEQ_LEN - 2]
  special = qa.tokenizer.special
  packed = packing.pack_query(ids, special=special, max_length=QUERY_SEQ_LEN)
  query = qa.embedder.embed_queries(packed).numpy()[0]
  index = Index.open(qa.index_path)
  inner = np.array(index.embeddings) @ query
  index.close()
  rows = np.argsort(-inner, kind='stable')[:k]
  _, body_ids = qa.documents.gather(rows)
  found = []
  logits = []
  for body in body_ids:
    joint = packing.pack_reader(
      ids,
      tf.RaggedTensor.from_tensor(body[tf.newaxis]),
      special=special,
      max_length=READER_SEQ_LEN,
    )
    joint = {key: x[:, tf.newaxis] for key, x in joint.items()}
    scores = qa.reader(joint, joint['block_mask']).numpy()[0, 0]
    logits.append(
      {
        (start, start + width): scores[start, width]
        for start, width in np.ndindex(*scores.shape)
        if scores[start, width] > -1e8
      }
    )
  exp_inner = np.exp(inner[rows] - inner[rows].max())
  total = np.logaddexp.reduce(
    [s + inner[row] for row, its in zip(rows, logits) for s in its.values()]
  )
  for i, (row, its) in enumerate(zip(rows, logits)):
    text = qa.documents.bodies([row])[0].encode()
    tokens = qa.tokenizer.tokenize_with_offsets([text])
    starts, limits = tokens.starts[0].numpy(), tokens.limits[0].numpy()
    within = np.logaddexp.reduce(list(its.values()))
    pieces = [*qa.tokenizer.tokens(tokens.ids[0]), '']
    for (start, end), score in its.items():
      # Whole words.
      while pieces[start].startswith('##'):
        start -= 1
      while pieces[end + 1].startswith('##'):
        end += 1
      begin, limit = int(starts[start]), int(limits[end])
      found.append(
        Answer(
          text=text[begin:limit],
          row=int(row),
          byte_start=begin,
          byte_end=limit,
          score=score + inner[row],
          retriever_log_prob=np.log(exp_inner[i] / exp_inner.sum()),
          reader_log_prob=score - within,
          log_prob=score + inner[row] - total,
        )
      )
  best: dict[tuple[int, int, int], Answer] = {}
  for answer in sorted(found, key=lambda answer: -answer.score):
    best.setdefault((answer.row, answer.byte_start, answer.byte_end), answer)
  return list(best.values())[:top_n]


def has_answer(qa: SmallQA, row: int, texts: tuple[str, ...]) -> bool:
  """Whether the wordpieces of an answer stand in a block, word by word."""
  (body,) = qa.documents.gather([row])[1].to_list()
  for answer in qa.tokenizer.tokenize(list(texts)).to_list():
    for start in range(len(body) - len(answer) + 1):
      if body[start : start + len(answer)] == answer:
        return True
  return False
