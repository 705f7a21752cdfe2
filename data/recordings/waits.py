"""How long the other side takes, by a model that is written down here and drawn from a seed.

Real time cannot be measured honestly while a corpus is made, on whatever machine makes it. So nothing is measured:
recognition, thinking and the first sound of the voice each take a time drawn from a log-normal distribution, as the
waits of services do (their logarithms are about normal: most are near the median, and a few are long).
"""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass

import sounds

from contoso_lab.audio import Clip
from contoso_lab.engine.seams import Brain, BrainRequest, Ear, FloatArray, Heard, Spoken, ToolCall, Voice, never
from contoso_lab.engine.virtual_time import pause_ms
from contoso_lab.replay.virtual_call import Delays


@dataclass(frozen=True, slots=True)
class Waits:
    """Medians in ms, and how far they spread (the standard deviation of the logarithm)."""

    ear_ms: float
    brain_ms: float
    voice_ms: float
    spread: float
    line: Delays
    word_ms: float = 12.0
    """What the brain takes for each word after the first."""
    hang_ms: float = 30_000.0
    """How long a request takes that is never answered: longer than any customer waits."""


WAITS: dict[str, Waits] = {
    "local": Waits(80, 60, 110, 0.15, Delays((1, 3), (1, 3), 40)),
    "cloud": Waits(140, 330, 170, 0.35, Delays((12, 30), (12, 30), 60)),
    "busy": Waits(220, 780, 260, 0.5, Delays((20, 60), (20, 60), 80)),
    "mobile": Waits(140, 330, 170, 0.35, Delays((40, 140), (40, 140), 120)),
}


class Draw:
    """Draws the waits of one call."""

    def __init__(self, waits: Waits, seed: str) -> None:
        self.waits = waits
        self._random = random.Random(seed)

    def ms(self, median_ms: float) -> float:
        """One wait around a median."""
        return median_ms * math.exp(self._random.gauss(0.0, self.waits.spread))


class SlowEar:
    """An ear whose work takes a while."""

    def __init__(self, ear: Ear, draw: Draw) -> None:
        self._ear = ear
        self._draw = draw
        self.languages = ("en",)

    def transcribe(self, samples_16k: FloatArray, *, prompt: str = "", cancelled: Callable[[], bool] = never) -> Heard:
        """Hear, then let the time pass."""
        heard = self._ear.transcribe(samples_16k, prompt=prompt, cancelled=cancelled)
        pause_ms(self._draw.ms(self._draw.waits.ear_ms), cancelled)
        return heard


class SlowVoice:
    """A voice in the band of a headset; its first sentence takes a while, and each other one half of that."""

    languages = ("en",)

    def __init__(self, voice: Voice, draw: Draw) -> None:
        self._voice = voice
        self._draw = draw

    @property
    def names(self) -> tuple[str, ...]:
        """As the voice's."""
        return self._voice.names

    def speak(self, text: str, *, voice: str = "robin", speed: float = 1.0) -> Iterator[Spoken]:
        """Say a text."""
        return self._slowly(self._voice.speak(text, voice=voice, speed=speed))

    def _slowly(self, sentences: Iterator[Spoken]) -> Iterator[Spoken]:
        for number, spoken in enumerate(sentences):
            pause_ms(self._draw.ms(self._draw.waits.voice_ms / (1 if number == 0 else 2)), never)
            sound = sounds.band(Clip(spoken.samples, sounds.VOICE_HZ), sounds.HEADSET)
            yield Spoken(spoken.text, sound.samples)


class SlowBrain:
    """A brain that thinks before each reply, and does not think ahead.

    Args:
        hangs_on: the request, counted from 0, that it never answers.
    """

    quick = False

    def __init__(self, brain: Brain, draw: Draw, *, hangs_on: int | None = None) -> None:
        self._brain = brain
        self._draw = draw
        self._hangs_on = hangs_on
        self._asked = 0

    async def reply(self, request: BrainRequest) -> AsyncIterator[str | ToolCall]:
        """Answer, a while later."""
        number, self._asked = self._asked, self._asked + 1
        waits = self._draw.waits
        await asyncio.sleep((waits.hang_ms if number == self._hangs_on else self._draw.ms(waits.brain_ms)) / 1000)
        async for piece in self._brain.reply(request):
            yield piece
            if isinstance(piece, str):
                await asyncio.sleep(waits.word_ms * len(piece.split()) / 1000)
