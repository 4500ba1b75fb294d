# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import threading

import pytest

from realm_tf.training.example_generation import ExampleGenerator
from realm_tf.training.task import Batch


def numbers(limit, made=None):
  for i in range(limit):
    if made is not None:
      made.append(i)
    yield Batch(i, {})


def test_order_and_end():
  generator = ExampleGenerator(lambda: numbers(20), ahead=3)
  assert [batch.number for batch in generator] == list(range(20))
  with pytest.raises(StopIteration):
    next(generator)
  generator.close()


def test_works_ahead_but_no_further():
  made = []
  made_enough = threading.Event()

  def watched():
    for batch in numbers(50):
      made.append(batch.number)
      if len(made) == 4:
        made_enough.set()
      yield batch

  generator = ExampleGenerator(watched, ahead=3)
  assert made_enough.wait(10)
  # Three wait in the queue; the fourth is made and cannot be put.
  assert made == [0, 1, 2, 3]
  generator.close()
  assert len(made) == 4


def test_an_error_comes_after_the_batches_before_it():
  def broken():
    yield Batch(0, {})
    yield Batch(1, {})
    raise OSError('disk on fire')

  generator = ExampleGenerator(broken, ahead=5)
  assert [next(generator).number, next(generator).number] == [0, 1]
  with pytest.raises(OSError, match='disk on fire'):
    next(generator)
  with pytest.raises(StopIteration):
    next(generator)


def test_close_ends_the_thread_and_a_waiting_reader():
  release = threading.Event()

  def slow():
    release.wait(10)
    yield Batch(0, {})

  generator = ExampleGenerator(slow)
  results = []

  def read():
    results.append(next(generator, None))

  reader = threading.Thread(target=read)
  reader.start()
  closer = threading.Thread(target=generator.close)
  closer.start()
  reader.join(5)
  assert results == [None]
  release.set()
  closer.join(5)
  assert not closer.is_alive()
  before = threading.active_count()
  generator.close()
  assert threading.active_count() == before


def test_ahead_must_be_positive():
  with pytest.raises(ValueError, match='ahead must be at least 1'):
    ExampleGenerator(lambda: numbers(1), ahead=0)
