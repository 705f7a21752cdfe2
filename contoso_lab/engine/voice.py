"""The engine's voice: hibari, one small network and some arithmetic, about seventy times faster than speech.

The network says, for every 12.5 ms, how strong each frequency is and how high the voice; the sound is made from
that. So one recorded speaker can lend several voices: we change the pitch and move the formants (the envelope)
before the sound is made, and nothing has to be stretched or filtered afterwards.

Five voices come of it. Three are for the assistant, two for customers, and the two groups are far enough apart
in pitch and formants that nobody mistakes one for the other.

The same sentence in the same voice gives the same samples, always: the noise in it is seeded by its words.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from contoso_lab.engine.runtime import need, open_onnx, package_file
from contoso_lab.engine.seams import FloatArray, Spoken
from contoso_lab.engine.sentences import split_sentences
from contoso_lab.engine.spelling import spell_out
from contoso_lab.errors import EngineError

RATE_HZ = 24_000
_WHAT = "The engine's voice"
_VOICED_HZ = 40.0
"""Below this the synthesizer takes a frame for unvoiced."""
_BIN_HZ = 20.0
_SPEEDS = (0.25, 4.0)
_GAIN = 1.6
"""The network speaks at -25 dBFS; telephones and other agents are 4 dB louder."""
_QUIET_DB = -50.0


@dataclass(frozen=True, slots=True)
class Tint:
    """How a voice differs from the speaker that was recorded, whose pitch is about 200 Hz."""

    pitch: float
    """Factor on the pitch: 0.5 is an octave lower."""
    formants: float
    """Factor on the frequencies of the envelope: below 1 is a longer vocal tract."""


VOICES: dict[str, Tint] = {
    "robin": Tint(1.0, 1.0),
    "jay": Tint(0.82, 0.95),
    "wren": Tint(1.1, 1.03),
    "low": Tint(0.6, 0.85),
    "high": Tint(1.36, 1.16),
}
"""The voices; "low" and "high" are meant for customers, the others for assistants."""

OPENAI_VOICES: dict[str, str] = {
    "alloy": "robin",
    "ash": "jay",
    "ballad": "jay",
    "cedar": "jay",
    "coral": "wren",
    "echo": "jay",
    "fable": "wren",
    "marin": "robin",
    "nova": "wren",
    "onyx": "jay",
    "sage": "robin",
    "shimmer": "wren",
    "verse": "jay",
}
"""OpenAI's names are all assistants' names: none of them becomes a customer's voice."""


class HibariVoice:
    """A `Voice` over hibari's American voice, tinted; one model for all threads.

    Raises:
        MissingExtra: hibari-tts or ONNX Runtime is not installed.
        EngineError: the package does not carry its model, or it cannot be opened.
    """

    languages = ("en",)
    """What it speaks; other words come out as English letters."""

    def __init__(self) -> None:
        package = need("hibari", package="hibari-tts", what=_WHAT)
        self._dsp = need("hibari.dsp", package="hibari-tts", what=_WHAT)
        g2p = need("hibari.g2p", package="hibari-tts", what=_WHAT)
        oov = need("hibari.g2p.oov", package="hibari-tts", what=_WHAT)
        # Not through its `Hibari` class: that opens the model with threads of its own, and only in one pitch.
        assets = package_file(package, "assets", what=_WHAT)
        self._session = open_onnx(package_file(package, "assets", "hibari.onnx", what=_WHAT), what=_WHAT)
        spelled = package_file(package, "assets", "oov.onnx", what=_WHAT)
        self._vocabulary: dict[str, int] = json.loads((assets / "vocab.json").read_text("utf-8"))
        self._phonemes = g2p.G2P(oov=oov.OOV(str(spelled), open_onnx(spelled, what=_WHAT)))
        # Nothing promises that its dictionaries may be read by two threads; a sentence takes a millisecond.
        self._phonemes_lock = Lock()

    @property
    def names(self) -> tuple[str, ...]:
        """Our own names; OpenAI's are understood too."""
        return tuple(VOICES)

    def speak(self, text: str, *, voice: str = "robin", speed: float = 1.0) -> Iterator[Spoken]:
        """Say a text sentence by sentence, each made when it is asked for.

        Sentences without anything to say (a lone emoji) are left out.

        Args:
            text: plain words; Markdown is not read aloud.
            voice: one of `names` or of OpenAI's names.
            speed: 0.25 to 4; 2 takes half the time.

        Raises:
            EngineError: there is no such voice, or the speed is out of range.
        """
        tint = tint_of(voice)
        if not _SPEEDS[0] <= speed <= _SPEEDS[1]:
            raise EngineError(f"a speed of {speed:g} cannot be spoken: use {_SPEEDS[0]:g} to {_SPEEDS[1]:g}")
        # The errors above belong to the call; a generator would raise them at its first sentence.
        return self._sentences(text, tint, speed)

    def _sentences(self, text: str, tint: Tint, speed: float) -> Iterator[Spoken]:
        for sentence in split_sentences(text):
            samples = self._say(sentence, tint, speed)
            if len(samples):
                yield Spoken(sentence, samples)

    def _say(self, sentence: str, tint: Tint, speed: float) -> FloatArray:
        with self._phonemes_lock:
            phonemes: str = self._phonemes(spell_out(sentence))
        known = [self._vocabulary[letter] for letter in phonemes if letter in self._vocabulary]
        if not any(letter.isalpha() for letter in phonemes):
            return np.zeros(0, np.float32)
        ids = np.array([[0, *known, 0]], np.int64)
        frames = self._session.run(None, {"ids": ids, "speed": np.array([speed], np.float32)})
        harmonic, turn, noise, rest, rest_phase, pitch_hz = (part[0] for part in frames)
        if tint != Tint(1.0, 1.0):
            harmonic, turn = move_harmonics(harmonic, turn, pitch_hz, tint)
            noise, rest = move_formants(noise, tint.formants), move_formants(rest, tint.formants)
            voiced = pitch_hz > _VOICED_HZ
            pitch_hz = np.where(voiced, np.maximum(pitch_hz * tint.pitch, _VOICED_HZ + 1), pitch_hz)
        rng = np.random.default_rng(zlib.crc32(sentence.encode()))
        samples = self._dsp.synth(harmonic, turn, noise, rest, rest_phase, pitch_hz, rng)
        return trim_silence(np.clip(_GAIN * samples, -1.0, 1.0, dtype=np.float32))


def tint_of(voice: str) -> Tint:
    """Find a voice by our name or OpenAI's.

    Raises:
        EngineError: nobody is called that.

    >>> tint_of("marin") == VOICES["robin"]
    True
    """
    name = voice.strip().lower()
    tint = VOICES.get(OPENAI_VOICES.get(name, name))
    if tint is None:
        raise EngineError(f"there is no voice {voice!r}: use {', '.join(VOICES)}, or one of OpenAI's names")
    return tint


def move_formants(bins_by_frames: FloatArray, factor: float) -> FloatArray:
    """Stretch a spectrum along its frequencies: what was at f comes to lie at f times `factor`.

    >>> move_formants(np.arange(4, dtype=np.float32)[:, None], 0.5).ravel().tolist()
    [0.0, 2.0, 3.0, 3.0]
    """
    bins = len(bins_by_frames)
    source = np.minimum(np.arange(bins) / factor, bins - 1)
    below = np.minimum(source.astype(np.int64), bins - 2)
    part = (source - below).astype(np.float32)[:, None]
    moved: FloatArray = bins_by_frames[below] * (1 - part) + bins_by_frames[below + 1] * part
    return moved


def move_harmonics(
    log_strength: FloatArray, turn: FloatArray, pitch_hz: FloatArray, tint: Tint
) -> tuple[FloatArray, FloatArray]:
    """Move the envelope of the voiced part, and make it fit another pitch.

    The network was taught with its speaker's harmonics and says nothing sensible in between, where another pitch
    puts its own. So the envelope is read at the harmonics and drawn as straight lines from one to the next.

    Args:
        log_strength: natural logarithm of the strength, bins of 20 Hz by frames.
        turn: the turn of the phase, in the network's own measure, of the same shape.
        pitch_hz: the speaker's own pitch in each frame.
        tint: the voice to make.
    """
    bins, frames = log_strength.shape
    spacing = np.maximum(pitch_hz, 2 * _VOICED_HZ).astype(np.float32) / _BIN_HZ
    number = np.arange(bins, dtype=np.float32)[:, None] / (spacing * np.float32(tint.formants))
    last = np.floor((bins - 1) / spacing)
    lower = np.clip(np.floor(number), 1, last - 1)
    part = np.clip(number - lower, 0, 1)
    column = np.arange(frames)

    def at(harmonic: FloatArray) -> NDArray[np.int64]:
        nearest: NDArray[np.int64] = np.minimum(np.rint(harmonic * spacing), bins - 1).astype(np.int64)
        return nearest

    strength = (1 - part) * log_strength[at(lower), column] + part * log_strength[at(lower + 1), column]
    # Twice the pitch has half as many harmonics, each as strong as before.
    strength += np.float32(0.5 * np.log(tint.pitch))
    # A phase has no middle between its two neighbours (they may lie on both sides of the turn): take the nearer.
    return strength, turn[at(lower + np.rint(part)), column]


def trim_silence(samples_24k: FloatArray) -> FloatArray:
    """Cut what the network leaves around a sentence: 300 ms before it that the caller would wait for.

    40 ms stay before the first sound, and 250 ms after the last, for the pause that a full stop asks for.
    """
    frame = RATE_HZ // 100
    power = np.square(samples_24k[: len(samples_24k) // frame * frame].reshape(-1, frame)).mean(axis=1)
    loud = np.flatnonzero(power > 10 ** (_QUIET_DB / 10))
    if len(loud) == 0:
        return samples_24k[:0]
    return samples_24k[max(0, int(loud[0]) - 4) * frame : (int(loud[-1]) + 1 + 25) * frame]
