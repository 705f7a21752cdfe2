from __future__ import annotations

import asyncio
import base64
import json
import threading
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import openai
import pytest
import websockets
from openai import AsyncOpenAI

from contoso_lab.audio import PCM16_24K, silence, tone
from contoso_lab.engine.seams import TokensSpent, ToolCall
from contoso_lab.engine.server import create_app
from contoso_lab.engine.serving import serving

LOUD = tone(20, hz=300).to_bytes(PCM16_24K)
QUIET = silence(20).to_bytes(PCM16_24K)


class Line:
    """The official client's connection, with every event checked and remembered."""

    def __init__(self, connection: Any, check: Callable[[dict[str, Any]], None]) -> None:
        self.connection = connection
        self.check = check
        self.log: list[Any] = []

    async def until(self, name: str) -> Any:
        async with asyncio.timeout(5):
            while True:
                raw = await self.connection.recv_bytes()
                self.check(json.loads(raw))
                event = self.connection.parse_event(raw)
                self.log.append(event)
                if event.type == name:
                    return event

    async def say(self, speech_ms: int = 600, silence_ms: int = 700) -> None:
        for sound, duration_ms in ((LOUD, speech_ms), (QUIET, silence_ms)):
            for _ in range(duration_ms // 20):
                await self.connection.input_audio_buffer.append(audio=base64.b64encode(sound).decode())

    def types(self) -> list[str]:
        return [event.type for event in self.log]


@pytest.fixture
async def line(client: AsyncOpenAI, check: Any) -> AsyncIterator[Line]:
    async with client.realtime.connect(model="gpt-realtime") as connection:
        line = Line(connection, check)
        created = await line.until("session.created")
        assert created.session.model == "gpt-realtime"
        yield line


async def test_the_openai_client_can_talk_to_us(line: Line, fakes: Any) -> None:
    fakes.ear.script = ["How much is the tent?"]
    fakes.brain.script = [["It is two hundred ", "dollars. Shall ", "I show it?"]]
    transcription = {"input": {"transcription": {"model": "whisper-1"}}}
    await line.connection.session.update(
        session={"type": "realtime", "instructions": "Be kind.", "audio": transcription}
    )
    await line.until("session.updated")
    await line.say()
    done = await line.until("response.done")
    assert done.response.status == "completed"
    assert done.response.output[0].content[0].transcript == "It is two hundred dollars. Shall I show it?"
    assert fakes.voice.said == ["It is two hundred dollars.", "Shall I show it?"]
    assert fakes.brain.asked[0].messages[-1].content == "How much is the tent?"
    sound = b"".join(base64.b64decode(e.delta) for e in line.log if e.type == "response.output_audio.delta")
    assert PCM16_24K.duration_ms(sound) == 20 * len("It is two hundred dollars.Shall I show it?")
    assert "conversation.item.input_audio_transcription.completed" in line.types()


async def test_the_first_sentence_sounds_while_the_second_is_made(line: Line, fakes: Any) -> None:
    fakes.voice.gate = threading.Event()
    fakes.brain.script = [["One. Two."]]
    await line.connection.response.create()
    await line.until("response.output_audio.delta")
    fakes.voice.gate.set()
    await line.until("response.done")
    assert fakes.voice.said == ["One.", "Two."]


async def test_barge_in_over_the_socket(line: Line, fakes: Any) -> None:
    fakes.voice.gate = threading.Event()
    fakes.brain.script = [["One. Two. Three. Four."]]
    await line.connection.response.create()
    await line.until("response.output_audio.delta")
    for _ in range(10):
        await line.connection.input_audio_buffer.append(audio=base64.b64encode(LOUD).decode())
    done = await line.until("response.done")
    fakes.voice.gate.set()
    assert (done.response.status, done.response.status_details.reason) == ("cancelled", "turn_detected")
    item = done.response.output[0]
    assert item.content[0].transcript == "One."
    await line.connection.conversation.item.truncate(item_id=item.id, content_index=0, audio_end_ms=40)
    assert (await line.until("conversation.item.truncated")).audio_end_ms == 40
    assert len(fakes.voice.said) <= 2  # the third sentence was never begun
    assert fakes.brain.closed == 1


async def test_a_guess_that_proves_wrong_is_cancelled(line: Line, fakes: Any) -> None:
    fakes.ear.gate = threading.Event()
    await line.say(silence_ms=300)
    assert await asyncio.to_thread(fakes.ear.begun.wait, 5)
    await line.say(speech_ms=200, silence_ms=100)
    await line.connection.conversation.item.delete(item_id="none")  # an answer means that all before was handled
    await line.until("error")
    deadline = time.monotonic() + 5
    while not fakes.ear.cancelled and time.monotonic() < deadline:
        await asyncio.to_thread(fakes.ear.gate.wait, 0.01)
    assert fakes.ear.cancelled == 1


async def test_a_client_that_hangs_up_frees_its_work(client: AsyncOpenAI, fakes: Any, check: Any) -> None:
    fakes.ear.gate = threading.Event()
    fakes.voice.gate = threading.Event()
    fakes.brain.script = [["One. Two. Three."]]
    async with client.realtime.connect(model="local") as connection:
        line = Line(connection, check)
        await line.say(silence_ms=300)
        assert await asyncio.to_thread(fakes.ear.begun.wait, 5)
        await connection.response.create()
        await line.until("response.output_audio.delta")
    deadline = time.monotonic() + 5
    while not (fakes.ear.cancelled and fakes.brain.closed) and time.monotonic() < deadline:
        await asyncio.to_thread(threading.Event().wait, 0.01)
    fakes.voice.gate.set()
    assert (fakes.ear.cancelled, fakes.brain.closed) == (1, 1)
    fakes.brain.script = [["Still here."]]
    async with client.realtime.connect(model="local") as connection:
        await connection.response.create()
        assert (await Line(connection, check).until("response.done")).response.status == "completed"


@pytest.mark.parametrize("modality", ["text", "audio"])
async def test_a_reply_that_the_brain_cut_off_is_incomplete(line: Line, fakes: Any, modality: str) -> None:
    fakes.brain.script = [["Once upon a time. ", "There", TokensSpent()]]
    await line.connection.response.create(response={"output_modalities": [modality], "max_output_tokens": 400})
    response = (await line.until("response.done")).response
    assert (response.status, response.status_details.reason) == ("incomplete", "max_output_tokens")
    part = response.output[0].content[0]
    assert (part.text or part.transcript) == "Once upon a time. There"


async def test_text_tools_and_items_through_the_client(line: Line, fakes: Any) -> None:
    fakes.brain.script = [[ToolCall("call_1", "show", "{}")], ["Done."]]
    item: Any = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Show it"}]}
    await line.connection.conversation.item.create(item=item)
    await line.connection.response.create(response={"output_modalities": ["text"]})
    done = await line.until("response.done")
    assert done.response.output[0].type == "function_call"
    result: Any = {"type": "function_call_output", "call_id": "call_1", "output": "ok"}
    await line.connection.conversation.item.create(item=result)
    await line.connection.response.create(response={"output_modalities": ["text"]})
    assert (await line.until("response.output_text.done")).text == "Done."


@pytest.mark.parametrize(
    ("failure", "message"),
    [
        (RuntimeError("sk-secret"), "The brain or the voice failed: RuntimeError."),
        (openai.OpenAIError("sk-secret"), "The brain or the voice failed: OpenAIError."),
    ],
)
async def test_a_failing_brain_is_told_and_nothing_leaks(
    line: Line, fakes: Any, failure: Exception, message: str, caplog: pytest.LogCaptureFixture
) -> None:
    fakes.brain.script = [["Well. ", failure], ["Better."]]
    await line.connection.response.create()
    done = await line.until("response.done")
    assert done.response.status == "failed"
    assert done.response.status_details.error.message == message
    assert "secret" not in caplog.text
    await line.connection.response.create()
    assert (await line.until("response.done")).response.status == "completed"


async def test_a_failing_ear_fails_the_turn_and_the_call_goes_on(line: Line, fakes: Any) -> None:
    # The guess, and the second try if the guess had failed before the turn was over.
    fakes.ear.script = [RuntimeError("broken"), RuntimeError("broken")]
    await line.say()
    done = await line.until("response.done")
    assert (done.response.status, done.response.status_details.error.message) == (
        "failed",
        "The ear failed: RuntimeError.",
    )
    fakes.ear.script, fakes.brain.script = ["Hello"], [["Good day."]]
    await line.say()
    assert (await line.until("response.done")).response.status == "completed"


@pytest.mark.parametrize(
    ("raw", "code", "param"),
    [
        ("{", "invalid_json", None),
        ("[1]", "invalid_json", None),
        ('{"event_id": "x"}', "missing_required_parameter", "type"),
        ('{"type": "no.such.event", "event_id": "x"}', "invalid_value", "type"),
        ('{"type": "input_audio_buffer.append", "event_id": "x"}', "missing_required_parameter", "audio"),
        ('{"type": "input_audio_buffer.append", "audio": "!", "event_id": "x"}', "invalid_value", "audio"),
        ('{"type": "input_audio_buffer.append", "audio": "b2Rk", "event_id": "x"}', "invalid_value", "audio"),
        ('{"type": "session.update", "session": {}, "event_id": "x"}', "missing_required_parameter", "session.type"),
    ],
)
async def test_bad_messages_get_an_error_and_the_call_goes_on(
    line: Line, fakes: Any, raw: str, code: str, param: str | None
) -> None:
    await line.connection.send_raw(raw)
    error = (await line.until("error")).error
    assert (error.type, error.code, error.param) == ("invalid_request_error", code, param)
    assert error.event_id == ("x" if '"x"' in raw else None)
    fakes.brain.script = [["Fine."]]
    await line.connection.response.create()
    assert (await line.until("response.done")).response.status == "completed"


async def test_an_oversized_message_gets_an_error_and_the_call_goes_on(line: Line, fakes: Any) -> None:
    huge = json.dumps({"type": "input_audio_buffer.append", "event_id": "big", "audio": "A" * (15 * 1024 * 1024)})
    await line.connection.send_raw(huge)
    error = (await line.until("error")).error
    assert (error.code, error.event_id) == ("message_too_large", "big")
    await line.connection.session.update(session={"type": "realtime"})
    await line.until("session.updated")


async def test_a_minute_of_sound_in_one_message(line: Line, fakes: Any) -> None:
    fakes.ear.script = ["A long story"]
    fakes.brain.script = [["I see."]]
    audio = base64.b64encode(LOUD * 3000 + QUIET * 40).decode()
    await line.connection.input_audio_buffer.append(audio=audio)
    assert (await line.until("input_audio_buffer.speech_stopped")).audio_end_ms == pytest.approx(60_500, abs=40)
    await line.until("response.done")


async def test_several_calls_do_not_mix(client: AsyncOpenAI, fakes: Any, check: Any) -> None:
    fakes.brain.script = [["Good day."]] * 8

    async def call() -> str:
        async with client.realtime.connect(model="local") as connection:
            await connection.response.create()
            done = await Line(connection, check).until("response.done")
            return str(done.response.output[0].content[0].transcript)

    async with asyncio.TaskGroup() as tasks:
        calls = [tasks.create_task(call()) for _ in range(8)]
    assert [each.result() for each in calls] == ["Good day."] * 8


async def test_the_azure_path_and_the_key(fakes: Any) -> None:
    async with serving(create_app(fakes.engine, api_key="right")) as url:
        for key, base in (("right", "/v1"), ("right", "/openai/v1")):
            async with (
                AsyncOpenAI(api_key=key, base_url=f"{url}{base}") as client,
                client.realtime.connect(model="m") as connection,
            ):
                assert (await connection.recv()).type == "session.created"
        async with AsyncOpenAI(api_key="wrong", base_url=f"{url}/v1", max_retries=0) as client:
            with pytest.raises(websockets.InvalidStatus) as refused:
                async with client.realtime.connect(model="m"):
                    pass
            assert refused.value.response.status_code == 401
            with pytest.raises(openai.AuthenticationError):
                await client.models.list()
        headers = {"api-key": "right"}
        socket = url.replace("http", "ws") + "/openai/v1/realtime?model=m"
        async with websockets.connect(socket, additional_headers=headers) as raw:
            assert json.loads(await raw.recv())["type"] == "session.created"
        key_in_protocol = [websockets.Subprotocol(p) for p in ("realtime", "openai-insecure-api-key.right")]
        async with websockets.connect(socket, subprotocols=key_in_protocol) as raw:
            assert raw.subprotocol == "realtime"


async def test_an_old_client_is_answered_in_its_dialect(url: str, fakes: Any) -> None:
    fakes.brain.script = [["Hello."]]
    socket = url.replace("http", "ws") + "/v1/realtime?model=m"
    async with websockets.connect(socket, additional_headers={"OpenAI-Beta": "realtime=v1"}) as raw:
        created = json.loads(await raw.recv())
        assert created["session"]["input_audio_format"] == "pcm16"
        await raw.send(json.dumps({"type": "session.update", "session": {"voice": "alloy"}}))
        await raw.send(json.dumps({"type": "response.create"}))
        seen = []
        async with asyncio.timeout(5):
            while "response.done" not in seen:
                seen.append(json.loads(await raw.recv())["type"])
    assert "session.updated" in seen
    assert "response.audio.delta" in seen
    assert "error" not in seen


async def test_health_and_models(client: AsyncOpenAI, url: str) -> None:
    assert [model.id async for model in await client.models.list()] == ["local"]
    assert (await client.models.retrieve("gpt-realtime")).id == "gpt-realtime"
    assert await client.get("/../healthz", cast_to=object) == {"status": "ok"}
