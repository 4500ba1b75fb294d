# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Answers questions from a corpus, which may change meanwhile."""

import dataclasses
import os
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from realm_tf.answering.answer_graph import AnswerGraph
from realm_tf.answering.live_documents import LiveDocuments
from realm_tf.bert import precision
from realm_tf.configs.retrieval_config import RetrievalConfig
from realm_tf.corpus.corpus import Corpus
from realm_tf.hub import hub_modules, span_reader_module
from realm_tf.index.index import Index
from realm_tf.io import compatibility
from realm_tf.modeling.embedder import Embedder
from realm_tf.modeling.span_reader import SpanReader
from realm_tf.text import packing
from realm_tf.text.tokenizer import BertTokenizer
from realm_tf.training import run_directory

_KEYS = {'answers': 'prediction', 'evidence': 'evidence'}


@dataclasses.dataclass(frozen=True)
class Answers:
  """The best answers to a batch of questions, `[batch, top_n]`, best first.

  An answer is whole words of a block; several spans of the same words are one
  answer, with the numbers of the best of them. Where the blocks that were read
  have fewer spans than asked for, strings are empty, rows and bytes -1, scores
  and log-probabilities -1e9.

  Attributes:
    answers: Words of the block as they stand there.
    evidence: Text of the block.
    titles: Title of the block.
    document_ids: Id of the record that the block is from, which stays when
      documents are added and removed; empty if it has none.
    document_urls: Address of that record; empty if it has none.
    block_ids: Row of the block in the corpus, int32.
    byte_starts: First byte of the answer in the text of the block, int32.
    byte_ends: Byte after its last, int32.
    scores: Score of the block by the retriever plus that of the span by the
      reader, float32.
    log_probs: log p(block, span) among all that were read, float32.
    retriever_log_probs: log p(block) among the blocks that were read, by the
      retriever alone, float32.
    reader_log_probs: log p(span | block), by the reader alone, float32.
  """

  answers: list[list[str]]
  evidence: list[list[str]]
  titles: list[list[str]]
  document_ids: list[list[str]]
  document_urls: list[list[str]]
  block_ids: np.ndarray
  byte_starts: np.ndarray
  byte_ends: np.ndarray
  scores: np.ndarray
  log_probs: np.ndarray
  retriever_log_probs: np.ndarray
  reader_log_probs: np.ndarray

  @classmethod
  def from_tensors(cls, found: dict[str, tf.Tensor]) -> 'Answers':
    """Makes answers of what `AnswerGraph.answer` returns."""
    values: dict[str, Any] = {}
    for name, tensor in found.items():
      values[name] = tensor.numpy()
      if tensor.dtype == tf.string:
        values[name] = [
          [text.decode('utf-8', 'replace') for text in row]
          for row in values[name]
        ]
    return cls(**values)

  def to_records(self, questions: Sequence[str]) -> list[dict[str, Any]]:
    """Returns a JSON object per question, with the keys of the original.

    Each has `question`, `prediction` (the best answer, or empty), the other
    fields of the best answer under their names in the singular, and `answers`,
    a list of such objects for all answers.
    """
    records = []
    for i, question in enumerate(questions):
      columns: dict[str, list[Any]] = {}
      for field in dataclasses.fields(self):
        values = getattr(self, field.name)[i]
        key = _KEYS.get(field.name, field.name.removesuffix('s'))
        columns[key] = values if isinstance(values, list) else values.tolist()
      count = sum(row >= 0 for row in columns['block_id'])
      answers = [
        {key: values[n] for key, values in columns.items()}
        for n in range(count)
      ]
      record: dict[str, Any] = {'question': question, 'prediction': ''}
      record.update(*answers[:1], answers=answers)
      records.append(record)
    return records


class _MappedBlocks:
  """The blocks of a corpus, memory-mapped: `answer_graph.Blocks`."""

  def __init__(self, corpus: Corpus):
    self._corpus = corpus

  def wordpieces(self, rows: tf.Tensor) -> packing.Slices:
    values, splits = self._corpus.blocks.flat(
      'body_ids', np.asarray(rows, np.int64)
    )
    # One more value, so that there is something to gather from.
    return packing.Slices(
      tf.constant(np.append(values, np.zeros(1, values.dtype))),
      tf.constant(splits[:-1]),
      tf.constant(np.diff(splits), tf.int32),
    )

  def texts(self, rows: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    titles = self._corpus.titles(rows.numpy())
    bodies = self._corpus.bodies(rows.numpy())
    return tf.constant(titles, tf.string), tf.constant(bodies, tf.string)

  def names(self, rows: tf.Tensor) -> dict[str, tf.Tensor]:
    ids = self._corpus.record_ids(rows.numpy())
    urls = self._corpus.urls(rows.numpy())
    return {
      'document_ids': tf.constant(ids, tf.string),
      'document_urls': tf.constant(urls, tf.string),
    }


class Answerer(LiveDocuments):
  """Answers questions from a corpus, and takes updates of it.

  Usable from several threads: an update waits for no question, and a question
  that is being answered sees one state of the corpus.

  Example:
    answerer = Answerer.open('out/qa', 'out/corpus', 'out/index')
    answerer.answer(['Who discovered radium?']).answers[0][0]
    answerer.add('Lima', 'Lima is the capital of Peru.')
    answerer.save('out/edition2')
    answerer.close()

  Attributes:
    tokenizer: Tokenizer of models and corpus.
    graph: The TensorFlow functions.
  """

  def __init__(
    self,
    embedder: Embedder,
    reader: SpanReader,
    tokenizer: BertTokenizer,
    corpus: Corpus,
    index: Index,
    *,
    query_seq_len: int,
    reader_seq_len: int,
    info: dict[str, Any] | None = None,
  ):
    """Puts the parts together and takes ownership of the index.

    Args:
      embedder: Embedder of questions.
      reader: Reader of blocks.
      tokenizer: Tokenizer of both.
      corpus: Corpus to answer from; is not changed.
      index: Index of the corpus; `close` closes it.
      query_seq_len: Maximum number of wordpieces of a question.
      reader_seq_len: Maximum number of wordpieces of a question with a block.
      info: What an export says about itself besides.

    Raises:
      MismatchError: Parts do not belong together; the index stays open.
      ValueError: A length does not fit.
    """
    # [CLS], [SEP], and one wordpiece of the block with its [SEP].
    if not 2 < query_seq_len < reader_seq_len - 1:
      raise ValueError(
        '`query_seq_len` must be at least 3, and leave room in'
        ' `reader_seq_len` for a block. Received:'
        f' query_seq_len={query_seq_len}, reader_seq_len={reader_seq_len}'
      )
    for name, length, bert in (
      ('query_seq_len', query_seq_len, embedder.bert_config),
      ('reader_seq_len', reader_seq_len, reader.bert_config),
    ):
      compatibility.check_lengths(
        'its BERT',
        bert.max_positions,
        **{name: length},  # type: ignore[arg-type]
      )
    compatibility.check(
      compatibility.Part(
        'the model',
        vocabulary=tokenizer.fingerprint,
        dim=embedder.projection_size,
      ),
      corpus.part,
      index.metadata.part(index.path),
    )
    self.tokenizer = tokenizer
    self.graph = AnswerGraph(
      embedder,
      reader,
      tokenizer,
      query_seq_len=query_seq_len,
      reader_seq_len=reader_seq_len,
    )
    self.info = info or {}
    super().__init__(corpus, index)

  @classmethod
  def open(
    cls,
    model_dir: str | os.PathLike,
    corpus: Corpus | str | os.PathLike,
    index: Index | str | os.PathLike,
    *,
    mixed_precision: bool = False,
    retrieval: RetrievalConfig | None = None,
  ) -> 'Answerer':
    """Opens a fine-tuned model, a corpus and its index.

    Args:
      model_dir: Directory of a fine-tuning, of which the best export is taken,
        or else the newest; or one export.
      corpus: Corpus, or its directory.
      index: Its index, of which the answerer takes ownership; or a version, or
        a directory of versions, of which the newest is taken.
      mixed_precision: Whether to compute in bfloat16. Documents that are added
        are embedded as those of the index were.
      retrieval: What blocks are found by, unless `index` is open. Defaults to
        that of the training.

    Raises:
      FileNotFoundError: One of them is not there.
      MismatchError: They do not belong together; the message says which do not
        and what to do.
    """
    export_dir = run_directory.find_export(model_dir)
    embedder_dir = os.path.join(export_dir, 'embedder')
    reader_dir = os.path.join(export_dir, 'span_reader')
    info = hub_modules.read_info(reader_dir, span_reader_module.KIND)
    tokenizer = hub_modules.load_tokenizer(embedder_dir)
    if not isinstance(corpus, Corpus):
      corpus = Corpus.open(corpus)
    if not isinstance(index, Index):
      retrieval = retrieval or RetrievalConfig()
      trained = hub_modules.read_info(embedder_dir, 'embedder')
      index = Index.open(index, corpus, retrieval=retrieval.filled(trained))
    try:
      compatibility.check(
        hub_modules.module_part(embedder_dir),
        hub_modules.module_part(reader_dir),
        index.metadata.part(index.path),
      )
      with precision.mixed_precision_scope(mixed_precision):
        embedder = hub_modules.load_embedder(embedder_dir)
        reader = span_reader_module.load_span_reader(reader_dir)
      return cls(
        embedder,
        reader,
        tokenizer,
        corpus,
        index,
        query_seq_len=info['query_seq_len'],
        reader_seq_len=info['reader_seq_len'],
        info={'step': info['step'], 'index_step': index.metadata.step},
      )
    except BaseException:
      index.close()
      raise

  def retrieve(
    self, questions: Sequence[str | bytes], k: int
  ) -> tuple[np.ndarray, np.ndarray]:
    """Finds the best blocks of the current edition.

    Args:
      questions: UTF-8 strings; those that are too long are cut.
      k: Number of blocks per question.

    Returns:
      Rows, int64, and scores, float32, `[batch, min(k, documents)]`, best
      first.
    """
    asked = tf.constant(list(questions), tf.string)
    with self._live.acquire() as edition:
      rows, scores = edition.index.find(
        asked, lambda: self.graph.embed(asked), k
      )
    return np.asarray(rows, np.int64), np.asarray(scores, np.float32)

  def answer(
    self,
    questions: Sequence[str | bytes],
    *,
    reader_beam: int = 5,
    top_n: int = 5,
    blocks_at_once: int = 40,
  ) -> Answers:
    """Answers questions.

    Args:
      questions: UTF-8 strings; those that are too long are cut.
      reader_beam: Number of blocks to read per question.
      top_n: Number of answers per question.
      blocks_at_once: Number of blocks, of all questions together, that are
        read at a time, to save memory; 0 for all.
    """
    with self._live.acquire() as edition:
      found = self.graph.answer(
        tf.constant(list(questions), tf.string),
        reader_beam,
        edition.index.find,
        _MappedBlocks(edition.documents),
        top_n=top_n,
        blocks_at_once=blocks_at_once,
      )
    return Answers.from_tensors(found)

  def read(
    self,
    questions: Sequence[str | bytes],
    rows: np.ndarray,
    retriever_scores: np.ndarray,
    *,
    top_n: int = 5,
    blocks_at_once: int = 40,
  ) -> Answers:
    """Answers questions from blocks that were retrieved.

    Args:
      questions: UTF-8 strings `[batch]`.
      rows: Rows of the blocks, int `[batch, blocks]`; -1 is the null document.
      retriever_scores: Their scores, float32 `[batch, blocks]`.
      top_n: Number of answers per question.
      blocks_at_once: Number of blocks that are read at a time; 0 for all.
    """
    with self._live.acquire() as edition:
      found = self.graph.read(
        self.graph.pack(tf.constant(list(questions), tf.string)),
        tf.constant(rows, tf.int32),
        tf.constant(retriever_scores, tf.float32),
        _MappedBlocks(edition.documents),
        top_n=top_n,
        blocks_at_once=blocks_at_once,
      )
    return Answers.from_tensors(found)
