# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Editions: a corpus and its index that belong together, also on disk.

The directory of an edition holds `corpus/` and `index/`, nothing else; the
latter `<step>/`, `lexical/`, or both.
"""

import dataclasses
import os
import pathlib
import re
from collections.abc import Iterable
from typing import Any

from absl import logging

from realm_tf.corpus.corpus import Corpus
from realm_tf.corpus.document import CorpusError
from realm_tf.index import versions
from realm_tf.index.index import Index
from realm_tf.index.lexical import LEXICAL
from realm_tf.io import atomic

CORPUS, INDEX = 'corpus', 'index'
UPDATED = 'updated'  # In the settings of a corpus that an update wrote.
_OF_A_CORPUS = re.compile(
  r'documents|manifest\.json|vocab\.txt|blocks-[-\w]+\.tfrecord\.gz'
)


@dataclasses.dataclass(frozen=True, eq=False)
class Edition:
  """A corpus and its index; neither changes.

  Attributes:
    documents: Corpus; document i is row i of the index.
    index: Index of the corpus. Without a corpus fingerprint until saved.
  """

  documents: Corpus
  index: Index

  def verify(self) -> None:
    """Compares the files of both with their checksums.

    Raises:
      ValueError: A file is damaged or not there.
    """
    self.documents.verify()
    if os.path.exists(self.index.path):  # Else it was pruned, but is open.
      versions.verify(self.index.path)

  def close(self) -> None:
    """Frees the index."""
    self.index.close()


def _is_edition(directory: pathlib.Path) -> bool:
  """Whether a directory holds what `write_edition` writes, nothing else."""
  corpus, index = directory / CORPUS, directory / INDEX
  if sorted(p.name for p in directory.iterdir()) != [CORPUS, INDEX]:
    return False
  if not corpus.is_dir() or not index.is_dir():
    return False
  if not all(_OF_A_CORPUS.fullmatch(p.name) for p in corpus.iterdir()):
    return False
  if not all(p.name.isdecimal() or p.name == LEXICAL for p in index.iterdir()):
    return False
  try:
    return UPDATED in atomic.read_json(corpus / 'manifest.json')['settings']
  except (OSError, ValueError, KeyError, TypeError):
    return False


def check_output_dir(
  output_dir: str | os.PathLike, inputs: Iterable[str | os.PathLike]
) -> None:
  """Checks that an edition may be written to a directory.

  Args:
    output_dir: Directory, which must be new, empty, or hold an edition.
    inputs: Directories that must not be changed.

  Raises:
    CorpusError: It holds something else; or overlaps one of `inputs`.
  """
  output = pathlib.Path(output_dir).resolve()
  for given in inputs:
    path = pathlib.Path(given).resolve()
    if output == path or output in path.parents or path in output.parents:
      raise CorpusError(
        f'{os.fspath(output_dir)} and {os.fspath(given)}, which stays as it is,'
        ' are the same or one lies in the other: name another output directory'
      )
  if not output.exists():
    return
  if not output.is_dir():
    raise CorpusError(f'{os.fspath(output_dir)} is a file, not a directory')
  if any(output.iterdir()) and not _is_edition(output):
    raise CorpusError(
      f'{os.fspath(output_dir)} holds something else than the {CORPUS}/ and'
      f' {INDEX}/ of an update and is not replaced; name another directory'
    )


def write_edition(
  edition: Edition,
  output_dir: str | os.PathLike,
  *,
  embedder_dir: str | None,
  settings: dict[str, Any],
  counts: dict[str, int] | None = None,
) -> str:
  """Writes an edition atomically; call `check_output_dir` first.

  Args:
    edition: Edition; must stay open until this returns.
    output_dir: Directory, which is replaced.
    embedder_dir: TF Hub module to copy into the index, if any.
    settings: Settings for the manifest of the corpus.
    counts: Counts for the manifest.

  Returns:
    The path of the index.
  """
  index = edition.index
  if embedder_dir is not None and not os.path.isdir(embedder_dir):
    # Removed when indexes were pruned; the update is worth more.
    logging.warning(
      '%s is gone: the index in %s is without its embedder, which the next'
      ' update must name (`embedder`)',
      embedder_dir,
      os.fspath(output_dir),
    )
    embedder_dir = None
  with atomic.atomic_directory(output_dir) as temporary:
    edition.documents.write(
      temporary / CORPUS,
      settings={**settings, 'input': []},
      counts=counts,
    )
    fingerprint = Corpus.open(temporary / CORPUS).fingerprint
    name = str(index.metadata.step)
    if index.metadata.dim:
      versions.publish_index(
        temporary / INDEX,
        index.metadata.step,
        index.embeddings,
        index.searcher,
        dataclasses.replace(index.metadata, corpus_fingerprint=fingerprint),
        embedder_dir,
      )
    else:
      name = os.path.join(LEXICAL, fingerprint)
    if index.lexical is not None:
      index.lexical.save(temporary / INDEX / LEXICAL / fingerprint, fingerprint)
  return os.path.join(output_dir, INDEX, name)
