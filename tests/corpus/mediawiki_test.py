# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0

import io
import tracemalloc

import pytest

from realm_tf.corpus import mediawiki
from realm_tf.corpus.document import SkippedError
from realm_tf.corpus.lines import DamagedError

DUMP = """<mediawiki xmlns="http://www.mediawiki.org/xml/export-0.10/">
  <siteinfo><sitename>Wikipedia</sitename></siteinfo>
  <page><title>Here</title><ns>0</ns><redirect title="There" />
    <revision><model>wikitext</model><text>#REDIRECT [[There]]</text></revision>
  </page>
  <page><title>There</title><ns>0</ns>
    <revision><text>Old text.</text></revision>
    <revision><model>wikitext</model><text>'''There''' is a [[town]].</text>
    </revision>
  </page>
  <page><title>Talk:There</title><ns>1</ns>
    <revision><text>Hello.</text></revision></page>
  <page><title>Code</title><ns>0</ns>
    <revision><model>json</model><text>{}</text></revision></page>
  <page><title>Moved</title><ns>0</ns>
    <revision><text># redirect [[There]]</text></revision></page>
</mediawiki>"""


def test_reads_pages():
  pages = list(mediawiki.read_pages(io.BytesIO(DUMP.encode())))
  assert [p.title for p in pages] == [
    'Here', 'There', 'Talk:There', 'Code', 'Moved'
  ]  # fmt: skip
  assert mediawiki.page_text(pages[1]) == 'There is a town.'
  reasons = []
  for page in pages[:1] + pages[2:]:
    with pytest.raises(SkippedError) as e:
      mediawiki.page_text(page)
    reasons.append(e.value.reason)
  assert reasons == ['redirect', 'other_namespace', 'not_wikitext', 'redirect']
  assert pages[2].text == ''  # what is skipped is not sent to a worker


def test_broken_xml_tells_the_line():
  pages = mediawiki.read_pages(io.BytesIO(DUMP[:700].encode()))
  with pytest.raises(DamagedError) as e:
    list(pages)
  assert e.value.line == DUMP[:700].count('\n') + 1


@pytest.mark.parametrize(
  'template',
  ['{{disambiguation}}', '{{Disambig|geo}}', '{{hndis|Smith}}',
   '{{school disambiguation}}', '{{ dab }}'],
)  # fmt: skip
def test_disambiguation_pages(template):
  page = mediawiki.Page(
    'X', 0, False, 'wikitext', f"'''X''' may be\n{template}"
  )
  with pytest.raises(SkippedError, match='disambiguation'):
    mediawiki.page_text(page)


def test_a_link_to_a_disambiguation_page_does_not_make_one():
  page = mediawiki.Page(
    'X', 0, False, 'wikitext', '{{other uses|X (disambiguation)}}\nX is a town.'
  )
  assert mediawiki.page_text(page).strip() == 'X is a town.'


def _pages(text, encoding='utf-8'):
  return list(mediawiki.read_pages(io.BytesIO(text.encode(encoding))))


GERMAN = """<mediawiki xml:lang="de"><siteinfo><sitename>Wikipedia</sitename>
  <base>https://de.wikipedia.org/wiki/Hauptseite</base><namespaces>
  <namespace key="0" /><namespace key="6" case="first-letter">Datei</namespace>
  <namespace key="14">Kategorie</namespace></namespaces></siteinfo>
  <page><title>Große Ona</title><ns>0</ns><id>7</id><revision><id>2</id>
  <contributor><id>3</id></contributor>
  <text>Ein [[Fluss]].[[Kategorie:Fluss]]</text></revision></page>
</mediawiki>"""


def test_a_dump_says_what_it_is_of():
  (page,) = _pages(GERMAN)
  assert page.site.is_wikipedia
  assert page.site.namespaces == ('Datei', 'Kategorie')
  assert page.id == '7'
  assert page.url == 'https://de.wikipedia.org/wiki/Gro%C3%9Fe_Ona'
  assert mediawiki.page_text(page) == 'Ein Fluss.'
  old = GERMAN.replace('<ns>0</ns>', '')
  assert [p.namespace for p in _pages(old)] == [0]
  file = old.replace('Große Ona', 'Datei:Ona.jpg')
  assert [p.namespace for p in _pages(file)] == [-1]
  other = GERMAN.replace('wikipedia', 'wiki').replace('Wikipedia', 'Rivers')
  assert not _pages(other)[0].site.is_wikipedia


def test_pages_without_a_root():
  page = '<page><title>Ona</title><revision><text>A.</text></revision></page>'
  for before in ('', '<?xml version="1.0" encoding="utf-8"?>\n '):
    assert [p.text for p in _pages(before + page * 2)] == ['A.', 'A.']
  with pytest.raises(DamagedError):
    _pages(page + page[:-3])


def test_what_a_file_was_recoded_from_does_not_matter():
  text = '<?xml version="1.0" encoding="UTF-16"?>' + GERMAN
  assert _pages(text)[0].title == 'Große Ona'


def test_a_page_that_is_too_long_is_skipped(monkeypatch):
  monkeypatch.setattr(mediawiki, '_MAX_TEXT', 25)
  text = DUMP.replace('Old text.', 'a' * 99)  # Only the last revision counts.
  page = _pages(text.replace('[[town]]', '[[large town]]'))[1]
  assert page.text == ''
  with pytest.raises(SkippedError, match='too_long'):
    mediawiki.page_text(page)
  monkeypatch.setattr(mediawiki, '_MAX_TEXT', 99)
  assert mediawiki.page_text(_pages(text)[1]) == 'There is a town.'


def test_a_page_that_is_too_costly_is_skipped():
  page = mediawiki.Page('X', 0, False, 'wikitext', '<b ' * 5000)
  with pytest.raises(SkippedError, match='too_costly'):
    mediawiki.page_text(page)


@pytest.mark.parametrize(
  'middle, reason',
  [
    ('<a>' * 100, 'nested too deeply'),
    ('<a b="' + 'c' * 400, 'a tag that does not end'),
    ('A & B', 'column 17: not well-formed'),
  ],
)
def test_what_no_dump_holds(monkeypatch, middle, reason):
  monkeypatch.setattr(mediawiki, '_CHUNK', 64)
  monkeypatch.setattr(mediawiki, '_MAX_TAG', 200)
  with pytest.raises(DamagedError, match=reason):
    _pages(f'<mediawiki>\n<page><title>{middle}</title></page></mediawiki>')
  entity = '<!DOCTYPE a [<!ENTITY b "cc">]><a>&b;</a>'
  with pytest.raises(DamagedError, match='declares entities'):
    _pages(entity)


def test_elements_outside_of_pages_are_not_kept():
  content = b'<mediawiki>' + b'<x y="1">abc</x>' * 100_000
  tracemalloc.start()
  try:
    with pytest.raises(DamagedError):
      list(mediawiki.read_pages(io.BytesIO(content)))
    assert tracemalloc.get_traced_memory()[1] < 2 << 20
  finally:
    tracemalloc.stop()
