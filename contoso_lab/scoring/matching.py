"""Which of the caller's real turns did the server hear as which: matched by time, never by count.

A detector may cut one turn in two, run two together, miss one, or hear one in mere noise. Counting along would
shift every turn after that by one; overlap in time does not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

FRAME_MS = 20
SLACK_MS = 600.0
"""Heard spans carry the detector's padding and delay, so a turn may lie this far beside its sound."""


@dataclass(frozen=True, slots=True)
class Interval:
    """From when to when, on one clock."""

    start_ms: float
    end_ms: float

    def overlap_ms(self, other: Interval) -> float:
        """How long both last at once; negative: how far they lie apart."""
        return min(self.end_ms, other.end_ms) - max(self.start_ms, other.start_ms)

    def shifted(self, by_ms: float) -> Interval:
        """The same, later."""
        return Interval(self.start_ms + by_ms, self.end_ms + by_ms)


@dataclass(frozen=True, slots=True)
class Match:
    """Reference turns and heard turns that are the same stretch of speech."""

    references: tuple[int, ...]
    """More than one when the server ran them together; none when it heard what nobody said."""
    heard: tuple[int, ...]
    """More than one when the server cut the turn; none when it missed it."""


def match_turns(references: Sequence[Interval], heard: Sequence[Interval]) -> list[Match]:
    """Match what was said with what was heard, in order of time; every index appears exactly once.

    >>> said = [Interval(0, 1000), Interval(5000, 7000), Interval(9000, 9500)]
    >>> match_turns(said, [Interval(0, 1200), Interval(5100, 5900), Interval(6100, 7400)])
    [Match(references=(0,), heard=(0,)), Match(references=(1,), heard=(1, 2)), Match(references=(2,), heard=())]
    """
    partners: dict[int, set[int]] = {h: set() for h in range(len(heard))}
    for h, span in enumerate(heard):
        overlaps = [span.overlap_ms(reference) for reference in references]
        if not overlaps:
            continue
        best = int(np.argmax(overlaps))
        if overlaps[best] > -SLACK_MS:
            partners[h].add(best)
        for r, reference in enumerate(references):
            # Run together: the heard span covers most of this reference as well.
            if overlaps[r] > 0.5 * (reference.end_ms - reference.start_ms) > 0:
                partners[h].add(r)
    groups = _connected(len(references), partners)
    groups.sort(key=lambda match: _start(match, references, heard))
    return groups


def _connected(references: int, partners: dict[int, set[int]]) -> list[Match]:
    matches: list[Match] = []
    left = set(range(references))
    waiting = dict(partners)
    while waiting:
        first = min(waiting)
        refs, heard = set(waiting.pop(first)), {first}
        grown = True
        while grown:
            more = [h for h, r in waiting.items() if r & refs]
            for h in more:
                refs |= waiting.pop(h)
                heard.add(h)
            grown = bool(more)
        left -= refs
        matches.append(Match(tuple(sorted(refs)), tuple(sorted(heard))))
    return matches + [Match((r,), ()) for r in left]


def _start(match: Match, references: Sequence[Interval], heard: Sequence[Interval]) -> float:
    return references[match.references[0]].start_ms if match.references else heard[match.heard[0]].start_ms


def best_shift_ms(references: Sequence[Interval], spoken: Sequence[Interval]) -> float:
    """How much later the reference's clock must be set to lie over what was spoken.

    A customer's file is labelled from its own first sample, while a microphone may open before or after it. The
    shift with the most overlap wins; none is taken while the clocks already agree for half of the speech.

    >>> best_shift_ms([Interval(0, 1000), Interval(3000, 3500)], [Interval(740, 1740), Interval(3740, 4240)])
    740.0
    """
    total = sum(reference.end_ms - reference.start_ms for reference in references)
    if not spoken or total <= 0:
        return 0.0
    together = sum(max(0.0, a.overlap_ms(b)) for a in references for b in spoken)
    if together >= 0.5 * total:
        return 0.0
    overlap = np.correlate(_activity(spoken), _activity(references), mode="full")
    lag = int(np.argmax(overlap)) - (len(_activity(references)) - 1)
    return float(lag * FRAME_MS)


def _activity(spans: Sequence[Interval]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """One and minus a little for each frame of 20 ms, so that silence over speech costs something."""
    frames = np.zeros(int(max(span.end_ms for span in spans) // FRAME_MS) + 1)
    for span in spans:
        frames[max(0, int(span.start_ms // FRAME_MS)) : max(0, int(span.end_ms // FRAME_MS))] = 1.0
    return frames
