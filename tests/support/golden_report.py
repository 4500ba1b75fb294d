# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""How many of the original's cases agree with ours, file by file.

    REALM_TF_SHARED_DATA=... python -m tests.support.golden_report

Printed is the share of each golden file, and each case that does not agree with
the reason. Integers must be equal; floats agree to 1e-5 relative to the largest
number of the array, gradients to 1e-4. Each function gives (case, reason) for
the cases of a file; the reason is None where they agree.
"""

import collections
import dataclasses
import functools
import json
import os
import pathlib
import sys
import unicodedata
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from realm_tf.configs.embedder_config import EmbedderStartConfig
from realm_tf.configs.masking_config import FeaturizationConfig, MaskingConfig
from realm_tf.corpus import document_uids
from realm_tf.index import search_ops
from realm_tf.indexing import text_embedder
from realm_tf.modeling import featurization, span_scores
from realm_tf.original import (
  original_corpus,
  original_layers,
  original_weights,
)
from realm_tf.questions import answer_spans, answers, qa_split
from realm_tf.spans import masking
from realm_tf.text import packing, words
from realm_tf.text.tokenizer import BertTokenizer
from tests.support import (
  goldens,
  original_examples,
  orqa_goldens,
  sentence_encoders,
)

Cases = Iterator[tuple[str, str | None]]
DIFFERS = 'DIFFERS'


def load(folder: pathlib.Path, name: str):
  return json.loads((folder / name).read_text())


def close(found, expected, tolerance: float = 1e-5) -> str | None:
  """None, or by how much they differ."""
  found, expected = np.asarray(found), np.asarray(expected)
  if found.shape != expected.shape:
    return f'{DIFFERS}: shape {found.shape}, not {expected.shape}'
  scale = np.abs(expected).max(initial=0)
  worst = np.abs(found - expected).max(initial=0)
  if worst <= tolerance * scale:
    return None
  return f'{DIFFERS}: by {worst:.1e} at a scale of {scale:.1e}'


def same(found, expected) -> str | None:
  equal = np.array_equal(np.asarray(found), np.asarray(expected))
  return None if equal else DIFFERS


@functools.lru_cache
def tokenizer_of(folder: pathlib.Path, lower_case: bool = True):
  vocab = folder / 'modules/tiny/bert/assets/vocab.txt'
  return BertTokenizer.from_file(vocab, lower_case=lower_case)


@functools.lru_cache
def embedder_of(folder: pathlib.Path):
  return original_layers.load_embedder(folder / 'modules/tiny/embedder')


@functools.lru_cache
def documents_of(folder: pathlib.Path) -> list[original_corpus.Block]:
  return list(original_corpus.read(str(folder / 'corpus.jsonl.gz')))


def doc_uids(folder: pathlib.Path) -> Cases:
  """Their low 64 bits, which are ours."""
  cases = load(folder, 'doc_uids.json')
  uids = document_uids.uids_of(
    [c['title'].encode() for c in cases], [c['body'].encode() for c in cases]
  )
  for case, uid in zip(cases, uids):
    expected = np.uint64(int(case['uid']) % 2**64)
    yield case['title'], same(np.uint64(uid), expected)


def tokenizer(folder: pathlib.Path) -> Cases:
  cases = load(folder, 'tokenizer.json')
  texts = [c['text'] for c in cases]
  ids = tokenizer_of(folder).tokenize_with_offsets(texts)
  cased = tokenizer_of(folder, False).tokenize(texts).to_list()
  for case, *found, of_cased in zip(
    cases, *(x.to_list() for x in (ids.ids, ids.starts, ids.limits)), cased
  ):
    reason = None
    if found[0] != case['ids'] or of_cased != case['ids_cased']:
      reason = DIFFERS
      if '\u4dbf' in case['text']:
        reason = 'U+4DBF is a character since Unicode 13; the original had 11'
    elif case['token_bytes'] is None:
      reason = 'the original finds no bytes for its tokens, and gives up'
    elif [list(p) for p in zip(*found[1:])] != case['token_bytes']:
      reason = DIFFERS
    yield ascii(case['text'][:40]), reason


def featurization_json(folder: pathlib.Path) -> Cases:
  """Tokens with their bytes, masks, and uids of the candidates."""
  golden = load(folder, 'featurization.json')
  config = MaskingConfig(
    max_masks=golden['config']['max_masks'],
    query_seq_len=golden['config']['query_seq_len'],
  )
  for query in golden['queries']:
    tokens = tokenizer_of(folder).tokenize_with_offsets([query['text']])
    name = ascii(query['text'][:40])
    if 'token_ids' not in query:
      # Ours has tokens with bytes within the text.
      assert tokens.ids.to_list()[0] or not query['text']
      yield name, f'the original drops it: {query.get("error_message")}'
      continue
    spans = np.array(query['mask_spans']).reshape(-1, 2)
    rows = np.zeros(len(spans), np.int64)
    ranges = masking.find_tokens(tokens, rows, spans[:, 0], spans[:, 1], config)
    ids = tokens.ids[:, : config.max_query_tokens]
    cover = masking.cover(ids, rows, ranges.first, ranges.limit)
    masked = masking.mask_tokens(
      ids, cover, tokenizer_of(folder).mask_id, config
    )
    pairs = zip(tokens.starts.to_list()[0], tokens.limits.to_list()[0])
    reason = None
    if (
      tokens.ids.to_list()[0] != query['token_ids']
      or [list(p) for p in pairs] != query['token_bytes']
    ):
      reason = DIFFERS
    elif 'mask' not in query:
      fits = bool(tf.reduce_all(ranges.fit))
      reason = f'the original drops it: {query["error_message"]}'
      if query['error_message'] == 'Masks would be truncated.':
        reason = DIFFERS if fits else None  # Neither masks it.
    else:
      after = query['mask']['token_ids_after_masking']
      places = query['mask']['mask_indices']
      if (
        masked['query_ids'][0].numpy().tolist()
        != (after[: config.max_query_tokens])
      ):
        reason = DIFFERS
      if len(places) > config.max_masks and reason is None:
        assert not bool(tf.reduce_all(ranges.fit))
        reason = 'the original masks more than it predicts; ours does not'
    if reason is None and 'candidates' in query:
      uids = document_uids.uids_of(
        *(
          [c[side].encode() for c in query['candidates']]
          for side in ('title', 'body')
        )
      )
      expected = [int(u) % 2**64 for u in query['candidate_uids']]
      reason = same(uids.astype(np.uint64), np.array(expected, np.uint64))
    yield name, reason


def _masked(folder: pathlib.Path, queries: list[dict], settings: dict) -> dict:
  """Queries with all their spans masked, as the original masks them."""
  pieces = tokenizer_of(folder)
  config = MaskingConfig(
    max_masks=settings['max_masks'], query_seq_len=settings['query_seq_len']
  )
  tokens = pieces.tokenize_with_offsets([q['text'] for q in queries])
  spans = [
    (i, *span) for i, q in enumerate(queries) for span in q['mask_spans']
  ]
  rows, starts, limits = np.array(spans, np.int64).reshape(-1, 3).T
  ranges = masking.find_tokens(tokens, rows, starts, limits, config)
  ids = tokens.ids[:, : config.max_query_tokens]
  cover = masking.cover(ids, rows, ranges.first, ranges.limit)
  return masking.mask_tokens(ids, cover, pieces.mask_id, config)


@functools.lru_cache
def featurized(folder: pathlib.Path):
  """Our features of all queries that the original made features of."""
  golden = load(folder, 'featurization.json')
  arrays = np.load(folder / 'featurization.npz')
  queries = [q for q in golden['queries'] if 'ok_index' in q]
  names = [f.name for f in dataclasses.fields(FeaturizationConfig)]
  config = FeaturizationConfig(
    **{k: v for k, v in golden['config'].items() if k in names},
    fixed_length=True,
  )
  pieces = tokenizer_of(folder)
  candidates = [c for q in queries for c in q['candidates']]
  masked = _masked(folder, queries, golden['config'])
  sides = [
    pieces.tokenize([c[side] for c in candidates]) for side in ('title', 'body')
  ]
  features = featurization.featurize(
    masked, *sides, special=pieces.special, config=config
  )
  return queries, arrays, features, config, golden['config']['model_timestamp']


_BERT_INPUTS = (
  ('input_word_ids', 'token_ids', 'input_ids'),
  ('input_mask', 'mask', 'input_mask'),
  ('input_type_ids', 'segment_ids', 'segment_ids'),
)


def featurization_npz(folder: pathlib.Path) -> Cases:
  queries, arrays, features, _, _ = featurized(folder)
  for row, query in enumerate(queries):
    pairs = []
    for ours, theirs, of_document in _BERT_INPUTS:
      for side, name in (
        ('query', 'query_inputs'),
        ('candidates', 'candidate_inputs'),
        ('joint', 'joint_inputs'),
      ):
        pairs.append((features[side][ours][row], arrays[f'{name}.{theirs}']))
      pairs.append(
        (features['candidates'][ours][row], arrays[f'doc_tf.{of_document}'])
      )
    for name in ('mlm_positions', 'mlm_targets', 'mlm_mask'):
      pairs.append((features[name][row], arrays[name]))
    reasons = [same(found, expected[row]) for found, expected in pairs]
    yield query['text'][:40], next(filter(None, reasons), None)


def tf_example(folder: pathlib.Path) -> Cases:
  _, _, features, config, timestamp = featurized(folder)
  names = load(folder, 'tf_example_keys.json')
  found = next(original_examples.encode_examples(features, config, timestamp))
  theirs = (folder / 'tf_example_0.bin').read_bytes()
  expected = tf.train.Example.FromString(theirs)
  is_same = tf.train.Example.FromString(found) == expected
  yield 'tf_example_0.bin', None if is_same else DIFFERS
  keys = [names[str(i)] for i in range(len(names))]
  yield 'tf_example_keys.json', same(original_examples.KEYS, keys)


def bert_tiny(folder: pathlib.Path) -> Cases:
  bert = original_layers.load_bert(folder / 'modules/tiny/bert', tags=())
  expected = np.load(folder / 'bert_tiny.npz')
  inputs = {
    ours: tf.constant(expected[f'joint_{theirs}'])
    for ours, theirs in (
      ('input_word_ids', 'ids'),
      ('input_mask', 'mask'),
      ('input_type_ids', 'segments'),
    )
  }
  outputs = bert.encoder(inputs)
  for name in ('pooled_output', 'sequence_output'):
    for row in range(len(expected[name])):
      yield f'{name}[{row}]', close(outputs[name][row], expected[name][row])
  first = np.load(folder / 'model_tiny.npz')['sel'][0]
  places = np.load(folder / 'featurization.npz')['mlm_positions'][first]
  logits = bert.mlm_head(
    outputs['sequence_output'][:1], tf.constant(places[None])
  )[0]
  yield 'mlm_logits_0', close(logits, expected['mlm_logits_0'])


def doc_embeds(folder: pathlib.Path, every: int = 1) -> Cases:
  expected = np.load(folder / 'doc_embeds_tiny.npy')
  embedder, pieces = embedder_of(folder), tokenizer_of(folder)
  embed = tf.function(
    embedder.embed_documents, reduce_retracing=True, autograph=False
  )
  rows = range(0, len(expected), every)
  for start in range(0, len(rows), 50):
    part = rows[start : start + 50]
    blocks = [documents_of(folder)[row] for row in part]
    packed = packing.pack_document(
      *(pieces.tokenize([b[side] for b in blocks]) for side in (0, 1)),
      special=pieces.special,
      max_length=288,
    )
    for row, found in zip(part, embed(packed).numpy()):
      yield f'document {row}', close(found, expected[row])


def encoded(folder: pathlib.Path) -> Cases:
  path = folder / 'modules/tiny/embedder/encoded/encoded.ckpt'
  found = original_weights.read(path).block_embeddings
  yield 'block_emb', same(found, np.load(folder / 'doc_embeds_tiny.npy'))


def retrieval(folder: pathlib.Path) -> Cases:
  expected = np.load(folder / 'retrieval_tiny.npz')
  rows = np.arange(len(expected['query_emb_all_ok']))
  inputs = goldens.load_features(folder, rows)['query']
  queries = embedder_of(folder).embed_queries(inputs)
  documents = np.load(folder / 'doc_embeds_tiny.npy')
  ids, scores = search_ops.search_exact(tf.constant(documents), queries, 10)
  for row in rows:
    reason = close(queries[row], expected['query_emb_all_ok'][row])
    reason = reason or close(scores[row], expected['top10_scores'][row])
    if reason is None and same(ids[row], expected['top10_ids'][row]):
      gaps = -np.diff(expected['top10_scores'][row])
      reason = (
        f'{DIFFERS}: order; the closest scores are {gaps.min():.1e} apart'
      )
    yield f'query {row}', reason


def _dense(gradients: list[Any]) -> list[tf.Tensor]:
  """With the slices of one row added up, as the goldens' norms have them."""
  return [tf.convert_to_tensor(g) for g in gradients]


def _norms(names: list[str], gradients: list[tf.Tensor]) -> dict[str, float]:
  return {name: float(tf.norm(g)) for name, g in zip(names, gradients)}


def _same_norms(
  norms: dict[str, float], expected: dict[str, float]
) -> Iterator[tuple[str, str | None]]:
  if norms.keys() != expected.keys():
    odd = sorted(norms.keys() ^ expected.keys())
    yield 'variables with a gradient', f'{DIFFERS}: {", ".join(odd)}'
  for name in norms.keys() & expected.keys():
    reason = close(norms[name], expected[name], 1e-4)
    # Of some it is zero but for rounding.
    if reason and max(norms[name], expected[name]) < 1e-6:
      reason = None
    yield f'norm of gradient {name}', reason


def model_tiny(folder: pathlib.Path) -> Cases:
  """Outputs, loss, utility, gradients and six steps of the optimizer."""
  model = goldens.load_model(folder)
  features = goldens.load_features(folder)
  expected = np.load(folder / 'model_tiny.npz')
  facts = goldens.load_facts(folder)
  outputs = model(features)
  embedder = model.retriever.embedder
  mask = features['mlm_mask'].numpy()
  logits = model.reader.logits(features['joint'], features['mlm_positions'])
  best = tf.math.top_k(logits, 5).indices
  with tf.GradientTape() as tape:
    loss, metrics = model.loss_and_metrics(features)
  gradients = _dense(tape.gradient(loss, model.trainable_variables))
  for name, found, wanted in (
    (
      'query_emb',
      embedder.embed_queries(features['query']),
      expected['query_emb'],
    ),
    (
      'candidate_emb',
      embedder.embed_documents(features['candidates']),
      expected['candidate_emb'],
    ),
    (
      'retrieval_score',
      outputs['retrieval_scores'],
      expected['retrieval_score'],
    ),
    (
      'candidate_log_probs',
      outputs['candidate_log_probs'],
      expected['candidate_log_probs'],
    ),
    (
      'gold_log_probs',
      outputs['gold_log_probs'],
      expected['gold_log_probs'] * mask[:, None],
    ),
    (
      'marginal_gold_log_probs',
      outputs['marginal_gold_log_probs'],
      expected['marginal_gold_log_probs'] * mask,
    ),
    ('mlm_logits_first64', logits[..., :64], expected['mlm_logits_first64']),
    (
      'mlm_logits_logsumexp',
      tf.reduce_logsumexp(logits, -1),
      expected['mlm_logits_logsumexp'],
    ),
    ('loss', loss, expected['loss']),
  ):
    yield name, close(found, wanted)
  utility = metrics['retrieval_utility']
  # A difference of two numbers of the scale of the loss.
  off = abs(float(utility) - float(expected['retrieval_utility']))
  small = off <= 1e-5 * float(expected['loss'])
  yield 'retrieval_utility', None if small else f'{DIFFERS}: by {off:.1e}'
  yield 'mlm_logits_top5_ids', same(best, expected['mlm_logits_top5_ids'])
  arrays = np.load(folder / 'model_tiny_grads.npz')
  for variable, gradient in zip(model.trainable_variables, gradients):
    name = goldens.original_name(variable)
    found = goldens.canonical_layout(variable, gradient.numpy())
    off = abs(float(found.sum(dtype=np.float64)) - facts['grad_sums'][name])
    # A sum of what nearly cancels has the rounding of all its parts.
    small = off <= 1e-4 * facts['grad_norms'][name] + 1e-5
    reason = None if small else f'{DIFFERS}: by {off:.1e}'
    yield f'sum of gradient {name}', reason
    if name in arrays:
      if name.endswith('key/bias'):
        # Zero but for rounding: it adds the same to all scores.
        tiny = np.abs(found).max() < 1e-6 and np.abs(arrays[name]).max() < 1e-6
        yield f'gradient {name}', None if tiny else DIFFERS
      else:
        yield f'gradient {name}', close(found, arrays[name], 1e-4)
  names = [goldens.original_name(v) for v in model.trainable_variables]
  yield from _same_norms(
    _norms(names, gradients),
    {k: v for k, v in facts['grad_norms'].items() if v is not None},
  )
  yield (
    'global norm of gradients',
    close(tf.linalg.global_norm(gradients), facts['global_grad_norm'], 1e-4),
  )
  steps = facts['optimizer']
  losses, norms = goldens.trajectory(folder)
  for step, (found, wanted) in enumerate(zip(losses, steps['losses'])):
    yield f'loss after {step} updates', close(found, wanted)
  for name, norm in norms.items():
    reason = close(norm, steps['final_norms'][name])
    yield f'norm after 6 updates of {name}', reason


def evaluation(folder: pathlib.Path) -> Cases:
  for case in load(folder, 'eval.json'):
    # An empty prediction is right in the original where an answer is empty.
    left = case['prediction' if case['is_regex'] else 'normalized_prediction']
    agrees = (
      answers.normalize(case['prediction']) == case['normalized_prediction']
      and [answers.normalize(a) for a in case['answers']]
      == case['normalized_answers']
      and answers.is_correct(
        case['prediction'], case['answers'], case['is_regex']
      )
      == (case['is_correct'] and bool(left))
    )
    yield ascii(case['prediction']), None if agrees else DIFFERS


def resplit(folder: pathlib.Path) -> Cases:
  cases = load(folder, 'resplit_hash.json')
  questions = [c['question'] for c in cases]
  for case, bucket, dev in zip(
    cases, qa_split.buckets(questions), qa_split.is_dev(questions)
  ):
    agrees = bucket == case['bucket'] and dev == (case['mod10'] == 0)
    yield ascii(case['question']), None if agrees else DIFFERS


def _ragged(rows):
  return tf.ragged.constant(rows, tf.int32)


def _reader_input(case) -> str | None:
  inputs, expected = case['inputs'], case['outputs']
  blocks = [
    ids[:size]
    for ids, size in zip(inputs['block_token_ids'], inputs['block_lengths'])
  ]
  wanted = [
    ids[:size]
    for ids, size in zip(inputs['answer_token_ids'], inputs['answer_lengths'])
  ]
  special = packing.SpecialIds(
    cls=inputs['cls_token_id'], sep=inputs['sep_token_id'], mask=-1, pad=0
  )
  got = packing.pack_reader(
    _ragged([inputs['question_token_ids']] * len(blocks)),
    _ragged(blocks),
    special=special,
    max_length=inputs['max_sequence_len'],
    fixed_length=True,
  )
  for ours, theirs in (
    ('input_word_ids', 'token_ids'),
    ('input_mask', 'mask'),
    ('input_type_ids', 'segment_ids'),
    ('block_mask', 'block_mask'),
  ):
    if same(got[ours], expected[theirs]):
      return f'{DIFFERS}: {theirs}'
  first = len(inputs['question_token_ids']) + 2
  of_one = tf.RaggedTensor.from_row_lengths(_ragged(wanted), [len(wanted)])
  sizes = tf.reduce_sum(got['block_mask'], -1).numpy()
  kept = [block[:size] for block, size in zip(blocks, sizes)]
  starts, ends = answer_spans.gold_spans(_ragged(kept), of_one)
  for found, name in ((starts, 'gold_starts'), (ends, 'gold_ends')):
    found = np.where(found < 0, -1, found + first)
    if found.tolist() != expected[name]:
      if not all(wanted):
        return 'the original finds an empty answer before every wordpiece'
      return f'{DIFFERS}: {name}'
  return None


def orqa_ops(folder: pathlib.Path) -> Cases:
  cases = load(folder, 'orqa_ops.json')
  for case in cases['reader_inputs']:
    yield f'reader_inputs {case["name"]}', _reader_input(case)
  for case in cases['has_answer']:
    blocks = [b.encode() for b in case['blocks']]
    found = answer_spans.contains_any(
      np.frombuffer(b''.join(blocks), np.uint8),
      np.cumsum([0, *map(len, blocks)]),
      [list(a.encode()) for a in case['answers']],
    )
    reason = same(found, case['result'])
    if reason and not any(case['answers']):
      reason = 'an empty answer stands nowhere, in the original everywhere'
    yield f'has_answer {ascii(case["answers"])}', reason


_NO_WORDPIECE = '\ua4d0'  # A letter that no vocabulary has.


def _as_orqa_folds(text: str, of_format: str) -> str:
  """What ORQA makes of a text before it looks for wordpieces.

  Control characters are blanks, and those of format blanks or nothing; what
  BERT leaves out else stays, and no wordpiece has it.
  """
  kept = ''
  for character in text:
    category = unicodedata.category(character)
    if category in ('Co', 'Cn', 'Zl', 'Zp') or character == '\ufffd':
      character = _NO_WORDPIECE
    kept += {'Cc': ' ', 'Cf': of_format}.get(category, character)
  for _ in range(2):
    kept = unicodedata.normalize('NFKC', kept).casefold()
  return ' '.join(_NO_WORDPIECE if len(w) > 100 else w for w in kept.split())


def orqa_tokenize(folder: pathlib.Path) -> Cases:
  cases = load(folder, 'orqa_tokenize.json')
  texts = [c['text'] for c in cases]
  tokenize = tokenizer_of(folder).tokenize
  plain, *folded = (
    tokenize(way).to_list()
    for way in (
      texts,
      [_as_orqa_folds(t, ' ') for t in texts],
      [_as_orqa_folds(t, '') for t in texts],
    )
  )
  for case, ours, *of_folded in zip(cases, plain, *folded):
    of_blocks, of_questions = case['wordpiece_ids'], case['tokenize_ids']
    reason = None
    if of_questions != ours and of_questions not in of_folded:
      reason = DIFFERS
    elif of_blocks != of_questions:
      reason = 'ORQA tokenizes blocks and questions differently'
    elif of_questions != ours:
      reason = 'ORQA folds characters (NFKC) that pre-training left as they are'
    yield ascii(case['text'][:40]), reason


def orqa_tiny(folder: pathlib.Path) -> Cases:
  model = orqa_goldens.load_model(folder)
  pieces = tokenizer_of(folder)
  for number, case in enumerate(orqa_goldens.load_cases(folder)):
    case.features['query_embedding'] = model.embed_queries(case.query)
    outputs = {k: x[0].numpy() for k, x in model(case.features).items()}
    best = {
      k: int(x[0, 0])
      for k, x in span_scores.best_spans(outputs['logits'][None], 1).items()
    }
    with tf.GradientTape() as tape:
      embedding = model.embed_queries(case.query)
      features = {**case.features, 'query_embedding': embedding}
      loss, _ = model.loss_and_metrics(features)
    gradients = _dense(tape.gradient(loss, model.trainable_variables))
    length = case.arrays['token_ids'].shape[1]
    starts = np.concatenate([np.arange(length - w) for w in range(10)])
    widths = np.concatenate([np.full(length - w, w) for w in range(10)])
    starts = starts - case.first
    logits = outputs['logits']
    inside = (starts >= 0) & (starts < logits.shape[1])
    found = logits[:, starts[inside], widths[inside]]
    expected = case.arrays['logits'][:, inside]
    is_span = expected > -5000
    place = case.facts['candidate']
    body = case.bodies[best['block']]
    tokens = words.widen_to_words(pieces.tokenize_with_offsets([body]), pieces)
    text = body.encode()[
      int(tokens.starts[0][best['start']]) : int(tokens.limits[0][best['end']])
    ].decode()
    answer = None
    if text != case.facts['answer']:
      answer = 'the same words; the original puts blanks before punctuation'
      if answers.normalize(text) != answers.normalize(case.facts['answer']):
        answer = f'{DIFFERS}: {text!r}, not {case.facts["answer"]!r}'
    joint = case.features['joint']['input_word_ids'][0]
    gold = case.features['gold_starts'][0].numpy()
    for what, reason in (
      ('token_ids', same(joint, case.arrays['token_ids'])),
      (
        'gold_starts',
        same(
          np.where(gold < 0, -1, gold + case.first), case.arrays['gold_starts']
        ),
      ),
      (
        'retriever logits',
        close(outputs['retriever_logits'], case.arrays['retr_logits']),
      ),
      ('which are spans', same(found > span_scores.NEVER / 2, is_span)),
      ('reader logits', close(found[is_span], expected[is_span])),
      ('loss', close(loss, np.float32(case.facts['loss']))),
      (
        'block and span',
        same(
          [best['block'], best['start'], best['end']],
          [
            case.facts['block_index'],
            starts[place],
            starts[place] + widths[place],
          ],
        ),
      ),
      ('answer', answer),
    ):
      yield f'question {number}: {what}', reason
    names = [orqa_goldens.original_name(v) for v in model.trainable_variables]
    norms = _norms(names, gradients)
    for what, reason in _same_norms(norms, case.facts['grad_norms']):
      yield f'question {number}: {what}', reason
    global_norm = float(tf.linalg.global_norm(gradients))
    yield (
      f'question {number}: global norm of gradients',
      close(global_norm, case.facts['global_grad_norm'], 1e-4),
    )


def sentence_vectors(folder: pathlib.Path) -> Cases:
  # Not of the original: of all-MiniLM-L6-v2.
  expected = np.load(folder / 'sentence_vectors.npz')
  texts = load(folder, 'sentence_vectors.json')
  directory = sentence_encoders.mini_lm()
  for name, changes in (
    ('normalized', {}),
    ('mean', {'normalization': 'none'}),
    ('cls', {'normalization': 'none', 'pooling': 'cls'}),
  ):
    embedder = text_embedder.TextEmbedder.open(
      directory, EmbedderStartConfig(**changes)
    )
    for kind, vectors in (
      ('query', embedder.queries(texts)),
      ('document', embedder.documents(texts)),
    ):
      for i, vector in enumerate(vectors):
        yield f'{name} {kind} {i}', close(vector, expected[name][i])
  ids = embedder.tokenizer.tokenize(texts).to_list()
  masks = expected['attention_mask'] > 0
  for i, (row, mask) in enumerate(zip(expected['input_ids'], masks)):
    its = [embedder.tokenizer.cls_id, *ids[i], embedder.tokenizer.sep_id]
    yield f'ids {i}', same(its, row[mask])


REPORTS: dict[str, Callable[[pathlib.Path], Cases]] = {
  'doc_uids.json': doc_uids,
  'tokenizer.json': tokenizer,
  'featurization.json': featurization_json,
  'featurization.npz': featurization_npz,
  'tf_example_0.bin, tf_example_keys.json': tf_example,
  'modules, bert_tiny.npz': bert_tiny,
  'corpus.jsonl.gz, doc_embeds_tiny.npy': doc_embeds,
  'modules: encoded.ckpt': encoded,
  'retrieval_tiny.npz': retrieval,
  'model_tiny.json, model_tiny.npz, model_tiny_grads.npz': model_tiny,
  'eval.json': evaluation,
  'resplit_hash.json': resplit,
  'orqa_ops.json': orqa_ops,
  'orqa_tokenize.json': orqa_tokenize,
  'orqa_tiny.json, orqa_tiny.npz, orqa_tiny_head.npz': orqa_tiny,
  'sentence_vectors.json, sentence_vectors.npz': sentence_vectors,
}


def main() -> int:
  """Prints the shares; 1 if a case differs without a reason."""
  folder = pathlib.Path(os.environ['REALM_TF_SHARED_DATA']) / 'goldens'
  unexplained = 0
  for name, report in REPORTS.items():
    cases = list(report(folder))
    reasons = collections.defaultdict(list)
    for case, reason in cases:
      if reason is not None:
        reasons[reason].append(case)
    wrong = sum(map(len, reasons.values()))
    print(f'{len(cases) - wrong:5} of {len(cases):5} agree  {name}', flush=True)
    for reason, of_it in reasons.items():
      unexplained += len(of_it) if reason.startswith(DIFFERS) else 0
      shown = ', '.join(of_it[:4]) + (' ...' if len(of_it) > 4 else '')
      print(f'{"":19}{len(of_it)}: {reason}\n{"":21}{shown}', flush=True)
  return int(unexplained > 0)


if __name__ == '__main__':
  sys.exit(main())
