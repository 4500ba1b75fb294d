# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
r"""Makes text of your own searchable, in one go.

    python -m bin.index_text --input='my/*.jsonl' --output_dir=out/mine \
        --encoder=all-MiniLM-L6-v2
    python -m bin.ask --dir=out/mine

--input takes what build_corpus takes. --encoder is a directory of
sentence-transformers as it is published, or of the weights of another encoder
(build_index says which); its directory says how it pools and normalizes.
Without --encoder documents are found by their words (BM25), and no BERT is
needed.

Cost: that of build_corpus and build_index: on 2 cores 35 documents of 200 words
a second with all-MiniLM-L6-v2; without an encoder 2,000. Killed and called
again it goes on where it was; called once more it does nothing.

Expect: in --output_dir corpus/ and index/, which all other programs take as
--corpus_dir and --index_dir. Printed: what was read, kept and left out.
"""

from realm_tf.configs.index_text_config import IndexTextConfig

from . import config_flags, program

config_flags.define(IndexTextConfig)


def main() -> None:
  """Indexes as the flags say."""
  config = config_flags.make(IndexTextConfig)
  from realm_tf.corpus import job
  from realm_tf.indexing import index_text

  print(job.describe_counts(index_text.index_text(config).info))
  print(f'Search it: realm ask --dir={config.output_dir}')


if __name__ == '__main__':
  program.run(main)
