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

import time

import tensorflow as tf
from absl import app, flags

from bin import console
from realm_tf.answering import serving
from realm_tf.answering.answerer import Answerer

_MODEL_DIR = flags.DEFINE_string(
  'model_dir',
  None,
  'Of bin/finetune_qa: its best export, or the newest.',
  required=True,
)
_INDEX_DIR = flags.DEFINE_string(
  'index_dir', None, 'The index, or the directory of several.', required=True
)
_CORPUS_DIR = flags.DEFINE_string(
  'corpus_dir',
  None,
  'Of bin/build_corpus, which the index is of.',
  required=True,
)
_OUTPUT_DIR = flags.DEFINE_string(
  'output_dir',
  None,
  'Of the SavedModel; replaced if one is there already.',
  required=True,
)
_READER_BEAM = flags.DEFINE_integer(
  'reader_beam', 5, 'Blocks read for a question.', lower_bound=1
)
_MIXED_PRECISION = flags.DEFINE_bool(
  'mixed_precision', False, 'Compute in bfloat16.'
)
_TOP_N = flags.DEFINE_integer('top_n', 5, 'Answers given.', lower_bound=1)
_QUESTION = flags.DEFINE_string(
  'question', 'what is it?', 'Asked at the end, to see that all is well.'
)


def _check(directory: str, question: str) -> None:
  """Loads the SavedModel and asks it."""
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


def main(argv: list[str]) -> None:
  """Exports, and asks what was exported."""
  if len(argv) > 1:
    raise app.UsageError(f'these are no flags: {" ".join(argv[1:])}')
  console.show_messages()
  with console.one_line_errors('export_serving'):
    answerer = Answerer.open(
      _MODEL_DIR.value,
      _CORPUS_DIR.value,
      _INDEX_DIR.value,
      mixed_precision=_MIXED_PRECISION.value,
    )
    serving.export_serving(
      answerer,
      _OUTPUT_DIR.value,
      reader_beam=_READER_BEAM.value,
      top_n=_TOP_N.value,
    )
    answerer.close()
  _check(_OUTPUT_DIR.value, _QUESTION.value)
  print(_OUTPUT_DIR.value)


if __name__ == '__main__':
  app.run(main)
