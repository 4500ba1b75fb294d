# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
# The public names, and where each is defined: __init__.py reads this file.

from realm_tf.answering.answerer import Answerer
from realm_tf.answering.blank_filler import BlankFiller
from realm_tf.bert.bert_config import BertConfig
from realm_tf.configs.corpus_config import CorpusConfig
from realm_tf.configs.embedding_config import IndexConfig
from realm_tf.configs.ict_config import IctConfig
from realm_tf.configs.index_text_config import IndexTextConfig
from realm_tf.configs.qa_config import QAConfig
from realm_tf.configs.realm_config import RealmConfig
from realm_tf.configs.retrieval_config import RetrievalConfig
from realm_tf.configs.searcher_config import SearcherConfig
from realm_tf.corpus.build_corpus import build_corpus
from realm_tf.corpus.corpus import Corpus
from realm_tf.index.index import Index
from realm_tf.indexing.corpus_index import build_once as build_index
from realm_tf.indexing.index_text import index_text
from realm_tf.indexing.text_embedder import TextEmbedder
from realm_tf.modeling.embedder import Embedder
from realm_tf.modeling.ict_model import ICTModel
from realm_tf.modeling.mlm_model import MaskedLanguageModel
from realm_tf.modeling.open_qa import OpenQAModel
from realm_tf.modeling.reader import KnowledgeAugmentedReader
from realm_tf.modeling.realm_model import RealmModel
from realm_tf.modeling.retriever import Retriever
from realm_tf.modeling.span_reader import SpanReader
from realm_tf.modeling.token_classifier import TokenClassifier
from realm_tf.tasks.ict import pretrain as pretrain_ict
from realm_tf.tasks.ict_examples import ict_dataset
from realm_tf.tasks.qa import finetune
from realm_tf.tasks.realm import pretrain
from realm_tf.text.tokenizer import BertTokenizer as Tokenizer

__all__ = [
  'Answerer',
  'BertConfig',
  'BlankFiller',
  'Corpus',
  'CorpusConfig',
  'Embedder',
  'ICTModel',
  'IctConfig',
  'Index',
  'IndexConfig',
  'IndexTextConfig',
  'KnowledgeAugmentedReader',
  'MaskedLanguageModel',
  'OpenQAModel',
  'QAConfig',
  'RealmConfig',
  'RealmModel',
  'RetrievalConfig',
  'Retriever',
  'SearcherConfig',
  'SpanReader',
  'TextEmbedder',
  'TokenClassifier',
  'Tokenizer',
  'build_corpus',
  'build_index',
  'finetune',
  'ict_dataset',
  'index_text',
  'pretrain',
  'pretrain_ict',
]
__version__: str
