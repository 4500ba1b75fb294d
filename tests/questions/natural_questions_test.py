# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import pytest

from realm_tf.corpus.document import MalformedError, SkippedError
from realm_tf.questions import natural_questions

TOKENS = (
  '<P> The <B> Rhine </B> ( river ) is Smith \'s , `` 1,230 km " long . It is'
  " n't short '' </P>"
)
HTML = '<p>The <b>Rhine</b>&nbsp;&amp; é flows through\n Köln &lt;city&gt;.</p>'


def _simplified(*ranges, **fields):
  return {
    'annotations': [
      {
        'yes_no_answer': 'NONE',
        'short_answers': [{'start_token': a, 'end_token': b}],
      }
      for a, b in ranges
    ],
    'document_text': TOKENS,
    'document_url': (
      'https://en.wikipedia.org//w/index.php?title=Rhine_(river)&amp;oldid=8'
    ),
    'example_id': 5328212470870865242,
    'question_text': 'how long is the rhine',
    **fields,
  }


def _full(*texts, tokens=1):
  page = HTML.encode()
  answers = [
    {
      'start_byte': page.index(t.encode()),
      'end_byte': page.index(t.encode()) + len(t.encode()),
      'start_token': 2,
      'end_token': 2 + tokens,
    }
    for t in texts
  ]
  return {
    'annotations': [{'short_answers': answers}],
    'document_html': HTML,
    'document_title': 'Rhine',
    'example_id': 1,
    'question_text': 'where',
  }


def test_simplified():
  found = natural_questions.parse(_simplified((13, 15), (3, 4), (13, 15)))
  assert found == (
    'how long is the rhine',
    ['1,230 km', 'Rhine'],
    5328212470870865242,
    'Rhine (river)',
  )


@pytest.mark.parametrize(
  'tokens, text',
  [
    ((1, 5), 'The Rhine'),
    ((3, 8), 'Rhine (river)'),
    ((9, 12), "Smith's,"),
    ((12, 15), '"1,230 km'),
    ((18, 21), "It isn't"),
    ((21, 23), 'short"'),
  ],
)
def test_tokens_are_joined_as_people_write(tokens, text):
  assert natural_questions.parse(_simplified(tokens)).answers == [text]


def test_full():
  found = natural_questions.parse(
    _full('<b>Rhine</b>&nbsp;&amp; é', 'through\n Köln &lt;city&gt;')
  )
  assert found.answers == ['Rhine & é', 'through Köln <city>']
  assert (found.question, found.id, found.gold_title) == ('where', 1, 'Rhine')


@pytest.mark.parametrize('tokens', [5, 6])
def test_short_answers_have_five_tokens_at_most(tokens):
  for record in (_full('Rhine', tokens=tokens), _simplified((2, 2 + tokens))):
    if tokens == 5:
      assert len(natural_questions.parse(record).answers) == 1
      continue
    with pytest.raises(SkippedError) as e:
      natural_questions.parse(record)
    assert e.value.reason == 'long_answer'


def test_lines_without_short_answers_are_left_out():
  record = _simplified()
  record['annotations'] = [{'short_answers': []}, {'short_answers': []}]
  with pytest.raises(SkippedError) as e:
    natural_questions.parse(record)
  assert e.value.reason == 'no_short_answer'
  # Nothing but a tag.
  with pytest.raises(SkippedError):
    natural_questions.parse(_simplified((0, 1)))


@pytest.mark.parametrize(
  'record, message',
  [
    (_simplified((20, 25)), 'a short answer at token 20 to 25 of 24'),
    (_simplified((5, 3)), 'a short answer at token 5 to 3'),
    ({**_full('Rhine'), 'document_html': 'short'}, 'byte 10 to 15 of 5'),
    ({'question_text': 'q', 'annotations': []}, 'neither "document_html"'),
    (_simplified((3, 4), annotations=7), 'not as Natural Questions have it'),
    (_simplified((3, 4), document_text=7), 'not as Natural Questions have it'),
    ({'document_text': 'a'}, 'no "annotations"'),
    (
      _simplified(annotations=[{'short_answers': [{'start_token': 1}]}]),
      'no "end_token"',
    ),
  ],
)
def test_malformed_lines(record, message):
  with pytest.raises(MalformedError, match=message):
    natural_questions.parse(record)
