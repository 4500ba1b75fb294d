# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0

import sys
import types

import pytest

from realm_tf.corpus.document import CorpusError
from realm_tf.spans import taggers
from tests.support import shared_data

CASES = taggers.CaseCounts(
  {'apple': 9, 'rivers': 5, 'prime': 4, 'growing': 3},
  {'Apple': 2, 'France': 8, 'Prime': 6, 'Berlin': 4},
)

# A sentence with its names in square brackets.
TABLE = [
  'He met [Barack Obama] in [Berlin].',
  '[France] is large.',
  'Rivers flow there.',
  'Growing [Berlin] is loud.',
  'The [Bank of England] is old.',
  'In [Paris] it rained.',
  '[Ludwig van Beethoven] was deaf.',
  'He read [J. R. R. Tolkien] and [George W. Bush].',
  'They saw [Saint-Denis] and [O’Neill].',
  'I think [Louis XIV] was king, and [Henry VIII] too.',
  '[Prime Minister Blair] spoke.',
  "[Obama]'s house in the [U.S.] is white.",
  'It was [NATO] on Monday.',
  'Mr. [Smith] came.',
  'nothing here at all',
  '[Zürich] lies on the [Limmat].',
  'The [University of São Paulo] is in [Brazil].',
  # Greek, Cyrillic, Latin beyond Latin-1, in either case
  'The poet [Κωνσταντίνος Καβάφης] wrote πόλις and τείχη.',
  'He met [Антон Чехов] and said спасибо.',
  'The town of [Łódź] is żywa, and [Ōsaka] ōkii.',
  'ß, ª, º and µ are no capitals.',
  # scripts without case
  'النيل أطول أنهار العالم. يقع في أفريقيا.',
  '长江是中国最长的河流。它流入东海。',
  'แม่น้ำเจ้าพระยาไหลผ่านกรุงเทพ and हिन्दी, ქართული, 東京',
  # without width
  'The [Ri\u200bver O\ufeffna] flows by [Que\u0301bec].',
  '\u200fRivers flow \u200fby \u202e[Rome]\u202c now.',
]


def _marked(tagger, text):
  encoded = text.encode()
  parts, position = [], 0
  for span in tagger.tag([text])[0]:
    parts += [encoded[position : span.start], b'[']
    parts += [encoded[span.start : span.limit], b']']
    position = span.limit
  return b''.join([*parts, encoded[position:]]).decode()


@pytest.mark.parametrize('expected', TABLE)
def test_capitals(expected):
  tagger = taggers.GazetteerTagger(CASES)
  text = expected.replace('[', '').replace(']', '')
  assert _marked(tagger, text) == expected


def test_case_counts_decide_at_the_start_of_a_sentence():
  text = 'Apple is red.'
  assert _marked(taggers.GazetteerTagger(CASES), text) == text
  large = taggers.CaseCounts({'apple': 1}, {'Apple': 5})
  assert _marked(taggers.GazetteerTagger(large), text) == '[Apple] is red.'


def test_count_cases():
  counts = taggers.count_cases(
    ['The river Po is a river.', 'The Po flows, and Po is it.', 'Po.', 'once']
  )
  assert counts.large == {'Po': 3}
  assert counts.small == {'river': 2, 'is': 2}


def test_gazetteer_finds_small_and_long_names(tmp_path):
  path = tmp_path / 'names.txt'
  path.write_text('# names\nbell hooks\nphotosynthesis\n  the  Hague \n\nthe\n')
  names = taggers.read_gazetteer(path)
  assert names == {'bell hooks', 'photosynthesis', 'the Hague', 'the'}
  tagger = taggers.GazetteerTagger(CASES, names - {'the'})
  assert (
    _marked(tagger, 'It was bell hooks in the Hague, on photosynthesis.')
    == 'It was [bell hooks] in [the Hague], on [photosynthesis].'
  )
  assert _marked(tagger, 'a bell hooksx') == 'a bell hooksx'
  with pytest.raises(CorpusError, match='`gazetteer`: /no/file'):
    taggers.read_gazetteer('/no/file')


def test_names_of_the_list_go_first():
  tagger = taggers.GazetteerTagger(CASES, ['the United', 'Kingdom Hall'])
  assert _marked(tagger, 'Ann saw the United Kingdom.') == (
    '[Ann] saw [the United] Kingdom.'
  )
  assert _marked(tagger, 'In Kingdom Hall, Ann sat.') == (
    'In [Kingdom Hall], [Ann] sat.'
  )


def test_dates_in_bytes():
  text = 'Zürich, am 4 July 1776.'
  ((span,),) = taggers.tag_dates([text])
  assert text.encode()[span.start : span.limit] == b'4 July 1776'
  assert span.label == 'DATE'


def test_spacy_is_named_when_it_is_not_there(monkeypatch):
  monkeypatch.setitem(sys.modules, 'spacy', None)
  with pytest.raises(CorpusError, match=r"pip install 'realm_tf\[spacy\]'"):
    taggers.SpacyTagger('en_core_web_sm')


def _fake_spacy(load):
  module = types.ModuleType('spacy')
  module.load = load
  return module


def test_spacy_pipeline_is_named_when_it_is_not_there(monkeypatch):
  def load(name, exclude):
    raise OSError('E050')

  monkeypatch.setitem(sys.modules, 'spacy', _fake_spacy(load))
  with pytest.raises(CorpusError, match='spacy download xx_none'):
    taggers.SpacyTagger('xx_none')


def test_spacy_entities_become_byte_spans(monkeypatch):
  class Pipeline:
    def pipe(self, texts, batch_size):
      for text in texts:
        entities = []
        for word, label in (
          ('Zürich', 'GPE'),
          ('Ann', 'PERSON'),
          ('5', 'CARDINAL'),
        ):
          if word in text:
            at = text.index(word)
            entities.append(
              types.SimpleNamespace(
                start_char=at, end_char=at + len(word), label_=label
              )
            )
        yield types.SimpleNamespace(ents=entities)

  monkeypatch.setitem(
    sys.modules, 'spacy', _fake_spacy(lambda name, exclude: Pipeline())
  )
  tagger = taggers.SpacyTagger('en')
  assert tagger.tag(['Zürich saw Ann 5 times.', 'No.']) == [
    [(0, 7, 'GPE'), (12, 15, 'PERSON')],
    [],
  ]


def test_a_real_spacy_pipeline(tmp_path):
  spacy = pytest.importorskip('spacy')
  pipeline = spacy.blank('en')
  ruler = pipeline.add_pipe('entity_ruler')
  ruler.add_patterns(
    [
      {'label': 'GPE', 'pattern': 'Zürich'},
      {'label': 'PERSON', 'pattern': [{'LOWER': 'ann'}, {'LOWER': 'lee'}]},
      {'label': 'CARDINAL', 'pattern': '5'},
    ]
  )
  pipeline.to_disk(tmp_path / 'names')
  tagger = taggers.SpacyTagger(str(tmp_path / 'names'))
  texts = ['In Zürich Ann Lee ran 5 times.', 'Nothing.', 'Zürich']
  assert tagger.tag(texts) == [
    [(3, 10, 'GPE'), (11, 18, 'PERSON')],
    [],
    [(0, 7, 'GPE')],
  ]


def test_wikigold():
  """Exact spans of any class, against the entities of people's hands."""
  path = shared_data.path('ner/wikigold/wikigold.conll.txt')
  texts, gold = [], []
  for block in path.read_text().split('\n\n'):
    text, spans, previous = '', [], 'O'
    for line in filter(None, block.split('\n')):
      word, label = line.rsplit(' ', 1)
      text += '' if word in '.,;:)' or not text else ' '
      start = len(text.encode())
      text += word
      if label != 'O' and label == previous:
        spans[-1] = (spans[-1][0], len(text.encode()))
      elif label != 'O':
        spans.append((start, len(text.encode())))
      previous = label
    texts.append(text)
    gold.append(set(spans))
  tagger = taggers.GazetteerTagger(taggers.count_cases(texts))
  found = [{(s.start, s.limit) for s in spans} for spans in tagger.tag(texts)]
  right = sum(len(f & g) for f, g in zip(found, gold))
  precision = right / sum(map(len, found))
  recall = right / sum(map(len, gold))
  assert precision > 0.65
  assert recall > 0.75
