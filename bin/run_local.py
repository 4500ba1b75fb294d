# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
r"""The whole way on one machine: corpus, spans, ICT, REALM, measures.

    python -m bin.run_local --output_dir=out/demo

pre-trains on the small world of testdata. The same on text of your own:

    python -m bin.run_local --output_dir=out/mine --settings=real \
        --knowledge=wiki.jsonl.gz --pretraining=news.jsonl.gz --bert=BERT_DIR

Each stage is one of the other binaries, called with the command that is
printed; what is done already is not done again, and a stage that was
interrupted goes on where it was.

Cost: the small world takes nine minutes on 2 slow cores (55 GFLOP/s): 300 steps
of ICT and 450 of REALM.

Expect: a table at the end (recall of the right document, and blanks filled,
with random weights, after ICT, and after REALM) and three filled blanks.
"""

import json
import os
import sys

from absl import app, flags

from bin.stages import Stages
from realm_tf.io import files

_OUTPUT_DIR = flags.DEFINE_string(
  'output_dir', None, 'Everything is written here.', required=True
)
_SETTINGS = flags.DEFINE_enum(
  'settings',
  'small',
  ['small', 'real'],
  'Lengths, rates and batches for sentences and documents of a few words, or'
  ' for real text.',
)
_KNOWLEDGE = flags.DEFINE_string(
  'knowledge',
  'testdata/knowledge.jsonl',
  'Text that is retrieved; whatever bin/build_corpus reads.',
)
_PRETRAINING = flags.DEFINE_string(
  'pretraining', 'testdata/pretraining.jsonl', 'Text with blanks to fill.'
)
_HELDOUT_TEXT = flags.DEFINE_string(
  'heldout_text',
  None,
  'Text like --pretraining for the held-out retrieval utility; default: none'
  ' (small world: its held-out sentences).',
)
_HELDOUT_BLANKS = flags.DEFINE_string(
  'heldout_blanks',
  None,
  'JSONL for bin/evaluate_blanks; default: none (small world: its own).',
)
_BERT = flags.DEFINE_string(
  'bert', 'testdata/bert', 'Weights with their vocabulary: the warm start.'
)
_VOCAB_FILE = flags.DEFINE_string(
  'vocab_file', None, 'Default: vocab.txt in the directory --bert.'
)
_LOWER_CASE = flags.DEFINE_bool(
  'lower_case',
  None,
  'Default: as tokenizer_config.json beside it says, or yes.',
)
_GAZETTEER = flags.DEFINE_string(
  'gazetteer', None, 'A file of names (small world: its own).'
)
_ICT_STEPS = flags.DEFINE_integer(
  'ict_steps', None, 'Default: by --settings.', lower_bound=1
)
_REALM_STEPS = flags.DEFINE_integer(
  'realm_steps', None, 'Default: by --settings.', lower_bound=1
)
_REFRESH_SCHEDULE = flags.DEFINE_string(
  'refresh_schedule', None, 'Default: by --settings.'
)

_LENGTHS = {
  'small': ['--query_seq_len=48', '--candidate_seq_len=72'],
  'real': ['--query_seq_len=96', '--candidate_seq_len=288'],
}
_ICT = {
  'small': ['--learning_rate=5e-4', '--eval_every=150'],
  'real': ['--learning_rate=2e-4', '--dropout=0', '--eval_every=500'],
}
_ICT_BATCH = {'small': 64, 'real': 32}
_REALM = {
  'small': [
    '--batch_size=16',
    '--num_candidates=5',
    '--max_masks=6',
    '--learning_rate=2e-4',
    '--embedder_learning_rate=2e-4',
    '--eval_every=150',
    '--log_every_steps=50',
  ],
  'real': [
    '--batch_size=8',
    '--num_candidates=8',
    '--learning_rate=1e-4',
    '--embedder_learning_rate=5e-5',
    '--dropout=0',
    '--eval_every=250',
    '--log_every_steps=50',
  ],
}
_STEPS = {'small': (300, 450, '0-:100'), 'real': (1000, 2000, '0-:500')}


def _small_world(name: str, given: str | None) -> str | None:
  """The file of testdata, where the small world is what is trained on."""
  if given is None and _PRETRAINING.value == 'testdata/pretraining.jsonl':
    return f'testdata/{name}'
  return given


def _tokenization() -> list[str]:
  """The flags by which all stages split text into the same wordpieces."""
  vocab_file = _VOCAB_FILE.value or os.path.join(_BERT.value, 'vocab.txt')
  lower_case = _LOWER_CASE.value
  if lower_case is None:
    says = os.path.join(os.path.dirname(vocab_file), 'tokenizer_config.json')
    lower_case = True
    if os.path.exists(says):
      with open(says, encoding='utf-8') as f:
        lower_case = json.load(f).get('do_lower_case', True)
  return [
    f'--vocab_file={vocab_file}',
    f'--lower_case={str(bool(lower_case)).lower()}',
  ]


def _check_inputs() -> None:
  """Says now what would otherwise end a stage far down the way."""
  given = {
    'knowledge': _KNOWLEDGE.value,
    'pretraining': _PRETRAINING.value,
    'heldout_text': _HELDOUT_TEXT.value,
    'heldout_blanks': _HELDOUT_BLANKS.value,
    'bert': _BERT.value,
    'gazetteer': _GAZETTEER.value,
    'vocab_file': _VOCAB_FILE.value or os.path.join(_BERT.value, 'vocab.txt'),
  }
  for name, value in given.items():
    try:
      files.expand(value or '.')
    except OSError as e:
      raise app.UsageError(f'--{name}: {e}') from e


def _tag(stages: Stages, text: str, directory: str) -> str:
  """Tags text; returns the glob of its span records."""
  arguments = [f'--input={text}', f'--output_dir={directory}']
  gazetteer = _small_world('gazetteer.txt', _GAZETTEER.value)
  if gazetteer is not None:
    arguments.append(f'--gazetteer={gazetteer}')
  stages.run('tag_salient_spans', *arguments)
  return os.path.join(directory, 'spans-*.tfrecord.gz')


def _ict_batch(corpus: str, settings: str) -> int:
  """As many different blocks as there are, for a small corpus."""
  with open(os.path.join(corpus, 'manifest.json'), encoding='utf-8') as f:
    blocks = json.load(f)['counts']['blocks']
  if blocks < 2:
    raise SystemExit(
      f'run_local: {_KNOWLEDGE.value} gives {blocks} block: there is nothing to'
      ' tell apart'
    )
  return min(_ICT_BATCH[settings], blocks)


def main(argv: list[str]) -> None:
  """Goes the whole way."""
  if len(argv) > 1:
    raise app.UsageError(f'these are no flags: {" ".join(argv[1:])}')
  out, settings = _OUTPUT_DIR.value, _SETTINGS.value
  ict_steps, realm_steps, schedule = _STEPS[settings]
  ict_steps = _ICT_STEPS.value or ict_steps
  realm_steps = _REALM_STEPS.value or realm_steps
  schedule = _REFRESH_SCHEDULE.value or schedule
  corpus, ict, realm = (
    os.path.join(out, name) for name in ('corpus', 'ict', 'realm')
  )
  _check_inputs()
  tokenization = _tokenization()
  stages = Stages('run_local')

  stages.run(
    'build_corpus',
    f'--input={_KNOWLEDGE.value}',
    f'--output_dir={corpus}',
    *tokenization,
  )
  spans = _tag(stages, _PRETRAINING.value, os.path.join(out, 'spans'))
  heldout = []
  heldout_text = _small_world('heldout.jsonl', _HELDOUT_TEXT.value)
  if heldout_text is not None:
    heldout_spans = _tag(
      stages, heldout_text, os.path.join(out, 'heldout_spans')
    )
    heldout.append(f'--heldout_examples={heldout_spans}')
  stages.run(
    'pretrain_ict',
    f'--model_dir={ict}',
    f'--corpus_dir={corpus}',
    f'--bert={_BERT.value}',
    *tokenization,
    f'--train_steps={ict_steps}',
    f'--batch_size={_ict_batch(corpus, settings)}',
    *_LENGTHS[settings],
    *_ICT[settings],
  )
  ict_embedder = os.path.join(ict, f'export/tf_hub/{ict_steps}/embedder')
  stages.run(
    'pretrain_realm',
    f'--model_dir={realm}',
    f'--corpus_dir={corpus}',
    f'--train_examples={spans}',
    *heldout,
    f'--bert={_BERT.value}',
    *tokenization,
    f'--embedder={ict_embedder}',
    f'--train_steps={realm_steps}',
    f'--refresh_schedule={schedule}',
    *_LENGTHS[settings],
    *_REALM[settings],
  )
  blanks = _small_world('heldout.jsonl', _HELDOUT_BLANKS.value)
  if blanks is not None:
    export = os.path.join(realm, f'export/tf_hub/{realm_steps}')
    stages.run(
      'evaluate_blanks',
      f'--corpus_dir={corpus}',
      f'--heldout={blanks}',
      '--system=random weights=random',
      f'--system=BERT and ICT={ict_embedder},{_BERT.value}',
      f'--system=REALM={export}/embedder,{export}/bert',
      *_LENGTHS[settings],
    )
  print(f'\nDone in {stages.seconds:.0f} s. Ask it:')
  python = os.path.relpath(sys.executable)
  print(f'  {python} -m bin.search --model_dir={realm} --corpus_dir={corpus}')


if __name__ == '__main__':
  app.run(main)
