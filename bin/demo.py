# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
r"""Goes the whole way on a small world: corpus, REALM, question answering.

    python -m bin.demo --output_dir=out/demo

builds a corpus, tags salient spans, pre-trains the retriever (ICT) and REALM,
fills blanks in held-out sentences, fine-tunes on questions with and without
REALM, answers from a second edition of the documents in which some facts
differ, and exports a SavedModel that a process without this package asks. The
same on text of your own, as far as its files go:

    python -m bin.demo --output_dir=out/mine --settings=real \
        --knowledge=wiki.jsonl.gz --pretraining=news.jsonl.gz --bert=BERT_DIR

Stopped and started again, it goes on where it was.

Cost: the small world takes 4 minutes on 2 cores, 2 GB of memory.

Expect: after REALM, recall@1 of 0.97 to 0.98 on held-out sentences, and three
filled blanks; 0.37 of the test questions answered correctly, and 0.27 without
REALM; questions about changed facts answered from the edition in use.
"""

import dataclasses
import pathlib
import time
from typing import Literal

from realm_tf.configs.config import Config
from realm_tf.configs.refresh_schedule import RefreshSchedule
from realm_tf.io import allocator

from . import config_flags, program

# Beside bin/, in a checkout and in the wheel.
_SMALL_WORLD = pathlib.Path(__file__).resolve().parents[1] / 'testdata'


@dataclasses.dataclass(frozen=True, kw_only=True)
class DemoConfig(Config):
  """Text, sizes and results of the demo.

  Attributes:
    output_dir: Directory for everything that is made.
    settings: Lengths, rates and batches for sentences and documents of a few
      words (small), or for real text.
    world: Directory with what the other flags do not give, named as in
      testdata/: knowledge.jsonl, pretraining.jsonl and bert/, and perhaps
      heldout.jsonl, gazetteer.txt, qa/, knowledge_edition2.jsonl and
      edition2_changes.jsonl. Defaults to the small world, or to none with
      `knowledge`.
    knowledge: Text to retrieve from, in any format that build_corpus reads.
    pretraining: Text with blanks to fill.
    heldout_text: Text like `pretraining`, to evaluate on.
    heldout_blanks: JSONL of blanks to fill after pre-training.
    gazetteer: File of names, one per line.
    bert: Directory of weights with their vocabulary: the warm start.
    ict_steps: Steps of the inverse cloze task. Defaults by `settings`.
    realm_steps: Steps of REALM. Defaults by `settings`.
    qa_steps: Steps of each fine-tuning. Defaults by `settings`.
    refresh_schedule: Steps between exports of REALM, by ranges of steps.
      Defaults by `settings`.
  """

  output_dir: str = 'out/demo'
  settings: Literal['small', 'real'] = 'small'
  world: str | None = None
  knowledge: str | None = None
  pretraining: str | None = None
  heldout_text: str | None = None
  heldout_blanks: str | None = None
  gazetteer: str | None = None
  bert: str | None = None
  ict_steps: int | None = None
  realm_steps: int | None = None
  qa_steps: int | None = None
  refresh_schedule: RefreshSchedule | None = None

  def __post_init__(self) -> None:
    super().__post_init__()
    self.check_at_least(1, 'ict_steps', 'realm_steps', 'qa_steps')


def main() -> None:
  """Goes the whole way."""
  start = time.monotonic()
  config = config_flags.make(DemoConfig)
  if config.world is None and config.knowledge is None:
    config = dataclasses.replace(config, world=str(_SMALL_WORLD))
  allocator.limit_arenas()
  from . import demo_stages

  try:
    ask = demo_stages.Demo(config).run()
  except KeyboardInterrupt as e:
    raise SystemExit('demo: stopped; the same command goes on from here') from e
  print(f'\nDone in {time.monotonic() - start:.0f} s. Ask it:')
  command = 'python -m bin.ask' if __package__ == 'bin' else 'realm ask'
  print(f'  {command} {" ".join(ask)}')


config_flags.define(DemoConfig)

if __name__ == '__main__':
  program.run(main)
