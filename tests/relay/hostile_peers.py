"""Who sends what is hostile: a target and a caller that do what no library would let them do."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import random
import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from .hostile_frames import CLOSE, TEXT, frame  # noqa: TID252 - the tests are no package
from .hostile_knocks import KEY  # noqa: TID252 - the tests are no package

CREATED = b'{"type":"session.created","event_id":"e0","session":{"type":"realtime","id":"sess_1"}}'
UPDATED = b'{"type":"session.updated","event_id":"e1","session":{"type":"realtime","id":"sess_1"}}'
_RESUME = re.compile(rb'\{"type":"lab\.resume","token":"([\w-]{32})","window_s":30')
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class Heard(NamedTuple):
    """A frame of the relay's."""

    opcode: int
    payload: bytes


async def frames_of(reader: asyncio.StreamReader) -> Iterator[Heard]:
    """The frames of a peer that behaves."""
    try:
        while True:
            first, second = await reader.readexactly(2)
            length = second & 127
            if length > 125:
                length = int.from_bytes(await reader.readexactly(2 if length == 126 else 8))
            mask = await reader.readexactly(4) if second & 128 else b""
            data = await reader.readexactly(length) if length else b""
            if mask and length < 200:
                data = bytes(byte ^ mask[at % 4] for at, byte in enumerate(data))
            yield Heard(first & 15, data)
    except (asyncio.IncompleteReadError, OSError):
        return


class Target:
    """A server that the relay dials. `script` says what each connection hears once it is configured.

    A script gives raw bytes; when it ends, the connection is cut if it said so by a last `None`.
    """

    def __init__(self) -> None:
        self.script: Callable[[int], list[bytes | None]] = lambda number: []
        self.greet: Callable[[int], bytes | None] = lambda number: None
        self.echo = False
        self.heard: list[bytes] = []
        self.count = 0
        self.open: set[asyncio.StreamWriter] = set()
        self.server: Any = None

    async def __aenter__(self) -> Target:
        self.server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=2**22)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.server.close()
        for writer in tuple(self.open):
            writer.transport.abort()
        await self.server.wait_closed()

    @property
    def port(self) -> int:
        return int(self.server.sockets[0].getsockname()[1])

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        number, self.count = self.count, self.count + 1
        self.open.add(writer)
        try:
            await self._talk(number, reader, writer)
        except (asyncio.IncompleteReadError, OSError):
            pass
        finally:
            self.open.discard(writer)
            writer.transport.abort()

    async def _talk(self, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = await reader.readuntil(b"\r\n\r\n")
        greeting = self.greet(number)
        if greeting is not None:  # in place of everything; then we hang up
            writer.write(greeting.replace(b"{accept}", _accept(asked)))
            await writer.drain()
            return
        writer.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "
            + _accept(asked) + b"\r\n\r\n" + frame(TEXT, CREATED, mask=None)
        )  # fmt: skip
        talking: asyncio.Task[None] | None = None
        try:
            async for opcode, data in frames_of(reader):
                if opcode == CLOSE:
                    writer.write(frame(CLOSE, data, mask=None))
                    await writer.drain()
                    return
                if talking is None:
                    writer.write(frame(TEXT, UPDATED, mask=None))
                    talking = asyncio.create_task(self._recite(number, writer))
                elif self.echo:
                    self.heard.append(data)
                    writer.write(frame(opcode, data, mask=None))
        finally:
            if talking is not None:
                talking.cancel()
                await asyncio.gather(talking, return_exceptions=True)

    async def _recite(self, number: int, writer: asyncio.StreamWriter) -> None:
        for words in self.script(number):
            if words is None:
                writer.transport.close() if number % 2 else writer.transport.abort()
                return
            writer.write(words)
            await writer.drain()


def _accept(asked: bytes) -> bytes:
    for line in asked.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"sec-websocket-key":
            return base64.b64encode(hashlib.sha1(value.strip() + _GUID, usedforsecurity=False).digest())
    return b""


class Caller:
    """A client that writes the bytes it is given, and always reads."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.marks: dict[bytes, asyncio.Event] = {}
        self.over = asyncio.Event()
        self.resume = ""
        self.ended = False
        self._listening: asyncio.Task[None] | None = None

    @classmethod
    async def call(cls, port: int, query: str, *more: str) -> Caller:
        """Knock, and be let in or told no."""
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**22)
        caller = cls(reader, writer)
        lines = [f"GET /api/realtime/ws?{query} HTTP/1.1", "Host: 127.0.0.1", "Upgrade: websocket",
                 "Connection: Upgrade",
                 "Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {KEY.decode()}", *more, "", ""]  # fmt: skip
        writer.write("\r\n".join(lines).encode())
        answer = await reader.readuntil(b"\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 101 "), answer + await reader.read()
        caller._listening = asyncio.create_task(caller._listen())
        return caller

    async def _listen(self) -> None:
        try:
            async for opcode, data in frames_of(self.reader):
                if opcode == CLOSE:
                    if not self.ended:
                        self.writer.write(frame(CLOSE, data[:2]))
                    continue
                if not self.resume and (token := _RESUME.match(data)) is not None:
                    self.resume = token[1].decode()
                if b'"mark-' in data:
                    number = data[data.index(b'"mark-') + 6 :].partition(b'"')[0]
                    if number in self.marks:
                        self.marks[number].set()
        finally:
            self.over.set()
            for mark in self.marks.values():
                mark.set()

    async def until(self, number: int) -> bool:
        """Wait for a mark; false when the connection was over first."""
        if self.over.is_set():
            return False
        mark = self.marks.setdefault(b"%d" % number, asyncio.Event())
        await mark.wait()
        return not self.over.is_set()

    async def end(self) -> None:
        """Say nothing more; returns when the connection is over."""
        if not self.writer.transport.is_closing():
            self.ended = True
            self.writer.write_eof()
        await self.over.wait()

    async def leave(self, rng: random.Random | None = None) -> None:
        """Hang up in one of the ways there are; returns when the connection is over."""
        how = 0 if rng is None else rng.randrange(3)
        if not self.over.is_set() and how == 0:
            self.writer.write(frame(CLOSE, b"\x03\xe8"))
            await self.over.wait()
        if how == 1:
            await self.end()
        self.writer.transport.abort()
        if self._listening is not None:
            await self._listening
