"""Waits that are no turn's: for the line, for the first word of a call, and for the page on the screen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from contoso_lab.scoring.exchanges import Exchange
from contoso_lab.scoring.features import features
from contoso_lab.scoring.value import EAR_MODES, Score, Scorer, scorer

if TYPE_CHECKING:
    from contoso_lab.recording.bundle import Recording


@scorer(unit="ms", lower_is_better=True, aggregate="median", modes=EAR_MODES)
def suggestion_latency_ms(recording: Recording) -> Score:
    """How long after the cue the page stood on the screen.

    The cue is the end of the labelled turn from which on the right page can be known; without a label, the end
    of the caller's last turn before the page. A page that never came is censored; one that only came before its
    cue has a negative wait.
    """
    found = features(recording)
    pages, labels = [page.at_ms for page in found.pages], found.labels
    turns = [exchange for exchange in found.exchanges if exchange.silent_from_ms is not None]
    if labels is not None and labels.turns:
        if labels.cue_turn is None:
            return Score.missing("the labels say that no page was due")
        cue = _cue(turns, labels.cue_turn)
        if cue is None:
            return Score.missing(f"the cue, turn {labels.cue_turn}, is not in the recording")
        if not pages:
            waited = max(0.0, found.anchors.end_ms - cue)
            return Score.censored(waited, "a page was due and none was shown")
        after = [at for at in pages if at >= cue]
        if after:
            return Score(after[0] - cue, reason=f"from the end of turn {labels.cue_turn}")
        return Score(pages[-1] - cue, reason=f"shown before the end of turn {labels.cue_turn}")
    if not pages:
        return Score.missing("no page was shown, and no label says that one was due")
    before = [end for turn in turns if (end := turn.silent_from_ms) is not None and end <= pages[0]]
    if not before:
        return Score.missing("the page came before the caller had said anything")
    return Score(pages[0] - before[-1], reason="no label gives the cue: from the caller's last turn before the page")


def _cue(turns: list[Exchange], cue_turn: int) -> float | None:
    return next((turn.silent_from_ms for turn in turns if cue_turn in turn.references), None)


@scorer(unit="ms", lower_is_better=True, aggregate="median", margin=250.0, modes=EAR_MODES)
def setup_ms(recording: Recording) -> Score:
    """How long from the start of the recording until the assistant's first word was heard.

    Only for calls that the assistant opens: otherwise the wait is the caller's own silence.
    """
    found = features(recording)
    anchors = found.anchors
    first = next(iter(recording.timeline().items), None)
    spoke = min((user.started_ms for user in anchors.users if user.started_ms is not None), default=float("inf"))
    if first is None or first.started_ms > spoke:
        return Score.missing("the assistant did not speak first")
    audible = first.audible_ms
    if audible is None:
        quiet = found.leading_silence_ms(first.item_id)
        if quiet is None:
            return Score.missing("the greeting held no audible sound")
        audible = first.started_ms + quiet
    ready = anchors.session_created_ms
    reason = "" if ready is None else f"the session was ready after {ready:.0f} ms"
    return Score(audible, reason=reason)


@scorer(unit="ms", lower_is_better=True, aggregate="median", judged=False, modes=EAR_MODES)
def connect_ms(recording: Recording) -> Score:
    """From the start of the recording until the target said that the session was there."""
    ready = features(recording).anchors.session_created_ms
    return Score.missing("the target never said that a session was there") if ready is None else Score(ready)


@scorer(unit="ms", lower_is_better=True, aggregate="median", judged=False, modes=EAR_MODES)
def known_to_shown_ms(recording: Recording) -> Score:
    """From the moment when the right product could be told (`known_ms` of the labels) to the first page after it.

    A page is due only when the caller asks for it, so this holds the caller's time to decide as well.
    """
    found = features(recording)
    if found.labels is None or found.labels.known_turn is None:
        return Score.missing("no label says when the right product could be told")
    known = _cue(found.exchanges, found.labels.known_turn)
    if known is None:
        return Score.missing(f"turn {found.labels.known_turn} is not in the recording")
    after = [page.at_ms for page in found.pages if page.at_ms >= known]
    if not after:
        return Score.censored(max(0.0, found.anchors.end_ms - known), "no page was shown")
    return Score(after[0] - known, reason=f"from the end of turn {found.labels.known_turn}")


SCORERS: tuple[Scorer, ...] = (suggestion_latency_ms, known_to_shown_ms, setup_ms, connect_ms)
