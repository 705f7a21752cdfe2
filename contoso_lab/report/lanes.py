"""Two waveforms on one time axis, as SVG."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from contoso_lab.report.waits import tick_step

if TYPE_CHECKING:
    from contoso_lab.audio import Clip

WIDTH = 1000
"""Steps along the time axis; the picture is stretched to the page."""
_HALF = 50


def wave_path(clip: Clip, duration_ms: float) -> tuple[str, str]:
    """The outlines of a clip's peaks and of its loudness, as two SVG paths in a box of 1000 by 100.

    Heights are the square root of the amplitude, so that a quiet voice is seen beside a loud one.
    """
    peak, mean = envelope(clip, duration_ms, WIDTH)
    return _outline(peak), _outline(mean)


def envelope(clip: Clip, duration_ms: float, steps: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """The peak and the root mean square in each step of an axis that is `duration_ms` long."""
    peak, mean = np.zeros(steps), np.zeros(steps)
    samples = np.abs(clip.samples.astype(np.float64))
    edges = np.round(np.arange(steps + 1) * duration_ms * clip.rate_hz / 1000 / steps).astype(int)
    for step, (start, stop) in enumerate(zip(edges[:-1], edges[1:], strict=True)):
        part = samples[start : max(stop, start + 1)]
        if len(part):
            peak[step], mean[step] = part.max(), np.sqrt(np.mean(part * part))
    return np.minimum(peak, 1), np.minimum(mean, 1)


def clock(at_ms: float) -> str:
    """Session time as people read it.

    >>> clock(65_400)
    '1:05'
    """
    seconds = int(at_ms // 1000)
    return f"{seconds // 60}:{seconds % 60:02d}"


def ticks(duration_ms: float) -> Iterator[tuple[float, str]]:
    """Where the axis is labelled: share of its length, and the label.

    >>> [label for _, label in ticks(76_000)][:3]
    ['0:00', '0:10', '0:20']
    """
    seconds = duration_ms / 1000
    if seconds <= 0:
        return
    # Time is read in sixties: ten seconds or whole minutes, not steps of fifty.
    step = next((s for s in (1, 2, 5, 10, 20, 30, 60, 120, 300, 600) if seconds / s <= 10), tick_step(seconds, most=10))
    at = 0.0
    while at <= seconds:
        yield at / seconds, clock(1000 * at)
        at += step


def _outline(heights: npt.NDArray[np.float64]) -> str:
    sizes = np.round(_HALF * np.sqrt(heights) * 0.94).astype(int)
    pieces: list[str] = []
    for start, stop in _runs(sizes):
        top = " ".join(f"{x} {_HALF - sizes[x]}" for x in range(start, stop))
        bottom = " ".join(f"{x} {_HALF + sizes[x]}" for x in range(stop - 1, start - 1, -1))
        pieces.append(f"M{top} {bottom}Z")
    return "".join(pieces)


def _runs(sizes: npt.NDArray[np.int_]) -> Iterator[tuple[int, int]]:
    """Stretches with something to see; silence is left to the middle line."""
    start: int | None = None
    for x, size in enumerate(sizes):
        if size and start is None:
            start = x
        elif not size and start is not None:
            yield start, x + 1
            start = None
    if start is not None:
        yield start, len(sizes)
