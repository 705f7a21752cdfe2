"""A query as words that can be looked up, and as wishes that can be held against figures.

Five languages share one way: capitals and accents go, number words become digits, a plural loses its s, idle words go.
Japanese has no spaces, so a run of katakana is a word, and of kanji each sign and each pair of signs is one.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise

_ROWS = (
    "zero null cero", "one eins einen uno", "two zwei zwo deux dos", "three drei trois tres", "four vier quatre cuatro",
    "five funf cinq cinco", "six sechs seis", "seven sieben sept siete", "eight acht huit ocho",
    "nine neun neuf nueve", "ten zehn dix diez", "eleven elf onze", "twelve zwolf douze doce",
)  # fmt: skip
NUMBERS = {word: str(number) for number, row in enumerate(_ROWS) for word in row.split()}
_KANJI = {sign: str(number) for number, sign in enumerate("一二三四五六七八九十", start=1)}

_ALSO = {
    "people": "person", "persons": "person", "personen": "person", "personnes": "person", "personas": "person",
    "personne": "person", "persona": "person", "man": "person", "men": "person", "liter": "litre", "liters": "litre",
    "litro": "litre", "litros": "litre", "lighter": "light", "lightest": "light", "lightweight": "light",
    "warmer": "warm", "warmest": "warm", "colder": "cold", "coldest": "cold", "bigger": "large", "big": "large",
    "biggest": "large", "larger": "large", "largest": "large", "smaller": "small", "smallest": "small",
}  # fmt: skip
"""What customers say, and what our shelf says; names of things stand in the catalogue instead, as aliases."""

_IDLE = frozenset(
    # English
    "a about an and any anything are as at be best but by can could do does find for from get give good have how i if "
    "in is it its like looking me my need nice of on one's or our please product recommend s show so some something "
    "than that the their them there thing this to under us want we what which will with would you your "
    # German
    "am an auf aus bei bis bitte brauche das dem den der des die ein eine einem einen einer eines es etwas fur gibt "
    "haben hat ich im in ist kann man mein meine mit mochte nach nicht oder sie suche und uns unter von was welche "
    "welcher welches wir zu zum zur "
    # French
    "au aux avec avez besoin c ce ces cherche d dans de des du elle en est et il j je l la le les ma mes mon nous ou "
    "par pas pour qu que qui quel quelle se sur un une voudrais vous y "
    # Spanish
    "al algo busco con de del el en es esta hay la las lo los me mi mis necesito o para por que quiero se sin su tiene "
    "tienen un una unas unos y ".split()
)
"""Words that say nothing of a product."""

_MONEY = r"(?:[$€£¥]|usd|eur|gbp|us dollars?|dollars?|dolares|euros?|pounds?|pfund|bucks|ドル|ユーロ|円)"
_SUM = rf"({_MONEY}\s*)?(\d[\d,]*(?:\.\d{{1,2}})?)(\s*{_MONEY})?"
_NO_PRICE = (
    r"(?!\s*(?:kg|kilo|g\b|gram|l\b|lit|mm|cm|m\b|°|deg|grad|c\b|min|hour|stund|day|night|person|people|pers|人))"
)
_BETWEEN = re.compile(
    rf"\b(?:between|zwischen|entre|de|von|from)\s+{_SUM}\s*(?:and|und|et|y|to|bis|a|-)\s*{_SUM}{_NO_PRICE}"
)
_MOST = re.compile(
    r"\b(?:under|below|less than|cheaper than|up to|at most|no more than|max(?:imum)?|within|unter|bis(?: zu)?|"
    r"hochstens|weniger als|billiger als|moins de|sous|jusqu'?a|au plus|menos de|hasta|por debajo de|maximo)\s+"
    rf"{_SUM}{_NO_PRICE}|{_SUM}\s*(?:以下|未満|以内|まで)"
)
_LEAST = re.compile(
    r"\b(?:over|above|more than|at least|uber|mehr als|mindestens|plus de|au moins|mas de|al menos)\s+"
    rf"{_SUM}{_NO_PRICE}"
)
_CHEAP = re.compile(
    r"\b(?:cheap(?:er|est)?|inexpensive|budget|affordable|lowest price|gunstig\w*|billig\w*|preiswert\w*|"
    r"pas cher\w*|bon marche|(?:le |la )?moins cher\w*|barat\w+|economic\w+)\b|(?:一番)?安(?:い|く|価)|お手頃"
)
_DEAR = re.compile(r"\b(?:most expensive|dearest|teuerst\w*|(?:le |la )?plus cher\w*|(?:mas )?car[oa]s?)\b|一番高い")
_PERSONS = re.compile(
    r"(?<![-\d.])(\d{1,2})[\s-]*(?:person\w*|people|pers\b|man\b|men\b|places?\b|plazas?\b|guests?\b|人)"
)
_FOR_N = re.compile(
    r"\b(?:for|fur|pour|para|sleeps|seats)\s+(\d{1,2})\b(?!\s*(?:day|night|hour|week|tag|jour|dia|%|\d))"
)
_COLD = re.compile(
    r"(?<![\w.])(?:-|−|minus\s+|moins\s+|menos\s+|マイナス\s*|氷点下\s*)(\d{1,2})\b(?!\s*(?:person|people|kg))"
)
# A recogniser writes "tent for for" when somebody says "tent for four".
_MISHEARD = (
    (re.compile(r"\bfor (?:for|fore)\b"), "for 4"),
    (re.compile(r"\bfor (?:to|too)\b"), "for 2"),
    (re.compile(r"\bfor ate\b"), "for 8"),
    (re.compile(r"\b(?:for|fore)(?=[\s-](?:person|persons|people|man)\b)"), "4"),
)
_WORD = re.compile(r"[a-z]+(?:-?\d+)?|(?<![\w-])-?\d+(?:\.\d+)?|\d+(?:\.\d+)?|[ァ-ヶー]+|[一-鿿々]+")


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a query wants of figures."""

    least: Decimal | None = None
    most: Decimal | None = None
    """The price, in the catalogue's currency."""
    cheap_first: bool = False
    dear_first: bool = False
    persons: int | None = None
    """For how many; a thing for more of them would do."""
    cold_c: int | None = None
    """Down to which temperature."""


def read_query(query: str) -> tuple[tuple[str, ...], Wishes]:
    """The words of a query and its wishes.

    >>> found, wishes = read_query("cheap tent for four under $300")
    >>> found, wishes.persons, wishes.most, wishes.cheap_first
    (('tent', '4'), 4, Decimal('300'), True)
    """
    text = fold(query)
    for heard, meant in _MISHEARD:
        text = heard.sub(meant, text)
    text = _in_digits(text)
    least = most = None
    if match := _BETWEEN.search(text):
        if _is_price(match, 1) or _is_price(match, 4):
            least, most = sorted((_sum(match[2]), _sum(match[5])))
            text = _cut(text, match)
    if match := _MOST.search(text):
        first = 1 if match[2] else 4
        if _is_price(match, first):
            most = _sum(match[first + 1])
            text = _cut(text, match)
    if match := _LEAST.search(text):
        if _is_price(match, 1):
            least = _sum(match[2])
            text = _cut(text, match)
    cheap, dear = _CHEAP.search(text) is not None, _DEAR.search(text) is not None
    text = _DEAR.sub(" ", _CHEAP.sub(" ", text))
    cold = _COLD.search(text)
    persons = _PERSONS.search(text) or _FOR_N.search(text)
    wishes = Wishes(
        least, most, cheap, dear and not cheap, int(persons[1]) if persons else None, -int(cold[1]) if cold else None
    )
    if cold:
        text = _cut(text, cold)
    return tuple(word for word in words(text, pairs_only=True) if word not in _IDLE), wishes


def words(text: str, *, pairs_only: bool = False) -> tuple[str, ...]:
    """All words of a text, in a form in which equal things are equal.

    Args:
        pairs_only: of several kanji in a row give the pairs only, not the single signs.

    >>> words("Zwei Rucksäcke"), words("four-person tents"), words("4人用テント")
    (('2', 'rucksacke'), ('4', 'person', 'tent'), ('4', '人', '用', '人用', 'テント'))
    """
    found: list[str] = []
    for word in _WORD.findall(_in_digits(fold(text))):
        if "一" <= word[0] <= "鿿":
            pairs = [one + two for one, two in pairwise(word)]
            found += pairs if pairs and pairs_only else [*word, *pairs]
        else:
            found.append(_plain(word))
    return tuple(found)


def is_idle(word: str) -> bool:
    """Whether a word says nothing of a product."""
    return word in _IDLE


def fold(text: str) -> str:
    """Text without capitals and accents.

    >>> fold("Sac à dos d’ÉTÉ, groß, ２人")
    "sac a dos d'ete, gross, 2人"
    """
    text = unicodedata.normalize("NFKC", text).casefold().replace("’", "'")
    # Only Latin letters lose their marks: in kana a mark makes another letter.
    return "".join(_bare(sign) if "À" <= sign < "Ⱀ" else sign for sign in text)


def _bare(sign: str) -> str:
    return unicodedata.normalize("NFD", sign)[0]


def _in_digits(text: str) -> str:
    text = re.sub(r"\bsacs? a dos\b", "sacados", text)  # a French back is no Spanish two
    text = re.sub(r"[a-z]+", lambda match: NUMBERS.get(match[0], match[0]), text)
    return re.sub(r"[一二三四五六七八九十](?=人|口|つ|名)", lambda match: _KANJI[match[0]], text)


def _plain(word: str) -> str:
    if word in _ALSO:
        return _ALSO[word]
    if len(word) > 4 and word.endswith("ies") and word not in ("series",):
        return word[:-3] + "y"
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return _ALSO.get(word[:-1], word[:-1])
    return word


def _is_price(match: re.Match[str], group: int) -> bool:
    """A number with a sign is a price; without one it is when it is no small number."""
    return bool(match[group] or match[group + 2]) or _sum(match[group + 1]) >= 20


def _sum(text: str) -> Decimal:
    return Decimal(text.replace(",", "").rstrip("."))


def _cut(text: str, match: re.Match[str]) -> str:
    return f"{text[: match.start()]} {text[match.end() :]}"
