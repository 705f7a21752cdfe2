"""Where someone talks in a clip, judged by energy alone: for clean recordings and for tests."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from contoso_lab.audio.clip import Clip

_FRAME_MS = 20
_AT_ONCE = 256
"""So many frames are judged together: what is in the processor's cache need not be fetched again."""


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time in a clip; `clip[span.start_ms : span.end_ms]` cuts it out."""

    start_ms: int
    end_ms: int

    @property
    def duration_ms(self) -> int:
        """How long it lasts."""
        return self.end_ms - self.start_ms


def find_speech(clip: Clip, *, quiet_db: float = -45, gap_ms: float = 200, shortest_ms: float = 60) -> list[Span]:
    """Find where someone is talking.

    The clip is judged in frames of 20 ms. Pauses shorter than `gap_ms` stay inside a span; what is left shorter than
    `shortest_ms`, such as a click, is dropped. Silence gives an empty list.

    >>> from contoso_lab.audio.clip import silence, tone
    >>> find_speech(silence(500) + tone(300) + silence(500))
    [Span(start_ms=500, end_ms=800)]

    Args:
        clip: what to listen to.
        quiet_db: a frame below this level (see `Clip.level_db`) counts as quiet.
        gap_ms: the shortest pause that separates two spans.
        shortest_ms: the shortest span that counts.
    """
    loud = _frame_levels_db(clip) >= quiet_db
    # Rises and falls of the row of frames, seen with quiet on both sides, come in pairs.
    edges = np.flatnonzero(np.diff(np.concatenate([[False], loud, [False]]).astype(np.int8)))
    spans: list[Span] = []
    for start, stop in edges.reshape(-1, 2).tolist():
        span = Span(start * _FRAME_MS, min(stop * _FRAME_MS, round(clip.duration_ms)))
        if spans and span.start_ms - spans[-1].end_ms < gap_ms:
            spans[-1] = Span(spans[-1].start_ms, span.end_ms)
        else:
            spans.append(span)
    return [span for span in spans if span.duration_ms >= shortest_ms]


def _frame_levels_db(clip: Clip) -> npt.NDArray[np.float64]:
    """The level of each frame without its constant part, so that a microphone's offset is no speech."""
    if not len(clip):
        return np.empty(0)
    frame_count = -(-len(clip) * 1000 // (clip.rate_hz * _FRAME_MS))
    # At 11 025 Hz a frame is 220.5 samples: edges are rounded, so that frames do not drift away from the clock.
    edges = np.arange(frame_count + 1) * clip.rate_hz * _FRAME_MS // 1000
    edges[-1] = len(clip)
    power = np.empty(frame_count)
    for first in range(0, frame_count, _AT_ONCE):
        here = edges[first : first + _AT_ONCE + 1]
        starts, lengths = here[:-1] - here[0], np.diff(here)
        wide = clip.samples[here[0] : here[-1]].astype(np.float64)
        mean = np.add.reduceat(wide, starts) / lengths
        wide *= wide
        power[first : first + _AT_ONCE] = np.add.reduceat(wide, starts) / lengths - mean * mean
    return 10 * np.log10(np.maximum(power, 1e-12))
