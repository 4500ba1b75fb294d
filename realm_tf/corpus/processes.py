# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Batches of input records worked on by several processes, in order."""

import collections
import concurrent.futures
import itertools
import multiprocessing
import multiprocessing.connection
import os
import threading
from collections.abc import Callable, Generator, Iterator
from typing import Any, NamedTuple

import tensorflow as tf

from realm_tf.corpus import readers
from realm_tf.corpus.document import CorpusError


class Result(NamedTuple):
  """What a batch became.

  Attributes:
    records: Serialized output records.
    counts: What was counted.
    problems: `FILE:LINE: reason` of each malformed input record.
    tallies: What was counted by text, by name: more than a manifest holds.
  """

  records: list[bytes]
  counts: collections.Counter
  problems: list[str]
  tallies: dict[str, collections.Counter] | None = None


# Batches that a process is given ahead, and for each process the results that
# may wait for an earlier one.
_AHEAD = 2
_MOST_WAITING = 8

# Makes, once in each process, what turns a batch into a result.
Processor = Callable[[list[readers.RawRecord]], Result]
MakeProcessor = Callable[[Any], Processor]

_processor: Processor | None = None


def _start_worker(make_processor: MakeProcessor, settings: Any) -> None:
  """Runs first in a new process."""
  # A parent that was killed cannot tell: without this its workers would wait
  # for work forever.
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


def _process(batch: list[readers.RawRecord]) -> Result:
  assert _processor is not None
  return _processor(batch)


def in_order(
  batches: Iterator[list[readers.RawRecord]],
  make_processor: MakeProcessor,
  settings: Any,
  num_processes: int,
) -> Generator[Result, None, None]:
  """Yields the results of batches, in order, worked out in many processes.

  Args:
    batches: Read as they are needed, a few ahead.
    make_processor: A function of a module (it is sent to the processes).
    settings: Its argument.
    num_processes: With this one, which works on batches when the others have
      enough of them.

  Raises:
    CorpusError: A process died, most likely for lack of memory.
  """
  first = next(batches, None)
  if first is None:
    return
  batches = itertools.chain([first], batches)
  if num_processes == 1:
    yield from map(make_processor(settings), batches)
    return
  workers = num_processes - 1
  executor = concurrent.futures.ProcessPoolExecutor(
    workers,
    mp_context=multiprocessing.get_context('spawn'),
    initializer=_start_worker,
    initargs=(make_processor, settings),
  )
  # In the order of the batches; those done here are done already.
  results: collections.deque[concurrent.futures.Future] = collections.deque()
  here = make_processor(settings)
  try:
    # They import TensorFlow first, which this process has done.
    starting = [executor.submit(_is_ready) for _ in range(workers)]
    for batch in batches:
      under_way = sum(not r.done() for r in results)
      if all(s.done() for s in starting) and under_way < _AHEAD * workers:
        results.append(executor.submit(_process, batch))
      else:
        results.append(concurrent.futures.Future())
        results[-1].set_result(here(batch))
      while results and (
        results[0].done() or len(results) > _MOST_WAITING * workers
      ):
        yield results.popleft().result()
    while results:
      yield results.popleft().result()
  except concurrent.futures.process.BrokenProcessPool as e:
    raise CorpusError(
      'a worker process died; if memory is short, lower --num_processes'
    ) from e
  finally:
    executor.shutdown(wait=True, cancel_futures=True)
