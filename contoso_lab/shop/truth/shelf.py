"""The products among which something is said to be the first: "tents", "winter sleeping bags", "boots"."""

from __future__ import annotations

import re
from dataclasses import dataclass

from contoso_lab.shop.catalog import Catalog, Product
from contoso_lab.shop.mentions import FOREIGN_NOUNS, NOUNS
from contoso_lab.shop.money import NUMBER_WORDS


@dataclass(frozen=True, slots=True)
class Shelf:
    """The products among which something is said to be the first, and how they are called."""

    products: tuple[Product, ...]
    called: str


def shelf(words: str, catalog: Catalog) -> Shelf | None:
    """The products that a noun speaks of: "two-person tent", "sleeping bags", "boots"; None when it names none.

    >>> found = shelf("winter sleeping bag", Catalog.load())
    >>> found.called, [product.sku for product in found.products]
    ('winter sleeping bag', ['SLE-03'])
    """
    categories = tuple(dict.fromkeys(product.category for product in catalog))
    for category in categories:
        nouns = [*NOUNS.get(category, (category.rstrip("s").lower(),)), *FOREIGN_NOUNS.get(category, ())]
        for noun in nouns:
            edge = "" if re.match(r"[^\x00-ɏ]", noun) else r"\b"
            if found := re.search(rf"{edge}{noun}s?{edge}", words, re.IGNORECASE):
                products = tuple(product for product in catalog if product.category == category)
                products = _kind(products, noun.removesuffix("s"))
                return _narrow(Shelf(products, found[0]), words[: found.start()])
        if re.search(rf"\b{re.escape(category)}\b", words, re.IGNORECASE):
            return Shelf(tuple(product for product in catalog if product.category == category), category)
    return None


_GENERIC = frozenset({"tent", "backpack", "pack", "rucksack", "stove", "cooker", "bag", "sleeping bag", "table"})


def _kind(products: tuple[Product, ...], noun: str) -> tuple[Product, ...]:
    """Jackets are not all of "Hiking Clothing"."""
    if noun in _GENERIC:
        return products
    of = tuple(p for p in products if re.search(rf"\b{noun}", f"{p.name} {p.description}", re.IGNORECASE))
    return of or products


_PLAIN = frozenset(
    "our the a of all my any hiking camping camp sleeping outdoor single single-wall available current whole "
    "entire in we have is are one that this "
    "trekking also very".split()
)


def _narrow(found: Shelf, before: str) -> Shelf:
    """Keep those of which the words before the noun are true: "family tent", "two-burner stove"."""
    words = re.findall(r"[\w-]+", before.lower())[-3:]
    products = found.products
    called = found.called
    for word in words:
        if word in _PLAIN or word in NUMBER_WORDS:
            continue
        having = tuple(
            p for p in products if word in f"{p.description} {p.name} {' '.join(p.features)} {p.season or ''}".lower()
        )
        if having:
            products, called = having, f"{word} {called}"
    return Shelf(products, called)
