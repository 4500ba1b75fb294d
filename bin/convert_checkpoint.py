# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
r"""Converts trained models of other programs into a model directory of ours.

    python -m bin.convert_checkpoint --from=cc_news_pretrained \
        --to=out/converted --corpus_dir=data/wikipedia

--from takes, by itself or several separated by commas,
  a TF Hub module of the original release (`bert`, `embedder`, `ict`), by path
    or address (https://tfhub.dev/...), or a directory of such modules;
  the model directory of an ORQA fine-tuning (params.json and its checkpoint,
    with the span reader); --retriever names the module that it started its
    retriever from, if that is no more where it was;
  a checkpoint of REALM, ORQA or ICT by itself (with --vocab_file);
  a directory of Hugging Face's REALM (config.json with model.safetensors or
    pytorch_model.bin): embedder, scorer, knowledge-augmented encoder, reader,
    open QA.

Embeddings of blocks (`encoded/encoded.ckpt`, `block_emb`) become an index if
--corpus_dir names their corpus in their order (bin/convert_corpus makes it).

Cost: seconds for small models. Block embeddings are in memory while their index
is built; 13 million of them are 6.8 GB.

Expect: what was found, what was mapped to what, what was left over and why. In
--to are export/tf_hub/<step>/ with embedder/, bert/ and span_reader/, as far as
they were found, and index/<step>/. So afterwards

    python -m bin.search --model_dir=out/converted --corpus_dir=data/wikipedia
    python -m bin.ask --model_dir=out/converted --corpus_dir=data/wikipedia \
        --index_dir=out/converted/index

work, and the modules are starting points for bin/pretrain_realm (--bert,
--embedder) and bin/finetune_qa.

What does not fit together is refused, and then nothing is written: shapes,
vocabularies; a fine-tuning without what embedded its documents; block
embeddings that the embedder does not make, and an output layer that is not the
word embeddings, unless --accept_differences is given. An embedder that was
fine-tuned together with a reader, without --retriever, is expected to make
others: of these blocks the index is made, and lines say so.
"""

from absl import app, flags, logging

from bin import console
from realm_tf.index.searcher_config import SearcherConfig
from realm_tf.original import conversion

_FROM = flags.DEFINE_list(
  'from', None, 'Paths or addresses, see above.', required=True
)
_TO = flags.DEFINE_string('to', None, 'Directory to be made.', required=True)
_CORPUS_DIR = flags.DEFINE_string(
  'corpus_dir', None, 'Corpus of the block embeddings; default: no index.'
)
_RETRIEVER = flags.DEFINE_string(
  'retriever',
  None,
  'Module that an ORQA fine-tuning started from; default: as params.json says.',
)
_VOCAB_FILE = flags.DEFINE_string(
  'vocab_file', None, 'Default: the vocabulary in or beside the sources.'
)
_LOWER_CASE = flags.DEFINE_bool(
  'lower_case', None, 'Default: as the sources say.'
)
_STEP = flags.DEFINE_integer(
  'step',
  None,
  'Of the training; default: as the sources say, else 0.',
  lower_bound=0,
)
_ACCEPT_DIFFERENCES = flags.DEFINE_bool(
  'accept_differences',
  False,
  'Convert although block_emb is not what the embedder makes of the corpus, or'
  ' an output layer is not the word embeddings.',
)
_SEARCHER = flags.DEFINE_enum(
  'searcher', 'auto', ['auto', 'exact', 'scann'], 'How the index is searched.'
)


def main(argv: list[str]) -> None:
  """Converts as the flags say."""
  if len(argv) > 1:
    raise app.UsageError(f'these are no flags: {" ".join(argv[1:])}')
  logging.set_verbosity(logging.WARNING)
  with console.one_line_errors('convert_checkpoint'):
    conversion.convert(
      conversion.ConversionConfig(
        sources=_FROM.value,
        output_dir=_TO.value,
        corpus_dir=_CORPUS_DIR.value,
        retriever=_RETRIEVER.value,
        vocab_file=_VOCAB_FILE.value,
        lower_case=_LOWER_CASE.value,
        step=_STEP.value,
        accept_differences=_ACCEPT_DIFFERENCES.value,
        searcher=SearcherConfig(kind=_SEARCHER.value),
      )
    )


if __name__ == '__main__':
  app.run(main)
