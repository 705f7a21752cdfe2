"""Digits however they are said: figures, words in four languages, "double seven", letters one by one.

>>> [(run.digits, run.text) for run in digit_runs("it's four one five, double two 0 9 thanks")]
[('4152209', 'four one five, double two 0 9')]
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_ROWS = (
    "zero oh o nought null zéro cero", "one eins ein un une uno", "two zwei zwo deux dos", "three drei trois tres",
    "four vier quatre cuatro", "five fünf fuenf cinq cinco", "six sechs seis", "seven sieben sept siete",
    "eight acht huit ocho", "nine niner neun neuf nueve", "ten zehn dix diez", "eleven elf onze once",
    "twelve zwölf douze doce", "thirteen dreizehn treize trece", "fourteen vierzehn quatorze catorce",
    "fifteen fünfzehn quinze quince", "sixteen sechzehn seize dieciséis", "seventeen siebzehn diecisiete",
    "eighteen achtzehn dieciocho", "nineteen neunzehn diecinueve",
)  # fmt: skip
_TENS = (
    "twenty zwanzig vingt veinte", "thirty dreißig dreissig trente treinta", "forty vierzig quarante cuarenta",
    "fifty fünfzig cinquante cincuenta", "sixty sechzig soixante sesenta", "seventy siebzig setenta",
    "eighty achtzig ochenta", "ninety neunzig noventa",
)  # fmt: skip
_WORDS = {word: str(number) for number, row in enumerate(_ROWS) for word in row.split()}
_TENS_WORDS = {word: str(10 * number) for number, row in enumerate(_TENS, start=2) for word in row.split()}
_GERMAN = {
    f"{unit}und{ten}": str(10 * tens + units)
    for tens, ten in enumerate("zwanzig dreißig vierzig fünfzig sechzig siebzig achtzig neunzig".split(), start=2)
    for units, unit in enumerate("ein zwei drei vier fünf sechs sieben acht neun".split(), start=1)
}
_TIMES = {"double": 2, "doppelt": 2, "doppel": 2, "triple": 3, "treble": 3, "dreimal": 3, "zweimal": 2}
_BETWEEN = {
    "dash", "hyphen", "minus", "strich", "bindestrich", "tiret", "guion", "guión", "space", "then", "dann", "puis",
    "uh", "um", "er", "erm", "äh", "ähm", "euh", "eh", "slash", "and", "und", "et", "y", "point", "dot", "punkt",
}  # fmt: skip
"""What people say between digits; such a word at either end belongs to the sentence and not to the number."""
_HUNDRED = {"hundred", "hundert", "cent", "cien", "cientos"}
_SPELT = re.compile(r"\s*,?\s+(?:as\s+in|for|like|wie|comme|como|de)\s+([^\W\d_]+)", re.IGNORECASE)
"""What stands behind a letter that is spelled with a word: "B as in Bravo"."""
_NATO = {
    word: word[0]
    for word in (
        "alpha alfa bravo charlie delta echo foxtrot golf hotel india juliet juliett kilo lima mike november oscar "
        "papa quebec romeo sierra tango uniform victor whiskey whisky xray x-ray yankee zulu"
    ).split()
}
_TOKEN = re.compile(
    r"[+(]?[0-9０-９]+(?:[.\-/()\s][0-9０-９]+)*\)?|[〇零一二三四五六七八九]{2,}|(?<!['’\w])[^\W\d_]+(?:-[^\W\d_]+)*"
)
_KANJI = {sign: str(number) for number, sign in enumerate("〇一二三四五六七八九")} | {"零": "0"}
_LONGEST_GAP = re.compile(r"[\s,.;:()\-–/#\"'’]*")


@dataclass(frozen=True, slots=True)
class Run:
    """Digits, and letters said one by one, that follow each other."""

    start: int
    end: int
    text: str
    digits: str
    """The digits alone."""
    letters: int
    """How many letters stand among them."""
    spoken: bool
    """Whether a part of it was written as words."""


@dataclass(slots=True)
class _Part:
    start: int
    end: int
    digits: str = ""
    letters: str = ""
    spoken: bool = False


def digit_runs(text: str) -> Iterator[Run]:
    """Find runs of digits and single letters, in order; each begins and ends with one of them."""
    parts: list[_Part] = []
    waiting: list[_Part] = []  # connecting words that may yet turn out to stand inside a run
    times, told = 1, 0
    for found in _TOKEN.finditer(text):
        if found.start() < told:
            continue  # the word that a letter was spelled with
        before = waiting[-1].end if waiting else parts[-1].end if parts else found.start()
        if not _LONGEST_GAP.fullmatch(text, before, found.start()):
            yield from _made(text, parts)
            parts, waiting, times = [], [], 1
        word = found[0]
        low = word.lower()
        part = _read(found.start(), found.end(), word, low)
        if len(word) == 1 and word.isalpha():
            spelt = _SPELT.match(text, found.end())
            if spelt is not None and spelt[1][0].lower() == low:
                told = spelt.end()
                part = _Part(found.start(), told, letters=low, spoken=True)
        if low in _HUNDRED and not waiting and len(parts) > 1 and parts[-1].spoken and len(parts[-1].digits) == 1:
            parts[-1].digits, parts[-1].end = f"{parts[-1].digits}00", found.end()  # inside a number that is dictated
        elif low in _TIMES:
            times, part = _TIMES[low], None
            waiting.append(_Part(found.start(), found.end()))
        elif part is not None:
            if times > 1:  # "double seven" begins with "double"
                part.digits, part.spoken, part.start = part.digits * times, True, waiting[-1].start
                times = 1
            parts.append(part)
            waiting = []
        elif parts and low in _BETWEEN and len(waiting) < 2:
            waiting.append(_Part(found.start(), found.end()))
        else:
            yield from _made(text, parts)
            parts, waiting, times = [], [], 1
    yield from _made(text, parts)


def luhn(digits: str) -> bool:
    """Whether the last digit checks the others, as on a card (ISO/IEC 7812-1).

    >>> luhn("4111111111111111"), luhn("4111111111111112")
    (True, False)
    """
    total = 0
    for place, sign in enumerate(reversed(digits)):
        value = int(sign) * (2 if place % 2 else 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def _read(start: int, end: int, word: str, low: str) -> _Part | None:
    if word[0].isdecimal() or word[0] in "+(":
        return _Part(start, end, "".join(str(int(sign)) for sign in word if sign.isdecimal()))
    if word[0] in _KANJI:
        return _Part(start, end, "".join(_KANJI[sign] for sign in word), spoken=True)
    digits = _number(low)
    if digits is not None:
        return _Part(start, end, digits, spoken=True)
    if low in _NATO or (len(word) == 1 and low not in {"a", "i", "y"}) or (len(word) == 1 and word.isupper()):
        return _Part(start, end, letters=_NATO.get(low, low), spoken=True)
    if re.fullmatch(r"\w(?:-\w)+", word):
        return _Part(start, end, letters=low.replace("-", ""), spoken=True)
    return None


def _number(low: str) -> str | None:
    """The digits of a number word as one dictates them: twenty-one is 21, and so is "einundzwanzig"."""
    for table in (_WORDS, _TENS_WORDS, _GERMAN):
        if low in table:
            return table[low]
    words = low.replace("quatre-vingts", "quatre-vingt").replace("quatre-vingt", "huitante").split("-")
    values = [80 if word == "huitante" else int(_WORDS.get(word) or _TENS_WORDS.get(word) or -1) for word in words]
    if len(words) > 1 and min(values) > 0 and values[0] >= 20:  # forty-two, soixante-dix-huit
        return str(sum(values))
    return "80" if values == [80] else None


def _made(text: str, parts: list[_Part]) -> Iterator[Run]:
    if not parts:
        return
    digits = ""
    for number, part in enumerate(parts):
        before = parts[number - 1] if number else None
        tens = before is not None and before.spoken and len(before.digits) == 2 and before.digits.endswith("0")
        if tens and part.spoken and len(part.digits) == 1 and digits[-2:] != "10":
            digits = digits[:-1] + part.digits  # "forty two"
        else:
            digits += part.digits
    start, end = parts[0].start, parts[-1].end
    letters = sum(len(part.letters) for part in parts)
    yield Run(start, end, text[start:end], digits, letters, any(part.spoken for part in parts))
