"""A text as sentences: each with the products it names, its figures, and what was spoken of before."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from contoso_lab.shop.catalog import Catalog
from contoso_lab.shop.mentions import Mention, category_noun, find_mentions
from contoso_lab.shop.money import Amount, find_amounts
from contoso_lab.shop.truth.finding import Medium
from contoso_lab.shop.truth.units import DOLLARS, FOREIGN, OURS, Quantity, blanked, find_quantities, in_currency

SENTENCE = re.compile(r"[^.!?。！？\n]+(?:[.!?](?=[^\s*)\"”。！？])[^.!?。！？\n]*)*[.!?。！？\n]*")
CLAUSE = re.compile(
    r"[,;:()–—、；：（）|]|\s-\s|\b(?:and|while|but|or|whereas|versus|compared\s+(?:to|with)|than|"
    r"und|aber|oder|während|sondern|als|et|mais|ou|tandis\s+que|y|pero|mientras|sino)\b|が、|けど|一方",
    re.IGNORECASE,
)
_HEADING = re.compile(r"^\s*#{1,6}\s|^\s*\*\*[^*]+\*\*\s*$")
_CARRIED = 4
"""For so many sentences "it" stays the product that was named last."""
_LEADS = re.compile(
    r"^\W*(?:(?:and|but|und|et|y)\s+)?(?:at|for|für|pour|por|à)(?:\s+(?:only|just|nur|seulement|solo))?\s+$",
    re.IGNORECASE,
)


class Spot(Protocol):
    """Something that stands at a place of the text."""

    @property
    def start(self) -> int:
        """Its first letter."""
        ...

    @property
    def end(self) -> int:
        """Behind its last letter."""
        ...


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence and what it is about."""

    start: int
    text: str
    mentions: tuple[Mention, ...]
    quantities: tuple[Quantity, ...]
    amounts: tuple[Amount, ...]
    """Sums of money in the catalogue's currency."""
    earlier: tuple[Mention, ...]
    """What was named last before it; in a page without a name in reach, what the heading names."""

    @property
    def end(self) -> int:
        """Where the next one begins."""
        return self.start + len(self.text)

    def before(self, spot: Spot) -> str:
        """The sentence up to a place."""
        return self.text[: max(0, spot.start - self.start)]

    def after(self, spot: Spot) -> str:
        """The sentence from the end of a place on."""
        return self.text[spot.end - self.start :]


@dataclass(frozen=True, slots=True)
class Reading:
    """A text, read."""

    text: str
    language: str
    medium: Medium
    catalog: Catalog
    sentences: tuple[Sentence, ...]


def read(
    text: str, catalog: Catalog, *, language: str = "en", medium: Medium = "text", earlier: Sequence[Mention] = ()
) -> Reading:
    """Read a text.

    Args:
        earlier: the products that were spoken of last, before this text.
    """
    mentions = find_mentions(text, catalog, loose=True, language=language, heard=medium == "speech")
    names = tuple((m.start, m.end) for m in mentions)
    currency = catalog.currency
    quantities = [in_currency(each, currency) for each in find_quantities(text, language, names=names)]
    amounts = _amounts(blanked(text, names), quantities, language, currency)
    sentences: list[Sentence] = []
    before: tuple[Mention, ...] = tuple(earlier)
    heading: tuple[Mention, ...] = ()
    age = 0
    for match in SENTENCE.finditer(text):
        if not match[0].strip():
            continue
        here = tuple(m for m in mentions if match.start() <= m.start < match.end())
        figures = tuple(q for q in quantities if match.start() <= q.start < match.end())
        sums = tuple(a for a in amounts if match.start() <= a.start < match.end())
        sentences.append(Sentence(match.start(), match[0], here, figures, sums, before or heading))
        if medium == "page" and _HEADING.match(match[0]):
            heading = here
        age = 0 if here else age + 1
        if here:
            # An image's alt text and address name one product twice: once is enough.
            before = tuple({m.sku: m for m in here}.values())
        elif age >= _CARRIED:
            before = ()
    return Reading(text, language, medium, catalog, tuple(sentences))


def _amounts(text: str, quantities: Sequence[Quantity], language: str, currency: str) -> list[Amount]:
    found = find_amounts(text) if language == "en" else []
    foreign = [each for each in quantities if each.dimension in FOREIGN]
    found = [
        amount for amount in found
        if (not amount.named or currency in DOLLARS)
        and not any(amount.start < each.end and each.start < amount.end for each in foreign)
    ]  # fmt: skip
    for quantity in quantities:
        if quantity.dimension == OURS and not any(a.start < quantity.end and quantity.start < a.end for a in found):
            found.append(Amount(quantity.start, quantity.end, quantity.value))
    return sorted(found, key=lambda amount: amount.start)


def clause(sentence: Sentence, spot: Spot, keep: Sequence[Spot] = ()) -> tuple[int, int]:
    """The part of a sentence, between commas and conjunctions, in which something stands.

    Args:
        keep: things that hold commas or conjunctions of their own, such as 1,049 and "two hundred and nine".
    """
    start, end = sentence.start, sentence.end
    for match in CLAUSE.finditer(sentence.text):
        at, to = sentence.start + match.start(), sentence.start + match.end()
        if any(one.start <= at < one.end for one in keep) or spot.start <= at < spot.end:
            continue
        if to <= spot.start:
            start = max(start, to)
        elif at >= spot.end:
            end = min(end, at)
    return start, end


def subjects(
    sentence: Sentence, spot: Spot, categories: Sequence[str], catalog: Catalog, keep: Sequence[Spot] = ()
) -> list[Mention]:
    """The products that something may be said of, the likeliest first.

    Args:
        categories: all there are: "the tent" is a tent that was named, or nothing we can tell.
    """
    start, end = clause(sentence, spot, keep)
    inside = [m for m in sentence.mentions if start <= m.start < end]
    if inside:
        return sorted(inside, key=lambda m: max(spot.start - m.end, m.start - spot.end))
    words = sentence.text[start - sentence.start : end - sentence.start]
    named = [category for category in categories if category_noun(words, category)]
    if named:
        near = [*sentence.earlier, *sentence.mentions][::-1]
        return [m for m in near if catalog.get(m.sku).category in named]
    if not sentence.mentions:
        spoken_of = [m for m in sentence.earlier if category_noun(sentence.text, catalog.get(m.sku).category)]
        return (spoken_of or list(sentence.earlier))[::-1]
    lead = sentence.text[start - sentence.start : spot.start - sentence.start]
    following = [m for m in sentence.mentions if m.start > spot.end]
    preceding = [m for m in reversed(sentence.mentions) if m.end <= spot.start]
    if _LEADS.match(lead) and following:
        return following + preceding
    return preceding + following
