# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Batches of records processed by several processes, in order."""

import collections
import concurrent.futures
import multiprocessing
import multiprocessing.connection
import os
import threading
from collections.abc import Callable, Generator, Iterable
from typing import Any, NamedTuple

import tensorflow as tf

from realm_tf.corpus.document import CorpusError
from realm_tf.corpus.problems import Problem
from realm_tf.corpus.readers import RawRecord


class Result(NamedTuple):
  """Result of a batch.

  Attributes:
    output: What is written.
    counts: What was counted.
    problems: The first malformed input records.
    tallies: Counts by text, by name: more than a manifest holds.
  """

  output: Any
  counts: collections.Counter
  problems: list[Problem]
  tallies: dict[str, collections.Counter] | None = None


# Batches that a process is given ahead, and for each process the results that
# may wait for an earlier one.
_AHEAD = 2
_MAX_WAITING = 8

Processor = Callable[[list[RawRecord]], Result]
MakeProcessor = Callable[[Any], Processor]
"""Called once in each process; a function of a module."""

_processor: Processor | None = None


def _start_worker(make_processor: MakeProcessor, settings: Any) -> None:
  # A killed parent cannot say so; its workers would wait for work forever.
  parent = multiprocessing.parent_process()
  assert parent is not None

  def end_with_parent() -> None:
    multiprocessing.connection.wait([parent.sentinel])
    os._exit(1)

  threading.Thread(target=end_with_parent, daemon=True).start()
  # The processes are the parallelism.
  tf.config.threading.set_intra_op_parallelism_threads(1)
  tf.config.threading.set_inter_op_parallelism_threads(1)
  tf.config.set_visible_devices([], 'GPU')
  global _processor
  _processor = make_processor(settings)


def _is_ready() -> bool:
  return _processor is not None


def _process(batch: list[RawRecord]) -> Result:
  assert _processor is not None
  return _processor(batch)


def in_order(
  batches: Iterable[tuple[list[RawRecord], Any]],
  make_processor: MakeProcessor,
  settings: Any,
  num_processes: int,
) -> Generator[tuple[Result, Any], None, None]:
  """Yields the results of batches in order, computed in several processes.

  Args:
    batches: Batches, each with a tag that is yielded with its result. Read as
      they are needed, a few ahead.
    make_processor: Makes what processes a batch.
    settings: Argument of `make_processor`; is pickled.
    num_processes: Number of processes with this one, which processes batches
      when the others have enough of them.

  Raises:
    CorpusError: A process died, most likely for lack of memory.
  """
  here = make_processor(settings)
  if num_processes == 1:
    for batch, tag in batches:
      yield here(batch), tag
    return
  workers = num_processes - 1
  executor = concurrent.futures.ProcessPoolExecutor(
    workers,
    mp_context=multiprocessing.get_context('spawn'),
    initializer=_start_worker,
    initargs=(make_processor, settings),
  )
  results: collections.deque[tuple[concurrent.futures.Future, Any]]
  results = collections.deque()
  try:
    # They import TensorFlow first, which this process has done.
    starting = [executor.submit(_is_ready) for _ in range(workers)]
    for batch, tag in batches:
      pending = sum(not r.done() for r, _ in results)
      if all(s.done() for s in starting) and pending < _AHEAD * workers:
        future = executor.submit(_process, batch)
      else:
        future = concurrent.futures.Future()
        future.set_result(here(batch))
      results.append((future, tag))
      while results and (
        results[0][0].done() or len(results) > _MAX_WAITING * workers
      ):
        future, tag = results.popleft()
        yield future.result(), tag
    for future, tag in results:
      yield future.result(), tag
  except concurrent.futures.process.BrokenProcessPool as e:
    raise CorpusError(
      'a worker process died; if memory is short, lower `num_processes`'
    ) from e
  finally:
    executor.shutdown(wait=True, cancel_futures=True)
