"""Which stretches of a text tell who somebody is: rules, in English, German, French and Spanish, some Japanese.

| kind | found by |
|---|---|
| name | the names that are known; what follows "my name is …" and its like; a title before a name; given names |
| email | its shape, also as it is said: "maya dot chen at example dot com" |
| phone, card, number | runs of digits, said or written: a check digit, a plausible number, or seven digits and more |
| order | a number or code behind "order", "booking", "code" and their like; letters spelled one by one |
| address | a street with its number; what follows "I live at …"; places that are known; a postal code |

There is no model of language in it. A name that nobody introduced, that is not known and not common is not
found. docs/recordings.md says what else escapes, and `data/private` how much.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache

from contoso_lab.recording.redact_addresses import addresses
from contoso_lab.recording.redact_hits import Hit, Kind, Known, without_overlap
from contoso_lab.recording.redact_kinds import codes, numbers
from contoso_lab.recording.redact_names import names

__all__ = ["RULES_VERSION", "Hit", "Kind", "Known", "find_private"]

RULES_VERSION = "2"
"""Raised whenever the same text gives other stretches."""
_WINDOW, _OVERLAP = 480, 120

_EMAIL = re.compile(r"[\w.+\-]+@[\w\-]+(?:\.[\w\-]+)+")
_TLD = r"(?:com|org|net|edu|gov|de|fr|es|io|uk|jp|eu|info|calm)"
_DOT, _AT = r"(?:dot|punkt|point|punto|\.)", r"(?:at(?:\s+sign)?|ät|arobase|arroba|@)"
_JOIN = r"(?:dot|underscore|unterstrich|dash|hyphen|minus|bindestrich|punkt|point|punto|plus|tiret|guion|guión)"
_SAID_EMAIL = re.compile(
    rf"(?:(?:\b\w\b[\s,\-]+)+|\b\w+\s+)?(?:(?:\w+\s+)?{_JOIN}\s+)*\b\w+\s+{_AT}\s+"
    rf"(?:\w+\s+)??\w+(?:\s*{_DOT}\s*\w+)*?\s*{_DOT}\s*{_TLD}\b(?:\s*{_DOT}\s*(?:uk|jp))?",
    re.IGNORECASE,
)
_LEAD_INS = re.compile(
    r"^(?:(?:my|the|e-?mail|mail|address|is|it's|its|ist|est|es|meine?|lautet|to|an|under|me)\s+)+", re.IGNORECASE
)


def find_private(text: str, known: Known | None = None, *, asked: str = "") -> list[Hit]:
    """Find what tells who somebody is; the stretches are in order and do not overlap.

    >>> text = "I'm Maya Chen, call me at five oh three, five five five, oh one four seven."
    >>> [(hit.kind, text[hit.start : hit.end]) for hit in find_private(text)]
    [('name', 'Maya Chen'), ('phone', 'five oh three, five five five, oh one four seven')]

    Args:
        text: what was said or written.
        known: names and places that are known beforehand.
        asked: what was said before, which may have asked for a name or a number.
    """
    known = known or Known()
    hits: list[Hit] = []
    # In windows: some patterns look far ahead, and a text without an end would take them for ever.
    for at in range(0, max(1, len(text)), _WINDOW - _OVERLAP):
        window = text[at : at + _WINDOW]
        before = asked if at == 0 else text[max(0, at - _OVERLAP) : at]
        hits += [Hit(hit.start + at, hit.end + at, hit.kind) for hit in _in_window(window, known, before)]
    return without_overlap(hits)


def _in_window(text: str, known: Known, asked: str) -> list[Hit]:
    return [
        *_emails(text), *_known(text, known), *addresses(text), *names(text, known, asked),
        *numbers(text, asked, known), *codes(text, known),
    ]  # fmt: skip


def _emails(text: str) -> Iterator[Hit]:
    for found in _EMAIL.finditer(text):
        yield Hit(found.start(), found.end(), "email")
    for found in _SAID_EMAIL.finditer(text):
        lead = _LEAD_INS.match(found[0])
        yield Hit(found.start() + (lead.end() if lead else 0), found.end(), "email")


def _known(text: str, known: Known) -> Iterator[Hit]:
    groups: list[tuple[Iterable[str], Kind]] = [(known.names, "name"), (known.places, "address")]
    groups += [
        ([word for word, kind in known.words.items() if kind == each], each) for each in set(known.words.values())
    ]
    for words, kind in groups:
        pattern = _any_of(frozenset(words))
        for found in pattern.finditer(text) if pattern is not None else ():
            yield Hit(found.start(), found.end(), kind)


@cache
def _any_of(words: frozenset[str]) -> re.Pattern[str] | None:
    forms = sorted((re.escape(word) for word in words if word.strip()), key=len, reverse=True)
    return re.compile(rf"(?<!\w)(?:{'|'.join(forms)})(?!\w)", re.IGNORECASE) if forms else None
