"""An agent on a real port, before a chat server of the test's own making or before our engine's clerk."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import json
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from contoso_lab.agent.desk import Agent, AgentLimits, Visitor
from contoso_lab.agent.routes import agent_routes
from contoso_lab.engine.chat_api import chat_routes
from contoso_lab.engine.clerk import Clerk
from contoso_lab.errors import SessionRefused
from contoso_lab.listening import Server, bind, url_of
from contoso_lab.memory import Memory, open_memory
from contoso_lab.settings import Target

_spec = importlib.util.spec_from_file_location(
    "tiny_chat_server", Path(__file__).parent.parent / "prompts" / "conftest.py"
)
assert _spec is not None
assert _spec.loader is not None
_module = sys.modules[_spec.name] = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_module)

_spec = importlib.util.spec_from_file_location("real_stores", Path(__file__).parent.parent / "memory" / "conftest.py")
assert _spec is not None
assert _spec.loader is not None
_stores = sys.modules[_spec.name] = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_stores)
_redis_url, redis_url, _postgres_url, postgres_url = (
    _stores._redis_url, _stores.redis_url, _stores._postgres_url, _stores.postgres_url
)  # fmt: skip

make_server, server, no_second_try = _module.make_server, _module.server, _module.no_second_try


class Tokens:
    """Tokens as the relay has them: each is spent once, by a page of the origin that asked for it."""

    def __init__(self) -> None:
        self.out: dict[str, tuple[Visitor, str | None]] = {}
        self.spent: list[str] = []

    def give(self, customer: str = "maya", *, origin: str | None = None, thread: str | None = None) -> str:
        token = f"token-{len(self.out) + len(self.spent)}"
        self.out[token] = (Visitor(customer, thread=thread), origin)
        return token

    async def admit(self, token: str, origin: str | None, address: str | None = None) -> Visitor:
        if token in self.spent:
            raise SessionRefused("the test", "this token was already used", status=401)
        if token not in self.out or self.out[token][1] != origin:
            raise SessionRefused("the test", "this token is unknown", status=401)
        self.spent.append(token)
        return self.out.pop(token)[0]


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def tokens() -> Tokens:
    return Tokens()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def memory() -> Iterator[Memory]:
    with open_memory("sqlite://") as kept:
        yield kept


@pytest.fixture(params=["sqlite", "redis", "postgres"])
def shared(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Memory, Memory]]:
    """Two managers over one store, as two relays have them."""
    url = (
        f"sqlite:///{tmp_path}/shared.sqlite3"
        if request.param == "sqlite"
        else request.getfixturevalue(f"{request.param}_url")
    )
    with open_memory(url) as here, open_memory(url) as there:
        yield here, there


@pytest.fixture
def timed_memory(clock: Clock) -> Iterator[Memory]:
    """A memory in which time passes as in `clock`."""
    begin = datetime(2026, 3, 2, 9, tzinfo=UTC)
    with open_memory("sqlite://", clock=lambda: begin + timedelta(seconds=clock.now_s)) as kept:
        yield kept


@pytest.fixture
def agent(server: Any, memory: Memory, tokens: Tokens, clock: Clock) -> Agent:
    return Agent(server.target, memory, admit=tokens.admit, clock=clock, limits=AgentLimits(messages_per_minute=50))


@pytest.fixture
async def clerk() -> AsyncIterator[Target]:
    """Our engine's REST side with its default brain."""
    app = FastAPI()
    app.include_router(chat_routes(Clerk()), prefix="/v1")
    async with serving(app) as url:
        yield Target.local(f"{url}/v1")


@asynccontextmanager
async def serving(app: FastAPI) -> AsyncIterator[str]:
    ready = asyncio.Event()
    running = Server(app, on_ready=ready.set)
    bound = bind("127.0.0.1", 0)
    url = url_of(bound)
    task = asyncio.create_task(running.serve(sockets=[bound]))
    await ready.wait()
    try:
        yield url
    finally:
        running.should_exit = True
        await task


@pytest.fixture
def served() -> Any:
    """`async with served(app) as url`."""
    return serving


class Chat:
    """A client on the chat's socket."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.thread = ""

    async def attach(self, thread: str | None = "") -> dict[str, Any]:
        await self.send({} if thread is None else {"threadId": thread})
        frame = await self.frame()
        assert frame["type"] == "thread"
        self.thread = frame["payload"]["threadId"]
        return frame

    async def send(self, value: Any) -> None:
        await self.socket.send(value if isinstance(value, str | bytes) else json.dumps(value))

    async def write(self, text: str, **more: Any) -> None:
        await self.send({"name": "Maya", "text": text, **more})

    async def frame(self) -> dict[str, Any]:
        async with asyncio.timeout(20):
            frame: dict[str, Any] = json.loads(await self.socket.recv())
        return frame

    async def turn(self) -> list[dict[str, Any]]:
        """The frames up to the action, or up to an error."""
        frames = []
        while not frames or frames[-1]["type"] not in ("action", "error"):
            frames.append(await self.frame())
        return frames

    async def ask(self, text: str, **more: Any) -> list[dict[str, Any]]:
        await self.write(text, **more)
        return await self.turn()

    async def goodbye(self) -> tuple[int, str]:
        """How the server ends it."""
        async with asyncio.timeout(20):
            with contextlib.suppress(ConnectionClosed):
                while True:  # what is left unread would hold the goodbye back
                    await self.socket.recv()
        return self.socket.close_code or 0, self.socket.close_reason or ""


def streamed(frames: list[dict[str, Any]]) -> list[str]:
    """The pieces of an answer."""
    return [
        frame["payload"]["payload"]
        for frame in frames
        if frame["type"] == "assistant" and frame["payload"]["state"] == "stream"
    ]


class House:
    """A served agent."""

    def __init__(self, agent: Agent, url: str, tokens: Tokens) -> None:
        self.agent, self.url, self.tokens = agent, url, tokens

    @asynccontextmanager
    async def chat(self, token: str | None = None, **options: Any) -> AsyncIterator[Chat]:
        token = self.tokens.give(origin=options.get("origin")) if token is None else token
        address = f"{self.url.replace('http', 'ws', 1)}/api/chat?token={token}"
        async with connect(address, compression=None, max_size=2**24, proxy=None, **options) as socket:
            yield Chat(socket)

    @asynccontextmanager
    async def http(self, token: str | None = None) -> AsyncIterator[httpx.AsyncClient]:
        head = {} if token is None else {"Authorization": f"Bearer {token}"}
        async with httpx.AsyncClient(base_url=self.url, headers=head, trust_env=False, timeout=20) as client:
            yield client


@pytest.fixture
def serve(tokens: Tokens) -> Any:
    """`async with serve(agent) as house`."""

    @asynccontextmanager
    async def start(agent: Agent, **options: Any) -> AsyncIterator[House]:
        app = FastAPI()
        app.include_router(agent_routes(agent, **options))
        async with serving(app) as url:
            yield House(agent, url, tokens)

    return start


@pytest.fixture
async def house(serve: Any, agent: Agent) -> AsyncIterator[House]:
    async with serve(agent) as running:
        yield running


class Hanging:
    """A model that says the beginning of an answer and then nothing; it knows when nobody listens any more."""

    def __init__(self, beginning: str) -> None:
        self.beginning = beginning
        self.begun, self.gone, self.go_on = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self.rest = ""

    def __call__(self, body: dict[str, Any]) -> StreamingResponse:
        async def lines() -> AsyncIterator[str]:
            try:
                yield _line(self.beginning)
                self.begun.set()
                await self.go_on.wait()
                yield _line(self.rest, finish="stop")
                yield "data: [DONE]\n\n"
            finally:
                self.gone.set()

        return StreamingResponse(lines(), media_type="text/event-stream")


def _line(text: str, finish: str | None = None) -> str:
    head = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "tiny"}
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": finish}
    return f"data: {json.dumps({**head, 'choices': [choice]})}\n\n"


@pytest.fixture
def hanging() -> Any:
    return Hanging


@pytest.fixture
def pieces_of() -> Any:
    return streamed
