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
  """

  records: list[bytes]
  counts: collections.Counter
  problems: list[str]


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
    num_processes: 1 does everything here.

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
  executor = concurrent.futures.ProcessPoolExecutor(
    num_processes,
    mp_context=multiprocessing.get_context('spawn'),
    initializer=_start_worker,
    initargs=(make_processor, settings),
  )
  waiting: collections.deque = collections.deque()
  here: Processor | None = None
  try:
    starting = [executor.submit(_is_ready) for _ in range(num_processes)]
    for batch in batches:
      if not all(s.done() for s in starting):
        # They still import TensorFlow, which this process has done.
        here = here or make_processor(settings)
        yield here(batch)
        continue
      waiting.append(executor.submit(_process, batch))
      if len(waiting) > 3 * num_processes:
        yield waiting.popleft().result()
    while waiting:
      yield waiting.popleft().result()
  except concurrent.futures.process.BrokenProcessPool as e:
    raise CorpusError(
      'a worker process died; if memory is short, lower --num_processes'
    ) from e
  finally:
    executor.shutdown(wait=True, cancel_futures=True)
