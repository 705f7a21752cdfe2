"""What a run of audio bytes means: its encoding and its rate."""

from __future__ import annotations

import math
import operator
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from contoso_lab.errors import AudioError

Encoding = Literal["pcm16", "ulaw", "alaw"]

# Below 4 kHz there is no speech left; above 192 kHz there is only a mistyped header.
LOWEST_RATE_HZ = 4_000
HIGHEST_RATE_HZ = 192_000
G711_RATE_HZ = 8_000

_BYTES_PER_SAMPLE: dict[Encoding, int] = {"pcm16": 2, "ulaw": 1, "alaw": 1}
_GA_TYPES: dict[Encoding, str] = {"pcm16": "audio/pcm", "ulaw": "audio/pcmu", "alaw": "audio/pcma"}
_ENCODINGS: dict[str, Encoding] = {
    **{name: encoding for encoding, name in _GA_TYPES.items()},
    "pcm16": "pcm16",
    "g711_ulaw": "ulaw",
    "g711_alaw": "alaw",
}


def check_rate(rate_hz: int) -> int:
    """Return `rate_hz` as a plain `int` if sound can have this rate.

    Raises:
        AudioError: it is no whole number, or outside 4 000 to 192 000 Hz.
    """
    try:
        rate = operator.index(rate_hz)
    except TypeError as error:
        raise AudioError(f"a sample rate is a whole number of Hz, such as 24000; got {rate_hz!r}") from error
    if isinstance(rate_hz, bool) or not LOWEST_RATE_HZ <= rate <= HIGHEST_RATE_HZ:
        raise AudioError(
            f"a sample rate of {rate_hz!r} Hz is outside {LOWEST_RATE_HZ} to {HIGHEST_RATE_HZ} Hz; "
            "give samples per second, such as 24000"
        )
    return rate


@dataclass(frozen=True, slots=True)
class AudioFormat:
    """What a run of mono audio bytes means; PCM16 is little-endian.

    >>> PCM16_24K.duration_ms(bytes(960))
    20.0
    >>> ULAW_8K.byte_count(20)
    160
    """

    encoding: Encoding
    rate_hz: int

    def __post_init__(self) -> None:
        if self.encoding not in _BYTES_PER_SAMPLE:
            raise AudioError(
                f"no audio encoding is called {self.encoding!r}; use one of {', '.join(_BYTES_PER_SAMPLE)}"
            )
        object.__setattr__(self, "rate_hz", check_rate(self.rate_hz))
        if self.encoding != "pcm16" and self.rate_hz != G711_RATE_HZ:
            raise AudioError(f"G.711 {self.encoding} is defined at {G711_RATE_HZ} Hz, not at {self.rate_hz} Hz")

    @property
    def bytes_per_sample(self) -> int:
        """Two for PCM16, one for G.711."""
        return _BYTES_PER_SAMPLE[self.encoding]

    def duration_ms(self, data: bytes | bytearray | memoryview | int) -> float:
        """How long these bytes, or this many bytes, sound."""
        size_bytes = data if isinstance(data, int) else memoryview(data).nbytes
        return 1000 * size_bytes / (self.rate_hz * self.bytes_per_sample)

    def byte_count(self, duration_ms: float) -> int:
        """How many bytes hold `duration_ms` of sound, to the nearest whole sample.

        Raises:
            AudioError: the duration is negative or not finite.
        """
        if not math.isfinite(duration_ms) or duration_ms < 0:
            raise AudioError(f"a duration is a number of milliseconds from 0 up; got {duration_ms!r}")
        return round(duration_ms * self.rate_hz / 1000) * self.bytes_per_sample

    def to_wire(self) -> dict[str, Any]:
        """This format as the Realtime API (GA) writes it.

        >>> PCM16_24K.to_wire()
        {'type': 'audio/pcm', 'rate': 24000}
        """
        wire: dict[str, Any] = {"type": _GA_TYPES[self.encoding]}
        if self.encoding == "pcm16":
            wire["rate"] = self.rate_hz
        return wire

    @classmethod
    def from_wire(cls, value: Mapping[str, Any] | str) -> AudioFormat:
        """Read a format as a session writes it, in the GA form (an object) or the beta form (a name).

        >>> AudioFormat.from_wire("g711_ulaw") == AudioFormat.from_wire({"type": "audio/pcmu"}) == ULAW_8K
        True

        Raises:
            AudioError: the name is unknown, or the rate is impossible.
        """
        name = value.get("type") if isinstance(value, Mapping) else value
        encoding = _ENCODINGS.get(name) if isinstance(name, str) else None
        if encoding is None:
            raise AudioError(f"no audio format is called {name!r}; use one of {', '.join(_ENCODINGS)}")
        rate = value.get("rate") if isinstance(value, Mapping) else None
        if rate is None:
            rate = 24_000 if encoding == "pcm16" else G711_RATE_HZ
        return cls(encoding, rate)


PCM16_24K = AudioFormat("pcm16", 24_000)
PCM16_16K = AudioFormat("pcm16", 16_000)
PCM16_8K = AudioFormat("pcm16", 8_000)
ULAW_8K = AudioFormat("ulaw", 8_000)
ALAW_8K = AudioFormat("alaw", 8_000)
