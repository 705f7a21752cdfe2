"""Numbers with their units: 2.4 kg, 8.8 pounds, minus six degrees, two burners, 250 bucks.

Everything is turned into one unit a dimension (kg, litre, m, m², °C, minutes, kW, US dollars), so that what is said in
pounds can be held against what the catalogue says in kilograms.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass, replace

from contoso_lab.shop.truth.numbers import Number, find_numbers

_UNITS: tuple[tuple[str, str, float], ...] = (
    ("usd", r"(?:US[\s-]?)?\$|(?:US[\s-]+)?(?:dollars?|dólar(?:es)?)|bucks|USD|米?ドル", 1.0),
    ("eur", r"€|euros?|EUR|ユーロ", 1.0),
    ("gbp", r"£|GBP|pounds\s+sterling|sterling|quid", 1.0),
    ("jpy", r"¥|￥|yens?|JPY|円", 1.0),
    ("chf", r"CHF|(?:Swiss|Schweizer)\s+(?:francs?|Franken)|Franken|francs\s+suisses", 1.0),
    ("kilowatts", r"kW|kilowatts?|kilovatios?|キロワット", 1.0),
    ("kg", r"kg|kilos?|kilogram(?:m?e?|o)?s?|キロ(?:グラム)?", 1.0),
    ("kg", r"g(?!\w|/)|gram(?:m?e?|o)?s?|グラム", 0.001),
    ("kg", r"lbs?|pounds?|libras?|livres?|ポンド", 0.45359237),
    ("kg", r"Pfund", 0.5),
    ("kg", r"oz|ounces?|onces?|onzas?|Unzen?|オンス", 0.028349523),
    ("litres", r"l(?!\w)|lit(?:er|re)s?|Litern?|litros?|リットル|ℓ", 1.0),
    ("litres", r"gal(?:lons?)?", 3.785411784),
    ("m2", r"m²|m2|square\s+met(?:er|re)s?|sqm|"
     r"Quadratmetern?|mètres?\s+carrés?|metros?\s+cuadrados?|平方メートル|平米", 1.0),
    ("m2", r"sq\.?\s*ft|square\s+f(?:ee|oo)t", 0.09290304),
    ("m", r"mm|mil+[ií]met(?:er|re|ro)s?|millimètres?|Millimetern?|ミリ(?:メートル)?", 0.001),
    ("m", r"cm|cent[ií]met(?:er|re|ro)s?|centimètres?|Zentimetern?|センチ(?:メートル)?", 0.01),
    ("m", r"m(?![\w²/])|met(?:er|re)s?|Metern?|mètres?|metros?|メートル", 1.0),
    ("m", r"inch(?:es)?|Zoll|pouces?|pulgadas?|インチ|[\"”](?=\s|$)", 0.0254),
    ("m", r"feet|foot|ft|Fuß|pieds?|pies|フィート", 0.3048),
    ("minutes", r"min(?:ute|uto)?s?(?:n)?|Minuten?|分", 1.0),
    ("minutes", r"seconds?|secs?|Sekunden?|secondes?|segundos?|秒", 1 / 60),
    ("minutes", r"hours?|hrs?|Stunden?|heures?|horas?|時間", 60.0),
    ("years", r"years?|Jahren?|Jahre|ans|années?|años?|年", 1.0),
    ("days", r"days?|Tagen?|Tage|jours?|días?|日", 1.0),
    ("days", r"weeks?|Wochen?|semaines?|semanas?|週間", 7.0),
    ("fahrenheit", r"°\s?F|℉|degrees?\s+fahrenheit|Fahrenheit|F\b", 1.0),
    ("celsius", r"°\s?C|℃|degrees?\s+celsius|Grad\s+Celsius|degrés\s+Celsius|grados\s+Celsius|C\b|celsius", 1.0),
    ("degrees", r"degrees?|°|Grad|degrés?|grados?|度", 1.0),
    ("persons", r"(?:people|persons?|adults?|campers?|sleepers?|Personen|Person|Leute|personnes?|personas?|guests?|"
    r"hikers?)|人", 1.0),
    ("percent", r"%|percent|per\s+cent|Prozent|pour\s+cent|por\s+ciento|パーセント", 1.0),
)  # fmt: skip
COUNTED: dict[str, str] = {
    "doors": r"doors?|Türen?|portes?|puertas?|ドア",
    "burners": r"burners?|flames?|Brenner|Flammen?|Kochstellen|brûleurs?|feux|quemadores?|バーナー",
    "rooms": r"(?:sleeping\s+)?rooms?|bedrooms?|Schlafkabinen|Räume|chambres?|habitaciones|部屋",
    "pockets": r"pockets?|Taschen|poches?|bolsillos?|ポケット",
    "layers": r"layers?|Lagen|couches?|capas?",
    "heights": r"heights?|Höhen|hauteurs?|alturas?",
    "legs": r"legs?|Beine|pieds|patas",
    "poles": r"poles?|Stangen?",
}
_PARTS = [
    *((f"u{at}", pattern) for at, (_, pattern, _) in enumerate(_UNITS)),
    *((f"c_{noun}", rf"(?:[a-zà-ÿ]+\s+)?(?:{pattern})") for noun, pattern in COUNTED.items()),
]
_UNIT = re.compile(
    r"[\s\u00a0\u202f-]*(?:" + "|".join(f"(?P<{name}>(?:{pattern})(?![a-zà-ÿß]))" for name, pattern in _PARTS) + ")",
    re.IGNORECASE,
)
_SIGN = re.compile(r"(?:US\s*)?(?P<usd>\$)\s?$|(?P<eur>€)\s?$|(?P<gbp>£)\s?$|(?P<jpy>[¥￥])\s?$|\b(?P<chf>CHF)\s?$")
DOLLARS = frozenset({"USD", "CAD", "AUD", "NZD", "SGD", "HKD"})
"""Currencies whose people say "dollars" and write "$"."""
OURS = "usd"
"""The dimension of the catalogue's own money, whatever it is called."""
FOREIGN: dict[str, str] = {"dollar": "USD", "eur": "EUR", "gbp": "GBP", "jpy": "JPY", "chf": "CHF"}
"""The dimensions of other money, with the names of their currencies."""
_UPF = re.compile(r"(?:\bUPF[\s-]*|\b(?:sun\s+protection|protection)\s+factor\s+(?:of\s+)?)$", re.IGNORECASE)
_SLEEPS = re.compile(
    r"(?:\b(?:sleeps?|seats?|fits?|accommodates?|houses?|(?:room|space|tent|table|big\s+enough|large\s+enough|"
    r"enough)\s+for|"
    r"Platz\s+(?:für|bietet)|Zelt\s+für|schlafen|tente?\s+pour|tienda\s+para|para|dormir))\s+"
    r"(?:up\s+to|only|just|about|around|a\s+family\s+of|a\s+group\s+of|hasta|jusqu'à|bis\s+zu)?\s*$",
    re.IGNORECASE,
)  # fmt: skip
_DOWN_TO = re.compile(
    r"(?:\b(?:down\s+to|good\s+to|rated\s+(?:to|for|at|down\s+to)|comfortable\s+(?:to|at|in|until)|warm\s+to|"
    r"comfort\w*(?:\s+\w+)?\s+(?:is|of)|limit(?:\s+\w+)?\s+(?:is|of)))\s+$",
    re.IGNORECASE,
)
_BY = re.compile(r"\s*(?:x|×|by|mal|par|por)\s*$", re.IGNORECASE)
_AFTER = re.compile(r"\s*(?:people|persons?|times?|of\s+(?:them|these|our))", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number with its unit, in the one unit of its dimension."""

    start: int
    end: int
    dimension: str
    """A unit ("usd", "kg", "celsius", "degrees" when it is not said which), or what is counted ("burners")."""
    value: float
    step: float
    """What the last digit counts, in the same unit; more where a conversion rounds."""
    converted: bool = False
    """Whether it was said in another unit than ours."""
    others: tuple[float, ...] = ()
    """Further edges of "60 x 22 x 22 cm", behind `value`."""


def find_quantities(text: str, language: str = "en", *, names: tuple[tuple[int, int], ...] = ()) -> list[Quantity]:
    """All numbers with units of a text, in its order.

    Args:
        language: of the number words and of the marks in digits.
        names: stretches that are names ("Meadow Four") and hold no numbers.

    >>> [(q.dimension, round(q.value, 2)) for q in find_quantities("8.8 pounds, $250, -4 °F, two burners, sleeps four")]
    [('kg', 3.99), ('usd', 250.0), ('celsius', -20.0), ('burners', 2.0), ('persons', 4.0)]
    """
    return list(_quantities(text, language, names))


@functools.lru_cache(maxsize=128)  # the checks of claims and those of prices read the same text
def _quantities(text: str, language: str, names: tuple[tuple[int, int], ...]) -> tuple[Quantity, ...]:
    blank = blanked(text, names)
    found: list[Quantity] = []
    pending: list[Number] = []
    numbers = _merged(find_numbers(blank, language), blank)
    for at, number in enumerate(numbers):
        following = numbers[at + 1] if at + 1 < len(numbers) else None
        if following and _BY.fullmatch(blank[number.end : following.start]):
            pending.append(number)
            continue
        quantity = _with_unit(number, blank)
        if quantity is None and following and _to_range(blank[number.end : following.start]):
            quantity = _lent(number, following, blank)
        if quantity is not None and pending:
            scale = quantity.value / number.value if number.value else 1.0
            edges = (*(one.value * scale for one in pending), quantity.value)
            found.append(replace(quantity, start=pending[0].start, value=edges[0], others=edges[1:]))
        elif quantity is not None:
            found.append(quantity)
        pending = []
    return tuple(found)


def in_currency(quantity: Quantity, currency: str) -> Quantity:
    """A sum of money as the catalogue's own (`OURS`) or as foreign (`FOREIGN`); other quantities as they are.

    >>> [in_currency(q, "EUR").dimension for q in find_quantities("$5, €5, 5 kg")]
    ['dollar', 'usd', 'kg']
    """
    if quantity.dimension == "usd":
        return quantity if currency in DOLLARS else replace(quantity, dimension="dollar")
    return replace(quantity, dimension=OURS) if FOREIGN.get(quantity.dimension) == currency else quantity


def blanked(text: str, names: tuple[tuple[int, int], ...]) -> str:
    """The text with its names painted over: "Meadow Four" holds a number word."""
    for start, end in names:
        text = text[:start] + "#" * (end - start) + text[end:]
    return text


def _to_range(between: str) -> bool:
    return re.fullmatch(r"\s*(?:to|and|or|bis|und|à|et|y|a|-|–|から|と)\s*\$?\s*", between, re.IGNORECASE) is not None


def _lent(number: Number, following: Number, text: str) -> Quantity | None:
    """The first number of a range has the unit of the second: "between 50 and 80 dollars"."""
    unit = _with_unit(following, text)
    if unit is None or following.value == 0:
        return None
    if unit.dimension == "celsius" and unit.converted:
        return replace(unit, start=number.start, end=number.end, value=(number.value - 32) / 1.8)
    scale = unit.value / following.value
    return replace(unit, start=number.start, end=number.end, value=number.value * scale)


def _merged(numbers: list[Number], text: str) -> list[Number]:
    """Join what shops say in two numbers: "two seventy-nine" before dollars is 279."""
    merged: list[Number] = []
    for number in numbers:
        last = merged[-1] if merged else None
        if last is not None and number.start < last.end:
            continue
        if (
            last is not None
            and text[last.end : number.start] in (" ", "-")
            and 1 <= last.value <= 9
            and 10 <= number.value <= 99
            and not text[last.start].isdigit()
            and not text[number.start].isdigit()
            and re.match(r"\s*(?:dollars?|bucks|euros?|quid|yen|[.,;!?]|$)", text[number.end :], re.IGNORECASE)
        ):
            merged[-1] = Number(last.start, number.end, 100 * last.value + number.value, 1.0)
        else:
            merged.append(number)
    return merged


def _with_unit(number: Number, text: str) -> Quantity | None:
    start, end = number.start, number.end
    if sign := _SIGN.search(text, max(0, start - 4), start):
        return Quantity(sign.start(), end, str(sign.lastgroup), number.value, number.step)
    lead = text[max(0, start - 40) : start]
    if upf := _UPF.search(lead):
        return Quantity(start - len(upf[0]), end, "upf", number.value, number.step)
    if unit := _UNIT.match(text, end):
        return _converted(number, unit)
    if number.step == 1 and number.value > 0 and _SLEEPS.search(lead) and not re.match(r"\s*[a-z%]+s\b", text[end:]):
        return Quantity(start, end, "persons", number.value, 1.0)
    if _DOWN_TO.search(lead) and -60 <= number.value <= 40:
        return Quantity(start, end, "degrees", number.value, number.step)
    return None


def _converted(number: Number, unit: re.Match[str]) -> Quantity:
    name = str(unit.lastgroup)
    if name.startswith("c_"):
        return Quantity(number.start, unit.end(), name[2:], number.value, number.step)
    dimension, factor = _unit(name)
    if dimension == "fahrenheit":
        return Quantity(number.start, unit.end(), "celsius", (number.value - 32) / 1.8, number.step / 1.8, True)
    return Quantity(
        number.start, unit.end(), dimension, number.value * factor, number.step * factor,
        dimension == "kg" and factor not in (1.0, 0.001) or dimension in ("litres", "m2") and factor != 1.0
        or factor in (0.0254, 0.3048),
    )  # fmt: skip


@functools.lru_cache(maxsize=64)
def _unit(name: str) -> tuple[str, float]:
    dimension, _, factor = _UNITS[int(name[1:])]
    return dimension, factor
