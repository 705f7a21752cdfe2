"""The engine's server around a block of code: for tests, benchmarks and notebooks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from contoso_lab.listening import Server, bind, url_of

PING_TIMEOUT_S = 60.0
"""A notebook that computes answers late, and is still there."""


@asynccontextmanager
async def serving(app: FastAPI, *, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[str]:
    """Serve an application as long as the block lasts; gives its address.

    Cancelling the block stops the server; calls that are open then are closed.

    Raises:
        PortInUse: somebody else has the port.
    """
    listener = bind(host, port)
    ready = asyncio.Event()
    server = Server(app, on_ready=ready.set, ping_timeout_s=PING_TIMEOUT_S)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(server.serve(sockets=[listener]))
        await ready.wait()
        try:
            yield url_of(listener)
        finally:
            server.should_exit = True
