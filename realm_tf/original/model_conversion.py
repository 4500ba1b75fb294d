# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Converts models of other programs into a model directory.

export/tf_hub/<step>/{embedder,bert,span_reader}  those that were found
index/<step>/   index of the block embeddings
retriever/      embedder of the documents, where it is not `embedder`
"""

import hashlib
import pathlib
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from realm_tf.bert import weight_names, weights
from realm_tf.bert.weights import Bert
from realm_tf.configs.conversion_config import ConversionConfig
from realm_tf.configs.embedding_config import EmbeddingConfig
from realm_tf.configs.searcher_config import SearcherConfig
from realm_tf.corpus.corpus import Corpus
from realm_tf.hub import hub_modules, span_reader_module
from realm_tf.index import build_index, versions
from realm_tf.io import atomic
from realm_tf.modeling.embedder import Embedder
from realm_tf.original import original_layers, original_sources
from realm_tf.original.original_sources import Source
from realm_tf.original.original_weights import (
  BERT,
  EMBEDDER,
  SPAN_READER,
  Encoder,
)
from realm_tf.text import packing
from realm_tf.text.tokenizer import BertTokenizer

# Largest relative difference of embeddings; another embedder exceeds it by far.
_TOLERANCE = 1e-3
_COMPARED_ROWS = 16
_NAMES_SHOWN = 3

Say = Callable[[str], None]


def fingerprint_embeddings(embeddings: np.ndarray) -> str:
  """Returns the fingerprint of an embedder known by its embeddings alone."""
  data = np.ascontiguousarray(embeddings).data
  return hashlib.blake2b(data, digest_size=16).hexdigest()


def compare_embeddings(
  embedder: Embedder,
  documents: Corpus,
  embeddings: np.ndarray,
  tokenizer: BertTokenizer,
) -> float:
  """Embeds some documents and compares them with given embeddings.

  Args:
    embedder: Embedder.
    documents: The corpus.
    embeddings: float32 `[documents, dim]`.
    tokenizer: Tokenizer of the corpus.

  Returns:
    The largest difference, relative to the largest number.
  """
  count = min(_COMPARED_ROWS, len(embeddings))
  rows = np.linspace(0, len(embeddings) - 1, count).astype(np.int64)
  positions = embedder.bert_config.max_positions
  packed = packing.pack_document(
    *documents.gather(rows),
    special=tokenizer.special,
    max_length=min(EmbeddingConfig().candidate_seq_len, positions),
  )
  found, wanted = embedder.embed_documents(packed).numpy(), embeddings[rows]
  return float(np.abs(found - wanted).max() / np.abs(wanted).max())


def _first_names(names: Iterable[str]) -> str:
  ordered = sorted(names)
  more = ' ...' if len(ordered) > _NAMES_SHOWN else ''
  return ', '.join(ordered[:_NAMES_SHOWN]) + more


def describe(source: Source) -> str:
  """Returns the line that says what was found."""
  facts, blocks = source.facts, source.block_embeddings
  what = 'weights'
  if facts.signatures:
    tags = ' '.join('{' + ', '.join(t) + '}' for t in facts.tags)
    what = f'SavedModel with tags {tags}, signatures '
    what += ', '.join(sorted(facts.signatures))
  shape = '' if blocks is None else f'; block_emb {list(blocks.shape)}'
  return (
    f'found      {source.path}: {what}; {source.found.num_tensors} tensors'
    f'{shape}'
  )


def tell_left_over(source: Source, say: Say) -> None:
  """Says which tensors are not converted, and why."""
  for reason, names in source.found.left_over.items():
    say(f'left over  {len(names)} ({reason}): {_first_names(names)}')


def tell_missing(bert: Bert, encoder: Encoder, say: Say) -> None:
  """Says which weights of a BERT are not in its file."""
  variables = weights.variables_by_name(bert.encoder, bert.mlm_head)
  missing = variables.keys() - encoder.used().keys()
  if missing:
    names = _first_names(missing)
    say(f'missing    {len(missing)}, which are random now: {names}')


def _find_parts(
  sources: Sequence[Source],
) -> dict[str, tuple[Source, list[Encoder]]]:
  """Returns the encoders by kind; each kind must have one source."""
  parts: dict[str, tuple[Source, list[Encoder]]] = {}
  for source in sources:
    for encoder in source.found.encoders:
      other, encoders = parts.setdefault(encoder.kind, (source, []))
      if other is not source:
        raise ValueError(
          f'{encoder.kind}: there is one in {other.path} and one in'
          f' {source.path}: convert one at a time'
        )
      encoders.append(encoder)
  for kind in (BERT, SPAN_READER):
    if kind in parts and len(parts[kind][1]) > 1:
      scopes = ', '.join(repr(e.scope) for e in parts[kind][1])
      raise ValueError(f'{parts[kind][0].path}: several {kind}: {scopes}')
  return parts


def _find_retriever(
  config: ConversionConfig, sources: Sequence[Source]
) -> list[Source]:
  """Finds the embedder of the documents of an ORQA fine-tuning."""
  if config.retriever is not None:
    return original_sources.find(config.retriever)
  for path in filter(None, (source.retriever for source in sources)):
    if '://' not in path and pathlib.Path(path).exists():
      return original_sources.find(path)
  return []


def _find_step(sources: Sequence[Source]) -> int:
  steps = [s.found.step for s in sources if s.found.step is not None]
  for source in sources:
    # The original writes it beside its exports.
    path = source.path.parent.parent.parent / 'global_step.txt'
    if path.is_file() and path.read_text().strip().isdecimal():
      steps.append(int(path.read_text()))
  return max(steps, default=0)


class _Conversion:
  """Finds and checks everything before anything is written."""

  def __init__(self, config: ConversionConfig, say: Say):
    self.config, self.say = config, say
    self.sources = [s for p in config.sources for s in original_sources.find(p)]
    self.retriever = _find_retriever(config, self.sources)
    everything = [*self.sources, *self.retriever]
    for source in everything:
      say(describe(source))
    self.parts = _find_parts(self.sources)
    having = {s.path: s for s in everything if s.block_embeddings is not None}
    if len(having) > 1:
      paths = ', '.join(map(str, having))
      raise ValueError(f'there are several block_emb, with {paths}')
    self.blocks = next(
      (source.block_embeddings for source in having.values()), None
    )
    if not self.parts and self.blocks is None:
      raise ValueError(
        f'{", ".join(config.sources)}: neither an encoder nor block_emb is in'
        ' it'
      )
    # An embedder that was trained with a reader embeds questions only; another
    # one embedded the documents.
    reader, embedder = self.parts.get(SPAN_READER), self.parts.get(EMBEDDER)
    self.is_fine_tuned = bool(reader and embedder and reader[0] is embedder[0])
    if EMBEDDER not in _find_parts(self.retriever):
      self._check_without_retriever()
    self.tokenizer = original_sources.find_tokenizer(
      everything, config.vocab_file, config.lower_case
    )
    if self.tokenizer is None and self.parts:
      raise ValueError(
        f'{self.sources[0].path}: no vocabulary is beside it: give `vocab_file`'
      )
    self.step = _find_step(self.sources) if config.step is None else config.step
    self.documents = self._open_documents()

  def _check_without_retriever(self) -> None:
    if self.config.retriever is not None:
      raise ValueError(f'{self.config.retriever}: no embedder is in it')
    if not self.is_fine_tuned:
      return
    source, _ = self.parts[SPAN_READER]
    missing = source.retriever or 'unknown'
    if self.blocks is None:
      raise ValueError(
        f'{source.path}: the embedder of its documents is missing ({missing}):'
        ' give `retriever`'
      )
    self.say(f'missing    embedder of the documents: {missing}')

  def _open_documents(self) -> Corpus | None:
    """Opens the corpus of the block embeddings, if both are given."""
    if self.blocks is None or self.config.corpus_dir is None:
      return None
    corpus_dir = self.config.corpus_dir
    documents = Corpus.open(corpus_dir, tokenizer=self.tokenizer)
    if self.blocks.ndim != 2 or len(self.blocks) != len(documents):
      raise ValueError(
        f'block_emb has the shape {list(self.blocks.shape)}, but {corpus_dir}'
        f' has {len(documents)} documents: convert the corpus that they were'
        ' made from'
      )
    return documents

  def _tell_mapped(self, kind: str, source: Source, *what: str) -> None:
    encoders = [e for e in source.found.encoders if e.kind == kind]
    count = sum(len(e.used()) for e in encoders)
    self.say(
      f'mapped     {count} tensors of {source.path} to {kind}:'
      f' {", ".join(what)}'
    )

  def _check_vocabulary(self, vocab_size: int, source: Source) -> BertTokenizer:
    assert self.tokenizer is not None
    if self.tokenizer.vocab_size > vocab_size:
      raise ValueError(
        f'{source.path}: embeddings of {vocab_size} wordpieces, but the'
        f' vocabulary has {self.tokenizer.vocab_size}'
      )
    return self.tokenizer

  def write(self, directory: pathlib.Path) -> None:
    """Writes everything that there is."""
    export = directory / 'export' / 'tf_hub' / str(self.step)
    self._write_embedder(export / 'embedder', self.sources)
    retriever = directory / 'retriever'
    self._write_embedder(retriever, self.retriever, ' (the retriever)')
    if BERT in self.parts:
      self._write_bert(export / 'bert', *self.parts[BERT])
    embedder_dirs = [p for p in (retriever, export / 'embedder') if p.is_dir()]
    embedder_dir = embedder_dirs[0] if embedder_dirs else None
    fingerprint = versions.UNKNOWN
    if self.blocks is not None:
      fingerprint = self._write_index(directory, self.blocks, embedder_dir)
    elif embedder_dir is not None:
      fingerprint = build_index.fingerprint_embedder(embedder_dir)
    if SPAN_READER in self.parts:
      self._write_span_reader(
        export / 'span_reader', fingerprint, *self.parts[SPAN_READER]
      )
    for source in [*self.sources, *self.retriever]:
      tell_left_over(source, self.say)

  def _write_embedder(
    self, path: pathlib.Path, sources: Sequence[Source], note: str = ''
  ) -> None:
    if EMBEDDER not in (parts := _find_parts(sources)):
      return
    source, encoders = parts[EMBEDDER]
    embedder = original_layers.make_embedder(source, encoders)
    config = embedder.bert_config
    tokenizer = self._check_vocabulary(config.vocab_size, source)
    hub_modules.export_embedder(embedder, tokenizer, path, self.step)
    # The retriever, where there is one, comes second.
    self.document_embedder = embedder
    self._tell_mapped(
      EMBEDDER,
      source,
      f'{config.num_layers} layers of {config.hidden_size}',
      config.activation,
      f'projection {embedder.projection_size}',
      f'epsilon {embedder.projection_epsilon:g}'
      + (', separate towers' if embedder.separate_towers else '')
      + note,
    )

  def _write_bert(
    self, path: pathlib.Path, source: Source, encoders: Sequence[Encoder]
  ) -> None:
    (encoder,) = encoders
    bert = original_layers.make_bert(source, encoder)
    table = encoder.weights[weight_names.WORD_EMBEDDINGS]
    if encoder.decoder is not None and not np.array_equal(
      encoder.decoder, table
    ):
      difference = 'the output layer differs from the word embeddings'
      if not self.config.accept_differences:
        raise ValueError(
          f'{source.path}: {difference}, and here they are one: set'
          ' `accept_differences` to use the word embeddings for both'
        )
      self.say(f'differs    {difference}, which replace it')
    tell_missing(bert, encoder, self.say)
    config = bert.config
    tokenizer = self._check_vocabulary(config.vocab_size, source)
    hub_modules.export_bert(
      config, bert.encoder, bert.mlm_head, tokenizer, path, self.step
    )
    self._tell_mapped(
      BERT,
      source,
      f'{config.num_layers} layers of {config.hidden_size}',
      config.activation,
    )

  def _write_span_reader(
    self,
    path: pathlib.Path,
    fingerprint: str,
    source: Source,
    encoders: Sequence[Encoder],
  ) -> None:
    (encoder,) = encoders
    reader = original_layers.make_span_reader(source, encoder)
    config = reader.bert_config
    tokenizer = self._check_vocabulary(config.vocab_size, source)
    span_reader_module.export_span_reader(
      reader,
      tokenizer,
      path,
      self.step,
      query_seq_len=min(source.query_seq_len, config.max_positions),
      reader_seq_len=min(source.reader_seq_len, config.max_positions),
      document_embedder_fingerprint=fingerprint,
    )
    self._tell_mapped(
      SPAN_READER,
      source,
      f'{config.num_layers} layers of {config.hidden_size}',
      config.activation,
      f'spans of {reader.max_span_width} wordpieces',
      f'{reader.span_hidden_size} hidden units',
    )

  def _write_index(
    self,
    directory: pathlib.Path,
    blocks: np.ndarray,
    embedder_dir: pathlib.Path | None,
  ) -> str:
    """Publishes the index, if it can; returns its embedder's fingerprint."""
    fingerprint = fingerprint_embeddings(blocks)
    # block_emb may be from before the embedder was trained with the reader.
    may_differ = self.is_fine_tuned and (
      embedder_dir is None or embedder_dir.name != 'retriever'
    )
    if embedder_dir is not None:
      size = self.document_embedder.projection_size
      if blocks.shape[-1] != size:
        raise ValueError(
          f'block_emb has {blocks.shape[-1]} dimensions, the embedder {size}'
        )
    if self.documents is None:
      self.say('left over  block_emb: give `corpus_dir` to index it')
      if embedder_dir is None or may_differ:
        return fingerprint
      return build_index.fingerprint_embedder(embedder_dir)
    if embedder_dir is not None:
      assert self.tokenizer is not None
      difference = compare_embeddings(
        self.document_embedder, self.documents, blocks, self.tokenizer
      )
      measured = f'(largest relative difference {difference:.1e})'
      if difference <= _TOLERANCE:
        said = 'the same as in block_emb'
        fingerprint = build_index.fingerprint_embedder(embedder_dir)
      else:
        said = 'NOT as in block_emb: that is of another embedder or corpus'
        embedder_dir = None
        if not self.config.accept_differences and not may_differ:
          raise ValueError(
            f'the embeddings of some documents are {said} {measured}; set'
            ' `accept_differences` to index block_emb nevertheless'
          )
      self.say(f'compared   embeddings of some documents: {said} {measured}')
    build_index.publish(
      self.documents,
      blocks,
      directory / 'index',
      self.step,
      SearcherConfig(searcher=self.config.searcher),
      embedder_fingerprint=fingerprint,
      embedder_dir=embedder_dir,
    )
    self.say(f'mapped     block_emb {list(blocks.shape)} to an index')
    return fingerprint


def convert(config: ConversionConfig, say: Say = print) -> None:
  """Converts models, and says what was found, mapped and left over.

  The output appears when it is complete; what stands there is replaced.

  Args:
    config: What to convert.
    say: Receives the lines.

  Raises:
    FileNotFoundError: A source does not exist.
    ValueError: Parts do not fit one another.
  """
  conversion = _Conversion(config, say)
  output = pathlib.Path(config.output_dir)
  with atomic.atomic_directory(output) as temporary:
    conversion.write(temporary)
  for path in [
    *sorted(output.glob('export/tf_hub/*/*')),
    *output.glob('index/*'),
    *output.glob('retriever'),
  ]:
    say(f'written    {path}')
