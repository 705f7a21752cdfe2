from __future__ import annotations

import json

import pytest
from openai import AsyncOpenAI
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosedError, InvalidStatus

from contoso_lab.relay.access.tokens import EXPIRED, NONE_GIVEN, UNKNOWN, USED


class Clock:
    """Time that moves when told."""

    def __init__(self) -> None:
        self.s = 1000.0

    def __call__(self) -> float:
        return self.s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def bad_tokens(relay_to, target, clock):
    """A relay, and for each way to be wrong a token and the sentence that it earns."""
    async with relay_to(target.port, clock=clock) as relay:
        expired = relay.token()
        clock.s += 301
        used = relay.token()
        await relay.desk.tokens.redeem(used, origin=None)
        yield relay, {"used": (used, USED), "expired": (expired, EXPIRED), "unknown": ("x" * 43, UNKNOWN)}


@pytest.mark.parametrize("way", ["used", "expired", "unknown"])
async def test_a_browser_reads_why_in_the_close(bad_tokens, target, way):
    relay, tokens = bad_tokens
    token, sentence = tokens[way]
    async with relay.call(token) as socket:
        with pytest.raises(ConnectionClosedError):
            await socket.recv()
    assert (socket.close_code, socket.close_reason) == (4401, sentence)
    subprotocols = ["realtime", f"openai-insecure-api-key.{token}"]
    async with connect(f"{relay.ws_url}/v1/realtime?model=x", subprotocols=subprotocols) as socket:
        with pytest.raises(ConnectionClosedError):
            await socket.recv()
    assert (socket.subprotocol, socket.close_code, socket.close_reason) == ("realtime", 4401, sentence)
    assert target.connections == []


@pytest.mark.parametrize("way", ["used", "expired", "unknown"])
async def test_a_program_reads_why_in_the_http_answer(bad_tokens, target, way):
    relay, tokens = bad_tokens
    token, sentence = tokens[way]
    async with AsyncOpenAI(api_key=token, websocket_base_url=f"{relay.ws_url}/v1") as client:
        with pytest.raises(InvalidStatus) as refused:
            await client.realtime.connect(model="gpt-realtime").__aenter__()
    assert refused.value.response.status_code == 401
    assert json.loads(refused.value.response.body)["error"]["message"] == sentence
    assert target.connections == []


async def test_without_any_token(relay, target):
    with pytest.raises(InvalidStatus) as refused:
        await connect(f"{relay.ws_url}/v1/realtime?model=x")
    assert refused.value.response.status_code == 401
    for path, origin in (("/api/realtime/ws", None), ("/v1/realtime?model=x", "http://localhost:8888")):
        async with connect(f"{relay.ws_url}{path}", origin=origin) as socket:
            with pytest.raises(ConnectionClosedError):
                await socket.recv()
        assert (socket.close_code, socket.close_reason) == (4401, NONE_GIVEN)
    assert target.connections == []


async def test_a_page_from_elsewhere_gets_no_handshake_and_spends_no_token(relay, target):
    token = relay.token()
    with pytest.raises(InvalidStatus) as refused:
        await relay.call(token, origin="https://evil.example")
    assert refused.value.response.status_code == 403
    async with relay.call(token, origin="http://localhost:8888") as socket:
        assert json.loads(await socket.recv())["type"] == "session.created"


async def test_the_subprotocol_that_carries_the_token_is_never_the_one_agreed_on(relay):
    subprotocols = [f"openai-insecure-api-key.{relay.token()}", "realtime"]
    async with connect(f"{relay.ws_url}/v1/realtime?model=x", subprotocols=subprotocols) as socket:
        assert socket.subprotocol == "realtime"
        assert json.loads(await socket.recv())["type"] == "session.created"


async def test_a_target_that_is_not_there_is_found_before_the_call(relay_to, free_port):
    async with relay_to(free_port) as relay:
        async with relay.call() as socket:
            with pytest.raises(ConnectionClosedError):
                await socket.recv()
        assert socket.close_code == 4502
        assert f"nothing answers at 127.0.0.1:{free_port}" in socket.close_reason
        async with AsyncOpenAI(api_key=relay.token(), websocket_base_url=f"{relay.ws_url}/v1") as client:
            with pytest.raises(InvalidStatus) as refused:
                await client.realtime.connect(model="x").__aenter__()
        assert refused.value.response.status_code == 502
        assert not relay.runs.exists()  # no call, no recording


@pytest.mark.parametrize(
    ("greeting", "sentence"),
    [
        (None, "opened no session"),
        ('{"type":"error","error":{"message":"no model x; sk-abc123"}}', "began with error: no model x; sk-[key]"),
        ("hello", "no Realtime server"),
    ],
)  # fmt: skip
async def test_a_target_that_does_not_greet_is_found_before_the_call(relay_to, target, greeting, sentence):
    target.greeting = greeting
    async with relay_to(target.port, dial_s=0.3) as relay, relay.call() as socket:
        with pytest.raises(ConnectionClosedError):
            await socket.recv()
    assert socket.close_code == 4502
    assert sentence in socket.close_reason
    await target.closed.get()  # nothing is left open at the target


async def test_a_server_that_is_no_realtime_server(relay_to, relay):
    """The relay itself stands in for one: it has no token for us."""
    async with relay_to(int(relay.url.rsplit(":", 1)[1])) as other, other.call() as socket:
        with pytest.raises(ConnectionClosedError):
            await socket.recv()
    assert socket.close_code == 4502
    assert "401" in socket.close_reason
    assert "key" in socket.close_reason


async def test_a_prompt_that_broke_since_the_token_was_given(relay):
    from contoso_lab.errors import PromptError

    def broken(_):
        raise PromptError("prompts/voice.prompty: line 3 is no YAML; mend it")

    relay.desk.setup = broken
    async with relay.call() as socket:
        with pytest.raises(ConnectionClosedError):
            await socket.recv()
    assert (socket.close_code, socket.close_reason) == (1011, "prompts/voice.prompty: line 3 is no YAML; mend it")
