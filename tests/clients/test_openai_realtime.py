"""The `openai` package for Python holds calls: GA, beta and both of Azure's forms, each in its two colours."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, get_args

import pytest
from openai import AsyncAzureOpenAI, AsyncOpenAI, AzureOpenAI, OpenAI
from openai.types.beta.realtime.realtime_server_event import RealtimeServerEvent as BetaServerEvent

from contoso_lab.wire.beta import to_beta
from contoso_lab.wire.events import parse_server

BETA_CLASSES = {
    get_args(member.model_fields["type"].annotation)[0]: member for member in get_args(get_args(BetaServerEvent)[0])
}
VERSION = "2025-04-01-preview"
SHOW: dict[str, Any] = {"type": "function", "name": "show", "parameters": {"type": "object", "properties": {}}}

Script = Generator[dict[str, Any] | str, Any, None]
"""A conversation: gives an event to send, or the name of the event to wait for, which it is then sent."""


@dataclass(frozen=True)
class Form:
    """One way in which the package reaches a server."""

    make: Callable[[type, type, str, str], Any]
    """From the plain and the Azure class, an address and a key."""
    model: str
    beta: bool = False


def _preview(_: type, azure: type, url: str, key: str) -> Any:
    socket = url.replace("http", "ws", 1) + "/openai"
    return azure(azure_endpoint=url, api_version=VERSION, api_key=key, websocket_base_url=socket)


def _preview_by_token(_: type, azure: type, url: str, key: str) -> Any:
    socket = url.replace("http", "ws", 1) + "/openai"
    return azure(azure_endpoint=url, api_version=VERSION, azure_ad_token=key, websocket_base_url=socket)


FORMS = {
    "ga": Form(lambda plain, _, url, key: plain(api_key=key, base_url=f"{url}/v1"), "gpt-realtime"),
    "azure": Form(lambda plain, _, url, key: plain(api_key=key, base_url=f"{url}/openai/v1"), "my-deployment"),
    "beta": Form(
        lambda plain, _, url, key: plain(api_key=key, websocket_base_url=url.replace("http", "ws", 1) + "/v1"),
        "gpt-4o-realtime-preview",
        beta=True,
    ),
    "azure-preview": Form(_preview, "my-deployment", beta=True),
    "azure-preview-token": Form(_preview_by_token, "my-deployment", beta=True),
}


def talk(form: Form, chunks: list[str]) -> Script:
    """A spoken turn, a tool, a written answer, a cut, and items fetched and deleted."""

    def ours(event: dict[str, Any]) -> dict[str, Any]:
        return to_beta(event) if form.beta else event

    created = yield "session.created"
    assert created["session"]["model"] == form.model
    audio = {"input": {"transcription": {"model": "whisper-1"}, "turn_detection": {"type": "server_vad"}}}
    session = {"type": "realtime", "instructions": "Be kind.", "tools": [SHOW], "audio": audio}
    yield ours({"type": "session.update", "session": session})
    updated = yield "session.updated"
    assert updated["session"]["instructions"] == "Be kind."
    for chunk in chunks:
        yield {"type": "input_audio_buffer.append", "audio": chunk}
    yield "input_audio_buffer.speech_started"
    yield "input_audio_buffer.committed"
    heard = yield "conversation.item.input_audio_transcription.completed"
    assert heard["transcript"] == "How much is the tent?"
    done = yield "response.done"
    said = done["response"]["output"][0]
    assert done["response"]["status"] == "completed"
    assert said["content"][0]["type"] == ("audio" if form.beta else "output_audio")
    assert said["content"][0]["transcript"] == "Two hundred."

    yield {"type": "conversation.item.truncate", "item_id": said["id"], "content_index": 0, "audio_end_ms": 100}
    yield "conversation.item.truncated"
    yield {"type": "conversation.item.retrieve", "item_id": said["id"]}
    kept = yield "conversation.item.retrieved"
    assert len(base64.b64decode(kept["item"]["content"][0]["audio"])) == 4800

    content = [{"type": "input_text", "text": "Show it"}]
    yield {"type": "conversation.item.create", "item": {"type": "message", "role": "user", "content": content}}
    yield {"type": "response.create"}
    done = yield "response.done"
    call = done["response"]["output"][0]
    assert (call["type"], call["name"]) == ("function_call", "show")
    output = {"type": "function_call_output", "call_id": call["call_id"], "output": "shown"}
    yield {"type": "conversation.item.create", "item": output}
    yield ours({"type": "response.create", "response": {"output_modalities": ["text"]}})
    yield "response.text.done" if form.beta else "response.output_text.done"
    yield "response.done"
    yield {"type": "conversation.item.delete", "item_id": said["id"]}
    yield "conversation.item.deleted"
    yield {"type": "response.cancel", "event_id": "mine"}
    error = yield "error"
    assert (error["error"]["code"], error["error"]["event_id"]) == ("response_cancel_not_active", "mine")


class Checker:
    """Looks at each message as its dialect's own types see it."""

    def __init__(self, form: Form) -> None:
        self.beta = form.beta
        self.types: list[str] = []

    def __call__(self, raw: bytes) -> dict[str, Any]:
        event: dict[str, Any] = json.loads(raw)
        self.types.append(event["type"])
        if self.beta:
            assert event["type"] in BETA_CLASSES, f"no beta client knows {event['type']}"
            # The package lists OpenAI's own models; a deployment on Azure has any name.
            known = {**event, "session": {**event["session"], "model": None}} if "session" in event else event
            BETA_CLASSES[event["type"]].model_validate(known)
        else:
            assert parse_server(raw, check=True).known
        return event


def _fill(fakes: Any, tool_call: Any) -> None:
    fakes.ear.script = ["How much is the tent?"]
    fakes.brain.script = [["Two hundred."], [tool_call("show", "{}")], ["There it is."]]


@pytest.mark.parametrize("name", FORMS)
async def test_an_asynchronous_call(
    url: str, key: str, chunks: list[str], fakes: Any, tool_call: Any, name: str
) -> None:
    form = FORMS[name]
    _fill(fakes, tool_call)
    check = Checker(form)
    async with asyncio.timeout(20), form.make(AsyncOpenAI, AsyncAzureOpenAI, url, key) as client:
        realtime = client.beta.realtime if form.beta else client.realtime
        async with realtime.connect(model=form.model) as connection:
            script = talk(form, chunks)
            step = next(script)
            try:
                while True:
                    event: Any = None
                    if isinstance(step, str):
                        event = check(await connection.recv_bytes())
                        while event["type"] != step:
                            event = check(await connection.recv_bytes())
                    else:
                        await connection.send(step)
                    step = script.send(event)
            except StopIteration:
                pass
    assert fakes.voice.said == ["Two hundred."]


@pytest.mark.parametrize("name", FORMS)
def test_a_synchronous_call(url: str, key: str, chunks: list[str], fakes: Any, tool_call: Any, name: str) -> None:
    form = FORMS[name]
    _fill(fakes, tool_call)
    check = Checker(form)
    with form.make(OpenAI, AzureOpenAI, url, key) as client:
        realtime = client.beta.realtime if form.beta else client.realtime
        with realtime.connect(model=form.model) as connection:
            script = talk(form, chunks)
            step = next(script)
            try:
                while True:
                    event: Any = None
                    if isinstance(step, str):
                        event = check(connection.recv_bytes())
                        while event["type"] != step:
                            event = check(connection.recv_bytes())
                    else:
                        connection.send(step)
                    step = script.send(event)
            except StopIteration:
                pass
    assert fakes.voice.said == ["Two hundred."]


async def test_handlers_instead_of_a_loop(url: str, key: str, fakes: Any) -> None:
    fakes.brain.script = [["Hello."]]
    said: list[str] = []
    async with asyncio.timeout(10), AsyncOpenAI(api_key=key, base_url=f"{url}/v1") as client:
        manager = client.realtime.connect(model="m")
        manager.send({"type": "response.create", "response": {"output_modalities": ["text"]}})  # kept until it is open
        async with manager as connection:
            connection.on("response.output_text.delta", lambda event: said.append(event.delta))

            async def over(event: Any) -> None:
                await connection.close()

            connection.on("response.done", over)
            await connection.dispatch_events()
    assert said == ["Hello."]


async def test_a_short_lived_key_for_the_same_client(url: str, key: str) -> None:
    async with asyncio.timeout(10), AsyncOpenAI(api_key=key, base_url=f"{url}/v1") as owner:
        made = await owner.realtime.client_secrets.create(session={"type": "realtime", "instructions": "Be brief."})
        async with (
            AsyncOpenAI(api_key=made.value, base_url=f"{url}/v1") as guest,
            guest.realtime.connect(model="m") as connection,
        ):
            created = await connection.recv()
            assert created.type == "session.created"
            assert created.session.instructions == "Be brief."  # type: ignore[union-attr]


def test_a_short_lived_key_made_without_asyncio(url: str, key: str) -> None:
    with OpenAI(api_key=key, base_url=f"{url}/v1") as owner:
        made = owner.realtime.client_secrets.create(session={"type": "realtime", "instructions": "Be brief."})
    with OpenAI(api_key=made.value, base_url=f"{url}/v1") as guest, guest.realtime.connect() as connection:
        assert connection.recv().type == "session.created"
