"""What a run of digits or letters is: a telephone's number, a card's, an order's, or an amount, which stays."""

# ruff: noqa: E501 - a pattern that is cut in two is harder to read

from __future__ import annotations

import re
from collections.abc import Iterator

from contoso_lab.recording.redact_hits import Hit, Kind, Known
from contoso_lab.recording.redact_numbers import Run, digit_runs, luhn

_REGIONS = ("US", "GB", "DE", "FR", "ES", "JP")
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


def numbers(text: str, asked: str, known: Known) -> Iterator[Hit]:
    """Numbers in a text that tell who somebody is; `asked` is what was said before it."""
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


def codes(text: str, known: Known) -> Iterator[Hit]:
    """Codes that are told by their shape alone."""
    for found in _CODE.finditer(text):
        if found[0].lower() not in known.keep:
            yield Hit(found.start(), found.end(), "order")
