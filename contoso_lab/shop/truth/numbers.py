"""Numbers in digits and in words, with their places: English, German, French, Spanish and Japanese."""

from __future__ import annotations

import re
from dataclasses import dataclass

from text_to_num import find_numbers as find_words

SPELLED = ("en", "de", "fr", "es")
"""The languages whose number words are read by text2num; Japanese numerals are read here."""

_WRITTEN = re.compile(r"(?<![A-Za-zÀ-ÿ0-9_.,])(?P<minus>-|−\s?)?(?P<digits>\d+(?:[.,\u00a0\u202f]\d+)*)(?!\d)")
_MINUS = re.compile(r"(?:\b(?:minus|negative|moins|menos)|マイナス|氷点下|零下)\s*$", re.IGNORECASE)
_BELOW = re.compile(r"\s*(?:degrees?\s+)?below(?:\s+zero|\s+freezing|\b(?=[.,;!?]|$))", re.IGNORECASE)
_HALF = re.compile(r"\s+(?:and\s+a\s+half|et\s+demie?|y\s+medi[oa])\b|半", re.IGNORECASE)
_HALVES = {"anderthalb": 1.5, "eineinhalb": 1.5, "zweieinhalb": 2.5, "dreieinhalb": 3.5, "viereinhalb": 4.5}
_HALVES_RE = re.compile(rf"\b(?:{'|'.join(_HALVES)})\b|\bhalf\s+an?\b", re.IGNORECASE)
_TOKEN = re.compile(r"[^\W\d_]+|[^\w\s]|\d+")
_SCALES = frozenset({"hundred", "thousand"})
_KANJI = re.compile(r"[〇零一二三四五六七八九十百千万]+(?:点[〇零一二三四五六七八九]+)?")
_KANJI_ONES = {sign: value for value, sign in enumerate("〇一二三四五六七八九")} | {"零": 0}
_KANJI_SCALES = {"十": 10, "百": 100, "千": 1000}


@dataclass(frozen=True, slots=True)
class Number:
    """A number and where it stands."""

    start: int
    end: int
    value: float
    step: float
    """What its last digit counts: 1 for "four", 0.1 for "4.0"."""


class _Token:
    def __init__(self, match: re.Match[str]) -> None:
        self.span = match.span()
        self._text = match[0]
        self.apart = False
        """Whether it begins a number of its own: in "one hundred and two hundred" the second "two" does."""

    def text(self) -> str:
        return self._text

    def nt_separated(self, previous: _Token) -> bool:
        return self.apart

    def not_a_number_part(self) -> bool:
        return self._text.isdigit()


def find_numbers(text: str, language: str = "en") -> list[Number]:
    """All numbers of a text, in its order.

    >>> [number.value for number in find_numbers("six point one kilos, minus twenty degrees, 1,049.50")]
    [6.1, -20.0, 1049.5]
    >>> [number.value for number in find_numbers("zweihundertfünfzig Dollar, 1.049,50 $", "de")]
    [250.0, 1049.5]
    """
    found = [_written(match, language) for match in _WRITTEN.finditer(text)]
    if language == "ja":
        found += [_kanji(match) for match in _KANJI.finditer(text)]
    if language in SPELLED:
        found += _spelled(text, language)
    if "h" in text:
        found += [Number(*match.span(), _HALVES.get(match[0].lower(), 0.5), 0.1) for match in _HALVES_RE.finditer(text)]
    return [_whole(number, text) for number in sorted(found, key=lambda number: number.start)]


def _written(match: re.Match[str], language: str) -> Number:
    value, step = read_digits(match["digits"], language)
    return Number(match.start(), match.end(), -value if match["minus"] else value, step)


def read_digits(digits: str, language: str = "en") -> tuple[float, float]:
    """The value of digits with separators, and what their last digit counts.

    >>> read_digits("1,049"), read_digits("1.049", "de"), read_digits("2,4", "fr")
    ((1049.0, 1.0), (1049.0, 1.0), (2.4, 0.1))
    """
    plain = re.sub(r"[\u00a0\u202f]", "", digits)
    marks = re.findall(r"[.,]", plain)
    thousands = "." if language in ("de", "es") else ","
    if not marks:
        return float(plain), 1.0
    last = plain.rindex(marks[-1])
    behind = len(plain) - last - 1
    groups = len(set(marks)) == 1 and (len(marks) > 1 or (marks[0] == thousands and behind == 3))
    if groups:
        return float(re.sub(r"[.,]", "", plain)), 1.0
    return float(f"{re.sub('[.,]', '', plain[:last])}.{plain[last + 1 :]}"), round(10.0**-behind, 9)


def _spelled(text: str, language: str) -> list[Number]:
    tokens = [_Token(match) for match in _TOKEN.finditer(text)]
    for at in range(2, len(tokens) - 1):
        if tokens[at - 1].text().lower() in ("and", "to", "or") and tokens[at + 1].text().lower() in _SCALES:
            tokens[at].apart = tokens[at - 1].apart = True
    found = []
    for hit in find_words(tokens, language, 0.0):
        start, end = tokens[hit.start].span[0], tokens[hit.end - 1].span[1]
        if hit.is_ordinal or any(char.isdigit() for char in text[start:end]):
            continue
        decimals = len(re.split(r"[.,]", hit.text)[1]) if re.search(r"[.,]", hit.text) else 0
        found.append(Number(start, end, float(hit.value), round(10.0**-decimals, 9)))
    return found


def _kanji(match: re.Match[str]) -> Number:
    whole, _, part = match[0].partition("点")
    total = group = ones = 0
    for sign in whole:
        if sign == "万":
            total, group, ones = total + 10_000 * (group + ones or 1), 0, 0
        elif sign in _KANJI_SCALES:
            group, ones = group + _KANJI_SCALES[sign] * (ones or 1), 0
        else:
            ones = 10 * ones + _KANJI_ONES[sign]
    decimals = "".join(str(_KANJI_ONES[sign]) for sign in part)
    value = float(f"{total + group + ones}.{decimals or 0}")
    return Number(*match.span(), value, round(10.0 ** -len(decimals), 9))


def _whole(number: Number, text: str) -> Number:
    """The number with its sign and its half."""
    start, end, value, step = number.start, number.end, number.value, number.step
    if half := _HALF.match(text, end):
        end, value, step = half.end(), value + 0.5, 0.1
    if minus := _MINUS.search(text, max(0, start - 12), start):
        start, value = minus.start(), -value
    elif _BELOW.match(text, end):
        value = -value
    return Number(start, end, value, step)
