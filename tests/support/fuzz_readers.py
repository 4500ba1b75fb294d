# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Every function that reads files of people, with small files that it reads."""

import atexit
import dataclasses
import functools
import gzip
import json
import lzma
import pathlib
import shutil
import tempfile
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow
import safetensors.numpy
import tensorflow as tf
from pyarrow import parquet

from realm_tf.answering import blanks
from realm_tf.bert import weight_files, weights
from realm_tf.bert.bert_config import BertConfig
from realm_tf.configs.corpus_config import ReadingConfig
from realm_tf.configs.embedder_config import EmbedderStartConfig
from realm_tf.configs.embedding_config import EmbeddingConfig
from realm_tf.configs.searcher_config import SearcherConfig
from realm_tf.corpus import job, readers, removals
from realm_tf.corpus.corpus import Corpus
from realm_tf.corpus.problems import Problems
from realm_tf.hub import hub_modules, text_encoders
from realm_tf.index import embed_corpus, lexical, searcher, versions
from realm_tf.index.index import Index
from realm_tf.indexing import description
from realm_tf.indexing.index_directory import IndexDirectory
from realm_tf.io import atomic, module_info, records, vocabularies
from realm_tf.modeling.embedder import Embedder
from realm_tf.original import original_corpus, original_sources
from realm_tf.questions import judged_queries, qa_datasets, qa_predictions
from realm_tf.spans import (
  bert_tagger,
  conll,
  lookup_pairs,
  taggers,
)
from realm_tf.tasks import mlm_examples
from realm_tf.text.tokenizer import BertTokenizer
from realm_tf.training import checkpoints, exporters, summaries
from realm_tf.training.run_directory import RunDirectory
from tests.support import (
  original_files,
  sentence_encoders,
  small_realm,
  small_tagger,
  small_world,
)

TESTDATA = pathlib.Path(__file__).resolve().parents[2] / 'testdata'


@dataclasses.dataclass(frozen=True)
class FuzzReader:
  """A reader of files.

  Attributes:
    name: Name of the reader.
    make: Writes whole files to a directory.
    read: Reads the directory.
    share: Share of the inputs, relative to other readers; those that take
      longer have less.
    changed: Patterns of the files that are changed.
  """

  name: str
  make: Callable[[pathlib.Path], Any]
  read: Callable[[pathlib.Path], Any]
  share: float = 1.0
  changed: tuple[str, ...] = ('**/*',)


def _json_lines(path: pathlib.Path, items: list[Any]) -> None:
  text = ''.join(json.dumps(item, ensure_ascii=False) + '\n' for item in items)
  path.write_text(text, encoding='utf-8')


_QUESTIONS = [
  {'id': 7, 'question': 'What is the capital of France ?', 'answer': ['Paris']},
  {'question': 'Where is Lima ?', 'answer': 'Peru', 'title': 'Lima'},
  {'question': 'Who ?', 'answers': ['Ann', 'Zoë'], 'paragraph_id': '3'},
]


def _make_questions(directory: pathlib.Path) -> None:
  _json_lines(directory / 'open.jsonl', _QUESTIONS)
  plain = ''.join(
    f'{q["question"]}\t{q.get("answer", ["x"])!r}\n' for q in _QUESTIONS
  )
  (directory / 'dpr.csv').write_text(plain)
  passages = [{'title': 'France', 'psg_id': '3', 'text': 'x'}]
  dpr = [{**q, 'answers': ['x'], 'positive_ctxs': passages} for q in _QUESTIONS]
  (directory / 'dpr.json').write_text(json.dumps(dpr))
  page = '<P> The Rhine is 1,230 km long . </P>'
  short = {'start_token': 4, 'end_token': 6}
  annotation = {'yes_no_answer': 'NONE', 'short_answers': [short]}
  natural = {
    'annotations': [annotation],
    'document_text': page,
    'document_url': 'https://en.wikipedia.org//w/index.php?title=Rhine',
    'example_id': 5,
    'question_text': 'how long is the rhine',
  }
  html = {
    'annotations': [
      {'short_answers': [{'start_byte': 7, 'end_byte': 12, **short}]}
    ],
    'document_html': '<p>The Rhine is long.</p>',
    'document_title': 'Rhine',
    'example_id': 1,
    'question_text': 'where',
  }
  _json_lines(directory / 'nq.jsonl', [natural, html])
  (directory / 'more.jsonl.gz').write_bytes(
    gzip.compress((directory / 'open.jsonl').read_bytes())
  )


def _make_published_questions(directory: pathlib.Path) -> None:
  answer = {'text': 'Lima', 'answer_start': 0}
  qas = [
    {'id': 'a', 'question': 'Which city ?', 'answers': [answer]},
    {'id': 'b', 'question': 'Who ?', 'answers': [], 'is_impossible': True},
  ]
  paragraphs = [{'context': 'Lima is a city .', 'qas': qas}]
  squad = {
    'version': 'v2.0',
    'data': [{'title': 'Peru', 'paragraphs': paragraphs}],
  }
  (directory / 'squad.json').write_text(json.dumps(squad))
  rows = {'id': 'a', 'title': 'Peru', 'context': 'Lima', 'question': 'Which ?'}
  rows['answers'] = {'text': ['Lima'], 'answer_start': [0]}
  provenance = [{'wikipedia_id': '3', 'title': 'Peru', 'start_paragraph_id': 1}]
  output = [{'answer': 'Lima', 'provenance': provenance}]
  kilt = {'id': 'k', 'input': 'which city ?', 'output': output}
  _json_lines(directory / 'rows.jsonl', [rows, rows])
  _json_lines(directory / 'kilt.jsonl', [kilt, kilt])
  trivia = {
    'Question': 'Which city ?',
    'QuestionId': 't',
    'Answer': {'Value': 'Lima', 'Aliases': ['Lima', 'City of Kings']},
    'EntityPages': [{'Title': 'Peru', 'Filename': 'Peru.txt'}],
  }
  (directory / 'trivia.json').write_text(json.dumps({'Data': [trivia, trivia]}))


def _read_questions(directory: pathlib.Path) -> None:
  for path in sorted(directory.iterdir()):
    qa_datasets.read_dataset(str(path))


def _make_predictions(directory: pathlib.Path) -> None:
  lines = [{'question': q['question'], 'prediction': 'x'} for q in _QUESTIONS]
  _json_lines(directory / 'predictions.jsonl', lines)


def _make_judged(directory: pathlib.Path) -> None:
  queries = [
    {'_id': str(i), 'text': q['question']} for i, q in enumerate(_QUESTIONS)
  ]
  _json_lines(directory / 'queries.jsonl', queries)
  (directory / 'qrels').mkdir()
  judged = 'query-id\tcorpus-id\tscore\n' + ''.join(
    f'{i}\td{i}\t1\n' for i in range(3)
  )
  (directory / 'qrels' / 'test.tsv').write_text(judged)
  judged_queries.write_run(
    directory / 'run.txt', {'0': {'d0': 1.5, 'd1': 0.5}}, 'x'
  )


def _read_judged(directory: pathlib.Path) -> None:
  judged_queries.read_beir(directory)
  judged_queries.read_run(str(directory / 'run.txt'))


def _make_corpus(directory: pathlib.Path) -> None:
  ids = [str(n) for n in range(len(small_realm.BLOCKS))]
  corpus = small_world.store(directory / 'plain', small_realm.BLOCKS, ids)
  settings = {'input': [{'path': 'x', 'format': 'jsonl'}], 'seed': 1}
  corpus.write(directory / 'corpus', counts={'read': 8}, settings=settings)
  shutil.rmtree(directory / 'plain')


def _read_corpus(directory: pathlib.Path) -> None:
  corpus = Corpus.open(directory / 'corpus')
  rows = range(len(corpus))
  assert corpus.tokenizer.vocab and corpus.fingerprint
  corpus.gather(rows)
  corpus.titles(rows), corpus.bodies(rows), corpus.record_ids(rows)
  list(description.describe(str(directory / 'corpus'), 2, 0))
  list(description.verify([str(directory / 'corpus')]))


def _make_index(directory: pathlib.Path, kind: str) -> None:
  rows = np.random.default_rng(0).standard_normal([32, 4]).astype(np.float32)
  config = SearcherConfig(searcher=kind, num_leaves=4, leaves_to_search=4)
  built = searcher.build_searcher(rows, config)
  metadata = versions.IndexMetadata(
    *(3, 32, 4, kind, 'c', 'v', 'e', config, 1.5), max_length=9
  )
  versions.publish_index(directory / 'index', 3, rows, built, metadata)


def _read_index(directory: pathlib.Path) -> None:
  index = Index.open(directory / 'index')
  index.searcher.search(np.asarray(index.embeddings[:2]), 3)
  index.close()
  list(description.describe(str(directory / 'index'), 2, 0))


def _make_lexical(directory: pathlib.Path) -> None:
  corpus = small_world.store(directory / 'corpus', small_realm.BLOCKS)
  lexical.publish(corpus, directory / 'index')
  shutil.rmtree(directory / 'corpus')


def _read_lexical(directory: pathlib.Path) -> None:
  index = lexical.LexicalIndex.open(directory / 'index')
  list(description.verify([str(directory / 'index')]))
  index.search(['the capital of France'], 3)


def _embed(directory: pathlib.Path) -> None:
  corpus = _shared_corpus()
  embed_corpus.embed_documents(
    corpus,
    lambda inputs: tf.ones([len(inputs['input_word_ids']), 3]),
    special=corpus.tokenizer.special,
    config=EmbeddingConfig(candidate_seq_len=16, batch_tokens=64),
    resume_dir=directory,
    progress=False,
  )


@functools.cache
def _shared_corpus() -> Corpus:
  directory = pathlib.Path(tempfile.mkdtemp())
  atexit.register(shutil.rmtree, directory, ignore_errors=True)
  return small_world.store(directory, small_realm.BLOCKS)


def _make_index_notes(directory: pathlib.Path) -> None:
  atomic.write_json(
    directory / 'failed-3.json', {'step': 3, 'error': 'no memory'}
  )
  exporters.Fingerprints(str(directory), str).set(3, 'abc')
  atomic.write_json(directory / '5' / 'metrics.json', {'step': 5, 'em': 0.5})


def _read_index_notes(directory: pathlib.Path) -> None:
  IndexDirectory(str(directory)).failures()
  exporters.read_fingerprints(directory)
  exporters.BestExporter(lambda *_: None, str(directory), 'em')


def _checkpoint() -> tf.train.Checkpoint:
  return tf.train.Checkpoint(
    step=tf.Variable(3, dtype=tf.int64), table=tf.Variable(tf.ones([5, 7]))
  )


_RUN = {'batch_size': 2, 'masking': {'masking': 'x'}}


def _make_checkpoint(directory: pathlib.Path) -> None:
  made = _checkpoint()
  manager = checkpoints.make_manager(made, str(directory / 'checkpoints'), 2)
  manager.save(3), manager.save(4)
  RunDirectory(str(directory)).check_settings(_RUN, True)


def _read_checkpoint(directory: pathlib.Path) -> None:
  run = RunDirectory(str(directory))
  run.check_settings(_RUN, False)
  if run.latest_step() >= 0:
    made = _checkpoint()
    manager = checkpoints.make_manager(made, str(directory / 'checkpoints'), 2)
    made.restore(manager.latest_checkpoint).assert_consumed()


def _make_metrics(directory: pathlib.Path) -> None:
  log = summaries.MetricsLog(directory / 'metrics.jsonl', 0)
  for step in range(1, 6):
    log.write(step, 'train', {'loss': 1.5, 'accuracy': 0.1})
    log.write(step, 'eval', {'loss': 1.25})


def _read_metrics(directory: pathlib.Path) -> None:
  log = summaries.MetricsLog(directory / 'metrics.jsonl', 4)
  log.write(5, 'train', {'loss': 1.5})
  log.write(4, 'eval', {'loss': 1.5})


_EMBEDDER = BertConfig(
  vocab_size=small_world.tokenizer().vocab_size,
  hidden_size=4,
  num_layers=1,
  num_heads=1,
  intermediate_size=4,
  max_positions=16,
)


def _make_module(directory: pathlib.Path) -> None:
  embedder = Embedder(_EMBEDDER, 4)
  info = {
    'kind': 'embedder',
    'bert_config': dataclasses.asdict(_EMBEDDER),
    'projection_size': 4,
    'separate_towers': False,
    'projection_epsilon': 1e-3,
    'query_seq_len': 8,
    'vocab_fingerprint': small_world.tokenizer().fingerprint,
    'lower_case': True,
    'step': 3,
  }
  atomic.write_json(directory / module_info.INFO, info)
  prefix = str(directory / 'variables' / 'variables')
  tf.train.Checkpoint(embedder=embedder).write(prefix)
  small_world.tokenizer().save_vocab(directory / 'assets' / 'vocab.txt')


def _read_module(directory: pathlib.Path) -> None:
  hub_modules.trained_lengths(directory)
  hub_modules.module_part(directory)
  hub_modules.load_tokenizer(directory)
  list(description.describe(str(directory), 1, 0))


def _make_tagger(directory: pathlib.Path) -> None:
  def tag(sentences: tf.Tensor) -> dict[str, tf.Tensor]:
    none = tf.zeros_like(tf.strings.length(sentences)[:0])
    return {
      'starts': none,
      'limits': none,
      'labels': tf.strings.as_string(none),
      'row_splits': tf.zeros([tf.size(sentences) + 1], tf.int32),
    }

  module = tf.Module()
  module.table = tf.Variable(tf.ones([3]))
  spec = tf.TensorSpec([None], tf.string, name='sentences')
  module.tag = tf.function(tag, input_signature=[spec])
  tf.saved_model.save(module, str(directory), {'serving_default': module.tag})
  info = {
    'kind': 'entity_tagger',
    'labels': list(small_tagger.LABELS),
    'whole_documents': False,
  }
  atomic.write_json(directory / module_info.INFO, info)


def _read_tagger(directory: pathlib.Path) -> None:
  bert_tagger.BertTagger(directory).tag(['Ann saw Rome .'])


_TINY = BertConfig(
  vocab_size=12,
  hidden_size=64,
  num_layers=1,
  num_heads=1,
  intermediate_size=4,
  max_positions=8,
)
_WORDS = (
  *('[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'),
  *('the', 'a', 'river', '##s', 'é', '東', '.'),
)


def _make_bert(directory: pathlib.Path) -> None:
  (directory / 'vocab.txt').write_text('\n'.join(_WORDS) + '\n', 'utf-8')
  path = directory / 'random.json'
  atomic.write_json(path, _TINY.to_json())
  bert = weights.load_bert(path)
  bert.vocab_file = str(directory / 'vocab.txt')
  weights.save_bert(bert, directory)
  path.unlink()


def _make_tokenizer(directory: pathlib.Path) -> None:
  vocab = {word: i for i, word in enumerate(_WORDS)}
  settings = {'do_lower_case': True, 'strip_accents': None}
  atomic.write_json(directory / 'tokenizer_config.json', settings)
  normalizer = {'type': 'BertNormalizer', 'lowercase': True}
  model = {'type': 'WordPiece', 'vocab': vocab}
  atomic.write_json(
    directory / 'tokenizer.json', {'model': model, 'normalizer': normalizer}
  )


def _read_tokenizer(directory: pathlib.Path) -> None:
  path = directory / 'tokenizer.json'
  vocabularies.says_lower_case(path)
  BertTokenizer.from_file(path)


def _make_sentence_encoder(directory: pathlib.Path) -> None:
  sentence_encoders.write_bert(directory, small_world.tokenizer())
  sentence_encoders.write_modules(directory, ['Dense', 'Normalize'])


def _read_sentence_encoder(directory: pathlib.Path) -> None:
  text_encoders.read_lengths(directory, EmbedderStartConfig())


def _read_bert(directory: pathlib.Path) -> None:
  sources = weight_files.find(directory)
  found, num_heads = weight_files.read_weights(sources.weights)
  if sources.config is not None:
    config = weight_files.read_config(sources.config)
    weight_files.check_sizes(config, found, sources.weights)
  else:
    weight_files.infer_config(found, num_heads, sources.weights)
  if sources.vocab is not None:
    lower_case = sources.lower_case
    if lower_case is None:
      lower_case = weights.is_lower_case(sources.vocab)
    BertTokenizer.from_file(sources.vocab, lower_case=lower_case)


def _make_sharded(directory: pathlib.Path) -> None:
  _make_bert(directory)
  path = directory / 'model.safetensors'
  tensors = sorted(safetensors.numpy.load_file(path).items())
  path.unlink()
  names = {}
  for number, part in enumerate((tensors[:9], tensors[9:])):
    name = f'model-{number}.safetensors'
    safetensors.numpy.save_file(dict(part), directory / name)
    names.update((key, name) for key, _ in part)
  atomic.write_json(
    directory / 'model.safetensors.index.json', {'weight_map': names}
  )


def _make_torch(directory: pathlib.Path) -> None:
  _make_bert(directory)
  (directory / 'model.safetensors').unlink()
  source = original_files.HUGGING_FACE / 'encoder'
  for name in ('config.json', 'pytorch_model.bin'):
    shutil.copy(source / name, directory)


def _make_small_torch(directory: pathlib.Path) -> None:
  path = original_files.HUGGING_FACE / 'tensors.bin'
  shutil.copy(path, directory / 'model.bin')


def _read_tensors(directory: pathlib.Path) -> None:
  for path in sorted(directory.iterdir()):
    for _, read in weight_files.read_tensors(path):
      read()


def _make_release(directory: pathlib.Path) -> None:
  shutil.copytree(original_files.RELEASE / 'orqa', directory / 'orqa')
  shutil.copy(original_files.VOCAB, directory / 'orqa')


def _make_release_module(directory: pathlib.Path) -> None:
  source = original_files.RELEASE / 'modules' / 'embedder'
  shutil.copytree(source, directory / 'embedder')


def _read_sources(directory: pathlib.Path) -> None:
  for child in directory.iterdir():
    sources = original_sources.find(child)
    for source in sources:
      for encoder in source.found.encoders:
        source.bert_config(encoder)
        source.projection_epsilon(encoder)
      assert source.query_seq_len and source.reader_seq_len
    original_sources.find_tokenizer(sources)


def _make_original_corpus(directory: pathlib.Path) -> None:
  shutil.copytree(original_files.RELEASE / 'orqa_corpus', directory / 'orqa')
  for path in (original_files.RELEASE / 'docs').iterdir():
    shutil.copy(path, directory)
  _json_lines(
    directory / 'blocks.jsonl',
    [{'title': t, 'body': b} for t, b in small_realm.BLOCKS],
  )
  for name in ('blocks', 'examples'):
    path = directory / 'orqa' / f'{name}.tfr'
    path.write_bytes(path.read_bytes())


def _read_original_corpus(directory: pathlib.Path) -> None:
  list(original_corpus.read(str(directory / 'orqa')))
  list(original_corpus.read(str(directory / 'docs*')))
  list(original_corpus.read(str(directory / 'blocks.jsonl')))


_CONLL = """-DOCSTART- -X- -X- O

Ann NNP B-NP B-PER
Lee NNP I-NP I-PER
saw VBD O O
Rome NNP B-NP B-LOC
. . O O

Zoë NNP B-NP S-PER
"""


def _make_conll(directory: pathlib.Path) -> None:
  (directory / 'train.conll').write_text(_CONLL, 'utf-8')
  (directory / 'more.conll.gz').write_bytes(gzip.compress(_CONLL.encode()))


def _read_conll(directory: pathlib.Path) -> None:
  for path in sorted(directory.iterdir()):
    conll.read_conll(path)


def _make_gazetteer(directory: pathlib.Path) -> None:
  (directory / 'names.txt').write_text('# names\nAnn Lee\nRome\n', 'utf-8')


def _make_spans(directory: pathlib.Path) -> None:
  made = [
    small_world.span_record(
      title,
      ['Paris is the capital of France .', f'{title} is old . Paris , too .'],
      ['Paris', 'France', title],
    )
    for title in ('Rome', 'London', 'Zoë')
  ]
  path = directory / 'spans.tfr.gz'
  small_world.write_records(path, made)
  (directory / 'plain.tfr').write_bytes(gzip.decompress(path.read_bytes()))


def _read_spans(directory: pathlib.Path) -> None:
  for path in sorted(directory.iterdir()):
    lookup_pairs.write_pairs(
      str(path), directory / 'pairs.jsonl', show_progress=False
    )


def _describe_spans(directory: pathlib.Path) -> None:
  for path in sorted(directory.iterdir()):
    list(description.describe(str(path), 9, 0))
    description.span_files(str(path))
    records.count([str(path)])


def _make_pairs(directory: pathlib.Path) -> None:
  pairs = [
    {'query': 'Ann saw Rome .', 'span': [8, 12], 'text': 'Rome is old .'},
    {'text': 'Zoë saw Lima .'},
  ]
  _json_lines(directory / 'pairs.jsonl', pairs)


def _read_pairs(directory: pathlib.Path) -> None:
  mlm_examples.check_passages(str(directory / 'pairs.jsonl'))


def _make_blanks(directory: pathlib.Path) -> None:
  lines = [
    {'text': 'Ann saw Zoë .', 'span': [8, 12], 'title': 'Ann'},
    {'text': 'Ann saw Rome .', 'span': [0, 3]},
  ]
  _json_lines(directory / 'blanks.jsonl', lines)


def _read_blanks(directory: pathlib.Path) -> None:
  for blank in blanks.read_blank_questions(directory / 'blanks.jsonl'):
    blank.answer, blank.with_blanks(2)


def _make_removals(directory: pathlib.Path) -> None:
  (directory / 'titles.txt').write_text('Ann\nZoë &amp; Lee\n', 'utf-8')
  lines = [{'title': 'Ann'}, {'uid': 5}, {'row': 0}]
  _json_lines(directory / 'removals.jsonl', lines)


def _read_removals(directory: pathlib.Path) -> None:
  for path in sorted(directory.iterdir()):
    removals.read_removals(str(path), Problems(silent=True))


_DUMP = """<mediawiki xml:lang="en"><siteinfo><namespaces>
<namespace key="0"/><namespace key="6">File</namespace></namespaces></siteinfo>
<page><title>Ann &amp; Lee</title><ns>0</ns><id>7</id><revision><id>9</id>
<text>'''Ann''' is a {{small|town}} in [[Peru|it]].&lt;ref&gt;x&lt;/ref&gt;
== Life ==
{| class="x"
| a
|}
</text></revision></page></mediawiki>
"""


def _make_text(directory: pathlib.Path) -> None:
  documents = [
    {'id': n, 'title': t, 'text': b}
    for n, (t, b) in enumerate(small_realm.BLOCKS[:3])
  ]
  _json_lines(directory / 'a.jsonl', documents)
  (directory / 'b.json').write_text(json.dumps(documents))
  (directory / 'c.tsv').write_text(
    'id\ttext\ttitle\n'
    + ''.join(f'{d["id"]}\t"{d["text"]}"\t{d["title"]}\n' for d in documents)
  )
  (directory / 'd.xml').write_text(_DUMP)
  (directory / 'e.doc').write_text(
    '<doc id="1" url="x" title="Ann">\nAnn\n\nAnn is a town.\n</doc>\n'
  )
  (directory / 'f.txt').write_text(
    'Ann is a town.\n\nIt is old, Zoë.\n', 'utf-8'
  )
  (directory / 'g.jsonl.gz').write_bytes(
    gzip.compress((directory / 'a.jsonl').read_bytes())
  )
  small_world.write_records(
    directory / 'h.tfr.gz',
    [small_world.block(*block) for block in small_realm.BLOCKS[:3]],
  )
  (directory / 'i.csv').write_text(
    'text,title\n' + ''.join(f'"{d["text"]}",{d["title"]}\n' for d in documents)
  )
  paragraphs = [{'context': d['text'], 'qas': []} for d in documents]
  squad = {'data': [{'title': 'Ann', 'paragraphs': paragraphs}]}
  (directory / 'j.json').write_text(json.dumps(squad, indent=1))
  parquet.write_table(
    pyarrow.Table.from_pylist(documents), directory / 'k.parquet'
  )
  (directory / 'l.xz').write_bytes(
    lzma.compress((directory / 'd.xml').read_bytes())
  )


def _read_text(directory: pathlib.Path) -> None:
  reading = ReadingConfig(accept_damaged=True)
  for path in sorted(directory.iterdir()):
    records = readers.raw_records(str(path), reading=reading)
    readers.parse_all(list(records), reading)


def _make_notes(directory: pathlib.Path) -> None:
  atomic.write_json(
    directory / 'manifest.json',
    {
      'kind': 'spans',
      'version': 1,
      'shards': ['spans-0.tfr.gz'],
      'counts': {'read': 3, 'kept': 2, 'malformed': 1, 'skipped_x': 1},
      'settings': {'input': [{'path': 'x', 'format': 'jsonl'}], 'seed': 1},
      'fingerprint': 'abc',
    },
  )
  small_world.write_records(
    directory / 'spans-0.tfr.gz',
    [small_world.span_record('Rome', ['Rome is old .'], ['Rome'])],
  )


def _read_notes(directory: pathlib.Path) -> None:
  list(description.describe(str(directory), 2, 0))
  description.span_files(str(directory))
  job.describe_counts(atomic.read_json(directory / 'manifest.json'))


READERS = (
  FuzzReader('questions', _make_questions, _read_questions, 1.5),
  FuzzReader(
    'published_questions', _make_published_questions, _read_questions, 1.5
  ),
  FuzzReader(
    'predictions',
    _make_predictions,
    lambda d: qa_predictions.read_predictions(str(d / 'predictions.jsonl')),
  ),
  FuzzReader('judged', _make_judged, _read_judged),
  FuzzReader('corpus', _make_corpus, _read_corpus, 1),
  FuzzReader(
    'exact_index', lambda d: _make_index(d, 'exact'), _read_index, 0.8
  ),
  FuzzReader(
    'scann_index', lambda d: _make_index(d, 'scann'), _read_index, 0.5
  ),
  FuzzReader('lexical', _make_lexical, _read_lexical, 0.3),
  FuzzReader('embeddings', _embed, _embed, 0.2),
  FuzzReader('notes', _make_notes, _read_notes),
  FuzzReader('index_notes', _make_index_notes, _read_index_notes),
  FuzzReader('checkpoints', _make_checkpoint, _read_checkpoint, 0.5),
  FuzzReader('metrics', _make_metrics, _read_metrics),
  FuzzReader('module', _make_module, _read_module, 0.3),
  FuzzReader('embedder', _make_module, hub_modules.load_embedder, 0.05),
  FuzzReader('tagger', _make_tagger, _read_tagger, 0.1),
  FuzzReader('bert', _make_bert, _read_bert, 1.5),
  FuzzReader('whole_bert', _make_bert, weights.load_bert, 0.05),
  FuzzReader('sharded_bert', _make_sharded, _read_bert, 0.5),
  FuzzReader('torch_bert', _make_torch, _read_bert, 0.7),
  FuzzReader('tokenizer', _make_tokenizer, _read_tokenizer, 1),
  FuzzReader(
    'sentence_encoder', _make_sentence_encoder, _read_sentence_encoder, 0.7
  ),
  FuzzReader('tensors', _make_small_torch, _read_tensors, 1),
  FuzzReader('release', _make_release, _read_sources, 0.5),
  FuzzReader('release_module', _make_release_module, _read_sources, 0.1),
  FuzzReader(
    'original_corpus', _make_original_corpus, _read_original_corpus, 0.5
  ),
  FuzzReader('conll', _make_conll, _read_conll, 1.5),
  FuzzReader(
    'gazetteer',
    _make_gazetteer,
    lambda d: taggers.read_gazetteer(d / 'names.txt'),
    0.3,
  ),
  FuzzReader('spans', _make_spans, _read_spans, 0.4),
  FuzzReader('described_spans', _make_spans, _describe_spans, 0.4),
  FuzzReader('pairs', _make_pairs, _read_pairs, 1.5),
  FuzzReader('blanks', _make_blanks, _read_blanks, 1.5),
  FuzzReader('removals', _make_removals, _read_removals),
  FuzzReader('text', _make_text, _read_text, 1.5),
)
