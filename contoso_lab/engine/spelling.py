"""What a voice should read aloud where a text is written for the eye.

The grapheme-to-phoneme rules of the voice know numbers, dollars, dates and most units. This is what they do not
know, or read wrongly: article numbers, price ranges, the units of a tent's data sheet, and Markdown, which
models write although they are asked not to.
"""

from __future__ import annotations

import re
from collections.abc import Callable

_DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
# A lone "A" would be read as the article, so its sound is given, in the notation that hibari's rules understand.
_LETTERS = {"A": "[A](/ˈA/)"}

_NUMBER = r"\d+(?:,\d{3})*(?:\.\d+)?"
_SKU = re.compile(r"(?<![\w-])([A-Z]{3})-(\d{2})(?![\w-])")


def spell_out(text: str) -> str:
    """Write a sentence the way it is said.

    >>> spell_out("The **Meadow Four** (TEN-02) weighs 900 g & costs $249-$279.")
    'The Meadow Four (T E N, zero two) weighs 900 grams and costs $249 to $279.'
    """
    for pattern, replacement in _RULES:
        text = pattern.sub(replacement, text)
    return " ".join(text.split())


def _sku(match: re.Match[str]) -> str:
    letters = " ".join(_LETTERS.get(letter, letter) for letter in match[1])
    return f"{letters}, {' '.join(_DIGITS[int(digit)] for digit in match[2])}"


def _unit(one: str, many: str) -> Callable[[re.Match[str]], str]:
    def say(match: re.Match[str]) -> str:
        return f"{match[1]} {one if match[1] == '1' else many}"

    return say


def _measure(unit: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![\w.$€£])({_NUMBER})\s?{unit}(?![\w²³/])")


_RULES: tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...] = (
    # Markdown and links
    (re.compile(r"!\[[^\]]*\]\([^)]*\)"), " "),
    (re.compile(r"\[([^\]]*)\]\([^)]*\)"), r"\1"),
    (re.compile(r"https?://\S+"), "the link"),
    (re.compile(r"^\s*(?:#{1,6}|[-*+•]|>)\s+", re.MULTILINE), ""),
    (re.compile(r"[*`~]+|(?<!\w)_+|_+(?!\w)"), ""),
    # pictures and symbols that nobody says: emoji, dingbats, arrows, trade marks
    (re.compile("[\U0001f000-\U0001faff\u2600-\u27bf\u2190-\u21ff\ufe0f\u200d®™]"), " "),
    (re.compile("\u2212"), "-"),
    # article numbers and money
    (_SKU, _sku),
    (re.compile(rf"([$€£])({_NUMBER})\s?[-–—]\s?\1?({_NUMBER})"), r"\1\2 to \1\3"),
    (re.compile(rf"({_NUMBER})\s?USD\b"), r"$\1"),
    # sizes and units
    (re.compile(rf"({_NUMBER})\s?[x×]\s?(?={_NUMBER})"), r"\1 by "),
    (_measure("g"), _unit("gram", "grams")),
    (_measure("[lL]"), _unit("liter", "liters")),
    (_measure("m"), _unit("meter", "meters")),
    (_measure("m²"), _unit("square meter", "square meters")),
    (_measure("W"), _unit("watt", "watts")),
    (_measure("in"), r"\1 in"),
    (re.compile(r"(?<=[\w%])\s?/\s?(?=(?:night|day|week|month|year|person|hour|h|piece)\b)"), " per "),
    (re.compile(r"(?<=per )h\b"), "hour"),
    # words
    (re.compile(r"\s*&\s*"), " and "),
    (re.compile(r"\bNo\.\s?(?=\d)"), "number "),
    (re.compile(r"\bapprox\."), "approximately"),
    (re.compile(r"\be\.g\.,?"), "for example"),
    (re.compile(r"\bi\.e\.,?"), "that is,"),
)
