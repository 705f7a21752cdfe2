"""What a customer needs, and how well each product fits it.

Needs are read from plain clauses and gather over a call. Ranking is plain arithmetic over the catalogue's own
facts: a product that cannot serve (too small, too dear, too cold) does not fit; among those that can, the one
that serves with the least excess comes first.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from typing import Literal

from contoso_lab.engine.clerk.briefing import Product
from contoso_lab.engine.clerk.facts import KILOGRAMS_PER_POUND, known

_COLD_NIGHT_C = 5.0  # the clerk's own judgement, never said: what serves a cold night is good to about here
_STRONG_LIMIT = r"under|below|less than|at most|up to|keep (?:it|that) to|maximum(?: of)?|max|within|cheaper than"
_NOT_MORE = re.compile(r"\b(?:no|not|nothing|never)\b((?: (?!and\b|but\b)\S+){0,6}?) (?:over|above|more than)\b")
"""What is said as "not more" is an upper bound: "I do not want to spend more than"."""
_LOOSE_LIMIT = r"budget(?: is| of)?|spend|around|about|only have|afford|i have"
_MONEY = r"(\$?)(\d+(?:\.\d+)?)\b(?:\s+(\w+))?"
_NOT_MONEY = re.compile(
    r"pounds?|lbs?|kilos?|kilograms?|kg|grams?|lit\w+|degrees?|people|persons?|person|"
    r"minutes?|days?|nights?|weeks?|"
    r"years?|cm|centimeters?|inches|feet|of|kids|adults|@.*"
)
_ASSOCIATED = {
    "kids": "family", "children": "family", "freezing": "frost", "icy": "frost", "ski": "snow", "skiing": "snow",
    "hostel": "hut", "huts": "hut", "wet": "rain", "rainy": "rain", "raining": "rain", "friends": "group",
    "party": "group", "scouts": "group", "alone": "solo", "traveling": "travel", "travelling": "travel",
    "rivers": "river", "expeditions": "expedition", "hot": "warm", "summer": "warm", "mountains": "mountain",
}  # fmt: skip
_WHO = "people|persons?|man|men|adults?|of us|kids|children|campers?|hikers?|friends|boys|girls|guests|scouts"
_DULL = frozenset("and for the two four with that you need want people".split())


@dataclass(frozen=True, slots=True)
class Needs:
    """What is known of a customer's wish; None and False mean that nothing was said."""

    people: int | None = None
    most_usd: float | None = None
    least_usd: float | None = None
    most_kg: float | None = None
    cold: Literal["cold", "frost"] | None = None
    warm: bool = False
    degrees_c: float | None = None
    least_liters: float | None = None
    rain: bool = False
    light: bool = False
    words: frozenset[str] = frozenset()
    """Words of the wish that descriptions may share, such as "family" or "river"."""

    @property
    def told(self) -> bool:
        """Whether anything was said that ranks products, apart from loose words."""
        return replace(self, words=frozenset()) != Needs()

    def then(self, newer: Needs) -> Needs:
        """These needs with later ones, which win."""
        changed = {f.name: getattr(newer, f.name) for f in fields(newer) if getattr(newer, f.name) not in (None, False)}
        changed["words"] = self.words | newer.words
        if newer.warm and not newer.cold:
            changed |= {"cold": None, "degrees_c": newer.degrees_c}
        return replace(self, **changed)

    def lasting(self) -> Needs:
        """The part that still holds when the talk turns to another kind of product."""
        return replace(self, most_usd=None, least_usd=None, most_kg=None, least_liters=None, light=False)


def read_needs(clause: str) -> Needs:
    """Read the needs in a plain clause.

    >>> read_needs("something under 5 pounds").most_usd is None
    True
    >>> read_needs("a 4 person tent for less than $300").people
    4
    """
    clause = _NOT_MORE.sub(r"\1 at most", clause)
    most, kilograms = _limit(clause, _STRONG_LIMIT, _LOOSE_LIMIT)
    least, _ = _limit(clause, r"over|above|more than|at least|starting at", "")
    if between := re.search(r"\bbetween \$?(\d+) and \$?(\d+)\b(?! (?:people|degrees|pounds|kilos))", clause):
        least, most = float(between[1]), float(between[2])
    liters = re.search(r"\b(\d+) lit(?:er|re)s?\b", clause)
    frost = re.search(
        r"\bfreez\w+|\bfrost\w*|\bwinter\w*|\bsnow\w*|\bvery cold\b|\breally cold\b|\bicy\b|"
        r"\barctic\b",
        clause,
    )
    cold = re.search(
        r"\bcold\w*|\bcool\b|\bchilly\b|\bwarm (?:sleeping )?(?:bags?|boots?|ones?)\b|\b(?:keep|"
        r"stay)\w* (?:\w+ )?warm\b",
        clause,
    )
    return Needs(
        people=_people(clause),
        most_usd=most,
        least_usd=least,
        most_kg=kilograms,
        cold="frost" if frost else "cold" if cold else None,
        warm=bool(re.search(r"\bsummer\b|\bwarm (?:nights?|weather|days?)\b|\bhot\b", clause)) and not cold,
        degrees_c=_degrees(clause),
        least_liters=float(liters[1]) if liters else None,
        rain=bool(re.search(r"\brain\w*\b|\bwaterproof\b|\bwet\b|\bstay dry\b", clause)),
        light=bool(re.search(r"\blight(?:weight)?\b|\bultralight\b|\bnot (?:too |so )?heavy\b", clause)),
        words=frozenset(_ASSOCIATED.get(word, word) for word in re.findall(r"[a-z]{3,}", clause)) - _DULL,
    )


def _limit(clause: str, strong: str, loose: str) -> tuple[float | None, float | None]:
    """An upper or lower bound as (US dollars, kilograms); a bare number is money only when it can be a price."""
    for words, bare in ((strong, 15), (loose, 30)):
        for found in re.finditer(rf"\b(?:{words})\s+(?:a |of |about |around |for )*{_MONEY}", clause) if words else ():
            value, unit = float(found[2]), found[3] or ""
            if found[1]:
                return value, None
            if re.fullmatch(r"pounds?|lbs?", unit):
                return None, value * KILOGRAMS_PER_POUND
            if re.fullmatch(r"kilos?|kilograms?|kg", unit):
                return None, value
            if value >= bare and not _NOT_MONEY.fullmatch(unit):
                return value, None
    if loose and (
        said := re.search(r"(\$)(\d+(?:\.\d+)?) (?:or less|or under|max(?:imum)?|at most|budget|tops)\b", clause)
    ):
        return float(said[2]), None
    return None, None


def _people(clause: str) -> int | None:
    groups = [int(n) for n in re.findall(rf"\b(\d+) (?:\w+ )?(?:{_WHO})\b", clause)]
    if len(groups) > 1 and " and " in clause:
        return sum(groups)
    if groups and not re.search(r"\b\d+ (?:kids|children|boys|girls)\b", clause):  # somebody comes with the children
        return groups[0]
    if found := re.search(
        r"\b(?:family|party|group|team|crew) of (\d+)\b|\bsleeps? (\d+)\b|\bseats? (\d+)\b|"
        r"\bwe (?:are|will be) (\d+)\b|"
        r"\bthere (?:are|will be) (\d+)\b|\bbe (\d+)$|\benough for (\d+)\b|\bfit (\d+)\b|"
        r"\b(?:tent|table|stove|one) for (\d+)\b(?! (?:days|nights|weeks|dollars))",
        clause,
    ):
        return int(next(group for group in found.groups() if group))
    if re.search(
        r"\bmy (?:wife|husband|partner|girlfriend|boyfriend|friend|son|daughter) and (?:i|me|"
        r"myself)\b|\bme and my \w+\b|\bboth of us\b|\b2 of us\b",
        clause,
    ):
        return 2
    return (
        1
        if re.search(r"\bjust (?:me|myself|for me)\b|\bby myself\b|\balone\b|\bonly (?:me|myself)\b|\bsolo\b", clause)
        else None
    )


def _degrees(clause: str) -> float | None:
    for found in re.finditer(r"\b(minus )?(\d+(?:\.\d+)?)( degrees?)?( celsius| fahrenheit| f\b| c\b)?", clause):
        if found[1] or found[3] or found[4]:
            value = float(found[2]) * (-1 if found[1] else 1)
            return (value - 32) * 5 / 9 if (found[4] or "").strip().startswith("f") else value
    return 0.0 if re.search(r"\b(?:below|around|at) (?:zero|0)\b", clause) else None


@dataclass(frozen=True, slots=True)
class Fit:
    """How one product stands to the needs."""

    product: Product
    serves: bool
    """False when a hard need is not met."""
    why: str = ""
    """The topic of the fact that speaks most for it, or "description"."""
    excess: tuple[float, ...] = ()
    """Sorts: smaller fits better."""


def rank(products: Iterable[Product], needs: Needs) -> list[Fit]:
    """Every product with its fit, those that serve first, the best first."""
    shelf = list(products)
    fits = [_fit(product, needs, place) for place, product in enumerate(shelf)]
    return sorted(fits, key=lambda fit: (not fit.serves, fit.excess))


def within_budget(product: Product, needs: Needs) -> bool:
    """Whether the price keeps to what the customer said about money."""
    if product.price_usd is None:
        return needs.most_usd is None and needs.least_usd is None
    return (needs.most_usd is None or product.price_usd <= needs.most_usd) and (
        needs.least_usd is None or product.price_usd >= needs.least_usd
    )


def room(product: Product) -> float | None:
    """For how many people it is made."""
    fact = known(product, "people") or known(product, "seats")
    return fact.number if fact else None


def rating_c(product: Product) -> float | None:
    """Down to how many degrees Celsius it is made to be comfortable."""
    fact = known(product, "temperature")
    return fact.number if fact else None


def _fit(product: Product, needs: Needs, place: int) -> Fit:
    serves, why = within_budget(product, needs), "description"
    weight, space, rating = product.number("weight"), room(product), rating_c(product)
    liters = known(product, "capacity")
    shared = len(needs.words & set(re.findall(r"[a-z]{3,}", f"{product.description} {product.name}".lower())) - _DULL)
    terrain = known(product, "terrain")
    if terrain:
        shared += len(needs.words & set(re.findall(r"[a-z]{3,}", terrain.value)))
    sizes, warmth = 0.0, 0.0
    if needs.people is not None and space is not None:
        serves &= space >= needs.people
        sizes, why = abs(space - needs.people), "people" if known(product, "people") else "seats"
    if needs.most_kg is not None and weight is not None:
        serves &= weight <= needs.most_kg
        why = "weight"
    if needs.least_liters is not None and liters and liters.number:
        serves &= liters.number >= 0.9 * needs.least_liters
        sizes, why = abs(liters.number - needs.least_liters), "capacity"
    if needs.degrees_c is not None and rating is not None:
        serves &= rating <= needs.degrees_c
        warmth, why = abs(needs.degrees_c - rating), "temperature"
    elif needs.cold and rating is not None:
        serves &= rating < 0 if needs.cold == "frost" else rating <= _COLD_NIGHT_C
        warmth, why = rating if needs.cold == "frost" else -rating, "temperature"
    elif needs.warm and rating is not None:
        warmth, why = -rating, "temperature"
    waterproof = known(product, "waterproof")
    dry = bool(waterproof and not waterproof.value.lower().startswith("no"))
    wet_feet = 0.0 if not needs.rain or dry else 1.0
    if needs.rain and dry and why == "description":
        why = "waterproof"
    heavy = weight if needs.light and weight is not None else 0.0
    if needs.light and why == "description":
        why = "weight"
    return Fit(product, serves, why, (wet_feet, sizes, warmth, heavy, -float(shared), float(place)))
