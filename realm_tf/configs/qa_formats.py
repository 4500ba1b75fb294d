# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Formats of files of questions."""

from typing import Literal

# jsonl: A JSON object per line: NQ-open's, WebQuestions', CuratedTREC's and
#   SQuAD-open's (`question`, `answer`, perhaps `id`, and `paragraph_id` and
#   `title` of the gold paragraph), KILT's, Hugging Face's rows of SQuAD and
#   TriviaQA, and Natural Questions' nq-*.jsonl.gz, simplified or full.
# json: An array of such objects, as DPR's training files; SQuAD 1.1 and 2.0 and
#   TriviaQA as published.
# dpr: DPR's *.qas.csv: question, tab, the answers as a Python list.
QaFormat = Literal['auto', 'jsonl', 'json', 'dpr']
