"""Who gets to speak when: rates of answering, yielding, interrupting and waiting in vain.

Numerators and denominators are the rows themselves: each row is one turn, or one event. Rates over fewer than ten
events say little; the summary shows how many there were.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from contoso_lab.scoring.exchanges import BREATH_MS, FRAME_MS
from contoso_lab.scoring.features import Features, features
from contoso_lab.scoring.latency import ledger
from contoso_lab.scoring.matching import Interval
from contoso_lab.scoring.overlaps import (
    Utterance,
    agent_starts,
    asides,
    interruptions,
    merged,
    overlap_ms,
    replies,
    talk,
    utterances,
)
from contoso_lab.scoring.value import EAR_MODES, Mode, Score, Scorer, scorer

if TYPE_CHECKING:
    from contoso_lab.recording.bundle import Recording

YIELD_MS = 2000.0
"""Who stops within this time has yielded (τ-voice)."""
FALSE_STOP_MS = 1000.0
"""Who stops within this time after a sound that is no turn has been stopped by it (τ-voice, LiveKit)."""
DEAD_AIR_MS = 3000.0
"""A silence of both sides that is longer is dead air."""
LAST_WAIT_MS = 2000.0
"""After the last turn an answer is expected only if the call went on for this long."""
_SERVER_MODES: frozenset[Mode] = frozenset({"live", "rescore", "paced", "caller"})


@scorer(unit="share", modes=EAR_MODES)
def response_rate(recording: Recording) -> Score | list[Score]:
    """Share of the caller's turns that were answered before the caller spoke again (R_R of τ-voice).

    The last turn counts too, unless the call ended within two seconds: a missed last turn is the worst one.
    """
    entries = [entry for entry in ledger(recording) if entry.turn is not None and entry.status != "unknown"]
    scores = []
    for place, entry in enumerate(entries):
        waited = entry.waited_ms
        if entry.status == "unanswered" and place == len(entries) - 1 and waited is not None and waited < LAST_WAIT_MS:
            scores.append(Score.missing("the call ended before an answer could come", turn=entry.turn))
        else:
            scores.append(Score(entry.status == "answered", reason=entry.reason, turn=entry.turn))
    return scores or Score.missing("nobody spoke")


@scorer(unit="share", judged=False, modes=EAR_MODES)
def yield_rate(recording: Recording) -> Score | list[Score]:
    """Share of the caller's interruptions at which the assistant fell silent within two seconds (R_Y of τ-voice)."""
    found = interruptions(features(recording))
    scores = [
        Score(
            one.stop_ms <= YIELD_MS,
            reason=f"silent after {one.stop_ms:.0f} ms" + ("" if one.reply.flushed else ", at its own end"),
            turn=one.turn,
        )
        for one in found
    ]
    return scores or Score.missing("the caller never spoke into a reply")


@scorer(lower_is_better=True, judged=False, modes=EAR_MODES)
def agent_interrupt_rate(recording: Recording) -> Score | list[Score]:
    """How often the assistant begins to speak while the caller speaks, for each turn (I_A of τ-voice); may exceed 1."""
    found = features(recording)
    scores = []
    for said in utterances(found):
        starts = agent_starts(found, said)
        lasted = overlap_ms([said.span], [reply.span for reply in starts])
        reason = f"{lasted:.0f} ms of talking over" if starts else ""
        scores.append(Score(float(len(starts)), reason=reason, turn=said.turn))
    return scores or Score.missing("nobody spoke")


@scorer(unit="share", lower_is_better=True, judged=False, modes=EAR_MODES)
def false_interruption_rate(recording: Recording) -> Score | list[Score]:
    """Share of backchannels and noises at which the assistant fell silent within a second (1 − selectivity, τ-voice).

    Only sounds that the labels name (`events`) and that fell into a reply.
    """
    found = features(recording)
    if found.labels is None or not found.labels.events:
        return Score.missing("no label names a backchannel or a noise")
    scores = []
    for aside in asides(found):
        after = aside.reply.span.end_ms - aside.span.start_ms
        stopped = aside.reply.flushed and after <= FALSE_STOP_MS
        scores.append(Score(stopped, reason=f"{aside.kind}; the reply was heard for {after:.0f} ms more"))
    return scores or Score.missing("no backchannel or noise fell into a reply")


@scorer(unit="share", lower_is_better=True, judged=False, modes=_SERVER_MODES)
def premature_endpoint_rate(recording: Recording) -> Score | list[Score]:
    """Share of the caller's turns that were taken for finished and answered while the caller only drew breath.

    The server noticed an end, made a response, and the caller went on within a second (EVA, Full-Duplex-Bench). Needs
    labels: only they say that it was one turn.
    """
    found = features(recording)
    if found.labels is None or not found.labels.turns:
        return Score.missing("no label says where a turn really ended")
    scores = []
    for said in utterances(found):
        cut = next(_cuts(found, said), None)
        scores.append(Score(cut is not None, reason=cut or "", turn=said.turn))
    return scores or Score.missing("nobody spoke")


def _cuts(found: Features, said: Utterance) -> Iterator[str]:
    made = [response.created_ms for response in found.anchors.responses]
    resumed = [sound.start_ms for sound in found.spoken if sound.start_ms < said.span.end_ms - FRAME_MS]
    for user in said.exchange.heard:
        stopped = user.stopped_ms
        if stopped is None or stopped >= said.span.end_ms:
            continue
        again = [start for start in resumed if stopped - FRAME_MS <= start <= stopped + BREATH_MS]
        if again and any(stopped - FRAME_MS <= at <= again[0] + BREATH_MS for at in made):
            yield f"closed at {stopped:.0f} ms, the caller went on {again[0] - stopped:.0f} ms later"


@scorer(judged=False, modes=EAR_MODES)
def floor_transfer(recording: Recording) -> Score | list[Score]:
    """The offset between the caller's end and the assistant's start, by its kind; tool turns included.

    Overlap below 0, quick up to 200 ms (the human median, Stivers et al. 2009), usual up to 2 s, slow beyond. One mean
    would hide that there are two humps.
    """
    entries = [e for e in ledger(recording) if e.turn is not None and e.status != "unknown"]
    scores = [
        Score("none" if e.v2v_ms is None else offset_kind(e.v2v_ms), reason=e.reason, turn=e.turn) for e in entries
    ]
    return scores or Score.missing("nobody spoke")


def offset_kind(offset_ms: float) -> str:
    """The kind of a floor-transfer offset.

    >>> [offset_kind(ms) for ms in (-300, 0, 200, 900, 2000, 2001)]
    ['overlap', 'quick', 'quick', 'usual', 'usual', 'slow']
    """
    if offset_ms < 0:
        return "overlap"
    return "quick" if offset_ms <= 200 else "usual" if offset_ms <= 2000 else "slow"


@scorer(unit="share", lower_is_better=True, aggregate="ratio", judged=False, modes=EAR_MODES)
def overlap_ratio(recording: Recording) -> Score:
    """Time in which both speak, over the time in which anybody does (EVA: sum of pairwise intersections)."""
    callers, assistants = talk(features(recording))
    anybody = sum(span.end_ms - span.start_ms for span in merged([*callers, *assistants]))
    if anybody <= 0:
        return Score.missing("nobody spoke")
    both = overlap_ms(callers, assistants)
    return Score(both / anybody, n=max(1, round(anybody)), reason=f"{both:.0f} of {anybody:.0f} ms")


@scorer(unit="per min", lower_is_better=True, judged=False, modes=EAR_MODES)
def dead_air_per_min(recording: Recording) -> Score:
    """Silences of both sides longer than three seconds, for each minute between the first sound and the last."""
    callers, assistants = talk(features(recording))
    sounds = merged([*callers, *assistants])
    if not sounds:
        return Score.missing("nobody spoke")
    gaps = [b.start_ms - a.end_ms for a, b in zip(sounds, sounds[1:], strict=False)]
    long = [gap for gap in gaps if gap > DEAD_AIR_MS]
    minutes = (sounds[-1].end_ms - sounds[0].start_ms) / 60_000
    reason = f"{len(long)} in {minutes:.1f} min" + (f", the longest {max(long) / 1000:.1f} s" if long else "")
    return Score(len(long) / minutes, reason=reason)


@scorer(unit="ms", lower_is_better=True, aggregate="median", judged=False, modes=EAR_MODES)
def recovery_latency_ms(recording: Recording) -> Score | list[Score]:
    """After the assistant cut in: from the caller's end to the next settled reply (EVA).

    Not told where the assistant was still speaking at the caller's end: there was no silence to measure.
    """
    found = features(recording)
    heard, scores = replies(found), []
    for said in utterances(found):
        if not agent_starts(found, said):
            continue
        latency = settled_ms(said.span.end_ms, [reply.span for reply in heard])
        if latency is None:
            scores.append(Score.missing("it spoke on through the caller's end, or never again", turn=said.turn))
        else:
            scores.append(Score(latency, turn=said.turn))
    return scores or Score.missing("the assistant never cut in")


def settled_ms(ended_ms: float, heard: list[Interval]) -> float | None:
    """From the caller's end to the first reply after it; None when one spans the end, or none follows (EVA)."""
    if any(span.start_ms <= ended_ms < span.end_ms for span in heard):
        return None
    after = [span.start_ms for span in heard if span.start_ms > ended_ms]
    return min(after) - ended_ms if after else None


SCORERS: tuple[Scorer, ...] = (
    response_rate,
    yield_rate,
    agent_interrupt_rate,
    false_interruption_rate,
    premature_endpoint_rate,
    floor_transfer,
    overlap_ratio,
    dead_air_per_min,
    recovery_latency_ms,
)
