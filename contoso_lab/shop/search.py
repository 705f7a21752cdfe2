"""Find products by words: BM25 over what is said of each, spelling forgiven, and every hit says why it is one.

A word counts by where a product has it: in its name and aliases most, then in what kind of thing it is, then in its
description and features, least in its facts and its story; how rare it is, BM25 knows (`bm25s`). A word that no
product has is taken for the nearest ones that some have (`rapidfuzz`). Words that stand together count once more, and
the more of a query's words fit the better. Wishes that figures can answer are held against the figures: a limit of
price, for how many persons, down to which cold. Of equals the cheaper comes first.

>>> from contoso_lab.shop.catalog import Catalog
>>> [(hit.product.name, hit.words) for hit in search("two burnr stove", Catalog.load())]
[('Hearth Stove', ('2', 'burnr', 'stove')), ('Spark Stove', ('2', 'burnr', 'stove'))]
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

import bm25s
import numpy as np
from rapidfuzz import process
from rapidfuzz.distance import OSA

from contoso_lab.shop.catalog import Catalog
from contoso_lab.shop.product import Product
from contoso_lab.shop.words import Wishes, is_idle, read_query, words

_WEIGHTS = {"name": 3.0, "kind": 3.0, "words": 1.5, "rest": 0.7}
_TOGETHER = 1.0
_OTHER_KIND = 0.25
"""What is left of the points of a thing that is not of the kind the query names: a tent for two is no stove for two."""
_FITS = 4.0
"""What it counts that a figure suits a wish."""
_MANY_FIT = 0.4
"""A hit with less than this share of the best one's points is none, unless it is of the kind that was asked for."""
_ALIKE = 0.76
"""How near another spelling has to be: one slip in a word of five letters."""
_BEGINS = 0.6
"""What the beginning of a longer word counts, as in "sleep" for "sleeping"."""


class Hit(NamedTuple):
    """A product that fits."""

    product: Product
    points: float
    words: tuple[str, ...]
    """The words of the query that it has."""

    @property
    def named(self) -> bool:
        """The query says this product's name."""
        return set(words(self.product.name)).issubset(self.words)


def search(query: str, products: Iterable[Product]) -> list[Hit]:
    """The products that fit, the best first; with no word that says anything, all of them in their order.

    A catalogue keeps its index, so searching it again is quick; `Catalog.search` is the same.
    """
    return (products.index if isinstance(products, Catalog) else Index(products)).find(query)


class Index:
    """What a search looks into: made once for a catalogue, and not changed."""

    def __init__(self, products: Iterable[Product]) -> None:
        self._products = tuple(products)
        names = products.category_names if isinstance(products, Catalog) else _own_name
        sheets = _sheets(self._products, names)
        self._fields: dict[str, bm25s.BM25] = {}
        self._vocabulary: dict[str, None] = {}
        for field in _WEIGHTS:
            # Only present words: an empty field of every product would leave nothing to index.
            tokens = [list(sheet[field]) or [""] for sheet in sheets]
            self._fields[field] = bm25s.BM25(k1=1.2, b=0.3)
            self._fields[field].index(tokens, show_progress=False)
            self._vocabulary |= dict.fromkeys(word for words_ in tokens for word in words_ if word)
        self._kinds = [frozenset((*sheet["kind"], *sheet["name"])) for sheet in sheets]
        self._nouns = frozenset(
            frozenset(word for word in words(name, pairs_only=True) if not is_idle(word))
            for category in dict.fromkeys(one.category for one in self._products)
            for name in (category, *names(category))
        )
        self._pairs = [frozenset(pairwise([*sheet["name"], "", *sheet["words"]])) for sheet in sheets]
        self._room = [_number(product, "sleeps", "seats") for product in self._products]
        self._cold = [_number(product, "comfort", "warm down to") for product in self._products]
        self._skus = {_compact(product.sku): at for at, product in enumerate(self._products)}
        self._known = functools.lru_cache(maxsize=2048)(self._scores)

    def find(
        self, query: str, keep: Callable[[Product], bool] | None = None, *, most: float | None = None
    ) -> list[Hit]:
        """The products that fit a query.

        Args:
            keep: only products of which this is true.
            most: the most that one may cost, beside what the query says of it.
        """
        if named := self._by_sku(query):
            return [hit for hit in named if keep is None or keep(hit.product)]
        asked, wishes = read_query(query)
        open_to = [at for at, one in enumerate(self._products) if keep is None or keep(one)]
        wanted = self._joined(list(dict.fromkeys(asked)))
        if not wanted:
            hits = [Hit(self._products[at], 0.0, ()) for at in open_to]
            hits = [hit for hit in hits if _affordable(hit.product, wishes, most)]
            return _in_order(hits, wishes) if wishes.cheap_first or wishes.dear_first else hits
        by_word = {word: self._known(word) for word in wanted}
        kinds = self._kinds_named(by_word)
        found: list[tuple[Hit, bool]] = []
        for at in open_to:
            product = self._products[at]
            had = {word: float(scores[at]) for word, scores in by_word.items() if scores[at] > 0}
            if had:
                points = sum(had.values()) * len(had) / len(wanted)
                points += _TOGETHER * sum(pair in self._pairs[at] for pair in pairwise(wanted))
                points += _FITS * self._suits(at, wishes)
                of_kind = not kinds.isdisjoint(self._kinds[at])
                points *= 1 if of_kind or not kinds else _OTHER_KIND
                found.append((Hit(product, points, tuple(had)), of_kind))
        best = max((hit.points for hit, _ in found), default=0.0)
        good = [hit for hit, of_kind in found if of_kind or hit.points >= _MANY_FIT * best]
        # The price comes last: what is too dear still shows how well a thing has to fit.
        return _in_order([hit for hit in good if _affordable(hit.product, wishes, most)], wishes)

    def _suits(self, at: int, wishes: Wishes) -> float:
        """How well a product's figures answer the wishes: 1 for exactly, less for more than is needed."""
        suits = 0.0
        if wishes.persons is not None and (room := self._room[at]) is not None:
            suits += 1 / (1 + (room - wishes.persons) / 2) if room >= wishes.persons else 0
        if wishes.cold_c is not None and (cold := self._cold[at]) is not None:
            suits += 1 / (1 + (wishes.cold_c - cold) / 20) if cold <= wishes.cold_c else 0
        return suits

    def _by_sku(self, query: str) -> list[Hit]:
        parts = query.split()
        spelled = {_compact(part): part for part in parts} | {
            _compact(one + two): f"{one} {two}" for one, two in pairwise(parts)
        }
        return [
            Hit(self._products[self._skus[sku]], 100.0, (as_said,))
            for sku, as_said in spelled.items()
            if sku in self._skus and any(sign.isdigit() for sign in sku)
        ]

    def _joined(self, asked: list[str]) -> list[str]:
        """Words written apart that we write as one, "rain coat", and the other way round."""
        found: list[str] = []
        at = 0
        while at < len(asked):
            both = "".join(asked[at : at + 2])
            if at + 1 < len(asked) and both in self._vocabulary and both.isalpha():
                found.append(both)
                at += 2
                continue
            found += self._split(asked[at]) if asked[at] not in self._vocabulary else [asked[at]]
            at += 1
        return list(dict.fromkeys(found))

    def _split(self, word: str) -> list[str]:
        for cut in range(4, len(word) - 2):
            if word[:cut] in self._vocabulary and word[cut:] in self._vocabulary:
                return [word[:cut], word[cut:]]
        return [word]

    def _scores(self, word: str) -> np.ndarray:
        """What a word counts for each product."""
        total = np.zeros(len(self._products))
        for near, share in self._nearest(word):
            for field, weight in _WEIGHTS.items():
                # Where two spellings fit one product, it has the word once.
                total = np.maximum(total, share * weight * self._fields[field].get_scores([near]))
        return total

    def _kinds_named(self, by_word: dict[str, np.ndarray]) -> frozenset[str]:
        """The words of a query that name a kind of thing; they are made to say the same of all its things."""
        near = {one: word for word in by_word for one, _ in self._nearest(word)}
        named = frozenset(word for noun in self._nouns if noun and noun.issubset(near) for word in noun)
        for word in {near[one] for one in named}:
            scores = by_word[word]
            by_word[word] = np.where(scores > 0, scores.max(), 0.0)  # each tent is as much a tent as the others
        return named

    def _nearest(self, word: str) -> Sequence[tuple[str, float]]:
        if word in self._vocabulary:
            return [(word, 1.0)]
        if len(word) < 4 or not word.isalpha():
            return []
        begins = [(one, _BEGINS) for one in self._vocabulary if one.startswith(word) or _stem_of(one, word)]
        alike = process.extract(
            word, list(self._vocabulary), scorer=OSA.normalized_similarity, score_cutoff=_ALIKE, limit=3
        )
        return [*begins, *((one, score**2) for one, score, _ in alike if len(one) > 3)]


def _stem_of(shorter: str, longer: str) -> bool:
    return len(shorter) >= 4 and longer.startswith(shorter) and len(longer) - len(shorter) <= 3


def _sheets(products: Sequence[Product], names: Callable[[str], Sequence[str]]) -> list[dict[str, tuple[str, ...]]]:
    """The words of each product, by where they stand."""
    own = [_words([product.name, product.description]) for product in products]
    by_category: dict[str, set[str]] = {}
    for product, said in zip(products, own, strict=True):
        by_category.setdefault(product.category, set()).update(said)
    sheets = []
    for product, said in zip(products, own, strict=True):
        kind = [word for name in (product.category, *names(product.category)) for word in _words([name])]  # fmt: skip
        # A shirt is no jacket, though the shop has both under one roof: a noun that some of a category say of
        # themselves is theirs alone.
        kind = [word for word in kind if word in said or word not in by_category[product.category]]
        persons = [] if product.sleeps is None else [str(product.sleeps), "person"]
        facts = [text for key, value in product.facts.items() for text in (key, value)]
        sheets.append(
            {
                "name": _words(product.names(), product.sku),
                "kind": tuple(dict.fromkeys(kind)),
                "words": (*_words([product.description, product.brand, *product.features]), *persons),
                "rest": _words([*facts, product.story]),
            }
        )
    return sheets


def _words(texts: Iterable[str], *more: str) -> tuple[str, ...]:
    return tuple(word for text in (*texts, *more) for word in words(text) if not is_idle(word))


def _own_name(category: str) -> tuple[str, ...]:
    return (category,)


def _affordable(product: Product, wishes: Wishes, most: float | None) -> bool:
    return (
        (wishes.most is None or product.amount <= wishes.most)
        and (wishes.least is None or product.amount >= wishes.least)
        and (most is None or product.amount <= most)
    )


def _number(product: Product, *keys: str) -> float | None:
    specs = product.specs
    found = next((specs[key] for key in keys if key in specs), None)
    return found.value if found is not None and isinstance(found.value, float) else None


def _in_order(hits: list[Hit], wishes: Wishes) -> list[Hit]:
    if wishes.cheap_first or wishes.dear_first:
        return sorted(hits, key=lambda hit: -hit.product.amount if wishes.dear_first else hit.product.amount)
    return sorted(hits, key=lambda hit: (-round(hit.points, 6), hit.product.amount))


def _compact(sku: str) -> str:
    return "".join(sign for sign in sku.lower() if sign.isalnum())
