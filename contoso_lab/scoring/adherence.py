"""Whether the assistant kept to its part, and said nothing that no voice can say: checks without a judge.

What a persona's data promise can be counted: how many sentences and products a reply has, the greeting, the language,
what is never recommended. Its tone cannot: that is for a judge (`prompts/judges/persona_adherence.prompty`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from contoso_lab.scoring.features import Features, features, once
from contoso_lab.scoring.value import EAR_MODES, Score, Scorer, scorer

if TYPE_CHECKING:
    from contoso_lab.prompts.persona import Persona
    from contoso_lab.recording.bundle import Recording

LONGEST_MS = 20_000.0
"""A reply that lasts longer is a monologue."""
_SENTENCE = re.compile(r"[^.!?…。！？]+(?:[.!?…。！？]+(?=\s|$|[\"”])|[。！？]|$)")
_ABBREVIATION = re.compile(r"\b(?:Mr|Mrs|Ms|Dr|St|vs|e\.g|i\.e|approx|ca|z\.\s?B)\.", re.IGNORECASE)


class Check(NamedTuple):
    """One promise held against one reply."""

    turn: int
    promise: str
    kept: bool
    reason: str


@scorer(unit="share", aggregate="ratio")
def persona_adherence(recording: Recording) -> Score | list[Score]:
    """Share of the persona's promises that a reply keeps, of those that can be counted.

    At most so many sentences and products in a reply, the greeting word for word, the persona's language, nothing that
    is never to be recommended, nothing dearer than its limit. The persona is read as it is today: a file that has
    changed since the call is judged by its new rules, and the reason says so.
    """
    found = features(recording)
    persona = found.persona
    if isinstance(persona, str):
        return Score.missing(persona)
    by_turn: dict[int, list[Check]] = {}
    for check in checks(found, persona):
        by_turn.setdefault(check.turn, []).append(check)
    scores = []
    for turn, made in sorted(by_turn.items()):
        broken = [f"{check.promise}: {check.reason}" for check in made if not check.kept]
        share = 1 - len(broken) / len(made)
        scores.append(Score(share, n=len(made), reason="; ".join(broken) or f"{len(made)} kept", turn=turn))
    return scores or Score.missing("the assistant was not heard")


def checks(found: Features, persona: Persona) -> Iterator[Check]:
    """Every promise of a persona that can be counted, held against every reply."""
    turns = found.assistant_turns
    cut = {t.item_id for t in found.turns if t.status == "interrupted"}
    languages = {str(f.turn_id) for f in found.findings_said if f.kind == "language"}
    for place, (item_id, words) in enumerate(turns):
        told = sentences(words)
        most = persona.manner.most_sentences
        # The greeting is given word for word, however many sentences it has.
        greeting = place == 0 and (_greeting(persona, words, found) or 0) > 0
        if not greeting:
            yield Check(place, "length", told <= most, f"{told} sentences, {most} are the most")
        if place == 0 and item_id not in cut and persona.greeting is not None and _opens(found, item_id):
            match = _greeting(persona, words, found)
            if match is not None:
                yield Check(place, "greeting", match > 0, "it is not the greeting of the persona")
        if not persona.follows_language or _caller_speaks(found, persona.language):
            yield Check(place, "language", item_id not in languages, f"it is not in {persona.language}")
        yield from _products(found, persona, place, item_id, words)


def _products(found: Features, persona: Persona, place: int, item_id: str, words: str) -> Iterator[Check]:
    catalog = found.catalog
    if catalog is None:
        return
    # Offered is what the caller neither owns nor named: who asks to compare three may hear of three.
    owned = found.customer.purchases if found.customer else ()
    asked = _named_by_caller(found, item_id)
    named = [s for s in found.mentions(words, persona.language) if s not in owned and s not in asked]
    if named:
        most = persona.limits.most_products
        yield Check(place, "products", len(named) <= most, f"{', '.join(named)}; {most} at a time")
        never = [n.lower().removeprefix("the ") for n in persona.limits.never_recommend]
        if never:
            bad = [
                catalog.get(sku).name
                for sku in named
                if any(
                    n in (catalog.get(sku).name.lower(), catalog.get(sku).category.lower(), sku.lower()) for n in never
                )
            ]
            yield Check(place, "never recommended", not bad, ", ".join(bad))
        if persona.limits.most_usd is not None:
            dear = [sku for sku in named if catalog.get(sku).price_usd > persona.limits.most_usd]
            yield Check(place, "price limit", not dear, f"{', '.join(dear)} above ${persona.limits.most_usd:g}")


def _named_by_caller(found: Features, item_id: str) -> set[str]:
    """The products that the caller named before a reply."""
    named: set[str] = set()
    for turn in found.turns:
        if turn.item_id == item_id:
            break
        if turn.role == "user":
            named.update(found.mentions(turn.text))
    return named


def _opens(found: Features, item_id: str) -> bool:
    """Whether the assistant spoke before the caller did."""
    turns = [turn for turn in found.turns if turn.role in ("user", "assistant")]
    return bool(turns) and turns[0].item_id == item_id


def _greeting(persona: Persona, words: str, found: Features) -> float | None:
    """1 when the words are one of the persona's greetings, else 0; None when it has none of its own."""
    if persona.greeting is None:
        return None
    customer = found.customer
    first, name = (customer.first_name, customer.name) if customer else ("", "")
    said = _bare(words)
    for greeting in (persona.greeting.first, persona.greeting.returning):
        filled = greeting.replace("{first_name}", first).replace("{name}", name).replace("{who}", persona.who)
        if said and (said == _bare(filled) or _bare(filled).startswith(said) or said.startswith(_bare(filled))):
            return 1.0
    return 0.0


def _bare(text: str) -> str:
    return " ".join("".join(c if c.isalnum() else " " for c in text.lower()).split())


def _caller_speaks(found: Features, code: str) -> bool:
    """Whether nothing that the caller said is in another language."""
    return _callers_languages(found) <= {None, code}


@once
def _callers_languages(found: Features) -> set[str | None]:
    from contoso_lab.shop.truth.surface import language_of

    return {language_of(turn.text) for turn in found.turns if turn.role == "user" and turn.text.strip()}


def sentences(text: str) -> int:
    """How many sentences a text has.

    >>> sentences("It costs $279.50. Shall I show it?"), sentences("Yes"), sentences("Mr. Chen, hello!")
    (2, 1, 1)
    """
    plain = _ABBREVIATION.sub(lambda found: found[0].replace(".", ""), text)
    return sum(any(c.isalnum() for c in found[0]) for found in _SENTENCE.finditer(plain))


@scorer(unit="share", modes=EAR_MODES)
def speakability(recording: Recording) -> Score | list[Score]:
    """Share of the replies that can be taken in by ear: no Markdown, address or SKU, and no longer than 20 s (EVA)."""
    found = features(recording)
    marks = {str(f.turn_id): f for f in found.findings_said if f.kind == "markup"}
    long = {item.item_id: item.received_ms for item in found.played.values() if item.received_ms > LONGEST_MS}
    scores = []
    for place, (item_id, _) in enumerate(found.assistant_turns):
        faults = []
        if item_id in marks:
            faults.append(f"{marks[item_id].words!r}: {marks[item_id].catalogue}")
        if item_id in long:
            faults.append(f"{long[item_id] / 1000:.0f} s without a pause for the caller")
        scores.append(Score(not faults, reason="; ".join(faults), turn=place))
    if found.catalog is None:
        return Score.missing("the call was held with another catalogue than the one that is here")
    return scores or Score.missing("the assistant was not heard")


SCORERS: tuple[Scorer, ...] = (persona_adherence, speakability)
