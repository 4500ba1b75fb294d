# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""What the trainer notices of an index being built and swapped beside it."""

import contextlib
import dataclasses
import os
import shutil
import statistics
import time
from collections.abc import Iterator, Sequence
from typing import Any

import tensorflow as tf

from benchmarks.indexes import scann_or_exact
from benchmarks.material import Material
from benchmarks.pipeline import Pipeline, PipelineConfig
from realm_tf.configs.embedding_config import EmbeddingConfig
from realm_tf.configs.searcher_config import SearcherConfig, SearcherKind
from realm_tf.hub import hub_modules
from realm_tf.index.candidates import IndexVersion
from realm_tf.index.index import Index
from realm_tf.indexing import corpus_index, index_builder, index_refresh
from realm_tf.indexing.index_directory import IndexDirectory
from realm_tf.training import exporters
from realm_tf.training.task import Batch

Times = tuple[float, float]
"""Begin and end."""

# Seconds after which a round is given up.
_TIMEOUT = 600.0


def overlapping(
  steps: Sequence[Times], spans: Sequence[Times], whole: bool = False
) -> list[float]:
  """Lengths of the steps that overlap a span, or lie within one."""
  return [
    end - begin
    for begin, end in steps
    if any(
      first <= begin and end <= last if whole else begin < last and first < end
      for first, last in spans
    )
  ]


@contextlib.contextmanager
def _timed(times: list[Times]) -> Iterator[None]:
  begin = time.perf_counter()
  yield
  times.append((begin, time.perf_counter()))


class _Watched:
  """Builder, refresher and step loop of a training, and what they did when.

  All steps have the features of one batch, so that they take equally long;
  the batches that it replaces are made all the same.
  """

  def __init__(self, pipeline: Pipeline, kind: SearcherKind, work_dir: str):
    self._pipeline = pipeline
    self.steps: list[Times] = []
    self.builds: list[Times] = []
    self.loads: list[Times] = []
    self.swaps: list[Times] = []
    self.exports: list[Times] = []
    export_dir = os.path.join(work_dir, 'export')
    indexes = IndexDirectory(os.path.join(work_dir, 'index'))
    module = hub_modules.EmbedderModule(pipeline.embedder, pipeline.tokenizer)
    self._exporter = exporters.LatestExporter(
      lambda directory, step: module.save(
        os.path.join(directory, 'embedder'), step
      ),
      export_dir,
    )
    self._indexer = corpus_index.CorpusIndexer(
      pipeline.documents,
      pipeline.tokenizer,
      indexes.path,
      searcher=SearcherConfig(searcher=kind),
      embedding_config=EmbeddingConfig(
        candidate_seq_len=pipeline.config.candidate_seq_len
      ),
    )
    self._builder = index_builder.BuilderThread(
      index_builder.IndexBuilder(export_dir, indexes, self._build)
    )
    self._refresher = index_refresh.IndexRefresher(indexes, self, self._load)
    self._begin = 0.0
    self._trainer, self._state = pipeline.make_trainer(self._stepped)

  def _build(self, embedder_dir: str, step: int, check: Any) -> None:
    with _timed(self.builds):
      self._indexer(embedder_dir, step, check)

  def _load(self, path: str) -> IndexVersion:
    with _timed(self.loads):
      index = Index.open(path)
      embedder_dir = index.embedder_dir
      if embedder_dir is None:
        raise ValueError(f'{path} was published without its embedder')
      return self._pipeline.version_of(
        index,
        lambda embedder: hub_modules.read_embedder_weights(
          embedder, embedder_dir
        ),
      )

  def swap(self, new: IndexVersion) -> None:
    """Takes the refresher's index over into the slot."""
    with _timed(self.swaps):
      self._pipeline.slot.swap(new)

  def _stepped(self) -> None:
    now = time.perf_counter()
    self.steps.append((self._begin, now))
    self._begin = now

  def _same(self, batches: Iterator[Batch]) -> Iterator[Batch]:
    features = next(batches).features
    for number, batch in enumerate(batches):
      yield dataclasses.replace(batch, number=number, features=features)

  def _train(self, steps: int) -> None:
    self._begin = time.perf_counter()
    self._trainer.train(tf.constant(steps))

  def _check(self, started: float) -> None:
    report = self._refresher.report(int(self._state.step))
    if report['index_failures']:
      raise RuntimeError(f'the refresh failed: {report.get("index_trouble")}')
    if time.perf_counter() - started > _TIMEOUT:
      raise RuntimeError(f'no new index was in use after {_TIMEOUT:.0f} s')

  def _export(self) -> None:
    step = int(self._state.step)
    with _timed(self.exports):
      path = self._exporter.export(step)
    self._builder.exported(path, step)

  def run(self, *, warmup: int, idle_steps: int, rounds: int) -> None:
    """Goes through all rounds."""
    self._exporter.export(0)
    with contextlib.ExitStack() as stack:
      stack.callback(self._builder.end)
      stack.callback(self._refresher.end)
      self._builder.begin(0, -1)
      self._refresher.begin(0, -1)
      batches = self._pipeline.batches()
      stack.callback(batches.close)
      self._trainer.batches = self._same(batches)
      self._train(warmup)
      # What takes time only the first time does not count.
      for times in (self.steps, self.builds, self.loads, self.swaps):
        times.clear()
      for round_number in range(rounds):
        self._train(idle_steps)
        self._export()
        started = time.perf_counter()
        while len(self.swaps) == round_number:
          self._train(1)
          self._check(started)
        self._train(2)


def refresh(
  material: Material,
  work_dir: str,
  *,
  warmup: int = 4,
  idle_steps: int = 15,
  rounds: int = 3,
  **sizes: Any,
) -> dict[str, Any]:
  """Trains while a thread beside it rebuilds the index several times.

  A round trains `idle_steps` without a build, then until a new index is in use.

  Returns:
    `slow_down`: median step while an index was built, relative to that while
      none was.
    `pause_milliseconds`: the longest step that overlaps the loading and
      swapping of an index, beyond the median of the idle ones;
      `swap_pause_milliseconds`: the same for the swap alone;
      `idle_pause_milliseconds`: the same for idle steps, which is what the
      machine itself adds.
    And their parts.
  """
  shutil.rmtree(work_dir, ignore_errors=True)
  kind = scann_or_exact()
  with Pipeline(PipelineConfig(**sizes), material) as pipeline:
    watched = _Watched(pipeline, kind, work_dir)
    watched.run(warmup=warmup, idle_steps=idle_steps, rounds=rounds)
  shutil.rmtree(work_dir)
  steps, builds, swaps = watched.steps, watched.builds, watched.swaps
  refreshes = [(load[0], swap[1]) for load, swap in zip(watched.loads, swaps)]
  busy = [*builds, *refreshes]
  idle = [e - b for b, e in steps if not overlapping([(b, e)], busy)]
  building = overlapping(steps, builds, whole=True)
  if not building or not idle:
    raise RuntimeError(
      f'{len(idle)} idle steps and {len(building)} steps within the building'
      ' of an index: measure with more documents or shorter steps'
    )
  usual = statistics.median(idle)

  def pause(seconds: Sequence[float]) -> float:
    return max(0.0, 1000 * (max(seconds, default=usual) - usual))

  def median(times: Sequence[Times]) -> float:
    return statistics.median(e - b for b, e in times)

  return {
    'slow_down': statistics.median(building) / usual,
    'idle_step_seconds': usual,
    'building_step_seconds': statistics.median(building),
    'idle_steps': len(idle),
    'building_steps': len(building),
    'pause_milliseconds': pause(overlapping(steps, refreshes)),
    'swap_pause_milliseconds': pause(overlapping(steps, swaps)),
    'idle_pause_milliseconds': pause(idle),
    'swap_call_milliseconds': 1000 * max(e - b for b, e in swaps),
    'load_seconds': median(watched.loads),
    'build_seconds': median(builds),
    'export_seconds': median(watched.exports),
    'refreshes': len(swaps),
    'searcher': kind,
    'blocks': len(pipeline.documents),
  }
