"""The relay as most people write it: FastAPI, the websockets client, two tasks. `python relay_fastapi.py PORT TARGET`.

It checks a token and passes messages on, and does nothing else. uvicorn runs it as it comes, on uvloop, without
compression.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys

import uvicorn
from fastapi import FastAPI, WebSocket, WebSocketDisconnect
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

TOKENS = {"bench"}
app = FastAPI()


@app.websocket("/ws")
async def relay(client: WebSocket) -> None:
    """One call."""
    if client.query_params.get("token") not in TOKENS:
        return await client.close(4401)
    await client.accept()
    async with connect(sys.argv[2], compression=None, max_size=2**24) as target:

        async def up() -> None:
            while True:
                await target.send(await client.receive_text())

        async def down() -> None:
            async for message in target:
                await client.send_text(str(message))

        tasks = [asyncio.create_task(up()), asyncio.create_task(down())]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()
            with contextlib.suppress(WebSocketDisconnect, ConnectionClosed, RuntimeError, asyncio.CancelledError):
                await task


if __name__ == "__main__":
    uvicorn.run(
        app,
        host="127.0.0.1",
        port=int(sys.argv[1]),
        loop="uvloop",
        log_level="error",
        ws_per_message_deflate=False,
        ws_max_size=2**24,
    )
