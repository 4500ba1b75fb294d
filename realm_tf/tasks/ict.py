# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Pre-training of the embedder by the inverse cloze task."""

import dataclasses
import os
from collections.abc import Iterator

from realm_tf.configs.ict_config import IctConfig
from realm_tf.corpus.corpus import Corpus
from realm_tf.hub import hub_modules
from realm_tf.modeling.embedder import Embedder
from realm_tf.modeling.ict_model import ICTModel
from realm_tf.questions import block_questions, qa_datasets
from realm_tf.tasks import ict_examples
from realm_tf.text.tokenizer import BertTokenizer
from realm_tf.training import estimator, run_config, settings, warm_start
from realm_tf.training.example_generation import ExampleGenerator

_AHEAD = 4


def _read_questions(
  config: IctConfig, documents: Corpus, tokenizer: BertTokenizer
) -> block_questions.BlockQuestions | None:
  """The questions to train on, by their document.

  Raises:
    ValueError: There is no question whose document is known.
  """
  if config.questions is None:
    if config.paragraphs is not None:
      raise ValueError('--paragraphs is of no use without --questions')
    return None
  if config.paragraphs is None:
    raise ValueError(
      '--questions needs --paragraphs, the file that the corpus was built of'
    )
  dataset = qa_datasets.read_dataset(
    config.questions, format=config.format, field='questions'
  )
  found = block_questions.find_blocks(
    dataset.examples,
    config.paragraphs,
    documents,
    tokenizer,
    config.max_block_length,
  )
  if not found.num_questions:
    raise ValueError(
      f'--questions: {config.questions} has no question that names a paragraph'
      ' of the corpus (paragraph_id)'
    )
  return found


def pretrain(config: IctConfig) -> dict[str, float]:
  """Trains, from where an earlier call with the same config was killed.

  Returns:
    The metrics of the last evaluation: other sentences of the same corpus.
  """
  bert, tokenizer = warm_start.load(
    config.bert,
    vocab_file=config.vocab_file,
    lower_case=config.lower_case,
    with_mlm_head=False,
    dropout=config.dropout,
    seed=config.seed,
  )
  warm_start.check_lengths(
    bert.config,
    query_seq_len=config.query_seq_len,
    candidate_seq_len=config.candidate_seq_len,
    joint=False,
  )
  documents = Corpus.open(config.corpus_dir, tokenizer=tokenizer)
  questions = _read_questions(config, documents, tokenizer)

  def model_fn(run: run_config.RunConfig) -> run_config.ModelSpec:
    del run
    embedder = Embedder(
      bert.config,
      config.projection_size,
      config.separate_towers,
      seed=config.seed,
    )
    embedder.init_from_bert(bert)
    model = ICTModel(embedder)
    modules: list[hub_modules.EmbedderModule] = []

    def export(directory: str, step: int) -> None:
      if not modules:
        modules.append(hub_modules.EmbedderModule(embedder, tokenizer))
      modules[0].save(os.path.join(directory, 'embedder'), step)

    return run_config.ModelSpec(
      model,
      [
        run_config.OptimizerGroup(
          settings.optimizer(config), model.trainable_variables
        )
      ],
      export_fn=export,
    )

  def batches(
    seed: int,
    start: int,
    limit: int,
    questions: block_questions.BlockQuestions | None = None,
  ) -> ExampleGenerator:
    dataset = ict_examples.ict_dataset(
      documents,
      tokenizer,
      batch_size=config.batch_size,
      seed=seed,
      start_batch=start,
      query_seq_len=config.query_seq_len,
      candidate_seq_len=config.candidate_seq_len,
      mask_rate=config.mask_rate,
      questions=questions,
      question_rate=config.question_rate,
    ).take(limit)

    def numbered() -> Iterator[run_config.Batch]:
      for number, batch in enumerate(dataset, start):
        features = {key: batch[key] for key in ('query', 'document')}
        yield run_config.Batch(number, features)

    return ExampleGenerator(numbered, _AHEAD)

  return estimator.train_and_evaluate(
    model_fn,
    settings.run_config(
      config,
      {
        'bert': dataclasses.asdict(bert.config),
        'candidate_seq_len': config.candidate_seq_len,
        'corpus_fingerprint': documents.fingerprint,
        'mask_rate': config.mask_rate,
        'num_questions': questions and questions.num_questions,
        'projection_size': config.projection_size,
        'query_seq_len': config.query_seq_len,
        'questions': config.questions,
        'questions_fingerprint': questions and questions.fingerprint,
        'question_rate': questions and config.question_rate,
        'separate_towers': config.separate_towers,
        'vocab_fingerprint': tokenizer.fingerprint,
      },
    ),
    run_config.TrainSpec(
      lambda start: batches(config.seed, start, -1, questions),
      max_steps=config.train_steps,
      export_schedule=config.export_schedule,
    ),
    run_config.EvalSpec(
      lambda start: batches(config.seed + 1, start, config.eval_batches),
      every_steps=config.eval_every,
    )
    if config.eval_batches
    else None,
  )
