# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The directory of a training's indexes, and what builds leave in it."""

import contextlib
import dataclasses
import os
import pathlib
import shutil

from absl import logging

from realm_tf.index import build_index, versions
from realm_tf.io import atomic
from realm_tf.training import run_directory

# For the builder of a killed training to notice.
_PATIENCE_SECONDS = 30.0
_KEPT = '.embedder-'


@dataclasses.dataclass(frozen=True)
class IndexDirectory:
  """Published versions, failed builds, and the embedders of unfinished ones.

  Attributes:
    path: Path of the directory.
  """

  path: str

  def versions(self) -> list[int]:
    """Steps of the published versions, ascending."""
    return run_directory.list_exports(self.path)

  def version_path(self, step: int) -> str:
    """Path of a version."""
    return os.path.join(self.path, str(step))

  def embedder_fingerprint(self, step: int) -> str | None:
    """Fingerprint of the embedder of a version; None if it is not whole."""
    return versions.embedder_fingerprint(self.version_path(step))

  def lock(self) -> contextlib.AbstractContextManager[None]:
    """Holds the lock of the one builder that may work here.

    Raises:
      BlockingIOError: Another process holds it.
    """
    return atomic.working_in(self.path, _PATIENCE_SECONDS)

  def _failure_path(self, step: int) -> pathlib.Path:
    return pathlib.Path(self.path, f'failed-{step}.json')

  def note_failure(self, step: int, error: Exception) -> None:
    """Records that a version could not be built."""
    atomic.write_json(
      self._failure_path(step),
      {'step': step, 'error': f'{type(error).__name__}: {error}'},
    )

  def failures(self) -> dict[int, str]:
    """Errors of failed builds by step."""
    found = {}
    for path in sorted(pathlib.Path(self.path).glob('failed-*.json')):
      try:
        failure = atomic.read_object(path, {'step': int, 'error': str})
      except FileNotFoundError:
        continue  # A new builder has removed it.
      found[failure['step']] = failure['error']
    return found

  def forget_failures(self) -> None:
    """Removes the records of builds that failed in an earlier run."""
    for step, error in self.failures().items():
      logging.warning(
        'the index of step %d could not be built in an earlier run: %s',
        step,
        error,
      )
      self._failure_path(step).unlink(missing_ok=True)

  def kept_embedders(self) -> dict[int, pathlib.Path]:
    """Embedders of unfinished builds by step."""
    paths = pathlib.Path(self.path).glob(f'{_KEPT}*')
    return {
      int(path.name.removeprefix(_KEPT)): path
      for path in paths
      if path.name.removeprefix(_KEPT).isdigit()
    }

  def kept_path(self, step: int) -> pathlib.Path:
    """Path of the embedder of an unfinished build."""
    return pathlib.Path(self.path, f'{_KEPT}{step}')

  def keep_embedder(
    self, step: int, embedder_dir: str | os.PathLike
  ) -> pathlib.Path:
    """Copies an embedder that its build needs.

    The training may remove the export before the corpus is embedded. Copies of
    other steps are removed.

    Raises:
      OSError: The export does not exist, or not any more.
    """
    path = self.kept_path(step)
    with atomic.atomic_directory(path) as temporary:
      shutil.copytree(embedder_dir, temporary, dirs_exist_ok=True)
    for other in self.kept_embedders().values():
      if other != path:
        shutil.rmtree(other)
    return path

  def remove_unfinished(self) -> None:
    """Removes what a build that was given up left for the next start.

    For the end of a training: nobody will want that index. Does nothing while a
    builder works here.
    """
    atomic.remove_stale(self.path)
    with contextlib.suppress(BlockingIOError), atomic.working_in(self.path):
      build_index.remove_partial(self.path)
      for path in self.kept_embedders().values():
        shutil.rmtree(path)
