# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0

import time

import pytest

from realm_tf.corpus import wikitext

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


def test_strips_wikitext():
  lines = [
    line for line in wikitext.strip_wikitext(WIKITEXT).split('\n') if line
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


GERMAN = """'''Ona''' ist ein [[Fluss]].
[[Datei:Ona.jpg|mini|Die Ona bei Tarn]]
Sie fließt ins Meer.
== Weblinks ==
* [http://x.example Seite]
== Lauf ==
Der Lauf.
== Einzelnachweise ==
<references />
[[Kategorie:Fluss in Europa]]
[[en:Ona]]"""


def test_names_of_namespaces_are_the_dumps_own():
  found = wikitext.strip_wikitext(GERMAN, ('Datei', 'Kategorie', ''))
  text = ' '.join(found.split())
  assert text == 'Ona ist ein Fluss. Sie fließt ins Meer. Der Lauf.'
  assert 'Die Ona bei Tarn' in wikitext.strip_wikitext(GERMAN)


@pytest.mark.parametrize(
  'text, expected',
  [
    ('{{Begriffsklärung}}', True),
    ('a\n{{Homonymie}}', True),
    ('__DISAMBIG__', True),
    ('{{school_disambiguation|x}}', True),
    ('{{other uses|X (disambiguation)}}', False),
    ('{{' + ' ' * 100_000, False),
  ],
)
def test_disambiguation_pages_of_several_languages(text, expected):
  assert wikitext.is_disambiguation(text) == expected


def test_redirects_of_several_languages():
  assert wikitext.is_redirect('#WEITERLEITUNG [[A]]')
  assert wikitext.is_redirect(' # Redirect[[A]]')
  assert not wikitext.is_redirect('# red')


def test_an_element_without_an_end_is_kept_and_a_comment_hides_the_rest():
  text = 'a<ref>b</ref >c<ref name="x" />d<pre>e f<!-- g --> h <!-- i'
  assert wikitext._drop_elements(text) == 'acd<pre>e f h '


# What took time quadratic in its length: 10 kB of the first took 23 s.
HARD = [
  *('<b ', '<ref>', '<!--', '<div>', '{|', '{|\n|-\n|a\n', '{{a|', '[[a|'),
  *('[http://a ', '{{{a|', '<pre>', '<nowiki>', '<q a="', '{{a|b=', ' ', '(\n'),
  *('{{a|[[b|}}]]', '{{a|<b>}}</b>', ', , ', ':;', '{{ ', '<ref name="a" '),
  *('<a b=c ', '{{disambig', '__A', '&', '(a ,', '[[File:a|', '{{a|{{b}}'),
]


@pytest.mark.parametrize('part', HARD)
def test_no_page_stalls_a_worker(part):
  text = '(' + part * (100_000 // len(part))
  start = time.process_time()
  wikitext.is_disambiguation(text)
  wikitext.is_redirect(text)
  seconds = wikitext.estimate_seconds(text)
  assert time.process_time() - start < 2
  if seconds < wikitext.MAX_SECONDS:
    wikitext.strip_wikitext(text)
    assert time.process_time() - start < 2 * wikitext.MAX_SECONDS


def test_ordinary_pages_are_cheap():
  whole = WIKITEXT * 600
  assert len(whole) > 400_000
  assert wikitext.estimate_seconds(whole) < 0.1 * wikitext.MAX_SECONDS
  # As are a few that editors forgot to close.
  assert wikitext.estimate_seconds('<div>{{a|[[b|' * 9 + whole) < 2
