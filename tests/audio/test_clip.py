from __future__ import annotations

import math
import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contoso_lab.audio import ALAW_8K, PCM16_16K, PCM16_24K, Clip, silence, tone
from contoso_lab.errors import AudioError


def ramp(count: int = 480, rate_hz: int = 24000) -> Clip:
    return Clip(np.arange(count, dtype=np.int16), rate_hz)


def test_a_clip_is_its_own() -> None:
    mine = np.zeros(10, dtype=np.float32)
    clip = Clip(mine, 24000)
    mine[0] = 1
    assert clip.samples[0] == 0
    with pytest.raises(ValueError, match="read-only"):
        clip.samples[0] = 1


def test_clips_are_equal_when_they_sound_the_same() -> None:
    assert tone(100) == tone(100)
    assert hash(tone(100)) == hash(tone(100))
    assert tone(100) != tone(100, hz=441)
    assert silence(10, 24000) != silence(15, 16000)  # 240 zeros each
    assert tone(100) != "tone"


def test_a_clip_travels_to_another_process() -> None:
    there = pickle.loads(pickle.dumps(tone(20)))
    assert there == tone(20)
    assert not there.samples.flags.writeable


@pytest.mark.parametrize(
    ("samples", "rate_hz"),
    [(np.zeros((2, 10)), 24000), ([math.nan], 24000), (np.zeros(3, dtype=np.int64), 24000), ([0.0], 0), ([0.0], 24e3)],
)
def test_what_is_no_sound_is_refused(samples: object, rate_hz: object) -> None:
    with pytest.raises(AudioError):
        Clip(samples, rate_hz)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("span", "first", "last"),
    [
        (slice(5, 10), 120, 239),
        (slice(None, 5), 0, 119),
        (slice(15, None), 360, 479),
        (slice(-5, None), 360, 479),
        (slice(None, -5), 0, 359),
        (slice(None, -0.001), 0, 479),
        (slice(5, 10_000), 120, 479),
        (slice(0.5, 1.0), 12, 23),
    ],
)
def test_a_slice_is_cut_by_milliseconds(span: slice, first: int, last: int) -> None:
    pcm = np.round(ramp()[span].samples * 32768).astype(int)
    assert (pcm[0], pcm[-1], len(pcm)) == (first, last, last - first + 1)


@pytest.mark.parametrize("span", [slice(10, 5), slice(100, 200), slice(0, 0)])
def test_a_slice_can_be_empty(span: slice) -> None:
    assert len(ramp()[span]) == 0


@pytest.mark.parametrize("span", [5, slice(0, 10, 2), slice(math.nan, None), "5:10"])
def test_other_ways_to_cut_are_refused(span: object) -> None:
    with pytest.raises(AudioError, match="cut"):
        ramp()[span]  # type: ignore[index]


@given(st.floats(0, 20), st.floats(0, 20))
def test_cut_parts_join_to_the_whole(a: float, b: float) -> None:
    low, high = sorted([a, b])
    clip = ramp()
    assert clip[:low] + clip[low:high] + clip[high:] == clip


def test_joining() -> None:
    assert Clip.join([ramp(), ramp()], gap_ms=10).duration_ms == 50
    assert Clip.join(iter([ramp()]), gap_ms=10) == ramp()
    with pytest.raises(AudioError, match=r"resampled\(24000\)"):
        _ = ramp() + ramp(rate_hz=16000)
    with pytest.raises(AudioError, match="nothing to join"):
        Clip.join([])
    with pytest.raises(TypeError):
        _ = ramp() + 1  # type: ignore[operator]


@pytest.mark.parametrize(
    ("clip", "level_db", "peak_db"),
    [
        (tone(1000, hz=100, level_db=-12), -12, -8.99),
        (tone(1000, hz=100, level_db=-3), -3.01, 0),
        (Clip(np.full(100, 0.1), 24000), -20, -20),
        (silence(100), -120, -120),
        (silence(0), -120, -120),
        (Clip([1e-30], 24000), -120, -120),
        (tone(1000, hz=100, level_db=-40).gain(20), -20, -16.99),
    ],
)
def test_levels(clip: Clip, level_db: float, peak_db: float) -> None:
    assert clip.level_db == pytest.approx(level_db, abs=0.01)
    assert clip.peak_db == pytest.approx(peak_db, abs=0.02)


@pytest.mark.parametrize("db", [math.nan, math.inf, 1e6])
def test_a_gain_that_breaks_the_sound_is_refused(db: float) -> None:
    with pytest.raises(AudioError):
        tone(10).gain(db)


@pytest.mark.parametrize(("hz", "level_db"), [(0, -12), (12000, -12), (math.nan, -12), (440, 0), (440, math.nan)])
def test_an_impossible_tone_is_refused(hz: float, level_db: float) -> None:
    with pytest.raises(AudioError):
        tone(10, hz=hz, level_db=level_db)


@pytest.mark.parametrize("duration_ms", [-1, math.nan, math.inf])
def test_an_impossible_duration_is_refused(duration_ms: float) -> None:
    for make in (silence, tone):
        with pytest.raises(AudioError, match="duration"):
            make(duration_ms)


def test_bytes_bring_the_clip_back() -> None:
    assert Clip.from_bytes(ramp().to_bytes(PCM16_24K), PCM16_24K) == ramp()
    assert len(tone(100).to_bytes(PCM16_16K)) == 3200
    telephone = Clip.from_bytes(tone(100).to_bytes(ALAW_8K), ALAW_8K)
    assert (telephone.rate_hz, telephone.duration_ms) == (8000, 100)
    assert telephone.level_db == pytest.approx(-12, abs=0.2)


def test_resampling_keeps_time_and_level() -> None:
    clip = tone(1000)
    assert clip.resampled(24000) is clip
    other = clip.resampled(16000)
    assert (other.rate_hz, other.duration_ms) == (16000, 1000)
    assert other.level_db == pytest.approx(-12, abs=0.05)


def test_chunks() -> None:
    chunks = list(ramp(500).chunks(10))
    assert [len(chunk) for chunk in chunks] == [240, 240, 20]
    assert Clip.join(chunks) == ramp(500)
    assert list(silence(0).chunks(20)) == []
    for duration_ms in (0, -5, 0.01, math.nan, math.inf):
        with pytest.raises(AudioError, match="chunk"):
            ramp().chunks(duration_ms)


@pytest.mark.parametrize("suffix", [".wav", ".flac"])
def test_saving_and_loading(suffix: str, tmp_path: Path) -> None:
    ramp().save(tmp_path / f"ramp{suffix}")
    assert Clip.load(tmp_path / f"ramp{suffix}") == ramp()


def test_plain_repr() -> None:
    assert repr(tone(1250)) == "Clip(1250 ms, 24000 Hz, level -12.0 dB)"
    assert repr(silence(0)) == "Clip(0 ms, 24000 Hz, level -120.0 dB)"
