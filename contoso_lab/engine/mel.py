"""The picture of sound that Whisper reads: a log-mel spectrogram, in NumPy alone.

After Radford et al., "Robust Speech Recognition via Large-Scale Weak Supervision" (2022), section 2.2, and
the reference code published with it: 80 mel bands over a 25 ms Hann window every 10 ms, base-10 logarithm,
floored 8 decades below the loudest value of the clip, then shifted and scaled to about -1 to 1.

The mel scale is the one of Slaney's Auditory Toolbox (1998): linear below 1000 Hz, logarithmic above, each
triangle with unit area.

This module knows nothing about models; it does not pad to 30 seconds, that is the caller's decision.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from contoso_lab.engine.seams import FloatArray

RATE_HZ = 16_000
BANDS = 80
WINDOW = 400
"""Samples that one frame looks at: 25 ms."""
HOP = 160
"""Samples from one frame to the next: 10 ms."""


def frame_count(samples: int) -> int:
    """How many frames a stretch of sound gives.

    >>> frame_count(16_000)
    100
    """
    return samples // HOP


def log_mel(samples_16k: FloatArray) -> FloatArray:
    """Turn mono samples at 16 000 Hz into the 80 by `frame_count` array that Whisper reads.

    The sound is mirrored by half a window at both ends, so that the first frame is centred on the first
    sample. Fewer than 201 samples cannot be mirrored: pad them with zeros first.

    >>> log_mel(np.zeros(16_000, np.float32)).shape
    (80, 100)
    """
    padded = np.pad(np.asarray(samples_16k, np.float32), WINDOW // 2, mode="reflect")
    frames = sliding_window_view(padded, WINDOW)[::HOP][: frame_count(len(samples_16k))]
    spectrum = np.fft.rfft(frames * _hann(), axis=1)
    power = np.square(spectrum.real) + np.square(spectrum.imag)
    # Not `filterbank() @ power.T`: BLAS would start a thread per core, and they spin for a while afterwards.
    bands = np.log10(np.maximum(np.einsum("bf,tf->bt", filterbank(), power), 1e-10))
    bands = np.maximum(bands, bands.max(initial=-10.0) - 8.0)
    picture: FloatArray = ((bands + 4.0) / 4.0).astype(np.float32)
    return picture


@cache
def _hann() -> FloatArray:
    # Periodic, not symmetric: the window is one period of a raised cosine.
    return (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(WINDOW) / WINDOW)).astype(np.float32)


@cache
def filterbank() -> FloatArray:
    """The 80 triangles over the 201 frequencies of the transform, each with unit area in hertz.

    >>> filterbank().shape
    (80, 201)
    """
    edges_hz = mel_to_hz(np.linspace(0.0, float(hz_to_mel(np.array(RATE_HZ / 2))), BANDS + 2))
    bins_hz = np.arange(WINDOW // 2 + 1) * RATE_HZ / WINDOW
    low, middle, high = edges_hz[:-2, None], edges_hz[1:-1, None], edges_hz[2:, None]
    rising = (bins_hz - low) / (middle - low)
    falling = (high - bins_hz) / (high - middle)
    triangles = np.maximum(0.0, np.minimum(rising, falling)) * 2.0 / (high - low)
    return triangles.astype(np.float32)


_KNEE_HZ = 1000.0
_HZ_PER_MEL = 200.0 / 3.0
_KNEE_MEL = _KNEE_HZ / _HZ_PER_MEL
_LOG_STEP = np.log(6.4) / 27.0


def hz_to_mel(hz: NDArray[np.float64]) -> NDArray[np.float64]:
    """Slaney's scale: 15 mels up to 1000 Hz, then 27 mels for each factor of 6.4.

    >>> [round(float(hz_to_mel(np.array(hz))), 3) for hz in (0, 1000, 6400)]
    [0.0, 15.0, 42.0]
    """
    above = _KNEE_MEL + np.log(np.maximum(hz, _KNEE_HZ) / _KNEE_HZ) / _LOG_STEP
    return np.where(hz < _KNEE_HZ, hz / _HZ_PER_MEL, above)


def mel_to_hz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    """The way back.

    >>> [round(float(mel_to_hz(np.array(mel))), 3) for mel in (0, 15, 42)]
    [0.0, 1000.0, 6400.0]
    """
    above = _KNEE_HZ * np.exp(_LOG_STEP * (np.maximum(mel, _KNEE_MEL) - _KNEE_MEL))
    return np.where(mel < _KNEE_MEL, mel * _HZ_PER_MEL, above)
