"""A real Jupyter server in this process, with our extension; a relay that does as a test says stands behind it."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from tornado import httpserver, netutil, web
from websockets.asyncio.server import ServerConnection, serve

TOKEN = "jupyters-own-token"
BASE = "/user/alice/"
PICTURE = b"\x89PNG of a boat"


@dataclass
class FakeRelay:
    """Notes what comes, and answers as it was told."""

    url: str = ""
    answers: Callable[[ServerConnection], Awaitable[None]] | None = None
    asked: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)
    """Method, path with query, headers and body."""
    sockets: list[ServerConnection] = field(default_factory=list)
    http_url: str = ""
    socket_url: str = ""
    pieces: asyncio.Queue[None] = field(default_factory=asyncio.Queue)
    goodbyes: asyncio.Queue[tuple[int, str] | None] = field(default_factory=asyncio.Queue)
    """How each socket ended: code and reason, or `None` for one that broke."""


class _Keeper:
    """In the place of the keeper: the relay is there, or it is not."""

    def __init__(self, relay: FakeRelay) -> None:
        self.relay = relay
        self.up = True
        self.message = "the engine could not start: no models"
        self.calls: list[str] = []
        self.secret = "what the relay asks for"

    @property
    def relay_url(self) -> str | None:
        return self.relay.url if self.up else None

    async def ready(self) -> str | None:
        self.calls.append("ready")
        return self.relay_url

    def start(self) -> None:
        self.calls.append("start")

    async def stop(self) -> None:
        self.calls.append("stop")

    async def status(self) -> dict[str, Any]:
        return {"state": "ready" if self.up else "stopped", "message": self.message}


@dataclass
class Server:
    """The Jupyter server."""

    url: str
    app: Any
    keeper: _Keeper
    log: list[str]
    home: Path

    @property
    def socket_url(self) -> str:
        return self.url.replace("http", "ws", 1)

    async def fetch(self, path: str, *, method: str = "GET", headers: dict[str, str] | None = None, **more: Any) -> Any:
        from tornado.httpclient import AsyncHTTPClient, HTTPRequest

        given = {"Authorization": f"token {TOKEN}"} if headers is None else headers
        asked = HTTPRequest(f"{self.url}{path}", method=method, headers=given, follow_redirects=False, **more)
        return await AsyncHTTPClient().fetch(asked, raise_error=False)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def _relay() -> AsyncIterator[FakeRelay]:
    made = FakeRelay()

    class Http(web.RequestHandler):
        async def prepare(self) -> None:
            made.asked.append(
                (str(self.request.method), str(self.request.uri), dict(self.request.headers), self.request.body)
            )

        async def get(self) -> None:
            if str(self.request.uri).startswith("/images/"):
                self.set_header("Content-Type", "image/png")
                self.set_header("Cache-Control", "public, max-age=3600")
                self.finish(PICTURE)
                return
            self.set_header("Set-Cookie", "relay=1")
            self.set_header("Retry-After", "7")
            self.set_status(429 if "full" in str(self.request.uri) else 200)
            self.finish({"token": "one-call", "expiresAt": "soon"})

        async def post(self) -> None:
            self.set_header("Content-Type", "text/event-stream")
            for number in range(3):
                self.write(f"data: {number}\n\n")
                await self.flush()
                await made.pieces.get()
            self.finish()

    http = httpserver.HTTPServer(web.Application([(r"/.*", Http)]))
    bound = netutil.bind_sockets(0, "127.0.0.1")
    http.add_sockets(bound)

    async def hold(connection: ServerConnection) -> None:
        made.sockets.append(connection)
        try:
            if made.answers is not None:
                await made.answers(connection)
            await connection.wait_closed()
        finally:
            await connection.wait_closed()
            ended = connection.protocol.close_rcvd
            made.goodbyes.put_nowait(None if ended is None else (ended.code, ended.reason))

    def choose(connection: ServerConnection, offered: Any) -> Any:
        return next((name for name in offered if name == "realtime"), None)

    async with serve(hold, "127.0.0.1", 0, compression=None, max_size=2**24, select_subprotocol=choose) as sockets:
        socket_port = next(iter(sockets.sockets)).getsockname()[1]
        # The relay has one port for both; here they are two, and a door decides.
        made.http_url = f"http://127.0.0.1:{bound[0].getsockname()[1]}"
        made.socket_url = f"http://127.0.0.1:{socket_port}"
        yield made
    http.stop()
    await http.close_all_connections()


@pytest_asyncio.fixture(loop_scope="module")
async def relay(_relay: FakeRelay) -> FakeRelay:
    """As new for each test."""
    _relay.url, _relay.answers = _relay.socket_url, None
    _relay.asked.clear()
    _relay.sockets.clear()
    for queue in (_relay.pieces, _relay.goodbyes):
        while not queue.empty():
            queue.get_nowait()
    return _relay


@pytest_asyncio.fixture(loop_scope="module")
async def server(_server: Server, relay: FakeRelay) -> Server:
    """As new for each test."""
    _server.keeper.up = True
    _server.keeper.calls.clear()
    _server.log.clear()
    return _server


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def _server(_relay: FakeRelay, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    with pytest.MonkeyPatch.context() as monkeypatch:
        async with jupyter_server(_relay, tmp_path_factory.mktemp("jupyter"), monkeypatch) as made:
            yield made


@contextlib.asynccontextmanager
async def jupyter_server(relay: FakeRelay, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Server]:
    import logging

    from jupyter_server.serverapp import ServerApp

    for name in ("CONFIG", "DATA", "RUNTIME"):
        monkeypatch.setenv(f"JUPYTER_{name}_DIR", str(tmp_path / name.lower()))
    monkeypatch.setenv("CONTOSO_LAB_RUNS", str(tmp_path / "runs"))
    root = tmp_path / "root"
    root.mkdir()
    (root / "demo.ipynb").write_text(json.dumps({"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))
    ServerApp.clear_instance()
    app = ServerApp.instance(
        log_level="DEBUG",
        port=0,
        open_browser=False,
        root_dir=str(root),
        base_url=BASE,
        allow_root=True,
        jpserver_extensions={"contoso_lab.jupyter": True},
    )
    app.init_signal = lambda: None
    app.config.IdentityProvider.token = TOKEN
    app.config.ContosoLab.demo = str(root / "demo.ipynb")
    lines: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(self.format(record))

    keep = Keep()
    app.initialize(argv=[], new_httpserver=False)
    loggers = [app.log, logging.getLogger("tornado.access"), logging.getLogger("tornado.application")]
    for logger in loggers:
        logger.addHandler(keep)
    extension = app.extension_manager.extension_points["contoso_lab"].app
    app.extension = extension
    keeper = _Keeper(relay)
    app.web_app.settings["contoso_lab_keeper"] = keeper
    bound = netutil.bind_sockets(0, "127.0.0.1")
    http = httpserver.HTTPServer(app.web_app)
    http.add_sockets(bound)
    try:
        yield Server(f"http://127.0.0.1:{bound[0].getsockname()[1]}{BASE}contoso-lab/", app, keeper, lines, tmp_path)
    finally:
        for logger in loggers:
            logger.removeHandler(keep)
        http.stop()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(5):
                await http.close_all_connections()
        await app._cleanup()
        ServerApp.clear_instance()
