"""The threads in which the models work, shared by all calls.

| pool | threads | why |
|---|---|---|
| ear | two | a recognition on the chance that a turn is over must not hold up another caller's turn |
| voice | one | a sentence takes 70 ms; between two sentences of one call, another call has its turn |

Models block and cannot be killed. Cancelling an await here frees the caller at once; the thread stops at the ear's
next look at its `cancelled`, or at the end of the sentence that it is saying.
"""

from __future__ import annotations

import asyncio
import copy
import threading
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from functools import partial
from typing import TypeVar

from contoso_lab.audio.codec import decode
from contoso_lab.audio.format import AudioFormat
from contoso_lab.audio.resample import resample
from contoso_lab.engine.input_audio import EAR_RATE_HZ
from contoso_lab.engine.seams import Ear, Heard, Spoken, Voice

T = TypeVar("T")


class Workshop:
    """An ear and a voice behind threads; `close` it when the server ends."""

    def __init__(self, ear: Ear, voice: Voice, *, ears: int = 2) -> None:
        self._ear = ear
        self._voice = voice
        self._ear_pool = ThreadPoolExecutor(ears, thread_name_prefix="ear")
        self._voice_pool = ThreadPoolExecutor(1, thread_name_prefix="voice")
        self._turnstile: asyncio.Semaphore | None = None

    async def listen(self, audio: bytes, fmt: AudioFormat, *, prompt: str = "") -> Heard:
        """Recognise a stretch of sound. When cancelled, the ear is told to stop."""
        stop = threading.Event()
        try:
            return await self._in(self._ear_pool, partial(self._listen, audio, fmt, prompt, stop))
        finally:
            stop.set()

    async def speak(self, text: str, *, voice: str, speed: float = 1.0) -> AsyncGenerator[Spoken, None]:
        """Say a text; each sentence comes as soon as it is made."""
        sentences = await self._in(self._voice_pool, partial(self._voice.speak, text, voice=voice, speed=speed))
        while (spoken := await self._in(self._voice_pool, partial(next, sentences, None))) is not None:
            yield spoken

    def with_ear(self, ear: Ear) -> Workshop:
        """The same threads with another ear, for a call that has one of its own."""
        if ear is self._ear:
            return self
        other = copy.copy(self)
        other._ear = ear
        return other

    def beside_calls(self) -> Workshop:
        """The same threads for work that nobody on a call waits for: one job after the other, whoever asks.

        So it has at most one ear and one sentence between itself and the calls.
        """
        other = copy.copy(self)
        other._turnstile = asyncio.Semaphore(1)
        return other

    def close(self) -> None:
        """Let no new work begin and forget what has not begun."""
        self._ear_pool.shutdown(wait=False, cancel_futures=True)
        self._voice_pool.shutdown(wait=False, cancel_futures=True)

    def _listen(self, audio: bytes, fmt: AudioFormat, prompt: str, stop: threading.Event) -> Heard:
        if stop.is_set():
            return Heard("", 0.0, 1.0)
        samples_16k = resample(decode(audio, fmt), fmt.rate_hz, EAR_RATE_HZ)
        return self._ear.transcribe(samples_16k, prompt=prompt, cancelled=stop.is_set)

    async def _in(self, pool: ThreadPoolExecutor, work: Callable[[], T]) -> T:
        async with self._turnstile or nullcontext():
            return await asyncio.get_running_loop().run_in_executor(pool, work)
