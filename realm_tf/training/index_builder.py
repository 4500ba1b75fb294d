# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Builds an index for each new export, beside the training."""

import os
import pathlib
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from absl import logging

from realm_tf.io import atomic
from realm_tf.training import exporters, run_config

POLL_SECONDS = 1.0
_STOP_SECONDS = 10.0


class BuildCancelledError(Exception):
  """The training ended before an index was whole."""


BuildFn = Callable[[str, int, Callable[[], None]], Any]
"""Embeds the corpus with the export in a directory and publishes the index of
that step. Calls its third argument now and then; that raises
BuildCancelledError when the index is not wanted any more."""


def _failure_path(index_dir: str | os.PathLike, step: int) -> str:
  return os.path.join(index_dir, f'failed-{step}.json')


def read_failures(index_dir: str | os.PathLike) -> dict[int, str]:
  """Why builds failed, by the step of their export."""
  failures = {}
  for path in sorted(pathlib.Path(index_dir).glob('failed-*.json')):
    failure = atomic.read_json(path)
    failures[failure['step']] = failure['error']
  return failures


def list_versions(index_dir: str | os.PathLike) -> list[int]:
  """Steps of the published indexes, rising."""
  return exporters.list_exports(index_dir)


class IndexBuilder:
  """Picks up the newest export that has no index yet and builds that.

  Exports that came and went while an index was built are skipped. A build that
  fails is recorded in `index_dir/failed-<step>.json`, and not tried again
  before the next export.
  """

  def __init__(
    self,
    export_dir: str,
    index_dir: str,
    build_fn: BuildFn,
    *,
    poll_seconds: float = POLL_SECONDS,
  ):
    self._export_dir = export_dir
    self._index_dir = index_dir
    self._build_fn = build_fn
    self._poll_seconds = poll_seconds
    self._failed: set[int] = set()
    self._stop = threading.Event()
    self._wake = threading.Event()
    os.makedirs(index_dir, exist_ok=True)
    atomic.remove_stale(index_dir)
    for step in read_failures(index_dir):
      os.remove(_failure_path(index_dir, step))

  def pending(self) -> int | None:
    """Step of the export that should be built now, if any."""
    exports = exporters.list_exports(self._export_dir)
    if not exports or exports[-1] in self._failed:
      return None
    versions = list_versions(self._index_dir)
    if versions and versions[-1] >= exports[-1]:
      return None
    return exports[-1]

  def _check(self) -> None:
    if self._stop.is_set():
      raise BuildCancelledError

  def build_pending(self) -> int | None:
    """Builds what is pending; returns its step, None if there was nothing.

    Failures are recorded, not raised.
    """
    step = self.pending()
    if step is None:
      return None
    start = time.monotonic()
    embedder_dir = os.path.join(
      exporters.export_path(self._export_dir, step), 'embedder'
    )
    try:
      self._build_fn(embedder_dir, step, self._check)
    except BuildCancelledError:
      logging.info('the index of step %d is not wanted any more', step)
    except Exception as e:
      self._failed.add(step)
      logging.exception('the index of step %d could not be built', step)
      atomic.write_json(
        _failure_path(self._index_dir, step),
        {'step': step, 'error': f'{type(e).__name__}: {e}'},
      )
    else:
      logging.info(
        'built the index of step %d in %.1f s', step, time.monotonic() - start
      )
    return step

  def run(self, is_over: Callable[[], bool] = lambda: False) -> None:
    """Builds until `stop` is called, or `is_over` and nothing is pending."""
    while not self._stop.is_set():
      # Asked first: an export written just before the end is still seen.
      over = is_over()
      if self.build_pending() is None:
        if over:
          return
        self._wake.wait(self._poll_seconds)
        self._wake.clear()

  def wake(self) -> None:
    """Has `run` look for exports at once."""
    self._wake.set()

  def stop(self) -> None:
    """Has `run` end soon; a build under way is given up."""
    self._stop.set()
    self._wake.set()


class BuilderThread(run_config.Listener):
  """An `IndexBuilder` in a thread of the training process."""

  def __init__(self, builder: IndexBuilder):
    self._builder = builder
    self._thread = threading.Thread(
      target=builder.run, name='index_builder', daemon=True
    )

  def begin(self, step: int, index_step: int) -> None:
    """Starts the thread."""
    del step, index_step
    self._thread.start()

  def exported(self, directory: str, step: int) -> None:
    """Has the export picked up at once."""
    del directory, step
    self._builder.wake()

  def end(self) -> None:
    """Ends the thread; an index under way is given up."""
    self._builder.stop()
    if self._thread.is_alive():
      self._thread.join()


class BuilderProcess(run_config.Listener):
  """An index builder in a process of its own, started again when it died.

  The command should watch the export directory until its standard input
  closes, which it does when this process ends, however it ends.
  """

  def __init__(self, command: Sequence[str]):
    self._command = list(command)
    self._process: subprocess.Popen | None = None
    self._deaths = 0
    self._news: str | None = None

  def _start(self) -> None:
    self._process = subprocess.Popen(self._command, stdin=subprocess.PIPE)

  @property
  def pid(self) -> int | None:
    """Process id of the builder, if one was started."""
    return None if self._process is None else self._process.pid

  def _notice_death(self) -> bool:
    if self._process is None or self._process.poll() is None:
      return False
    code = self._process.returncode
    assert self._process.stdin is not None
    self._process.stdin.close()
    self._process = None
    self._deaths += 1
    self._news = (
      f'the index builder ended with code {code}; training goes on with the'
      ' index it has, the builder is started again at the next export'
    )
    logging.error('%s', self._news)
    return True

  def is_alive(self) -> bool:
    """Whether the builder runs."""
    self._notice_death()
    return self._process is not None

  def begin(self, step: int, index_step: int) -> None:
    """Starts the process."""
    del step, index_step
    self._start()

  def exported(self, directory: str, step: int) -> None:
    """Starts the process again if it died."""
    del directory, step
    if self._deaths and not self.is_alive():
      self._start()

  def report(self, step: int) -> Mapping[str, Any]:
    """How often the builder died, and the news of the last time."""
    del step
    self._notice_death()
    news, self._news = self._news, None
    report: dict[str, Any] = {'index_builder_deaths': float(self._deaths)}
    return report if news is None else {**report, 'index_builder': news}

  def end(self) -> None:
    """Ends the process."""
    if self._process is None:
      return
    assert self._process.stdin is not None
    self._process.stdin.close()
    self._process.terminate()
    try:
      self._process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
      self._process.kill()
      self._process.wait()
    self._process = None
