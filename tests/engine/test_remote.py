"""The remote brain against two endpoints: a strict one that plays a script, and the engine itself."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse
from openai import AsyncOpenAI

from contoso_lab.engine.asking import NOBODY_SPOKE, chat_body
from contoso_lab.engine.build import Engine
from contoso_lab.engine.remote import RemoteBrain
from contoso_lab.engine.seams import BrainRequest, ChatMessage, TokensSpent, ToolCall
from contoso_lab.engine.server import create_app
from contoso_lab.engine.serving import serving
from contoso_lab.errors import ConfigError, EngineError

HELLO = BrainRequest((ChatMessage("system", "Be kind."), ChatMessage("user", "Hello")))
STRICT = {"type": "object", "properties": {"a": {}}, "required": ["a"], "additionalProperties": False}
KNOWN = {"model", "messages", "stream", "tools", "tool_choice", "parallel_tool_calls", "response_format"}
KNOWN |= {"max_tokens", "temperature", "seed"}


def chunk(content: str | None = None, *, finish: str | None = None, **delta: Any) -> str:
    choice = {"index": 0, "delta": {"content": content, **delta}, "finish_reason": finish}
    body = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}
    return f"data: {json.dumps(body)}\n\n"


DONE = "data: [DONE]\n\n"


@dataclass
class Endpoint:
    """A chat endpoint that plays its script, one entry a request, and refuses what no chat completion may hold."""

    script: list[list[str] | Response] = field(default_factory=list)
    bodies: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)
    hold: asyncio.Event = field(default_factory=asyncio.Event)
    left: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when a client closed its request while `hold` held the answer back."""

    def app(self) -> FastAPI:
        app = FastAPI()

        @app.post("/v1/chat/completions")
        async def complete(request: Request) -> Response:
            body = await request.json()
            if unknown := set(body) - KNOWN:
                return JSONResponse({"error": {"message": f"unknown: {unknown}"}}, status_code=400)
            self.bodies.append(body)
            self.keys.append(request.headers.get("authorization"))
            assert self.script, "the endpoint was asked once more than the test had answers for it"
            answer = self.script.pop(0)
            return answer if isinstance(answer, Response) else StreamingResponse(self._play(answer))

        return app

    async def _play(self, lines: list[str]) -> AsyncIterator[str]:
        try:
            for line in lines:
                if line == "hold":
                    await self.hold.wait()
                else:
                    yield line
        except asyncio.CancelledError:
            self.left.set()
            raise


@pytest.fixture
def endpoint() -> Endpoint:
    return Endpoint()


@pytest.fixture
async def brain(endpoint: Endpoint) -> AsyncIterator[RemoteBrain]:
    async with serving(endpoint.app()) as url:
        brain = RemoteBrain(f"{url}/v1", model="m", silence_s=5)
        yield brain
        await brain.aclose()


async def answer(brain: RemoteBrain, request: BrainRequest = HELLO) -> list[str | ToolCall]:
    async with asyncio.timeout(10):
        return [piece async for piece in brain.reply(request)]


async def test_words_come_as_they_are_written(brain: RemoteBrain, endpoint: Endpoint) -> None:
    endpoint.script = [[chunk("", role="assistant"), chunk("Good "), chunk("day."), chunk(finish="stop"), DONE]]
    assert await answer(brain) == ["Good ", "day."]
    wanted = [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Hello"}]
    assert endpoint.bodies == [{"model": "m", "messages": wanted, "stream": True}]
    assert endpoint.keys == ["Bearer unused"]


async def test_tool_calls_in_pieces_and_whole(brain: RemoteBrain, endpoint: Endpoint) -> None:
    def call(index: int | None, **function: str) -> dict[str, Any]:
        return {"index": index, "id": "call_7" if "name" in function else None, "function": function}

    pieces = [[call(0, name="show", arguments="")], [call(0, arguments='{"sku":')], [call(0, arguments=' "TEN-02"}')]]
    endpoint.script = [
        [chunk("One moment."), *(chunk(tool_calls=each) for each in pieces), chunk(finish="tool_calls"), DONE],
        [chunk(tool_calls=[{"function": {"name": "stop", "arguments": ""}}]), DONE],  # no id, no index
    ]
    tool = {"type": "function", "name": "show", "description": "Show it", "parameters": {"type": "object"}}
    request = BrainRequest(HELLO.messages, tools=(tool,), tool_choice="show", parallel_tool_calls=False)
    assert await answer(brain, request) == ["One moment.", ToolCall("call_7", "show", '{"sku": "TEN-02"}')]
    function = {"name": "show", "description": "Show it", "parameters": {"type": "object"}}
    assert endpoint.bodies[0]["tools"] == [{"type": "function", "function": function}]
    assert endpoint.bodies[0]["tool_choice"] == {"type": "function", "function": {"name": "show"}}
    assert endpoint.bodies[0]["parallel_tool_calls"] is False
    (bare,) = await answer(brain)
    assert isinstance(bare, ToolCall)
    assert (bare.name, bare.arguments, bare.call_id[:5]) == ("stop", "{}", "call_")


@pytest.mark.parametrize(
    ("request_", "part", "wanted"),
    [
        (BrainRequest((), json_schema=STRICT), "response_format", {"name": "reply", "schema": STRICT, "strict": True}),
        (BrainRequest((), json_schema={"type": "array"}), "response_format", None),
        (BrainRequest((), json_schema={"type": "object"}), "response_format", {"type": "json_object"}),
        (BrainRequest((), max_tokens=50), "max_tokens", 50),
        (BrainRequest((), temperature=0.0), "temperature", 0.0),
        (BrainRequest((), seed=0), "seed", 0),
        (BrainRequest((ChatMessage("system", "Greet."),)), "messages", NOBODY_SPOKE),
    ],
)
def test_what_is_asked_for(request_: BrainRequest, part: str, wanted: Any) -> None:
    body = chat_body(request_, model="m", base_url="http://127.0.0.1/v1")[part]
    if part == "messages":
        assert body[-1] == {"role": "user", "content": wanted}
    elif part == "response_format" and body["type"] == "json_schema":
        assert body["json_schema"] == (wanted or {"name": "reply", "schema": {"type": "array"}, "strict": True})
    else:
        assert body == wanted


def test_tools_and_pictures_in_the_conversation() -> None:
    messages = (
        ChatMessage("user", "Look", images=("data:image/png;base64,AA==",)),
        ChatMessage("assistant", "", tool_calls=(ToolCall("c1", "show", "{}"),)),
        ChatMessage("tool", "ok", call_id="c1"),
    )
    user, assistant, tool = chat_body(BrainRequest(messages), model="m", base_url="https://api.openai.com/v1")[
        "messages"
    ]
    assert [part["type"] for part in user["content"]] == ["text", "image_url"]
    assert assistant["content"] is None
    assert assistant["tool_calls"][0]["function"] == {"name": "show", "arguments": "{}"}
    assert tool == {"role": "tool", "content": "ok", "tool_call_id": "c1"}


def test_openai_itself_gets_the_new_name_of_the_limit() -> None:
    request = BrainRequest((), max_tokens=9)
    assert chat_body(request, model="m", base_url="https://api.openai.com/v1")["max_completion_tokens"] == 9
    assert "max_tokens" in chat_body(request, model="m", base_url="https://example.org/v1")


@pytest.mark.parametrize(
    ("played", "sentence"),
    [
        (JSONResponse({"error": {"message": "sk-secret"}}, 401), r"refused the key \(401\): set CONTOSO_LAB_BRAIN_KEY"),
        (JSONResponse({"error": {"message": "sk-secret"}}, 404), r"has no model 'm' \(404\)"),
        (JSONResponse({}, 429, headers={"Retry-After": "60"}), "is busy, or the quota is used up"),
        (Response("<html>", 502), r"refused the request \(502\)"),
        ([chunk("Well. "), 'data: {"error": {"message": "sk-secret"}}\n\n'], "broke off in the middle"),
        ([chunk("Well. "), "data: {broken\n\n", DONE], "is no chat completion"),
        (['data: {"choices": 7}\n\n', DONE], "is no chat completion"),
        ([DONE], "answered with nothing"),
        (Response("hello", media_type="text/plain"), "answered with nothing"),
        ([chunk("<think>Hm"), chunk(finish="length"), DONE], "nothing within its limit of tokens"),
    ],
)
async def test_what_goes_wrong_is_a_sentence_without_secrets(
    brain: RemoteBrain, endpoint: Endpoint, played: Any, sentence: str
) -> None:
    endpoint.script = [played]
    with pytest.raises(EngineError, match=sentence) as caught:
        await answer(brain)
    assert "secret" not in str(caught.value)
    assert len(endpoint.bodies) == 1  # a refusal is not tried again


async def test_an_answer_that_the_model_cut_off_ends_with_that(brain: RemoteBrain, endpoint: Endpoint) -> None:
    endpoint.script = [[chunk("Once upon "), chunk("a", finish="length"), DONE]]
    pieces = aiter(brain.reply(BrainRequest((), max_tokens=3)))
    assert [await anext(pieces), await anext(pieces)] == ["Once upon ", "a"]
    with pytest.raises(TokensSpent):
        await anext(pieces)


async def test_a_broken_line_is_tried_once_more() -> None:
    """The first connection is cut before an answer, as a kept-alive one is after the server was restarted."""
    connections = 0
    text = chunk("Here.") + DONE
    head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await reader.readuntil(b"\r\n\r\n")
        if connections > 1:
            writer.write((head + text).encode())
            await writer.drain()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        brain = RemoteBrain(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1", model="m")
        assert await answer(brain) == ["Here."]
        await brain.aclose()
    assert connections == 2


async def test_nobody_there_and_nobody_speaking(brain: RemoteBrain, endpoint: Endpoint) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        absent = RemoteBrain(f"http://127.0.0.1:{free.getsockname()[1]}/v1", model="m")
        with pytest.raises(EngineError, match="cannot be reached: is it running"):
            await answer(absent)
        await absent.aclose()
    endpoint.script = [["hold"]]
    mute = RemoteBrain(brain.base_url, model="m", silence_s=0.05)
    with pytest.raises(EngineError, match=r"said nothing for 0\.05 s"):
        await answer(mute)
    await mute.aclose()


async def test_closing_an_answer_closes_the_request(brain: RemoteBrain, endpoint: Endpoint) -> None:
    endpoint.script = [[chunk("One. "), "hold"]]
    pieces = brain.reply(HELLO)
    assert await anext(aiter(pieces)) == "One. "
    await pieces.aclose()  # type: ignore[attr-defined]
    async with asyncio.timeout(1):
        await endpoint.left.wait()


async def test_the_engine_thinks_with_another_engine(fakes: Any, endpoint: Endpoint) -> None:
    """A call over the wire whose brain is a second engine's chat endpoint, behind a key."""
    fakes.brain.script = [["It is two hundred ", "dollars."], [ToolCall("c", "show", "{}")], [RuntimeError("broken")]]
    far = create_app(fakes.engine, api_key="right")
    async with serving(far) as there:
        brain = RemoteBrain(f"{there}/v1", model="m", api_key="right")
        near = Engine(fakes.ear, fakes.voice, fakes.engine.new_meter, brain)
        async with (
            serving(create_app(near)) as url,
            AsyncOpenAI(api_key="unused", base_url=f"{url}/v1", max_retries=0) as client,
            client.realtime.connect(model="local") as connection,
        ):
            done = []
            for _ in range(3):
                await connection.response.create()
                async with asyncio.timeout(5):
                    while (event := await connection.recv()).type != "response.done":
                        pass
                done.append(event.response)
        await brain.aclose()
    assert done[0].output[0].content[0].transcript == "It is two hundred dollars."
    assert (done[1].output[0].type, done[1].output[0].name) == ("function_call", "show")
    assert done[2].status == "failed"
    assert "broke off in the middle" in done[2].status_details.error.message
    assert fakes.brain.closed == 3


async def test_strict_json_passes_through(fakes: Any) -> None:
    fakes.brain.script = [['{"a": ', "1}"], ["no JSON"]]
    async with serving(create_app(fakes.engine)) as there:
        brain = RemoteBrain(f"{there}/v1", model="m")
        request = BrainRequest(HELLO.messages, json_schema=STRICT)
        assert json.loads("".join(str(piece) for piece in await answer(brain, request))) == {"a": 1}
        assert fakes.brain.asked[0].json_schema == STRICT
        with pytest.raises(EngineError, match=r"refused the request \(500\)"):
            await answer(brain, request)
        await brain.aclose()


def test_the_key_comes_from_the_environment_and_shows_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONTOSO_LAB_BRAIN_KEY", "sk-secret")
    brain = RemoteBrain.from_settings("https://example.org/v1/chat/completions", model="m")
    assert brain.base_url == "https://example.org/v1"
    assert "secret" not in repr(brain)
    with pytest.raises(ConfigError, match="needs the name of a model"):
        RemoteBrain("http://127.0.0.1/v1", model="")
