"""A clip: a piece of mono sound that can be cut, joined, measured, seen and heard."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from os import PathLike
from typing import BinaryIO, Self

import numpy as np

from contoso_lab.audio import codec
from contoso_lab.audio.codec import FloatArray, as_samples
from contoso_lab.audio.format import AudioFormat, check_rate
from contoso_lab.audio.picture import clip_html, waveform_svg
from contoso_lab.audio.resample import resample
from contoso_lab.errors import AudioError

SILENCE_DB = -120.0
"""The level that is given to silence, so that levels stay finite; PCM16 itself ends near -90."""

LONGEST_PLAYER_MS = 120_000
"""A longer clip shows no player in a notebook, which would hold every byte of it as text."""


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Clip:
    """A piece of mono sound: read-only float32 samples in [-1, 1) and their rate.

    Two clips are equal when they sound the same: same rate, same samples. Samples outside [-1, 1) are kept, and
    clipped only when they become PCM16. Times are milliseconds; a slice takes the nearest samples.

    >>> clip = tone(300) + silence(200)
    >>> clip
    Clip(500 ms, 24000 Hz, level -14.2 dB)
    >>> clip[400:].level_db
    -120.0

    Raises:
        AudioError: the samples are not mono, not finite or not numbers, or the rate is impossible.
    """

    samples: FloatArray
    rate_hz: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "rate_hz", check_rate(self.rate_hz))
        samples = as_samples(self.samples)
        if samples.flags.writeable:  # somebody else may hold it, and write to it
            samples = _sealed(samples.copy())
        object.__setattr__(self, "samples", samples)

    # Making and keeping -----------------------------------------------------------------------------------------

    @classmethod
    def load(cls, source: str | PathLike[str] | bytes | BinaryIO) -> Clip:
        """Read a WAV, FLAC, OGG or WebM file; see `contoso_lab.audio.read_audio`."""
        from contoso_lab.audio.files import read_audio

        return read_audio(source)

    def save(self, path: str | PathLike[str]) -> None:
        """Write a .wav or .flac file, as PCM16; see `contoso_lab.audio.write_audio`."""
        from contoso_lab.audio.files import write_audio

        write_audio(path, self)

    @classmethod
    def from_bytes(cls, data: bytes | bytearray | memoryview, fmt: AudioFormat) -> Self:
        """Hear raw bytes, as a Realtime event carries them.

        Raises:
            AudioError: the last sample is cut in half.
        """
        return cls(_sealed(codec.decode(data, fmt)), fmt.rate_hz)

    def to_bytes(self, fmt: AudioFormat) -> bytes:
        """Raw bytes in `fmt`, resampled if it has another rate."""
        return codec.encode(self.resampled(fmt.rate_hz).samples, fmt)

    @classmethod
    def join(cls, clips: Iterable[Clip], *, gap_ms: float = 0) -> Clip:
        """Put clips of one rate one after the other, with `gap_ms` of silence between them.

        >>> Clip.join([tone(100), tone(100)], gap_ms=50).duration_ms
        250.0

        Raises:
            AudioError: no clips at all, or clips of different rates.
        """
        parts = list(clips)
        if not parts:
            raise AudioError("there is nothing to join; give at least one clip")
        rate_hz = parts[0].rate_hz
        gap = silence(gap_ms, rate_hz)
        arrays: list[FloatArray] = []
        for part in parts:
            if part.rate_hz != rate_hz:
                raise AudioError(
                    f"a clip at {rate_hz} Hz and one at {part.rate_hz} Hz do not join; "
                    f"call .resampled({rate_hz}) on the second"
                )
            arrays += [gap.samples, part.samples] if arrays else [part.samples]
        return cls(_sealed(np.concatenate(arrays)), rate_hz)

    # Measuring ----------------------------------------------------------------------------------------------------

    @property
    def duration_ms(self) -> float:
        """How long the clip sounds."""
        return 1000 * len(self.samples) / self.rate_hz

    @property
    def level_db(self) -> float:
        """Loudness: the root mean square in dB, where 0 is a full-scale square wave (a sine ends at -3)."""
        if not len(self):
            return SILENCE_DB
        wide = self.samples.astype(np.float64)
        return _to_db(math.sqrt(float(wide @ wide) / len(wide)))

    @property
    def peak_db(self) -> float:
        """The loudest sample in dB; above 0 the clip will be clipped when it becomes PCM16."""
        return _to_db(float(np.abs(self.samples).max(initial=0)))

    # Changing: every one gives a new clip ----------------------------------------------------------------------

    def gain(self, db: float) -> Clip:
        """Make it louder, or quieter with a negative number."""
        if not abs(db) <= 200:
            raise AudioError(f"a gain is a number of dB between -200 and 200; got {db!r}")
        return Clip(_sealed(self.samples * np.float32(10 ** (db / 20))), self.rate_hz)

    def resampled(self, rate_hz: int) -> Clip:
        """The same sound at another rate; the very same clip if it has that rate already."""
        if rate_hz == self.rate_hz:
            return self
        return Clip(_sealed(resample(self.samples, self.rate_hz, rate_hz)), rate_hz)

    def chunks(self, duration_ms: float) -> Iterator[Clip]:
        """Cut the clip into pieces of `duration_ms`, as a microphone would send it; the last may be shorter.

        >>> [chunk.duration_ms for chunk in silence(50).chunks(20)]
        [20.0, 20.0, 10.0]

        Raises:
            AudioError: the duration is shorter than one sample.
        """
        step = round(duration_ms * self.rate_hz / 1000) if math.isfinite(duration_ms) else 0
        if step < 1:
            raise AudioError(f"a chunk lasts at least one sample; got {duration_ms!r} ms at {self.rate_hz} Hz")
        return (Clip(self.samples[start : start + step], self.rate_hz) for start in range(0, len(self), step))

    def __getitem__(self, span: slice) -> Clip:
        if not isinstance(span, slice) or span.step is not None:
            raise AudioError(f"a clip is cut by milliseconds, as in clip[500:800]; got {span!r}")
        return Clip(self.samples[self._sample_at(span.start) : self._sample_at(span.stop)], self.rate_hz)

    def _sample_at(self, at_ms: float | None) -> int | None:
        if at_ms is None:
            return None
        if not math.isfinite(at_ms):
            raise AudioError(f"a clip is cut at a finite number of milliseconds; got {at_ms!r}")
        at = round(at_ms * self.rate_hz / 1000)
        # -0.01 ms rounds to sample 0, which would mean the start; a negative time counts from the end.
        return len(self) if at == 0 and at_ms < 0 else at

    def __add__(self, other: Clip) -> Clip:
        return Clip.join([self, other]) if isinstance(other, Clip) else NotImplemented

    # Looking ----------------------------------------------------------------------------------------------------

    @property
    def waveform(self) -> str:
        """A picture of the clip, as an SVG that takes the colour of the text around it."""
        return waveform_svg(self.samples, self.rate_hz)

    def __len__(self) -> int:
        """How many samples there are."""
        return len(self.samples)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Clip):
            return NotImplemented
        return self.rate_hz == other.rate_hz and np.array_equal(self.samples, other.samples)

    def __hash__(self) -> int:
        return hash((self.rate_hz, len(self), float(self.samples.sum())))

    def __reduce__(self) -> tuple[type[Clip], tuple[FloatArray, int]]:
        return Clip, (self.samples, self.rate_hz)  # a copy from another process is sealed again

    def __repr__(self) -> str:
        return f"Clip({self.duration_ms:g} ms, {self.rate_hz} Hz, level {self.level_db:.1f} dB)"

    def _repr_html_(self) -> str:
        from contoso_lab.audio.files import wav_bytes

        wav = wav_bytes(self) if 0 < self.duration_ms <= LONGEST_PLAYER_MS else None
        return clip_html(self.samples, self.rate_hz, level_db=self.level_db, wav=wav)


def silence(duration_ms: float, rate_hz: int = 24_000) -> Clip:
    """Nothing to hear, for `duration_ms`.

    Raises:
        AudioError: the duration is negative or not finite, or the rate is impossible.
    """
    return Clip(_sealed(np.zeros(_sample_count(duration_ms, rate_hz), dtype=np.float32)), rate_hz)


def tone(duration_ms: float, hz: float = 440, rate_hz: int = 24_000, level_db: float = -12) -> Clip:
    """A sine that starts at zero, with the loudness `level_db` (see `Clip.level_db`).

    >>> round(tone(1000, level_db=-20).level_db, 3)
    -20.0

    Raises:
        AudioError: the tone is too high for the rate, or louder than a sine can be (-3 dB).
    """
    count = _sample_count(duration_ms, rate_hz)
    if not 0 < hz < rate_hz / 2:
        raise AudioError(f"at {rate_hz} Hz a tone lies between 0 and {rate_hz / 2:g} Hz; got {hz!r}")
    if not (math.isfinite(level_db) and level_db <= -3):
        raise AudioError(f"the loudest sine has a level of -3 dB; got {level_db!r}")
    amplitude = min(1.0, math.sqrt(2) * 10 ** (level_db / 20))  # -3 stands for -3.01, where a sine is full
    wave = amplitude * np.sin(2 * np.pi * hz / rate_hz * np.arange(count))
    return Clip(_sealed(wave.astype(np.float32)), rate_hz)


def _sample_count(duration_ms: float, rate_hz: int) -> int:
    return AudioFormat("pcm16", rate_hz).byte_count(duration_ms) // 2


def _sealed(samples: FloatArray) -> FloatArray:
    """Give up the right to write to a fresh array, so that a clip may keep it without a copy."""
    samples.setflags(write=False)
    return samples


def _to_db(amplitude: float) -> float:
    return max(SILENCE_DB, 20 * math.log10(amplitude)) if amplitude > 0 else SILENCE_DB
