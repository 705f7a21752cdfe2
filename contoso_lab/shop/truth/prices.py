"""Are the prices that were said the prices of the catalogue?

No model judges here. A price belongs to the product that is named nearest to it, in the same sentence or the one
before; where the words leave it open, the answer is None and not a guess.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

from contoso_lab.shop.catalog import Catalog
from contoso_lab.shop.mentions import Mention
from contoso_lab.shop.money import Amount
from contoso_lab.shop.truth.finding import Finding, Medium
from contoso_lab.shop.truth.mood import is_claim
from contoso_lab.shop.truth.sentences import Reading, Sentence, Spot, clause, read, subjects
from contoso_lab.shop.truth.units import FOREIGN

_TOTAL = re.compile(
    r"\b(?:together|totals?|altogether|combined|sum|everything|for\s+(?:both|the\s+(?:set|pair|two|three))|"
    r"for\s+all\s+(?:of\s+)?(?:two|three|four|five|them|this|that)|both\s+(?:for|cost|come)|(?:get|buy|have|take)\s+both|"
    r"zusammen|insgesamt|au\s+total|en\s+tout|ensemble|en\s+total|juntos|juntas)\b(?!\s+weight)|合計|全部で|合わせて",
    re.IGNORECASE,
)
# "It comes to" is also said of one thing, so alone it makes no total.
_PERHAPS_TOTAL = re.compile(r"\b(?:comes?\s+to|adds?\s+up|(?:that|this|which)\s+makes)\b", re.IGNORECASE)
_NO_CLAIM_BEFORE = re.compile(
    r"(?:\b(?:under|below|within|over|above|beyond|up\s+to|at\s+(?:most|least)|(?:less|more|cheaper|fewer|higher|"
    r"lower)\s+than|"
    r"no\s+more\s+than|maximum(?:\s+of)?|minimum(?:\s+of)?|max|between|from|by|another|extra|additional|save[sd]?|"
    r"saving|"
    r"saves?\s+you|budget(?:\s+(?:of|is|was))?|difference(?:\s+(?:of|is))?|spend|discount\s+of|voucher\s+(?:of|for)|"
    r"gift\s+card\s+(?:of|for)|not|never|start(?:s|ing)?\s+at|"
    r"unter|über|bis(?:\s+zu)?|weniger\s+als|mehr\s+als|zwischen|ab|um|moins\s+de|plus\s+de|entre|jusqu['’]à|"
    r"à\s+partir\s+de|"
    r"moins\s+que|menos\s+de|más\s+de|hasta|desde)|n['’]t)\s+(?:(?:you|the|a|an|your|only|just|cost|be|about|"
    r"around)\s+){0,2}$",
    re.IGNORECASE,
)  # fmt: skip
_RANGE_BEFORE = re.compile(
    r"(?:\bbetween|\bfrom)\s+[^.!?;]{1,40}?\s+(?:and|to)\s+$|(?:\d|dollars)\s*(?:to|-|–)\s*$", re.IGNORECASE
)
_NO_CLAIM_AFTER = re.compile(
    r"\s*(?:-\s*\$?\d|–|to\s+(?:\$|\d|\w+\s+\w*\s*\w*\s*dollars)|"
    r"(?:more|less|cheaper|extra|off|discount|budget|limit|voucher|gift|shipping|difference|higher|lower|dearer)\b|"
    r"or\s+(?:less|more|under|below|over)\b|and\s+(?:up|under|over|below)\b|max|"
    r"(?:mehr|weniger|günstiger|billiger|teurer|de\s+(?:plus|moins)|moins\s+cher|plus\s+cher|más|menos|cheaper)\b|"
    r"以下|未満|以上|より|ほど安|安い|高い|引き|off\b)",
    re.IGNORECASE,
)
_ABOUT = re.compile(
    r"\b(?:about|around|roughly|approximately|almost|nearly|close\s+to|some|just\s+(?:under|over)|etwa|circa|ca\.|rund|"
    r"ungefähr|knapp|environ|à\s+peu\s+près|presque|unos|alrededor\s+de|casi|aproximadamente)\s+$|約$",
    re.IGNORECASE,
)
_EACH = re.compile(r"\s*(?:each|apiece|a\s+piece|per\s+\w+)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Claim:
    """One price that was said, held against the catalogue."""

    sku: str | None
    """The product it was said of; None for a total, or when no product is in reach."""
    stated_usd: float
    true_usd: float | None
    ok: bool | None
    """None when the words do not tell."""
    quote: str
    """The sentence."""
    skus: tuple[str, ...] = ()
    """All products that it was said of; several in a total."""


class Stated(NamedTuple):
    """A price that was said, and where."""

    claim: Claim
    amount: Amount
    sentence: Sentence
    total: bool


def price_claims(text: str, catalog: Catalog) -> list[Claim]:
    """All prices that a text states, in order, each with the product it belongs to and whether it is true.

    Limits and differences ("under 150 dollars", "20 dollars less") state no price and are left out.

    >>> [(c.sku, c.ok) for c in price_claims("The Meadow Four is two hundred seventy-nine dollars.", Catalog.load())]
    [('TEN-02', True)]
    """
    medium: Medium = "page" if re.search(r"(?m)^#{1,6}\s", text) else "text"
    return [stated.claim for stated in stated_prices(read(text, catalog, medium=medium))]


def stated_prices(reading: Reading) -> list[Stated]:
    """The same for a text that has been read, with their places."""
    return [found for sentence in reading.sentences for found in _claims_in(sentence, reading.catalog)]


def _claims_in(sentence: Sentence, catalog: Catalog) -> list[Stated]:
    if not sentence.amounts:
        return []
    categories = tuple(dict.fromkeys(product.category for product in catalog))
    earlier = sentence.earlier
    stated = [amount for amount in sentence.amounts if _is_claim(sentence, amount)]
    total = _total_amount(sentence, stated)
    single = [amount for amount in stated if amount is not total]
    paired = pairs(sentence.mentions, single)
    claims = []
    for amount in stated:
        if amount is total:
            claim = _total_claim(sentence, amount, earlier, catalog)
        elif amount in paired:
            claim = _claim(sentence, amount, [paired[amount]], catalog)
        else:
            about = subjects(sentence, amount, categories, catalog, sentence.amounts)
            claim = _claim(sentence, amount, about, catalog)
        claims.append(Stated(claim, amount, sentence, amount is total))
    return claims


def check_currency(reading: Reading) -> list[Finding]:
    """Prices in money that the catalogue has none in: nobody can say whether they are true, so nobody may say them."""
    found, catalog = [], reading.catalog
    categories = tuple(dict.fromkeys(product.category for product in catalog))
    for sentence in reading.sentences:
        foreign = [each for each in sentence.quantities if each.dimension in FOREIGN]
        paired = pairs(sentence.mentions, foreign)
        for sum_ in foreign:
            if not _is_claim(sentence, sum_) or not is_claim(sentence, sum_, (*sentence.amounts, *foreign)):
                continue
            about = [paired[sum_]] if sum_ in paired else subjects(sentence, sum_, categories, catalog, foreign)
            if not about:
                continue  # of which thing it is the price, nobody can tell: a toll, a campsite, a parcel
            product = catalog.get(about[0].sku)
            says = f"{product.name}: {product.price}; the catalogue has no prices in {FOREIGN[sum_.dimension]}"
            words = reading.text[sum_.start : sum_.end]
            found.append(Finding("currency", "unsupported", words, sum_.start, sum_.end, says, product.sku))
    return found


def _is_claim(sentence: Sentence, amount: Spot) -> bool:
    before = sentence.text[: amount.start - sentence.start]
    after = sentence.text[amount.end - sentence.start :]
    return not (_NO_CLAIM_BEFORE.search(before) or _RANGE_BEFORE.search(before) or _NO_CLAIM_AFTER.match(after))


def _total_amount(sentence: Sentence, stated: Sequence[Amount]) -> Amount | None:
    word = _TOTAL.search(sentence.text)
    each = len(stated) > 1 and len(stated) == len(sentence.mentions)
    if word is None and not each and [mention.quantity for mention in sentence.mentions] != [1]:
        word = _PERHAPS_TOTAL.search(sentence.text)
    if word is None or not stated:
        return None
    at = sentence.start + word.start()
    for amount in stated:
        start, end = _clause(sentence, amount)
        if start <= at < end:
            return amount
    # "… in total, that is $398": the sum stands after the word, if anything does.
    return next((amount for amount in stated if amount.start > at), stated[-1])


S = TypeVar("S", bound=Spot)


def pairs(mentions: Sequence[Mention], amounts: Sequence[S]) -> dict[S, Mention]:
    """Several names and as many figures, in a plain order: name price name price, or names first and prices after."""
    if len(mentions) != len(amounts) or len(mentions) < 2:
        return {}
    order = "".join(kind for _, kind in sorted([(m.start, "m") for m in mentions] + [(a.start, "a") for a in amounts]))
    count = len(mentions)
    plain = ("ma" * count, "am" * count, "m" * count + "a" * count)
    return dict(zip(amounts, mentions, strict=True)) if order in plain else {}


def _clause(sentence: Sentence, amount: Amount) -> tuple[int, int]:
    return clause(sentence, amount, sentence.amounts)


def _claim(sentence: Sentence, amount: Amount, candidates: Sequence[Mention], catalog: Catalog) -> Claim:
    quote = sentence.text.strip()
    if not candidates:
        return Claim(None, amount.usd, None, None, quote)
    nearest = candidates[0]
    true_usd = catalog.get(nearest.sku).price_usd
    each = _EACH.match(sentence.text[amount.end - sentence.start :]) is not None
    ok: bool | None = _same(amount.usd, true_usd)
    if not ok and nearest.quantity > 1 and not each:
        ok = _same(amount.usd, nearest.quantity * true_usd)
        true_usd = nearest.quantity * true_usd if ok else true_usd
    if not ok and _ABOUT.search(sentence.text[: amount.start - sentence.start]):
        ok = None if abs(amount.usd - true_usd) <= 0.1 * true_usd else False
    elif not ok and any(_same(amount.usd, catalog.get(other.sku).price_usd) for other in candidates[1:]):
        ok = None
    return Claim(nearest.sku, amount.usd, true_usd, ok, quote, (nearest.sku,))


def _total_claim(sentence: Sentence, amount: Amount, earlier: Sequence[Mention], catalog: Catalog) -> Claim:
    quantities: dict[str, int] = {}
    for mention in sentence.mentions:
        quantities[mention.sku] = max(mention.quantity, quantities.get(mention.sku, 0))
    if sum(quantities.values()) < 2:
        for mention in earlier:
            quantities[mention.sku] = max(mention.quantity, quantities.get(mention.sku, 0))
    quote = sentence.text.strip()
    if sum(quantities.values()) < 2:
        return Claim(None, amount.usd, None, None, quote, tuple(quantities))
    true_usd = sum(count * catalog.get(sku).price_usd for sku, count in quantities.items())
    return Claim(None, amount.usd, true_usd, _same(amount.usd, true_usd), quote, tuple(quantities))


def _same(stated_usd: float, true_usd: float) -> bool:
    return abs(stated_usd - true_usd) < 0.005
