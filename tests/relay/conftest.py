"""A strict Realtime target that stands at the wire, and relays in front of it."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import socket
import time
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from contoso_lab.errors import ShopError
from contoso_lab.listening import Server, bind, url_of
from contoso_lab.recording.fold import fold
from contoso_lab.relay.access.tokens import Grant
from contoso_lab.relay.app import create_app
from contoso_lab.relay.serving import relay_server
from contoso_lab.relay.setup import Setup
from contoso_lab.settings import Target

KEY = "sk-test-0123456789abcdef"
INSTRUCTIONS = "You are Robin and sell tents. Nobody may read this sentence in a log."
SESSION = {"type": "realtime", "instructions": INSTRUCTIONS, "audio": {"output": {"voice": "marin"}}}
KNOWN = {
    "session.update", "input_audio_buffer.append", "input_audio_buffer.commit", "response.create",
    "response.cancel", "conversation.item.create", "conversation.item.truncate",
}  # fmt: skip


class FakeTarget:
    """Answers as a Realtime server does, keeps every message, and complains about what must not arrive."""

    def __init__(self) -> None:
        self.received: list[str | bytes] = []
        self.headers: dict[str, str] = {}
        self.path = ""
        self.complaints: list[str] = []
        self.connections: list[ServerConnection] = []
        self.closed: asyncio.Queue[tuple[int, str]] = asyncio.Queue()
        self.greeting: str | None = json.dumps(
            {"type": "session.created", "event_id": "e0", "session": {"type": "realtime", "id": "sess_1"}}
        )
        self.port = 0

    @property
    def events(self) -> list[dict[str, Any]]:
        found = []
        for raw in self.received:
            try:
                found.append(json.loads(raw))
            except ValueError:
                found.append({"type": "garbage", "length": len(raw)})
        return found

    @property
    def types(self) -> list[str]:
        return [event["type"] for event in self.events]

    async def handle(self, connection: ServerConnection) -> None:
        self.connections.append(connection)
        self.headers = {name.lower(): value for name, value in connection.request.headers.raw_items()}
        self.path = connection.request.path
        try:
            if self.greeting is None:
                await connection.wait_closed()
                return
            await connection.send(self.greeting)
            async for raw in connection:
                self.received.append(raw)
                await self.answer(connection, raw)
        except ConnectionClosed:
            pass
        finally:
            self.closed.put_nowait((connection.close_code or 1006, connection.close_reason or ""))

    async def answer(self, connection: ServerConnection, raw: str | bytes) -> None:
        async def send(type: str, **fields: Any) -> None:
            await connection.send(json.dumps({"type": type, "event_id": f"e{len(self.received)}", **fields}))

        try:
            event = json.loads(raw)
            kind = event["type"]
        except (ValueError, TypeError, KeyError, RecursionError):
            error = {"type": "invalid_request_error", "code": "invalid_json", "message": "not JSON", "param": None}
            return await send("error", error=error)
        if len(self.received) == 1 and kind != "session.update":
            self.complaints.append(f"{kind} came before the session was configured")
        if kind.startswith("lab."):
            self.complaints.append(f"{kind} must not leave the relay")
        match kind:
            case "session.update":
                await send("session.updated", session=event["session"])
            case "response.create":
                await send("response.created", response={"id": "r1", "object": "realtime.response", "output": []})
                await send(
                    "response.output_audio.delta", response_id="r1", item_id="i1", output_index=0, content_index=0,
                    delta="AAABAAIA" * 400,
                )  # fmt: skip
                response = {"id": "r1", "object": "realtime.response", "status": "completed", "output": []}
                await send("response.done", response=response)
            case "test.say":  # a message of the test's own making, back down
                await connection.send(event["raw"])
            case _ if kind not in KNOWN:
                error = {"type": "invalid_request_error", "code": "unknown", "message": kind, "param": None}
                await send("error", error=error)

    def abort(self) -> None:
        """Die as a killed process does: the connection is reset, nobody says goodbye."""
        for connection in self.connections:
            connection.transport.abort()

    async def close(self, code: int, reason: str = "") -> None:
        for connection in self.connections:
            await connection.close(code, reason)


@pytest.fixture
async def target():
    fake = FakeTarget()
    async with serve(fake.handle, "127.0.0.1", 0, compression=None, max_size=2**26) as server:
        fake.port = server.sockets[0].getsockname()[1]
        yield fake
    assert fake.complaints == []


def _setup(grant: Grant) -> Setup:
    if grant.customer == "nobody":
        raise ShopError("there is no customer 'nobody': choose maya")
    return Setup(SESSION, catalogue_sha="c" * 64, prompts={grant.persona: "d" * 64})


@pytest.fixture
def test_setup():
    """A shop with one prompt and one customer."""
    return _setup


@pytest.fixture
def key() -> str:
    return KEY


@pytest.fixture
def session() -> dict[str, Any]:
    return SESSION


def at_once(coroutine: Any) -> Any:
    """The result of a coroutine that has nothing to wait for."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        return done.value
    raise AssertionError("it waits")


class Relay:
    """A running relay, with the shortcuts that the tests need."""

    def __init__(self, app: Any, url: str, server: Server, runs: Path) -> None:
        self.app, self.url, self.server, self.runs = app, url, server, runs

    @property
    def ws_url(self) -> str:
        return self.url.replace("http", "ws", 1)

    @property
    def desk(self):
        return self.app.state.desk

    def token(self) -> str:
        return at_once(self.desk.tokens.issue(Grant("voice", "maya", "first_call")))

    def call(self, token: str | None = None, **options: Any):
        """A socket through the browser's door."""
        token = self.token() if token is None else token
        options = {"compression": None, "max_size": 2**26, **options}
        return connect(f"{self.ws_url}/api/realtime/ws?token={token}", **options)

    @property
    def recording(self) -> Path:
        [path] = self.runs.iterdir()
        return path

    def lines(self) -> list[dict[str, Any]]:
        fold(self.recording)
        text = (self.recording / "events.jsonl").read_text(encoding="utf-8")
        return [json.loads(line) for line in text.splitlines()]

    def manifest(self) -> dict[str, Any]:
        fold(self.recording)
        return json.loads((self.recording / "manifest.json").read_text(encoding="utf-8"))


@pytest.fixture(params=["picows", "starlette"])
def door(request) -> str:
    """What carries the calls: every test that asks for a relay is held against both."""
    return request.param


@pytest.fixture
def relay_to(tmp_path: Path, door: str):
    """`async with relay_to(port) as relay`: a relay in this event loop, before the target on that port."""

    @asynccontextmanager
    async def start(port: int, **options: Any):
        target = Target("url", f"http://127.0.0.1:{port}/v1", "fake-model", "fake-model", SecretStr(KEY))
        runs = options.pop("runs", tmp_path / "runs")
        portable = door == "starlette"
        serving = {name: options.pop(name) for name in ("certificate", "trusted_proxies", "drain_s") if name in options}
        defaults = {"runs": runs, "setup": _setup, "clock": time.monotonic, "portable": portable}
        app = create_app(target, **defaults | options)
        ready = asyncio.Event()
        server = relay_server(app, on_ready=ready.set, portable=portable, **serving)
        bound = bind("127.0.0.1", 0)
        url = url_of(bound, secure="certificate" in serving)
        task = asyncio.create_task(server.serve(sockets=[bound]))
        await ready.wait()
        try:
            yield Relay(app, url, server, runs)
        finally:
            server.should_exit = True
            await task

    return start


@pytest.fixture
async def relay(relay_to, target):
    async with relay_to(target.port) as running:
        yield running


@pytest.fixture
def free_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def redis_server():
    """The program of a real Redis."""
    binary = shutil.which("redis-server")
    if binary is None:
        if os.environ.get("CI"):
            pytest.fail("there is no redis-server here, and without it nothing shows that relays share their tokens")
        pytest.skip("there is no redis-server on this machine: install it to test shared tokens")
    return binary
