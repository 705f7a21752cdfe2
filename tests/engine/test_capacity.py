from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import httpx2
import openai
import pytest
import websockets
from openai import AsyncOpenAI

from contoso_lab.audio import Clip, tone
from contoso_lab.engine.capacity import Capacity
from contoso_lab.engine.seams import Heard, Spoken
from contoso_lab.engine.server import create_app
from contoso_lab.engine.serving import serving


async def test_one_call_too_many_is_told_to_come_back(fakes: Any) -> None:
    async with (
        serving(create_app(fakes.engine, calls=2)) as url,
        AsyncOpenAI(api_key="unused", base_url=f"{url}/v1") as client,
        client.realtime.connect(model="local") as first,
    ):
        async with client.realtime.connect(model="local") as second:
            assert (await second.recv()).type == "session.created"
            with pytest.raises(websockets.InvalidStatus) as refused:
                async with client.realtime.connect(model="local"):
                    pass
            response = refused.value.response
            assert (response.status_code, response.headers["Retry-After"]) == (503, "5")
            assert b"all of its 2 calls are taken: try again in 5 s" in response.body
            assert (await client.models.list()).data[0].id == "local"  # only calls are too many
        # The place is free as soon as the server has seen the second one go.
        async with asyncio.timeout(5):
            while True:
                try:
                    async with client.realtime.connect(model="local") as third:
                        assert (await third.recv()).type == "session.created"
                        break
                except websockets.InvalidStatus:
                    continue
        assert (await first.recv()).type == "session.created"


async def test_one_request_too_many_is_told_to_come_back_and_does() -> None:
    open_, inside = asyncio.Event(), asyncio.Event()
    asked = 0

    async def app(scope: Any, receive: Any, send: Any) -> None:
        nonlocal asked
        asked += 1
        inside.set()
        await open_.wait()
        body = b'{"object": "list", "data": [], "choices": []}'
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
        await send({"type": "http.response.body", "body": body})

    transport = httpx2.ASGITransport(Capacity(app, requests=1))
    async with (
        httpx2.AsyncClient(transport=transport, base_url="http://engine") as web,
        AsyncOpenAI(api_key="unused", base_url="http://engine/v1", http_client=web, max_retries=0) as client,
    ):
        messages: Any = [{"role": "user", "content": "Hi"}]
        waiting = asyncio.create_task(client.chat.completions.create(model="m", messages=messages))
        await inside.wait()
        with pytest.raises(openai.InternalServerError, match="too many requests are waiting: try again in 1 s") as busy:
            await client.chat.completions.create(model="m", messages=messages)
        assert (busy.value.status_code, busy.value.response.headers["Retry-After"]) == (503, "1")
        open_.set()
        await waiting
        await client.chat.completions.create(model="m", messages=messages)
    assert asked == 2


async def test_who_transcribes_many_files_takes_one_ear_of_two(fakes: Any) -> None:
    """Four uploads at once; a call's ear must still be free."""
    most, now, lock, go = 0, 0, threading.Lock(), threading.Event()

    class CountingEar:
        def transcribe(self, samples: Any, *, prompt: str = "", cancelled: Any = None) -> Heard:
            nonlocal most, now
            with lock:
                now += 1
                most = max(most, now)
            go.wait(0.02)
            with lock:
                now -= 1
            return Heard("words", -0.1, 0.0)

    fakes.ear = CountingEar()
    wav = _wav(tone(200))
    async with (
        serving(create_app(fakes.engine)) as url,
        AsyncOpenAI(api_key="unused", base_url=f"{url}/v1") as client,
        asyncio.TaskGroup() as tasks,
    ):
        jobs = [tasks.create_task(client.audio.transcriptions.create(model="m", file=("a.wav", wav))) for _ in range(4)]
        await asyncio.gather(*jobs)
    assert [job.result().text for job in jobs] == ["words"] * 4
    assert most == 1


async def test_who_hangs_up_in_the_middle_of_a_reply_frees_its_work_within_a_second(fakes: Any) -> None:
    sentences = [f"This is sentence number {number}. " for number in range(200)]
    speaking = threading.Event()

    class UnhurriedVoice:
        names = ("robin",)
        said = 0

        def speak(self, text: str, *, voice: str, speed: float = 1.0) -> Iterator[Spoken]:
            speaking.set()
            threading.Event().wait(0.03)  # a sentence takes its time and cannot be stopped
            UnhurriedVoice.said += 1
            yield Spoken(text, tone(100).samples)

    fakes.voice, fakes.brain.script = UnhurriedVoice(), [sentences]
    async with (
        serving(create_app(fakes.engine)) as url,
        AsyncOpenAI(api_key="unused", base_url=f"{url}/v1") as client,
    ):
        async with client.realtime.connect(model="local") as connection:
            await connection.response.create()
            while (await connection.recv()).type != "response.output_audio.delta":
                pass
        async with asyncio.timeout(1):
            while not fakes.brain.closed or speaking.is_set():
                speaking.clear()
                await asyncio.to_thread(speaking.wait, 0.1)  # two sentences' time without a new one: the voice is free
    assert 1 <= UnhurriedVoice.said < len(sentences)


def _wav(clip: Clip) -> bytes:
    from io import BytesIO

    import soundfile

    file = BytesIO()
    soundfile.write(file, clip.samples, clip.rate_hz, format="WAV")
    return file.getvalue()
