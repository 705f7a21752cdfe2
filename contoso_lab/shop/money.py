"""Sums of money in a text, written or spoken: "$1,049.50", "279 dollars", "two hundred and seventy-nine dollars"."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

_ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
).split()
_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_VALUES = {word: value for value, word in enumerate(_ONES)} | {
    word: 10 * value for value, word in enumerate(_TENS, start=2)
}
NUMBER_WORDS = frozenset({*_VALUES, "hundred", "thousand"})

_WORD = "|".join(sorted(NUMBER_WORDS, key=len, reverse=True))
# Atomic, so that "two hundred" is never cut out of "two hundred and nine dollars".
_SPOKEN = rf"(?>(?:an?[\s-]+(?=hundred|thousand)|\b)(?:{_WORD})(?:(?:[\s-]+and)?[\s-]+(?:an?[\s-]+)?(?:{_WORD}))*)\b"
# Atomic as well: "costs 1,899 dollars" is not "costs 1" with a comma behind it, nor "costs 9.50 euros" a nine.
_DIGITS = r"(?>(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d{1,2})?)(?![\d%])"
_UNIT = r"(?:US[\s-]+)?(?:dollars?|bucks|USD)\b"
_CENTS = rf"(?:,?\s+(?:and\s+)?(\d{{1,2}}|{_SPOKEN})\s+cents?\b)?"
_VERB = r"\b(?:costs?|priced\s+at|price\s+(?:is|of)|sells?\s+for|goes\s+for)\s+(?:only\s+|just\s+)?"
# Without a unit a number is a price only after such a verb and before no noun: "costs 279", not "costs 4 minutes".
_END = r"(?=\s*(?:$|[.,;:!?)\n]|\b(?:and|but|while|which)\b))"

_AMOUNT = re.compile(
    rf"(?:US\s*)?\$\s?(?P<sign>{_DIGITS})(?:\s+{_UNIT})?"
    rf"|(?<![\d.,$])(?P<digits>{_DIGITS})[\s-]*{_UNIT}{_CENTS}"
    rf"|(?P<words>{_SPOKEN})[\s-]+{_UNIT}{_CENTS}"
    rf"|{_VERB}(?P<bare>{_DIGITS}|{_SPOKEN}){_END}",
    re.IGNORECASE,
)
_DIGITS_CENTS = _AMOUNT.groupindex["digits"] + 1
_WORDS_CENTS = _AMOUNT.groupindex["words"] + 1


@dataclass(frozen=True, slots=True)
class Amount:
    """A sum of money and where it stands."""

    start: int
    end: int
    usd: float
    """In the currency that the words name, or leave open; it is not converted."""
    named: bool = True
    """Whether the words name dollars; "costs 279" leaves it open."""


def find_amounts(text: str) -> list[Amount]:
    """All sums of money in a text, in its order.

    >>> [amount.usd for amount in find_amounts("$1,049.50, or a hundred and five dollars")]
    [1049.5, 105.0]
    """
    found = []
    for match in _AMOUNT.finditer(text):
        name = next(name for name in ("sign", "digits", "words", "bare") if match[name])
        usd = _value(match[name])
        if usd is not None:
            cents = next((group for group in (match[_DIGITS_CENTS], match[_WORDS_CENTS]) if group), None)
            start = match.start(name) if name == "bare" else match.start()
            usd += (_value(cents) or 0) / 100 if cents else 0
            found.append(Amount(start, match.end(), usd, named=name != "bare"))
    return found


def _value(text: str) -> float | None:
    if text[0].isdigit():
        return float(text.replace(",", ""))
    number = spoken_number([word for word in re.split(r"[\s-]+", text.lower()) if word])
    return None if number is None else float(number)


def spoken_number(words: Sequence[str]) -> int | None:
    """The whole number that words say, or None when they say none.

    Shops say "two seventy-nine" for 279; that is understood up to 999.

    >>> spoken_number("two hundred and seventy nine".split()), spoken_number(["two", "seventy", "nine"])
    (279, 279)
    >>> spoken_number(["nine", "nine"]) is None
    True
    """
    words = [word for word in words if word != "and"]
    if "thousand" in words:
        at = words.index("thousand")
        many = _count(words[:at], _below_thousand)
        rest = _below_thousand(words[at + 1 :]) if words[at + 1 :] else 0
        return None if many is None or rest is None else 1000 * many + rest
    return _below_thousand(words)


def _below_thousand(words: Sequence[str]) -> int | None:
    if "hundred" in words:
        at = words.index("hundred")
        many = _count(words[:at], _below_hundred)
        rest = _below_hundred(words[at + 1 :]) if words[at + 1 :] else 0
        return None if many is None or rest is None else 100 * many + rest
    whole = _below_hundred(words)
    if whole is not None or len(words) < 2:
        return whole
    hundreds, rest = _VALUES.get(words[0], 0), _below_hundred(words[1:])
    return 100 * hundreds + rest if 1 <= hundreds <= 9 and rest is not None and rest >= 10 else None


def _count(words: Sequence[str], read: Callable[[Sequence[str]], int | None]) -> int | None:
    """How many hundreds or thousands; "a hundred" is one."""
    return 1 if list(words) in ([], ["a"], ["an"]) else read(words)


def _below_hundred(words: Sequence[str]) -> int | None:
    values = [_VALUES.get(word) for word in words]
    match values:
        case [int(only)]:
            return only
        case [int(tens), int(ones)] if tens >= 20 and 1 <= ones <= 9:
            return tens + ones
        case _:
            return None
