# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""What the trainer notices of an index being built and swapped beside it."""

import dataclasses
import os
import shutil
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import tensorflow as tf

from benchmarks.material import Material
from benchmarks.pipeline import Pipeline, PipelineConfig
from realm_tf.configs.embedding_config import EmbeddingConfig
from realm_tf.configs.searcher_config import SearcherConfig
from realm_tf.hub import hub_modules
from realm_tf.index import searcher, versions
from realm_tf.index.candidates import IndexVersion
from realm_tf.indexing import corpus_index, index_builder, index_refresh
from realm_tf.training import exporters
from realm_tf.training.run_config import Batch

NEEDS_WORK_DIR = True

Times = tuple[float, float]
"""Begin and end."""


@dataclasses.dataclass(frozen=True)
class Settings:
  """What is measured.

  Attributes:
    pipeline: Arguments of `PipelineConfig`.
    warmup: Steps that are not counted.
    idle_steps: Steps of each round in which no index is built.
    rounds: Indexes that are built and swapped in.
    searcher: Kind of the index; `scann` becomes `exact` without ScaNN.
    timeout: Seconds after which a round is given up.
  """

  pipeline: Mapping[str, Any] = dataclasses.field(default_factory=dict)
  warmup: int = 4
  idle_steps: int = 15
  rounds: int = 3
  searcher: str = 'scann'
  timeout: float = 600.0


def overlapping(
  steps: Sequence[Times], spans: Sequence[Times], whole: bool = False
) -> list[float]:
  """Lengths of the steps that overlap a span, or lie within one."""
  found = []
  for begin, end in steps:
    if any(
      first <= begin and end <= last if whole else begin < last and first < end
      for first, last in spans
    ):
      found.append(end - begin)
  return found


class _Watched:
  """Builder, refresher and step loop of a training, and what they did when.

  All steps have the features of one batch, so that they take equally long;
  the batches whose place it takes are made all the same.
  """

  def __init__(self, settings: Settings, pipeline: Pipeline, work_dir: str):
    self.pipeline = pipeline
    self.settings = settings
    self.kind = settings.searcher
    if self.kind == 'scann' and not searcher.scann_is_installed():
      self.kind = 'exact'
    self.steps: list[Times] = []
    self.builds: list[Times] = []
    self.loads: list[Times] = []
    self.swaps: list[Times] = []
    self.exports: list[float] = []
    export_dir = os.path.join(work_dir, 'export')
    index_dir = os.path.join(work_dir, 'index')
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
      index_dir,
      searcher=SearcherConfig(searcher=self.kind),
      embedding_config=EmbeddingConfig(
        candidate_seq_len=pipeline.config.candidate_seq_len
      ),
    )
    self._builder = index_builder.BuilderThread(
      index_builder.IndexBuilder(export_dir, index_dir, self._build)
    )
    self._refresher = index_refresh.IndexRefresher(index_dir, self, self._load)
    self._begin = 0.0
    self._trainer, self._state = pipeline.make_trainer(self._stepped)

  def _build(self, embedder_dir: str, step: int, check: Any) -> None:
    begin = time.perf_counter()
    self._indexer(embedder_dir, step, check)
    self.builds.append((begin, time.perf_counter()))

  def _load(self, path: str) -> IndexVersion:
    begin = time.perf_counter()
    index = versions.Index.open(path)
    embedder_dir = index.embedder_dir
    if embedder_dir is None:
      raise ValueError(f'{path} was published without its embedder')
    version = self.pipeline.version_of(
      index,
      lambda embedder: hub_modules.read_embedder_weights(
        embedder, embedder_dir
      ),
    )
    self.loads.append((begin, time.perf_counter()))
    return version

  def swap(self, new: IndexVersion) -> None:
    """Takes the refresher's index over into the slot."""
    begin = time.perf_counter()
    self.pipeline.slot.swap(new)
    self.swaps.append((begin, time.perf_counter()))

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
    if time.perf_counter() - started > self.settings.timeout:
      raise RuntimeError(
        f'no new index was in use after {self.settings.timeout:.0f} s'
      )

  def _export(self) -> None:
    step = int(self._state.step)
    begin = time.perf_counter()
    path = self._exporter.export(step)
    self.exports.append(time.perf_counter() - begin)
    self._builder.exported(path, step)

  def run(self) -> None:
    """Goes through all rounds."""
    self._exporter.export(0)
    batches = None
    try:
      self._builder.begin(0, -1)
      self._refresher.begin(0, -1)
      batches = self.pipeline.batches()
      self._trainer.batches = self._same(batches)
      self._train(self.settings.warmup)
      # Of the first round nothing counts that only a first time takes.
      for spans in (self.steps, self.builds, self.loads, self.swaps):
        spans.clear()
      for round_number in range(self.settings.rounds):
        self._train(self.settings.idle_steps)
        self._export()
        started = time.perf_counter()
        while len(self.swaps) == round_number:
          self._train(1)
          self._check(started)
        self._train(2)
    finally:
      self._refresher.end()
      self._builder.end()
      if batches is not None:
        batches.close()


def measure(
  settings: Settings, material: Material, work_dir: str
) -> dict[str, Any]:
  """Trains, and has the index rebuilt by a thread beside it, some times.

  Returns:
    `slow_down`: median step while an index was built, by that while none was.
    `pause_milliseconds`: the longest step that overlaps the loading and
      swapping of an index, beyond the median of the idle ones;
      `swap_pause_milliseconds`: the same of the swap alone;
      `idle_pause_milliseconds`: the same where nothing went on, which is what
      the machine itself adds.
    And the parts of these.
  """
  shutil.rmtree(work_dir, ignore_errors=True)
  pipeline = Pipeline(PipelineConfig(**settings.pipeline), material)
  watched = _Watched(settings, pipeline, work_dir)
  try:
    watched.run()
  finally:
    pipeline.close()
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
    'load_seconds': statistics.median(e - b for b, e in watched.loads),
    'build_seconds': statistics.median(e - b for b, e in builds),
    'export_seconds': statistics.median(watched.exports),
    'refreshes': len(swaps),
    'searcher': watched.kind,
    'blocks': len(pipeline.documents),
  }
