"""Find the products and the kinds of products that a line speaks of.

Names come misheard ("autumn knight", "meadow for"), torn apart ("way farer back pack") or cut short ("the
Polar"). A found name is replaced by a mark (`@at`), so that the words in it are not read a second time:
the Four of a Meadow Four is not a number of people.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from rapidfuzz import fuzz

from contoso_lab.engine.clerk.briefing import Product
from contoso_lab.engine.clerk.listening import plain

_ALIKE = 82.0  # "autumn nite" scores 84 against "autumn night"; "summer bag" 71 against "summer night"
_ONE_WORD_ALIKE = 86.0
_SOUNDS = {
    "for": "four", "fore": "four", "4": "four", "to": "two", "too": "two", "2": "two", "ate": "eight", "8": "eight",
    "nite": "night", "knight": "night", "knights": "night", "nites": "night", "nights": "night", "1": "one",
    "heart": "hearth", "glazier": "glacier", "harbour": "harbor", "wafer": "wayfarer",
}  # fmt: skip
_SYNONYMS = {
    "rucksack": "backpack", "pack": "backpack", "knapsack": "backpack", "trousers": "pants", "coat": "jacket",
    "raincoat": "jacket", "anorak": "jacket", "sneakers": "shoes", "sandals": "shoes", "cooker": "stove",
    "shelter": "tent", "clothes": "clothing", "tee": "shirt", "top": "shirt", "boot": "boots", "shoe": "shoes",
}  # fmt: skip
_EVERYDAY = frozenset(  # words of names that people also use for themselves
    "summer winter autumn spring night day solo two four six eight one table stove tent bag boots shoes jacket shirt "
    "pants backpack daypack roll".split()
)
_PLACES = frozenset("in on at through across near by under to for up".split())
_AFTER_A_NAME = frozenset(
    "and or is are please weigh weighs cost costs versus vs too instead then with be hold have has come for in at to "
    "on do does also as than but would will can could good looks sounds waterproof fit sleep better if".split()
) | {""}
_NUMBERS = frozenset("one two three four five six seven eight nine ten solo".split())


@dataclass(frozen=True, slots=True)
class Mention:
    """A kind of product that was spoken of: "the tent", "4 sleeping bags", "boots"."""

    category: str
    kind: str = ""
    """A narrower word that only some names of the category carry, such as "boots"."""
    many: bool = False
    """Spoken of in the plural where there is a singular: "the tents"."""
    definite: bool = False
    """Spoken of as known: "the tent", "these boots"."""
    quantity: int | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """What a line names, and the line with marks in place of the names."""

    masked: str
    named: tuple[Product, ...]
    mentions: tuple[Mention, ...]
    quantities: tuple[tuple[str, int], ...] = ()
    """How many of a named product, by SKU."""


@lru_cache(maxsize=4096)  # see `asks.understand`
def find(text: str, products: tuple[Product, ...]) -> Found:
    """Find names and kinds in a line, in the order in which they are spoken.

    Args:
        text: the line as it was heard, or already made plain.
        products: the shelf to look on.
    """
    words = plain(text).split()
    masked, named = _mask(words, products)
    line = " ".join(masked)
    for product in named:  # "the Meadow Four tent" speaks of one thing, not of a product and of tents
        for word in _words_of(product, products):
            line = re.sub(rf"({_mark(product, products)}) {word}s?\b", r"\1", line)
    quantities = tuple(
        (product.sku, int(found[1]))
        for product in named
        if (found := re.search(rf"\b(\d+) (?:of the |of those |of |x )?{_mark(product, products)}\b", line))
    )
    return Found(line, named, _mentions(line, products), quantities)


def nearest(text: str, products: tuple[Product, ...], *, least: float = 55.0) -> Product | None:
    """The product whose name sounds most like a text, unless nothing does."""
    sound = _sound(plain(text).split())
    scored = [(fuzz.ratio(sound, _sound(plain(product.name).split())), product) for product in products]
    score, best = max(scored, key=lambda pair: pair[0], default=(0.0, None))
    return best if score >= least else None


def singular(noun: str) -> str:
    """One of many: enough for the words of a shop.

    >>> singular("Sleeping Bags"), singular("Hiking Clothing")
    ('sleeping bag', 'hiking clothing')
    """
    low = noun.lower()
    return low[:-1] if low.endswith("s") and not low.endswith("ss") else low


def kinds(products: tuple[Product, ...]) -> dict[str, str]:
    """Every word that names a kind of product, with its category.

    The words are the catalogue's own: the last word of a category ("bags") and the last word of a name where
    the description says that it is a kind ("Pathfinder Boots", "hiking boots"). Synonyms are English, not facts.
    """
    return dict(_kinds(tuple((p.name, p.category, p.description) for p in products)))


@lru_cache(maxsize=32)  # the same shelf is asked about in every clause of a call
def _kinds(rows: tuple[tuple[str, str, str], ...]) -> tuple[tuple[str, str], ...]:
    found: dict[str, str] = {}
    for name, category, description in rows:
        last = name.split()[-1].lower()
        if last not in _NUMBERS and re.search(rf"\b{re.escape(last)}\b", description.lower()):
            found.setdefault(last, category)
    for _, category, _ in rows:
        last = category.split()[-1].lower()
        found[singular(last)] = category
    for word, canonical in _SYNONYMS.items():
        if canonical in found:
            found.setdefault(word, found[canonical])
    return tuple(found.items())


def canonical_kind(word: str, products: tuple[Product, ...]) -> str:
    """The word that names on the shelf carry for a kind, or "" when the word means the whole category."""
    word = _SYNONYMS.get(word, word)
    carried = {product.name.split()[-1].lower() for product in products}
    heads = {singular(category.split()[-1]) for category in {product.category for product in products}}
    return word if word in carried and word not in heads else ""


def _words_of(product: Product, products: tuple[Product, ...]) -> list[str]:
    own = [word for word, category in kinds(products).items() if category == product.category]
    full = singular(product.category)
    return sorted([full, *own], key=len, reverse=True)


def _sound(words: Sequence[str]) -> str:
    """Words as they sound, run together, so that spelling and spaces do not count."""
    return _fold("".join(_SOUNDS.get(word, word) for word in words))


@lru_cache(maxsize=8192)
def _fold(text: str) -> str:
    for written, heard in (("ph", "f"), ("ght", "t"), ("ck", "k"), ("kn", "n"), ("wh", "w"), ("ie", "y"), ("z", "s")):
        text = text.replace(written, heard)
    return re.sub(r"(.)\1", r"\1", text)


def _mask(words: list[str], products: tuple[Product, ...]) -> tuple[list[str], tuple[Product, ...]]:
    hits: list[tuple[float, int, int, Product]] = []
    for product in products:
        parts = plain(product.name).split()
        target = _sound(parts)
        for size in range(max(2, len(parts) - 1), len(parts) + 2):
            for at in range(len(words) - size + 1):
                window = words[at : at + size]
                score = fuzz.ratio(_sound(window), target)
                if score >= _ALIKE and not _is_a_wish(words, at, size):
                    hits.append((score - abs(size - len(parts)), at, size, product))
        hits.extend(_short(words, parts, product, products))
    taken = [False] * len(words)
    marks: dict[int, Product] = {}
    for _, at, size, product in sorted(hits, key=lambda hit: (-hit[0], hit[1], hit[2])):
        if not any(taken[at : at + size]):
            taken[at : at + size] = [True] * size
            marks[at] = product
    out = [
        _mark(marks[at], products) if at in marks else word
        for at, word in enumerate(words)
        if at in marks or not taken[at]
    ]
    return out, tuple(dict.fromkeys(marks[at] for at in sorted(marks)))


def _mark(product: Product, products: tuple[Product, ...]) -> str:
    """What stands for a product in a masked line: letters only, so that no digit is taken for a number."""
    high, low = divmod(products.index(product), 26)
    return f"@{chr(97 + high)}{chr(97 + low)}" if high < 26 else f"@z{'a' * high}"


def _is_a_wish(words: list[str], at: int, size: int) -> bool:
    """Whether "autumn nights" is a time of the year ("for autumn nights") and not the Autumn Night."""
    before = words[at - 1] if at else ""
    return words[at + size - 1] in ("nights", "days") and before in (
        "for",
        "on",
        "in",
        "during",
        "cold",
        "cool",
        "warm",
    )


def _short(
    words: list[str], parts: list[str], product: Product, products: tuple[Product, ...]
) -> list[tuple[float, int, int, Product]]:
    """A name cut to its one telling word: "the Polar", "that Meadow", "the summer one"."""
    first = parts[0]
    if len(first) < 5 or sum(plain(other.name).split()[0] == first for other in products) > 1:
        return []
    hits: list[tuple[float, int, int, Product]] = []
    own = canonical_kind(parts[-1], products)  # "the Breeze jacket" is not the Breeze Shirt
    nouns = {word for word in _words_of(product, products) if canonical_kind(word, products) in ("", own)}
    nouns |= {f"{noun}s" for noun in nouns} | {"one"}
    for at, word in enumerate(words):
        score = fuzz.ratio(_sound([word]), _sound([first]))
        if score < _ONE_WORD_ALIKE:
            continue
        before = words[at - 1] if at else ""
        place = at >= 2 and words[at - 2] in _PLACES and words[at - 3 : at - 1] != ["go", "for"]
        following = words[at + 1] if at + 1 < len(words) else ""
        told_apart = following in nouns or (following == "sleeping" and "sleeping bag" in nouns)
        introduced = before in ("the", "that", "this", "and", "or", "than", "versus", "with", "of") and not place
        everyday = first in _EVERYDAY
        alone = told_apart or following in _AFTER_A_NAME  # "the Summit Breeze" is something else
        if (introduced and alone and (not everyday or told_apart)) or (told_apart and not everyday):
            hits.append((score - 10, at, 1, product))
    return hits


def _mentions(line: str, products: tuple[Product, ...]) -> tuple[Mention, ...]:
    by_word = kinds(products)
    if not by_word:
        return ()
    spoken = sorted({form for word in by_word for form in (word, word + "s")}, key=len, reverse=True)
    pattern = re.compile(
        r"\b(?:(?P<the>the|this|that|these|those|my|your)\s+)?(?:(?P<n>\d+)\s+)?"
        r"(?P<adjectives>(?:(?!the\b|a\b|and\b|or\b|for\b|with\b|of\b|than\b|not\b|is\b|"
        r"to\b)[a-z]+\s+){0,3}?)"
        r"(?P<kind>" + "|".join(map(re.escape, spoken)) + r")\b(?!\s+(?:down|up|size))"
    )
    found: list[Mention] = []
    for hit in pattern.finditer(line):
        word = hit["kind"] if hit["kind"] in by_word else hit["kind"][:-1]
        people = re.match(r"(?:person|people|man|adult)", hit["adjectives"])
        quantity = int(hit["n"]) if hit["n"] and not people else None
        definite = bool(hit["the"]) and not re.search(
            r"\b(?:other|cheapest|lightest|best|biggest)\b", hit["adjectives"]
        )
        many = hit["kind"] != word
        found.append(Mention(by_word[word], canonical_kind(word, products), many, definite, quantity))
    return tuple(dict.fromkeys(found))
