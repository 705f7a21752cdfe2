"""The engine's server around a block of code: for tests, benchmarks and notebooks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from starlette.types import ASGIApp

from contoso_lab.engine.faults.middleware import Faulty
from contoso_lab.engine.faults.packing import PackingWebSocket
from contoso_lab.listening import Server, bind, url_of

PING_TIMEOUT_S = 60.0
"""A notebook that computes answers late, and is still there."""


@asynccontextmanager
async def serving(app: ASGIApp, *, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[str]:
    """Serve an application as long as the block lasts; gives its address.

    Cancelling the block stops the server; calls that are open then are closed.

    Raises:
        PortInUse: somebody else has the port.
    """
    listener = bind(host, port)
    ready = asyncio.Event()
    server = engine_server(app, on_ready=ready.set)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(server.serve(sockets=[listener]))
        await ready.wait()
        try:
            yield url_of(listener)
        finally:
            server.should_exit = True


def engine_server(app: ASGIApp, *, on_ready: Callable[[], None]) -> Server:
    """The server of an engine; one whose faults concern the packing of messages gets a line that can do that."""
    websocket = PackingWebSocket if isinstance(app, Faulty) else None
    return Server(app, on_ready=on_ready, ping_timeout_s=PING_TIMEOUT_S, websocket=websocket)
