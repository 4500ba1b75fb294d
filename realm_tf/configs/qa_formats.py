# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Formats of files of questions."""

import typing
from typing import Literal

# jsonl: A JSON object per line with `question` and `answer` (a list), and
#   perhaps `id`, `paragraph_id` and `title` (of the gold paragraph): NQ-open,
#   WebQuestions, CuratedTREC, SQuAD-open.
# dpr: DPR's *.qas.csv: question, tab, the answers as a Python list.
# dpr_json: DPR's training files: an array of question, answers, contexts.
# natural_questions: nq-*.jsonl.gz, simplified or full.
QaFormat = Literal['auto', 'jsonl', 'dpr', 'dpr_json', 'natural_questions']
QA_FORMATS = typing.get_args(QaFormat)[1:]
