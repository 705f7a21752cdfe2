"""Are the prices that were said the prices of the catalogue?

No model judges here. A price belongs to the product that is named nearest to it, in the same sentence or the one
before; where the words leave it open, the answer is None and not a guess.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from contoso_lab.shop.catalog import CATEGORIES, Catalog
from contoso_lab.shop.mentions import Mention, category_noun, find_mentions
from contoso_lab.shop.money import Amount, find_amounts

_SENTENCE = re.compile(r"[^.!?\n]+(?:[.!?](?=\S)[^.!?\n]*)*[.!?\n]*")
_CLAUSE = re.compile(
    r"[,;:()–—]|\s-\s|\b(?:and|while|but|or|whereas|versus|compared\s+(?:to|with)|than)\b", re.IGNORECASE
)
_TOTAL = re.compile(
    r"\b(?:together|totals?|altogether|combined|sum|everything|for\s+(?:both|the\s+(?:set|pair|two|three))|"
    r"for\s+all\s+(?:of\s+)?(?:two|three|four|five|them|this|that)|both\s+(?:for|cost|come))\b(?!\s+weight)",
    re.IGNORECASE,
)
# "It comes to" is also said of one thing, so alone it makes no total.
_PERHAPS_TOTAL = re.compile(r"\b(?:comes?\s+to|adds?\s+up|(?:that|this|which)\s+makes)\b", re.IGNORECASE)
_NO_CLAIM_BEFORE = re.compile(
    r"(?:\b(?:under|below|within|over|above|beyond|up\s+to|at\s+(?:most|least)|(?:less|more|cheaper|fewer|higher|lower)\s+than|"
    r"no\s+more\s+than|maximum(?:\s+of)?|minimum(?:\s+of)?|max|between|from|by|another|extra|additional|save[sd]?|saving|"
    r"saves?\s+you|budget(?:\s+(?:of|is|was))?|difference(?:\s+(?:of|is))?|spend|discount\s+of|voucher\s+(?:of|for)|"
    r"gift\s+card\s+(?:of|for)|not|never|start(?:s|ing)?\s+at)|n['’]t)\s+(?:(?:you|the|a|an|your|only|just|cost|be|about|around)\s+){0,2}$",
    re.IGNORECASE,
)  # fmt: skip
_RANGE_BEFORE = re.compile(
    r"(?:\bbetween|\bfrom)\s+[^.!?;]{1,40}?\s+(?:and|to)\s+$|(?:\d|dollars)\s*(?:to|-|–)\s*$", re.IGNORECASE
)
_NO_CLAIM_AFTER = re.compile(
    r"\s*(?:-\s*\$?\d|–|to\s+(?:\$|\d|\w+\s+\w*\s*\w*\s*dollars)|"
    r"(?:more|less|cheaper|extra|off|discount|budget|limit|voucher|gift|shipping|difference|higher|lower|dearer)\b|"
    r"or\s+(?:less|more|under|below|over)\b|and\s+(?:up|under|over|below)\b|max)",
    re.IGNORECASE,
)
_ABOUT = re.compile(r"\b(?:about|around|roughly|approximately|almost|nearly|close\s+to|some)\s+$", re.IGNORECASE)
_EACH = re.compile(r"\s*(?:each|apiece|a\s+piece|per\s+\w+)\b", re.IGNORECASE)
_LEADS = re.compile(r"^\W*(?:(?:and|but)\s+)?(?:at|for)(?:\s+(?:only|just))?\s+$", re.IGNORECASE)
_GOES_ON = re.compile(r"\s*(?:it|its|this|that|they|these|those|both|and)\b", re.IGNORECASE)
_HEADING = re.compile(r"^\s*#{1,6}\s")


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


@dataclass(frozen=True, slots=True)
class _Sentence:
    start: int
    text: str
    mentions: tuple[Mention, ...]
    amounts: tuple[Amount, ...]


def price_claims(text: str, catalog: Catalog) -> list[Claim]:
    """All prices that a text states, in order, each with the product it belongs to and whether it is true.

    Limits and differences ("under 150 dollars", "20 dollars less") state no price and are left out.

    >>> [(c.sku, c.ok) for c in price_claims("The Meadow Four is two hundred seventy-nine dollars.", Catalog.load())]
    [('TEN-02', True)]
    """
    claims: list[Claim] = []
    earlier: tuple[Mention, ...] = ()
    heading: tuple[Mention, ...] = ()
    for sentence in _sentences(text, catalog):
        if _HEADING.match(sentence.text):
            heading = sentence.mentions
        if sentence.amounts:
            claims += _claims_in(sentence, earlier or heading, catalog)
        # "It sleeps four." still speaks of the product of the sentence before.
        if sentence.mentions or not _GOES_ON.match(sentence.text):
            earlier = sentence.mentions
    return claims


def _sentences(text: str, catalog: Catalog) -> list[_Sentence]:
    mentions = find_mentions(text, catalog, loose=True)
    # Names hold number words ("Meadow Four"), so they are blanked before numbers are read.
    blanked = text
    for mention in mentions:
        blanked = blanked[: mention.start] + "#" * (mention.end - mention.start) + blanked[mention.end :]
    amounts = find_amounts(blanked)
    sentences = []
    for match in _SENTENCE.finditer(text):
        if match[0].strip():
            inside = (match.start(), match.end())
            sentences.append(
                _Sentence(
                    match.start(),
                    match[0],
                    tuple(m for m in mentions if inside[0] <= m.start < inside[1]),
                    tuple(a for a in amounts if inside[0] <= a.start < inside[1]),
                )
            )
    return sentences


def _claims_in(sentence: _Sentence, earlier: Sequence[Mention], catalog: Catalog) -> list[Claim]:
    stated = [amount for amount in sentence.amounts if _is_claim(sentence, amount)]
    total = _total_amount(sentence, stated)
    single = [amount for amount in stated if amount is not total]
    paired = _pairs(sentence.mentions, single)
    claims = []
    for amount in stated:
        if amount is total:
            claims.append(_total_claim(sentence, amount, earlier, catalog))
        elif amount in paired:
            claims.append(_claim(sentence, amount, [paired[amount]], catalog))
        else:
            claims.append(_claim(sentence, amount, _candidates(sentence, amount, earlier, catalog), catalog))
    return claims


def _is_claim(sentence: _Sentence, amount: Amount) -> bool:
    before = sentence.text[: amount.start - sentence.start]
    after = sentence.text[amount.end - sentence.start :]
    return not (_NO_CLAIM_BEFORE.search(before) or _RANGE_BEFORE.search(before) or _NO_CLAIM_AFTER.match(after))


def _total_amount(sentence: _Sentence, stated: Sequence[Amount]) -> Amount | None:
    word = _TOTAL.search(sentence.text)
    if word is None and [mention.quantity for mention in sentence.mentions] != [1]:
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


def _pairs(mentions: Sequence[Mention], amounts: Sequence[Amount]) -> dict[Amount, Mention]:
    """Several names and as many prices, in a plain order: name price name price, or names first and prices after."""
    if len(mentions) != len(amounts) or len(mentions) < 2:
        return {}
    order = "".join(kind for _, kind in sorted([(m.start, "m") for m in mentions] + [(a.start, "a") for a in amounts]))
    count = len(mentions)
    plain = ("ma" * count, "am" * count, "m" * count + "a" * count)
    return dict(zip(amounts, mentions, strict=True)) if order in plain else {}


def _candidates(sentence: _Sentence, amount: Amount, earlier: Sequence[Mention], catalog: Catalog) -> list[Mention]:
    """The products that a price may belong to, the likeliest first."""
    start, end = _clause(sentence, amount)
    inside = [m for m in sentence.mentions if start <= m.start < end]
    if inside:
        return sorted(inside, key=lambda m: _distance(m, amount))
    clause = sentence.text[start - sentence.start : end - sentence.start]
    named = [category for category in CATEGORIES if category_noun(clause, category)]
    if named:  # "the tent" is a tent that was named, or nothing we can tell
        near = [*earlier, *sentence.mentions][::-1]
        return [m for m in near if catalog.get(m.sku).category in named]
    if not sentence.mentions:
        spoken_of = [m for m in earlier if category_noun(sentence.text, catalog.get(m.sku).category)]
        return (spoken_of or list(earlier))[::-1]
    lead = sentence.text[start - sentence.start : amount.start - sentence.start]
    following = [m for m in sentence.mentions if m.start > amount.end]
    preceding = [m for m in reversed(sentence.mentions) if m.end <= amount.start]
    if _LEADS.match(lead) and following:
        return following + preceding
    return preceding + following


def _clause(sentence: _Sentence, amount: Amount) -> tuple[int, int]:
    start, end = sentence.start, sentence.start + len(sentence.text)
    for match in _CLAUSE.finditer(sentence.text):
        at, to = sentence.start + match.start(), sentence.start + match.end()
        if any(a.start <= at < a.end for a in sentence.amounts):
            continue  # the comma of 1,049 and the "and" of two hundred and nine
        if to <= amount.start:
            start = max(start, to)
        elif at >= amount.end:
            end = min(end, at)
    return start, end


def _distance(mention: Mention, amount: Amount) -> int:
    return max(amount.start - mention.end, mention.start - amount.end)


def _claim(sentence: _Sentence, amount: Amount, candidates: Sequence[Mention], catalog: Catalog) -> Claim:
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


def _total_claim(sentence: _Sentence, amount: Amount, earlier: Sequence[Mention], catalog: Catalog) -> Claim:
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
