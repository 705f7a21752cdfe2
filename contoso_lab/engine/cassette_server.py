"""The server of a cassette: a recorded session at the addresses of a live engine.

| resource | acquired | released |
|---|---|---|
| reader task | the call begins | the client is gone, or the reel is at its end and the client leaves |

Every call hears the recording from its beginning; several may do so at once.
"""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import FastAPI
from starlette.websockets import WebSocket, WebSocketDisconnect

from contoso_lab.engine.cassette import Cassette, Player
from contoso_lab.engine.dialects import dialect_of, hears
from contoso_lab.errors import EventError
from contoso_lab.wire import dump, from_beta, load_object
from contoso_lab.wire.events import Dialect


def cassette_app(cassette: Cassette) -> FastAPI:
    """Make the application. It asks for no key: there is nothing to protect."""
    app = FastAPI(title="contoso-lab cassette", docs_url=None, redoc_url=None, openapi_url=None)

    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @app.websocket("/v1/realtime")
    @app.websocket("/openai/v1/realtime")
    @app.websocket("/openai/realtime")
    async def realtime(websocket: WebSocket) -> None:
        offered = websocket.scope.get("subprotocols") or []
        dialect = dialect_of(websocket.url.path, websocket.headers, offered)
        await websocket.accept(subprotocol="realtime" if "realtime" in offered else None)
        await _Showing(websocket, cassette.player(), dialect).run()

    return app


class _Showing:
    """One call."""

    def __init__(self, websocket: WebSocket, player: Player, dialect: Dialect) -> None:
        self._websocket = websocket
        self._player = player
        self._dialect: Dialect = dialect
        self._changed = asyncio.Event()

    async def run(self) -> None:
        """Play until the client is gone."""
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        reading = asyncio.create_task(self._read(began_s))
        try:
            while not reading.done():
                self._changed.clear()
                now_ms = 1000 * (loop.time() - began_s)
                await self._send(self._player.due(at_ms=now_ms))
                due_ms = self._player.next_due_ms()
                try:
                    async with asyncio.timeout(None if due_ms is None else max(0.0, due_ms - now_ms) / 1000):
                        await self._changed.wait()
                except TimeoutError:
                    continue
        except WebSocketDisconnect:
            pass  # the client may leave before the end
        finally:
            reading.cancel()
            await asyncio.wait([reading])

    async def _read(self, began_s: float) -> None:
        loop = asyncio.get_running_loop()
        try:
            while True:
                message = await self._websocket.receive()
                if message["type"] == "websocket.disconnect":
                    return
                try:
                    event: dict[str, Any] = load_object(message.get("text") or message.get("bytes") or b"")
                except EventError:
                    continue  # the recording knows no answer to garbage
                if self._dialect == "beta":
                    event = dict(from_beta(event))
                await self._send(self._player.receive(event, at_ms=1000 * (loop.time() - began_s)))
                self._changed.set()
        finally:
            self._changed.set()

    async def _send(self, events: list[dict[str, Any]]) -> None:
        for event in (each for each in events if hears(self._dialect, each["type"])):
            await self._websocket.send_text(dump(event, dialect=self._dialect))
