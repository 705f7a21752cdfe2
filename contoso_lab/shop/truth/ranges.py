"""Limits and ranges: under 100 dollars, between 50 and 80, all of them below two kilos, starting at 59."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from contoso_lab.shop.catalog import Product
from contoso_lab.shop.truth.facts import facts_of
from contoso_lab.shop.truth.figures import said_aspect
from contoso_lab.shop.truth.finding import Finding, Verdict
from contoso_lab.shop.truth.mood import is_claim
from contoso_lab.shop.truth.sentences import Reading, Sentence, subjects
from contoso_lab.shop.truth.shelf import shelf
from contoso_lab.shop.truth.units import Quantity

_UNDER = (
    r"(?P<under>under|below|less\s+than|cheaper\s+than|lighter\s+than|at\s+most|up\s+to|no\s+more\s+than|"
    r"within|unter|weniger\s+als|höchstens|bis\s+zu|moins\s+de|au\s+plus|menos\s+de|como\s+máximo|"
    r"por\s+debajo\s+de)"
)
_OVER = (
    r"(?P<over>over|above|more\s+than|at\s+least|heavier\s+than|no\s+less\s+than|über|mehr\s+als|mindestens|"
    r"plus\s+de|au\s+moins|más\s+de|al\s+menos|por\s+encima\s+de)"
)
_FROM = (
    r"(?P<start>start(?:s|ing)?\s+(?:at|from)|begin(?:s)?\s+at|(?:gibt\s+es\s+|beginnen\s+)?ab|à\s+partir\s+de|"
    r"desde|a\s+partir\s+de)"
)
_BEFORE = re.compile(rf"(?:\b(?:{_UNDER}|{_OVER}|{_FROM}))\s+(?:just\s+|only\s+|about\s+)?$", re.IGNORECASE)
_AFTER = re.compile(
    r"\s*(?:(?P<under>or\s+(?:less|under|below)|and\s+(?:under|below)|以下|未満|oder\s+weniger)|(?P<over>or\s+(?:more|"
    r"over|above)|and\s+(?:up|over)|以上|oder\s+mehr))",
    re.IGNORECASE,
)
_BETWEEN = re.compile(r"\b(?:between|from|zwischen|von|entre|de)\s+(?:about\s+)?$", re.IGNORECASE)
_AND = re.compile(r"\s*(?:and|to|und|bis|et|à|y|a|-|–|—)\s*", re.IGNORECASE)
_ALL = re.compile(
    r"\b(?:all(?:\s+(?:of\s+)?(?:our|the|these|them))?|every|each|everything|any\s+of\s+our|alle\w*|jede[rsn]?|"
    r"tous|toutes|chaque|tod[oa]s|cada)\b|すべて|全部|どれも",
    re.IGNORECASE,
)
_NONE = re.compile(r"\b(?:none\s+of|no\s+\w+\s+(?:is|costs?|weighs?)|kein\w*)\b", re.IGNORECASE)
_SOME = re.compile(
    r"\b(?:we\s+(?:have|carry|sell|offer)|there\s+(?:is|are)|wir\s+(?:haben|führen)|es\s+gibt|nous\s+avons|"
    r"il\s+y\s+a|tenemos|hay)\b",
    re.IGNORECASE,
)
_MINE = re.compile(r"\b(?:your|my|Ihr\w*|votre|su|tu)\s+(?:\w+\s+)?$|\bbudget\b|\bspend\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Limit:
    """What is said about where a figure lies."""

    how: str
    """ "under", "over", "start" or "between"."""
    low: Quantity
    high: Quantity
    start: int
    end: int

    def holds(self, value: float) -> bool:
        """Whether a figure keeps to it."""
        match self.how:
            case "under":
                return value <= self.high.value + 1e-9
            case "over" | "start":
                return value >= self.low.value - 1e-9
            case _:
                return self.low.value - 1e-9 <= value <= self.high.value + 1e-9


def check_ranges(reading: Reading) -> list[Finding]:
    """Judge every limit and range that is said of a product or of a kind of products."""
    found = []
    for sentence in reading.sentences:
        for limit in _limits(sentence):
            finding = _judge(reading, sentence, limit)
            if finding is not None:
                found.append(finding)
    return found


def _limits(sentence: Sentence) -> list[Limit]:
    found: list[Limit] = []
    taken = -1
    quantities = [q for q in sentence.quantities if q.dimension in ("usd", "kg", "litres", "degrees", "celsius")]
    for at, quantity in enumerate(quantities):
        if quantity.start < taken:
            continue
        lead = sentence.before(quantity)
        following = quantities[at + 1] if at + 1 < len(quantities) else None
        if (
            following is not None
            and following.dimension == quantity.dimension
            and _AND.fullmatch(sentence.text[quantity.end - sentence.start : following.start - sentence.start])
            and (between := _BETWEEN.search(lead))
        ):
            found.append(Limit("between", quantity, following, sentence.start + between.start(), following.end))
            taken = following.end
        elif before := _BEFORE.search(lead):
            how = next(name for name in ("under", "over", "start") if before[name])
            found.append(Limit(how, quantity, quantity, sentence.start + before.start(), quantity.end))
        elif after := _AFTER.match(sentence.after(quantity)):
            how = "under" if after["under"] else "over"
            found.append(Limit(how, quantity, quantity, quantity.start, quantity.end + after.end()))
    return found


def _judge(reading: Reading, sentence: Sentence, limit: Limit) -> Finding | None:
    lead = sentence.text[: limit.start - sentence.start]
    if _MINE.search(lead) or _MINE.search(sentence.text[limit.start - sentence.start : limit.end - sentence.start]):
        return None
    none = _NONE.search(lead)
    if none is None and not is_claim(sentence, limit, (limit.low, limit.high)):
        return None
    words = reading.text[limit.start : limit.end]
    aspect = said_aspect(sentence, limit.low)
    if aspect == "carries" and limit.how == "under":
        return None  # "holds up to 60 kg" is its figure, not a limit to it
    figure = _figure(limit.low.dimension, aspect)
    if figure is None:
        return None
    verdict: Verdict
    categories = tuple(dict.fromkeys(product.category for product in reading.catalog))
    near = [m for m in sentence.mentions if m.start < limit.start] or [
        m for m in sentence.mentions if m.start >= limit.end
    ]
    plural = re.search(
        r"\b(?:tents|(?:back|day)?packs|bags|stoves|tables|boots|shoes|Zelte|Rucksäcke|Schlafsäcke|Kocher|Tische|"
        r"tentes|sacs|réchauds|tiendas|mochilas|sacos|hornillos|mesas)\b|everything|products",
        sentence.text,
        re.IGNORECASE,
    )
    general = _ALL.search(lead) or none or (plural and not near) or (_SOME.search(lead) and not near)
    if general:
        among = shelf(lead, reading.catalog) or shelf(sentence.text, reading.catalog)
        if among is None and re.search(r"everything|product|item", sentence.text, re.IGNORECASE):
            products = tuple(reading.catalog)
        elif among is None:
            return None
        else:
            products = among.products
        values = [(value, p) for p in products if (value := figure(p)) is not None]
        if not values:
            return None
        holding = [p.name for value, p in values if limit.holds(value)]
        lowest, highest = min(v for v, _ in values), max(v for v, _ in values)
        if none:
            ok = not holding
        elif limit.how == "start":
            ok = abs(lowest - limit.low.value) < 0.005
        elif (
            limit.how == "between"
            and not _ALL.search(lead)
            and re.search(
                r"\brange|\bgo\s+from|\breichen|\bvont\s+de|\bvan\s+de|\bfrom\b|\bvon\b", sentence.text, re.IGNORECASE
            )
        ):
            ok = abs(lowest - limit.low.value) < 0.005 and abs(highest - limit.high.value) < 0.005
        elif _SOME.search(lead) and not _ALL.search(lead):
            ok = bool(holding)
        else:
            ok = len(holding) == len(values)
        says = f"from {lowest:g} to {highest:g}; so are {', '.join(holding) or 'none'}"
        return Finding("range", "true" if ok else "false", words, limit.start, limit.end, says)
    about = subjects(sentence, limit, categories, reading.catalog, (limit.low, limit.high))
    if not about:
        return None
    product = reading.catalog.get(about[0].sku)
    value = figure(product)
    if value is None:
        verdict, says = "unsupported", f"{product.name}: nothing is known of it"
    else:
        ok = abs(value - limit.low.value) < 0.005 if limit.how == "start" else limit.holds(value)
        verdict, says = ("true" if ok else "false"), f"{product.name}: {value:g}"
    return Finding("range", verdict, words, limit.start, limit.end, says, product.sku)


def _figure(dimension: str, aspect: str) -> Callable[[Product], float | None] | None:
    if dimension == "usd":
        return lambda product: product.price_usd
    if dimension == "kg" and aspect in ("", "weight"):
        return lambda product: product.weight_kg
    if dimension == "litres":
        return lambda product: None if product.capacity_l is None else float(product.capacity_l)
    if dimension == "kg":
        return lambda product: next(
            (fact.values[0] for fact in facts_of(product) if fact.aspect == aspect and fact.dimension == "kg"), None
        )
    return None
