"""A TCP proxy with weather: latency, jitter, loss as stalls, half-open connections and resets.

TCP hides a lost packet behind a pause, so loss is played as what an application sees of it: now and then a piece, and
all behind it, comes by a retransmission's time later.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import struct
from dataclasses import dataclass

_AT_ONCE = 65536
_ON_THE_WAY = 64
"""Pieces that may be under way in one direction; then the sender has to wait, as behind a full window."""


@dataclass(frozen=True)
class Weather:
    """What happens to every piece that passes.

    Raises nothing; `CLEAR` lets everything through at once.
    """

    latency_ms: float = 0.0
    jitter_ms: float = 0.0
    loss: float = 0.0
    """How likely it is that a piece is lost at first, and comes when it is sent again."""
    again_ms: tuple[float, float] = (200.0, 1_200.0)
    """How much later that is."""

    def delay_s(self, rng: random.Random) -> float:
        """How long one piece takes."""
        lost_ms = rng.uniform(*self.again_ms) if self.loss and rng.random() < self.loss else 0.0
        return (self.latency_ms + rng.uniform(0, self.jitter_ms) + lost_ms) / 1000


CLEAR = Weather()


class Proxy:
    """Stands before a server on this machine; its weather can change while connections are open.

    Args:
        port: of the server.
        seed: of the weather.

    >>> Proxy(8000).weather
    Weather(latency_ms=0.0, jitter_ms=0.0, loss=0.0, again_ms=(200.0, 1200.0))
    """

    def __init__(self, port: int, *, seed: int = 0) -> None:
        self.weather = CLEAR
        self.port = 0
        self._target_port = port
        self._rng = random.Random(seed)
        self._server: asyncio.Server | None = None
        self._pairs: set[_Pair] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._came = asyncio.Event()

    async def __aenter__(self) -> Proxy:
        """Listen; the port is a free one."""
        self._server = await asyncio.start_server(self._take, "127.0.0.1", 0, limit=_AT_ONCE)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        """Let nobody in and cut who is there."""
        assert self._server is not None
        self._server.close()
        for pair in self._pairs:
            pair.cut()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def connections(self) -> int:
        """How many are open."""
        return len(self._pairs)

    async def until(self, connections: int) -> None:
        """Wait until so many are open."""
        while len(self._pairs) < connections:
            self._came.clear()
            await self._came.wait()

    def reset(self, part: float = 1.0) -> int:
        """Reset some of the connections, on both sides; says how many."""
        chosen = self._choose(part)
        for pair in chosen:
            pair.cut()
        return len(chosen)

    def half_open(self, part: float = 1.0) -> int:
        """Swallow from now on all that comes on some connections: each side is left alone with an open socket."""
        chosen = self._choose(part)
        for pair in chosen:
            pair.deaf = True
        return len(chosen)

    def _choose(self, part: float) -> list[_Pair]:
        open_ones = sorted(self._pairs, key=lambda pair: pair.number)
        return self._rng.sample(open_ones, round(part * len(open_ones)))

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        pair = _Pair(len(self._tasks), writer)
        ways: list[asyncio.Future[None]] = []
        try:
            there = await asyncio.open_connection("127.0.0.1", self._target_port, limit=_AT_ONCE)
            pair.writers.append(there[1])
            self._pairs.add(pair)
            self._came.set()
            # One direction may end before the other, but a server that is gone has nothing to say any more.
            ways += [asyncio.ensure_future(self._carry(pair, *way)) for way in ((reader, there[1]), (there[0], writer))]
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        except (OSError, asyncio.CancelledError):
            pass  # nobody listens there, or we are closing: the caller sees its connection end
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            pair.close()
            self._pairs.discard(pair)
            self._tasks.discard(task)

    async def _carry(self, pair: _Pair, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        loop = asyncio.get_running_loop()
        under_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(_ON_THE_WAY)

        async def deliver() -> None:
            while True:
                due_s, data = await under_way.get()
                if (wait_s := due_s - loop.time()) > 0:
                    await asyncio.sleep(wait_s)
                if not data:
                    return
                if not pair.deaf:
                    writer.write(data)
                    await writer.drain()

        delivering = asyncio.create_task(deliver())
        try:
            due_s = 0.0
            with contextlib.suppress(OSError):
                while data := await reader.read(_AT_ONCE):
                    due_s = max(due_s, loop.time() + self.weather.delay_s(self._rng))  # TCP keeps the order
                    await under_way.put((due_s, data))
            if pair.deaf:  # that it ended does not come through either
                await asyncio.Event().wait()
            await under_way.put((due_s, b""))
            with contextlib.suppress(OSError):
                await delivering
        finally:
            delivering.cancel()
            await asyncio.gather(delivering, return_exceptions=True)


class _Pair:
    """One connection: the caller's socket and ours to the server."""

    def __init__(self, number: int, writer: asyncio.StreamWriter) -> None:
        self.number = number
        self.writers = [writer]
        self.deaf = False

    def cut(self) -> None:
        """Reset both sides."""
        for writer in self.writers:
            sock = writer.get_extra_info("socket")
            with contextlib.suppress(OSError):
                # To close with nothing to linger for is what makes a reset out of a close.
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()

    def close(self) -> None:
        """End both sides."""
        for writer in self.writers:
            writer.close()
