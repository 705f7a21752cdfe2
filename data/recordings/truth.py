"""The labels of a call, made of the script that wrote the customer's lines and of when they were spoken.

Nothing here looks at what the assistant did: the same customer has the same truth with every persona.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from scenario import Scenario  # this folder's

from contoso_lab.recording.labels import (
    BEFORE_ALL,
    GateTruth,
    Judgement,
    LabelledEvent,
    LabelledTurn,
    Labels,
    Span,
)
from contoso_lab.shop import Catalog, get_customer

POLICY = "corpus-1"


@dataclass(slots=True)
class Spoken:
    """When what was said, in ms of the customer's own sound."""

    turns: list[LabelledTurn] = field(default_factory=list)
    events: list[LabelledEvent] = field(default_factory=list)


def spoken_turn(text: str, intent: str, span: Span, pauses: list[Span], *, cuts_in: bool) -> LabelledTurn:
    """A turn with its times."""
    return LabelledTurn(
        text=text, intent=intent, start_ms=span.start_ms, end_ms=span.end_ms, pauses=pauses, cuts_in=cuts_in
    )


def labels_of(scenario: Scenario, spoken: Spoken) -> Labels:
    """What is true about a call; a call that ended early has the turns that were spoken."""
    customer = get_customer(scenario.customer)
    known = scenario.known if scenario.known is not None and scenario.known < len(spoken.turns) else None
    return Labels(
        policy_version=POLICY,
        customer=scenario.customer,
        synthetic=True,
        turns=spoken.turns,
        products=_grades(scenario),
        cue_turn=scenario.cue,
        demands=list(scenario.demands),
        bought=list(customer.purchases),
        known_turn=known,
        known_ms=None if known is None else spoken.turns[known].end_ms,
        gate=[_gate(scenario, turn) for turn in range(BEFORE_ALL, len(spoken.turns))],
        recommended=_recommended(scenario),
        events=spoken.events,
        task=scenario.task,
    )


def _grades(scenario: Scenario) -> dict[str, int]:
    """A grade for every product of the catalogue, where any is asked for: none is left for others to guess."""
    if not scenario.products:
        return {}
    return {product.sku: scenario.products.get(product.sku, 0) for product in Catalog.load().products}


def relabel(scenario: Scenario, old: Labels) -> Labels:
    """The labels anew, from the script as it is now and from when its lines were spoken."""
    return labels_of(scenario, Spoken(turns=old.turns, events=old.events))


def _gate(scenario: Scenario, turn: int) -> GateTruth:
    if scenario.cue is None:
        return GateTruth(after_turn=turn, page="never")
    return GateTruth(
        after_turn=turn, page="early" if turn < scenario.cue else "right" if turn == scenario.cue else "late"
    )


def _recommended(scenario: Scenario) -> dict[str, Judgement]:
    catalog, bought = Catalog.load(), get_customer(scenario.customer).purchases
    found: dict[str, Judgement] = {}
    for product in catalog.products:
        broken = next(
            (
                demand
                for demand in scenario.demands
                if demand.category in ("", product.category) and not _meets(product.sku, float(product.amount), demand)
            ),
            None,
        )
        grade = scenario.products.get(product.sku, 0)
        if product.sku in bought:
            found[product.sku] = Judgement(right=False, why="the customer owns it already")
        elif broken is not None:
            found[product.sku] = Judgement(right=False, why=f"{broken.kind}: {broken.said}")
        elif grade >= 2:
            found[product.sku] = Judgement(right=True, why="it is what was asked for")
        else:
            why = "it comes near what was asked for" if grade == 1 else "it was not asked for"
            found[product.sku] = Judgement(right=False, why=why)
    return found


def _meets(sku: str, usd: float, demand: object) -> bool:
    most_usd, allowed = getattr(demand, "most_usd", None), getattr(demand, "allowed", [])
    return (most_usd is None or usd <= most_usd) and (not allowed or sku in allowed)
