"""Find products by words: plain counting, nothing learned, so that every hit can say why it is one.

A word of the query counts by where the product has it: in its name most, then in what kind of thing it is, then
in its description and features, least in its facts; words that stand together count once more. The plural is the
singular, a rucksack is a backpack. When words of the query fit nothing at all, the others decide; of equals the
cheaper comes first. Meaning is not understood: "for minus ten" finds what says so, not what would do.

>>> from contoso_lab.shop.catalog import Catalog
>>> [hit.product.name for hit in search("two burner stove", Catalog.load())]
['Hearth Stove', 'Spark Stove']
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import NamedTuple

from contoso_lab.shop.catalog import Product
from contoso_lab.shop.mentions import NOUNS
from contoso_lab.shop.money import spoken_number

_ALSO = {
    "cooker": "stove", "pack": "backpack", "raincoat": "jacket", "rucksack": "backpack", "trouser": "pant",
}  # fmt: skip
"""What customers say for it, and what our shelf says."""
_TOGETHER = 1.0
_WEIGHTS = {"name": 6.0, "kind": 4.0, "words": 2.0, "facts": 1.0}
_IDLE = frozenset(
    "a about an and any anything are at best can cheap cheaper cheapest do does dollar find for from get good have i "
    "in is it like looking me my need nice of on one or our please product recommend show some something than that "
    "the thing this to under us usd want we what which will with would you your".split()
)
"""Words that say nothing of a product."""
_MANY_FIT = 0.5
"""A hit with less than this share of the best one's points is none."""


class Hit(NamedTuple):
    """A product that fits."""

    product: Product
    points: float
    words: tuple[str, ...]
    """The words of the query that it has."""

    @property
    def named(self) -> bool:
        """The query says this product's name."""
        return set(_words(self.product.name)).issubset(self.words)


def search(query: str, products: Iterable[Product]) -> list[Hit]:
    """The products that fit, the best first; with no word that says anything, all of them in their order."""
    shelf = list(products)
    wanted = list(dict.fromkeys(word for word in _words(query) if word not in _IDLE))
    if not wanted:
        return [Hit(product, 0.0, ()) for product in shelf]
    sheets = [(product, _sheet(product)) for product in shelf]
    hits = []
    for product, sheet in sheets:
        points = {word: point for word in wanted if (point := _points(word, sheet)) > 0}
        if points:
            # A word that few products have says more than one that most have.
            rare = sum(point / _spread(word, sheets) for word, point in points.items())
            rare += _TOGETHER * sum(f"{one} {two}" in sheet["pairs"] for one, two in pairwise(wanted))
            hits.append(Hit(product, rare * len(points) / len(wanted), tuple(points)))
    best = max((hit.points for hit in hits), default=0.0)
    hits = [hit for hit in hits if hit.points >= _MANY_FIT * best]
    return sorted(hits, key=lambda hit: (-round(hit.points, 6), hit.product.price_usd))


_Sheet = Mapping[str, frozenset[str]]


def _points(word: str, sheet: _Sheet) -> float:
    return max((weight for part, weight in _WEIGHTS.items() if word in sheet[part]), default=0.0)


def _spread(word: str, sheets: list[tuple[Product, _Sheet]]) -> float:
    """How common a word is: 1 for a word of one product, more for others, growing slowly."""
    count = sum(_points(word, sheet) > 0 for _, sheet in sheets)
    return float(count**0.5)


def _sheet(product: Product) -> _Sheet:
    """The words of a product, by where they stand."""
    described = [product.name, product.description, product.brand, *product.features]
    said = frozenset(word for text in described for word in _words(text))
    # A shirt is no jacket, though the shop has both under one roof: of a category's nouns only its own count.
    nouns = [noun for noun in NOUNS.get(product.category, ()) if said.issuperset(_words(noun))]
    if product.sleeps is not None:
        described.append(f"sleeps {product.sleeps} person people")
    return {
        "name": frozenset(_words(f"{product.name} {product.sku}")),
        "kind": frozenset(_words(" ".join([product.category, *nouns]))),
        "words": frozenset(_words(" ".join(described))),
        "facts": frozenset(_words(" ".join([*product.facts, *product.facts.values()]))),
        "pairs": frozenset(f"{one} {two}" for text in described for one, two in pairwise(_words(text))),
    }


def _words(text: str) -> list[str]:
    text = re.sub(r"\bminus\s+(?=\w)", " -", text.lower())
    found = re.findall(r"[a-z]{3}-\d{2}\b|(?<!\w)-?\d+|(?<!\w)-?[a-z]+|[a-z]+|\d+", text)
    return [_ALSO.get(word, word) for word in map(_singular, found)]


def _singular(word: str) -> str:
    """A word without its plural, and a number in digits.

    >>> _singular("tents"), _singular("boots"), _singular("dress"), _singular("four")
    ('tent', 'boot', 'dress', '4')
    """
    minus, word = ("-", word[1:]) if word.startswith("-") else ("", word)
    if (number := spoken_number([word])) is not None:
        return f"{minus}{number}"
    if word.isdigit():
        return f"{minus}{word}"
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us")):
        return word.removesuffix("s")
    return word
