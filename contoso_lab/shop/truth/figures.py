"""Figures with units: what a product weighs, holds, sleeps, withstands, and how large it is.

A figure is true when the catalogue's figure rounds to it and lies within 5 %; after "about" within 10 %; converted from
pounds, inches or Fahrenheit, within what the conversion rounds. Temperatures are compared in degrees, not in percent.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from contoso_lab.shop.catalog import Product
from contoso_lab.shop.mentions import Mention
from contoso_lab.shop.truth.facts import ASPECTS, Fact, facts_of
from contoso_lab.shop.truth.finding import Finding, Verdict
from contoso_lab.shop.truth.mood import is_claim
from contoso_lab.shop.truth.numbers import find_numbers
from contoso_lab.shop.truth.prices import pairs
from contoso_lab.shop.truth.sentences import Reading, Sentence, clause, subjects
from contoso_lab.shop.truth.units import COUNTED, Quantity

ABOUT = re.compile(
    r"(?:\b(?:about|around|roughly|approximately|almost|nearly|close\s+to|some|just\s+(?:under|over)|"
    r"a\s+little\s+(?:over|under)|etwa|"
    r"circa|ca\.|rund|ungefähr|knapp|gut|environ|à\s+peu\s+près|presque|unos|unas|alrededor\s+de|casi|"
    r"aproximadamente)\s+|約)"
    r"(?:a\s+|minus\s+)?$",
    re.IGNORECASE,
)
BOUND = re.compile(
    r"\b(?:under|below|less\s+than|more\s+than|over|above|at\s+(?:most|least)|between|from|within|unter|"
    r"weniger\s+als|mehr\s+als|über|"
    r"mindestens|höchstens|zwischen|moins\s+de|plus\s+de|entre|au\s+(?:moins|plus)|menos\s+de|más\s+de|al\s+menos|"
    r"como\s+máximo)\s+"
    r"(?:[^,.;]{1,24}\s+(?:and|und|et|y|to)\s+)?(?:a\s+)?$",
    re.IGNORECASE,
)
_RELATIVE = re.compile(
    r"\s*(?:lighter|heavier|less|more|larger|bigger|smaller|warmer|colder|longer|shorter|leichter|schwerer|mehr|"
    r"weniger|größer|kleiner|"
    r"wärmer|de\s+(?:plus|moins)|plus\s+(?:légère?|lourde?|chaude?)|más|menos)\b|軽|重い(?!.{0,3}です)|以上|以下|未満",
    re.IGNORECASE,
)
_USUAL = {
    "kg": ("weight",),
    "litres": ("capacity",),
    "persons": ("sleeps", "seats"),
    "celsius": ("comfort", "limit", "warm down to", ""),
    "degrees": ("comfort", "limit", "warm down to", ""),
    "m2": ("floor",),
}
"""What a figure is about when no word says so."""
_DEGREES = 0.6
_DIMENSIONS = frozenset(
    {
        "kg",
        "litres",
        "m",
        "m2",
        "minutes",
        "celsius",
        "degrees",
        "persons",
        "upf",
        "kilowatts",
        "years",
        "days",
        *COUNTED,
    }
)


def check_figures(reading: Reading) -> list[Finding]:
    """Judge all figures of a text that are said as facts."""
    categories = tuple(dict.fromkeys(product.category for product in reading.catalog))
    found = []
    for sentence in reading.sentences:
        for quantity in sentence.quantities:
            if quantity.dimension not in _DIMENSIONS or not _states(sentence, quantity):
                continue
            alike = [q for q in sentence.quantities if q.dimension == quantity.dimension]
            paired = pairs(sentence.mentions, alike).get(quantity)
            about = (
                [paired] if paired else subjects(sentence, quantity, categories, reading.catalog, sentence.quantities)
            )
            finding = _judge(reading, sentence, quantity, about)
            if finding is not None:
                found.append(finding)
    return found


_NEED = re.compile(
    r"(?:^|[.;,:!–—]|\b(?:and|but|und|et|y))\s*(?:for|at|für|bei|pour|para|con)\s+(?:(?:up\s+to|about|around|only|"
    r"just|just\s+the|your|the|"
    r"a\s+(?:family|group|party)\s+of|(?:cold\s+)?(?:nights?|temperatures?|trips?)\s+(?:at|of|down\s+to|around))\s+)*$",
    re.IGNORECASE,
)


_OFFERS_ROOM = re.compile(
    r"\b(?:sleeps?|seats?|fits?|accommodates?|houses?|holds?|hosts?|takes?|room|space|enough|for|schlafen|Platz|"
    r"für|bietet|pour|à|"
    r"accueille|para|caben|dormir)\s+(?:(?:for|für|pour|up\s+to|about|only|just|all|bis\s+zu|jusqu['’]à|hasta)\s+)*$",
    re.IGNORECASE,
)
_KEEPS_WARM = re.compile(
    r"\b(?:down\s+to|up\s+to|to|until|till|for|of|is|bis|bis\s+zu|jusqu['’]à|hasta|handles?|withstands?|takes?|"
    r"(?:fine|good|comfortable|warm|comfy|ok|okay)\s+(?:at|in|for))\s+(?:about\s+|around\s+|even\s+|etwa\s+)?$|"
    r"(?:温度|は)$",
    re.IGNORECASE,
)


def _has(sentence: Sentence, quantity: Quantity) -> bool:
    """Whether so many people, or so cold a night, are said of the product and not of the trip."""
    lead, words = (
        sentence.before(quantity),
        sentence.text[quantity.start - sentence.start : quantity.end - sentence.start],
    )
    if _NEED.search(lead) or re.search(r"\b(?:of\s+them|together)\b", lead):
        return False
    if quantity.dimension == "persons":
        adjective = re.search(r"-\s?(?:person|man|people)", words) is not None
        return (
            adjective
            or _OFFERS_ROOM.search(lead) is not None
            or re.match(r"用|まで", sentence.after(quantity)) is not None
        )
    return bool(said_aspect(sentence, quantity)) or _KEEPS_WARM.search(lead) is not None


def _states(sentence: Sentence, quantity: Quantity) -> bool:
    lead, rest = sentence.before(quantity), sentence.after(quantity)
    if quantity.dimension in ("persons", "degrees", "celsius") and not _has(sentence, quantity):
        return False  # "for six people I would take …" says what is needed, not what the table has
    upper = re.match(r"\s*(?:to|or|bis|oder|-|–)\s+(?=\w)", rest)
    if quantity.dimension == "persons" and upper:
        numbers = find_numbers(rest)
        if numbers and numbers[0].start == upper.end():
            return False  # the lower end of "six to eight"
    lasts = quantity.dimension in ("days", "years") and re.search(r"\bwithin\s+$", lead, re.IGNORECASE)
    if (BOUND.search(lead) and not lasts) or _RELATIVE.match(rest) or re.match(r"\s+or\s+(?:less|more)\b", rest):
        return False
    if re.search(r"\b(?:only|einzige[rsn]?|seule?|única?)\b[^,.]*$", lead) and re.search(r"\bthe\s+only\b", lead):
        return False
    return is_claim(sentence, quantity, sentence.quantities)


def _judge(reading: Reading, sentence: Sentence, quantity: Quantity, about: Sequence[Mention]) -> Finding | None:
    aspect = said_aspect(sentence, quantity)
    words = reading.text[quantity.start : quantity.end]
    if quantity.dimension in ("days", "years", "minutes") and not aspect:
        return None  # "three days from hut to hut" is about the trip
    if not about or _belongs_elsewhere(sentence, quantity, about[0]):
        return None
    if quantity.dimension in ("persons", "degrees", "celsius", "m") and not aspect and not sentence.mentions:
        if not _speaks_of_it(sentence):
            return None  # "for four people at minus five" is what the customer plans
    near = bool(ABOUT.search(sentence.before(quantity)))
    product = reading.catalog.get(about[0].sku)
    verdict, says = against(product, quantity, aspect, near=near)
    return Finding("spec", verdict, words, quantity.start, quantity.end, says, product.sku)


def _belongs_elsewhere(sentence: Sentence, quantity: Quantity, mention: Mention) -> bool:
    """Whether the product comes only in a later clause: "six kilos is a lot, so take the Harbor Two"."""
    start, end = clause(sentence, quantity, sentence.quantities)
    if mention not in sentence.mentions or mention.start < end:
        return False
    between = sentence.text[quantity.end - sentence.start : mention.start - sentence.start]
    leads = re.search(
        r"(?:^|[,;])\W*(?:at|with|mit|avec|con)\s+(?:only\s+|just\s+)?$", sentence.before(quantity), re.IGNORECASE
    )
    return leads is None and re.search(r":|\bthat(?:['’]s|\s+is)\b|\bmeet\b", between) is None


_SPEAKS = re.compile(
    r"^\W*(?:(?:and|und|et|y)\s+)?(?:it|its|this|that|they|these|the|es|er|sie|das|der|die|il|elle|le|la|c['’]est|"
    r"el|su|both|inside)\b|^\W*[-*•|]",
    re.IGNORECASE,
)


def _speaks_of_it(sentence: Sentence) -> bool:
    return _SPEAKS.match(sentence.text) is not None


def said_aspect(sentence: Sentence, quantity: Quantity) -> str:
    """What a figure is about, by the words next to it; "" when they do not say."""
    start, end = clause(sentence, quantity, sentence.quantities)
    at, to = quantity.start - sentence.start, quantity.end - sentence.start
    found: list[tuple[int, str]] = []
    # Words inside the clause first; "comfortable down to zero, limit minus six" has two.
    for aspect, pattern in ASPECTS.items():
        for match in pattern.finditer(sentence.text, start - sentence.start, end - sentence.start):
            if any(
                m.start < sentence.start + match.end() and sentence.start + match.start() < m.end
                for m in sentence.mentions
            ):
                continue
            distance = at - match.end() if match.end() <= at else 6 + match.start() - to
            found.append((distance, aspect))
    fitting = [(distance, aspect) for distance, aspect in found if _fits(aspect, quantity.dimension)]
    return min(fitting)[1] if fitting else ""


_OF = {
    "weight": {"kg"}, "carries": {"kg"}, "capacity": {"litres"}, "waterproof": {"m"}, "packed": {"m"},
    "standing height": {"m"}, "comfort": {"celsius", "degrees"}, "limit": {"celsius", "degrees"}, "floor": {"m2"},
    "setup": {"minutes"}, "boils": {"minutes"}, "back length": {"m"}, "open size": {"m"}, "fits people": {"m"},
    "dry": {"minutes"}, "warranty": {"years", "days"}, "returns": {"days", "years"}, "sleeps": {"persons"},
    "seats": {"persons"}, "power": {"kilowatts"},
}  # fmt: skip


def _fits(aspect: str, dimension: str) -> bool:
    return dimension in _OF[aspect]


def against(product: Product, quantity: Quantity, aspect: str, *, near: bool = False) -> tuple[Verdict, str]:
    """Hold a figure against a product: the verdict, and what the catalogue says."""
    dimensions = {"celsius", "degrees"} if quantity.dimension in ("celsius", "degrees") else {quantity.dimension}
    same = [fact for fact in facts_of(product) if fact.dimension in dimensions]
    wanted = (aspect,) if aspect else _USUAL.get(quantity.dimension)
    if wanted is not None:
        same = [fact for fact in same if fact.aspect in wanted]
    if not same:
        what = aspect or quantity.dimension
        return "unsupported", f"{product.name}: nothing is known of its {what}"
    for fact in same:
        if _equal(quantity, fact, near=near):
            return "true", f"{product.name}: {fact.text}"
    if quantity.dimension == "m" and not aspect:
        return "unsupported", f"{product.name}: {same[0].text}"
    return "false", f"{product.name}: {same[0].text}"


def _equal(quantity: Quantity, fact: Fact, *, near: bool) -> bool:
    if quantity.others:
        said = sorted((quantity.value, *quantity.others))
        return len(said) == len(fact.values) and all(
            abs(a - b) <= 0.05 * b for a, b in zip(said, sorted(fact.values), strict=True)
        )
    return any(same_figure(quantity, value, near=near) for value in fact.values)


def same_figure(quantity: Quantity, value: float, *, near: bool = False) -> bool:
    """Whether a figure says this value, as rounded as people say it."""
    away = abs(quantity.value - value)
    if quantity.dimension in ("celsius", "degrees"):
        fahrenheit = abs((quantity.value - 32) / 1.8 - value) if quantity.dimension == "degrees" else away
        return min(away, fahrenheit) <= (2.5 if near else _DEGREES + 1e-9)
    if quantity.dimension in COUNTED or quantity.dimension in ("persons", "upf", "years", "days"):
        return away < 1e-6
    if near:
        return away <= 0.1 * abs(value) + 1e-9
    if quantity.converted:
        return away <= max(quantity.step / 2, 0.03 * abs(value)) and away <= 0.06 * abs(value)
    return away <= quantity.step / 2 + 1e-9 and away <= 0.05 * abs(value) + 1e-9
