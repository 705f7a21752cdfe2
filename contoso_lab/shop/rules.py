"""The rules that the prompts promise, held against what the agent really said and showed.

Recommend only what the catalogue holds and never what was already bought; true prices and figures; nothing about
stock, delivery or discounts, of which nothing is known; the customer's language; no Markdown in speech; on a page only
products that were talked about, each with one picture whose address is verbatim; and nothing shown without permission.

>>> from contoso_lab.shop import Catalog, get_customer
>>> turns = [{"role": "user", "content": "Boots?"}, {"role": "assistant", "content": "Take the Pathfinder Boots."}]
>>> [(f.kind, f.words) for f in check_reply(turns, get_customer("maya"), Catalog.load(), "en")]
[('again', 'Pathfinder Boots')]
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple, TypeAlias

from contoso_lab.shop.catalog import Catalog
from contoso_lab.shop.customers import Customer
from contoso_lab.shop.mentions import find_mentions
from contoso_lab.shop.thread import Said
from contoso_lab.shop.truth import Finding, Medium, check

Turns: TypeAlias = Sequence[Said | Mapping[str, Any]]
"""Turns of a call, or messages `{"role": …, "content": …}`, oldest first."""

_SHOWS = re.compile(
    r"\b(?:I\s+(?:have\s+)?(?:just\s+)?(?:put|sent|placed)|I['’]ve\s+(?:just\s+)?(?:put|sent|placed)|I(?:['’]m|"
    r"\s+am)\s+(?:putting|sending|showing)|I(?:['’]ll|\s+will)\s+(?:now\s+)?(?:put|send|show)|"
    r"(?:it|they|everything|the\s+\w+(?:\s+\w+)?)\s*(?:is|are|['’]s)\s+(?:now\s+|"
    r"already\s+)?(?:up\s+)?on)\b[^.?!]*\b(?:your|the)\s+screen\b|\bon\s+your\s+screen\s+(?:now|you\s+(?:see|"
    r"find))\b|\b(?:is|are)\s+coming\s+to\s+your\s+screen\b|"
    r"\b(?:auf\s+(?:Ihrem|deinem|dem)\s+Bildschirm\s+(?:sehen|finden|siehst)|(?:ich\s+(?:zeige|schicke|lege)|"
    r"ist\s+jetzt)\b[^.?!]*\bauf\s+(?:Ihre[mn]|deine[mn]|de[mn])\s+Bildschirm)|"
    r"\b(?:j['’]affiche|je\s+(?:vous\s+)?(?:montre|mets|envoie)|(?:est|sont)\s+(?:maintenant\s+)?(?:affichée?s?|"
    r"à))\b[^.?!]*\bécran|"
    r"\b(?:(?:le\s+)?(?:muestro|pongo|envío)|ya\s+está|está)\b[^.?!]*\bpantalla|画面に(?:表示しま|お見せしま|出しま|映しま)",
    re.IGNORECASE,
)  # fmt: skip
_OFFERS = re.compile(
    r"\b(?:shall|should|may|can|could)\s+I\b|\bwould\s+you\s+like\b|\bdo\s+you\s+want\b|\bif\s+you\s+(?:like|want|"
    r"wish)\b|\bI\s+can\s+(?:put|show|send)|\bwant\s+me\s+to\b|"
    r"\b(?:soll|darf|kann)\s+ich\b|\bmöchten\s+Sie\b|\bpuis-je\b|\bvoulez-vous\b|\bsouhaitez-vous\b|\b(?:quiere|"
    r"desea)\b|\bpuedo\b|ましょうか|よろしい",
    re.IGNORECASE,
)
_ABOUT_SCREEN = re.compile(
    r"screen|show|see\b|picture|page|Bildschirm|zeig|écran|montr|affich|pantalla|mostr|muestr|画面|見せ|表示",
    re.IGNORECASE,
)
_WANTS = re.compile(
    r"\b(?:show|see\b|(?:take\s+a\s+|have\s+a\s+)?look\s+at|picture|pictures|photo|photos|on\s+(?:my|the)\s+(?:screen|scream)|"
    r"write\s+it\s+(?:up|down)|send\s+(?:me|it|them)|zeig\w*|sehen|anschauen|ansehen|Bildschirm|schick\w*|"
    r"montre\w*|voir|affiche\w*|écran|envoyez|muestr\w*|mostrar\w*|mostrarme|ver(?:lo|la|los|las)?|pantalla|"
    r"enseñ\w*)\b|見せ|見たい|画面|表示|写真",
    re.IGNORECASE,
)  # fmt: skip
_YES = re.compile(
    r"^\W*(?:yes|yeah|yep|sure|please|okay|ok|of\s+course|go\s+ahead|that\s+would\s+be|sounds\s+good|gladly|"
    r"absolutely|why\s+not|ja|gern\w*|bitte|klar|oui|volontiers|d['’]accord|bien\s+sûr|sí|si\b|claro|"
    r"por\s+favor|vale|はい|ええ|お願い|ぜひ)",
    re.IGNORECASE,
)  # fmt: skip
_NO = re.compile(
    r"\b(?:don['’]t|do\s+not|no\s+need|not\s+now|never\s+mind|stop|nein|nicht|kein\w*|ne\b[^.]*\bpas|pas\s+besoin|"
    r"no\s+hace\s+falta|no\s+me)\b|^\W*(?:no|non|nein|いいえ|いえ)\b",
    re.IGNORECASE,
)


class _Line(NamedTuple):
    role: str
    text: str
    id: str | None


def check_reply(
    turns: Turns, customer: Customer, catalog: Catalog, language: str | None, *, medium: Medium = "speech"
) -> list[Finding]:
    """Which rules the last words of the assistant break; empty when they keep all of them.

    Args:
        turns: the conversation so far; what comes before the last customer's line is what it is judged by.
        language: the customer's, as a code; None when it is open.
        medium: "text" for the chat.
    """
    lines = [_line(turn) for turn in turns]
    last = max((at for at, line in enumerate(lines) if line.role == "user"), default=-1)
    found: list[Finding] = []
    for at, line in enumerate(lines):
        if line.role != "assistant" or at <= last or not line.text.strip():
            continue
        asked_for = set(_named(lines[last : last + 1], catalog, language)) if last >= 0 else set()
        spoken_of = _last_named(lines[:at], catalog, language)
        for finding in check(line.text, catalog, customer, medium=medium, language=language, earlier=spoken_of):
            # Who asks for the very boots that they own may have them again.
            if _breaks(finding) and not (finding.kind == "again" and finding.sku in asked_for):
                found.append(replace(finding, turn_id=line.id))
        if (shows := _shows(line.text)) and not permitted(turns[:at]):
            says = "the customer has not asked for it and has not agreed"
            found.append(Finding("permission", "false", shows[0], *shows.span(), says, turn_id=line.id))
    return found


def check_page(
    markdown: str, turns: Turns, customer: Customer, catalog: Catalog, language: str | None
) -> list[Finding]:
    """Which rules a page breaks that was written for this conversation; empty when it keeps all of them."""
    lines = [_line(turn) for turn in turns]
    found = [f for f in check(markdown, catalog, customer, medium="page", language=language) if _breaks(f)]
    talked = set(_named(lines, catalog, language))
    pictured = set(re.findall(r"!\[[^\]]*\]\(([^)\s]*)", markdown))
    for sku, start, end in _presented(markdown, catalog, language):
        words, product = markdown[start:end], catalog.get(sku)
        if sku in customer.purchases and not any(f.kind == "again" and f.sku == sku for f in found):
            says = f"{customer.first_name} has bought the {product.name} already"
            found.append(Finding("again", "false", words, start, end, says, sku))
        if sku not in talked:
            found.append(Finding("unspoken", "false", words, start, end, f"nobody spoke of the {product.name}", sku))
        if product.image not in pictured and not any(f.kind == "image" and f.sku == sku for f in found):
            found.append(Finding("image", "false", words, start, end, f"its picture {product.image} is missing", sku))
    if not permitted(turns):
        says = "the customer has not asked for a page and has not agreed to one"
        found.append(Finding("permission", "false", markdown[:40], 0, min(40, len(markdown)), says))
    return sorted(found, key=lambda finding: finding.start)


def permitted(turns: Turns) -> bool:
    """Whether the customer asked to see something, or agreed to an offer to show it; the last word counts."""
    yes, offered = False, False
    for line in map(_line, turns):
        if line.role == "assistant":
            offered = _OFFERS.search(line.text) is not None and _ABOUT_SCREEN.search(line.text) is not None
        elif line.role == "user" and line.text.strip():
            refuses = _NO.search(line.text) is not None
            if refuses and (offered or _WANTS.search(line.text)):
                yes = False
            elif _WANTS.search(line.text) or (offered and _YES.match(line.text)):
                yes = True
            offered = False
    return yes


def _breaks(finding: Finding) -> bool:
    return finding.verdict == "false" or finding.kind in ("unknowable", "currency")


def _shows(text: str) -> re.Match[str] | None:
    for sentence in re.finditer(r"[^.!?。！？]+[.!?。！？]*", text):
        if not sentence[0].rstrip().endswith(("?", "？")) and not _OFFERS.search(sentence[0]):
            if found := _SHOWS.search(text, sentence.start(), sentence.end()):
                return found
    return None


def _line(turn: Said | Mapping[str, Any]) -> _Line:
    if isinstance(turn, Mapping):
        content = turn.get("content", "")
        parts = content if isinstance(content, list) else [{"text": content}]
        text = " ".join(str(part.get("text", "")) for part in parts if isinstance(part, Mapping))
        return _Line(str(turn.get("role")), text, turn.get("id"))
    # A message of the memory says what was heard of it as `as_heard`: its `heard` is None when it was all.
    heard = getattr(turn, "as_heard", None)
    return _Line(turn.role, turn.heard if heard is None else heard, getattr(turn, "item_id", getattr(turn, "id", None)))


def _named(lines: Sequence[_Line], catalog: Catalog, language: str | None) -> list[str]:
    return [
        mention.sku
        for line in lines
        for mention in find_mentions(line.text, catalog, loose=True, language=language or "en", heard=True)
    ]


def _last_named(lines: Sequence[_Line], catalog: Catalog, language: str | None) -> list[str]:
    for line in reversed(lines):
        if named := _named([line], catalog, language):
            return list(dict.fromkeys(named))
    return []


def _presented(markdown: str, catalog: Catalog, language: str | None) -> list[tuple[str, int, int]]:
    """The products in the headings of a page, each once, with the place; without headings, all that it names."""
    headings = [match.span() for match in re.finditer(r"(?m)^#{1,6}\s.*$", markdown)]
    mentions = find_mentions(markdown, catalog, language=language or "en")
    inside = [m for m in mentions if any(start <= m.start < end for start, end in headings)]
    inside = inside or [m for m in mentions if "/images/" not in markdown[max(0, m.start - 9) : m.start]]
    return [(m.sku, m.start, m.end) for m in {m.sku: m for m in reversed(inside)}.values()]
