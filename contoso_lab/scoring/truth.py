"""Whether what was said and shown is true, held against the catalogue and the customer: no model judges.

The claims are found by `contoso_lab.shop.truth`, whose own errors are measured in docs/truth.md. A claim that the
catalogue says nothing about is unsupported, and counts as not true: nobody may say it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from contoso_lab.scoring.features import features
from contoso_lab.scoring.pages import CHANGED, ranking
from contoso_lab.scoring.value import Score, Scorer, scorer

if TYPE_CHECKING:
    from contoso_lab.recording.bundle import Recording
    from contoso_lab.shop.truth import Finding

CLAIMS = frozenset(
    "not_carried price total comparison brand category spec superlative range bought image unknowable".split()
)
"""Kinds of finding that are statements; the others are rules of form, or merely name a product."""

_SENTENCES = re.compile(r"(?<=[.!?])\s+")
_TOO_DEAR = re.compile(
    r"\b(?:above|over|beyond|exceeds?|more\s+than|outside)\s+(?:your|the|that|what|\$)|"
    r"\b(?:too\s+(?:dear|expensive|much)|out\s+of\s+(?:your\s+)?(?:reach|range|budget))\b",
    re.IGNORECASE,
)


@scorer(unit="share", aggregate="ratio")
def truth_said(recording: Recording) -> Score | list[Score]:
    """Share of the claims that the customer heard (prices, figures, comparisons, ranges, …) that are true."""
    found = features(recording)
    if found.catalog is None:
        return Score.missing(CHANGED)
    by_turn: dict[str, list[Finding]] = {}
    for finding in found.findings_said:
        by_turn.setdefault(str(finding.turn_id), []).append(finding)
    places = {item_id: place for place, (item_id, _) in enumerate(found.assistant_turns)}
    scores = [_share(f, turn=places.get(turn)) for turn, f in by_turn.items()]
    told = [score for score in scores if score is not None]
    return told or Score.missing("nothing was claimed")


@scorer(unit="share", aggregate="ratio")
def truth_shown(recording: Recording) -> Score | list[Score]:
    """Share of the claims on the customer's pages that are true (attribute faithfulness)."""
    found = features(recording)
    if found.catalog is None:
        return Score.missing(CHANGED)
    scores = [_share(claims, turn=place) for place, claims in enumerate(found.findings_shown)]
    told = [score for score in scores if score is not None]
    return told or Score.missing("no page claimed anything")


def _share(findings: Sequence[Finding], *, turn: int | None) -> Score | None:
    claims = [finding for finding in findings if finding.kind in CLAIMS]
    if not claims:
        return None
    wrong = [f"{f.words!r} ({f.kind}, {f.verdict}): {f.catalogue}" for f in claims if not f.ok]
    reason = "; ".join(wrong) or f"{len(claims)} true"
    return Score(1 - len(wrong) / len(claims), n=len(claims), reason=reason, turn=turn)


@scorer(unit="share", lower_is_better=True)
def sold_again_rate(recording: Recording) -> Score | list[Score]:
    """Share of the replies and pages that recommend what the customer owns already.

    What they own: by the labels (`bought`), else by the shop's own customers. Who asks for the very thing may have it.
    """
    found = features(recording)
    if found.catalog is None:
        return Score.missing(CHANGED)
    customer = found.customer
    if customer is None or not customer.purchases:
        return Score.missing("nobody knows of anything that this customer owns")
    again = {str(f.turn_id): f for f in found.findings_said if f.kind == "again" and not f.ok}
    scores = []
    for place, (item_id, _) in enumerate(found.assistant_turns):
        finding = again.get(item_id)
        scores.append(Score(finding is not None, reason=finding.words if finding else "", turn=place))
    for place, page in enumerate(found.pages, len(found.assistant_turns)):
        owned = [sku for sku in ranking(page) if sku in customer.purchases]
        scores.append(Score(bool(owned), reason=f"the page shows {', '.join(owned)}" if owned else "", turn=place))
    return scores or Score.missing("the assistant said nothing and showed nothing")


@scorer(unit="share", lower_is_better=True)
def off_budget_rate(recording: Recording) -> Score | list[Score]:
    """Share of the replies and pages after a budget was named that offer something dearer than it.

    By the labels' demands of the kind `budget`. In a reply every product counts that it names, but for a sentence that
    says that a thing is too dear (by rules, in English; the reasons tell what was counted). On a page what it presents.
    """
    found = features(recording)
    labels, catalog = found.labels, found.catalog
    if catalog is None:
        return Score.missing(CHANGED)
    budgets = [d for d in labels.demands if d.kind == "budget" and d.most_usd is not None] if labels else []
    if not budgets:
        return Score.missing("no label names a budget")
    ended = {ref: e.silent_from_ms for e in found.exchanges for ref in e.references if e.silent_from_ms is not None}
    starts = {turn.item_id: turn.started_ms for turn in found.turns}

    def dear(skus: Sequence[str], at_ms: float) -> list[str]:
        products = [catalog.get(sku) for sku in dict.fromkeys(skus) if sku in catalog]
        return [
            f"{p.sku} at {p.price}, {d.said}"
            for p in products
            for d in budgets
            if ended.get(d.turn, 0.0) <= at_ms
            and (not d.category or d.category.lower() == p.category.lower())
            and p.price_usd > (d.most_usd or 0.0)
        ]

    scores = []
    since = min(ended.get(d.turn, 0.0) for d in budgets)
    for place, (item_id, words) in enumerate(found.assistant_turns):
        at_ms = starts.get(item_id, 0.0)
        if at_ms >= since:
            over = dear(found.mentions(_offering(words)), at_ms)
            scores.append(Score(bool(over), reason="; ".join(over), turn=place))
    for place, page in enumerate(found.pages, len(found.assistant_turns)):
        if page.at_ms >= since:
            over = dear(ranking(page), page.at_ms)
            scores.append(Score(bool(over), reason="; ".join(over), turn=place))
    return scores or Score.missing("nothing was said or shown after the budget was named")


def _offering(words: str) -> str:
    """A reply without the sentences that warn of a price.

    >>> _offering("Take the Harbor Two. The Lodge Eight is above your budget.")
    'Take the Harbor Two.'
    """
    return " ".join(part for part in _SENTENCES.split(words) if not _TOO_DEAR.search(part))


SCORERS: tuple[Scorer, ...] = (truth_said, truth_shown, sold_again_rate, off_budget_rate)
