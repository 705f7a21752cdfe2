"""The portable leg: a `Leg` over any socket that can be awaited (Starlette's, or the `websockets` library's).

Slower than picows by half an order of magnitude and the same in behaviour. The difference between the two
worlds is one queue: what is sent here waits in it until the socket has taken it, and its length is what
`on_writable` tells.

| resource | acquired | released | on failure |
|---|---|---|---|
| reader, writer | `run` | when the socket is over or was closed | cancelled; the ear hears 1006 |
| the queue | `__init__` | with the leg | what is unsent is dropped with a leg that is gone |
"""

from __future__ import annotations

import asyncio
from collections import deque

from contoso_lab.errors import SessionClosed
from contoso_lab.relay.calls.closing import ABNORMAL, Close
from contoso_lab.relay.wires.legs import Ear, Message
from contoso_lab.relay.wires.sockets import HIGH_WATER_BYTES, LOW_WATER_BYTES, Patience, Socket


class SocketLeg:
    """One side of a call on a socket that waits. It lives as long as `run` does."""

    def __init__(self, socket: Socket, ear: Ear, patience: Patience) -> None:
        self.ear = ear
        """Who listens. Whoever sets another one sees to it that nothing is lost between the two."""
        self._socket = socket
        self._patience = patience
        self._unsent: deque[Message] = deque()
        self._unsent_bytes = 0
        self._is_full = False
        self._goodbye: Close | None = None
        self._is_saying_goodbye = False
        self._gone: tuple[int, str] | None = None
        self._told = False
        self._is_cut = False
        self._work = asyncio.Event()
        self._reading = asyncio.Event()
        self._reading.set()
        self._over = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def send(self, message: Message) -> None:
        """Send one message; it waits its turn in the queue."""
        if self._goodbye is not None or self._gone is not None:
            return
        self._unsent.append(message)
        self._unsent_bytes += len(message)
        self._work.set()
        if not self._is_full and self._unsent_bytes > HIGH_WATER_BYTES:
            self._is_full = True
            self.ear.on_writable(self, False)

    def pause(self) -> None:
        """Stop reading."""
        self._reading.clear()

    def resume(self) -> None:
        """Read on."""
        self._reading.set()

    def close(self, close: Close) -> None:
        """Say goodbye after what was sent; `run` ends when it was answered, or was not in time."""
        if self._goodbye is None and self._gone is None:
            self._goodbye = close
            self._work.set()
            self._reading.set()

    async def closed(self) -> None:
        """Return when the connection is over."""
        await self._over.wait()

    def abort(self) -> None:
        """Give the connection up, as if it had been broken."""
        self._end(ABNORMAL, "")
        self._is_cut = True
        self._work.set()

    def waiting_bytes(self) -> int:
        """What the socket has not taken yet."""
        return self._unsent_bytes

    def start(self) -> None:
        """Run in a task of its own, for a leg that nothing else keeps alive."""
        self._task = asyncio.create_task(self.run())

    async def run(self) -> None:
        """Carry messages both ways until the connection is over. Cancelling it says goodbye no more."""
        reader = asyncio.create_task(self._read())
        writer = asyncio.create_task(self._write())
        try:
            await asyncio.wait((reader, writer), return_when=asyncio.FIRST_COMPLETED)
            if self._is_saying_goodbye:
                await asyncio.wait((writer,), timeout=self._patience.goodbye_s)
        finally:
            for task in (reader, writer):
                task.cancel()
            await asyncio.gather(reader, writer, return_exceptions=True)
            self._over.set()
            self._tell_gone(*(self._gone or (ABNORMAL, "")))
        for task in (reader, writer):
            if not task.cancelled() and (error := task.exception()) is not None:
                raise error  # a bug of ours is not hidden

    async def _read(self) -> None:
        while True:
            await self._reading.wait()
            try:
                message = await self._socket.receive()
            except SessionClosed as closed:
                return self._end(closed.code, closed.reason)
            if self._goodbye is None:
                self.ear.on_message(self, message)

    async def _write(self) -> None:
        while True:
            await self._work.wait()
            self._work.clear()
            if self._is_cut:
                return self._socket.abort()
            while self._unsent:
                message = self._unsent.popleft()
                if not await self._sent(message):
                    return
                self._unsent_bytes -= len(message)
                if self._is_full and self._unsent_bytes <= LOW_WATER_BYTES:
                    self._is_full = False
                    self.ear.on_writable(self, True)
            if self._goodbye is not None:
                self._is_saying_goodbye = True
                return await self._socket.close(self._goodbye)

    async def _sent(self, message: Message) -> bool:
        """Send one message; false when that could not be done."""
        patience = self._patience
        limit_s = patience.ping_s + patience.ping_timeout_s if self._goodbye is None else patience.goodbye_s
        try:
            async with asyncio.timeout(limit_s):
                await self._socket.send(message)
        except TimeoutError:
            self._end(ABNORMAL, patience.silence)
            return False
        except SessionClosed:
            # Why, the reader knows; it may have to be given time to hear it.
            self._reading.set()
            await asyncio.sleep(patience.goodbye_s)
            self._end(ABNORMAL, "")
            return False
        return True

    def _end(self, code: int, reason: str) -> None:
        self._gone = self._gone or (code, reason)
        self._unsent.clear()
        if self._goodbye is None:  # after a goodbye of ours it is told when all is over
            self._tell_gone(*self._gone)

    def _tell_gone(self, code: int, reason: str) -> None:
        if not self._told:
            self._told = True
            self.ear.on_gone(self, code, reason)
