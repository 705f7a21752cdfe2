"""Where a text names a product: by SKU, by name or alias, or by the part of the name that only this product has.

In what was heard, names are also found as speech recognition writes them ("summit so low", "harbour two").
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from dataclasses import dataclass
from itertools import takewhile

from rapidfuzz import fuzz, process

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

FOREIGN_NOUNS: dict[str, tuple[str, ...]] = {
    "Tents": ("Zelte?n?", "tente", "tienda", "carpa", "テント"),
    "Backpacks": (
        "Tages?rucksack", "Rucks[aä]cke?", "sac à dos", "sacs à dos",
        "mochila", "バックパック", "リュック", "ザック",
    ),
    "Hiking Clothing": (
        "Jacken?", "Hemd", "Hosen?", "veste", "chemise",
        "pantalon(?:es)?", "chaqueta", "camisa", "ジャケット", "シャツ", "パンツ",
    ),
    "Hiking Footwear": (
        "Stiefeln?", "Schuhe?n?", "bottes?", "chaussures?",
        "botas?", "zapatos?", "ブーツ", "靴", "シューズ",
    ),
    "Camping Tables": ("Tische?n?", "table", "mesa", "テーブル"),
    "Camping Stoves": ("Kochern?", "réchaud", "hornillo", "cocina", "コンロ", "バーナー"),
    "Sleeping Bags": (
        "Schlafs[aä]cke?n?", "sac de couchage", "sacs de couchage",
        "sacos? de dormir", "saco", "寝袋", "シュラフ",
    ),
}  # fmt: skip
"""The same in German, French, Spanish and Japanese, as expressions."""

_FUZZY = 86.0
"""From this likeness (0 to 100, of the letters alone) a name that was heard is taken for a product's."""

_EDGE = re.compile(r"(?<![A-Za-zÀ-ɏ0-9])\S")
_BEGINNING = 3
"""So many letters tell most words from those that begin a product's name."""
_STARTS = re.compile(r"(?:^|[.!?:]\s+|\n\s*)$")
_VERB_NEXT = re.compile(
    r"\s*(?:[,:;(*|–—-]|(?:is|costs?|has|at|for|weighs|would|will|comes|sleeps|offers|suits|and|or)\b)"
)
_ORDINARY = re.compile(r"\b(?:a|an|one|on|every|each|any|cold|warm|cool|this|that|last|next)\s+$", re.IGNORECASE)
_THE = re.compile(r"\b(?:[Tt]he|[Tt]his|[Tt]hat|[Tt]hese|[Tt]hose|[Oo]ur)\s+(?:[a-z]+\s+)?$")
_NAMED = re.compile(
    r"\b(?!(?:The|This|That|These|Our|Your|An?|Two|And|Unsere?\w?|Das|Der|Die|De[nm]|Eine?\w?|Notre|Les?|La|Une?|El|Los|Las|"
    r"Nuestr[oa])\b)[A-Z][a-z]+\s+$"
)
_DESCRIBES = re.compile(
    r"(?:\b(?:is|are|['’]s|as|ist|sind|est|sont|es|son)\s+(?:really\s+)?(?:an?|our|the|eine?|unser\w*|une?|notre|"
    r"un[oa]?|nuestr[oa])|"
    r",\s*(?:an?|eine?|une?|un[oa]?)|['’]s|\b(?:\w+est|most\s+\w+|\w+ste[rsn]?))\s+(?:[\w-]+\s+)?$",
    re.IGNORECASE,
)
_QUANTITY = re.compile(
    r"(?<![$\d.,-])\b(?P<n>\d{1,2}|[a-z]+)\s*(?:x|×)?\s*(?:of\s+(?:the|our|these)\s+)?$", re.IGNORECASE
)
_NEAR = 80  # so many letters before a name can say how many of it; a whole text takes long to look through


@dataclass(frozen=True, slots=True)
class Mention:
    """A product, named at a place in a text."""

    sku: str
    start: int
    end: int
    quantity: int = 1
    """How many of it, when the words before say so."""


def find_mentions(
    text: str, catalog: Catalog, *, loose: bool = False, language: str = "en", heard: bool = False
) -> list[Mention]:
    """All places where a text names a product, in order.

    Args:
        loose: take "the jacket" for the only jacket of the catalogue. Right where prices are at stake, wrong where
            a customer may speak of the jacket at home.
        language: whose aliases count; they describe ("family tent"), so only with `loose`.
        heard: the text is a transcript, and names may be misspelled.

    >>> [m.sku for m in find_mentions("The Lodge is bigger than TEN-02.", Catalog.load())]
    ['TEN-04', 'TEN-02']
    """
    return list(_mentions(text, catalog, loose, language, heard))


@functools.lru_cache(maxsize=128)  # a sentence of a call is asked about by one rule after the other
def _mentions(text: str, catalog: Catalog, loose: bool, language: str, heard: bool) -> tuple[Mention, ...]:
    found: list[Mention] = []
    for match in _matches(text, catalog, language):
        kind, _, number = str(match.lastgroup).partition("_")
        if _is_mention(kind, match, text, loose):
            sku = catalog.products[int(number)].sku
            found.append(Mention(sku, match.start(), match.end(), _quantity(text[: match.start()])))
    if heard:
        found = sorted([*found, *_misheard(text, catalog, found)], key=lambda mention: mention.start)
    return tuple(_merged(found, text))


@functools.lru_cache(maxsize=128)
def _matches(text: str, catalog: Catalog, language: str) -> tuple[re.Match[str], ...]:
    """Where a form of a name stands, whoever asks and for whatever reason."""
    pattern, may_begin = _pattern(catalog, language), _beginnings(catalog, language)
    if may_begin is None:
        return tuple(pattern.finditer(text))
    found: list[re.Match[str]] = []
    behind = 0
    # Trying all forms at each letter of a text takes twenty times as long as looking at the letters.
    for edge in _EDGE.finditer(text):
        at = edge.start()
        if at < behind or not may_begin(text[at : at + _BEGINNING]):
            continue
        if form := pattern.match(text, at):
            found.append(form)
            behind = form.end()
    return tuple(found)


@functools.lru_cache(maxsize=32)
def _beginnings(catalog: Catalog, language: str) -> Callable[[str], bool] | None:
    """Whether a form of `_pattern` may begin with some letters; None when one may begin within a word."""
    forms = {form for p in catalog for form in (p.sku, p.name.split()[-1], *p.names(language))}
    found = set()
    for form in forms:
        begins = "".join(takewhile(str.isascii, form.split()[0][:_BEGINNING].lower()))
        if not begins and (form[0] > "ɏ" or form[0] in "ſıİ"):  # the latter are s and i to who ignores case
            return None
        found.add(begins)

    @functools.lru_cache(maxsize=8192)  # a language has few beginnings, and each text has most of them again
    def may_begin(letters: str) -> bool:
        small = letters.lower()  # those that are not of ASCII may always begin one
        return not letters.isascii() or any(small[:size] in found for size in range(1, len(small) + 1))

    return may_begin


def _misheard(text: str, catalog: Catalog, found: list[Mention]) -> list[Mention]:
    """Names that a recogniser wrote in other words: as many words as the name has, one more or one less."""
    hits: list[tuple[float, Mention]] = []
    for product, start, end, like in _alike(text, catalog):
        if not any(start < m.end and m.start < end for m in found):
            hits.append((like, Mention(product.sku, start, end, _quantity(text[:start]))))
    best: list[Mention] = []
    for _, mention in sorted(hits, key=lambda hit: -hit[0]):
        if not _ORDINARY.search(text[: mention.start]) and not any(
            mention.start < m.end and m.start < mention.end for m in best
        ):
            best.append(mention)
    return best


@functools.lru_cache(maxsize=128)
def _alike(text: str, catalog: Catalog) -> tuple[tuple[Product, int, int, float], ...]:
    """Runs of words that are spelled nearly as a product's name: the product, from where to where, how alike."""
    words = [m for m in re.finditer(r"[^\W_]+(?:['’][^\W_]+)?", text)]
    spelled = [_letters(word[0]) for word in words]
    # One word is too little to be told from others.
    named = [product for product in catalog if len(product.name.split()) > 1]
    longest = 1 + max((len(product.name.split()) for product in named), default=0)
    runs = [(size, at) for size in range(1, longest + 1) for at in range(len(spelled) - size + 1)]
    if not named or not runs:
        return ()
    names = [_letters(product.name) for product in named]
    texts = ["".join(spelled[at : at + size]) for size, at in runs]
    # All pairs at once: one by one, calling costs ten times as much as comparing.
    table = process.cdist(names, texts, scorer=fuzz.ratio, score_cutoff=_FUZZY, dtype="float64")
    found = []
    for row, column in zip(*table.nonzero(), strict=True):
        product, (size, at) = named[row], runs[column]
        if abs(size - len(product.name.split())) <= 1:
            start, end = words[at].start(), words[at + size - 1].end()
            found.append((product, start, end, float(table[row, column])))
    return tuple(found)


@functools.lru_cache(maxsize=4096)
def _letters(word: str) -> str:
    """Letters and digits alone, in small letters: between words of a text there are none of them."""
    return re.sub(r"[\W_]", "", word).lower()


def category_noun(text: str, category: str) -> bool:
    """Whether a text speaks of the things of a category: "the tent"."""
    return _noun_pattern(category).search(text) is not None


@functools.lru_cache(maxsize=64)
def _noun_pattern(category: str) -> re.Pattern[str]:
    # A category of somebody else's catalogue is called by its own name.
    ours = NOUNS.get(category, (re.escape(category.rstrip("s").lower()),))
    nouns = [rf"\b{noun}s?\b" for noun in ours]
    nouns += [
        noun if re.match(r"[^\W\d_a-zA-Z]", noun) else rf"\b{noun}s?\b" for noun in FOREIGN_NOUNS.get(category, ())
    ]
    return re.compile("|".join(nouns), re.IGNORECASE)


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
        case "alias":
            # "It is a family tent" says what it is, "our cheapest two-person tent" ranks it: neither names it.
            # And "the Trailblazer Jacket", "Patagonia jackets" are other ones.
            return loose and not _DESCRIBES.search(before) and not _NAMED.search(before)
        case "first":
            # "The Meadow Six" is none of ours.
            if not words[0].isupper() or re.match(r"\s+(?!I\b)[A-Z]\w*\b", text[match.end() :]):
                return False
            # A capital at the start of a sentence says nothing; a verb or a bracket after it does.
            return not _STARTS.search(before) or _VERB_NEXT.match(text[match.end() :]) is not None
        case _:
            return loose and _THE.search(before) is not None


def _quantity(before: str) -> int:
    match = _QUANTITY.search(before[-_NEAR:])
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


@functools.lru_cache(maxsize=32)
def _pattern(catalog: Catalog, language: str) -> re.Pattern[str]:
    """One expression with a group per product and kind; longer forms stand before shorter ones."""
    firsts = [product.name.split()[0].lower() for product in catalog]
    lasts = [product.name.split()[-1].lower() for product in catalog]
    groups: dict[str, list[tuple[int, str]]] = {"sku": [], "name": [], "alias": [], "noun": [], "first": [], "last": []}
    for number, product in enumerate(catalog):

        def add(kind: str, form: str, number: int = number) -> None:
            # No \b: Japanese has no blanks, and its letters would glue to the name.
            edges = ("", "") if re.match(r"[^\x00-ɏ]", form) else (r"(?<![A-Za-zÀ-ɏ0-9])", r"(?![A-Za-zÀ-ɏ0-9])")
            groups[kind].append((len(form), f"(?P<{kind}_{number}>{edges[0]}(?:{form}){edges[1]})"))

        add("sku", re.escape(product.sku))
        add("name", r"[\s-]+".join(map(re.escape, product.name.split())) + "s?")
        aliases = [alias for alias in product.names(language)[1:] if alias.lower() != product.name.lower()]
        if aliases:
            forms = sorted(aliases, key=len, reverse=True)
            add("alias", "|".join(r"[\s-]+".join(map(re.escape, form.split())) + "(?:e?s|n)?" for form in forms))
        first, last = firsts[number], lasts[number]
        if firsts.count(first) == 1 and first not in NUMBER_WORDS and first != product.name.lower():
            nouns = "|".join(noun.replace(" ", r"\s+") for noun in NOUNS.get(product.category, ()))
            if nouns:
                add("noun", rf"{re.escape(first)}\s+(?:{nouns})s?")
            add("first", rf"{re.escape(first)}s?")
        if lasts.count(last) == 1 and _is_noun(last, product):
            add("last", rf"{re.escape(last)}s?")
    ordered = [part for parts in groups.values() for _, part in sorted(parts, key=lambda part: -part[0])]
    return re.compile("|".join(ordered), re.IGNORECASE)


def _is_noun(word: str, product: Product) -> bool:
    return any(word in noun.split() for noun in NOUNS.get(product.category, ()))
