"""Cheaper than the other, two kilos lighter, 20 dollars less: two products side by side."""

from __future__ import annotations

import re

from contoso_lab.shop.catalog import Product
from contoso_lab.shop.truth.figures import same_figure
from contoso_lab.shop.truth.finding import Finding, Verdict
from contoso_lab.shop.truth.mood import is_claim
from contoso_lab.shop.truth.ranking import LEAST, MOST, VALUES, Place
from contoso_lab.shop.truth.sentences import Reading, Sentence

_COMPARED = re.compile(
    r"(?:\b|(?=\$))(?P<how>cheaper|less\s+expensive|more\s+affordable|more\s+expensive|dearer|pricier|lighter|"
    r"heavier|warmer|"
    r"larger|bigger|roomier|smaller|"
    r"costs?\s+(?:less|more)|(?:dollars?|bucks)\s+(?:less|more)|weighs?\s+(?:less|more)|(?:kilos?|kg|pounds?|"
    r"grams?|g)\s+(?:less|more)|sleeps\s+(?:more|fewer)|\$\s?[\d,.]+\s+(?:less|more)|"
    r"günstiger|billiger|teurer|leichter|schwerer|wärmer|größer|kleiner|"
    r"moins\s+ch(?:er|ère)|plus\s+ch(?:er|ère)|plus\s+lég(?:er|ère)|plus\s+lourde?|plus\s+chaude?|plus\s+grande?|"
    r"más\s+barat[oa]|más\s+car[oa]|más\s+liger[oa]|más\s+pesad[oa]|más\s+cálid[oa]|más\s+grande|menos|"
    r"dollars?\s+de\s+(?:moins|plus))"
    r"(?:\s+(?:people|weight|money))?\s+(?:than|als|que|de)\b",
    re.IGNORECASE,
)
_HOW: tuple[tuple[str, str, int], ...] = (
    (r"cheaper|less\s+exp|more\s+aff|costs?\s+less|(?:dollars?|bucks)\s+less|\d\s+less|günst|billi|moins\s+ch|"
    r"barat|menos|de\s+moins", "price", LEAST),
    (r"more\s+exp|dearer|pricier|costs?\s+more|(?:dollars?|bucks)\s+more|\d\s+more|teurer|plus\s+ch(?:er|ère)|"
    r"más\s+car|de\s+plus", "price", MOST),
    (r"lighter|weighs?\s+less|(?:kilos?|kg|pounds?|grams?|g)\s+less|leichter|lég|liger", "weight", LEAST),
    (r"heavier|weighs?\s+more|(?:kilos?|kg|pounds?|grams?|g)\s+more|schwerer|lourd|pesad", "weight", MOST),
    (r"warmer|wärmer|chaud|cálid", "warmth", MOST),
    (r"larger|bigger|roomier|sleeps\s+more|größer|grand", "size", MOST),
    (r"smaller|sleeps\s+fewer|kleiner", "size", LEAST),
)  # fmt: skip


def check_comparisons(reading: Reading) -> list[Finding]:
    """Judge "cheaper than", "20 dollars less than", "two kilos lighter than"."""
    found = []
    for sentence in reading.sentences:
        for match in _COMPARED.finditer(sentence.text):
            place = Place(sentence.start + match.start(), sentence.start + match.end())
            finding = _compared(reading, sentence, match, place)
            if finding is not None:
                found.append(finding)
    return found


def _compared(reading: Reading, sentence: Sentence, match: re.Match[str], place: Place) -> Finding | None:
    after = [m for m in sentence.mentions if m.start >= place.end]
    before = [m for m in sentence.mentions if m.end <= place.start] or list(sentence.earlier)
    if not before:
        return None
    if not after and re.match(r"\s*(?:the\s+)?(?:\$|\d)", sentence.text[match.end() :]):
        return None  # "less than 150 dollars" is a limit
    # "The Spark is cheaper than the Hearth": both are named, the first is the subject.
    subject = reading.catalog.get(before[-1].sku)
    others = [m for m in (after or before[:-1]) if m.sku != subject.sku]
    if not others or not is_claim(sentence, place, (*sentence.mentions, *sentence.quantities)):
        return None
    other = reading.catalog.get(others[0].sku)
    value, way = next((value, way) for words, value, way in _HOW if re.search(words, match["how"], re.IGNORECASE))
    called, of = VALUES[value]
    mine, theirs = of(subject), of(other)
    start = place.start
    if mine is None or theirs is None:
        says = f"nothing is known of the {called} of {subject.name if mine is None else other.name}"
        return _finding(reading, "unsupported", start, place.end, says, subject)
    difference = mine - theirs
    ok = difference * way > 0
    by = next(
        (
            q
            for q in sentence.quantities
            if 0 <= match.start() - (q.end - sentence.start) <= 2
            or q.start - sentence.start <= match.start() < q.end - sentence.start
        ),
        None,
    )
    if by is not None and by.dimension in ("usd", "kg"):
        start = min(start, by.start)
        if by.dimension == "usd":
            ok = ok and value == "price" and abs(by.value - abs(difference)) < 0.005
        else:
            ok = ok and value == "weight" and same_figure(by, abs(difference), near=False)
    says = f"{called}: {subject.name} {mine:g}, {other.name} {theirs:g}"
    return _finding(reading, "true" if ok else "false", start, place.end, says, subject)


def _finding(reading: Reading, verdict: Verdict, start: int, end: int, says: str, product: Product) -> Finding:
    return Finding("comparison", verdict, reading.text[start:end], start, end, says, product.sku)
