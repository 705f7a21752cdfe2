"""The cheapest tent, our lightest, the only one with two burners: ranks in the catalogue."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from contoso_lab.shop.catalog import Catalog, Product
from contoso_lab.shop.mentions import Mention
from contoso_lab.shop.truth.figures import against, said_aspect
from contoso_lab.shop.truth.finding import Finding, Verdict
from contoso_lab.shop.truth.mood import is_claim
from contoso_lab.shop.truth.sentences import Reading, Sentence, subjects
from contoso_lab.shop.truth.shelf import Shelf, shelf

Value = Callable[[Product], float | None]


def _size(product: Product) -> float | None:
    if product.capacity_l is not None:
        return float(product.capacity_l)
    return None if product.sleeps is None else float(product.sleeps)


def _packed(product: Product) -> float | None:
    if product.packed_cm is None:
        return None
    a, b, c = product.packed_cm
    return float(a * b * c)


VALUES: dict[str, tuple[str, Value]] = {
    "price": ("price", lambda product: product.price_usd),
    "weight": ("weight", lambda product: product.weight_kg),
    "size": ("size", _size),
    "warmth": ("comfort temperature", lambda product: None if product.comfort_c is None else -float(product.comfort_c)),
    "packed": ("packed size", _packed),
    "waterproof": ("water column", lambda product: product.waterproof_mm),
}
LEAST, MOST = -1, 1

_SUPERLATIVES: tuple[tuple[str, str, int], ...] = (
    (r"cheapest|least\s+expensive|most\s+affordable|lowest[\s-]priced|least\s+costly|günstigste\w*|billigste\w*|"
    r"preiswerteste\w*|preisgünstigste\w*|"
     r"(?:la|le|les)\s+moins\s+ch(?:er|ère)s?|más\s+barat[oa]s?|más\s+económic[oa]s?|(?:一番|最も|"
      r"もっとも)安い|最安", "price", LEAST),
    (r"most\s+expensive|priciest|dearest|costliest|teuerste\w*|(?:la|le|les)\s+plus\s+ch(?:er|ère)s?|"
    r"más\s+car[oa]s?|(?:一番|最も|もっとも)高い|最も高価な", "price", MOST),
    (r"lightest|leichteste\w*|(?:la|le|les)\s+plus\s+lég(?:er|ère)s?|más\s+liger[oa]s?|más\s+livian[oa]s?|(?:一番|最も|"
    r"もっとも)軽い|最軽量", "weight", LEAST),
    (r"heaviest|schwerste\w*|(?:la|le|les)\s+plus\s+lourde?s?|más\s+pesad[oa]s?|"
    r"(?:一番|最も|もっとも)重い", "weight", MOST),
    (r"warmest|wärmste\w*|(?:la|le|les)\s+plus\s+chaude?s?|más\s+cálid[oa]s?|más\s+caliente|más\s+abrigad[oa]s?|"
    r"(?:一番|最も|もっとも)暖かい", "warmth", MOST),
    (r"biggest|largest|roomiest|most\s+spacious|größte\w*|geräumigste\w*|(?:la|le|les)\s+plus\s+(?:grande?s?|"
    r"spacieu\w+)|más\s+grandes?|más\s+espacios[oa]s?|(?:一番|最も|もっとも)大きい|最大の", "size", MOST),
    (r"smallest|kleinste\w*|(?:la|le|les)\s+plus\s+petite?s?|más\s+pequeñ[oa]s?|"
    r"(?:一番|最も|もっとも)小さい", "size", LEAST),
    (r"most\s+compact|smallest[\s-]packing|kompakteste\w*|(?:la|le|les)\s+plus\s+compacte?s?|"
     r"más\s+compact[oa]s?", "packed", LEAST),
    (r"most\s+waterproof|wasserdichteste\w*", "waterproof", MOST),
)  # fmt: skip
_RANK = re.compile(r"\b(?:(second|zweit|deuxième|segund[oa])|(third|dritt))[\s-]*$", re.IGNORECASE)
_ONE_OF = re.compile(
    r"\b(?:one\s+of|among|eines\s+(?:der|unserer)|einer\s+der|(?:une?\s+)des|un[oa]\s+de)\s+(?:the|our|its|los|las|"
    r"nos)?\s*$",
    re.IGNORECASE,
)
_EXCEPT = re.compile(
    r"\b(?:apart\s+from|besides|other\s+than|except(?:\s+for)?|not\s+counting|after|next\s+to|abgesehen\s+von|außer|nach|"
    r"à\s+part|hormis|sauf|après|aparte\s+de|excepto|salvo|después\s+de)\s+"
    r"(?:the|your|dem|der|den|Ihrem|Ihrer|le|la|les|votre|el|los|las|su)?\s*$",
    re.IGNORECASE,
)
_OUR = re.compile(
    r"\b(?:products?|items?|things?|articles?|gear|(?:in|of)\s+(?:the|our)\s+(?:whole\s+)?(?:shop|store|catalogu?e|"
    r"range)|we\s+(?:have|sell|carry)\s+overall|Artikel|Produkte?|produits?|productos?)\b",
    re.IGNORECASE,
)
_SAYS = [
    (re.compile(rf"(?<![A-Za-zÀ-ÿ])(?:{words})", re.IGNORECASE), value, way) for words, value, way in _SUPERLATIVES
]
_IT = re.compile(
    r"(?:\b(?:it|this|that|he|es|das|dies|dieses|er|sie|c|ce|il|elle|es)\b\s*['’]?\s*(?:is|s|ist|est|es|"
    r"be)?\s*(?:also\s+|even\s+)?)",
    re.IGNORECASE,
)
_ONLY = re.compile(
    r"\b(?:the|our|only)\s+(?:only|one)\s+(?P<noun>[a-z ]{0,24}?)\s*(?:with|that|which|to|for|we\s+have\s+(?:with|"
    r"that|for))\s|"
    r"\b(?:einzige[rsn]?)\s+(?P<de>\w*)\s*,?\s*(?:mit|der|das|die)\s|\b(?:seule?)\s+(?P<fr>\w*)\s*(?:avec|à|qui)\s|"
    r"\búnic[oa]\s+(?P<es>\w*)\s*(?:con|que|para)\s",
    re.IGNORECASE,
)


def is_superlative(words: str) -> bool:
    """Whether some words say that something is the first of its kind."""
    return any(pattern.search(words) for pattern, _, _ in _SAYS)


def check_superlatives(reading: Reading) -> list[Finding]:
    """Judge every "cheapest", "lightest", "the only one with …"."""
    found = []
    for sentence in reading.sentences:
        for pattern, value, way in _SAYS:
            for match in pattern.finditer(sentence.text):
                finding = _superlative(reading, sentence, match, value, way)
                if finding is not None:
                    found.append(finding)
        for match in _ONLY.finditer(sentence.text):
            finding = _only(reading, sentence, match)
            if finding is not None:
                found.append(finding)
    return found


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a text."""

    start: int
    end: int


def _superlative(reading: Reading, sentence: Sentence, match: re.Match[str], value: str, way: int) -> Finding | None:
    after = sentence.text[match.end() :]
    if re.match(r"\s+(?:que|als|than)\b", after):
        return None  # "más ligero que" compares
    scope = re.match(r"[\s-]*(?:[\w'’-]+\s+){0,3}?[\w'’]+", after)
    near = _scope(sentence, match, reading.catalog)
    place = Place(sentence.start + match.start(), sentence.start + match.end() + (near[1] if near else 0))
    if _ONE_OF.search(sentence.text[: match.start()]) or not is_claim(
        sentence, place, (*sentence.mentions, *sentence.quantities)
    ):
        return None
    apart = [m for m in sentence.mentions if _EXCEPT.search(sentence.before(m))]
    product = _subject(reading, _without(sentence, apart), place)
    if product is None:
        return None
    among = near[0] if near else None
    if among is None and scope is not None and _OUR.search(after.split(",")[0]):
        among = Shelf(tuple(reading.catalog), "product")
    if among is None:
        among = Shelf(tuple(p for p in reading.catalog if p.category == product.category), product.category.lower())
    narrowed = _qualified(among, sentence, place)
    if narrowed is None:
        return None
    among = _but(narrowed, apart)
    rank = _RANK.search(sentence.text[: match.start()])
    at = 0 if rank is None else 1 if rank[1] else 2
    verdict, says = _ranked(product, among, value, way, at)
    return Finding(
        "superlative", verdict, reading.text[place.start : place.end], place.start, place.end, says, product.sku
    )


def _scope(sentence: Sentence, match: re.Match[str], catalog: Catalog) -> tuple[Shelf, int] | None:
    """The products meant: the noun after the superlative, "of our tents", or a noun before it in Romance languages."""
    after = sentence.text[match.end() :]
    text = re.split(
        r"[,;:.!?。、]|\b(?:is|are|at|costs?|and|but|with|which|weighs|ist|kostet|mit|est|coûte|es|cuesta|y|et|und)\b",
        after,
    )[0][:48]
    if found := shelf(text, catalog):
        where = text.lower().find(found.called.split()[-1].lower())
        return found, where + len(found.called.split()[-1]) if where >= 0 else 0
    before = re.split(r"[,;:.!?。、]", sentence.text[: match.start()])[-1][-40:]
    if re.match(r"\s*(?:of|von|unter|de|parmi|among)\b", after):
        return None
    if match[0].lower().startswith(("la", "le", "más", "les")) or re.match(r"[^\x00-ɏ]", match[0]):
        if found := shelf(re.split(r"(?:は|es|est)\b|は", before)[-1] if before else "", catalog):
            return found, 0
    if of := re.search(r"\b(?:of|among|out\s+of)\s+(?:all\s+)?our\s+([\w ]{3,24})", sentence.text, re.IGNORECASE):
        if found := shelf(of[1], catalog):
            return found, 0
    return None


_QUALIFIES = re.compile(
    r"^\s*(?:(?:that\s+)?(?:I|we|you)\s+(?:have|carry|sell|offer|can\s+get|know\s+of)\s*)?(?:here\s+|"
    r"there\s+is\s+)?(?:,?\s*(?P<how>for|that|which|with|without|under|above|below|over|"
    r"made)\b(?P<what>[^,.;:!?]*))?",
    re.IGNORECASE,
)
_EVERYBODY = re.compile(
    r"^\s*(?:you|that|your\s+\w+|this|it|me|now|we\s+(?:have|carry|sell)|I\s+have)\b", re.IGNORECASE
)


def _qualified(among: Shelf, sentence: Sentence, place: Place) -> Shelf | None:
    """Fewer are meant in "the cheapest sleeping bag for minus 20 degrees"; None when we cannot tell which."""
    found = _QUALIFIES.match(sentence.text[place.end - sentence.start :])
    if found is None or not found["how"] or _EVERYBODY.match(found["what"]):
        return among
    start = place.end + found.start("how")
    quantity = next((q for q in sentence.quantities if start <= q.start < place.end + found.end()), None)
    keeps: Callable[[Product], bool]
    if quantity is None or found["how"].lower() not in ("for", "that", "which"):
        return None
    if quantity.dimension in ("celsius", "degrees"):
        keeps = lambda product: product.comfort_c is not None and product.comfort_c <= quantity.value  # noqa: E731
    elif quantity.dimension == "persons":
        keeps = lambda product: (product.sleeps or 0) >= quantity.value  # noqa: E731
    else:
        return None
    products = tuple(product for product in among.products if keeps(product))
    return Shelf(products, f"{among.called} {found['how']}{found['what']}")


def _but(among: Shelf, apart: Sequence[Mention]) -> Shelf:
    """Fewer are meant by "apart from the Summit Solo, the lightest tent"."""
    if not apart:
        return among
    skus = {mention.sku for mention in apart}
    return Shelf(tuple(product for product in among.products if product.sku not in skus), f"other {among.called}")


def _subject(reading: Reading, sentence: Sentence, place: Place) -> Product | None:
    categories = ()
    inside = [m for m in sentence.mentions if place.start <= m.start < place.end]
    others = [m for m in sentence.mentions if m not in inside]
    if others:
        about = subjects(_without(sentence, inside), place, categories, reading.catalog)
    elif _IT.search(sentence.text[: place.start - sentence.start]) or not re.match(
        r"\W*(?:the|our|my|das|der|die|unser\w*|le|la|notre|el|nuestr[oa])\b", sentence.text, re.IGNORECASE
    ):
        about = list(sentence.earlier)[::-1]
    else:
        return None
    return reading.catalog.get(about[0].sku) if about else None


def _without(sentence: Sentence, mentions: Sequence[Mention]) -> Sentence:
    kept = tuple(m for m in sentence.mentions if m not in mentions)
    return Sentence(sentence.start, sentence.text, kept, sentence.quantities, sentence.amounts, sentence.earlier)


def _ranked(product: Product, among: Shelf, value: str, way: int, at: int) -> tuple[Verdict, str]:
    called, of = VALUES[value]
    known = [(figure, p) for p in among.products if (figure := of(p)) is not None]
    mine = of(product)
    if mine is None or len(known) < 1:
        return "unsupported", f"{product.name}: nothing is known of its {called}"
    ordered = sorted({figure for figure, _ in known}, reverse=way > 0)
    names = ", ".join(p.name for figure, p in known if len(ordered) > at and figure == ordered[at])
    says = f"by {called}, of {len(among.products)} ({among.called}) it is {names or 'none'}"
    inside = product in among.products
    return ("true" if inside and len(ordered) > at and mine == ordered[at] else "false"), says


def _only(reading: Reading, sentence: Sentence, match: re.Match[str]) -> Finding | None:
    """Judge "the only one with two burners": true when no other has it."""
    quantity = next((q for q in sentence.quantities if 0 <= q.start - sentence.start - match.end() <= 16), None)
    end = quantity.end if quantity else sentence.start + match.end()
    place = Place(sentence.start + match.start(), end)
    if quantity is None or not is_claim(sentence, place, (*sentence.mentions, *sentence.quantities)):
        return None
    product = _subject(reading, sentence, place)
    if product is None:
        return None
    noun = next((group for group in match.groups() if group), "")
    among = shelf(noun, reading.catalog) or Shelf(
        tuple(p for p in reading.catalog if p.category == product.category), product.category.lower()
    )
    aspect = said_aspect(sentence, quantity)
    having = [p for p in among.products if against(p, quantity, aspect)[0] == "true"]
    says = f"of {len(among.products)} ({among.called}): {', '.join(p.name for p in having) or 'none'}"
    verdict: Verdict = "true" if having == [product] else "false"
    return Finding(
        "superlative", verdict, reading.text[place.start : place.end], place.start, place.end, says, product.sku
    )
