"""Whether a page came when it should: the gate's decisions, on every prefix of the call.

After each turn of the caller the call so far is a prefix, and on each the labels say what a page would be there: too
early, right, later than asked, or never wanted. What was done is read from the gate's decisions (`gate.decided`) and
from the pages that were asked for, by the gate or by the assistant's own tool.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from contoso_lab.scoring.features import Features, features
from contoso_lab.scoring.value import Score, Scorer, scorer

if TYPE_CHECKING:
    from contoso_lab.recording.bundle import Recording

Truth = Literal["early", "right", "late", "never"]


@dataclass(frozen=True, slots=True)
class Prefix:
    """The call up to one turn of the caller, and the reply to it."""

    after_turn: int
    """−1 for what comes before the caller's first turn."""
    page_would_be: Truth
    requested: bool
    """Whether a page was asked for here, or was shown."""
    decided: bool
    """Whether the gate was asked at all; when it was not, nothing was requested."""
    had_page: bool
    """Whether a page had been requested before."""

    @property
    def right(self) -> bool:
        """Whether it was right: a page where one is due and none came yet, and none elsewhere."""
        if self.page_would_be in ("right", "late"):
            return self.requested or self.had_page
        return not self.requested


def prefixes(recording: Recording) -> list[Prefix]:
    """Every prefix of the call that has a label, in order."""
    found = features(recording)
    labels = found.labels
    if labels is None or not labels.turns:
        return []
    asked, decided = _requests(found)
    made, before = [], False
    for turn in range(-1, len(labels.turns)):
        truth = _truth(found, turn)
        if truth is None:
            continue
        made.append(Prefix(turn, truth, turn in asked, turn in decided, before))
        before = before or turn in asked
    return made


def _truth(found: Features, turn: int) -> Truth | None:
    labels = found.labels
    if labels is None:
        return None
    if labels.gate:
        told = labels.page_at(turn)
        return told if told in ("early", "right", "late", "never") else None  # type: ignore[return-value]
    if labels.cue_turn is None:
        return "never"
    return "early" if turn < labels.cue_turn else "right" if turn == labels.cue_turn else "late"


def _requests(found: Features) -> tuple[set[int], set[int]]:
    """After which of the caller's turns a page was requested, and after which the gate was asked."""
    asked: set[int] = set()
    decided: set[int] = set()
    for event in found.of_type("gate.decided", "local"):
        turn = _turn_before(found, found.local_clock.session_ms(event), str(event.ev.get("after_item_id") or ""))
        decided.add(turn)
        if event.ev.get("requested"):
            asked.add(turn)
    for type_ in ("suggestion.requested", "suggestion.started"):
        for event in found.of_type(type_, "local"):
            at_ms = found.local_clock.session_ms(event)
            asked.add(_turn_before(found, at_ms, str(event.ev.get("after_item_id") or "")))
    if not asked:
        asked |= {_turn_before(found, page.at_ms, "") for page in found.pages}
    return asked, decided


def _turn_before(found: Features, at_ms: float, item_id: str) -> int:
    """The caller's last turn at a moment; of an item that is named, the turn that it is or that it answers."""
    started = {turn.item_id: turn.started_ms for turn in found.turns}
    limit = started.get(item_id, at_ms) + 1.0
    last = -1
    for exchange in found.exchanges:
        if not exchange.references:
            continue
        mine = item_id in {user.item_id for user in exchange.heard}
        if mine or exchange.spoke_from_ms <= limit:
            last = max(last, *exchange.references)
        if mine:
            break
    return last


@scorer(unit="share")
def gate_right(recording: Recording) -> Score | list[Score]:
    """Share of the prefixes of a call on which showing a page, or not, was right by the labels."""
    scores = []
    for prefix in prefixes(recording):
        did = "requested a page" if prefix.requested else "requested none"
        scores.append(Score(prefix.right, reason=f"a page here is {prefix.page_would_be}; {did}"))
    return scores or Score.missing("no label says when a page is wanted")


@scorer(judged=False)
def gate_timing(recording: Recording) -> Score:
    """When the first page was requested in a call: early, right, late, never; or `none, rightly` and `unwanted`."""
    found = prefixes(recording)
    if not found:
        return Score.missing("no label says when a page is wanted")
    return Score(timing_of(found))


def timing_of(found: list[Prefix]) -> str:
    """The one word for a call.

    >>> timing_of([Prefix(0, "early", False, True, False), Prefix(1, "right", True, True, False)])
    'right'
    """
    due = any(prefix.page_would_be == "right" for prefix in found)
    first = next((prefix for prefix in found if prefix.requested), None)
    if first is None:
        return "never" if due else "none, rightly"
    return first.page_would_be if due else "unwanted"


SCORERS: tuple[Scorer, ...] = (gate_right, gate_timing)
