# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
r"""Converts models, corpora and questions of the original release and others.

    python -m bin.convert --from='retrieval_corpus/docs.tfr.gz-*' \
        --vocab_file=bert/vocab.txt --to=data/wikipedia
    python -m bin.convert --from=cc_news_pretrained \
        --corpus_dir=data/wikipedia --to=out/converted
    python -m bin.convert --from=NQ-open.train.jsonl --to=data/qa \
        --name=NaturalQuestions

What --from names is found by looking.

MODELS, one or several separated by commas:
  a TF Hub module of the original release (`bert`, `embedder`, `ict`), by path
    or address (https://tfhub.dev/...), or a directory of such modules;
  the model directory of an ORQA fine-tuning (params.json and its checkpoint,
    with the span reader); --retriever names the module that it started its
    retriever from, if that has moved;
  a checkpoint of REALM, ORQA or ICT by itself (with --vocab_file);
  a directory of Hugging Face's REALM (config.json with model.safetensors or
    pytorch_model.bin): embedder, scorer, knowledge-augmented encoder, reader,
    open QA.

In --to are export/tf_hub/<step>/ with those of embedder/, bert/ and
span_reader/ that were found, and, if --corpus_dir names the corpus of the block
embeddings (`encoded/encoded.ckpt`, `block_emb`), index/<step>/. ask takes
--to as its --model_dir, and the modules are starting points for
pretrain_realm (--bert, --embedder) and finetune_qa. Printed is what was
found, what was mapped to what, and what was left over and why.

What does not fit together is refused, and nothing is written: shapes,
vocabularies; a fine-tuning without the embedder of its documents; block
embeddings that the embedder does not make, and an output layer that is not the
word embeddings, unless --accept_differences is given. An embedder that was
fine-tuned with a reader, without --retriever, is expected to make others: these
blocks are indexed, and lines say so.

A CORPUS: REALM's TFRecords (docs.tfr.gz-*) or the JSONL with "title" and "body"
that they are made of, or a directory of ORQA's blocks.tfr, titles.tfr and
perhaps examples.tfr. Each block stays one block, in its order, so that block
embeddings belong to it; wordpieces that the files have are kept. A corpus of
this package is written for the original's programs with --to_format:

    python -m bin.convert --from=data/wikipedia --to=docs --to_format=realm
    python -m bin.convert --from=data/wikipedia --to=orqa --to_format=orqa \
        --vocab_file=bert/vocab.txt

Text that is not yet in blocks is for build_corpus. Pre-training corpora
need no conversion: pretrain_realm reads the original's TFRecords.

QUESTIONS are split into train and dev as ORQA and REALM do: dev is the tenth
that a hash of the question selects. --from takes JSONL with "question" and
"answer", what else `evaluate` reads, and the original Natural Questions
(`nq-train-*.jsonl.gz`, simplified or full, from which NQ-open is made: short
answers of at most five tokens); packed or not. In --to are
NAME.resplit.train.jsonl and NAME.resplit.dev.jsonl, and printed are their
sizes, as for WebQuestions:

    3,778 of 3,778 lines are questions
    train     3,417  data/qa/WebQuestions.resplit.train.jsonl
    dev         361  data/qa/WebQuestions.resplit.dev.jsonl

Cost: seconds for small models; block embeddings are in memory while they are
indexed (13 million are 6.8 GB). 5,000 blocks of 250 wordpieces, or 30,000
questions, a second.
"""

from realm_tf.configs.conversion_config import ConversionConfig

from . import config_flags, program

config_flags.define(
  ConversionConfig, rename={'sources': 'from', 'output_dir': 'to'}
)


def main() -> None:
  """Converts as the flags say."""
  config = config_flags.make(ConversionConfig)
  from realm_tf.original import conversion

  conversion.convert(config)


if __name__ == '__main__':
  program.run(main)
