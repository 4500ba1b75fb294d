# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import pathlib
import subprocess
import sys

import pytest

# Threads that allocate at the same time; then malloc says how many arenas
# there are.
_PROGRAM = """
import ctypes, sys, threading
from realm_tf.io import allocator

if sys.argv[1] == 'limited' and not allocator.limit_arenas(2):
  sys.exit('no limit')
libc = ctypes.CDLL(None)
libc.malloc.restype = libc.fopen.restype = ctypes.c_void_p
libc.malloc.argtypes = [ctypes.c_size_t]
barrier = threading.Barrier(12)

def allocate():
  barrier.wait()
  for _ in range(200):
    libc.malloc(1000)
  barrier.wait()

threads = [threading.Thread(target=allocate) for _ in range(12)]
for thread in threads: thread.start()
for thread in threads: thread.join()
libc.fopen.argtypes = [ctypes.c_char_p] * 2
file = libc.fopen(sys.argv[2].encode(), b'w')
libc.malloc_info.argtypes = [ctypes.c_int, ctypes.c_void_p]
libc.fclose.argtypes = [ctypes.c_void_p]
libc.malloc_info(0, file)
libc.fclose(file)
"""


@pytest.mark.skipif(sys.platform != 'linux', reason='glibc only')
def test_threads_share_arenas(tmp_path):
  arenas = {}
  for name in ('limited', 'free'):
    path = tmp_path / name
    subprocess.run(
      [sys.executable, '-c', _PROGRAM, name, str(path)],
      cwd=pathlib.Path(__file__).parents[2],
      check=True,
    )
    arenas[name] = path.read_text().count('<heap nr=')
  assert arenas['limited'] <= 2 < arenas['free']
