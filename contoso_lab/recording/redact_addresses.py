"""Where somebody lives: streets with their numbers, postal codes beside towns, and what follows "I live in …"."""

# ruff: noqa: E501 - a pattern that is cut in two is harder to read

from __future__ import annotations

import re
from collections.abc import Iterator

from contoso_lab.recording.redact_hits import Hit

_NUMBER_WORD = r"(?:\d+\s?[a-z]?|(?:(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thir\w+|fif\w+|\w+teen|twenty|\w+ty|oh|hundred|and)[\s\-]+)+(?=\S))"
_STREET = r"(?:street|st|avenue|ave|road|rd|lane|ln|drive|dr|boulevard|blvd|way|court|ct|place|terrace|circle|highway|parkway|square)"
_ADDRESS = (
    re.compile(
        rf"\b{_NUMBER_WORD}\s*(?:(?:north|south|east|west|[nsew])\.?\s+)?(?:[^\W\d_][\w'’]*\s+){{1,3}}?{_STREET}\b\.?(?:,?\s*(?:apartment|apt|unit|suite|floor)\.?\s*\w+)?",
        re.IGNORECASE,
    ),
    re.compile(
        r"\b(?-i:[A-ZÄÖÜ])[\wäöüß\-]*(?:straße|strasse|str\.|weg|platz|allee|gasse|ring|damm)\s+(?:\d+\s?[a-z]?\b|(?:eins|zwei|drei|vier|fünf|sechs|sieben|acht|neun|zehn|elf|zwölf|\w+zehn|\w+zig|hundert\w*)\b)",
        re.IGNORECASE,
    ),
    re.compile(
        r"\b\d+\s*(?:bis|ter)?,?\s+(?:rue|avenue|boulevard|place|chemin|allée|impasse)\s+(?:(?:de|du|des|la|le|l['’]|d['’])\s*)*[\w'’\-]+(?:\s+[A-ZÀ-Ý][\w\-]+)*",
        re.IGNORECASE,
    ),
    re.compile(
        r"\b(?:calle|avenida|plaza|paseo|carrera)\s+(?:(?:de|del|la|las|los)\s+)*[\w\-]+(?:\s+[\w\-]+)?,?\s+(?:número\s+)?(?:\d+|[a-zñáéíóú]+)",  # codespell:ignore calle,adresse
        re.IGNORECASE,
    ),
    re.compile(r"\b[A-Z]{2}\s+\d{5}(?:-\d{4})?\b|\b\d{5}\s+(?-i:[A-ZÄÖÜ])[a-zäöüß]{3,}", re.IGNORECASE),
)
_ADDRESS_CUE = re.compile(
    r"\b(?:i\s+live\s+(?:at|in|on)|my\s+(?:home\s+|shipping\s+|delivery\s+)?address\s+is|(?:ship|send|deliver)\s+(?:it|them|that|this)?\s*to"
    r"|ich\s+wohne\s+(?:in|im|am|an\s+der)|meine\s+adresse\s+ist|j['’]habite\s+(?:au|à|à\s+la)?|mon\s+adresse\s+est|vivo\s+en|mi\s+dirección\s+es)\s+",  # codespell:ignore calle,adresse
    re.IGNORECASE,
)
_SENTENCE_END = re.compile(r"[.!?;](?=\s|$)|,?\s+(?:and|but|so|please|und|aber|et|mais|y|pero)\s|$", re.IGNORECASE)
_NO_PLACE = frozenset("me you us him her them my your the a store shop pickup it this that one".split())


def addresses(text: str) -> Iterator[Hit]:
    """Addresses in a text."""
    for pattern in _ADDRESS:
        for found in pattern.finditer(text):
            yield Hit(found.start(), found.end(), "address")
    for cue in _ADDRESS_CUE.finditer(text):
        end = _SENTENCE_END.search(text, cue.end())
        stop = end.start() if end else len(text)
        words = text[cue.end() : stop].split()
        if words and words[0].lower() not in _NO_PLACE and len(words) <= 12:
            yield Hit(cue.end(), stop, "address")
