"""The figures of a product, read from its own words: facts, features, story, and the manual's warranty and returns."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass

from contoso_lab.shop.catalog import Product
from contoso_lab.shop.truth.units import find_quantities

_ASPECTS: dict[str, str] = {
    "carries": r"\bcarr(?:y|ies)\b|\bloads?\b|\bholds?\s+up\b|\bholds\b|\bträgt|\bbelastbar|\bsupporte|\bsoporta|"
    r"\baguanta|耐荷重",
    "weight": r"\bweigh\w*|\bheavy\b|\bwiegt|\bschwer\b|\bGewicht|\bpèse|\bpoids|\bpesa\b|\bpeso\b|重さ|重量|重い",
    "capacity": r"\bcapacity|\bvolume|\bVolumen|\bFassungs|\bfasst|\bcapacité|\bcontenance|\bcapacidad|容量",
    "waterproof": r"\bwater(?:proof|column|\s+column)?|\bcolumn|\brain|\bWassersäule|\bwasserdicht|\bimperméab|"
    r"\bcolonne|\bimpermeab|耐水|防水",
    "packed": r"\bpack(?:s|ed)\b|\bpacking\b|\bpack\s+size|\bfold(?:s|ed)\s+(?:down|up)|\brolled|\bverpackt|"
    r"\bPackmaß|\bplié|\bplegad|収納",
    "standing height": r"\bstanding|\b(?:high|tall)\s+inside|\bstand\s+up|\bheadroom|\bceiling|\binside\s+height|"
    r"\bStehhöhe|\bhauteur|\baltura",
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
