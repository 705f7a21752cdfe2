"""A customer who talks, is cut off, comes back where the relay allows it, and keeps books of everything.

Its microphone gives a piece of sound each 200 ms. Now and then it speaks (a tone, which the engine's plain meter takes
for speech), writes an item, leaves a mark in the recording, or cuts its own line. Before it hangs up it asks the target
for every item that it was told has arrived.
"""

# ruff: noqa: TID252 - the tests are no package

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx
import numpy as np
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidMessage, InvalidStatus

from contoso_lab.audio import PCM16_24K, encode, tone

from .books import Book

PIECE_MS = 200
ACK_EVERY = 64
PATIENCE_S = 15.0
WINDOW_S = 30.0
"""How long the relay waits for who was cut off."""
_BYE = json.dumps({"type": "lab.local", "event": {"type": "call.ended", "reason": "that was all"}})
_MAY_COME_BACK = {1006, 1011, 1012, 1014}


def _piece(samples: Any) -> str:
    return base64.b64encode(encode(samples, PCM16_24K)).decode()


QUIET = _piece(np.zeros(PCM16_24K.rate_hz * PIECE_MS // 1000, np.float32))
LOUD = _piece(tone(PIECE_MS, hz=300).samples)


@dataclass(frozen=True)
class Manners:
    """How a customer behaves; probabilities are for a second."""

    call_s: tuple[float, float] = (20.0, 60.0)
    speaks: float = 0.06
    writes: float = 0.1
    marks: float = 0.2
    cuts: float = 0.01
    """How often the line is cut from this side, without a goodbye."""
    vanishes: float = 0.1
    """How many of the calls end without a goodbye and without coming back."""
    threads: float = 0.0
    """How many of the calls go into a thread of the memory."""


class Over(Exception):
    """The call is over, and why."""


class Customer:
    """Calls again and again until told to stop.

    Args:
        url: of the relay, or of a proxy before it.
        name: in the ids of its messages; no two of one run share it.
        seed: what it does next depends on nothing else.
        book: what it does and learns is written there.
        manners: how it behaves.
    """

    def __init__(self, url: str, name: str, *, seed: int, book: Book, manners: Manners | None = None) -> None:
        self._url, self._name, self._book = url, name, book
        self._rng = random.Random(f"{seed}-{name}")
        self._manners = manners or Manners()
        self.calls = 0
        self.refused = 0
        self.endings: dict[str, int] = {}

    async def run(self, over: asyncio.Event) -> None:
        """Call until it is over, and end the last call properly."""
        async with httpx.AsyncClient(base_url=self._url, timeout=20) as http:
            while not over.is_set():
                self.calls += 1
                call = _Call(self._url, f"{self._name}.{self.calls}", self._rng, self._book, self._manners)
                try:
                    await call.hold(http, over)
                except Over as ended:
                    how = str(ended)
                    if not call.began:
                        self.refused += 1
                        await asyncio.sleep(self._rng.uniform(0.5, 2))
                    else:
                        self._book.write("ended", how)
                    self.endings[how] = self.endings.get(how, 0) + 1


class _Call:
    def __init__(self, url: str, name: str, rng: random.Random, book: Book, manners: Manners) -> None:
        self._url, self._name, self._rng, self._book, self._manners = url, name, rng, book, manners
        self._door = f"{url.replace('http', 'ws', 1)}/api/realtime/ws"
        self._socket: ClientConnection | None = None
        self._reader: asyncio.Task[None] | None = None
        self._unheard: deque[str] = deque()
        self._sent = 0
        self._arrived = 0
        self._to_book: int | None = None
        self._got = 0
        self._acked_got = 0
        self._resume: str | None = None
        self._items: set[int] = set()
        self._asked_for: set[int] = set()
        self._known: set[int] = set()
        self._questions: dict[str, int] = {}
        self._speaking = 0
        self.began = False

    async def hold(self, http: httpx.AsyncClient, over: asyncio.Event) -> None:
        """Hold the call; ends by raising `Over`."""
        loop = asyncio.get_running_loop()
        await self._begin(http)
        end_s = loop.time() + self._rng.uniform(*self._manners.call_s)
        vanishes = self._rng.random() < self._manners.vanishes
        try:
            due_s = loop.time()
            while loop.time() < end_s and not over.is_set():
                due_s = max(due_s + PIECE_MS / 1000, loop.time() - 2)
                await asyncio.sleep(due_s - loop.time())
                await self._next_piece()
            if vanishes and self._socket is not None:
                self._socket.transport.abort()
                raise Over("vanished")
            await self._say_goodbye()
        finally:
            if self._reader is not None:
                self._reader.cancel()
                await asyncio.gather(self._reader, return_exceptions=True)
            if self._socket is not None:
                self._socket.transport.abort()

    async def _begin(self, http: httpx.AsyncClient) -> None:
        asked = {"persona": "voice", "customer": "maya"}
        if self._rng.random() < self._manners.threads:
            asked["thread"] = "new"
        try:
            answer = await http.get("/api/token", params=asked)
            token = answer.json().get("token") if answer.status_code == 200 else None
        except (httpx.HTTPError, ValueError):
            raise Over("no token") from None
        if token is None:
            raise Over("no token")
        try:
            self._socket = await self._connect(f"token={token}&resumable=1")
            async with asyncio.timeout(15):
                while self._resume is None:
                    await self._take(str(await self._socket.recv()))
        except (OSError, InvalidStatus, InvalidMessage, ConnectionClosed, TimeoutError):
            raise Over("lost before it could come back" if self.began else "not let in") from None
        self._reader = asyncio.create_task(self._read(self._socket))

    async def _connect(self, query: str) -> ClientConnection:
        return await connect(
            f"{self._door}?{query}", compression=None, max_size=None, open_timeout=15, ping_interval=5, ping_timeout=10
        )

    async def _read(self, socket: ClientConnection) -> None:
        with contextlib.suppress(ConnectionClosed):
            async for raw in socket:
                await self._take(str(raw))

    async def _take(self, raw: str) -> None:
        event = json.loads(raw)
        if self._to_book is not None and event["type"] != "lab.recording.failed":
            self._book.write("arrived", self._to_book)
            self._to_book = None
        match event["type"]:
            case "lab.resume":
                self._resume = event["token"]
            case "lab.recording":
                self.began = True
                self._book.write("call", event["id"])
            case "lab.recording.failed":
                self.began = True
                self._book.write("unrecorded")
            case "lab.ack":
                self._heard(event["received"])
            case str(name) if name.startswith("lab."):
                pass
            case name:
                self._got += 1
                # The relay's own errors count, but they are about the call and not of it, and are not recorded.
                kind = "sound" if name == "response.output_audio.delta" else "event"
                kind = "error" if event["event_id"].startswith("lab_error") else kind
                self._book.write("got", event["event_id"], kind)
                if name == "conversation.item.retrieved":
                    self._answered("held", int(event["item"]["id"].rpartition(".")[2]))
                elif name == "error" and (number := self._questions.get(event["error"].get("event_id"))):
                    self._answered("unknown", number)
                if self._got - self._acked_got >= ACK_EVERY and self._socket is not None:
                    self._acked_got = self._got
                    await self._socket.send(json.dumps({"type": "lab.ack", "received": self._got}))

    def _answered(self, how: str, number: int) -> None:
        self._asked_for.discard(number)
        self._known.add(number)
        self._book.write(how, number)

    def _heard(self, received: int, *, at_once: bool = True) -> None:
        for _ in range(min(received - self._arrived, len(self._unheard))):
            self._unheard.popleft()
        if received > self._arrived:
            self._arrived = received
            if at_once:
                self._book.write("arrived", received)
            else:  # directly behind it the relay may say that it is not recorded any more
                self._to_book = received

    async def _next_piece(self) -> None:
        roll, manners = self._rng.random(), self._manners
        per_piece = PIECE_MS / 1000
        if self._speaking == 0 and roll < manners.speaks * per_piece:
            self._speaking = self._rng.randint(3, 10)
        elif roll > 1 - manners.writes * per_piece:
            self._items.add(self._sent + 1)
            words = {"type": "input_text", "text": f"Note {self._sent} of {self._name}"}
            item = {"id": f"{self._name}.{self._sent + 1}", "type": "message", "role": "user", "content": [words]}
            await self._send("item", {"type": "conversation.item.create", "item": item})
        elif roll > 1 - (manners.writes + manners.marks) * per_piece:
            local = {"type": "chaos.mark", "of": self._name, "event_id": f"{self._name}.{self._sent + 1}"}
            await self._send("mark", {"type": "lab.local", "event": local})
        elif roll > 1 - (manners.writes + manners.marks + manners.cuts) * per_piece and self._socket is not None:
            self._socket.transport.abort()
        sound = LOUD if self._speaking else QUIET
        self._speaking = max(0, self._speaking - 1)
        await self._send("sound", {"type": "input_audio_buffer.append", "audio": sound})

    async def _send(self, kind: str, event: dict[str, Any]) -> None:
        """Say something; while the line is cut it waits in its turn."""
        self._sent += 1
        raw = json.dumps({**event, "event_id": f"{self._name}.{self._sent}"})
        self._unheard.append(raw)
        self._book.write("sent", self._sent, kind)
        await self._speak_on(raw)

    async def _speak_on(self, raw: str) -> None:
        if self._reader is None or self._reader.done():
            await self._come_back()
        else:
            assert self._socket is not None
            try:
                await self._socket.send(raw)
            except ConnectionClosed:
                await self._come_back()

    async def _come_back(self) -> None:
        """Make the line again and say again what has not arrived; raises `Over` when there is no call any more."""
        loop = asyncio.get_running_loop()
        assert self._socket is not None
        # What had come before the line broke is still to be read, and a goodbye among it says how the call ended.
        if self._reader is not None:
            await asyncio.wait([self._reader], timeout=5)
            self._reader.cancel()
            await asyncio.gather(self._reader, return_exceptions=True)
        self._why_over()
        self._book.write("lost")
        give_up_s = loop.time() + WINDOW_S
        while loop.time() < give_up_s:
            try:
                self._socket = await self._connect(f"resume={self._resume}&received={self._got}")
                back = json.loads(await self._socket.recv())
                break
            except InvalidStatus as refused:
                if refused.response.status_code == 410:
                    raise Over("nothing to come back to") from None
            except ConnectionClosed as closed:
                if closed.rcvd is not None and closed.rcvd.code == 4410:
                    raise Over("nothing to come back to") from None
            except (OSError, InvalidMessage, TimeoutError):
                pass
            await asyncio.sleep(self._rng.uniform(0.2, 0.8))
        else:
            raise Over("stayed away too long")
        assert back["type"] == "lab.resumed", back
        self._book.write("back")
        self._heard(back["received"], at_once=False)
        again = list(self._unheard)
        self._reader = asyncio.create_task(self._read(self._socket))
        try:
            for raw in again:
                await self._socket.send(raw)
        except ConnectionClosed:
            await self._come_back()

    def _why_over(self) -> None:
        """Raise `Over` unless the line was lost against the call's will."""
        assert self._socket is not None
        code = self._socket.close_code
        if code is None or code in _MAY_COME_BACK:
            if code == 1011 and self._socket.close_reason:
                raise Over(f"closed with 1011: {self._socket.close_reason}")
            return
        raise Over(f"closed with {code}")

    async def _say_goodbye(self) -> None:
        await self._wait_for(lambda: self._arrived == self._sent)
        for _ in range(3):
            self._asked_for = self._items - self._known
            for number in sorted(self._asked_for):
                self._questions[f"{self._name}.{self._sent + 1}"] = number
                await self._send("other", {"type": "conversation.item.retrieve", "item_id": f"{self._name}.{number}"})
            if await self._wait_for(lambda: not self._asked_for):
                break
        await self._wait_for(lambda: self._arrived == self._sent)
        assert self._socket is not None
        assert self._reader is not None
        try:
            await self._socket.send(_BYE)
            await asyncio.wait([self._reader], timeout=10)
        except ConnectionClosed:
            pass
        if self._socket.close_code == 1000:
            raise Over("said goodbye")
        raise Over("lost while saying goodbye")

    async def _wait_for(self, reached: Callable[[], bool]) -> bool:
        """Wait until it is so, coming back where the line is lost; whether it is so in the end."""
        loop = asyncio.get_running_loop()
        until_s = loop.time() + PATIENCE_S
        while not reached() and loop.time() < until_s:
            await asyncio.sleep(0.05)
            if self._reader is None or self._reader.done():
                await self._come_back()
        return reached()
