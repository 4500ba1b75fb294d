# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0

import io
from xml.etree import ElementTree

import pytest

from realm_tf.corpus import mediawiki
from realm_tf.corpus.document import SkippedError

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

WIKITEXT = """{{Infobox town|name=There|population={{formatnum:5}}}}
[[File:There.jpg|thumb|A [[view]] of ''There''.]]
'''There''' ({{IPA|x}}; {{lang|fr|Là-bas}}) is a [[Town|small town]]<ref>Smith,
p. 5</ref> in [[France]],<ref name="a" /> {{convert|5|km|mi}} from
[http://paris.fr Paris] ({{IPA|y}}).<!-- no -->

{| class="wikitable"
! a !! b
|-
| 1 || 2
|}
== History ==
It was founded in [[1066]]{{cn}} &amp; burned {{circa|1200}}.
* A [[list]]
# Another
<gallery>
File:a.jpg|A
</gallery>
=== Later ===
It grew__NOTOC__ &ndash; slowly.<br />Then it ended.
== References ==
{{reflist}}
Not this.
=== Neither ===
Nor this.
== Climate ==
It rains.
[[Category:Towns]] [[de:Dort]] [[:Category:Towns|Towns]]
"""


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
  with pytest.raises(ElementTree.ParseError) as e:
    list(pages)
  assert e.value.position[0] == DUMP[:700].count('\n') + 1


def test_strips_wikitext():
  lines = [
    line for line in mediawiki.strip_wikitext(WIKITEXT).split('\n') if line
  ]
  assert [' '.join(line.split()) for line in lines if line.strip()] == [
    'There (Là-bas) is a small town in France, 5 km from',
    'Paris.',
    'It was founded in 1066 & burned c. 1200.',
    'It grew – slowly.',
    'Then it ended.',
    'It rains.',
    'Towns',
  ]


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
