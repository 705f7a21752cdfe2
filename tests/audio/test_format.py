from __future__ import annotations

import math

import numpy as np
import pytest

from contoso_lab.audio import ALAW_8K, PCM16_8K, PCM16_16K, PCM16_24K, ULAW_8K, AudioFormat
from contoso_lab.errors import AudioError

EVERY_FORMAT = [PCM16_24K, PCM16_16K, PCM16_8K, ULAW_8K, ALAW_8K]


@pytest.mark.parametrize(
    ("fmt", "size_bytes"),
    [(PCM16_24K, 960), (PCM16_16K, 640), (PCM16_8K, 320), (ULAW_8K, 160), (ALAW_8K, 160)],
)
def test_twenty_milliseconds_have_a_size(fmt: AudioFormat, size_bytes: int) -> None:
    assert fmt.byte_count(20) == size_bytes
    assert fmt.duration_ms(size_bytes) == fmt.duration_ms(bytes(size_bytes)) == 20.0


def test_a_duration_never_ends_inside_a_sample() -> None:
    assert PCM16_24K.byte_count(0.06) == 2
    assert PCM16_24K.byte_count(0) == 0


@pytest.mark.parametrize("duration_ms", [-1, math.nan, math.inf])
def test_an_impossible_duration_is_refused(duration_ms: float) -> None:
    with pytest.raises(AudioError, match="duration"):
        PCM16_24K.byte_count(duration_ms)


@pytest.mark.parametrize("fmt", EVERY_FORMAT)
def test_what_goes_over_the_wire_comes_back(fmt: AudioFormat) -> None:
    assert AudioFormat.from_wire(fmt.to_wire()) == fmt


@pytest.mark.parametrize(
    ("wire", "fmt"),
    [
        ("pcm16", PCM16_24K),
        ("g711_ulaw", ULAW_8K),
        ("g711_alaw", ALAW_8K),
        ({"type": "audio/pcm"}, PCM16_24K),
        ({"type": "audio/pcm", "rate": None}, PCM16_24K),
        ({"type": "audio/pcm", "rate": 16000}, PCM16_16K),
        ({"type": "audio/pcma"}, ALAW_8K),
    ],
)
def test_both_dialects_are_read(wire: str | dict[str, object], fmt: AudioFormat) -> None:
    assert AudioFormat.from_wire(wire) == fmt


@pytest.mark.parametrize(
    "wire",
    ["mp3", "", {}, {"type": None}, {"type": ["audio/pcm"]}, {"type": "audio/pcm", "rate": "fast"}, None, 7],
)
def test_an_unknown_format_is_refused(wire: object) -> None:
    with pytest.raises(AudioError):
        AudioFormat.from_wire(wire)  # type: ignore[arg-type]


@pytest.mark.parametrize("rate_hz", [0, -8000, 24000.0, True, 10**9, None, "24000"])
def test_a_rate_that_is_none_is_refused(rate_hz: object) -> None:
    with pytest.raises(AudioError, match="sample rate"):
        AudioFormat("pcm16", rate_hz)  # type: ignore[arg-type]


def test_a_numpy_rate_becomes_plain() -> None:
    assert type(AudioFormat("pcm16", np.int64(16000)).rate_hz) is int  # type: ignore[arg-type]


def test_g711_has_one_rate() -> None:
    with pytest.raises(AudioError, match="8000 Hz"):
        AudioFormat("ulaw", 16000)


def test_an_unknown_encoding_is_refused() -> None:
    with pytest.raises(AudioError, match="opus"):
        AudioFormat("opus", 24000)  # type: ignore[arg-type]
