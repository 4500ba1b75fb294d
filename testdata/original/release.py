# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
r"""Writes files as Google's releases have them, with small random weights.

    python -m testdata.original.release --output_dir=testdata/original/release

TF1 Hub modules, an ORQA fine-tuning, corpora and questions, and numbers that a
TF1 graph written here computes from them (`expected.npz`): a second
implementation of the model, which shares nothing with the package.

The same weights and numbers (to rounding) every time.
"""

import argparse
import json
import math
import os
import pathlib
import shutil

import numpy as np
import tensorflow as tf

from realm_tf.corpus import block_records
from realm_tf.original import original_corpus
from realm_tf.spans import span_records
from realm_tf.text.tokenizer import BertTokenizer

v1 = tf.compat.v1

HIDDEN, LAYERS, HEADS, INNER, POSITIONS, PROJECTION = 16, 1, 2, 24, 48, 8
SPAN_HIDDEN, SPAN_WIDTH = 12, 4
WORDS = """
the of in and is was by to on city river king land old great capital flows
through built near sea what who where long name people year first second third
"""
INPUTS = ('input_ids', 'input_mask', 'segment_ids')


def vocabulary() -> list[str]:
  """Special wordpieces, words, letters, digits and their continuations."""
  characters = 'abcdefghijklmnopqrstuvwxyz0123456789'
  return [
    *('[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'),
    *WORDS.split(),
    *'.,?',
    *characters,
    *(f'##{c}' for c in characters),
  ]


def documents() -> list[tuple[str, str]]:
  """Titles and bodies of two or three sentences."""
  rng = np.random.default_rng(7)
  syllables = ('ba', 'do', 'ke', 'li', 'mu', 'na', 'po', 'ra')
  found = []
  for _ in range(24):
    land, city, river = (
      ''.join(rng.choice(syllables, 2)).capitalize() for _ in range(3)
    )
    body = f'The capital of {land} is {city}. The river {river} flows through'
    body += f' {city}.'
    if len(found) % 3 == 0:
      body += ' It was built by a great king near the sea.'
    found.append((land, body))
  return found


# The model, as a graph of TensorFlow 1.


def _weight(name, shape, ones=False):
  start = v1.ones_initializer() if ones else v1.zeros_initializer()
  return v1.get_variable(name, shape, initializer=start)


def _norm(x, epsilon=1e-12, scope='LayerNorm'):
  with v1.variable_scope(scope):
    mean, variance = tf.nn.moments(x, [-1], keepdims=True)
    gamma = _weight('gamma', [x.shape[-1]], ones=True)
    beta = _weight('beta', [x.shape[-1]])
    return tf.nn.batch_normalization(x, mean, variance, beta, gamma, epsilon)


def _dense(x, size, scope='dense'):
  with v1.variable_scope(scope):
    kernel = _weight('kernel', [x.shape[-1], size])
    return tf.matmul(x, kernel) + _weight('bias', [size])


def _gelu(x):
  return x * 0.5 * (1 + tf.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


def _dropout(x, training):
  if not training:
    return x
  with tf.name_scope('dropout'):
    rate = tf.constant(0.1, name='rate')
    kept = tf.random.uniform(tf.shape(x)) >= rate
    return x * tf.cast(kept, tf.float32) / (1 - rate)


def _attention(x, mask, training):
  length = tf.shape(x)[1]

  def heads(y):
    y = tf.reshape(y, [-1, length, HEADS, HIDDEN // HEADS])
    return tf.transpose(y, [0, 2, 1, 3])

  with v1.variable_scope('self'):
    q, k, v = (heads(_dense(x, HIDDEN, n)) for n in ('query', 'key', 'value'))
    scores = tf.matmul(q, k, transpose_b=True)
    scores = tf.multiply(scores, 1 / math.sqrt(HIDDEN // HEADS), name='Mul')
    scores += (1 - tf.cast(mask, tf.float32))[:, None, None] * -10000.0
    attended = tf.matmul(_dropout(tf.nn.softmax(scores), training), v)
    attended = tf.transpose(attended, [0, 2, 1, 3])
    attended = tf.reshape(attended, [-1, length, HIDDEN])
  with v1.variable_scope('output'):
    return _norm(x + _dropout(_dense(attended, HIDDEN), training))


def _bert(inputs, training):
  """`sequence_output` and `pooled_output` under the scope `bert`."""
  ids, mask, segments = (inputs[name] for name in INPUTS)
  with v1.variable_scope('bert'):
    with v1.variable_scope('embeddings'):
      table = _weight('word_embeddings', [len(vocabulary()), HIDDEN])
      types = _weight('token_type_embeddings', [2, HIDDEN])
      places = _weight('position_embeddings', [POSITIONS, HIDDEN])
      x = tf.gather(table, ids) + tf.gather(types, segments)
      x = _dropout(_norm(x + places[: tf.shape(ids)[1]]), training)
    with v1.variable_scope('encoder'):
      for layer in range(LAYERS):
        with v1.variable_scope(f'layer_{layer}'):
          with v1.variable_scope('attention'):
            x = _attention(x, mask, training)
          with v1.variable_scope('intermediate'):
            inner = _gelu(_dense(x, INNER))
          with v1.variable_scope('output'):
            x = _norm(x + _dropout(_dense(inner, HIDDEN), training))
    with v1.variable_scope('pooler'):
      pooled = tf.tanh(_dense(x[:, 0], HIDDEN))
  return x, pooled, table


def _head(x, table, positions):
  """Logits of masked words under the scope `cls/predictions`."""
  with v1.variable_scope('cls/predictions'):
    with v1.variable_scope('transform'):
      x = tf.gather(x, positions, batch_dims=1)
      x = _norm(_gelu(_dense(x, HIDDEN)))
    bias = _weight('output_bias', [len(vocabulary())])
    return tf.matmul(x, table, transpose_b=True) + bias


def _placeholders(*names):
  return {n: v1.placeholder(tf.int32, [None, None], n) for n in names}


def _signature(inputs, outputs):
  info = v1.saved_model.build_tensor_info
  return v1.saved_model.build_signature_def(
    {name: info(x) for name, x in inputs.items()},
    {name: info(x) for name, x in outputs.items()},
  )


def _bert_module(training):
  inputs = _placeholders(*INPUTS)
  positions = _placeholders('mlm_positions')
  sequence, pooled, table = _bert(inputs, training)
  logits = _head(sequence, table, positions['mlm_positions'])
  tokens = {'sequence_output': sequence, 'pooled_output': pooled}
  path = tf.constant('SAVEDMODEL-ASSET', name='vocab_file')
  return {
    'tokens': _signature(inputs, tokens),
    'mlm': _signature(
      {**inputs, **positions}, {**tokens, 'mlm_logits': logits}
    ),
    'tokenization_info': _signature(
      {}, {'vocab_file': path, 'do_lower_case': tf.constant(True)}
    ),
  }


def _embedder_module(training):
  """Its `tokenization_info` names a file of another machine."""
  inputs = _placeholders(*INPUTS)
  with v1.variable_scope('module'):
    sequence, pooled, table = _bert(inputs, training)
    _head(sequence, table, tf.zeros_like(inputs['input_ids']))
  projected = _norm(_dense(pooled, PROJECTION), 1e-3, 'layer_normalization')
  projected = _dropout(projected, training)
  path = tf.constant('/placer/of/another/machine/vocab.txt')
  return {
    'projected': _signature(inputs, {'default': projected}),
    'tokenization_info': _signature(
      {}, {'vocab_file': path, 'do_lower_case': tf.constant(True)}
    ),
  }


def _draw(name, shape, seed):
  """A weight, by its name and a seed: no two are the same."""
  rng = np.random.default_rng([seed, *name.encode()])
  mean = 1.0 if name.endswith('gamma') else 0.0
  return (mean + 0.3 * rng.normal(size=shape)).astype(np.float32)


def _write_module(directory, make, seed, vocab_file):
  """Writes a TF1 Hub module with graphs {train} and {}; returns its weights."""
  builder = v1.saved_model.Builder(str(directory))
  for training in (True, False):
    with tf.Graph().as_default(), v1.Session() as session:
      signatures = make(training)
      values = {}
      for variable in v1.global_variables():
        name = variable.op.name
        values[name] = _draw(name, variable.shape.as_list(), seed)
        variable.load(values[name], session)
      options = {
        'tags': ['train'] if training else [],
        'signature_def_map': signatures,
        'strip_default_attrs': True,
      }
      if training:
        builder.add_meta_graph_and_variables(session, **options)
      else:
        builder.add_meta_graph(**options)
  builder.save()
  (directory / 'tfhub_module.pb').write_bytes(b'\x08\x03')
  (directory / 'assets').mkdir()
  shutil.copyfile(vocab_file, directory / 'assets' / 'vocab.txt')
  return values


def _run(make, values, signature, inputs):
  """What a signature of the graph without tags gives."""
  with tf.Graph().as_default(), v1.Session() as session:
    definition = make(False)[signature]
    for variable in v1.global_variables():
      variable.load(values[variable.op.name], session)
    return session.run(
      {name: info.name for name, info in definition.outputs.items()},
      {definition.inputs[name].name: value for name, value in inputs.items()},
    )


# What is put through it.


def pack(first, second, length):
  """`[CLS] first [SEP] second [SEP]`, padded, of lists of wordpieces."""
  rows = {name: np.zeros([len(first), length], np.int32) for name in INPUTS}
  for i, (a, b) in enumerate(zip(first, second)):
    ids = [2, *a, 3] + ([*b, 3] if b is not None else [])
    assert len(ids) <= length, len(ids)
    rows['input_ids'][i, : len(ids)] = ids
    rows['input_mask'][i, : len(ids)] = 1
    rows['segment_ids'][i, len(a) + 2 : len(ids)] = 1
  return rows


def _save_checkpoint(prefix, arrays):
  prefix.parent.mkdir(parents=True, exist_ok=True)
  tf.raw_ops.SaveV2(
    prefix=str(prefix),
    tensor_names=list(arrays),
    shape_and_slices=[''] * len(arrays),
    tensors=[tf.constant(x) for x in arrays.values()],
  )


def _span_logits(sequence, weights):
  """ORQA's scores of spans `[rows, starts, widths]`, in NumPy."""
  hidden = sequence @ weights['reader/dense/kernel']
  hidden += weights['reader/dense/bias']
  starts, ends = np.split(hidden, 2, -1)
  length = sequence.shape[1]
  scores = np.full([len(sequence), length, SPAN_WIDTH], -np.inf, np.float32)
  for start in range(length):
    for width in range(min(SPAN_WIDTH, length - start)):
      x = np.maximum(starts[:, start] + ends[:, start + width], 0)
      x = x - x.mean(-1, keepdims=True)
      x = x / np.sqrt((x * x).mean(-1, keepdims=True) + 1e-3)
      x = x * weights['reader/layer_normalization/gamma']
      x += weights['reader/layer_normalization/beta']
      x = x @ weights['reader/dense_1/kernel'] + weights['reader/dense_1/bias']
      scores[:, start, width] = x[:, 0]
  return scores


def _write_orqa(root, expected, joint):
  """A fine-tuning: params.json, and a checkpoint of retriever and reader."""
  seed = 3
  with tf.Graph().as_default():
    _bert_module(True)
    graph = v1.train.export_meta_graph(strip_default_attrs=True)
    # The rest of it, which TensorFlow would need, is not read here.
    nodes = [n for n in graph.graph_def.node if n.op in ('Const', 'Tanh')]
    del graph.graph_def.node[:]
    graph.graph_def.node.extend(nodes)
    graph.collection_def.clear()
    bert = {
      v.op.name: _draw(v.op.name, v.shape.as_list(), seed)
      for v in v1.global_variables()
    }
  with tf.Graph().as_default():
    _embedder_module(True)
    retriever = {
      v.op.name: _draw(v.op.name, v.shape.as_list(), seed + 1)
      for v in v1.global_variables()
    }
  head = {
    name: _draw(name, shape, seed)
    for name, shape in (
      ('reader/dense/kernel', [HIDDEN, 2 * SPAN_HIDDEN]),
      ('reader/dense/bias', [2 * SPAN_HIDDEN]),
      ('reader/layer_normalization/gamma', [SPAN_HIDDEN]),
      ('reader/layer_normalization/beta', [SPAN_HIDDEN]),
      ('reader/dense_1/kernel', [SPAN_HIDDEN, 1]),
      ('reader/dense_1/bias', [1]),
    )
  }
  arrays = {
    **{f'module/{name}': value for name, value in retriever.items()},
    **{f'reader/module/{name}': value for name, value in bert.items()},
    **head,
    'reader/dense/bias/adam_m': np.zeros(2 * SPAN_HIDDEN, np.float32),
    'reader/dense/bias/adam_v': np.zeros(2 * SPAN_HIDDEN, np.float32),
    'global_step': np.int64(30),
  }
  prefix = root / 'export/best_default/checkpoint/model.ckpt-30'
  _save_checkpoint(prefix, arrays)
  prefix.with_name('model.ckpt-30.meta').write_bytes(
    graph.SerializeToString(deterministic=True)
  )
  (root / 'params.json').write_text(
    json.dumps(
      {
        'retriever_module_path': '/placer/of/another/machine/embedder',
        'reader_module_path': '/placer/of/another/machine/bert',
        'query_seq_len': 16,
        'reader_seq_len': POSITIONS,
        'span_hidden_size': SPAN_HIDDEN,
        'max_span_width': SPAN_WIDTH,
      },
      indent=2,
    )
  )
  sequence = _run(_bert_module, bert, 'tokens', joint)['sequence_output']
  expected['orqa_span_logits'] = _span_logits(sequence, head)
  query = {name: x[:, :16] for name, x in joint.items()}
  expected['orqa_query'] = _run(
    _embedder_module, retriever, 'projected', query
  )['default']


def _write_corpora(root, tokenizer):
  """The same documents in every form."""
  docs = documents()
  ids = [
    (
      tokenizer.tokenize([title]).to_list()[0],
      tokenizer.tokenize([body]).to_list()[0],
    )
    for title, body in docs
  ]
  (root / 'docs').mkdir()
  for shard, part in enumerate((slice(0, 12), slice(12, None))):
    path = root / 'docs' / f'docs.small.tfr.gz-{shard:05d}-of-00002'
    with block_records.record_writer(path) as writer:
      for (title, body), (title_ids, body_ids) in zip(docs[part], ids[part]):
        example = tf.train.Example.FromString(
          block_records.encode_block(
            title.encode(), body.encode(), title_ids, body_ids
          )
        )
        # The original writes these too.
        texts = [p.encode() for p in tokenizer.tokens(title_ids)]
        feature = example.features.feature['title_token_texts']
        feature.bytes_list.value.extend(texts)
        writer.write(example.SerializeToString(deterministic=True))
  (root / 'orqa_corpus').mkdir()
  names = ('titles.tfr', 'blocks.tfr', 'examples.tfr')
  writers = [
    tf.io.TFRecordWriter(str(root / 'orqa_corpus' / name)) for name in names
  ]
  for (title, body), (title_ids, body_ids) in zip(docs, ids):
    sentences = [f'{s}.' for s in body.removesuffix('.').split('. ')]
    lengths = [len(r) for r in tokenizer.tokenize(sentences).to_list()]
    starts = np.cumsum([0, *lengths])[:-1]
    example = original_corpus.encode_example(title_ids, body_ids, starts)
    rows = (title.encode(), body.encode(), example)
    for writer, record in zip(writers, rows):
      writer.write(record)
  for writer in writers:
    writer.close()
  path = root / 'pretrain_corpus.tfrecord.gz'
  with block_records.record_writer(path) as writer:
    for title, body in docs:
      first = body.index('.') + 1
      city = body[:first].rindex(' ') + 1
      writer.write(
        span_records.encode_document(
          title.encode(),
          body.encode(),
          [(0, first), (first + 1, len(body))],
          [(city, first - 1)],
        )
      )
  questions = [
    {'question': f'what is the capital of {t}', 'answer': [b.split()[5][:-1]]}
    for t, b in docs
  ]
  with open(root / 'Toy.resplit.train.jsonl', 'w') as f:
    f.writelines(json.dumps(q) + '\n' for q in questions)
  return ids


def generate(root: pathlib.Path) -> None:
  """Writes everything into a directory that is not there yet."""
  root.mkdir(parents=True)
  vocab_file = root / 'vocab.txt'
  vocab_file.write_text(''.join(f'{piece}\n' for piece in vocabulary()))
  tokenizer = BertTokenizer.from_file(vocab_file)
  ids = _write_corpora(root, tokenizer)
  titles, bodies = ([row[i] for row in ids] for i in (0, 1))
  queries = [body[:6] for body in bodies[:4]]
  query = pack(queries, [None] * 4, 16)
  document = pack(titles, bodies, POSITIONS)
  joint = pack(queries, bodies[4:8], POSITIONS)
  positions = np.array([[1, 2, 3], [2, 4, 5], [1, 1, 6], [3, 4, 5]], np.int32)

  modules = root / 'modules'
  bert = _write_module(modules / 'bert', _bert_module, 1, vocab_file)
  embedder = _write_module(
    modules / 'embedder', _embedder_module, 2, vocab_file
  )
  expected = _run(
    _bert_module, bert, 'mlm', {**joint, 'mlm_positions': positions}
  )
  expected['query'] = _run(_embedder_module, embedder, 'projected', query)[
    'default'
  ]
  block_emb = _run(_embedder_module, embedder, 'projected', document)['default']
  _save_checkpoint(
    modules / 'embedder/encoded/encoded.ckpt', {'block_emb': block_emb}
  )
  expected['block_emb'] = block_emb
  for name, side in (
    ('query', query),
    ('document', document),
    ('joint', joint),
  ):
    for key, value in side.items():
      expected[f'{name}.{key}'] = value
  expected['mlm_positions'] = positions
  _write_orqa(root / 'orqa', expected, joint)
  np.savez_compressed(root / 'expected.npz', **expected)


def main() -> None:
  """Reads the flag and writes."""
  parser = argparse.ArgumentParser(description=__doc__)
  parser.add_argument('--output_dir', type=pathlib.Path, required=True)
  os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '3')
  generate(parser.parse_args().output_dir)


if __name__ == '__main__':
  main()
