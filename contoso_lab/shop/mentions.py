"""Where a text names a product: by SKU, by name, or by the part of the name that only this product has."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass

from contoso_lab.shop.catalog import Catalog, Product
from contoso_lab.shop.money import NUMBER_WORDS, spoken_number

NOUNS: dict[str, tuple[str, ...]] = {
    "Tents": ("tent",),
    "Backpacks": ("backpack", "daypack", "pack", "rucksack"),
    "Hiking Clothing": ("jacket", "shirt", "pants", "trousers"),
    "Hiking Footwear": ("boots", "boot", "shoes", "shoe"),
    "Camping Tables": ("table",),
    "Camping Stoves": ("stove", "cooker"),
    "Sleeping Bags": ("sleeping bag", "bag"),
}
"""What people call the things of a category; the plural is understood."""

_STARTS = re.compile(r"(?:^|[.!?:]\s+|\n\s*)$")
_VERB_NEXT = re.compile(
    r"\s*(?:[,:;(*|–—-]|(?:is|costs?|has|at|for|weighs|would|will|comes|sleeps|offers|suits|and|or)\b)"
)
_ORDINARY = re.compile(r"\b(?:a|an|one|on|every|each|any|cold|warm|cool|this|that|last|next)\s+$", re.IGNORECASE)
_QUANTITY = re.compile(
    r"(?<![$\d.,-])\b(?P<n>\d{1,2}|[a-z]+)\s*(?:x|×)?\s*(?:of\s+(?:the|our|these)\s+)?$", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Mention:
    """A product, named at a place in a text."""

    sku: str
    start: int
    end: int
    quantity: int = 1
    """How many of it, when the words before say so."""


def find_mentions(text: str, catalog: Catalog, *, loose: bool = False) -> list[Mention]:
    """All places where a text names a product, in order.

    Args:
        loose: take "the jacket" for the only jacket of the catalogue. Right where prices are at stake, wrong where
            a customer may speak of the jacket at home.

    >>> [m.sku for m in find_mentions("The Lodge is bigger than TEN-02.", Catalog.load())]
    ['TEN-04', 'TEN-02']
    """
    found: list[Mention] = []
    for match in _pattern(catalog).finditer(text):
        kind, sku = str(match.lastgroup).split("_", 1)
        sku = sku.replace("_", "-")
        if _is_mention(kind, match, text, loose):
            found.append(Mention(sku, match.start(), match.end(), _quantity(text[: match.start()])))
    return _merged(found, text)


def category_noun(text: str, category: str) -> bool:
    """Whether a text speaks of the things of a category: "the tent"."""
    return any(re.search(rf"\b{noun}s?\b", text, re.IGNORECASE) for noun in NOUNS.get(category, ()))


def _is_mention(kind: str, match: re.Match[str], text: str, loose: bool) -> bool:
    words, before = match[0], text[: match.start()]
    match kind:
        case "sku":
            return True
        case "name":
            # "On a warm summer night" is weather; with capitals it is the sleeping bag.
            return words != words.lower() or not _ORDINARY.search(before)
        case "noun":
            return True
        case "first":
            if not words[0].isupper():
                return False
            # A capital at the start of a sentence says nothing; a verb or a bracket after it does.
            return not _STARTS.search(before) or _VERB_NEXT.match(text[match.end() :]) is not None
        case _:
            return loose


def _quantity(before: str) -> int:
    match = _QUANTITY.search(before)
    if match is None:
        return 1
    word = match["n"].lower()
    number = int(word) if word.isdigit() else spoken_number([word]) if word in NUMBER_WORDS else None
    return number if number and number <= 20 else 1


def _merged(found: list[Mention], text: str) -> list[Mention]:
    """Count "Meadow Four (TEN-02)" as one mention."""
    merged: list[Mention] = []
    for mention in found:
        last = merged[-1] if merged else None
        if last and last.sku == mention.sku and not re.search(r"\w", text[last.end : mention.start]):
            merged[-1] = Mention(last.sku, last.start, mention.end, last.quantity)
        else:
            merged.append(mention)
    return merged


@functools.lru_cache(maxsize=8)
def _pattern(catalog: Catalog) -> re.Pattern[str]:
    """One expression with a group per product and kind; longer forms stand before shorter ones."""
    firsts = [product.name.split()[0].lower() for product in catalog]
    lasts = [product.name.split()[-1].lower() for product in catalog]
    groups: dict[str, list[str]] = {"sku": [], "name": [], "noun": [], "first": [], "last": []}
    for product in catalog:
        group = product.sku.replace("-", "_")
        groups["sku"].append(rf"(?P<sku_{group}>\b{re.escape(product.sku)}\b)")
        name = r"[\s-]+".join(map(re.escape, product.name.split()))
        groups["name"].append(rf"(?P<name_{group}>\b{name}s?\b)")
        first, last = firsts[len(groups["sku"]) - 1], lasts[len(groups["sku"]) - 1]
        if firsts.count(first) == 1 and first not in NUMBER_WORDS:
            nouns = "|".join(noun.replace(" ", r"\s+") for noun in NOUNS.get(product.category, ()))
            if nouns:
                groups["noun"].append(rf"(?P<noun_{group}>\b{re.escape(first)}\s+(?:{nouns})s?\b)")
            groups["first"].append(rf"(?P<first_{group}>\b{re.escape(first)}s?\b)")
        if lasts.count(last) == 1 and _is_noun(last, product):
            groups["last"].append(rf"(?P<last_{group}>\b{re.escape(last)}s?\b)")
    return re.compile("|".join(part for parts in groups.values() for part in parts), re.IGNORECASE)


def _is_noun(word: str, product: Product) -> bool:
    return any(word in noun.split() for noun in NOUNS.get(product.category, ()))
