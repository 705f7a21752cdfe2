"""Two waits that are no turn's: for the first word of a call, and for the page on the screen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from contoso_lab.audio import find_speech
from contoso_lab.scoring.anchors import read_anchors
from contoso_lab.scoring.exchanges import FRAME_MS, Exchange, exchanges
from contoso_lab.scoring.suggestions import pages_shown
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
    pages = [page.at_ms for page in pages_shown(recording)]
    labels = recording.labels()
    turns = [exchange for exchange in exchanges(recording) if exchange.silent_from_ms is not None]
    if labels is not None and labels.turns:
        if labels.cue_turn is None:
            return Score.missing("the labels say that no page was due")
        cue = _cue(turns, labels.cue_turn)
        if cue is None:
            return Score.missing(f"the cue, turn {labels.cue_turn}, is not in the recording")
        if not pages:
            waited = max(0.0, read_anchors(recording).end_ms - cue)
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
    anchors = read_anchors(recording)
    first = next(iter(recording.timeline().items), None)
    spoke = min((user.started_ms for user in anchors.users if user.started_ms is not None), default=float("inf"))
    if first is None or first.started_ms > spoke:
        return Score.missing("the assistant did not speak first")
    spans = find_speech(recording.item_audio(first.item_id), shortest_ms=FRAME_MS)
    audible = first.audible_ms
    if audible is None:
        if not spans:
            return Score.missing("the greeting held no audible sound")
        audible = first.started_ms + spans[0].start_ms
    ready = anchors.session_created_ms
    reason = "" if ready is None else f"the session was ready after {ready:.0f} ms"
    return Score(audible, reason=reason)


SCORERS: tuple[Scorer, ...] = (suggestion_latency_ms, setup_ms)
