"""Turn-taking scores as others publish them, by their names and versions; never the headline.

The same gap of 200 ms is 0.70 by one and 0.92 by the other, so a number without its curve's name says nothing. The
formulas are read from their sources: EVA's metric `turn_taking` v0.2 (ServiceNow/eva, MIT) and deepeval 4.1's
`TurnTakingNaturalnessMetric` (Apache-2.0).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

from contoso_lab.errors import ScoringError
from contoso_lab.scoring.features import Features, features
from contoso_lab.scoring.latency import ledger
from contoso_lab.scoring.matching import Interval
from contoso_lab.scoring.overlaps import agent_starts, interruptions, overlap_ms, replies, utterances
from contoso_lab.scoring.turn_taking import settled_ms
from contoso_lab.scoring.value import EAR_MODES, Score, Scorer, scorer

if TYPE_CHECKING:
    from contoso_lab.recording.bundle import Recording

Kind = Literal["gap", "user_barge_in", "agent_overlap"]


def eva_latency_v1(latency_ms: float, *, tool: bool = False) -> float:
    """EVA: 0 at −500 ms, rising to 1 at 500 ms, flat to 2 s (3 s with a tool), 0 again at 3.5 s (5 s).

    >>> [round(eva_latency_v1(ms), 4) for ms in (-200, 0, 200, 2500, 3000)], eva_latency_v1(3500, tool=True)
    ([0.3, 0.5, 0.7, 0.6667, 0.3333], 0.75)
    """
    flat_until, nothing_from = (3000.0, 5000.0) if tool else (2000.0, 3500.0)
    if latency_ms <= -500 or latency_ms >= nothing_from:
        return 0.0
    if latency_ms < 500:
        return (latency_ms + 500) / 1000
    return 1.0 if latency_ms <= flat_until else (nothing_from - latency_ms) / (nothing_from - flat_until)


def eva_overlap_v1(overlap: float) -> float:
    """EVA, the assistant cut in: 0.5 for no overlap, 0 from 2 s on.

    >>> eva_overlap_v1(500)
    0.375
    """
    return max(0.0, 0.5 * (1 - overlap / 2000))


def eva_yield_v1(yield_ms: float) -> float:
    """EVA, the caller cut in: 1 for an assistant that stops at once, 0 from 2 s on.

    >>> eva_yield_v1(600)
    0.7
    """
    return max(0.0, 1 - yield_ms / 2000)


def eva_count_v1(cut_ins: int) -> float:
    """EVA, how often the assistant cut into one turn: 0.5 for once, 0.25 for twice, 0 from three times on.

    >>> [eva_count_v1(n) for n in (1, 2, 3, 4)]
    [0.5, 0.25, 0.0, 0.0]
    """
    if cut_ins < 1:
        raise ScoringError("the count curve is for turns that were cut into at least once")
    return max(0.0, 0.5 * (1 - (cut_ins - 1) / 2))


def deepeval_v1(gap_ms: float, *, kind: Kind = "gap") -> float:
    """deepeval: `exp(−gap/2.5 s)`; for an overlap `exp(−|gap|/2 s)` if the caller cut in, `exp(−|gap|/0.6 s)` if not.

    >>> round(deepeval_v1(200), 2), round(deepeval_v1(2000), 2), round(deepeval_v1(-600, kind="agent_overlap"), 3)
    (0.92, 0.45, 0.368)
    """
    seconds = {"gap": 2.5, "user_barge_in": 2.0, "agent_overlap": 0.6}[kind]
    return math.exp(-abs(gap_ms) / 1000 / seconds)


@scorer(judged=False, modes=EAR_MODES)
def turn_taking_eva_v1(recording: Recording) -> Score | list[Score]:
    """EVA's turn-taking score of each turn: of the latency, or, where somebody cut in, the least of its parts."""
    found = features(recording)
    scores = []
    entries = {entry.turn: entry for entry in ledger(recording)}
    cut_in = {one.turn: one.stop_ms for one in interruptions(found)}
    for said in utterances(found):
        entry = entries.get(said.turn)
        tool = entry is not None and entry.used_tool
        parts: dict[str, float] = {}
        if starts := agent_starts(found, said):
            segments = [sound.interval for sound in found.sounding if sound.item_id in {r.item_id for r in starts}]
            parts["overlap"] = eva_overlap_v1(overlap_ms(found.spoken_in(said.span), segments))
            parts["count"] = eva_count_v1(len(starts))
            settled = settled_ms(said.span.end_ms, [reply.span for reply in replies(found)])
            if settled is not None:
                parts["settled"] = eva_latency_v1(settled, tool=tool)
        if said.turn in cut_in:
            parts["yield"] = eva_yield_v1(max(0.0, cut_in[said.turn]))
        if not parts and entry is not None and entry.v2v_ms is not None:
            parts["latency"] = eva_latency_v1(entry.v2v_ms, tool=tool)
        if not parts:
            scores.append(Score.missing("it was not answered, and EVA scores no such turn", turn=said.turn))
            continue
        reason = ", ".join(f"{name} {value:.2f}" for name, value in parts.items())
        scores.append(Score(min(parts.values()), reason=reason, turn=said.turn))
    return scores or Score.missing("nobody spoke")


@scorer(judged=False, modes=EAR_MODES)
def turn_taking_deepeval_v1(recording: Recording) -> Score:
    """Deepeval's turn-taking naturalness: the mean over all changes of the speaker."""
    values = [deepeval_v1(gap, kind=kind) for gap, kind in transitions(features(recording))]
    if not values:
        return Score.missing("the speaker never changed")
    return Score(sum(values) / len(values), n=len(values), reason=f"{len(values)} changes of the speaker")


def transitions(found: Features) -> list[tuple[float, Kind]]:
    """The gap at each change of the speaker, in ms, negative for an overlap, and its kind."""
    entries: list[tuple[Interval, str]] = [(said.span, "user") for said in utterances(found)]
    entries += [(reply.span, "assistant") for reply in replies(found)]
    entries.sort(key=lambda entry: entry[0].start_ms)
    made: list[tuple[float, Kind]] = []
    for (now, who), (after, other) in zip(entries, entries[1:], strict=False):
        if who != other:
            gap = after.start_ms - now.end_ms
            made.append((gap, "gap" if gap >= 0 else "user_barge_in" if other == "user" else "agent_overlap"))
    return made


SCORERS: tuple[Scorer, ...] = (turn_taking_eva_v1, turn_taking_deepeval_v1)
