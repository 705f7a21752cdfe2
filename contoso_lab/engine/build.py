"""Put the engine together: open every model once, say what happens, and warm up.

| part | model | opened | shared by |
|---|---|---|---|
| ear | Whisper tiny.en, int8 | once, with as many workers as may hear at once | all sessions |
| voice | hibari, 24 kHz | once | all sessions |
| meter | Silero | once; `Engine.new_meter` gives each stream a memory of its own | all sessions |
| brain | the clerk, or what is handed in | once | all sessions |

Everything comes out of installed packages: nothing is downloaded.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter

import numpy as np

from contoso_lab.audio import resample
from contoso_lab.engine.ear import WhisperEar
from contoso_lab.engine.meter import SileroModel
from contoso_lab.engine.seams import Brain, Ear, SpeechMeter, Voice
from contoso_lab.engine.voice import HibariVoice

_FIRST_WORDS = "Hello, this is Robin."


@dataclass(frozen=True, slots=True)
class Engine:
    """What a conversation needs: four parts, each for as many conversations as there are."""

    ear: Ear
    voice: Voice
    new_meter: Callable[[], SpeechMeter]
    """Makes the meter of one stream."""
    brain: Brain
    new_ear: Callable[[], Ear] | None = None
    """Where each call has an ear of its own, makes it: a script begins anew with each call."""
    new_brain: Callable[[], Brain] | None = None
    """Where each call has a brain of its own, makes it."""

    def brain_of_call(self) -> Brain:
        """The brain of one new call."""
        return self.brain if self.new_brain is None else self.new_brain()

    def ear_of_call(self) -> Ear:
        """The ear of one new call."""
        return self.ear if self.new_ear is None else self.new_ear()


def build_engine(progress: Callable[[str], None], *, brain: Brain | None = None, workers: int = 2) -> Engine:
    """Open the models, one after the other, and use each once so that the first caller does not wait.

    Takes two seconds and about 350 MB. Blocking: call it before serving, or in a thread.

    Args:
        progress: is told in a sentence what is being done, before it is done.
        brain: who answers; without one, the clerk, which needs no model. One that holds a model has a method `open`.
        workers: how many turns may be heard at the same time.

    Raises:
        MissingExtra: a package of the `engine` extra is not installed; says which.
        EngineError: a model cannot be opened.
    """
    started = perf_counter()
    progress("Opening the ear (Whisper tiny.en).")
    ear = WhisperEar(workers=workers)
    progress("Opening the voice (hibari).")
    voice = HibariVoice()
    progress("Opening the speech meter (Silero).")
    new_meter = SileroModel().meter
    if brain is None:
        progress("Asking the clerk in.")
        brain = _clerk()
    elif (open_brain := getattr(brain, "open", None)) is not None:
        open_brain(progress)
    progress("Saying and hearing a first sentence.")
    warm_up(ear, voice, new_meter())
    progress(f"The engine is ready after {perf_counter() - started:.1f} s.")
    return Engine(ear, voice, new_meter, brain)


def warm_up(ear: Ear, voice: Voice, meter: SpeechMeter) -> str:
    """Let the parts say and hear one sentence; what was heard comes back."""
    spoken = list(voice.speak(_FIRST_WORDS, voice=voice.names[0]))
    samples_16k = resample(np.concatenate([sentence.samples for sentence in spoken]), 24_000, 16_000)
    meter.push(samples_16k)
    return ear.transcribe(samples_16k).text


def _clerk() -> Brain:
    from contoso_lab.engine.clerk import Clerk

    return Clerk()
