# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Asks a trained model, whatever it was trained for."""

import os
from collections.abc import Iterator
from typing import IO, Any

from absl import logging

from realm_tf.answering.answerer import Answerer
from realm_tf.answering.blank_filler import BlankFiller
from realm_tf.answering.document_searcher import DocumentSearcher
from realm_tf.configs.answering_config import AskConfig
from realm_tf.configs.retrieval_config import RetrievalConfig
from realm_tf.corpus.document import CorpusError, MalformedError
from realm_tf.corpus.lines import DamagedError
from realm_tf.corpus.problems import Problems
from realm_tf.io import files
from realm_tf.questions import question_lines
from realm_tf.training import run_directory


def default_index(model_dir: str, index_dir: str | None) -> str:
  """Returns `index_dir`, or the directory of the model's own indexes.

  Raises:
    FileNotFoundError: None is given, and the model has none.
  """
  own = os.path.join(model_dir, 'index')
  if not index_dir and not os.path.isdir(own):
    raise FileNotFoundError(f'{model_dir} has no index of its own: `index_dir`')
  return index_dir or own


class Asker:
  """Answers by a fine-tuned model, fills blanks by a pre-trained, or searches.

  Attributes:
    backend: `Answerer`, `BlankFiller` or `DocumentSearcher`.
  """

  def __init__(self, config: AskConfig):
    """Opens what `config` names.

    Raises:
      FileNotFoundError: Something is not there.
      MismatchError: Model, corpus and index do not belong together.
      ValueError: `mixed_precision` is asked of a pre-trained model.
    """
    self._config = config
    self.backend: Answerer | BlankFiller | DocumentSearcher
    assert config.corpus_dir is not None
    if config.model_dir is None:
      assert config.index_dir is not None
      self.backend = DocumentSearcher.open(
        config.corpus_dir, config.index_dir, config.part(RetrievalConfig)
      )
      return
    export_dir = run_directory.find_export(config.model_dir)
    index = default_index(config.model_dir, config.index_dir)
    if os.path.isdir(os.path.join(export_dir, 'span_reader')):
      self.backend = Answerer.open(
        export_dir,
        config.corpus_dir,
        index,
        mixed_precision=config.mixed_precision,
        retrieval=config.part(RetrievalConfig),
      )
    else:
      if config.mixed_precision:
        raise ValueError(
          f'`mixed_precision` is for a fine-tuned model, and {config.model_dir}'
          ' is a pre-trained one'
        )
      self.backend = BlankFiller.open(
        config.model_dir,
        config.corpus_dir,
        index,
        num_documents=config.reader_beam,
      )

  @property
  def takes_updates(self) -> bool:
    """Whether documents can be added and removed."""
    return not isinstance(self.backend, BlankFiller)

  def close(self) -> None:
    """Frees the index."""
    self.backend.close()

  def ask(self, questions: list[str]) -> list[dict[str, Any]]:
    """Returns a JSON object per question.

    In the format of `Answers.to_records`, `BlankFiller.to_records` or
    `DocumentSearcher.to_records`.
    """
    config = self._config
    if isinstance(self.backend, DocumentSearcher):
      return self.backend.to_records(questions, config.reader_beam)
    if isinstance(self.backend, BlankFiller):
      return self.backend.to_records(questions, top=config.top_n)
    found = self.backend.answer(
      questions,
      reader_beam=config.reader_beam,
      top_n=config.top_n,
      blocks_at_once=config.blocks_at_once,
    )
    return found.to_records(questions)

  def ask_lines(self, lines: IO[bytes], name: str) -> Iterator[dict[str, Any]]:
    """Answers the lines of a file in their order.

    Args:
      lines: Stream as `question_lines.cut` reads it.
      name: Name of the file in messages.

    Yields:
      A JSON object per line or question; for one without a question with an
      empty `prediction`, and `error`.

    Raises:
      CorpusError: The file is damaged, after everything before has been
        answered; or a line has no question, if `strict`.
    """
    problems = Problems(self._config.strict, 'not answered')
    batch: list[dict[str, Any] | str] = []

    def answers() -> Iterator[dict[str, Any]]:
      questions = [item for item in batch if isinstance(item, str)]
      records = iter(self.ask(questions) if questions else [])
      for item in batch:
        yield next(records) if isinstance(item, str) else item
      batch.clear()

    number = 0
    try:
      for number, line in question_lines.cut(lines):
        try:
          batch.append(question_lines.parse_question(line))
        except MalformedError as e:
          problems.add(f'{name}:{number}', e)
          text = ''
          if isinstance(line, bytes):
            text = line.decode('utf-8', 'replace').strip()
          batch.append({'question': text, 'prediction': '', 'error': str(e)})
        if len(batch) >= self._config.batch_size:
          yield from answers()
    except (files.DamagedFileError, DamagedError) as e:
      yield from answers()
      raise CorpusError(
        f'{name}:{number + 1}: the rest is not read: {e}'
      ) from e
    except CorpusError:
      yield from answers()
      raise
    yield from answers()
    if problems.counts['malformed']:
      logging.warning('%d lines are not answered', problems.counts['malformed'])
