"""Faults on a running server: an ASGI application around the engine's own.

| resource | acquired | released |
|---|---|---|
| deliverer task | the handshake is accepted | the call ends, or the client is gone |

It knows WebSockets only; everything else passes untouched. What the protocol sends is put on a schedule and goes out
when it is due, in the order of its times. At most `WAITING` messages wait: then the protocol waits, too.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import json
from collections.abc import Iterable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from contoso_lab.engine.faults.kinds import Delivery, Ending, Fault, Refusal
from contoso_lab.engine.faults.line import FaultLine
from contoso_lab.engine.faults.packing import STATE_KEY, PackingTransport

WAITING = 20_000
"""More than a minute of speech in pieces of 100 ms, and all that comes with it."""


class Faulty:
    """An application whose calls go wrong as asked.

    Args:
        app: what is served.
        faults: what goes wrong, in this order; each call begins anew.
    """

    def __init__(self, app: ASGIApp, faults: Iterable[Fault]) -> None:
        self._app = app
        self.faults = tuple(faults)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request or one call."""
        if scope["type"] != "websocket" or not self.faults:
            await self._app(scope, receive, send)
            return
        line = FaultLine(self.faults)
        if line.refusal is not None:
            await _refuse(line.refusal, receive, send)
            return
        call = _FaultyCall(line, scope.get("state", {}).get(STATE_KEY), receive, send)
        try:
            await self._app(scope, call.receive, call.send)
        finally:
            await call.end()


async def _refuse(refusal: Refusal, receive: Receive, send: Send) -> None:
    body = json.dumps(refusal.body).encode()
    headers = [(b"content-type", b"application/json"), *((k.encode(), v.encode()) for k, v in refusal.headers)]
    await receive()  # the handshake itself
    await send({"type": "websocket.http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "websocket.http.response.body", "body": body})


class _FaultyCall:
    """One call between the application and the server."""

    def __init__(self, line: FaultLine, transport: PackingTransport | None, receive: Receive, send: Send) -> None:
        self._line = line
        self._transport = transport
        self._receive = receive
        self._send = send
        self._schedule: list[tuple[float, int, Delivery]] = []
        self._numbers = itertools.count()
        self._changed = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._deliverer: asyncio.Task[None] | None = None
        self._began_s = 0.0

    async def receive(self) -> Message:
        """What the application gets to see of the client."""
        while True:
            message = await self._receive()
            if message["type"] != "websocket.receive":
                return message
            text = message.get("text")
            raw: str | bytes = (message.get("bytes") or b"") if text is None else text
            if (pause_ms := self._line.reading_ms(len(raw))) > 0:
                await asyncio.sleep(pause_ms / 1000)
            if not isinstance(raw, str):
                return message
            answers = self._line.receiving(raw, at_ms=self._now_ms())
            if answers is None:
                return message
            self._put(Delivery(self._now_ms(), json.dumps(answer)) for answer in answers)

    async def send(self, message: Message) -> None:
        """What the application says to the client."""
        match message["type"]:
            case "websocket.accept":
                await self._send(message)
                self._begin()
            case "websocket.send" if message.get("text") is not None:
                if self._deliverer is not None and self._deliverer.done():
                    raise OSError("the client is gone")  # what the server itself says then; the protocol knows it
                await self._room.wait()
                self._put(self._line.sending(message["text"], at_ms=self._now_ms()))
            case _:
                await self._send(message)

    async def end(self) -> None:
        """Deliver no more."""
        if self._deliverer is not None:
            self._deliverer.cancel()
            await asyncio.wait([self._deliverer])

    def _begin(self) -> None:
        self._began_s = asyncio.get_running_loop().time()
        if self._transport is not None:
            self._transport.fragment_bytes = self._line.fragment_bytes
        self._deliverer = asyncio.create_task(self._deliver())
        self._put(self._line.opening())

    def _now_ms(self) -> float:
        return 1000 * (asyncio.get_running_loop().time() - self._began_s)

    def _put(self, deliveries: Iterable[Delivery]) -> None:
        for delivery in deliveries:
            heapq.heappush(self._schedule, (delivery.at_ms, next(self._numbers), delivery))
        if len(self._schedule) >= WAITING:
            self._room.clear()
        self._changed.set()

    async def _deliver(self) -> None:
        """Send everything when it is due; ends with the line."""
        try:
            while True:
                self._changed.clear()
                due = self._take_due()
                if due and not await self._send_together(due):
                    return
                if due:
                    continue
                wait_s = (self._schedule[0][0] - self._now_ms()) / 1000 if self._schedule else None
                try:
                    async with asyncio.timeout(wait_s):
                        await self._changed.wait()
                except TimeoutError:
                    continue
        except OSError:
            pass  # the client is gone; the application is told at its next word
        finally:
            self._room.set()

    def _take_due(self) -> list[Delivery]:
        due, now_ms = [], self._now_ms()
        while self._schedule and self._schedule[0][0] <= now_ms:
            due.append(heapq.heappop(self._schedule)[2])
        if len(self._schedule) < WAITING:
            self._room.set()
        return due

    async def _send_together(self, due: list[Delivery]) -> bool:
        """Send what is due in one segment; False when the line has ended with it."""
        together = self._transport if len(due) > 1 else None
        if together is not None:
            together.hold()
        ending: Ending | None = None
        try:
            for delivery in due:
                if delivery.ending is not None:
                    ending = delivery.ending
                    break
                await self._send({"type": "websocket.send", "text": delivery.text})
        finally:
            if together is not None:
                together.release()
        if ending is None:
            return True
        await self._hang_up(ending)
        return False

    async def _hang_up(self, ending: Ending) -> None:
        if ending.code is not None:
            await self._send({"type": "websocket.close", "code": ending.code, "reason": ending.reason})
        elif self._transport is not None:
            await asyncio.sleep(0)  # what was just written goes to the system first
            self._transport.abort()
        else:  # no socket below, as in a rehearsal: its client understands 1006
            await self._send({"type": "websocket.close", "code": 1006, "reason": ""})
