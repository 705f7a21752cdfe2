from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from contoso_lab.audio import Clip, Span, find_speech, silence, tone
from contoso_lab.audio.speech import _frame_levels_db


def spans(clip: Clip, **how: float) -> list[tuple[int, int]]:
    return [(span.start_ms, span.end_ms) for span in find_speech(clip, **how)]


@pytest.mark.parametrize(
    ("clip", "expected"),
    [
        (silence(0), []),
        (silence(1000), []),
        (tone(300), [(0, 300)]),
        (tone(310), [(0, 310)]),
        (silence(500) + tone(300) + silence(500), [(500, 800)]),
        (tone(100) + silence(180) + tone(100), [(0, 380)]),
        (tone(100) + silence(200) + tone(100), [(0, 100), (300, 400)]),
        (silence(200) + tone(40) + silence(400) + tone(100), [(640, 740)]),
        (tone(40) + silence(100) + tone(40), [(0, 180)]),
        (silence(200) + tone(200, level_db=-50), []),
        (Clip(np.full(24000, 0.3), 24000), []),
    ],
    ids=["empty", "silence", "tone", "odd end", "middle", "short pause", "pause", "click", "clicks", "quiet", "offset"],
)
def test_where_someone_talks(clip: Clip, expected: list[tuple[int, int]]) -> None:
    assert spans(clip) == expected


def test_the_limits_can_be_moved() -> None:
    clip = tone(40, level_db=-50) + silence(100) + tone(40, level_db=-50)
    assert spans(clip, quiet_db=-55, gap_ms=100, shortest_ms=40) == [(0, 40), (140, 180)]


@pytest.mark.parametrize("rate_hz", [8000, 11025, 16000, 22050, 44100, 48000])
def test_frames_keep_to_the_clock_at_any_rate(rate_hz: int) -> None:
    clip = silence(60_000, rate_hz) + tone(300, rate_hz=rate_hz) + silence(500, rate_hz)
    [(start_ms, end_ms)] = spans(clip)
    assert start_ms == pytest.approx(60_000, abs=20)
    assert end_ms == pytest.approx(60_300, abs=20)


def test_a_span_cuts_its_clip() -> None:
    clip = silence(500) + tone(300) + silence(500)
    [span] = find_speech(clip)
    assert span == Span(500, 800)
    assert span.duration_ms == 300
    assert clip[span.start_ms : span.end_ms] == tone(300)


@pytest.mark.parametrize("rate_hz", [11025, 24000])
def test_a_long_clip_is_judged_as_its_frames_are(rate_hz: int) -> None:
    rng = np.random.default_rng(0)
    clip = Clip(rng.normal(0.1, 10 ** (rng.uniform(-4, -1, rate_hz * 11) / 2)).astype(np.float32) / 8, rate_hz)
    edges = [*(frame * rate_hz * 20 // 1000 for frame in range(-(-len(clip) * 50 // rate_hz))), len(clip)]
    each = [clip.samples[a:b].astype(np.float64) for a, b in pairwise(edges)]
    expected = [10 * np.log10(max(frame.var(), 1e-12)) for frame in each]
    assert len(expected) > 2 * 256
    assert _frame_levels_db(clip) == pytest.approx(expected)
