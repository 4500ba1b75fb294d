# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
r"""Shows what is in corpora, span records, indexes and exports.

    python -m bin.describe data/wikipedia data/spans model/index

Each argument is a directory that build_corpus, tag_salient_spans or build_index
wrote, an index version, an export, a directory that contains some of these (a
model_dir), or a TFRecord file. With --vocab_file an epoch of span records is
masked, too, as pretrain_realm does it:

    python -m bin.describe --vocab_file=BERT/vocab.txt data/spans

Cost: a few seconds; with --vocab_file a second more per thousand documents.

Expect: for a corpus the counts, the settings and a few documents; for spans the
sentences with [[salient spans]] in brackets, and with --vocab_file how many are
used, too long, truncated or without a wordpiece; for an index version its
metadata, and whether its embeddings have collapsed to one direction; for an
export its info file. --verify compares all files of corpora, index versions and
exports with their checksums instead, at 1 GB/s or as the disk reads, and ends
with status 1 if one is damaged.
"""

from absl import app, flags

from realm_tf.configs.masking_config import MaskingConfig

from . import config_flags, program

_NUM = flags.DEFINE_integer('num', 3, 'Records to show.', lower_bound=0)
_SKIP = flags.DEFINE_integer('skip', 0, 'Records to skip.', lower_bound=0)
_VOCAB_FILE = flags.DEFINE_string(
  'vocab_file', None, 'Vocabulary to count masked spans with.'
)
_LOWER_CASE = flags.DEFINE_bool(
  'lower_case', True, 'Whether the vocabulary is uncased.'
)
_VERIFY = flags.DEFINE_bool(
  'verify', False, 'Whether to compare the files with their checksums.'
)
config_flags.define(MaskingConfig)


def main(paths: list[str]) -> None:
  """Describes each path of the command line."""
  if not paths:
    raise app.UsageError('name a file or a directory to describe')
  from realm_tf.indexing import description
  from realm_tf.spans import pretraining_examples
  from realm_tf.text.tokenizer import BertTokenizer

  config = config_flags.make(MaskingConfig)
  if _VERIFY.value:
    for line in description.verify(paths):
      print(line)
    return
  for path in paths:
    for line in description.describe(path, _NUM.value, _SKIP.value):
      print(line)
    files = description.span_files(path) if _VOCAB_FILE.value else []
    if files:
      tokenizer = BertTokenizer.from_file(
        _VOCAB_FILE.value, lower_case=_LOWER_CASE.value
      )
      counts = pretraining_examples.count_examples(files, tokenizer, config)
      print(f'--- {path}: what an epoch of masking makes of it')
      print('\n'.join(pretraining_examples.describe_counts(counts, config)))


if __name__ == '__main__':
  program.run(main)
