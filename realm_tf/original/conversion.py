# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Converts models of other programs into a model directory of ours.

export/tf_hub/<step>/{embedder,bert,span_reader}  what was found of these
index/<step>/                                     of block embeddings
retriever/      made the block embeddings, where that is another embedder
"""

import dataclasses
import pathlib
from collections.abc import Mapping, Sequence

import numpy as np

from realm_tf.bert import weight_names
from realm_tf.corpus.corpus import Corpus
from realm_tf.hub import hub_modules, span_reader_module
from realm_tf.index import build_index, versions
from realm_tf.index.searcher_config import SearcherConfig
from realm_tf.io import atomic
from realm_tf.modeling.embedder import Embedder
from realm_tf.original import (
  block_embeddings,
  conversion_report,
  original_layers,
  original_sources,
  original_weights,
)
from realm_tf.original.conversion_report import Say
from realm_tf.original.original_sources import Source
from realm_tf.original.original_weights import Encoder
from realm_tf.text.tokenizer import BertTokenizer

# Of a vector's largest number; another embedder is off by far more.
_TOLERANCE = 1e-3


@dataclasses.dataclass(frozen=True)
class ConversionConfig:
  """What is converted, and where to.

  Attributes:
    sources: Paths or addresses, see `original_sources.find`.
    output_dir: The model directory; must not be there.
    corpus_dir: Of the block embeddings, in their order; None makes no index.
    retriever: Module that an ORQA fine-tuning started its retriever from; None
      takes what its `params.json` says, if that is there.
    vocab_file: Replaces the vocabulary that is found.
    lower_case: Replaces what the sources say.
    step: Of the training; None takes what the sources say, else 0.
    accept_differences: Go on where `block_emb` is not what the embedder makes
      of the documents (the index then belongs to no embedder), and where a
      BERT's output layer is not its word embeddings (these are then both).
    searcher: How the index is searched.
  """

  sources: Sequence[str]
  output_dir: str
  corpus_dir: str | None = None
  retriever: str | None = None
  vocab_file: str | None = None
  lower_case: bool | None = None
  step: int | None = None
  accept_differences: bool = False
  searcher: SearcherConfig = dataclasses.field(default_factory=SearcherConfig)


def _parts(
  sources: Sequence[Source],
) -> dict[str, tuple[Source, list[Encoder]]]:
  """Encoders by kind; of each kind there may be one source."""
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
  for kind in (original_weights.BERT, original_weights.SPAN_READER):
    if kind in parts and len(parts[kind][1]) > 1:
      scopes = ', '.join(repr(e.scope) for e in parts[kind][1])
      raise ValueError(f'{parts[kind][0].path}: several {kind}: {scopes}')
  return parts


def _named_retriever(source: Source) -> str | None:
  return source.settings.get('retriever_module_path')


def _find_retriever(
  config: ConversionConfig, sources: Sequence[Source]
) -> list[Source]:
  """The module that an ORQA fine-tuning's documents were embedded with."""
  if config.retriever is not None:
    return original_sources.find(config.retriever)
  for path in filter(None, map(_named_retriever, sources)):
    if '://' not in path and pathlib.Path(path).exists():
      return original_sources.find(path)
  return []


class _Conversion:
  """Sources and what they have in common."""

  def __init__(self, config: ConversionConfig, say: Say):
    self.config, self.say = config, say
    self.sources = [s for p in config.sources for s in original_sources.find(p)]
    self.retriever = _find_retriever(config, self.sources)
    everything = [*self.sources, *self.retriever]
    for source in everything:
      say(conversion_report.describe(source))
    self.parts = _parts(self.sources)
    self.blocks = self._find_blocks(everything)
    if not self.parts and self.blocks is None:
      raise ValueError(
        f'{", ".join(config.sources)}: neither an encoder nor block_emb is in'
        ' it'
      )
    # An embedder that was trained with a reader embeds questions only; the
    # documents stay as another one embedded them.
    part = self.parts.get(original_weights.SPAN_READER)
    embedder = self.parts.get(original_weights.EMBEDDER)
    self.is_fine_tuned = bool(part and embedder and part[0] is embedder[0])
    if original_weights.EMBEDDER not in _parts(self.retriever):
      self._check_retriever()
    self.tokenizer = original_sources.find_tokenizer(
      everything, config.vocab_file, config.lower_case
    )
    if self.tokenizer is None and self.parts:
      raise ValueError(
        f'{self.sources[0].path}: no vocabulary is beside it: give --vocab_file'
      )
    self.step = self._find_step()
    self.documents = self._open_documents()

  def _check_retriever(self) -> None:
    """There is none; refuses what cannot be used without."""
    if self.config.retriever is not None:
      raise ValueError(f'{self.config.retriever}: no embedder is in it')
    if not self.is_fine_tuned:
      return
    source, _ = self.parts[original_weights.SPAN_READER]
    missing = _named_retriever(source) or 'unknown'
    if self.blocks is None:
      raise ValueError(
        f'{source.path}: what embedded its documents is missing ({missing}):'
        ' give --retriever'
      )
    self.say(f'missing    what embedded the documents: {missing}')

  def _find_blocks(self, sources: Sequence[Source]) -> Source | None:
    having = {s.path: s for s in sources if s.block_embeddings is not None}
    if len(having) > 1:
      paths = ', '.join(str(s.path) for s in having.values())
      raise ValueError(f'there are several block_emb, with {paths}')
    return next(iter(having.values()), None)

  def _find_step(self) -> int:
    if self.config.step is not None:
      return self.config.step
    steps = [s.found.step for s in self.sources if s.found.step is not None]
    for source in self.sources:
      # Exports lie beside a file of it.
      path = source.path.parent.parent.parent / 'global_step.txt'
      if path.is_file() and path.read_text().strip().isdecimal():
        steps.append(int(path.read_text()))
    return max(steps, default=0)

  def _open_documents(self) -> Corpus | None:
    """The corpus, if it is one of the block embeddings."""
    if self.blocks is None or self.config.corpus_dir is None:
      return None
    corpus_dir, blocks = self.config.corpus_dir, self.blocks.block_embeddings
    assert blocks is not None
    documents = Corpus.open(corpus_dir)
    if blocks.ndim != 2 or len(blocks) != len(documents):
      raise ValueError(
        f'block_emb has the shape {list(blocks.shape)}, but {corpus_dir} has'
        f' {len(documents)} documents: convert the corpus that they were made'
        ' of (bin/convert_corpus)'
      )
    if self.tokenizer is not None and (
      documents.vocab_fingerprint != self.tokenizer.fingerprint
    ):
      raise ValueError(
        f'{corpus_dir} was built with another vocabulary (fingerprint'
        f' {documents.vocab_fingerprint}) than the models'
        f' ({self.tokenizer.fingerprint})'
      )
    return documents

  def _embedder_of(
    self, sources: Sequence[Source]
  ) -> tuple[Source, Embedder] | None:
    part = _parts(sources).get(original_weights.EMBEDDER)
    if part is None:
      return None
    source, encoders = part
    query, document = original_layers.embedder_towers(source, encoders)
    return source, original_layers.make_embedder(source, query, document)

  def _tell_mapped(self, kind: str, source: Source, what: str) -> None:
    encoders = [e for e in source.found.encoders if e.kind == kind]
    count = sum(len(e.used()) for e in encoders)
    self.say(f'mapped     {count} tensors of {source.path} to {kind}: {what}')

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
    made: dict[pathlib.Path, Embedder] = {}
    for name, path, sources in (
      ('embedder', export / 'embedder', self.sources),
      ('retriever', directory / 'retriever', self.retriever),
    ):
      found = self._embedder_of(sources)
      if found is None:
        continue
      source, embedder = found
      config = embedder.bert_config
      tokenizer = self._check_vocabulary(config.vocab_size, source)
      hub_modules.export_embedder(embedder, tokenizer, path, self.step)
      made[path] = embedder
      what = f'{config.num_layers} layers of {config.hidden_size}'
      what += f', {config.activation}, projection {embedder.projection_size}'
      what += f', epsilon {embedder.projection_epsilon:g}'
      what += ', towers of their own' if embedder.separate_towers else ''
      what += ' (the retriever)' if name == 'retriever' else ''
      self._tell_mapped(original_weights.EMBEDDER, source, what)
    if original_weights.BERT in self.parts:
      source, (encoder,) = self.parts[original_weights.BERT]
      self._write_bert(source, encoder, export / 'bert')
    # The retriever, where there is one, and else the embedder itself.
    document_embedder = next(reversed(made), None)
    # Goes with an index of which nobody knows what made it.
    fingerprint = versions.UNKNOWN
    if self.blocks is not None:
      fingerprint = self._write_index(directory, made, document_embedder)
    elif document_embedder is not None:
      fingerprint = build_index.fingerprint_embedder(document_embedder)
    if original_weights.SPAN_READER in self.parts:
      source, (encoder,) = self.parts[original_weights.SPAN_READER]
      self._write_span_reader(
        source, encoder, export / 'span_reader', fingerprint
      )
    for source in [*self.sources, *self.retriever]:
      conversion_report.tell_left_over(source, self.say)

  def _write_bert(
    self, source: Source, encoder: Encoder, path: pathlib.Path
  ) -> None:
    bert = original_layers.make_bert(source, encoder)
    table = encoder.weights[weight_names.WORD_EMBEDDINGS]
    if encoder.decoder is not None and not np.array_equal(
      encoder.decoder, table
    ):
      difference = 'the output layer differs from the word embeddings'
      if not self.config.accept_differences:
        raise ValueError(
          f'{source.path}: {difference}, and ours are one: give'
          ' --accept_differences to take the word embeddings for both'
        )
      self.say(f'differs    {difference}: these are taken for both')
    conversion_report.tell_missing(bert, encoder, self.say)
    hub_modules.export_bert(
      bert.config,
      bert.encoder,
      bert.mlm_head,
      self._check_vocabulary(bert.config.vocab_size, source),
      path,
      self.step,
    )
    what = f'{bert.config.num_layers} layers of {bert.config.hidden_size}, '
    self._tell_mapped(
      original_weights.BERT, source, what + bert.config.activation
    )

  def _write_span_reader(
    self,
    source: Source,
    encoder: Encoder,
    path: pathlib.Path,
    fingerprint: str,
  ) -> None:
    reader = original_layers.make_span_reader(source, encoder)
    config = reader.bert_config
    lengths = {
      'query_seq_len': original_layers.query_seq_len(source.settings),
      'reader_seq_len': original_layers.reader_seq_len(source.settings),
    }
    for name, length in lengths.items():
      lengths[name] = min(length, config.max_positions)
    span_reader_module.export_span_reader(
      reader,
      self._check_vocabulary(config.vocab_size, source),
      path,
      self.step,
      **lengths,
      document_embedder_fingerprint=fingerprint,
    )
    what = f'{config.num_layers} layers of {config.hidden_size}'
    what += (
      f', {config.activation}, spans of {reader.max_span_width} wordpieces'
    )
    what += f', {reader.span_hidden_size} hidden units'
    self._tell_mapped(original_weights.SPAN_READER, source, what)

  def _may_be_of_another(self, embedder_dir: pathlib.Path) -> bool:
    """Whether block_emb is of an embedder before it was trained further."""
    return self.is_fine_tuned and embedder_dir.name != 'retriever'

  def _write_index(
    self,
    directory: pathlib.Path,
    made: Mapping[pathlib.Path, Embedder],
    embedder_dir: pathlib.Path | None,
  ) -> str:
    """Publishes the index, or says why not; fingerprint of its embedder."""
    assert self.blocks is not None
    blocks = self.blocks.block_embeddings
    assert blocks is not None
    fingerprint = block_embeddings.fingerprint(blocks)
    if embedder_dir is not None:
      size = made[embedder_dir].projection_size
      if blocks.shape[-1] != size:
        raise ValueError(
          f'block_emb has {blocks.shape[-1]} dimensions, the embedder {size}'
        )
    if self.documents is None:
      self.say('left over  block_emb: give --corpus_dir to make an index of it')
      if embedder_dir is None or self._may_be_of_another(embedder_dir):
        return fingerprint
      return build_index.fingerprint_embedder(embedder_dir)
    if embedder_dir is not None:
      assert self.tokenizer is not None
      difference = block_embeddings.difference(
        made[embedder_dir], self.documents, blocks, self.tokenizer
      )
      if difference <= _TOLERANCE:
        fingerprint = build_index.fingerprint_embedder(embedder_dir)
        said = 'the same as in block_emb'
      else:
        said = 'NOT as in block_emb: these are of another embedder or corpus'
        accepted = self.config.accept_differences
        if not accepted and not self._may_be_of_another(embedder_dir):
          raise ValueError(
            f'{self.blocks.path}: documents embedded anew are {said} (largest'
            f' relative difference {difference:.1e}); give'
            ' --accept_differences for an index of it nevertheless'
          )
        embedder_dir = None
      self.say(
        f'compared   some documents, embedded anew: {said} (largest relative'
        f' difference {difference:.1e})'
      )
    block_embeddings.publish(
      blocks,
      self.documents,
      directory / 'index',
      self.step,
      self.config.searcher,
      fingerprint,
      embedder_dir,
    )
    self.say(f'mapped     block_emb {list(blocks.shape)} to an index')
    return fingerprint


def convert(config: ConversionConfig, say: Say = print) -> None:
  """Converts, and says what it found, what it mapped and what was left over.

  The output appears when it is whole.

  Args:
    config: What to convert.
    say: Takes the lines.

  Raises:
    FileNotFoundError: A source is not there.
    ValueError: Something stands at the output already, or parts do not fit one
      another.
  """
  output = pathlib.Path(config.output_dir)
  if output.exists() and (not output.is_dir() or any(output.iterdir())):
    raise ValueError(f'{output} is there already: name a new directory')
  conversion = _Conversion(config, say)
  with atomic.atomic_directory(output) as temporary:
    conversion.write(temporary)
  for path in sorted(output.glob('export/tf_hub/*/*')):
    say(f'written    {path}')
  for path in [*output.glob('index/*'), *output.glob('retriever')]:
    say(f'written    {path}')
