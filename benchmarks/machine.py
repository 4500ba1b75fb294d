# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Facts about the machine that the figures belong to."""

import datetime
import importlib.metadata
import os
import platform
import re
import resource
from typing import Any

import psutil

_PACKAGES = (
  'tensorflow',
  'tensorflow-text',
  'tf-models-official',
  'tf-keras',
  'scann',
  'numpy',
)


def _version(package: str) -> str | None:
  try:
    return importlib.metadata.version(package)
  except importlib.metadata.PackageNotFoundError:
    return None


def _cpu_model() -> str:
  if os.path.exists('/proc/cpuinfo'):
    with open('/proc/cpuinfo') as f:
      found = re.search(r'^model name\s*:\s*(.+)$', f.read(), re.M)
    if found:
      return found.group(1)
  return platform.processor() or platform.machine()


def facts() -> dict[str, Any]:
  """Processor, memory, versions, date; starts no TensorFlow."""
  return {
    'cpu': _cpu_model(),
    'cores': os.cpu_count(),
    'memory_gb': round(psutil.virtual_memory().total / 1e9, 1),
    'system': platform.platform(),
    'python': platform.python_version(),
    'versions': {package: _version(package) for package in _PACKAGES},
    'date': datetime.datetime.now(datetime.timezone.utc).isoformat(
      timespec='seconds'
    ),
  }


def busy_cores(seconds: float = 1.0) -> float:
  """Number of cores in use now; near 0 if one may measure."""
  share = psutil.cpu_percent(seconds) / 100
  return round(share * (os.cpu_count() or 1), 2)


def peak_memory_mb() -> float:
  """Maximum memory of this process since its program was started."""
  # ru_maxrss begins with the memory of the process that started this one.
  if os.path.exists('/proc/self/status'):
    with open('/proc/self/status') as f:
      found = re.search(r'^VmHWM:\s*(\d+) kB', f.read(), re.M)
    if found:
      return int(found.group(1)) / 1024
  peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
  return peak / (1 << 20 if platform.system() == 'Darwin' else 1 << 10)


def memory_mb() -> float:
  """Current memory of this process."""
  return psutil.Process().memory_info().rss / (1 << 20)
