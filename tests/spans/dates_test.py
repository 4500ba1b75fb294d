# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0

import pytest

from realm_tf.spans import dates

# text with every date in square brackets
TABLE = [
  # days
  'Signed on [July 4, 1776], in Philadelphia.',
  'Signed on [4 July 1776] in Philadelphia.',
  'It fell on [4th of July], as always.',
  'He was born on the [23rd of April, 1564].',
  'It opened on [Sunday, 14 November 2004] there.',
  'They were arrested [Sunday November 14] in a restaurant.',
  'It was closed on [December 25th].',
  'The camp of [April 20-21, 2001] was found.',
  'The match of [3–5 May 1998] was drawn.',
  'Born [Nov. 13, 1904] in Ohio.',
  'Valens died on [9 August 378].',
  '(born [9 June 1075], died [4 December 1137])',
  'On [2 September 31 BC] the fleets met.',
  'from [28 June 1914] to [11 November 1918]',
  'the battle of [1 and 2 May 1863]',
  # numeric
  'It was sent on [2004-11-13] at noon.',
  'It was sent on [11/13/2004] at noon.',
  'It was sent on [13.11.2004] at noon.',
  'It was sent on [3/11/04].',
  'It was sent on [29/02/2000] and on [02/29/04].',
  'It was sent on [29 February 1996], [February 29].',
  'It was sent on [2004-02-29] and on [29 February 1500].',
  'It was sent on [31 January] and on [May 31, 1999].',
  'On [31 August 30 BC] the queen died.',
  # months
  'In [July 1969] they landed.',
  'In [late October 1917] it began.',
  'It began in [November, 1917] and ended.',
  'From [March–May 1998] it was shut.',
  'It rains in [May] and in [October].',
  'since [August] it has been quiet',
  'in [early June] it snowed',
  'the [summer of 1969] was long',
  'In [spring 1945] it ended.',
  # years
  'In [1492] Columbus sailed.',
  'In [1066] he won.',
  '[1969] saw the first landing.',
  'It was founded in [1871].',
  'The war ([1914–1918]) was long.',
  'The war of [1939-45] was long.',
  'the [2003/04] season',
  'between [1803] and [1815]',
  'post-[1945] Europe',
  'the [1984] Summer Olympics',
  'the [2010] census',
  'the [2008] elections were held',
  'released in [1999], 2,000 copies of it were sold',
  '(died [1850])',
  # decades and centuries
  'the [1990s] were calm',
  "the [1990's] were calm",
  'the [mid-1980s] recession',
  'in the [early 1970s] and [1980s]',
  "music of the [’60s] and ['70s]",
  'the [19th century] novel',
  'a [nineteenth-century] novel',
  'the [early 5th century BC]',
  'the [18th and 19th centuries] saw',
  'the [Twentieth Century] ended',
  'the [late 1st millennium BC] graves',
  # eras
  'Caesar died in [44 BC].',
  'The city fell in [AD 79] at last.',
  'about [300–280 BCE] it was written',
  'It was rebuilt in [532 AD] and later.',
]

NOT_DATES = [
  'about 1500 people live there',
  'It has 2000 seats and a roof.',
  'a length of 1200 km',
  'a height of 1911 m in total',
  'No. 1984 of the list',
  'It cost $1995 at first.',
  'It cost 1,950 dollars.',
  'Version 10.4.11 came out.',
  'It may rain; he may go.',
  'They march on Rome.',
  'May Day Parker and April Jones met Augusta.',
  'August Strindberg wrote plays.',
  'the June Carter story',
  'Flight 1549 landed on the river.',
  'more than 1800 were hurt',
  'a ratio of 16/9 and 4:3',
  'call 555-1984 now',
  'the first century-old building',
  'he came second and was third',
  'half a century later',
  'the Boeing 1900 does not exist',
  'at 19:45 and 7.30 p.m.',
  '18.5 per cent and 1.984 of them',
  'the 1024-bit key',
  'population 49,673',
  'Windows 2000 was released',
  'May 10,000 people come?',
  'BC and AD are eras',
  'on 31/02/1999 and 02/31/1999 at 13/13/2004',
  'on 30.02.2004 and on 2003-02-29',
  'on 29 February 2003 and 29 February 1900',
  'on 31 June 1999 and June 31, 1999',
  'on the 30-31 April 2001',
  'on Sunday, November 31',
  'on 30th of Feb. there',
]


def _marked(text):
  parts = []
  position = 0
  for start, limit in dates.find_dates(text):
    parts += [text[position:start], '[', text[start:limit], ']']
    position = limit
  return ''.join([*parts, text[position:]])


@pytest.mark.parametrize('expected', TABLE)
def test_finds_dates(expected):
  text = expected.replace('[', '').replace(']', '')
  assert _marked(text) == expected


@pytest.mark.parametrize('text', NOT_DATES)
def test_leaves_the_rest(text):
  assert _marked(text) == text


def test_spans_are_ordered_and_disjoint():
  text = ' '.join(t.replace('[', '').replace(']', '') for t in TABLE)
  spans = dates.find_dates(text)
  assert len(spans) > len(TABLE)
  for (_, limit), (start, _) in zip(spans, spans[1:]):
    assert limit <= start
