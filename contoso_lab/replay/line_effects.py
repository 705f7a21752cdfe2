"""A bad line for sound that comes in pieces: noise, a telephone's band and codec, and packets that are lost.

Each effect remembers what it needs from piece to piece, and draws from a seed, so the same sound comes out the same.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from contoso_lab.audio import AudioFormat, FloatArray, Resampler, decode, encode

RATE_HZ = 24_000
TELEPHONE_HZ = (300.0, 3400.0)
"""The band of a telephone line, ITU-T G.712."""
PACKET_MS = 20
"""What one packet of a telephone call holds (RFC 3551)."""
_G711 = AudioFormat("ulaw", 8000)


class LineSettings(BaseModel):
    """What is wrong with a line; nothing by default."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    noise_db: float | None = Field(default=None, le=0)
    """The level of white noise, in dB of full scale."""
    telephone: bool = False
    """300 to 3400 Hz, and G.711 µ-law at 8 kHz."""
    loss: float = Field(default=0.0, ge=0, lt=1)
    """The share of packets of 20 ms that are lost; what was lost is silent."""


class LineEffects:
    """One call's line. Feed it pieces of 24 kHz sound in order.

    >>> line = LineEffects(LineSettings(loss=0.5), seed=1)
    >>> sound = line.through(np.ones(24_000, np.float32))
    >>> round(float(sound.mean()), 2)  # of fifty pieces thirty were lost
    0.4
    """

    def __init__(self, settings: LineSettings, *, seed: int) -> None:
        self._settings = settings
        self._noise = np.random.default_rng([seed, 1])
        self._losses = np.random.default_rng([seed, 2])
        self._left = 0
        self._lost = False
        if settings.telephone:
            from scipy.signal import butter

            self._sections: Any = butter(4, TELEPHONE_HZ, btype="bandpass", fs=RATE_HZ, output="sos")
            self._memory = np.zeros((self._sections.shape[0], 2))
            self._down, self._up = Resampler(RATE_HZ, _G711.rate_hz), Resampler(_G711.rate_hz, RATE_HZ)
            self._ready: FloatArray = np.zeros(RATE_HZ // 10, np.float32)  # resamplers give late; 100 ms never run dry

    def through(self, samples: FloatArray) -> FloatArray:
        """The next piece as it comes out at the other end; as long as it went in."""
        out: FloatArray = np.asarray(samples, np.float32)
        if self._settings.noise_db is not None:
            level = 10 ** (self._settings.noise_db / 20)
            out = out + (level * self._noise.standard_normal(len(out))).astype(np.float32)
        if self._settings.telephone:
            out = self._telephone(out)
        return self._packets(out) if self._settings.loss else out

    def _telephone(self, samples: FloatArray) -> FloatArray:
        from scipy.signal import sosfilt

        filtered, self._memory = sosfilt(self._sections, samples, zi=self._memory)
        narrow = self._down.push(filtered.astype(np.float32))
        coded = decode(encode(narrow, _G711), _G711)
        self._ready = np.concatenate([self._ready, self._up.push(coded)])
        out, self._ready = self._ready[: len(samples)], self._ready[len(samples) :]
        return out

    def _packets(self, samples: FloatArray) -> FloatArray:
        out, at = samples.copy(), 0
        while at < len(out):
            if self._left == 0:
                self._left = RATE_HZ * PACKET_MS // 1000
                self._lost = bool(self._losses.random() < self._settings.loss)
            count = min(self._left, len(out) - at)
            if self._lost:
                out[at : at + count] = 0
            self._left -= count
            at += count
        return out
