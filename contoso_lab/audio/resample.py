"""Change the rate of sound, in one piece or as it streams, with the same samples either way.

One linear-phase low-pass, a sinc under a Kaiser window (formulas: J. F. Kaiser, 1974, as given by Oppenheim and
Schafer, "Discrete-Time Signal Processing", 7.6). It passes everything up to 90 % of the lower rate's Nyquist frequency,
and holds what would alias or mirror 96 dB down.

Between usual rates a run of outputs is a fixed matrix times the window of inputs that they are made of, and processors
multiply matrices faster than anything else they do:

```
inputs   ──[window of row 0]──────────            a tile: `rows` windows, each a hop behind the one before,
         ──────[window of row 1]──────            times the matrix, gives `rows` runs of outputs
```

Tiles lie at fixed places of the stream and have one shape, so that each output is summed by the same steps wherever the
chunks were cut: what is not there yet is zero in its window, and has no part in the outputs that are ready. Rates that
have little in common would need a large matrix; those go through `scipy.signal.upfirdn`, some ten times more slowly.

The filter's delay is taken out, so output lines up with input in time and is `round(n * to_hz / from_hz)` samples long.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

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
_PIECE_SAMPLES = 1 << 15
# OpenBLAS gives larger products to several threads, and those wait in a loop for more: dear for a chunk of 20 ms.
_MOST_PRODUCTS = 1 << 18
_RUN = 64
"""About how many outputs are made of one window: with more, most of the matrix is zeros; with fewer, work is small."""


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
        self._tile = _tile(self._up, self._down) if self._up != self._down else None
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
        if len(chunk) <= _PIECE_SAMPLES:
            return self._push_piece(chunk)
        pieces = [
            self._push_piece(chunk[start : start + _PIECE_SAMPLES]) for start in range(0, len(chunk), _PIECE_SAMPLES)
        ]
        return np.concatenate(pieces)

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
        # The stream is preceded by silence, so that every output that is handed out is summed over all its taps.
        if self._tile is not None:
            before = self._tile.left
        else:  # in whole groups of `down` samples, for the same reason as tiles lie at fixed places
            before = -(-self._reach // (self._up * self._down)) * self._down
        self._held: FloatArray = np.zeros(before, dtype=np.float32)
        self._held_group = -before // self._down  # of `upfirdn`: index of the group at which `_held` begins
        self._held_tile = 0  # of the matrix: the tile whose first window begins where `_held` begins
        self._taken = 0
        self._given = 0

    def _push_piece(self, piece: FloatArray) -> FloatArray:
        self._held = np.concatenate([self._held, piece])
        self._taken += len(piece)
        # Output m is centred on input m*down/up and reaches `reach`/up inputs to either side.
        ready = (self._taken * self._up - 1 - self._reach) // self._down + 1
        if ready <= self._given:
            return np.empty(0, dtype=np.float32)
        out = self._by_taps(ready) if self._tile is None else self._by_matrix(self._tile, ready)
        self._given = ready
        return out

    def _by_matrix(self, tile: _Tile, ready: int) -> FloatArray:
        """The outputs from `_given` to `ready`."""
        start = self._held_tile * tile.outputs
        tiles = (ready - 1) // tile.outputs - self._held_tile + 1
        held = self._held
        if (missing := (tiles - 1) * tile.inputs + tile.reads - len(held)) > 0:
            held = np.concatenate([held, np.zeros(missing, dtype=np.float32)])
        windows: FloatArray = np.ndarray((tiles, tile.rows, tile.width), np.float32, held, 0, tile.strides)
        # Three dimensions: one product for each tile, all of one shape, however many there are.
        outputs: FloatArray = np.matmul(windows.copy(), tile.matrix).reshape(-1)
        if passed := ready // tile.outputs - self._held_tile:
            self._held_tile += passed
            self._held = self._held[passed * tile.inputs :].copy()
        out: FloatArray = outputs[self._given - start : ready - start].copy()
        return out

    def _by_taps(self, ready: int) -> FloatArray:
        """The same, for rates that have little in common."""
        from scipy.signal import upfirdn

        up, down, reach = self._up, self._down, self._reach
        filtered: FloatArray = upfirdn(self._taps, self._held, up, down)
        first = self._given + reach // down - self._held_group * up
        out = filtered[first : first + ready - self._given].copy()
        oldest_needed = -(-(ready * down - reach) // up)
        group = oldest_needed // down
        self._held = self._held[(group - self._held_group) * down :].copy()
        self._held_group = group
        return out


class _Tile(NamedTuple):
    """How a run of the stream is resampled by one product of matrices."""

    matrix: FloatArray
    """One column for each output of a run, one row for each input of its window."""
    rows: int
    """Windows of a tile."""
    width: int
    """Inputs of a window."""
    left: int
    """How many inputs a window begins before its first output."""
    inputs: int
    """From one tile to the next, in inputs."""
    outputs: int
    """The same in outputs."""
    reads: int
    """How many inputs a tile looks at."""
    strides: tuple[int, int, int]
    """From tile to tile, window to window and input to input, in bytes."""


@lru_cache(maxsize=16)
def _tile(up: int, down: int) -> _Tile | None:
    """The matrix for one ratio; `None` when it would be too large to be quick."""
    taps, reach = _low_pass(up, down)
    groups = max(1, round(_RUN / up))
    run, hop = groups * up, groups * down
    left = -(-reach // up)
    width = left + ((run - 1) * down + reach) // up + 1
    if run * width > _MOST_PRODUCTS:
        return None
    # Input n and output m meet at tap m*down - n*up, counted from the middle.
    at = reach + down * np.arange(run) - up * (np.arange(width)[:, np.newaxis] - left)
    matrix = np.where((at >= 0) & (at <= 2 * reach), taps[np.clip(at, 0, 2 * reach)], np.float32(0))
    matrix.setflags(write=False)
    rows = _MOST_PRODUCTS // (run * width)
    strides = (4 * rows * hop, 4 * hop, 4)
    return _Tile(matrix, rows, width, left, rows * hop, rows * run, (rows - 1) * hop + width, strides)


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
