"""The official client of the beta, through the relay, to a target that speaks GA only."""

from __future__ import annotations

import asyncio
import base64
import json
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from openai import AsyncOpenAI
from websockets.asyncio.client import connect

from contoso_lab.engine.script import Script
from contoso_lab.engine.scripted import scripted_engine
from contoso_lab.engine.server import create_app as engine_app
from contoso_lab.listening import Server, bind
from contoso_lab.relay.setup import Setup

SOUND = base64.b64encode(bytes(4800)).decode()


@asynccontextmanager
async def beta_call(relay):
    async with (
        AsyncOpenAI(api_key=relay.token(), websocket_base_url=f"{relay.ws_url}/v1") as client,
        client.beta.realtime.connect(model="whatever") as connection,
    ):
        yield connection


async def until(connection, type: str, seen: list | None = None):
    async for event in connection:
        if seen is not None:
            seen.append(event)
        if event.type == type:
            return event
    raise AssertionError(f"the call ended before {type} came")


async def test_the_beta_client_talks_to_a_ga_target(relay, target, session) -> None:
    async with beta_call(relay) as connection:
        await connection.session.update(
            session={"voice": "sage", "temperature": 0.8, "turn_detection": None, "instructions": "Be rude."}
        )
        await connection.input_audio_buffer.append(audio=SOUND)
        await connection.response.create(response={"modalities": ["text", "audio"], "max_response_output_tokens": 99})
        seen: list = []
        await until(connection, "response.done", seen)
    kinds = [event.type for event in seen]
    assert kinds[0] == "session.created"
    assert "response.audio.delta" in kinds
    assert not any(kind.startswith("response.output_") for kind in kinds)
    updated = [event for event in seen if event.type == "session.updated"][-1]
    assert (updated.session.voice, updated.session.turn_detection) == ("sage", None)
    assert [event["type"] for event in target.events] == [
        "session.update", "session.update", "input_audio_buffer.append", "response.create",
    ]  # fmt: skip
    ours, theirs, _, asked = target.events
    assert ours["session"]["instructions"] == session["instructions"]
    assert theirs["session"] == {
        "type": "realtime", "audio": {"output": {"voice": "sage"}, "input": {"turn_detection": None}}
    }  # fmt: skip
    assert asked["response"] == {"output_modalities": ["audio"], "max_output_tokens": 99}
    assert target.headers.get("openai-beta") is None


async def test_the_recording_of_a_beta_call_is_ga(relay) -> None:
    async with beta_call(relay) as connection:
        await connection.response.create()
        await until(connection, "response.done")
    await asyncio.gather(*(pump.finished.wait() for pump in tuple(relay.desk.pumps)))
    kinds = {line["ev"]["type"] for line in relay.lines() if isinstance(line.get("ev"), dict)}
    assert not any(kind.startswith("response.audio.") for kind in kinds)


async def test_an_error_names_the_field_as_the_client_wrote_it(relay) -> None:
    error = {"type": "invalid_request_error", "param": "session.audio.output.voice", "message": "no", "code": "x"}
    async with beta_call(relay) as connection:
        await connection.send(
            {"type": "test.say", "raw": json.dumps({"type": "error", "event_id": "e", "error": error})}
        )
        event = await until(connection, "error")
    assert event.error.param == "session.voice"


async def test_what_the_beta_does_not_know_is_not_said(relay) -> None:
    done = json.dumps({"type": "conversation.item.done", "event_id": "e", "item": {"id": "i"}})
    added = json.dumps({"type": "conversation.item.added", "event_id": "e", "item": {"id": "i", "type": "message"}})
    async with beta_call(relay) as connection:
        await connection.send({"type": "test.say", "raw": done})
        await connection.send({"type": "test.say", "raw": added})
        seen: list = []
        event = await until(connection, "conversation.item.created", seen)
    assert event.item.id == "i"
    assert "conversation.item.done" not in [event.type for event in seen]


async def test_a_browser_may_say_beta_in_a_subprotocol(relay) -> None:
    token = relay.token()
    protocols = ["realtime", f"openai-insecure-api-key.{token}", "openai-beta.realtime-v1"]
    async with connect(f"{relay.ws_url}/v1/realtime", subprotocols=protocols, compression=None) as socket:
        kinds = []
        await socket.send('{"type":"response.create"}')
        while "response.done" not in kinds:
            kinds.append(json.loads(await socket.recv())["type"])
    assert "response.audio.delta" in kinds


# -- the engine behind the relay -----------------------------------------------------------------


@pytest.fixture
async def engine_port() -> int:
    """An engine with one line to say, which speaks GA to the relay as to anybody."""
    script = Script.model_validate({"parts": "plain", "ear": [], "brain": ["Take the Meadow Four."]})
    app = engine_app(scripted_engine(script, Path("one line"), lambda: pytest.fail("no models here")))
    ready = asyncio.Event()
    server = Server(app, on_ready=ready.set)
    bound = bind("127.0.0.1", 0)
    task = asyncio.create_task(server.serve(sockets=[bound]))
    await ready.wait()
    yield bound.getsockname()[1]
    server.should_exit = True
    await task


async def test_the_beta_client_talks_to_the_engine(relay_to, engine_port) -> None:
    session = {"type": "realtime", "output_modalities": ["audio"], "audio": {"input": {"turn_detection": None}}}
    async with relay_to(engine_port, setup=lambda grant: Setup(session)) as relay, beta_call(relay) as connection:
        item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Which tent?"}]}
        await connection.conversation.item.create(item=item)
        await connection.response.create()
        seen: list = []
        done = await until(connection, "response.done", seen)
    assert done.response.status == "completed"
    assert done.response.output[0].content[0].type == "audio"
    assert done.response.output[0].content[0].transcript == "Take the Meadow Four."
    assert done.response.modalities == ["text", "audio"]
    kinds = {event.type for event in seen}
    assert {"conversation.item.created", "response.audio.delta", "response.audio_transcript.done"} <= kinds
    created = [event.item.id for event in seen if event.type == "conversation.item.created"]
    assert len(created) == len(set(created)) == 2, "each item is announced once"
