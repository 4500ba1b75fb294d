# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import json
import pathlib
import shutil

import numpy as np
import pytest
import safetensors.numpy
import tensorflow as tf

from realm_tf.answering.answerer import Answerer
from realm_tf.answering.blank_filler import BlankFiller
from realm_tf.bert import encoder as encoder_lib
from realm_tf.bert import weight_files, weight_names, weights
from realm_tf.bert.graph_facts import GraphFacts
from realm_tf.bert.weight_files import Sources
from realm_tf.configs.conversion_config import ConversionConfig
from realm_tf.configs.embedding_config import EmbeddingConfig
from realm_tf.hub import hub_modules, span_reader_module
from realm_tf.index import build_index, embed_corpus
from realm_tf.index.index import Index
from realm_tf.modeling.embedder import Embedder
from realm_tf.original import (
  conversion,
  model_conversion,
  original_corpus,
)
from realm_tf.original.original_sources import Source
from realm_tf.original.original_weights import Encoder, FoundWeights
from realm_tf.text.tokenizer import BertTokenizer
from tests.support import (
  light_modules,
  original_files,
  small_realm,
  small_world,
)

RELEASE = original_files.RELEASE


@pytest.fixture(scope='module')
def corpus_dir(tmp_path_factory):
  directory = str(tmp_path_factory.mktemp('corpus') / 'corpus')
  source = str(RELEASE / 'orqa_corpus')
  original_corpus.to_corpus(
    original_corpus.read(source),
    directory,
    BertTokenizer.from_file(original_files.VOCAB),
    source=source,
    show_progress=False,
  )
  return directory


@pytest.fixture
def light_exports(monkeypatch):
  light_modules.patch(monkeypatch)


def convert(sources, output, **options):
  said: list[str] = []
  config = ConversionConfig(
    sources=[str(s) for s in sources], output_dir=str(output), **options
  )
  conversion.convert(config, said.append)
  return said


def lines(said, word):
  return [line for line in said if line.startswith(word)]


def test_modules_become_a_model_directory(tmp_path, corpus_dir, light_exports):
  output = tmp_path / 'converted'
  said = convert([RELEASE / 'modules'], output, corpus_dir=corpus_dir)
  assert len(lines(said, 'found')) == 2
  assert len(lines(said, 'mapped')) == 3
  (left_over,) = lines(said, 'left over')
  assert left_over.startswith('left over  5 (a head for masked words')
  (compared,) = lines(said, 'compared')
  assert 'the same as in block_emb' in compared
  index = Index.open(output / 'index' / '0')
  numbers = original_files.release_numbers()
  np.testing.assert_array_equal(index.embeddings, numbers['block_emb'])
  assert (
    index.metadata.embedder_fingerprint
    == build_index.fingerprint_embedder(output / 'export/tf_hub/0/embedder')
  )
  index.close()
  filler = BlankFiller.open(
    output / 'export/tf_hub/0', corpus_dir, output / 'index/0'
  )
  query = original_files.release_inputs(numbers, 'query')['input_word_ids']
  ids = [row[1 : row.index(3)] for row in query.numpy().tolist()]
  rows, scores = filler.retrieve(tf.ragged.constant(ids, tf.int32), 5)
  expected = numbers['query'] @ numbers['block_emb'].T
  np.testing.assert_array_equal(rows, np.argsort(-expected, 1)[:, :5])
  np.testing.assert_allclose(scores, -np.sort(-expected, 1)[:, :5], rtol=1e-5)


def test_an_orqa_fine_tuning_answers(tmp_path, corpus_dir, light_exports):
  output = tmp_path / 'converted'
  said = convert(
    [RELEASE / 'orqa'],
    output,
    corpus_dir=corpus_dir,
    retriever=str(RELEASE / 'modules/embedder'),
  )
  assert [line.split(' to ')[1] for line in lines(said, 'mapped')] == [
    'embedder: 1 layers of 16, gelu_new, projection 8, epsilon 0.001',
    'embedder: 1 layers of 16, gelu_new, projection 8, epsilon 0.001'
    ' (the retriever)',
    'an index',
    'span_reader: 1 layers of 16, gelu_new, spans of 4 wordpieces,'
    ' 12 hidden units',
  ]
  export = output / 'export/tf_hub/30'
  info = hub_modules.read_info(export / 'span_reader')
  assert (info['query_seq_len'], info['reader_seq_len']) == (16, 48)
  # The documents are embedded by what the fine-tuning started from.
  index = output / 'index/30'
  assert info[
    'document_embedder_fingerprint'
  ] == build_index.fingerprint_embedder(output / 'retriever')
  answerer = Answerer.open(export, corpus_dir, index)
  answers = answerer.answer(['what is the capital of the land'])
  answerer.close()
  assert answers.block_ids.min() >= 0
  for text, evidence in zip(answers.answers[0], answers.evidence[0]):
    assert text and text in evidence


def test_the_step_stands_beside_exported_modules(tmp_path, light_exports):
  shutil.copytree(RELEASE / 'modules', tmp_path / '1584000000')
  (tmp_path / '1584000000' / 'global_step.txt').write_text('12\n')
  convert([tmp_path / '1584000000'], tmp_path / 'out')
  export = tmp_path / 'out/export/tf_hub/12'
  assert hub_modules.read_info(export / 'bert', 'bert')['step'] == 12


def test_a_fine_tuning_without_its_retriever_is_refused(
  tmp_path, light_exports
):
  orqa, vocab = RELEASE / 'orqa', str(original_files.VOCAB)
  missing = r'missing \(/placer/of/another/machine/embedder\): give `retriever`'
  checkpoint = orqa / 'export/best_default/checkpoint'
  for source, options, reason in (
    (orqa, {}, missing),
    (checkpoint, {}, r'missing \(unknown\): give `retriever`'),
    (
      orqa,
      {'retriever': str(RELEASE / 'modules/bert')},
      'no embedder is in it',
    ),
  ):
    with pytest.raises(ValueError, match=reason):
      convert([source], tmp_path / 'out', vocab_file=vocab, **options)
    assert not (tmp_path / 'out').exists()


def test_a_fine_tuning_with_its_block_embeddings(
  tmp_path, corpus_dir, light_exports
):
  """Without the retriever, but with what it embedded."""
  encoded = RELEASE / 'modules/embedder/encoded/encoded.ckpt'
  expected = original_files.release_numbers()['block_emb']
  for name, options in (('with', {'corpus_dir': corpus_dir}), ('without', {})):
    output = tmp_path / name
    said = convert(
      [RELEASE / 'orqa', encoded],
      output,
      vocab_file=str(original_files.VOCAB),
      **options,
    )
    assert lines(said, 'missing') == [
      'missing    embedder of the documents:'
      ' /placer/of/another/machine/embedder'
    ]
    info = hub_modules.read_info(output / 'export/tf_hub/30/span_reader')
    # Not that of the embedder, which embeds questions only.
    assert info['document_embedder_fingerprint'] == (
      model_conversion.fingerprint_embeddings(expected)
    )
  Answerer.open(
    tmp_path / 'with/export/tf_hub/30', corpus_dir, tmp_path / 'with/index/30'
  ).close()


def test_block_embeddings_that_the_embedder_does_not_make(
  tmp_path, corpus_dir, light_exports
):
  modules = tmp_path / 'modules'
  shutil.copytree(RELEASE / 'modules', modules)
  expected = original_files.release_numbers()['block_emb'] + 0.1
  tf.raw_ops.SaveV2(
    prefix=str(modules / 'embedder/encoded/encoded.ckpt'),
    tensor_names=['block_emb'],
    shape_and_slices=[''],
    tensors=[expected],
  )
  with pytest.raises(ValueError, match='NOT as in block_emb.*accept_diff'):
    convert([modules], tmp_path / 'out', corpus_dir=corpus_dir)
  assert not (tmp_path / 'out').exists()
  convert(
    [modules], tmp_path / 'out', corpus_dir=corpus_dir, accept_differences=True
  )
  index = Index.open(tmp_path / 'out/index/0')
  fingerprint = index.metadata.embedder_fingerprint
  assert fingerprint == model_conversion.fingerprint_embeddings(expected)
  assert index.embedder_dir is None
  index.close()


def convert_encoder(tmp_path, tensors, **options):
  """Converts Hugging Face's encoder with other tensors."""
  directory = tmp_path / 'encoder'
  directory.mkdir(exist_ok=True)
  shutil.copy(original_files.HUGGING_FACE / 'encoder/config.json', directory)
  safetensors.numpy.save_file(tensors, directory / 'model.safetensors')
  shutil.rmtree(tmp_path / 'out', ignore_errors=True)
  vocab = str(original_files.VOCAB)
  return convert([directory], tmp_path / 'out', vocab_file=vocab, **options)


@pytest.fixture
def tensors():
  path = original_files.HUGGING_FACE / 'encoder/pytorch_model.bin'
  return {
    name: np.ascontiguousarray(read())
    for name, read in weight_files.read_tensors(path)
  }


def test_an_output_layer_of_its_own(tmp_path, tensors, light_exports):
  name = 'cls.predictions.decoder.weight'
  (table,) = (t for n, t in tensors.items() if 'word_embeddings' in n)
  said = convert_encoder(tmp_path, {**tensors, name: table})
  assert not lines(said, 'differs') and not lines(said, 'missing')
  differing = {**tensors, name: table + np.float32(0.1)}
  with pytest.raises(ValueError, match='output layer differs.*accept_diff'):
    convert_encoder(tmp_path, differing)
  assert not (tmp_path / 'out').exists()
  said = convert_encoder(tmp_path, differing, accept_differences=True)
  assert len(lines(said, 'differs')) == 1


def test_a_bert_without_a_head_says_so(tmp_path, tensors, light_exports):
  headless = {n: t for n, t in tensors.items() if 'cls.' not in n}
  (missing,) = lines(convert_encoder(tmp_path, headless), 'missing')
  assert missing == (
    'missing    5, which are random now: cls/predictions/output_bias,'
    ' cls/predictions/transform/LayerNorm/beta,'
    ' cls/predictions/transform/LayerNorm/gamma ...'
  )


def test_hugging_face_open_qa(tmp_path, corpus_dir, light_exports):
  """Its block embeddings are of another embedder, which is reported."""
  output = tmp_path / 'out'
  said = convert(
    [original_files.HUGGING_FACE / 'openqa'],
    output,
    corpus_dir=corpus_dir,
    vocab_file=str(original_files.VOCAB),
  )
  (compared,) = lines(said, 'compared')
  assert 'NOT as in block_emb' in compared
  index = Index.open(output / 'index/0')
  expected = original_files.hugging_face_numbers()['block_emb']
  np.testing.assert_array_equal(index.embeddings, expected)
  assert index.embedder_dir is None
  fingerprint = index.metadata.embedder_fingerprint
  index.close()
  reader = output / 'export/tf_hub/0/span_reader'
  info = hub_modules.read_info(reader)
  assert info['document_embedder_fingerprint'] == fingerprint
  assert span_reader_module.load_span_reader(reader).max_span_width == 4


def test_embedder_and_encoder_of_hugging_face(tmp_path, light_exports):
  folder = original_files.HUGGING_FACE
  convert(
    [folder / 'scorer', folder / 'encoder'],
    tmp_path / 'out',
    vocab_file=str(original_files.VOCAB),
    step=7,
  )
  export = tmp_path / 'out/export/tf_hub/7'
  embedder = hub_modules.load_embedder(export / 'embedder')
  # It stays what it is when it is exported and loaded.
  assert embedder.projection_epsilon == 1e-12
  numbers = original_files.hugging_face_numbers()
  inputs = original_files.hugging_face_inputs(numbers)
  for embed, name in (
    (embedder.embed_queries, 'scorer_query'),
    (embedder.embed_documents, 'scorer_document'),
  ):
    np.testing.assert_allclose(
      embed(inputs), numbers[name], rtol=1e-5, atol=3e-5
    )
  assert hub_modules.load_reader(export / 'bert').bert_config.num_heads == 4


def test_what_does_not_fit_is_refused(tmp_path, corpus_dir, light_exports):
  modules = RELEASE / 'modules'
  short = tmp_path / 'short'
  original_corpus.to_corpus(
    list(original_corpus.read(str(RELEASE / 'orqa_corpus')))[:-1],
    str(short),
    BertTokenizer.from_file(original_files.VOCAB),
    source='short',
    show_progress=False,
  )
  vocab = tmp_path / 'vocab.txt'
  vocab.write_text(original_files.VOCAB.read_text() + 'more\n')
  scorer = original_files.HUGGING_FACE / 'scorer'
  for sources, options, reason in (
    ([modules], {'corpus_dir': str(short)}, r'shape \[24, 8\].* 23 documents'),
    ([modules], {'vocab_file': str(vocab)}, 'the vocabulary has 112'),
    (
      [modules],
      {'corpus_dir': corpus_dir, 'lower_case': False},
      'has the vocabulary',
    ),
    ([modules, scorer], {}, 'embedder: there is one in'),
    ([scorer], {}, 'give `vocab_file`'),
    ([tmp_path / 'none'], {}, 'no such file, directory or checkpoint'),
  ):
    with pytest.raises((ValueError, FileNotFoundError), match=reason):
      convert(sources, tmp_path / 'out', **options)
    assert not (tmp_path / 'out').exists()
  (tmp_path / 'out').mkdir()
  (tmp_path / 'out' / 'precious').touch()
  with pytest.raises(ValueError, match='exists already'):
    convert([modules], tmp_path / 'out')


def test_block_embeddings_of_another_size(tmp_path, light_exports):
  shutil.copytree(RELEASE / 'modules', tmp_path / 'modules')
  encoded = tmp_path / 'modules/embedder/encoded/encoded.ckpt'
  tf.raw_ops.SaveV2(
    prefix=str(encoded),
    tensor_names=['block_emb'],
    shape_and_slices=[''],
    tensors=[tf.zeros([24, 5])],
  )
  with pytest.raises(ValueError, match='has 5 dimensions, the embedder 8'):
    convert([tmp_path / 'modules/embedder'], tmp_path / 'out')
  assert not (tmp_path / 'out').exists()


def test_block_embeddings_alone(tmp_path, corpus_dir):
  encoded = RELEASE / 'modules/embedder/encoded/encoded.ckpt'
  convert([encoded], tmp_path / 'out', corpus_dir=corpus_dir)
  index = Index.open(tmp_path / 'out/index/0')
  assert index.embeddings.shape == (24, 8) and index.embedder_dir is None
  index.close()


def test_an_activation_that_is_unknown(tmp_path):
  shutil.copytree(original_files.HUGGING_FACE / 'scorer', tmp_path / 'scorer')
  path = tmp_path / 'scorer' / 'config.json'
  config = json.loads(path.read_text())
  path.write_text(json.dumps({**config, 'hidden_act': 'swish'}))
  with pytest.raises(ValueError, match='`activation` must be one of'):
    convert(
      [tmp_path / 'scorer'],
      tmp_path / 'out',
      vocab_file=str(original_files.VOCAB),
    )


PATH = pathlib.Path('model/variables')


def made_source(facts=None, left_over=None, block_embeddings=None):
  return Source(
    Sources(PATH, None, None, None),
    FoundWeights(PATH, 12, (), None, left_over or {}, None),
    facts or GraphFacts(),
    {},
    block_embeddings,
  )


def test_what_was_found():
  describe = model_conversion.describe
  assert (
    describe(made_source()) == 'found      model/variables: weights; 12 tensors'
  )
  # A checkpoint's graph has tags, but no signature.
  assert 'weights; 12' in describe(made_source(GraphFacts(tags=(('train',),))))
  module = GraphFacts(((), ('a', 'train')), frozenset({'query', 'default'}))
  assert describe(made_source(module, None, np.zeros([24, 8]))) == (
    'found      model/variables: SavedModel with tags {} {a, train}, signatures'
    ' default, query; 12 tensors; block_emb [24, 8]'
  )
  # None at all is not the same as no block embeddings.
  assert describe(made_source(None, None, np.zeros([0, 8]))).endswith('[0, 8]')


def test_each_reason_has_a_line_and_three_names():
  said = []
  left_over = {
    'unknown': ['c', 'a', 'b'],
    'the step': ['global_step'],
    "the optimizer's": ['d/m', 'a/m', 'c/m', 'b/m'],
  }
  model_conversion.tell_left_over(made_source(left_over=left_over), said.append)
  assert said == [
    'left over  3 (unknown): a, b, c',
    'left over  1 (the step): global_step',
    "left over  4 (the optimizer's): a/m, b/m, c/m ...",
  ]
  model_conversion.tell_left_over(made_source(), said.append)
  assert len(said) == 3


@pytest.fixture(scope='module')
def bert():
  encoder = encoder_lib.build_encoder(small_realm.CONFIG)
  head = encoder_lib.build_mlm_head(small_realm.CONFIG, encoder)
  return weights.Bert(small_realm.CONFIG, encoder, head)


def missing(bert, *names, **more):
  """What is said if all but `names` are there."""
  variables = weights.variables_by_name(bert.encoder, bert.mlm_head)
  there = {n: v.numpy() for n, v in variables.items() if n not in names}
  said = []
  model_conversion.tell_missing(
    bert, Encoder('', {**there, **more}), said.append
  )
  return said


def test_only_weights_that_are_missing_are_told(bert):
  assert missing(bert) == missing(bert, unknown=np.zeros(3)) == []
  word, bias = weight_names.WORD_EMBEDDINGS, 'cls/predictions/output_bias'
  assert missing(bert, word, bias) == [
    f'missing    2, which are random now: {word}, {bias}'
  ]
  # Without its head a BERT needs none.
  headless = weights.Bert(bert.config, bert.encoder)
  assert missing(headless) == []


# The last is longer than the embedder's 40 positions.
BLOCKS = [
  *small_realm.BLOCKS * 5,
  ('Paris', 'the Seine flows through Paris . ' * 9),
]


def embedder(seed):
  return small_realm.shaken(Embedder(small_realm.CONFIG, 8, seed=seed), seed)


@pytest.fixture(scope='module')
def documents(tmp_path_factory):
  return small_world.store(tmp_path_factory.mktemp('corpus'), BLOCKS)


@pytest.fixture(scope='module')
def maker():
  return embedder(1)


@pytest.fixture(scope='module')
def embeddings(documents, maker):
  return embed_corpus.embed_documents(
    documents,
    maker.embed_documents,
    special=small_world.tokenizer().special,
    config=EmbeddingConfig(candidate_seq_len=40),
    progress=False,
  )


def difference(maker, documents, embeddings):
  return model_conversion.compare_embeddings(
    maker, documents, embeddings, small_world.tokenizer()
  )


def test_there_is_none_where_the_embedder_made_them(
  documents, maker, embeddings
):
  assert len(embeddings) == 41
  assert difference(maker, documents, embeddings) < 1e-5
  assert difference(embedder(2), documents, embeddings) > 0.1


def test_it_is_the_largest_and_relative(documents, maker, embeddings):
  largest = np.abs(embeddings).max()
  for row in (0, 40):
    changed = embeddings.copy()
    changed[row, 5] = 4 * largest
    expected = (4 * largest - embeddings[row, 5]) / (4 * largest)
    found = difference(maker, documents, changed)
    np.testing.assert_allclose(found, expected, rtol=1e-4)
  # One row too far, as after a document that was dropped.
  assert difference(maker, documents, np.roll(embeddings, 1, 0)) > 0.1
  assert not difference(maker, documents, np.nan * embeddings) < 1e9


def test_the_fingerprint_is_of_the_numbers(embeddings):
  fingerprint = model_conversion.fingerprint_embeddings
  mine = fingerprint(embeddings)
  assert fingerprint(np.asfortranarray(embeddings)) == mine
  assert fingerprint(np.repeat(embeddings, 2, 0)[::2]) == mine
  changed = embeddings.copy()
  changed[40, 7] = np.nextafter(changed[40, 7], np.float32(9))
  others = [changed, embeddings[::-1], embeddings[:-1]]
  assert len({mine, *map(fingerprint, others)}) == 4
