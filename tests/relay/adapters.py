"""Both adapters without the rest of a relay: a desk that lets everybody in, and an ear that writes down."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, WebSocket
from websockets.asyncio.client import connect

from contoso_lab.listening import Server, bind, url_of
from contoso_lab.relay.admission import Admitted
from contoso_lab.relay.calls.closing import Close
from contoso_lab.relay.wires.doors import knock
from contoso_lab.relay.wires.legs import Leg, Message
from contoso_lab.relay.wires.picows_door import Front
from contoso_lab.relay.wires.sockets import Patience
from contoso_lab.relay.wires.starlette_door import answer


class Notebook:
    """An ear that writes down what it hears; `echo` sends everything back."""

    def __init__(self, *, echo: bool = True) -> None:
        self.echo = echo
        self.heard: list[Message] = []
        self.writable: list[bool] = []
        self.gone: list[tuple[int, str]] = []
        self.news = asyncio.Condition()
        self.leg: Any = None

    def on_message(self, leg: Leg, message: Message) -> None:
        assert leg is self.leg
        assert not self.gone
        self.heard.append(message)
        if self.echo:
            leg.send(message)

    def on_writable(self, leg: Leg, writable: bool) -> None:
        self.writable.append(writable)

    def on_gone(self, leg: Leg, code: int, reason: str) -> None:
        self.gone.append((code, reason))

    async def until_gone(self) -> tuple[int, str]:
        await self.leg.closed()
        [end] = self.gone
        return end


class Welcome(Admitted):
    """A yes to whoever knocks."""

    def take(self, line) -> None:
        line.ear, self.desk.ear.leg = self.desk.ear, line
        self.desk.taken.set()
        if self.desk.greeting:
            line.send(self.desk.greeting)

    async def abandon(self) -> None:
        self.desk.abandoned.set()


class OpenDesk:
    """A desk that decides nothing; a test may put its own `decide` in."""

    def __init__(self, patience: Patience, ear: Notebook) -> None:
        self.patience, self.ear = patience, ear
        self.taken, self.abandoned, self.asked = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self.handshake: Any = None
        self.greeting = b""
        self.decide: Any = self.welcome

    async def admit(self, handshake):
        self.handshake = handshake
        self.asked.set()
        return await self.decide(handshake)

    async def welcome(self, handshake):
        return Welcome(self, knock(handshake, for_programs=True), None, "1", True)


class Line:
    """A running server with one of the two doors."""

    def __init__(self, desk: OpenDesk, url: str) -> None:
        self.desk, self.url, self.ear = desk, url.replace("http", "ws", 1), desk.ear

    @property
    def port(self) -> int:
        return int(self.url.rsplit(":", 1)[1])

    def call(self, path: str = "/v1/realtime", **options: Any):
        return connect(self.url + path, **{"compression": None, "max_size": 2**26, "close_timeout": 1, **options})

    async def leg(self) -> Any:
        await self.desk.taken.wait()
        return self.ear.leg

    async def close(self, code: int, reason: str = "") -> None:
        (await self.leg()).close(Close(code, reason))


@asynccontextmanager
async def serve_line(door: str, *, patience: Patience | None = None, echo: bool = True, **options: Any):
    """A server in this event loop; its legs are those of `door`."""
    desk = OpenDesk(patience or Patience(), Notebook(echo=echo))
    app = FastAPI()

    async def socket(websocket: WebSocket) -> None:
        await answer(desk, websocket)

    for path in ("/v1/realtime", "/api/realtime/ws", "/elsewhere"):
        app.add_api_websocket_route(path, socket)

    @app.get("/who")
    async def who(request: __import__("fastapi").Request) -> dict[str, Any]:
        return {"client": request.client.host, "scheme": request.url.scheme}

    ready = asyncio.Event()
    server = Server(
        app, on_ready=ready.set, websocket=Front(desk) if door == "picows" else None,
        ping_s=desk.patience.ping_s, ping_timeout_s=desk.patience.ping_timeout_s, **options,
    )  # fmt: skip
    bound = bind("127.0.0.1", 0)
    task = asyncio.create_task(server.serve(sockets=[bound]))
    await ready.wait()
    try:
        yield Line(desk, url_of(bound, secure="certificate" in options))
    finally:
        server.should_exit = True
        await task
