"""Sound into bytes and back: PCM16, G.711 and base64.

Samples are mono float32 in [-1, 1). A PCM16 step is 1/32768, so every int16 survives the round trip.

G.711 follows ITU-T Recommendation G.711 (11/1988): the encoder compares a sample with the decision values of
tables 1a/1b (A-law, on a 13-bit scale) and 2a/2b (mu-law, on a 14-bit scale); the decoder returns the value in the
middle of each interval. Both are looked up in tables that are computed once from those values.
"""

from __future__ import annotations

import binascii
from functools import cache
from typing import assert_never

import numpy as np
import numpy.typing as npt
import pybase64

from contoso_lab.audio.format import AudioFormat, Encoding
from contoso_lab.errors import AudioError

FloatArray = npt.NDArray[np.float32]
Int16Array = npt.NDArray[np.int16]
_ByteArray = npt.NDArray[np.uint8]

_FULL_SCALE = np.float32(32768)
_LOWEST, _HIGHEST = np.float32(-32768), np.float32(32767)


def as_samples(samples: npt.ArrayLike) -> FloatArray:
    """See any sensible array as mono float32; int16 is taken as PCM16. Copies only where it must.

    >>> as_samples(np.array([0, -32768], dtype=np.int16))
    array([ 0., -1.], dtype=float32)

    Raises:
        AudioError: more than one channel, another number type, or a value that is not finite.
    """
    array = np.asarray(samples)
    if array.ndim != 1:
        raise AudioError(f"sound here is mono, one row of samples; got shape {array.shape}: take its mean first")
    if array.dtype == np.int16:
        return pcm16_to_float(array)
    if array.dtype.kind != "f":
        raise AudioError(f"samples are floats in [-1, 1) or int16; got {array.dtype}")
    floats = array
    if array.dtype != np.float32:
        with np.errstate(over="ignore"):  # what float32 cannot hold becomes inf, and is reported below
            floats = array.astype(np.float32)
    finite = np.isfinite(floats)
    if not np.logical_and.reduce(finite):  # as `all`, which takes three times as long to begin
        where = int(np.argmin(finite))
        raise AudioError(f"sample {where} is {floats[where]}; sound is made of finite numbers only")
    return floats


def float_to_pcm16(samples: npt.ArrayLike) -> Int16Array:
    """Round float samples to int16; what is louder than full scale is clipped.

    >>> float_to_pcm16(np.array([0.0, 0.5, -1.0, 2.0], dtype=np.float32))
    array([ 0, 16384, -32768, 32767], dtype=int16)

    Raises:
        AudioError: the samples are not mono, not numbers or not finite.
    """
    scaled = np.multiply(as_samples(samples), _FULL_SCALE)
    np.rint(scaled, out=scaled)
    # `np.clip` does just this, and thinks about it for longer than a chunk of 20 ms takes.
    np.maximum(scaled, _LOWEST, out=scaled)
    np.minimum(scaled, _HIGHEST, out=scaled)
    return scaled.astype(np.int16)


def pcm16_to_float(samples: npt.NDArray[np.int16]) -> FloatArray:
    """Turn int16 into float32 in [-1, 1): x / 32768, which float32 holds exactly."""
    out = np.empty(samples.shape, dtype=np.float32)
    np.multiply(samples, np.float32(1) / _FULL_SCALE, out=out, casting="unsafe")
    return out


def encode(samples: npt.ArrayLike, fmt: AudioFormat) -> bytes:
    """Turn samples, already at the format's rate, into its bytes.

    Raises:
        AudioError: the samples are not mono, not numbers or not finite.
    """
    pcm = float_to_pcm16(samples)
    match fmt.encoding:
        case "pcm16":
            return pcm.astype("<i2", copy=False).tobytes()
        case "ulaw" | "alaw":
            return _encoder(fmt.encoding).take(pcm.view(np.uint16)).tobytes()
        case _:
            assert_never(fmt.encoding)


def decode(data: bytes | bytearray | memoryview, fmt: AudioFormat) -> FloatArray:
    """Turn bytes into float32 samples at the format's rate.

    >>> from contoso_lab.audio.format import ALAW_8K
    >>> decode(bytes([0xD5]), ALAW_8K) * 32768
    array([8.], dtype=float32)

    Raises:
        AudioError: the last sample is cut in half.
    """
    size_bytes = memoryview(data).nbytes
    if size_bytes % fmt.bytes_per_sample:
        raise AudioError(
            f"{size_bytes} bytes are no whole number of PCM16 samples of 2 bytes; "
            "a chunk was cut inside a sample: keep the odd byte for the next one"
        )
    match fmt.encoding:
        case "pcm16":
            return pcm16_to_float(np.frombuffer(data, dtype="<i2"))
        case "ulaw" | "alaw":
            return _decoder(fmt.encoding).take(np.frombuffer(data, dtype=np.uint8))
        case _:
            assert_never(fmt.encoding)


def to_base64(data: bytes | bytearray | memoryview) -> str:
    """Write bytes as standard base64 text, on one line."""
    return pybase64.b64encode_as_string(data)


def from_base64(text: str | bytes) -> bytes:
    """Read standard base64 text; nothing else is tolerated in it.

    >>> from_base64(to_base64(b"sound"))
    b'sound'

    Raises:
        AudioError: the text is not base64.
    """
    try:
        return pybase64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise AudioError(f"audio that should be base64 text is not: {error}; send standard base64") from error


@cache
def _encoder(law: Encoding) -> _ByteArray:
    """One code for each int16, indexed by its two's complement as uint16."""
    pcm = np.arange(65536, dtype=np.uint16).view(np.int16).astype(np.int32)
    negative = pcm < 0
    if law == "ulaw":
        linear = pcm >> 2
        magnitude = np.where(negative, -linear, linear)
        inverted = np.where(negative, 0x7F, 0xFF)  # G.711 sends mu-law with every bit inverted
    else:
        linear = pcm >> 3
        magnitude = np.where(negative, -1 - linear, linear)
        inverted = np.where(negative, 0x55, 0xD5)  # and A-law with every even bit inverted
    number = np.searchsorted(_decision_values(law), magnitude, side="right")
    return (number ^ inverted).astype(np.uint8)


@cache
def _decoder(law: Encoding) -> FloatArray:
    """One sample for each code: the value in the middle of its interval."""
    codes = np.arange(256)
    number = (codes ^ (0xFF if law == "ulaw" else 0x55)) & 0x7F
    chord, step = number >> 4, number & 0x0F
    if law == "ulaw":
        value = (((33 + 2 * step) << chord) - 33) * 4
    else:
        value = np.where(chord == 0, 2 * step + 1, (33 + 2 * step) << np.maximum(chord - 1, 0)) * 8
    signed = np.where(codes & 0x80, value, -value)
    return pcm16_to_float(signed.astype(np.int16))


def _decision_values(law: Encoding) -> npt.NDArray[np.int64]:
    """The 127 positive thresholds of one law: eight chords, each with steps twice as wide as the one before."""
    number = np.arange(1, 128)
    chord, step = number >> 4, number & 0x0F
    if law == "ulaw":
        return ((16 + step) << (chord + 1)) - 33
    return np.where(chord == 0, 2 * step, (16 + step) << chord)
