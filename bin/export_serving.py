# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
r"""Makes one SavedModel that answers questions, from a fine-tuned model.

    python -m bin.export_serving --model_dir=out/qa \
        --index_dir=out/realm/index --corpus_dir=out/corpus \
        --output_dir=out/serving

The index is the one of the fine-tuning, or that of another corpus by the same
embedder. It is refused if another embedder made it.

Cost: 20 s for 100,000 blocks, with twice their size in memory for a while; on
the disk 2 bytes a wordpiece, the texts, and the vectors (120 MB in all).

Expect: output_dir, all at once when it is whole, and the answer to --question,
by which the program checks what it wrote. It is loaded without this package:

    import scann, tensorflow as tf, tensorflow_text
    model = tf.saved_model.load('out/serving')
    model.answer(tf.constant(['who was born in ulm?']))['answer']

Signatures: serving_default(question), answer_k(question, k), which reads k
blocks, retrieve(question, k), embed(question).
"""

import contextlib
import time

from realm_tf.configs.answering_config import ExportConfig
from realm_tf.configs.retrieval_config import RetrievalConfig

from . import config_flags, program

config_flags.define(ExportConfig)


def _check(directory: str, question: str) -> None:
  """Loads the SavedModel and asks it."""
  import tensorflow as tf

  start = time.perf_counter()
  model = tf.saved_model.load(directory)
  loaded = time.perf_counter()
  asked = tf.constant([question])
  found = model.signatures['serving_default'](question=asked)
  first = time.perf_counter()
  found = model.signatures['serving_default'](question=asked)
  again = time.perf_counter()
  title, answer = (
    found[name].numpy()[0].decode(errors='replace')
    for name in ('title', 'answer')
  )
  print(f'{question} -> {answer}  ({title})')
  print(
    f'loaded in {loaded - start:.1f} s, first answer after'
    f' {first - loaded:.1f} s more, the next in'
    f' {1000 * (again - first):.0f} ms'
  )


def main() -> None:
  """Exports, and asks what was exported."""
  config = config_flags.make(ExportConfig)
  from realm_tf.answering import asking, serving
  from realm_tf.answering.answerer import Answerer

  answerer = Answerer.open(
    config.model_dir,
    config.corpus_dir,
    asking.default_index(config.model_dir, config.index_dir),
    mixed_precision=config.mixed_precision,
    retrieval=config.part(RetrievalConfig),
  )
  with contextlib.closing(answerer):
    serving.export_serving(
      answerer,
      config.output_dir,
      reader_beam=config.reader_beam,
      top_n=config.top_n,
    )
  _check(config.output_dir, config.question)
  print(config.output_dir)


if __name__ == '__main__':
  program.run(main)
