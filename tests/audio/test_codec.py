from __future__ import annotations

import importlib
import warnings
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contoso_lab.audio import (
    ALAW_8K,
    PCM16_8K,
    PCM16_24K,
    ULAW_8K,
    AudioFormat,
    decode,
    encode,
    float_to_pcm16,
    from_base64,
    pcm16_to_float,
    to_base64,
)
from contoso_lab.errors import AudioError

EVERY_INT16 = np.arange(-32768, 32768).astype(np.int16)
EVERY_CODE = bytes(range(256))

# ITU-T G.711, table 2a (mu-law, positive): threshold x_n, code as it is sent, value y_n; on a 14-bit scale.
ITU_ULAW = [
    (0, 0xFF, 0),
    (1, 0xFE, 2),
    (31, 0xEF, 33),
    (95, 0xDF, 99),
    (223, 0xCF, 231),
    (479, 0xBF, 495),
    (991, 0xAF, 1023),
    (2015, 0x9F, 2079),
    (4063, 0x8F, 4191),
    (7903, 0x80, 8031),
]
# ITU-T G.711, table 1a (A-law, positive), on a 13-bit scale; the table's codes with their even bits inverted.
ITU_ALAW = [
    (0, 0x80 ^ 0x55, 1),
    (64, 0xA0 ^ 0x55, 66),
    (128, 0xB0 ^ 0x55, 132),
    (256, 0xC0 ^ 0x55, 264),
    (512, 0xD0 ^ 0x55, 528),
    (1024, 0xE0 ^ 0x55, 1056),
    (2048, 0xF0 ^ 0x55, 2112),
    (3968, 0xFF ^ 0x55, 4032),
]


@pytest.fixture(scope="module")
def audioop() -> ModuleType:
    """Python's own G.711, which left the standard library in 3.13."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            return importlib.import_module("audioop")
        except ImportError:
            pytest.skip("this Python has no audioop; the ITU tables are tested all the same")


def test_every_int16_survives_the_round_trip() -> None:
    floats = pcm16_to_float(EVERY_INT16)
    assert floats.dtype == np.float32
    assert floats.min() == -1.0
    assert floats.max() < 1.0
    np.testing.assert_array_equal(float_to_pcm16(floats), EVERY_INT16)
    assert encode(decode(EVERY_INT16.tobytes(), PCM16_24K), PCM16_24K) == EVERY_INT16.astype("<i2").tobytes()


@pytest.mark.parametrize(
    ("sample", "step"),
    [(0.0, 0), (1.0, 32767), (-1.0, -32768), (7.0, 32767), (-7.0, -32768), (1.6 / 32768, 2), (-1.6 / 32768, -2)],
)
def test_floats_are_rounded_and_clipped(sample: float, step: int) -> None:
    assert float_to_pcm16([sample]).tolist() == [step]


@pytest.mark.parametrize("law", ["ulaw", "alaw"])
def test_g711_agrees_with_audioop_for_every_sample_and_every_code(law: str, audioop: ModuleType) -> None:
    fmt = AudioFormat(law, 8000)  # type: ignore[arg-type]
    assert encode(EVERY_INT16, fmt) == getattr(audioop, f"lin2{law}")(EVERY_INT16.tobytes(), 2)
    heard = float_to_pcm16(decode(EVERY_CODE, fmt))
    assert heard.tobytes() == getattr(audioop, f"{law}2lin")(EVERY_CODE, 2)


@pytest.mark.parametrize(
    ("fmt", "step", "table", "lowest_negative"),
    [(ULAW_8K, 4, ITU_ULAW, lambda magnitude: -magnitude), (ALAW_8K, 8, ITU_ALAW, lambda magnitude: -magnitude - 1)],
    ids=["ulaw", "alaw"],
)
def test_g711_agrees_with_the_itu_tables(fmt, step, table, lowest_negative) -> None:  # type: ignore[no-untyped-def]
    for threshold, code, value in table:
        at_threshold = np.array([threshold * step], dtype=np.int16)
        assert encode(at_threshold, fmt) == bytes([code])
        assert float_to_pcm16(decode(bytes([code]), fmt)).tolist() == [value * step]
        if threshold:
            assert encode(at_threshold - 1, fmt) != bytes([code])
            mirrored = np.array([lowest_negative(threshold) * step], dtype=np.int16)
            assert encode(mirrored, fmt) == bytes([code ^ 0x80])
        assert float_to_pcm16(decode(bytes([code ^ 0x80]), fmt)).tolist() == [-value * step]


@pytest.mark.parametrize("fmt", [ULAW_8K, ALAW_8K])
def test_g711_is_stable_once_it_is_coarse(fmt: AudioFormat) -> None:
    once = decode(encode(EVERY_INT16, fmt), fmt)
    np.testing.assert_array_equal(decode(encode(once, fmt), fmt), once)


@given(st.lists(st.floats(-2, 2, width=32), max_size=50), st.sampled_from([PCM16_8K, ULAW_8K, ALAW_8K]))
def test_bytes_hold_as_many_samples_as_went_in(values: list[float], fmt: AudioFormat) -> None:
    samples = np.array(values, dtype=np.float32)
    data = encode(samples, fmt)
    assert len(data) == len(samples) * fmt.bytes_per_sample
    heard = decode(data, fmt)
    assert heard.shape == samples.shape
    # G.711 keeps 3 % of the value; its smallest step is 8 (A-law 16) of 32768.
    assert np.all(np.abs(heard - np.clip(samples, -1, 1)) <= 0.032 * np.abs(samples) + 16 / 32768)


@pytest.mark.parametrize("data", [b"", bytearray(b"\0\0"), memoryview(b"\0\0\0\0")])
def test_any_bytes_will_do(data: bytes) -> None:
    assert decode(data, PCM16_24K).tolist() == [0.0] * (len(data) // 2)


def test_half_a_sample_is_refused() -> None:
    with pytest.raises(AudioError, match="3 bytes are no whole number"):
        decode(b"\0\0\0", PCM16_24K)


@pytest.mark.parametrize(
    ("samples", "reason"),
    [
        ([0.0, np.nan], "sample 1 is nan"),
        ([np.inf], "sample 0 is inf"),
        (np.array([1e300]), "sample 0 is inf"),
        (np.zeros((2, 2)), "mono"),
        (0.5, "mono"),
        (np.zeros(2, dtype=np.int32), "int32"),
        (["loud"], "floats"),
    ],
)
def test_what_is_no_sound_is_refused(samples: object, reason: str) -> None:
    with pytest.raises(AudioError, match=reason):
        encode(samples, PCM16_24K)  # type: ignore[arg-type]


@given(st.binary(max_size=200))
def test_base64_brings_every_byte_back(data: bytes) -> None:
    assert from_base64(to_base64(data)) == data
    assert from_base64(to_base64(data).encode()) == data


@pytest.mark.parametrize("text", ["AAA", "AA=A", "AAAA\n", "A-_A", "AA A", "ÄÄÄÄ"])
def test_what_is_no_base64_is_refused(text: str) -> None:
    with pytest.raises(AudioError, match="base64"):
        from_base64(text)
