"""The matters that customers ask about, and how each of them is said.

A concept ties together the keys under which catalogues file a matter, the words in which customers ask for it,
and the way to say it. No function here says anything that does not stand in the fact.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from contoso_lab.engine.clerk.briefing import Fact
from contoso_lab.engine.clerk.listening import spelled

_SPOKEN_UNITS = (
    (r"(?<=\d) x (?=[\d.]+ ?kW)", " times "),
    (r"g/m²", "grams per square meter"),
    (r"(?<=\d) ?kg\b", " kilograms"),
    (r"(?<=\d) ?mm\b", " millimeters"),
    (r"(?<=\d) ?cm\b", " centimeters"),
    (r"(?<=\d) ?m²", " square meters"),
    (r"(?<=\d) ?kW\b", " kilowatts"),
    (r"(?<=\d) ?g\b", " grams"),
    (r"(?<=\d) ?l\b", " liters"),
    (r"\blitre", "liter"),
    (r"(?<=\d) x (?=\d)", " by "),
    (r"(?<!\d)[-−](?=\d)", "minus "),
    (r" ?°C\b", " degrees Celsius"),
    (r" ?°F\b", " degrees Fahrenheit"),
    (r"\bXXL\b", "double extra large"),
    (r"\bXL\b", "extra large"),
    (r"\bXS\b", "extra small"),
)


def aloud(value: str) -> str:
    """A value in words that can be read aloud.

    >>> aloud("-20 °C"), aloud("60 x 22 x 22 cm")
    ('minus 20 degrees Celsius', '60 by 22 by 22 centimeters')
    """
    for written, spoken in _SPOKEN_UNITS:
        value = re.sub(written, spoken, value)
    return value


def listing(items: Iterable[str], last: str = "and") -> str:
    """Join as in speech.

    >>> listing(["fern", "slate", "rust"])
    'fern, slate and rust'
    """
    words = list(items)
    return f" {last} ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else "".join(words)


def _amount(before: str, after: str = "") -> Callable[[Fact], str]:
    return lambda fact: " ".join(filter(None, (before, aloud(fact.value), after)))


def _count(verb: str) -> Callable[[Fact], str]:
    return lambda fact: f"{verb} {spelled(int(fact.value)) if fact.value.isdigit() else aloud(fact.value)}"


def _waterproof(fact: Fact) -> str:
    answer, _, detail = (part.strip() for part in fact.value.partition(","))
    if fact.number is not None:
        return f"is waterproof to {aloud(fact.value)}"
    detail = aloud(detail)
    if answer.lower() != "no":
        plainly = f" and {detail}" if re.fullmatch(r"\w+proof", detail) else f", with a {detail}" if detail else ""
        return f"is waterproof{plainly}"
    if not detail:
        return "is not waterproof"
    if detail.endswith(" included"):
        return f"is not waterproof, but a {detail.removesuffix(' included')} is included"
    if re.match(r"[a-z]+s\b(?! )?", detail) and " and " in detail:
        return f"is not waterproof, but it {detail}"
    return f"is not waterproof, but it has a {detail}"


def _fuel(fact: Fact) -> str:
    return f"runs on a {aloud(fact.value)}"


def _choice(fact: Fact) -> str:
    return f"comes in {listing(part.strip() for part in fact.value.split(','))}"


@dataclass(frozen=True, slots=True)
class Concept:
    """A matter that customers ask about."""

    name: str
    """Also how the clerk calls it when it has to say that it does not know."""
    keys: str
    """Pattern for the start of a fact's key."""
    asked: str
    """Pattern for a customer's plain words."""
    say: Callable[[Fact], str]


CONCEPTS: tuple[Concept, ...] = (
    Concept(
        "load",
        r"(carries|holds|load)",
        r"\bhow much (?:weight )?(?:can|does|will|could) \S+ (?:\w+ )?(?:carry|hold|support|"
        r"take)\b|\bcarry\b|maximum load",
        lambda f: f"{'holds' if f.key.startswith('holds') else 'carries'} {aloud(f.value)}",
    ),
    Concept(
        "weight",
        r"weight",
        r"\bweigh\w*|\bhow (?:heavy|light)\b|\bheavy\b|how many (?:pounds|kilos|kilograms)",
        _amount("weighs"),
    ),
    Concept(
        "waterproof",
        r"water",
        r"\bwaterproof\w*|\bwater resistant|\brain ?proof|\bkeep\w* (?:\w+ )?(?:rain|water|dry|"
        r"wet)|\bin the rain\b|\bgets? wet\b",
        _waterproof,
    ),
    Concept(
        "people",
        r"(sleeps|people|persons)",
        r"\bhow many (?:people|persons|of us|kids)|\bsleeps?\b|\bbig enough|\blarge enough|"
        r"\broom (?:enough )?for|\bfit (?:\d|all|my|our|us|the)|\benough (?:room|space)",
        _count("sleeps"),
    ),
    Concept(
        "seats",
        r"seats",
        r"\bhow many (?:people|persons|can sit)|\bseats?\b|\bsit\b|\bbig enough|\broom for|"
        r"\benough (?:room|space)",
        _count("seats"),
    ),
    Concept(
        "temperature",
        r"(comfort|temperature|warm down to)",
        r"\bhow (?:warm|cold)|\btemperature|^(?:and )?(?:is|are|will|does|do|can|would|how|"
        r"what)\b.*\b(?:degrees|minus)\b|\bwarm enough|\bcomfort(?: |$)|\bcold weather|\b(?:good|"
        r"ok|okay|fine|enough|suitable|work) (?:for|in) (?:the )?(?:winter|frost|cold|snow|minus)|"
        r"\bfreez",
        lambda f: _amount("is warm down to" if f.key.startswith("warm") else "is comfortable down to")(f),
    ),
    Concept("limit", r"limit", r"\blimit\b|\bextreme\b|\blowest\b", _amount("has a limit of")),
    Concept(
        "capacity",
        r"(capacity|volume)",
        r"\blit(?:er|re)s?\b|\bvolume|\bcapacity|\bhow much (?:can|does|will) \S+ (?:hold|fit)",
        _amount("holds"),
    ),
    Concept(
        "packed size",
        r"pack",
        r"\bpack(?:ed|s|ing)? (?:size|down|small|up)|\bhow small\b|\bwhen (?:it is )?packed|"
        r"\bpacked\b",
        _amount("packs down to"),
    ),
    Concept(
        "standing height",
        r"(standing )?height",
        r"\bstand(?:ing)?\b|\bhow (?:tall|high) is\b|\bheadroom\b|\bheight\b",
        _amount("has a standing height of"),
    ),
    Concept("floor space", r"floor", r"\bfloor\b|\bspacious\b|\bsquare\b|\barea\b", _amount("has a floor of")),
    Concept("size", r"open size", r"\bopen size\b|\bunfolded\b|\bdimensions\b", _amount("measures", "when it is open")),
    Concept(
        "setup time",
        r"set ?up",
        r"\bset ?up\b|\bsetting (?:it )?up\b|\bpitch\b|\bput (?:it|this|that) up\b|\bassembl|"
        r"\bhow long does it take\b",
        _amount("takes", "to set up"),
    ),
    Concept(
        "material",
        r"material",
        r"\bmade (?:of|from|out)\b|\bmaterials?\b|\bfabric\b|\bwhat is it made\b",
        _amount("is made of"),
    ),
    Concept("colors", r"colou?r", r"\bcolou?rs?\b", _choice),
    Concept(
        "sizes",
        r"sizes?$",
        r"\b(?:what|which|your|my|in|of|the) sizes?\b|\bsizes\b|\bsize \d|\bsize (?:small|medium|"
        r"large)",
        _amount("comes in sizes"),
    ),
    Concept(
        "season",
        r"season",
        r"\bseasons?\b|\btime of (?:the )?year\b|\ball year\b|\bin (?:summer|winter|autumn|fall|"
        r"spring)\b",
        _amount("is made for"),
    ),
    Concept(
        "fuel",
        r"fuel",
        r"\bfuels?\b|\bcartridges?\b|\bcanisters?\b|\bcylinders?\b|\bpropane\b|\bruns? on\b|"
        r"\bgas\b",
        _fuel,
    ),
    Concept(
        "burners",
        r"burner",
        r"\bburners?\b|\bflames?\b|\bhow many pots\b",
        lambda f: (
            f"has {spelled(int(f.value)) if f.value.isdigit() else f.value} burner{'' if f.value == '1' else 's'}"
        ),
    ),
    Concept("power", r"power", r"\bpower(?:ful)?\b|\bkilowatts?\b|\bwatts?\b", _amount("has a power of")),
    Concept(
        "boiling time",
        r"boil",
        r"\bboil\w*|\bhow (?:fast|quick)",
        lambda f: f"{f.key.replace('litre', 'liter')} {aloud(f.value)}",
    ),
    Concept(
        "terrain",
        r"terrain",
        r"\bterrain\b|\b(?:kind|sort)s? of (?:paths?|trails?|ground)\b|\b(?:good|ok|fine|suitable|"
        r"work) (?:for|on|in) (?:the )?(?:snow|rivers?|mountains?|trails?|rocks?)",
        _amount("is made for"),
    ),
    Concept("sun protection", r"sun", r"\bsun\b|\bu ?v\b|\bu ?p ?f\b", _amount("has a sun protection of")),
    Concept("breathability", r"breath", r"\bbreath\w*", _amount("has a breathability of")),
    Concept(
        "back length",
        r"back length",
        r"\bback length\b|\btorso\b|\badjust\w*",
        lambda f: f"its back length is {aloud(f.value)}",
    ),
    Concept(
        "body length",
        r"fits",
        r"\bhow tall\b|\btall (?:person|people|man|enough)\b|\blong enough\b|\bi am \d+ (?:cm|"
        r"centimeters)|\bbody\b",
        lambda f: f"{f.key} {aloud(f.value)}",
    ),
)
