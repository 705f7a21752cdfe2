"""Parts that need no model: a meter that hears loudness and a voice that hums.

They make a scripted call fast and the same on every machine: a frame is speech when it is loud, and a sentence sounds
for `MS_PER_CHARACTER` a character, each voice at its own pitch.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import numpy as np

from contoso_lab.audio import tone
from contoso_lab.engine.seams import FloatArray, Spoken
from contoso_lab.engine.sentences import split_sentences

MS_PER_CHARACTER = 60.0
"""About how long a letter takes in English speech."""
PITCHES_HZ = {"robin": 220.0, "low": 110.0}
_FRAME = 512
_LOUD = 0.02
_SPEECH, _QUIET = 0.95, 0.02


class LoudnessMeter:
    """A `SpeechMeter` that takes loud frames for speech.

    >>> LoudnessMeter().push(np.ones(1024, np.float32))
    [0.95, 0.95]
    """

    def __init__(self) -> None:
        self._rest: FloatArray = np.zeros(0, np.float32)

    def push(self, samples_16k: FloatArray) -> list[float]:
        """Take samples at 16 000 Hz; give one probability per full frame."""
        samples = np.concatenate([self._rest, samples_16k])
        whole = len(samples) // _FRAME * _FRAME
        self._rest = samples[whole:]
        peaks = np.abs(samples[:whole]).reshape(-1, _FRAME).max(axis=1)
        return [_SPEECH if peak > _LOUD else _QUIET for peak in peaks]

    def reset(self) -> None:
        """Forget the samples that did not fill a frame."""
        self._rest = np.zeros(0, np.float32)


class HumVoice:
    """A `Voice` that hums each sentence at the pitch of its name.

    >>> [len(spoken.samples) for spoken in HumVoice().speak("Hi. Ho.", voice="robin")]
    [4320, 4320]
    """

    names = tuple(PITCHES_HZ)

    def speak(self, text: str, *, voice: str, speed: float = 1.0) -> Iterator[Spoken]:
        """Hum a text sentence by sentence."""
        for sentence in split_sentences(text):
            duration_ms = len(sentence) * MS_PER_CHARACTER / speed
            yield Spoken(sentence, _hum(duration_ms, PITCHES_HZ.get(voice, PITCHES_HZ["robin"])))


@lru_cache(maxsize=64)
def _hum(duration_ms: float, hz: float) -> FloatArray:
    return tone(duration_ms, hz=hz).samples
