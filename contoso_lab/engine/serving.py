"""The engine's server around a block of code: for tests, benchmarks and notebooks."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from starlette.types import ASGIApp

from contoso_lab.engine.faults.middleware import Faulty
from contoso_lab.engine.faults.packing import PackingWebSocket
from contoso_lab.errors import EngineError
from contoso_lab.listening import Server, bind, url_of

PING_TIMEOUT_S = 60.0
"""A notebook that computes answers late, and is still there."""


@asynccontextmanager
async def serving(app: ASGIApp, *, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[str]:
    """Serve an application as long as the block lasts; gives its address.

    Cancelling the block stops the server; calls that are open then are closed. An error of the block is not wrapped.

    Raises:
        PortInUse: somebody else has the port.
        EngineError: the application could not start.
    """
    listener = bind(host, port)
    ready = asyncio.Event()
    server = engine_server(app, on_ready=ready.set)
    # No task group: it would wrap the one error of the block in a group, and every caller would have to unwrap it.
    served, waiting = asyncio.create_task(_serve(server, listener)), asyncio.create_task(ready.wait())
    try:
        await asyncio.wait({served, waiting}, return_when=asyncio.FIRST_COMPLETED)
        if ready.is_set():
            yield url_of(listener)
    finally:
        waiting.cancel()
        server.should_exit = True
        try:
            await served
        finally:
            listener.close()  # uvicorn does so, unless it could not start


async def _serve(server: Server, listener: socket.socket) -> None:
    try:
        await server.serve(sockets=[listener])
    except SystemExit as error:  # uvicorn's answer to an application that does not start; it would end the loop
        raise EngineError(f"the server at {url_of(listener)} could not start: its log says why") from error


def engine_server(app: ASGIApp, *, on_ready: Callable[[], None]) -> Server:
    """The server of an engine; one whose faults concern the packing of messages gets a line that can do that."""
    websocket = PackingWebSocket if isinstance(app, Faulty) else None
    return Server(app, on_ready=on_ready, ping_timeout_s=PING_TIMEOUT_S, websocket=websocket)
