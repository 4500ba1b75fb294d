# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
r"""Shows what is in record files, corpora, indexes and document stores.

    python -m bin.inspect data/wikipedia data/spans model/index

Each argument is a TFRecord file of blocks or spans, a directory that
build_corpus or tag_salient_spans wrote, its documents/, or an index (one
version, or the directory of all of them). With --vocab_file an epoch of the
span records is masked, too, as bin/pretrain_realm does it:

    python -m bin.inspect --vocab_file=BERT/vocab.txt data/spans

Cost: a few seconds, most of them for TensorFlow to start; with --vocab_file a
second more for some thousand documents.

Result: of a corpus the counts, the settings and a few records; of spans the
sentences with [[salient spans]] in brackets, and with --vocab_file how many are
used, too long, truncated or without a wordpiece; of an index version what its
metadata says, and whether its embeddings have collapsed to one direction.
"""

import sys

from realm_tf.configs.masking_config import MaskingConfig

if __name__ == 'inspect':
  # `python bin/NAME.py` puts bin/ in front of the standard library, where an
  # `inspect` lives that everybody imports: whoever wants that one gets it.
  import importlib.util
  import os
  import sysconfig

  _spec = importlib.util.spec_from_file_location(
    'inspect', os.path.join(sysconfig.get_path('stdlib'), 'inspect.py')
  )
  assert _spec is not None and _spec.loader is not None
  sys.modules['inspect'] = importlib.util.module_from_spec(_spec)
  _spec.loader.exec_module(sys.modules['inspect'])
else:
  from absl import app, flags

  from realm_tf.indexing import inspection
  from realm_tf.spans import pretraining_examples
  from realm_tf.text.tokenizer import BertTokenizer

  FLAGS = flags.FLAGS

  flags.DEFINE_integer('num', 3, 'Records to show.', lower_bound=0)
  flags.DEFINE_integer('skip', 0, 'Records to pass over.', lower_bound=0)
  flags.DEFINE_string(
    'vocab_file', None, 'Count with it what becomes of salient spans.'
  )
  flags.DEFINE_bool(
    'lower_case', True, 'Whether the vocabulary is an uncased one.'
  )
  flags.DEFINE_integer('max_masks', 10, 'As of bin/pretrain_realm.')
  flags.DEFINE_integer('query_seq_len', 96, 'As of bin/pretrain_realm.')


def _count_spans(path: str) -> None:
  """Prints what becomes of the span records of a path, if it has any."""
  paths = inspection.span_files(path)
  if not paths:
    return
  config = MaskingConfig(
    max_masks=FLAGS.max_masks, query_seq_len=FLAGS.query_seq_len
  )
  tokenizer = BertTokenizer.from_file(
    FLAGS.vocab_file, lower_case=FLAGS.lower_case
  )
  counts = pretraining_examples.count_examples(paths, tokenizer, config)
  print(f'--- {path}: what an epoch of masking makes of it')
  print('\n'.join(pretraining_examples.describe_counts(counts, config)))


def main(argv: list[str]) -> None:
  """Describes each path of the command line."""
  if len(argv) < 2:
    raise app.UsageError('name a file or a directory to inspect')
  try:
    for path in argv[1:]:
      for line in inspection.describe(path, FLAGS.num, FLAGS.skip):
        print(line)
      if FLAGS.vocab_file:
        _count_spans(path)
  except (ValueError, OSError) as e:
    raise SystemExit(f'inspect: {e}') from None


if __name__ == '__main__':
  app.run(main)
