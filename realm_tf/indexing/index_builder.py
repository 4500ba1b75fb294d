# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Builds an index for each new export during a training."""

import multiprocessing
import os
import shutil
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from absl import logging

from realm_tf.indexing.index_directory import IndexDirectory
from realm_tf.io import atomic
from realm_tf.training import exporters, run_directory
from realm_tf.training.task import Listener

POLL_SECONDS = 1.0
_STOP_SECONDS = 10.0


class BuildCancelledError(Exception):
  """The training ended before an index was complete."""


BuildFn = Callable[[str, int, Callable[[], None]], Any]
"""Publishes the index of an embedder (its directory, its step). Calls the third
argument regularly; it raises BuildCancelledError to cancel the build."""


class IndexBuilder:
  """Builds the index of the newest export that has none.

  Finishes first what a killed builder began. A failure is recorded in
  `failed-<step>.json` and not retried.
  """

  def __init__(
    self,
    export_dir: str,
    indexes: IndexDirectory,
    build_fn: BuildFn,
    *,
    poll_seconds: float = POLL_SECONDS,
  ):
    self._export_dir = export_dir
    self._indexes = indexes
    self._build_fn = build_fn
    self._poll_seconds = poll_seconds
    self._failed: set[int] = set()
    self._stop = threading.Event()
    self._wake = threading.Event()
    os.makedirs(indexes.path, exist_ok=True)
    atomic.remove_stale(indexes.path)
    indexes.forget_failures()

  def _broken_off(self, newest: int, built: Sequence[int]) -> int | None:
    """Step of a killed build, if its index is still of use."""
    exported = exporters.read_fingerprints(self._export_dir)
    for step in self._indexes.kept_embedders():
      is_new = not any(step <= version <= newest for version in built)
      is_own = step <= newest and (step in exported or not exported)
      if is_new and is_own and step not in self._failed:
        return step
    return None

  def _is_built(self, step: int, built: Sequence[int]) -> bool:
    if step not in built:
      return False
    # The index may belong to another run.
    expected = exporters.read_fingerprints(self._export_dir).get(step)
    found = self._indexes.embedder_fingerprint(step)
    return expected is None or found == expected

  def pending(self) -> int | None:
    """Returns the step of the export to build, if any."""
    exports = run_directory.list_exports(self._export_dir)
    if not exports:
      return None
    newest, built = exports[-1], self._indexes.versions()
    broken_off = self._broken_off(newest, built)
    if broken_off is not None:
      return broken_off
    if newest in self._failed or self._is_built(newest, built):
      return None
    return newest

  def _take_embedder(self, step: int) -> str | None:
    """A copy of the export's embedder; None if the export is gone."""
    export = run_directory.export_path(self._export_dir, step)
    try:
      return str(
        self._indexes.keep_embedder(step, os.path.join(export, 'embedder'))
      )
    except OSError:
      if os.path.isdir(export):
        raise
    # A killed build may have left a copy of a removed export.
    kept = self._indexes.kept_embedders().get(step)
    return None if kept is None else str(kept)

  def _check(self) -> None:
    if self._stop.is_set():
      raise BuildCancelledError

  def _let_go(self, step: int) -> None:
    kept = self._indexes.kept_embedders().get(step)
    if kept is not None:
      shutil.rmtree(kept)

  def build_pending(self) -> int | None:
    """Builds the pending index, if any; returns its step.

    Failures are recorded, not raised.
    """
    step = self.pending()
    if step is None:
      return None
    start = time.monotonic()
    try:
      embedder_dir = self._take_embedder(step)
      if embedder_dir is None:
        logging.info('the export of step %d is gone: taking the newest', step)
        return step
      self._build_fn(embedder_dir, step, self._check)
    except BuildCancelledError:
      # Embedder and embeddings are kept for the next start.
      logging.info('the build of the index of step %d was canceled', step)
    except Exception as e:
      self._note_failure(step, e)
      self._let_go(step)
    else:
      self._let_go(step)
      logging.info(
        'built the index of step %d in %.1f s', step, time.monotonic() - start
      )
    return step

  def _note_failure(self, step: int, error: Exception) -> None:
    self._failed.add(step)
    logging.exception('the index of step %d could not be built', step)
    try:
      self._indexes.note_failure(step, error)
    except OSError:
      # The disk may be full.
      logging.exception('the failure could not be recorded')

  def run(self, is_over: Callable[[], bool] = lambda: False) -> None:
    """Builds until `stop` is called, or `is_over` and nothing is pending.

    Raises:
      BlockingIOError: Another process builds in the same directory.
    """
    with self._indexes.lock():
      self._build_all(is_over)

  def _build_all(self, is_over: Callable[[], bool]) -> None:
    while not self._stop.is_set():
      # Asked first, so that the last export is not missed.
      over = is_over()
      try:
        built = self.build_pending()
      except Exception:
        # The error may be temporary.
        logging.exception('the index builder cannot look for exports')
        built = None
      if built is None:
        if over:
          return
        self._wake.wait(self._poll_seconds)
        self._wake.clear()

  def wake(self) -> None:
    """Makes `run` look for exports at once."""
    self._wake.set()

  def stop(self) -> None:
    """Makes `run` end soon; cancels a build."""
    self._stop.set()
    self._wake.set()


class _Builder(Listener):
  """Starts an index builder, and again if it died."""

  def __init__(self, make: Callable[[], Any]):
    """Initializes it; `begin` starts the builder.

    Args:
      make: Returns a new thread or process, not started.
    """
    self._make = make
    self._worker: Any = None
    self._deaths = 0
    self._news: str | None = None

  def _start(self) -> None:
    self._worker = self._make()
    self._worker.start()

  def _notice_death(self) -> None:
    if self._worker is None or self._worker.is_alive():
      return
    code = getattr(self._worker, 'exitcode', None)
    self._worker = None
    self._deaths += 1
    self._news = (
      f'the index builder has ended{"" if code is None else f" with {code}"};'
      ' training continues with the current index, and the builder is started'
      ' again at the next export'
    )
    logging.error('%s', self._news)

  def is_alive(self) -> bool:
    """Returns whether the builder runs."""
    self._notice_death()
    return self._worker is not None

  def begin(self, step: int, index_step: int) -> None:
    """Starts the builder."""
    del step, index_step
    self._start()

  def exported(self, directory: str, step: int) -> None:
    """Starts the builder again if it died."""
    del directory, step
    if not self.is_alive() and self._deaths:
      self._start()

  def report(self, step: int) -> Mapping[str, Any]:
    """Reports the number of deaths, and each new one as text."""
    del step
    self._notice_death()
    news, self._news = self._news, None
    report: dict[str, Any] = {'index_builder_deaths': float(self._deaths)}
    return report if news is None else {**report, 'index_builder': news}


class BuilderThread(_Builder):
  """An `IndexBuilder` in a thread of the training process."""

  def __init__(self, builder: IndexBuilder):
    super().__init__(
      lambda: threading.Thread(
        target=builder.run, name='index_builder', daemon=True
      )
    )
    self._builder = builder

  def exported(self, directory: str, step: int) -> None:
    """Makes the builder look for the export at once."""
    super().exported(directory, step)
    self._builder.wake()

  def end(self) -> None:
    """Ends the thread; cancels a build."""
    self._builder.stop()
    if self._worker is not None:
      self._worker.join()


def _run_in_child(run: Callable[[threading.Event], None]) -> None:
  """Calls `run` with an event that is set when the parent process ends."""
  parent = multiprocessing.parent_process()
  assert parent is not None
  stop = threading.Event()

  def wait() -> None:
    parent.join()
    stop.set()

  threading.Thread(target=wait, name='parent', daemon=True).start()
  run(stop)


class BuilderProcess(_Builder):
  """An index builder in its own process."""

  def __init__(self, run: Callable[[threading.Event], None]):
    """Initializes it; `begin` starts the process.

    Args:
      run: Builds indexes until its event is set; must be picklable.
    """
    # A forked TensorFlow hangs.
    context = multiprocessing.get_context('spawn')
    super().__init__(
      lambda: context.Process(target=_run_in_child, args=(run,), daemon=True)
    )

  @property
  def pid(self) -> int | None:
    """Process id of the builder, if it runs."""
    return None if self._worker is None else self._worker.pid

  def end(self) -> None:
    """Ends the process; cancels a build."""
    if self._worker is None:
      return
    self._worker.terminate()
    self._worker.join(_STOP_SECONDS)
    if self._worker.is_alive():
      self._worker.kill()
      self._worker.join()
    self._worker = None
