# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import threading
import time

import pytest

from realm_tf.index.slot import IndexSlot


class Version:
  """Fails when it is used after its end."""

  def __init__(self, number):
    self.number = number
    self.closed = 0

  def use(self):
    assert not self.closed, f'version {self.number} was closed'
    return self.number

  def close(self):
    self.closed += 1


def test_an_unused_version_is_closed_by_the_swap():
  first, second = Version(1), Version(2)
  slot = IndexSlot(first)
  with slot.acquire() as version:
    assert version is first
  slot.swap(second)
  slot.join()
  assert (first.closed, second.closed) == (1, 0)
  with slot.acquire() as version:
    assert version is second


def test_the_last_user_closes_the_old_version():
  first, second = Version(1), Version(2)
  slot = IndexSlot(first)
  with slot.acquire() as outer:
    with slot.acquire() as inner:
      slot.swap(second)
      assert outer.use() == inner.use() == 1
    assert first.closed == 0
    with slot.acquire() as new:
      assert new.use() == 2
    slot.join()
    assert first.closed == 0
  slot.join()
  assert first.closed == 1
  assert second.closed == 0


def test_a_user_that_fails_still_leaves():
  first = Version(1)
  slot = IndexSlot(first)
  with pytest.raises(KeyError):
    with slot.acquire():
      slot.swap(Version(2))
      raise KeyError
  slot.join()
  assert first.closed == 1


def test_swap_does_not_wait_for_users():
  slot = IndexSlot(Version(1))
  entered, leave = threading.Event(), threading.Event()

  def use():
    with slot.acquire():
      entered.set()
      leave.wait(10)

  thread = threading.Thread(target=use)
  thread.start()
  assert entered.wait(10)
  start = time.monotonic()
  slot.swap(Version(2))
  assert time.monotonic() - start < 1
  leave.set()
  thread.join()


def test_neither_swap_nor_user_waits_for_the_closing():
  closing = threading.Event()

  class Large(Version):
    def close(self):
      assert closing.wait(10)
      super().close()

  first, second = Large(1), Large(2)
  slot = IndexSlot(first)
  slot.swap(second)
  with slot.acquire():
    slot.swap(Version(3))
  with slot.acquire() as version:
    assert version.use() == 3
  assert first.closed == second.closed == 0
  closing.set()
  slot.close()
  assert first.closed == second.closed == 1


def test_acquire_waits_for_the_first_version_if_told():
  slot = IndexSlot()
  with pytest.raises(RuntimeError, match='no index'):
    with slot.acquire():
      pass
  with pytest.raises(RuntimeError, match='no index'):
    with slot.acquire(timeout=0.02):
      pass
  timer = threading.Timer(0.05, slot.swap, [Version(7)])
  timer.start()
  with slot.acquire(timeout=10) as version:
    assert version.use() == 7


def test_close_frees_after_the_last_user_and_takes_nothing_more():
  first, late = Version(1), Version(2)
  slot = IndexSlot(first)
  with slot.acquire() as version:
    slot.close()
    version.use()
  slot.join()
  assert first.closed == 1
  with pytest.raises(RuntimeError, match='closed'):
    with slot.acquire():
      pass
  with pytest.raises(RuntimeError, match='closed'):
    slot.swap(late)
  slot.join()
  assert late.closed == 1
  slot.close()
  assert first.closed == 1


def test_close_wakes_who_waits():
  slot = IndexSlot()
  threading.Timer(0.05, slot.close).start()
  start = time.monotonic()
  with pytest.raises(RuntimeError, match='closed'):
    with slot.acquire(timeout=30):
      pass
  assert time.monotonic() - start < 10


def test_a_version_that_cannot_be_closed_does_not_stop_its_user(caplog):
  class Stuck(Version):
    def close(self):
      raise OSError('stuck')

  slot = IndexSlot(Stuck(1))
  slot.swap(Version(2))
  with slot.acquire() as version:
    assert version.use() == 2


def test_many_threads_never_see_a_closed_version():
  versions = [Version(n) for n in range(200)]
  slot = IndexSlot(versions[0])
  stop, seen, errors = threading.Event(), set(), []

  def search():
    try:
      while not stop.is_set():
        with slot.acquire() as version:
          seen.add(version.use())
          time.sleep(0.0005)
          version.use()
    except AssertionError as e:
      errors.append(e)

  threads = [threading.Thread(target=search) for _ in range(6)]
  for thread in threads:
    thread.start()
  for version in versions[1:]:
    slot.swap(version)
    time.sleep(0.001)
  stop.set()
  for thread in threads:
    thread.join()
  slot.join()
  assert not errors
  assert len(seen) > 5
  assert [v.closed for v in versions] == [1] * 199 + [0]
