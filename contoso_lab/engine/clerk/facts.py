"""Find and say the facts of the catalogue: "weight: 6.1 kg" becomes "weighs 6.1 kilograms".

Matters that no concept covers are found by the words of their key and said plainly. Nothing is said that does
not stand in a fact, except the same amount in another unit.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from contoso_lab.engine.clerk.briefing import Fact, Product
from contoso_lab.engine.clerk.concepts import CONCEPTS, aloud

KILOGRAMS_PER_POUND = 0.45359237
"""International avoirdupois pound (1959)."""

_BY_NAME = {concept.name: concept for concept in CONCEPTS}
_SIZE = ("people", "seats", "capacity", "floor space", "size", "sizes")


def topics(clause: str, products: Iterable[Product]) -> tuple[str, ...]:
    """The matters that a plain clause asks about, in the order in which they come up.

    A name is that of a concept, "price", or the key of a fact that the catalogue holds and no concept covers.
    """
    hits: dict[str, int] = {}
    if found := re.search(
        r"\bpric\w+|\bcosts?\b|\bhow much (?:is|are|was|would|for)\b|\bexpensive\b|\bhow much @|"
        r"\bhow much money|\b(?:and )?how much$",
        clause,
    ):
        hits["price"] = found.start()
    for concept in CONCEPTS:
        if found := re.search(concept.asked, clause):
            hits[concept.name] = found.start()
    if not hits and (
        found := re.search(r"\bhow (?:big|large|small)\b|\bwhat size\b|\bbig is\b|\bdimensions\b|\bmeasure", clause)
    ):
        hits |= {name: found.start() + at for at, name in enumerate(_SIZE)}
    covered = re.compile("|".join(concept.keys for concept in CONCEPTS), re.IGNORECASE)
    for key in dict.fromkeys(fact.key for product in products for fact in product.facts if not covered.match(fact.key)):
        if found := re.search(rf"\b{re.escape(key)}", clause):
            hits[key] = found.start()
    if "weight" in hits and "load" in hits:
        del hits["weight"]
    return tuple(sorted(hits, key=lambda name: hits[name]))


def known(product: Product, topic: str) -> Fact | None:
    """The fact of a product that settles a topic, or None when the catalogue is silent."""
    concept = _BY_NAME.get(topic)
    return product.fact(concept.keys if concept else re.escape(topic) + "$")


def predicate(product: Product, topic: str) -> str | None:
    """What the catalogue says on a topic, as the end of a sentence: "weighs 6.1 kilograms"."""
    fact = known(product, topic)
    if fact is None:
        return None
    concept = _BY_NAME.get(topic)
    return concept.say(fact) if concept else f"its {fact.key} is {aloud(fact.value)}"


def is_size(names: tuple[str, ...]) -> bool:
    """Whether the topics are the bundle that "how big is it?" stands for."""
    return names == _SIZE


def pounds(kilograms: float) -> str:
    """Kilograms as pounds, to one place.

    >>> pounds(6.1)
    '13.4'
    """
    return f"{kilograms / KILOGRAMS_PER_POUND:.1f}"


def fahrenheit(celsius: float) -> str:
    """Degrees Celsius as whole degrees Fahrenheit, in words fit for speech.

    >>> fahrenheit(-20)
    'minus 4'
    """
    value = round(celsius * 9 / 5 + 32)
    return f"minus {-value}" if value < 0 else str(value)
