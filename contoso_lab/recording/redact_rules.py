"""Which stretches of a text tell who somebody is: rules, in English, German, French and Spanish, some Japanese.

| kind | found by |
|---|---|
| name | the names that are known; what follows "my name is …" and its like; a title before a name |
| email | its shape, also as it is said: "maya dot chen at example dot com" |
| phone, card, number | runs of digits, said or written: a check digit, a plausible number, or seven digits and more |
| order | a number or code behind "order", "booking", "code" and their like; letters spelled one by one |
| address | a street with its number; what follows "I live at …"; places that are known; a postal code |

There is no model of language in it. A name that nobody introduced and that is not known is not
found. docs/recordings.md says what else escapes, and `data/private` how much.
"""

# ruff: noqa: E501 - a pattern that is cut in two is harder to read

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Literal, NamedTuple

from contoso_lab.recording.redact_numbers import Run, digit_runs, luhn

RULES_VERSION = "1"
"""Raised whenever the same text gives other stretches."""
Kind = Literal["name", "email", "phone", "card", "number", "order", "address"]
_WINDOW, _OVERLAP = 480, 120
_REGIONS = ("US", "GB", "DE", "FR", "ES", "JP")

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

_NAME = r"[^\W\d_][\w'’\-]*"
_CUES = (
    r"my\s+(?:full\s+|first\s+|last\s+|family\s+)?name(?:'s|\s+is)", r"(?:the\s+)?(?:first|last|full|family)\s+name\s+(?:is|was)",
    r"(?:the\s+)?name\s+on\s+(?:the\s+)?(?:card|order|booking|account)\s+is", r"under(?:\s+the\s+name(?:\s+of)?)?",
    r"this\s+is", r"i'?m", r"i\s+am", r"call\s+me", r"(?:it'?s|it\s+is)", r"i\s+am\s+called", r"speaking\s+(?:with|to)",
    r"mein\s+name\s+ist", r"ich\s+hei(?:ß|ss)e", r"hier\s+(?:ist|spricht)", r"auf\s+den\s+namen", r"ich\s+bin",
    r"je\s+m['’]appelle", r"mon\s+nom\s+est", r"ici", r"au\s+nom\s+de", r"je\s+suis",
    r"me\s+llamo", r"mi\s+nombre\s+es", r"a\s+nombre\s+de", r"soy", r"habla",
)  # fmt: skip
_SURE_CUES = re.compile(
    r"name|nom|llamo|heiß|heiss|appelle|called|on\s+(?:the\s+)?(?:card|order)|namen|nombre", re.IGNORECASE
)
_NAME_CUE = re.compile(rf"\b({'|'.join(_CUES)})\s+(?=\S)", re.IGNORECASE)
_TITLE = re.compile(
    r"\b(?:mr|mrs|ms|miss|dr|prof|herrn?|frau|monsieur|madame|mme|señora?|don|doña)\.?\s+((?-i:[A-ZÀ-Ý])[\w'’\-]+(?:\s+(?-i:[A-ZÀ-Ý])[\w'’\-]+)?)",
    re.IGNORECASE,
)
_JAPANESE_NAME = re.compile(r"(?:私の名前は|名前は)([^\s、。でと]{1,8})|([^\s、。は]{1,8})と申します")
_NO_NAME = frozenset(
    "a an the not no so very just still looking calling here there going trying sure sorry afraid happy glad back new "
    "interested wondering about in on at for from with and but it that this what who how yes okay ok my your our their "
    "his her its is was are be been being also really only now one two three too fine good great done ready open closed "
    "called spelled like order number email phone address card code "
    "ein eine der die das nicht sehr hier auf mit und aber schon noch interessiert sicher froh am im zu "
    "un une le la les de du très pas ici content sûr désolé en à à prêt el los las muy no aquí de en una seguro".split()
)
_ASKED_NAME = re.compile(
    r"\b(?:your|the)\s+(?:\w+\s+){0,2}name\b|\bwho\s+am\s+i\s+speaking|ihr(?:en)?\s+namen?|votre\s+nom|su\s+nombre|お名前",
    re.IGNORECASE,
)
_ASKED_NUMBER = re.compile(
    r"\b(?:phone|number|card|code|order|booking|reservation|confirmation|account|zip|postal|digits|pin|cvv|nummer|telefon"
    r"|kartennummer|plz|numéro|téléphone|commande|código|número|teléfono|pedido|expir\w*|security)\b", re.IGNORECASE
)  # fmt: skip

_CARD_CUE = re.compile(r"\b(?:card|credit|debit|visa|mastercard|amex|karte|kreditkarte|carte|tarjeta)\b", re.IGNORECASE)
_PHONE_CUE = re.compile(
    r"\b(?:phone|call\s+me|reach\s+me|mobile|cell|text\s+me|telefon|handy|anruf\w*|ruf\w*|téléphone|portable|appel\w*|teléfono|móvil|llám\w*)\b",
    re.IGNORECASE,
)
_CODE_CUE = re.compile(
    r"\b(?:order|booking|confirmation|reference|tracking|ticket|case|invoice|reservation|customer\s+number|account|member"
    r"|loyalty|security\s+code|cvv|cvc|pin|expir\w*|valid\s+until|last\s+four|ending\s+in|ends?\s+in|code"
    r"|bestell\w*|auftrag\w*|kundennummer|rechnung\w*|buchung\w*|commande|référence|facture|pedido|reserva|factura)\b"
    r"(?:\s+(?:number|code|id|no|nr|is|was|are|digits|in|nummer|lautet|ist|numéro|est|número|es|on|the|card|it's|of|my)\.?)*[\s:#]*$",
    re.IGNORECASE,
)  # fmt: skip
_ZIP_CUE = re.compile(
    r"\b(?:zip|postal|post)\s*(?:code)?(?:\s+(?:is|was))?[\s:]*$|\b(?:plz|postleitzahl|code\s+postal|código\s+postal)(?:\s+(?:ist|est|es))?[\s:]*$",
    re.IGNORECASE,
)
_AMOUNT_BEFORE = re.compile(r"(?:[$€£¥]|\bunder|\bover|\babout|\bup\s+to|\bcosts?)\s*$", re.IGNORECASE)
_AMOUNT_AFTER = re.compile(
    r"\s*(?:[$€£¥%°]|(?:us\s+)?dollars?|euros?|pounds?|bucks|cents?|percent|hundred|thousand|kilos?|kg|grams?|g\b|lit(?:er|re)s?|l\b"
    r"|degrees?|miles?|km|meters?|metres?|cm|people|persons?|nights?|days?|weeks?|months?|years?|minutes?|hours?|seconds?"
    r"|o'?clock|a\.?m\b|p\.?m\b|grad|gramm|personen|tage|stunden|uhr|jahre|personnes|jours|heures|personas|días)", re.IGNORECASE
)  # fmt: skip
_MEASURES = re.compile(r"\d\s*[x×]\s*\d", re.IGNORECASE)
_CODE = re.compile(
    r"(?<![\w\-])#?[A-Z]{1,4}-?\d{4,}\b|(?<!\w)#\s?[A-Z]*\d{3,}\b|\b(?=[A-Z0-9]*\d)(?=[A-Z0-9]*[A-Z])[A-Z0-9]{6,24}\b"
)
_IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?:\s?[A-Z0-9]{4}){3,7}(?:\s?[A-Z0-9]{1,3})?\b")

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


class Hit(NamedTuple):
    """A stretch of a text that tells who somebody is."""

    start: int
    end: int
    kind: Kind


@dataclass(slots=True)
class Known:
    """What is known about the people in a conversation, and what is never private."""

    names: set[str] = field(default_factory=set)
    places: set[str] = field(default_factory=set)
    words: dict[str, Kind] = field(default_factory=dict)
    """Addresses, ids and whatever else is to go wherever it stands, with its kind."""
    keep: set[str] = field(default_factory=set)
    """Names of products and the like, in small letters."""

    def learn(self, name: str) -> None:
        """Take in a name that somebody was introduced with; its parts count alone, too."""
        self.names |= {part for part in [name, *name.split()] if len(part) > 2 and part.lower() not in self.keep}

    def remember(self, text: str, kind: Kind) -> None:
        """Take in something that was said once, so that it goes where it is repeated; what is too short is left."""
        if kind == "name":
            self.learn(text)
        elif sum(sign.isalnum() for sign in text) >= 4:
            self.words.setdefault(text, kind)


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
    return _without_overlap(hits)


def _in_window(text: str, known: Known, asked: str) -> list[Hit]:
    return [
        *_emails(text), *_known(text, known), *_addresses(text), *_names(text, known, asked),
        *_numbers(text, asked, known), *_codes(text, known),
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


def _names(text: str, known: Known, asked: str) -> Iterator[Hit]:
    cased = any(sign.isupper() for sign in text[1:]) or text[:1].isupper()
    for cue in _NAME_CUE.finditer(text):
        sure = _SURE_CUES.search(cue[1]) is not None
        if (end := _name_from(text, cue.end(), known, cased=cased, sure=sure)) > cue.end():
            yield Hit(cue.end(), end, "name")
    for title in _TITLE.finditer(text):
        yield Hit(title.start(1), title.end(1), "name")
    for japanese in _JAPANESE_NAME.finditer(text):
        group = 1 if japanese[1] else 2
        yield Hit(japanese.start(group), japanese.end(group), "name")
    if asked and _ASKED_NAME.search(asked):
        begin = re.match(
            r"\W*(?:(?:yes|sure|it'?s|it\s+is|that'?s|ja|oui|sí|of\s+course|okay)\W+)*", text, re.IGNORECASE
        )
        start = begin.end() if begin else 0
        if (end := _name_from(text, start, known, cased=cased, sure=True)) > start and len(text.split()) <= 8:
            yield Hit(start, end, "name")


def _name_from(text: str, start: int, known: Known, *, cased: bool, sure: bool) -> int:
    """Where the name that begins here ends; `start` itself when none does. Text without capitals takes a sure cue."""
    end, count = start, 0
    if any(text[start:].lower().startswith(kept) for kept in known.keep):
        return start
    for word in re.finditer(_NAME, text[start:]):
        between = text[end : start + word.start()]
        low = word[0].lower().removesuffix("'s")
        joined = re.fullmatch(r"\s*" if not count else r"\s+", between) is not None
        capital = word[0][0].isupper() or not cased
        if not joined or low in _NO_NAME or low in known.keep or count >= 3 or not capital or (not sure and not cased):
            break
        if not cased and count >= 2:
            break
        end, count = start + word.end(), count + 1
    return end


def _numbers(text: str, asked: str, known: Known) -> Iterator[Hit]:
    for iban in _IBAN.finditer(text):
        yield Hit(iban.start(), iban.end(), "number")
    for run in digit_runs(text):
        kind = _kind_of(text, run, asked, known)
        if kind is not None:
            yield Hit(run.start, run.end, kind)


def _kind_of(text: str, run: Run, asked: str, known: Known) -> Kind | None:
    before, count = text[: run.start], len(run.digits)
    if run.text.lower() in known.keep or _MEASURES.search(run.text):
        return None
    near = f"{asked[-160:]} {before[-80:]}"
    if 13 <= count <= 19 and (luhn(run.digits) or _CARD_CUE.search(near)):
        return "card"
    if count >= 7 and run.letters <= 2:
        return "phone" if _PHONE_CUE.search(near) or _plausible(run.digits, run.text) else "number"
    amount = _AMOUNT_BEFORE.search(before) or _AMOUNT_AFTER.match(text, run.end)
    if amount and not _CODE_CUE.search(before):
        return None
    if count >= 3 and _ZIP_CUE.search(before):
        return "address"
    if (count >= 3 or run.letters >= 2) and count + run.letters >= 3 and _CODE_CUE.search(before):
        return "order"
    if run.letters >= 3 and (
        run.letters + count >= 4 or re.search(r"spell|that'?s|buchstab|épel|deletre", near, re.IGNORECASE)
    ):
        return "order" if count else "name"
    if asked and count + run.letters >= 3 and (run.spoken or count >= 4) and _ASKED_NUMBER.search(asked):
        return "order"
    return "phone" if count >= 4 and run.spoken and _PHONE_CUE.search(before[-60:]) else None


def _plausible(digits: str, text: str) -> bool:
    """Whether a telephone rings under this number somewhere that the shop delivers to."""
    import phonenumbers

    for region in _REGIONS:
        try:
            if phonenumbers.is_valid_number(phonenumbers.parse(text if text.startswith("+") else digits, region)):
                return True
        except phonenumbers.NumberParseException:
            continue
    return False


def _codes(text: str, known: Known) -> Iterator[Hit]:
    for found in _CODE.finditer(text):
        if found[0].lower() not in known.keep:
            yield Hit(found.start(), found.end(), "order")


def _addresses(text: str) -> Iterator[Hit]:
    for pattern in _ADDRESS:
        for found in pattern.finditer(text):
            yield Hit(found.start(), found.end(), "address")
    for cue in _ADDRESS_CUE.finditer(text):
        end = _SENTENCE_END.search(text, cue.end())
        stop = end.start() if end else len(text)
        words = text[cue.end() : stop].split()
        if words and words[0].lower() not in _NO_PLACE and len(words) <= 12:
            yield Hit(cue.end(), stop, "address")


def _without_overlap(hits: Iterable[Hit]) -> list[Hit]:
    """One stretch for all that overlap, of the kind of the longest."""
    made: list[tuple[Hit, int]] = []
    for hit in sorted(hits, key=lambda hit: (hit.start, -hit.end)):
        if hit.end <= hit.start:
            continue
        if made and hit.start < made[-1][0].end:
            last, longest = made[-1]
            kind = hit.kind if hit.end - hit.start > longest else last.kind
            made[-1] = Hit(last.start, max(last.end, hit.end), kind), max(longest, hit.end - hit.start)
        else:
            made.append((hit, hit.end - hit.start))
    return [hit for hit, _ in made]
