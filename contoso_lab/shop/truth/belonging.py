"""Who makes it and what kind of thing it is: brands and categories."""

from __future__ import annotations

import functools
import re

from contoso_lab.shop.catalog import Catalog
from contoso_lab.shop.mentions import NOUNS, category_noun
from contoso_lab.shop.truth.finding import Finding, Verdict
from contoso_lab.shop.truth.mood import is_claim
from contoso_lab.shop.truth.ranking import is_superlative
from contoso_lab.shop.truth.sentences import Reading, Sentence, subjects
from contoso_lab.shop.truth.shelf import shelf

_IS_A = re.compile(
    r"(?:\b(?:is|are|['’]s|as|ist|sind|est|sont|es|son)\s+(?:also\s+|really\s+|both\s+)?(?:an?|our|one\s+of\s+our|"
    r"eine?|unser\w*|une?|notre|un[oa]?|nuestr[oa])|,\s*(?:an?|our|eine?|une?|"
    r"un[oa]?))\s+(?P<what>[^,.;:!?]{2,60})",
    re.IGNORECASE,
)
_IS_JA = re.compile(r"(?:は)(?P<what>[^、。]{1,20}?)(?:です|であり|で、)")
_STOP = re.compile(
    r"\b(?:that|which|with|for|at|from|by|and|but|where|who|you|we|to|of|in|mit|für|aus|von|die|das|der|avec|pour|"
    r"de|à|qui|con|para|que|por)\b",
    re.IGNORECASE,
)


@functools.lru_cache(maxsize=16)
def _brands(catalog: Catalog) -> re.Pattern[str] | None:
    names = sorted({p.brand for p in catalog if p.brand}, key=len, reverse=True)
    forms = [
        r"\s+".join("(?:&|and|und|et|y)" if word == "&" else re.escape(word) for word in name.split()) for name in names
    ]
    return re.compile(rf"(?<![A-Za-z])(?:{'|'.join(forms)})(?![A-Za-z])", re.IGNORECASE) if forms else None


def check_brands(reading: Reading) -> list[Finding]:
    """Judge every brand that is said of a product: "the Fernlight Meadow Four", "it is made by Highrow"."""
    pattern = _brands(reading.catalog)
    if pattern is None:
        return []
    found = []
    categories = tuple(dict.fromkeys(product.category for product in reading.catalog))
    for sentence in reading.sentences:
        for match in pattern.finditer(sentence.text):
            place = _Place(sentence.start + match.start(), sentence.start + match.end())
            if not is_claim(sentence, place, sentence.mentions):
                continue
            behind = [m for m in sentence.mentions if m.start >= place.end]
            if behind and re.fullmatch(r"(?:['’]s)?\s+", sentence.text[match.end() : behind[0].start - sentence.start]):
                about = behind[:1]  # "the Fernlight Meadow Four"
            else:
                about = subjects(sentence, place, categories, reading.catalog)
                about = [m for m in about if m.start < place.start or m not in sentence.mentions] or about
            if not about:
                continue
            product = reading.catalog.get(about[0].sku)
            same = _plain(match[0]) == _plain(product.brand)
            says = f"{product.name} is by {product.brand or 'nobody we know'}"
            verdict: Verdict = "true" if same else "false"
            found.append(Finding("brand", verdict, match[0], place.start, place.end, says, product.sku))
    return found


def _plain(brand: str) -> str:
    return re.sub(r"\W+|\b(?:and|und|et|y)\b", "", brand.lower())


class _Place:
    def __init__(self, start: int, end: int) -> None:
        self.start = start
        self.end = end


def check_categories(reading: Reading) -> list[Finding]:
    """Judge what kind of thing a product is said to be: "the Breeze Shirt is a jacket"."""
    found = []
    for sentence in reading.sentences:
        for match in (*_IS_A.finditer(sentence.text), *_IS_JA.finditer(sentence.text)):
            finding = _category(reading, sentence, match)
            if finding is not None:
                found.append(finding)
    return found


def _category(reading: Reading, sentence: Sentence, match: re.Match[str]) -> Finding | None:
    what = _STOP.split(match["what"])[0]
    if is_superlative(what):
        return None
    start = sentence.start + match.start("what")
    among = shelf(what, reading.catalog)
    if among is None or not any(word in what.lower() for word in (among.called.split()[-1].lower(),)):
        return None
    noun = among.called.split()[-1]
    end = start + what.lower().rindex(noun.lower()) + len(noun)
    place = _Place(start, end)
    before = [m for m in sentence.mentions if m.end <= start and sentence.start + match.start() - m.end <= 24]
    if not before and not re.match(
        r"\W*(?:it|this|that|these|they|es|das|dies|ce|c|il|elle|esto|está|these)\b", sentence.text, re.IGNORECASE
    ):
        return None
    # The noun may be an alias of its own ("a family tent"): that is no other subject.
    about = before[-1:] or list(sentence.earlier)[-1:]
    if not about or not is_claim(sentence, place, sentence.mentions):
        return None
    product = reading.catalog.get(about[0].sku)
    ok = _is_one(product.category, noun) and (product in among.products or among.called == noun)
    if _is_one(product.category, noun) and product not in among.products:
        ok = (
            product.category not in NOUNS
            or re.search(
                rf"\b{re.escape(noun.rstrip('s').lower())}",
                f"{product.name} {product.description} {product.story}".lower(),
            )
            is not None
        )
    says = f"{product.name} belongs to {product.category}: {product.description}"
    verdict: Verdict = "true" if ok else "false"
    return Finding("category", verdict, reading.text[start:end], start, end, says, product.sku)


def _is_one(category: str, noun: str) -> bool:
    return category_noun(noun, category) or noun.lower() in category.lower()
