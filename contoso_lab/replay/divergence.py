"""Whether an answer is still the recorded one, by rules that give the same verdict every time.

Two answers are the same when they name the same products, do the same thing (ask, tell a price, show, say goodbye, say
sorry) and their words are alike. Words are compared by `rapidfuzz.fuzz.token_set_ratio` of normalised text: 1 when one
holds all words of the other, about 0.4 for unrelated English sentences. The measure is crude on purpose: a model that
judges would have to be calibrated first, and would not give the same verdict twice.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from rapidfuzz import fuzz

from contoso_lab.shop.catalog import Catalog
from contoso_lab.shop.mentions import find_mentions

_INTENTS = {
    "asks": re.compile(r"[?？]"),
    "prices": re.compile(r"[$€£¥]|\b(?:dollars?|euros?|pounds?|costs?|price[ds]?)\b", re.IGNORECASE),
    "shows": re.compile(r"\bscreen\b|\bshow(?:s|ed|ing)? you\b", re.IGNORECASE),
    "apologises": re.compile(
        r"\b(?:sorry|apologi[sz]e|unfortunately)\b|\b(?:do not|don't|cannot|can't) know\b", re.IGNORECASE
    ),
    "ends": re.compile(r"\b(?:goodbye|good bye|bye|have a (?:good|nice|great))\b", re.IGNORECASE),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Divergence:
    """When an answer counts as another one.

    >>> check = Divergence()
    >>> check.between("The Meadow Four costs $279.", "The Meadow Four is $279, and it sleeps four.").diverged
    False
    >>> print(check.between("The Meadow Four costs $279.", "The Harbor Two costs $189."))
    another answer: names Harbor Two and not Meadow Four; 65 % alike
    """

    threshold: float = 0.5
    """Words that are less alike than this (0 to 1) make another answer; 0 never does."""
    products: bool = True
    """Other products make another answer."""
    intents: bool = True
    """Another intent makes another answer."""

    def between(self, recorded: str, again: str, catalog: Catalog | None = None) -> Compared:
        """Compare two answers.

        Args:
            recorded: what was said in the recording.
            again: what is said now.
            catalog: whose products are looked for; the one in use unless given.
        """
        shop = catalog or Catalog.load()
        before, now = products_in(recorded, shop), products_in(again, shop)
        did, does = intents_of(recorded), intents_of(again)
        alike = 1.0 if recorded == again else fuzz.token_set_ratio(normalised(recorded), normalised(again)) / 100
        why = []
        if self.products and before != now:
            new, gone = sorted(map(shop.name_of, now - before)), sorted(map(shop.name_of, before - now))
            names = f"names {', '.join(new)}" if new else ""
            misses = f"{'and not' if new else 'does not name'} {', '.join(gone)}" if gone else ""
            why.append(" ".join(filter(None, (names, misses))))
        if self.intents and did != does:
            new, gone = sorted(does - did), sorted(did - does)
            why.append(", ".join([*new, *(f"no longer {each}" for each in gone)]))
        if alike < self.threshold:
            why.append("other words")
        return Compared(bool(why), round(alike, 4), "; ".join(why))


@dataclass(frozen=True, slots=True)
class Compared:
    """What a comparison found."""

    diverged: bool
    similarity: float
    """Of the words, 0 to 1."""
    why: str
    """Empty for the same answer."""

    def __str__(self) -> str:
        what = f"another answer: {self.why}" if self.diverged else "the same answer"
        return f"{what}; {100 * self.similarity:.0f} % alike"


def products_in(text: str, catalog: Catalog) -> frozenset[str]:
    """The SKUs that a text names."""
    return frozenset(mention.sku for mention in find_mentions(text, catalog))


def intents_of(text: str) -> frozenset[str]:
    """What an answer does, as far as English words and question marks tell.

    >>> sorted(intents_of("Sorry, it costs $20. Shall I show it on your screen?"))
    ['apologises', 'asks', 'prices', 'shows']
    """
    return frozenset(name for name, pattern in _INTENTS.items() if pattern.search(text))


def normalised(text: str) -> str:
    """A text without case, accents and marks, one space between words.

    >>> normalised("  The Café's  price: $5!")
    'the cafe s price 5'
    """
    plain = unicodedata.normalize("NFKD", text.casefold())
    return " ".join(re.findall(r"\w+", "".join(char for char in plain if not unicodedata.combining(char))))
