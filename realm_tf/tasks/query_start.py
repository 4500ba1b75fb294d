# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Which query embedder a fine-tuning starts from."""

import os
import pathlib

from absl import logging

from realm_tf.hub import hub_modules, span_reader_module
from realm_tf.index import build_index, versions
from realm_tf.io import compatibility


def _trained_on(span_reader: str | os.PathLike) -> str:
  """Fingerprint of the embedder of the documents that a reader learnt from."""
  info = hub_modules.read_info(span_reader, span_reader_module.KIND)
  return info['document_embedder_fingerprint']


def _check_embedder(embedder: str, index: versions.Index) -> None:
  """Checks that questions embedded by it find documents in the index.

  That is so of the embedder that made the index, and of one that was fine-tuned
  on it: its export says so in the reader beside it.
  """
  made_by = index.metadata.embedder_fingerprint
  own = build_index.fingerprint_embedder(embedder)
  fits, what = [own], own
  beside = pathlib.Path(embedder).parent / 'span_reader'
  if beside.is_dir():
    fits.append(_trained_on(beside))
    what += f', fine-tuned on documents of {fits[-1]}'
  if made_by not in (*fits, versions.UNKNOWN):
    raise compatibility.MismatchError(
      f'{index.path} is an index of the embedder {made_by}, and'
      f' `embedder` {embedder} is {what}: build the index with it, or give'
      ' `refresh_schedule`'
    )


def find(
  index: versions.Index,
  *,
  embedder: str | None,
  span_reader: str | None,
  vocab_fingerprint: str,
  refreshed: bool,
) -> str:
  """Finds the TF Hub module that the query embedder starts from.

  Args:
    index: That is searched.
    embedder: The one that was asked for.
    span_reader: Of the earlier fine-tuning that goes on, if one does: the
      embedder beside it is taken, unless it learnt from another index.
    vocab_fingerprint: Of the tokenizer in use.
    refreshed: Whether it embeds the documents anew, too.

  Returns:
    `embedder`, or the one beside `span_reader`, or the index's own.

  Raises:
    MismatchError: It neither made the index nor was fine-tuned on it; or
      it has another vocabulary. The message names both fingerprints.
    ValueError: There is none, or it is a module of another kind.
  """
  if embedder is not None:
    hub_modules.read_info(embedder, 'embedder')
    if not refreshed:
      _check_embedder(embedder, index)
  elif span_reader is not None:
    its, made_by = _trained_on(span_reader), index.metadata.embedder_fingerprint
    beside = pathlib.Path(span_reader).parent / 'embedder'
    if not beside.is_dir():
      logging.warning('there is no embedder beside %s', span_reader)
    elif refreshed or made_by in (its, versions.UNKNOWN):
      embedder = str(beside)
    else:
      logging.warning(
        '%s was trained on documents of the embedder %s, and %s is of %s:'
        ' questions start from the embedder of the index',
        *(span_reader, its, index.path, made_by),
      )
  embedder = embedder or index.embedder_dir
  if embedder is None:
    raise ValueError(
      f'{index.path} was published without its embedder: give `embedder`'
    )
  its = hub_modules.read_info(embedder, 'embedder')['vocab_fingerprint']
  if its != vocab_fingerprint:
    raise compatibility.MismatchError(
      f'the embedder {embedder} has the vocabulary {its}, and the reader has'
      f' {vocab_fingerprint}'
    )
  logging.info('questions are embedded by %s', embedder)
  return embedder
