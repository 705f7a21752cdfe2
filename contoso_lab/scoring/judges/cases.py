"""What is put before a judge: for each rubric the parts of a call that it is about, and nothing else of it.

A judge sees neither persona nor run, as a person who rates blind does not; `persona_adherence` is about the persona's
rules, so there it sees these.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from contoso_lab import prompts
from contoso_lab.errors import ScoringError
from contoso_lab.scoring.features import Features, features

if TYPE_CHECKING:
    from contoso_lab.recording.bundle import Recording

GRADES = range(1, 6)
"""The anchors of all rubrics that grade."""
_WHO = {"user": "customer", "assistant": "assistant"}


@dataclass(frozen=True, slots=True)
class Case:
    """One thing to judge."""

    item: str
    """As people's ratings name it: `<recording>/call`, or `<recording>/page-1`."""
    recording: str
    scenario: str
    inputs: dict[str, Any]


def cases_of(rubric: str, recordings: Iterable[Recording]) -> list[Case]:
    """Everything in some calls that a rubric can be asked about, in order.

    Rubrics with a `page` have one case for each page, up to the moment when it was shown; others one for each call.

    Raises:
        ScoringError: the rubric compares two answers, or needs something that a call does not hold.
    """
    inputs = prompts.load(f"judges/{rubric}").inputs
    unknown = set(inputs) - {"conversation", "page", "facts", "rules"}
    if unknown:
        raise ScoringError(
            f"judges/{rubric} needs {', '.join(sorted(unknown))}, which no single call holds; pairs go through "
            "compare_pairs, other rubrics through cases of your own"
        )
    return [case for recording in recordings for case in _cases(set(inputs), features(recording))]


def _cases(wanted: set[str], found: Features) -> Iterator[Case]:
    recording = found.recording
    scenario = recording.manifest.scenario or recording.id
    common: dict[str, Any] = {}
    if "facts" in wanted:
        common["facts"] = facts(found)
    if "rules" in wanted:
        common["rules"] = rules(found)
        if not common["rules"]:
            return
    if "page" not in wanted:
        conversation = lines(found)
        if conversation:
            yield Case(f"{recording.id}/call", recording.id, scenario, {"conversation": conversation, **common})
        return
    for number, page in enumerate(found.pages, start=1):
        inputs = {"conversation": lines(found, until_ms=page.at_ms), "page": page.text, **common}
        if inputs["conversation"]:
            yield Case(f"{recording.id}/page-{number}", recording.id, scenario, inputs)


def lines(found: Features, *, until_ms: float = float("inf")) -> list[dict[str, str]]:
    """What was said and heard, in order; words that were cut off are not in it."""
    return [
        {"who": _WHO[turn.role], "text": turn.heard.strip()}
        for turn in found.recording.conversation.turns
        if turn.role in _WHO and turn.heard.strip() and turn.started_ms <= until_ms
    ]


def facts(found: Features) -> list[str]:
    """What the assistant was told that a claim can rest on: the products it named or could have, and what is owned."""
    if found.catalog is None:
        return []
    told = [
        f"{row['sku']} | {row['name']} | {row['category']} | {row['price']} | {row['description']} | {row['facts']}"
        for row in found.catalog.rows()
    ]
    customer = found.customer
    if customer is not None and customer.purchases:
        owned = ", ".join(f"{sku} {found.catalog.name_of(sku)}" for sku in customer.purchases)
        told.append(f"The customer already bought: {owned}")
    return told


def rules(found: Features) -> list[str]:
    """The persona's rules: the lines of its section Manner, and its tone; none when the persona is not known."""
    persona = found.persona
    if isinstance(persona, str):
        return []
    prompt = persona.prompt()
    system = prompt.render(**prompt.sample())[0]["content"]
    section = str(system).partition("# Manner\n")[2].partition("\n# ")[0]
    return [persona.manner.tone, *(line[2:].strip() for line in section.splitlines() if line.startswith("- "))]
