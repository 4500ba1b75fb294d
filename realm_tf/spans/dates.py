# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Dates by regular expression: days, months, years, decades, centuries.

A number alone is a year where its surroundings say so or nothing speaks
against it: `in 1492` and `1969 saw` are, `1500 people` and `No. 1984` are not.
A month alone counts where it cannot be part of a name; `March`, `April`,
`May`, `June` and `August` only after a word such as `in` or `since`.
"""

import re


def _words(text: str) -> frozenset[str]:
  return frozenset(text.split())


_FULL_MONTH = (
  r'(?:January|February|March|April|May|June|July|August|September|October'
  r'|November|December)'
)
_MONTH = (
  rf'(?:{_FULL_MONTH}'
  r'|(?:Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec)\b\.?)'
)
_WEEKDAY = r'(?:(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day,?\s)'
_DAY = r'(?:3[01]|[12]\d|0?[1-9])'
_DAY_NTH = rf'{_DAY}(?:st|nd|rd|th)?(?!\w)'
_DAYS = rf'{_DAY_NTH}(?:\s?[-–—/]\s?{_DAY_NTH}|\s(?:and|to|or)\s{_DAY_NTH})?'
_YEAR = r'(?:1\d{3}|20\d{2})(?!\w)'
_ERA = r'(?:B\.C\.E\.?|BCE|B\.C\.?|BC|C\.E\.?|CE|A\.D\.?|AD)(?![A-Za-z])'
_PART = r'(?:(?:[Ee]arly|[Mm]id|[Ll]ate)[-\s])'
_NTH = (
  r'(?:first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth'
  r'|eleventh|twelfth|thirteenth|fourteenth|fifteenth|sixteenth|seventeenth'
  r'|eighteenth|nineteenth|twentieth|twenty[- ]first|1st|2nd|3rd|[4-9]th'
  r'|1\dth|20th|21st|22nd)'
)

# In order: of two that begin at one place the first is taken.
_PATTERNS = {
  # 2004-11-13
  'iso': rf'{_YEAR}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])(?![\w-])',
  # 11/13/2004, 13/11/04, 13.11.2004
  'numeric': (rf'{_DAY}/{_DAY}/(?:{_YEAR}|\d\d(?!\w))|{_DAY}\.{_DAY}\.{_YEAR}'),
  # Sunday, 4 July 1776; 4th of July; 3-5 May 1998; 9 August 378
  'day_month': (
    rf'{_WEEKDAY}?{_DAYS}\s(?:of\s)?{_MONTH}(?!\w)'
    rf'(?:,?\s(?:{_YEAR}|\d{{1,4}}\s{_ERA}|\d{{3}}(?=[),;.]|\s[-–—]|$)))?'
  ),
  # July 4, 1776; July 4th; April 20-21, 2001; Sunday November 14
  'month_day': (
    rf'{_WEEKDAY}?{_MONTH}\s{_DAYS}(?![.,:]?\d|%)'
    rf'(?:,?\s(?:{_YEAR}|\d{{1,4}}\s{_ERA}))?'
  ),
  # July 1776; late July, 1776; March-May 1998
  'month_year': (
    rf'{_PART}?{_MONTH}(?:\s?[-–—/]\s?{_MONTH})?,?\s(?:of\s)?{_YEAR}'
  ),
  # summer of 1969
  'season': (
    rf'{_PART}?(?:[Ss]pring|[Ss]ummer|[Aa]utumn|[Ww]inter|[Ff]all)'
    rf'\s(?:of\s)?{_YEAR}'
  ),
  # 18th and 19th centuries; early 5th century BC; nineteenth-century
  'century': (
    rf'{_PART}?(?i:{_NTH})(?:(?:\s?[-–—/]\s?|\s(?:and|to|or)\s)(?i:{_NTH}))?'
    rf'[-\s](?i:century|centuries|millennium|millennia)(?!\w|-old)(?:\s{_ERA})?'
  ),
  # mid-1980s, 1980's, 300s BC, '60s
  'decade': (
    rf"{_PART}?(?:1\d|20)\d0['’]?s(?!\w)|\d{{1,3}}0s\s{_ERA}|['’][1-9]0s(?!\w)"
  ),
  # 44 BC, 300-280 BCE, AD 79
  'era': (
    rf'\d{{1,5}}(?:\s?[-–—]\s?\d{{1,4}})?\s{_ERA}'
    r'|(?:AD|A\.D\.)\s\d{1,4}(?!\w)'
  ),
  # 1914-18, 1939 - 1945, 2003/04
  'years': rf'{_YEAR}(?:\s?[-–—]\s?{_YEAR}|[-–—/]\d\d(?!\w))',
  # decided by what stands around it
  'year': _YEAR,
  'month': rf'{_PART}?{_FULL_MONTH}(?!\w)',
}
_DATE = re.compile(
  # Only at the start of a word that can begin one: most cannot, and trying all
  # patterns is what costs.
  r"(?<!\w)(?=[\d'’JFMASONDTWELfstenmlaw])"
  r"(?=\d|['’]\d|Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec|Mon|Tue|Wed|Thu"
  r'|Fri|Sat|Sun|A\.?D|(?i:ear|mid|lat|spr|sum|aut|win|fal|fir|sec|thi|fou|fif|six'
  r'|sev|eig|nin|ten|ele|twe))'
  r'(?:' + '|'.join(f'(?P<{kind}>{p})' for kind, p in _PATTERNS.items()) + ')'
)
_DIGIT = re.compile(r'\d')
_WITHOUT_DIGITS = _words("""
  January February March April May June July August September October November
  December entur illenni
""")

# Words after which a number of four digits is a year.
_YEAR_AFTER = _words("""
  in since until till by from during early late mid circa c. ca. born died
  year spring summer autumn winter fall before after between election season
""")
# Words after which it is not.
_NO_YEAR_AFTER = _words("""
  no. nos. number route highway flight boeing page p. pp. over than least
  approximately some nearly almost total only every chapter psalm windows
  asteroid
""")
# What makes a quantity of the number before it.
_QUANTITY = re.compile(
  r'\s?(?:[%°$€£]|(?:km|mm|cm|kg|mg|kW|MW|GW|kHz|MHz|GHz|Hz|ft|mi|mph|hp|rpm|m|g'
  r'|ha|h|hours)\b)'
  r'|[-\s](?:million|billion|thousand|hundred|square|cubic|met(?:re|er)|mile|feet'
  r'|foot|acre|hectare|ton|tonne|people|men|women|percent|per|more|other'
  r'|different|light|horsepower|or\s(?:more|so))\b'
)
# A noun in the plural, not a verb.
_PLURAL = re.compile(
  r'\s(?!(?:was|is|has|does|as|its|this|thus|us|vs|plus|across|towards|besides'
  r'|sees|marks|brings|begins|ends|always|perhaps|unless|whereas|series|census'
  r'|elections|olympics|games|championships)\b)[a-z]{2,}s\b'
)
_MONTH_AFTER = _words("""
  in since until till by from during last next this of early late mid through
  between every each before after around throughout
""")
_ALWAYS_MONTH = _words("""
  January February July September October November December
""")
_FULL_MONTHS = _ALWAYS_MONTH | _words('March April May June August')
_NAME_FOLLOWS = re.compile(r'[\s-][A-Z0-9]')
_NUMBER_GOES_ON = re.compile(r'[.,:/][0-9]|[-–][0-9A-Za-z]|%')


def _word_before(text: str, start: int) -> str:
  end = len(text[:start].rstrip(' -'))
  begin = max(text.rfind(' ', 0, end), text.rfind('\n', 0, end)) + 1
  return text[begin:end].lstrip('(["“‘')


def _is_year(text: str, start: int, limit: int) -> bool:
  if _QUANTITY.match(text, limit):
    return False
  before = _word_before(text, start).lower()
  if before in _YEAR_AFTER:
    return True
  if before in _NO_YEAR_AFTER or _PLURAL.match(text, limit):
    return False
  # Before 1500 numbers are more often numbers.
  return text[start:limit] >= '1500' or text[max(0, start - 1)] in '(–—'


def _is_month(text: str, start: int, limit: int) -> bool:
  if _NAME_FOLLOWS.match(text, limit):
    return False
  month = text[start:limit]
  if month not in _FULL_MONTHS:
    return True  # `early June`
  before = _word_before(text, start)
  if before in _MONTH_AFTER:
    return True
  # Not `Black September`; and `May` and `March` may be anything.
  return month in _ALWAYS_MONTH and not (before.isalpha() and before.istitle())


def _is_number_part(text: str, start: int, limit: int) -> bool:
  """Whether the digits at either end belong to a longer number."""
  if text[start].isdigit() and start:
    before = text[start - 1]
    if before in '$€£¥#':
      return True
    if before in '.,:/' and start > 1 and text[start - 2].isdigit():
      return True
    if before == '-' and not (start > 1 and text[start - 2].islower()):
      return True
  return text[limit - 1].isdigit() and bool(_NUMBER_GOES_ON.match(text, limit))


_DAYS_OF_MONTH = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_MONTHS = ('Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun') + (
  *('Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'),
)
_NUMBER = re.compile(r'\d+')
_MONTH_NAME = re.compile(_MONTH)
_YEAR_AT_END = re.compile(rf'{_YEAR}$')
# Years before which every fourth was a leap year somewhere.
_JULIAN_UNTIL = 1752


def _is_day(day: int, month: int, year: int | None) -> bool:
  """Whether a month, from 1, has a day; without a year in some year."""
  if not 1 <= month <= 12 or not 1 <= day <= _DAYS_OF_MONTH[month - 1]:
    return False
  if (day, month) != (29, 2) or year is None:
    return True
  return year % 4 == 0 and (
    year <= _JULIAN_UNTIL or year % 100 != 0 or year % 400 == 0
  )


def _is_day_of_month_by_name(text: str, start: int, limit: int) -> bool:
  date = text[start:limit]
  name = _MONTH_NAME.search(date)
  year = _YEAR_AT_END.search(date)
  if name is None:
    return False
  # Days stand before the name, or after it and before the year.
  days = date[: name.start()]
  if not _NUMBER.search(days):
    days = date[name.end() : year.start() if year else None]
    days = days.split(',')[0]
  month = 1 + _MONTHS.index(name[0][:3])
  number = int(year[0]) if year else None
  return all(_is_day(int(d), month, number) for d in _NUMBER.findall(days))


def _is_numeric_day(text: str, start: int, limit: int) -> bool:
  one, two, year = map(int, _NUMBER.findall(text[start:limit]))
  # 00 was a leap year, as 2000 was.
  year = year if year > 99 else 2000 + year
  return _is_day(one, two, year) or _is_day(two, one, year)


def _is_iso_day(text: str, start: int, limit: int) -> bool:
  year, month, day = map(int, _NUMBER.findall(text[start:limit]))
  return _is_day(day, month, year)


_CHECKS = {
  'iso': _is_iso_day,
  'numeric': _is_numeric_day,
  'day_month': _is_day_of_month_by_name,
  'month_day': _is_day_of_month_by_name,
  'year': _is_year,
  'month': _is_month,
}


def find_dates(text: str) -> list[tuple[int, int]]:
  """Finds the dates in a text.

  Returns:
    (start, limit) of each in characters, in order, disjoint. `the` before a
    date does not belong to it; `early` and a day of the week do. A day that
    its month does not have is no date.
  """
  if not _DIGIT.search(text) and not any(w in text for w in _WITHOUT_DIGITS):
    return []
  found = []
  for match in _DATE.finditer(text):
    start, limit = match.span()
    check = _CHECKS.get(match.lastgroup or '')
    if _is_number_part(text, start, limit) or (
      check and not check(text, start, limit)
    ):
      continue
    # The period of `Jan.` or `B.C.` may be the sentence's; it stays with the
    # abbreviation only inside a sentence.
    if text[limit - 1] == '.' and limit == len(text):
      limit -= 1
    found.append((start, limit))
  return found
