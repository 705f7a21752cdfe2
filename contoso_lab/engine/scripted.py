"""The parts that a script plays: a brain that answers line by line, an ear that hears line by line.

Both are strict: asked for more than the script holds, or answering something that the script did not expect, they
fail with a sentence that names the script and the line. Each call has a pair of its own and begins at the first line.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from contoso_lab.engine.build import Engine
from contoso_lab.engine.plain import HumVoice, LoudnessMeter
from contoso_lab.engine.script import Line, Script, Words
from contoso_lab.engine.seams import BrainRequest, FloatArray, Heard, ToolCall, never
from contoso_lab.engine.virtual_time import pause_ms
from contoso_lab.errors import EngineError

_SURE = -0.05
_EDGE = 320
"""Samples at the end of a stretch (20 ms) that a resampler may have rounded off."""


class ScriptedBrain:
    """Answers with the lines of a script, in order; one call's own.

    Args:
        lines: the replies.
        source: what errors call the script.
    """

    def __init__(self, lines: tuple[Line, ...], *, source: str) -> None:
        self._lines = lines
        self._source = source
        self._next = 0

    async def reply(self, request: BrainRequest) -> AsyncIterator[str | ToolCall]:
        """Give the next reply."""
        number, self._next = self._next + 1, self._next + 1
        if number > len(self._lines):
            raise EngineError(
                f"{self._source} holds {len(self._lines)} replies and the brain was asked for one more: add it to "
                "'brain'"
            )
        line = self._lines[number - 1]
        if line.after_ms:
            await asyncio.sleep(line.after_ms / 1000)
        said = next((message.content for message in reversed(request.messages) if message.role == "user"), "")
        if line.expects is not None and line.expects.casefold() not in said.casefold():
            raise EngineError(
                f"{self._source}, brain[{number}]: expected '{line.expects}' in what the caller said, "
                f"and heard '{said}'"
            )
        if line.say:
            yield line.say
        if line.call is not None:
            yield ToolCall(f"call_{number}", line.call.name, json.dumps(line.call.arguments))
        if line.fail is not None:
            raise EngineError(line.fail)


class ScriptedEar:
    """Hears the words of a script, turn by turn; one call's own.

    A turn that was taken for over and then went on is heard again from its beginning, longer: that is the same turn
    and gives the same words.

    Args:
        turns: what is heard.
        source: what errors call the script.
    """

    def __init__(self, turns: tuple[Words, ...], *, source: str) -> None:
        self._turns = turns
        self._source = source
        self._last: FloatArray = np.zeros(0, np.float32)
        self._failed = False
        self._number = 0

    def transcribe(self, samples_16k: FloatArray, *, prompt: str = "", cancelled: Callable[[], bool] = never) -> Heard:
        """Give the words of the turn that these samples belong to."""
        if not self._goes_on(samples_16k):
            self._number += 1
        self._last = samples_16k
        number = self._number
        if number > len(self._turns):
            raise EngineError(
                f"{self._source} holds {len(self._turns)} turns and the ear was given one more: add it to 'ear'"
            )
        words = self._turns[number - 1]
        pause_ms(words.after_ms, cancelled)
        self._failed = words.fail is not None
        if words.fail is not None:
            raise EngineError(words.fail)
        return Heard("" if cancelled() else words.hears, _SURE, 0.0 if words.hears else 1.0)

    def _goes_on(self, samples: FloatArray) -> bool:
        common = len(self._last) - _EDGE
        longer = len(samples) - len(self._last) > _EDGE
        # A recognition that failed is tried once more when the turn is over; two equal turns are two turns.
        again = self._failed and len(samples) >= len(self._last)
        return common > 0 and (longer or again) and np.array_equal(self._last[:common], samples[:common])


def scripted_engine(script: Script, path: Path, build: Callable[[], Engine]) -> Engine:
    """An engine in which a script plays its parts.

    Args:
        script: the script, which is no cassette.
        path: where it was read, for errors.
        build: opens the real parts; called only where the script wants them.
    """
    source = f"the script {path.name}"

    def new_brain() -> ScriptedBrain:
        return ScriptedBrain(script.brain or (), source=source)

    def new_ear() -> ScriptedEar:
        return ScriptedEar(script.ear or (), source=source)

    if script.parts == "plain":
        return Engine(new_ear(), HumVoice(), LoudnessMeter, new_brain(), new_ear=new_ear, new_brain=new_brain)
    engine = build()
    if script.brain is not None:
        engine = replace(engine, brain=new_brain(), new_brain=new_brain)
    if script.ear is not None:
        engine = replace(engine, ear=new_ear(), new_ear=new_ear)
    return engine
