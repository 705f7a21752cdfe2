"""Figures with units: what a product weighs, holds, sleeps, withstands, and how large it is.

A figure is true when the catalogue's figure rounds to it and lies within 5 %; after "about" within 10 %; converted from
pounds, inches or Fahrenheit, within what the conversion rounds. Temperatures are compared in degrees, not in percent.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from contoso_lab.shop.catalog import Catalog, Product
from contoso_lab.shop.mentions import Mention
from contoso_lab.shop.truth.finding import Finding, Verdict
from contoso_lab.shop.truth.mood import is_claim
from contoso_lab.shop.truth.prices import pairs
from contoso_lab.shop.truth.sentences import Reading, Sentence, clause, subjects
from contoso_lab.shop.truth.units import COUNTED, Quantity, find_quantities

ABOUT = re.compile(
    r"(?:\b(?:about|around|roughly|approximately|almost|nearly|close\s+to|some|just\s+(?:under|over)|"
    r"a\s+little\s+(?:over|under)|etwa|"
    r"circa|ca\.|rund|ungefähr|knapp|gut|environ|à\s+peu\s+près|presque|unos|unas|alrededor\s+de|casi|"
    r"aproximadamente)\s+|約)"
    r"(?:a\s+|minus\s+)?$",
    re.IGNORECASE,
)
BOUND = re.compile(
    r"\b(?:under|below|less\s+than|more\s+than|over|above|at\s+(?:most|least)|between|from|within|unter|"
    r"weniger\s+als|mehr\s+als|über|"
    r"mindestens|höchstens|zwischen|moins\s+de|plus\s+de|entre|au\s+(?:moins|plus)|menos\s+de|más\s+de|al\s+menos|"
    r"como\s+máximo)\s+"
    r"(?:[^,.;]{1,24}\s+(?:and|und|et|y|to)\s+)?(?:a\s+)?$",
    re.IGNORECASE,
)
_RELATIVE = re.compile(
    r"\s*(?:lighter|heavier|less|more|larger|bigger|smaller|warmer|colder|longer|shorter|leichter|schwerer|mehr|"
    r"weniger|größer|kleiner|"
    r"wärmer|de\s+(?:plus|moins)|plus\s+(?:légère?|lourde?|chaude?)|más|menos)\b|軽|重い(?!.{0,3}です)|以上|以下|未満",
    re.IGNORECASE,
)
_ASPECTS: dict[str, str] = {
    "carries": r"\bcarr(?:y|ies)\b|\bloads?\b|\bholds?\s+up\b|\bholds\b|\bträgt|\bbelastbar|\bsupporte|\bsoporta|"
    r"\baguanta|耐荷重",
    "weight": r"\bweigh\w*|\bheavy\b|\bwiegt|\bschwer\b|\bGewicht|\bpèse|\bpoids|\bpesa\b|\bpeso\b|重さ|重量|重い",
    "capacity": r"\bcapacity|\bvolume|\bVolumen|\bFassungs|\bfasst|\bcapacité|\bcontenance|\bcapacidad|容量",
    "waterproof": r"\bwater(?:proof|column|\s+column)?|\bcolumn|\brain|\bWassersäule|\bwasserdicht|\bimperméab|"
    r"\bcolonne|\bimpermeab|耐水|防水",
    "packed": r"\bpack(?:s|ed)\b|\bpacking\b|\bpack\s+size|\bfold(?:s|ed)\s+(?:down|up)|\brolled|\bverpackt|"
    r"\bPackmaß|\bplié|\bplegad|収納",
    "standing height": r"\bstanding|\bstand\s+up|\bheadroom|\bceiling|\binside\s+height|\bStehhöhe|\bhauteur|\baltura",
    "comfort": r"\bcomfort|\bKomfort|\bconfort|\bcómod|快適",
    "limit": r"\blimit|\bsurviv|\bextreme|\bGrenz|\blímite|限界",
    "floor": r"\bfloor|\bGrundfläche|\bBodenfläche|\bsurface\s+au\s+sol|\bsuelo|床面積",
    "setup": r"\bset\s*-?up|\bsets?\s+up|\bpitch|\bgoes\s+up|\bgo\s+up|\bput\s+up|\bassembl|\bup\s+in\b|"
    r"\baufgebaut|\bAufbau|\bsteht\s+in|\bmont(?:e|é|ée|a|ar|aje)\b|\barma\b|設営|組み立て",
    "boils": r"\bboil|\bkocht|\bbout\b|\bbouillir|\bhierve|\bhervir|沸",
    "back length": r"\bback\s+length|\btorso|\bRückenlänge",
    "open size": r"\bopen\b|\bunfolded|\btable\s*top|\bset\s+up\s+it\s+measures|\baufgeklappt|\bouvert|\babiert",
    "fits people": r"\bfits?\s+(?:people|someone|sleepers|persons)|\bpeople\s+up|\bup\s+to\s+[\d.]+\s*(?:cm|"
    r"m)\s+tall|\btall\b|\bgroß\b|身長",
    "dry": r"\bdr(?:y|ies)\b|\btrocknet|\bsèche|\bseca",
    "warranty": r"\bwarrant|\bguarant|\brepairs?\s+or\s+replaces|\bGarantie|\bgarant[ií]|保証",
    "returns": r"\breturn|\bsend\s+it\s+back|\bmoney\s+back|\bzurück|\bretour|\bdevol|返品",
    "sleeps": r"\bsleeps?\b|\bsleeping\s+room|\bschlafen|\bdormir",
    "seats": r"\bseats?\b|\bsit\b|\bsitzen|\basseoir|\bsentar",
    "power": r"\bpower|\bLeistung|\bpuissance|\bpotencia",
}  # fmt: skip
ASPECTS = {aspect: re.compile(pattern, re.IGNORECASE) for aspect, pattern in _ASPECTS.items()}
_USUAL = {
    "kg": ("weight",),
    "litres": ("capacity",),
    "persons": ("sleeps", "seats"),
    "celsius": ("comfort", "limit", "warm down to", ""),
    "degrees": ("comfort", "limit", "warm down to", ""),
    "m2": ("floor",),
}
"""What a figure is about when no word says so."""
_DEGREES = 0.6
_DIMENSIONS = frozenset(
    {
        "kg",
        "litres",
        "m",
        "m2",
        "minutes",
        "celsius",
        "degrees",
        "persons",
        "upf",
        "kilowatts",
        "years",
        "days",
        *COUNTED,
    }
)


@dataclass(frozen=True, slots=True)
class Fact:
    """One figure of a product, read from its own words."""

    aspect: str
    dimension: str
    values: tuple[float, ...]
    text: str


class _Same:
    """A product as a key: the same object, because its fields hold what cannot be hashed."""

    def __init__(self, product: Product) -> None:
        self.product = product

    def __hash__(self) -> int:
        return id(self.product)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other.product is self.product


def facts_of(product: Product) -> tuple[Fact, ...]:
    """All figures of a product, from its facts, its features, its words and its manual's warranty."""
    return _facts_of(_Same(product))


@functools.lru_cache(maxsize=512)
def _facts_of(key: _Same) -> tuple[Fact, ...]:
    product = key.product
    found = [fact for label, value in product.facts.items() for fact in _read(f"{label}: {value}", label)]
    if product.sleeps is not None:
        found.append(Fact("sleeps", "persons", (float(product.sleeps),), f"sleeps {product.sleeps}"))
    for label, dimension in (("seats", "persons"), ("burners", "burners")):
        if (count := product.facts.get(label, "")).isdigit():
            found.append(Fact(label, dimension, (float(count),), f"{label}: {count}"))
    for line in (*product.features, product.description, *re.split(r"(?<=[.:])\s", product.story), *_promises(product)):
        found += _read(line, "")
    return tuple(found)


def _promises(product: Product) -> list[str]:
    """The sentences of the manual that say how long a warranty and a return last."""
    path = product.manual_path
    if path is None or not path.is_file():
        return []
    text = path.read_text(encoding="utf-8")
    return [s for s in re.split(r"(?<=\.)\s|\n", text) if re.search(r"repairs or replaces|[Ss]end it back", s)]


def _read(text: str, label: str) -> Iterator[Fact]:
    for quantity in find_quantities(text):
        aspect = _aspect(label) if label else _aspect(text)
        yield Fact(aspect or label, quantity.dimension, (quantity.value, *quantity.others), text.strip("- "))


def _aspect(words: str) -> str:
    return next((aspect for aspect, pattern in ASPECTS.items() if pattern.search(words)), "")


def check_figures(reading: Reading) -> list[Finding]:
    """Judge all figures of a text that are said as facts."""
    categories = tuple(dict.fromkeys(product.category for product in reading.catalog))
    found = []
    for sentence in reading.sentences:
        for quantity in sentence.quantities:
            if quantity.dimension not in _DIMENSIONS or not _states(sentence, quantity):
                continue
            alike = [q for q in sentence.quantities if q.dimension == quantity.dimension]
            paired = pairs(sentence.mentions, alike).get(quantity)
            about = (
                [paired] if paired else subjects(sentence, quantity, categories, reading.catalog, sentence.quantities)
            )
            finding = _judge(reading, sentence, quantity, about)
            if finding is not None:
                found.append(finding)
    return found


def _states(sentence: Sentence, quantity: Quantity) -> bool:
    lead, rest = sentence.before(quantity), sentence.after(quantity)
    if BOUND.search(lead) or _RELATIVE.match(rest) or re.match(r"\s+or\s+(?:less|more)\b", rest):
        return False
    if re.search(r"\b(?:only|einzige[rsn]?|seule?|única?)\b[^,.]*$", lead) and re.search(r"\bthe\s+only\b", lead):
        return False
    return is_claim(sentence, quantity, sentence.quantities)


def _judge(reading: Reading, sentence: Sentence, quantity: Quantity, about: Sequence[Mention]) -> Finding | None:
    aspect = said_aspect(sentence, quantity)
    words = reading.text[quantity.start : quantity.end]
    if quantity.dimension in ("days", "years", "minutes") and not aspect:
        return None  # "three days from hut to hut" is about the trip
    if not about:
        return None
    if quantity.dimension in ("persons", "degrees", "celsius", "m") and not aspect and not sentence.mentions:
        if not _speaks_of_it(sentence):
            return None  # "for four people at minus five" is what the customer plans
    near = bool(ABOUT.search(sentence.before(quantity)))
    product = reading.catalog.get(about[0].sku)
    verdict, says = against(product, quantity, aspect, near=near)
    return Finding("spec", verdict, words, quantity.start, quantity.end, says, product.sku)


_SPEAKS = re.compile(
    r"^\W*(?:(?:and|und|et|y)\s+)?(?:it|its|this|that|they|these|the|es|er|sie|das|der|die|il|elle|le|la|c['’]est|"
    r"el|su|both|inside)\b|^\W*[-*•|]",
    re.IGNORECASE,
)


def _speaks_of_it(sentence: Sentence) -> bool:
    return _SPEAKS.match(sentence.text) is not None


def said_aspect(sentence: Sentence, quantity: Quantity) -> str:
    """What a figure is about, by the words next to it; "" when they do not say."""
    start, end = clause(sentence, quantity, sentence.quantities)
    at, to = quantity.start - sentence.start, quantity.end - sentence.start
    found: list[tuple[int, str]] = []
    # Words inside the clause first; "comfortable down to zero, limit minus six" has two.
    for aspect, pattern in ASPECTS.items():
        for match in pattern.finditer(sentence.text, start - sentence.start, end - sentence.start):
            if any(
                m.start < sentence.start + match.end() and sentence.start + match.start() < m.end
                for m in sentence.mentions
            ):
                continue
            distance = at - match.end() if match.end() <= at else 6 + match.start() - to
            found.append((distance, aspect))
    fitting = [(distance, aspect) for distance, aspect in found if _fits(aspect, quantity.dimension)]
    return min(fitting)[1] if fitting else ""


_OF = {
    "weight": {"kg"}, "carries": {"kg"}, "capacity": {"litres"}, "waterproof": {"m"}, "packed": {"m"},
    "standing height": {"m"}, "comfort": {"celsius", "degrees"}, "limit": {"celsius", "degrees"}, "floor": {"m2"},
    "setup": {"minutes"}, "boils": {"minutes"}, "back length": {"m"}, "open size": {"m"}, "fits people": {"m"},
    "dry": {"minutes"}, "warranty": {"years", "days"}, "returns": {"days", "years"}, "sleeps": {"persons"},
    "seats": {"persons"}, "power": {"kilowatts"},
}  # fmt: skip


def _fits(aspect: str, dimension: str) -> bool:
    return dimension in _OF[aspect]


def against(product: Product, quantity: Quantity, aspect: str, *, near: bool = False) -> tuple[Verdict, str]:
    """Hold a figure against a product: the verdict, and what the catalogue says."""
    dimensions = {"celsius", "degrees"} if quantity.dimension in ("celsius", "degrees") else {quantity.dimension}
    same = [fact for fact in facts_of(product) if fact.dimension in dimensions]
    wanted = (aspect,) if aspect else _USUAL.get(quantity.dimension)
    if wanted is not None:
        same = [fact for fact in same if fact.aspect in wanted]
    if not same:
        what = aspect or quantity.dimension
        return "unsupported", f"{product.name}: nothing is known of its {what}"
    for fact in same:
        if _equal(quantity, fact, near=near):
            return "true", f"{product.name}: {fact.text}"
    if quantity.dimension == "m" and not aspect:
        return "unsupported", f"{product.name}: {same[0].text}"
    return "false", f"{product.name}: {same[0].text}"


def _equal(quantity: Quantity, fact: Fact, *, near: bool) -> bool:
    if quantity.others:
        said = sorted((quantity.value, *quantity.others))
        return len(said) == len(fact.values) and all(
            abs(a - b) <= 0.05 * b for a, b in zip(said, sorted(fact.values), strict=True)
        )
    return any(same_figure(quantity, value, near=near) for value in fact.values)


def same_figure(quantity: Quantity, value: float, *, near: bool = False) -> bool:
    """Whether a figure says this value, as rounded as people say it."""
    away = abs(quantity.value - value)
    if quantity.dimension in ("celsius", "degrees"):
        fahrenheit = abs((quantity.value - 32) / 1.8 - value) if quantity.dimension == "degrees" else away
        return min(away, fahrenheit) <= (2.5 if near else _DEGREES + 1e-9)
    if quantity.dimension in COUNTED or quantity.dimension in ("persons", "upf", "years", "days"):
        return away < 1e-6
    if near:
        return away <= 0.1 * abs(value) + 1e-9
    if quantity.converted:
        return away <= max(quantity.step / 2, 0.03 * abs(value)) and away <= 0.06 * abs(value)
    return away <= quantity.step / 2 + 1e-9 and away <= 0.05 * abs(value) + 1e-9


def known_of(catalog: Catalog, quantity: Quantity, aspect: str) -> list[Product]:
    """The products of which this figure is true."""
    return [product for product in catalog if against(product, quantity, aspect)[0] == "true"]
