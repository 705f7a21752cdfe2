"""Change the rate of sound, in one piece or as it streams, with the same samples either way.

One linear-phase low-pass, a sinc under a Kaiser window (formulas: J. F. Kaiser, 1974, as given by Oppenheim and
Schafer, "Discrete-Time Signal Processing", 7.6), run as a polyphase filter by `scipy.signal.upfirdn`. It passes
everything up to 90 % of the lower rate's Nyquist frequency, and holds what would alias or mirror 96 dB down.

The filter's delay is taken out, so output lines up with input in time and is `round(n * to_hz / from_hz)` samples long.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from contoso_lab.audio.codec import FloatArray, as_samples
from contoso_lab.audio.format import check_rate
from contoso_lab.errors import AudioError

_REJECTION_DB = 96.0
_PASS_EDGE = 0.90  # of the lower Nyquist frequency; what lies above the edge fades until 1.0
# A filter has about 124 taps per unit of the reduced ratio: any two rates up to 48 kHz stay below this.
_LARGEST_TERM = 48_000
# Whole clips are worked off in pieces, so that memory stays near the size of the result.
_PIECE_SAMPLES = 1 << 16


def resample(samples: npt.ArrayLike, from_hz: int, to_hz: int) -> FloatArray:
    """Change the rate of a whole clip.

    >>> resample(np.zeros(480), 48_000, 16_000).shape
    (160,)

    Raises:
        AudioError: samples that are no sound, or rates that are none.
    """
    resampler = Resampler(from_hz, to_hz)
    return np.concatenate([resampler.push(samples), resampler.finish()])


class Resampler:
    """Change the rate of sound that arrives in chunks, without a click between them.

    The chunks' results, joined, are sample for sample what `resample` makes of the whole. Output runs behind input
    by the filter's reach (`delay_ms`), and `finish` hands over the rest. Not to be shared between threads.

    >>> stream = Resampler(24_000, 16_000)
    >>> len(stream.push(np.zeros(480))) + len(stream.push(np.zeros(480))) + len(stream.finish())
    640

    Raises:
        AudioError: a rate that is none, or a pair of high rates with almost no common factor.
    """

    def __init__(self, from_hz: int, to_hz: int) -> None:
        self.from_hz = check_rate(from_hz)
        self.to_hz = check_rate(to_hz)
        divisor = math.gcd(self.from_hz, self.to_hz)
        self._up = self.to_hz // divisor
        self._down = self.from_hz // divisor
        if max(self._up, self._down) > _LARGEST_TERM:
            raise AudioError(f"{from_hz} Hz to {to_hz} Hz has no common factor to work with; go by way of 48000 Hz")
        self._taps, self._reach = _low_pass(self._up, self._down)
        self._restart()

    @property
    def delay_ms(self) -> float:
        """How much later than the input a sample can come out; it still sounds at the right time."""
        return 1000 * self._reach / (self._up * self.from_hz)

    def push(self, samples: npt.ArrayLike) -> FloatArray:
        """Take the next chunk and return what is ready, which may be nothing.

        Raises:
            AudioError: samples that are not mono, not numbers or not finite.
        """
        chunk = as_samples(samples)
        if self._up == self._down:
            return chunk.copy()
        pieces = [
            self._push_piece(chunk[start : start + _PIECE_SAMPLES]) for start in range(0, len(chunk), _PIECE_SAMPLES)
        ]
        return np.concatenate(pieces) if pieces else chunk.copy()

    def finish(self) -> FloatArray:
        """Return what is still inside; afterwards the resampler is as new, ready for another stream."""
        if self._up == self._down:
            return np.empty(0, dtype=np.float32)
        missing = round(self._taken * self._up / self._down) - self._given
        tail = np.zeros(self._reach // self._up + 1, dtype=np.float32)
        rest = self._push_piece(tail)[:missing]
        self._restart()
        return rest

    def _restart(self) -> None:
        # The stream is preceded by silence, in whole groups of `down` samples. Then every output that is handed out
        # is summed over all its taps, by the same steps in the same order, wherever the chunks were cut.
        groups = -(-self._reach // (self._up * self._down))
        self._held: FloatArray = np.zeros(groups * self._down, dtype=np.float32)
        self._held_group = -groups  # index of the group at which `_held` begins
        self._taken = 0
        self._given = 0

    def _push_piece(self, piece: FloatArray) -> FloatArray:
        from scipy.signal import upfirdn

        up, down, reach = self._up, self._down, self._reach
        self._held = np.concatenate([self._held, piece])
        self._taken += len(piece)
        # Output m is centred on input m*down/up and reaches `reach`/up inputs to either side.
        ready = (self._taken * up - 1 - reach) // down + 1
        if ready <= self._given:
            return np.empty(0, dtype=np.float32)
        filtered: FloatArray = upfirdn(self._taps, self._held, up, down)
        first = self._given + reach // down - self._held_group * up
        out = filtered[first : first + ready - self._given].copy()
        self._given = ready
        oldest_needed = -(-(ready * down - reach) // up)
        group = oldest_needed // down
        self._held = self._held[(group - self._held_group) * down :].copy()
        self._held_group = group
        return out


@lru_cache(maxsize=16)
def _low_pass(up: int, down: int) -> tuple[FloatArray, int]:
    """The taps at `up` times the input rate, and how far they reach from their middle (a multiple of `down`)."""
    if up == down:
        return np.ones(1, dtype=np.float32), 0
    slower = max(up, down)
    fade = math.pi * (1 - _PASS_EDGE) / slower
    half = (_REJECTION_DB - 7.95) / (2.285 * fade) / 2
    reach = math.ceil(half / down) * down
    cutoff = (1 + _PASS_EDGE) / 2 / slower
    window = np.kaiser(2 * reach + 1, 0.1102 * (_REJECTION_DB - 8.7))
    taps = np.sinc(cutoff * np.arange(-reach, reach + 1)) * window
    taps *= up / taps.sum()
    floats = taps.astype(np.float32)
    floats.setflags(write=False)
    return floats, reach
