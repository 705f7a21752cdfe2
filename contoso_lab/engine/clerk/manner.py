"""How a clerk behaves: the plain-English bullets of a prompt's `# Manner`, as values.

The forms that are understood are few and written so that a person changes them without thinking of a parser:
"Answer in at most two sentences.", "Offer at most one product at a time.", "Never ask questions." What is not
understood changes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

_COUNTS = {word: count for count, word in enumerate("one two three four five six seven eight nine ten".split(), 1)}
_NUMBER = r"(\d+|a single|" + "|".join(_COUNTS) + ")"
_LIMIT = r"(?:at most|no more than|not more than|up to|maximum of|in|only|exactly)"
_AVOIDS = re.compile(
    r"\b(?:never|do not|don't|stop|avoid)\s+(?:ever\s+)?"
    r"(?:recommend|offer|suggest|propose|push|sell|advertise)(?:ing)?\s+"
    r"(?!.*\b(?:prices?|questions?|discounts?|more than (?:\d+|one|two|three) |without)\b)(.+)"
)
_BRIEF = re.compile(
    r"\b(?:brief|briefly|concise|succinct|terse)\b|\bshort (?:answer|repl)|\b(?:answers?|repl\w+|it) (?:\w+ )?short\b"
)
_ADDRESSED = re.compile(
    r"\b(?:(?i:address|call)) (?:the |your )?(?:customer|caller|them|her|him)s?(?: as)? [\"“]?([A-Z][\w.' -]*\w)"
)
_QUOTED = re.compile(r"[\"“](.+?)[\"”]")
_LANGUAGES = "english german french spanish italian dutch portuguese polish swedish japanese chinese turkish danish"


@dataclass(frozen=True, slots=True)
class Manner:
    """The rules of conduct; the defaults are those of a clerk whom nobody told how to behave."""

    opening: str | None = None
    """What to say first, with the customer's name filled in."""
    closing: str | None = None
    begin: str = ""
    """Said at the start of every answer."""
    end: str = ""
    """Said at the end of every answer."""
    most_sentences: int = 3
    most_products: int = 2
    gives_reason: bool = False
    asks_before_showing: bool = False
    spares_bought: bool = True
    small_talk: bool = True
    says_prices: bool = True
    questions: Literal["some", "never", "always"] = "some"
    name_use: Literal["first", "full", "last", "never"] = "first"
    address: str = ""
    """How the customer is addressed, where the prompt says it: "Ms. Chen"."""
    avoid: tuple[str, ...] = ()
    """Words of products and kinds that are never recommended: "meadow four", "sleeping bags"."""
    most_usd: float | None = None
    """Nothing dearer is recommended."""
    cheapest_first: bool = False
    unknown: str = ""
    """Said when something is not known."""
    tone: Literal["plain", "formal", "enthusiastic"] = "plain"
    language: str = "English"
    clerk: str = ""
    """The name the clerk goes by, such as "Robin"."""
    shop: str = ""

    @property
    def speaks_english(self) -> bool:
        """Whether the prompt asks for the one language that the clerk can speak."""
        return self.language == "English"


def read_manner(bullets: Iterable[str], prose: Iterable[str] = (), fill: Mapping[str, str] | None = None) -> Manner:
    """Read the bullets of a `# Manner` section; without any, the sentences of the prose are tried.

    Args:
        bullets: the section's lines.
        prose: the prompt's text before its sections, for the clerk's name and its tone.
        fill: what to put for `{name}` in a quoted line.

    >>> read_manner(["Answer in at most one sentence.", "Always give the reason."]).most_sentences
    1
    """
    told = list(prose)
    sentences = [sentence for line in told for sentence in re.split(r"(?<=[.!?])\s+", line)]
    manner = Manner()
    for rule in list(bullets) or sentences:
        manner = _obey(manner, rule, fill or {})
    text = " ".join(told)
    clerk, shop = _who(text, manner.opening or "")
    if re.search(r"no small talk|\b(?:brisk|terse|curt|dry|brief|matter-of-fact|businesslike)\b", text, re.IGNORECASE):
        manner = replace(manner, small_talk=False)
    manner = _tuned(manner, text.lower())
    if not manner.speaks_english:
        # Words in a language that the clerk does not speak: an English voice would make garbage of them.
        manner = replace(manner, opening=None, closing=None, begin="", end="", unknown="")
    return replace(manner, clerk=clerk, shop=shop)


def _obey(manner: Manner, rule: str, fill: Mapping[str, str]) -> Manner:
    """The manner with one rule more."""
    low = rule.lower()
    manner = _tuned(manner, low)
    forbids = bool(re.search(r"\b(never|do not|don't|no|without)\b", low))
    quoted = _QUOTED.search(rule)
    if quoted and (slot := _slot(low)):
        said = quoted[1]
        for key, value in fill.items():
            said = said.replace("{" + key + "}", value)
        return _set(manner, slot, said)
    if found := re.search(_LIMIT + r"\s+" + _NUMBER + r"\s+(?:short\s+)?sentence", low):
        return replace(manner, most_sentences=_count(found[1]))
    if found := re.search(r"(?<!first )\b" + _NUMBER + r"\s+(?:short\s+)?sentences?\b", low):
        return replace(manner, most_sentences=_count(found[1]))
    if _BRIEF.search(low):
        return replace(manner, most_sentences=3 if forbids else 1)
    if found := re.search(rf"(?:{_LIMIT}|more than)\s+{_NUMBER}\s+(?:product|item|suggestion|thing)", low):
        return replace(manner, most_products=_count(found[1]))
    if "already bought" in low or "already own" in low:
        return replace(manner, spares_bought=forbids)
    if found := _AVOIDS.search(low):
        return _avoid(manner, found[1])
    if re.search(r"\b(?:cheap\w*|least expensive|lowest[- ]price\w*|most affordable)\b", low) and not forbids:
        return replace(manner, cheapest_first=True)
    if found := _ADDRESSED.search(rule):
        return replace(manner, address=found[1].strip())
    if "screen" in low and re.search(r"\bask\b|permission", low):
        return replace(manner, asks_before_showing=not re.search(r"\b(do not|don't|never) ask", low))
    if re.search(r"\breasons?\b|\bsay why\b|\bexplain why\b", low):
        return replace(manner, gives_reason=not forbids)
    if re.search(r"\bprices?\b", low) and re.search(r"\b(say|tell|mention|name|give)\b", low):
        return replace(manner, says_prices=not forbids)
    if "small talk" in low:
        return replace(manner, small_talk=not forbids)
    if re.search(r"\bquestions?\b", low) and re.search(r"\b(ask|end)\b", low):
        return replace(manner, questions="never" if forbids else "always")
    if "name" in low and re.search(r"\b(call|address|use|say)\b", low):
        return replace(manner, name_use=_name_use(low, forbids=forbids))
    if found := re.search(r"\b(?:speak|talk|answer|write)(?: in)? (" + "|".join(_LANGUAGES.split()) + r")\b", low):
        return replace(manner, language=found[1].capitalize())
    return manner


def _tuned(manner: Manner, low: str) -> Manner:
    """The manner in the tone that a text asks for."""
    if re.search(r"(?:never|not|don't)(?: \w+){0,3} (?:formal|enthusiastic|cheerful|excited|upbeat)", low):
        return manner
    if re.search(r"\b(?:enthusias\w+|cheerful\w*|excited|upbeat|energetic)\b", low):
        return replace(manner, tone="enthusiastic")
    return replace(manner, tone="formal") if re.search(r"\bformal(?:ly)?\b", low) else manner


def _avoid(manner: Manner, what: str) -> Manner:
    """The manner that spares its customers something: a product, a kind, or what is too dear."""
    if found := re.search(r"(?:over|above|more than|beyond) \$\s*([\d,]+(?:\.\d+)?)", what):
        return replace(manner, most_usd=float(found[1].replace(",", "")))
    parts = [re.sub(r"^(?:the|any|a|an|our)\s+", "", part.strip(' ."“”')) for part in re.split(r",| or | and ", what)]
    return replace(manner, avoid=(*manner.avoid, *filter(None, parts)))


def _name_use(low: str, *, forbids: bool) -> Literal["first", "full", "last", "never"]:
    if forbids:
        return "never"
    return "full" if "full name" in low else "last" if re.search(r"\b(?:last|family) name|surname", low) else "first"


def _slot(low: str) -> Literal["opening", "closing", "begin", "end", "unknown"] | None:
    """Which quoted line a rule gives."""
    if re.search(r"\b(?:do not|don't|cannot) (?:know|have|answer)\b|\bunsure\b|\bnot sure\b|\bmissing\b", low):
        return "unknown"
    if re.search(r"\b(every|each) (answer|reply|sentence)\b", low):
        return "end" if re.search(r"\b(end|close|finish)\b", low) else "begin"
    if re.search(r"\b(open|greet|start|begin)\b", low):
        return "opening"
    return "closing" if re.search(r"\b(close|end|finish|goodbye|bye)\b", low) else None


def _set(manner: Manner, slot: Literal["opening", "closing", "begin", "end", "unknown"], said: str) -> Manner:
    match slot:
        case "unknown":
            return replace(manner, unknown=said)
        case "opening":
            return replace(manner, opening=said)
        case "closing":
            return replace(manner, closing=said)
        case "begin":
            return replace(manner, begin=said)
        case "end":
            return replace(manner, end=said)


def _count(word: str) -> int:
    return max(1, int(word)) if word.isdigit() else _COUNTS.get(word, 1)


def _who(prose: str, opening: str) -> tuple[str, str]:
    """The clerk's name and the shop's, from "You are Robin, the voice of Contoso Outdoor" or from the greeting."""
    greeting = re.search(r"\bthis is ([A-Z]\w+)(?: (?:from|of|at) ([A-Z]\w*(?: [A-Z]\w*)*))?", opening)
    persona = re.search(r"\bYou are ([A-Z]\w+)(?:,[^.]*?\b(?:of|at|for|from) ([A-Z]\w*(?: [A-Z]\w*)*))?", prose)
    names = [found[1] for found in (greeting, persona) if found]
    shops = [found[2] for found in (greeting, persona) if found and found[2]]
    return (names[0] if names else ""), (shops[0] if shops else "")
