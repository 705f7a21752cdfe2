"""A small Realtime server that plays a script, and complains about everything that the script does not foresee."""

from __future__ import annotations

import asyncio
import http
import itertools
import json
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import openai.resources.realtime  # noqa: F401 - it loads for a second, in which a fake server would not answer
import pytest
from pydantic import SecretStr
from websockets.asyncio.server import ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from contoso_lab.audio import PCM16_24K, from_base64, to_base64, tone
from contoso_lab.errors import EventError
from contoso_lab.session import Session, connect, join
from contoso_lab.settings import Target
from contoso_lab.wire import parse_client

PATIENCE_S = 5.0
"""How long a script waits for a step; only a test that fails waits as long."""

SESSION = {
    "type": "realtime",
    "id": "session_1",
    "audio": {"input": {"transcription": {"model": "whisper-1"}, "turn_detection": {"type": "server_vad"}}},
}

Script = Callable[["Line"], Awaitable[None]]


class Line:
    """The server's end of one call, as the script sees it."""

    def __init__(self, connection: ServerConnection, *, relayed: bool) -> None:
        self.relayed = relayed
        self.audio = b""
        """All microphone audio so far."""
        self.notes: list[dict[str, Any]] = []
        """All local events so far; a relay would record them."""
        self.complaints: list[str] = []
        self.left: tuple[int, str] | None = None
        """How the client closed."""
        self._connection = connection
        self._events: list[dict[str, Any]] = []
        self._noted = 0
        self._came = asyncio.Condition()
        self._ids = itertools.count(1)

    async def send(self, type: str, **fields: Any) -> None:
        """Send one server event."""
        await self._connection.send(json.dumps({"type": type, "event_id": f"event_{next(self._ids)}", **fields}))

    async def expect(self, type: str) -> dict[str, Any]:
        """The next client event, which has to be of this type; audio and notes do not count."""
        await self._until(lambda: bool(self._events), f"{type} to come")
        event = self._events.pop(0)
        if event["type"] != type:
            raise AssertionError(f"expected {type}, and {event} came")
        return event

    async def note(self, type: str) -> dict[str, Any]:
        """The next local event of this type; those between are passed over."""

        def found() -> int | None:
            return next((n for n, note in enumerate(self.notes) if n >= self._noted and note["type"] == type), None)

        await self._until(lambda: found() is not None, f"{type} to be noted")
        place = found()
        assert place is not None
        self._noted = place + 1
        return self.notes[place]

    async def hears(self, audio_ms: float) -> None:
        """Wait until so much microphone audio has come."""
        await self._until(lambda: PCM16_24K.duration_ms(self.audio) >= audio_ms, f"{audio_ms} ms of audio")

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """End the call from this side."""
        await self._connection.close(code, reason)

    async def left_by_client(self) -> tuple[int, str]:
        """Wait until the client has closed, without a goodbye."""
        await self._until(lambda: self.left is not None, "the client to leave")
        assert self.left is not None
        return self.left

    # -- whole passages ---------------------------------------------------------------------------

    async def begin_reply(self, item: str, text: str = "", *, sound_ms: float = 0, status: str = "in_progress") -> None:
        """A response begins, and its sound comes at once, as a fast server sends it."""
        response = {"id": f"response_{item}", "conversation_id": "conversation", "status": status, "output": []}
        await self.send("response.created", response=response)
        wire = {"id": item, "type": "message", "role": "assistant", "status": "in_progress", "content": []}
        await self.send("conversation.item.added", previous_item_id=None, item=wire)
        place = {"response_id": response["id"], "item_id": item, "output_index": 0, "content_index": 0}
        await self.send("response.output_audio_transcript.delta", **place, delta=text)
        await self.sound(item, sound_ms)

    async def sound(self, item: str, sound_ms: float) -> None:
        """Sound of a reply, in pieces of 100 ms."""
        place = {"response_id": f"response_{item}", "item_id": item, "output_index": 0, "content_index": 0}
        for piece in tone(sound_ms).chunks(100) if sound_ms else ():
            await self.send("response.output_audio.delta", **place, delta=to_base64(piece.to_bytes(PCM16_24K)))

    async def end_reply(self, item: str, text: str = "", *, status: str = "completed") -> None:
        """The response ends."""
        place = {"response_id": f"response_{item}", "item_id": item, "output_index": 0, "content_index": 0}
        await self.send("response.output_audio.done", **place)
        await self.send("response.output_audio_transcript.done", **place, transcript=text)
        whole = "completed" if status == "completed" else "incomplete"
        part = {"type": "output_audio", "transcript": text}
        wire = {"id": item, "type": "message", "role": "assistant", "status": whole, "content": [part]}
        await self.send("response.output_item.done", response_id=f"response_{item}", output_index=0, item=wire)
        response = {"id": f"response_{item}", "conversation_id": "conversation", "status": status, "output": [wire]}
        await self.send("response.done", response=response)

    async def reply(self, item: str, text: str, *, sound_ms: float = 40, status: str = "completed") -> None:
        """A whole response."""
        await self.begin_reply(item, text, sound_ms=sound_ms)
        await self.end_reply(item, text, status=status)

    async def greet(self, text: str = "Hello.", *, sound_ms: float = 40) -> None:
        """What `greet` asks for."""
        await self.expect("response.create")
        await self.reply("greeting", text, sound_ms=sound_ms)

    async def customer_speaks(self, item: str) -> None:
        """The detector notices speech."""
        await self.send("input_audio_buffer.speech_started", item_id=item, audio_start_ms=0)

    async def customer_stops(self, item: str) -> None:
        """The detector notices silence; the words are not there yet."""
        await self.send("input_audio_buffer.speech_stopped", item_id=item, audio_end_ms=1000)
        await self.send("input_audio_buffer.committed", item_id=item, previous_item_id=None)

    async def written(self, item: str, text: str) -> None:
        """The words of a turn are there."""
        name = "conversation.item.input_audio_transcription.completed"
        await self.send(name, item_id=item, content_index=0, transcript=text)

    async def customer_says(self, item: str, text: str) -> None:
        """A whole turn of the customer."""
        await self.customer_speaks(item)
        await self.customer_stops(item)
        await self.written(item, text)

    # -- what comes in ----------------------------------------------------------------------------

    async def listen(self) -> None:
        try:
            async for raw in self._connection:
                self._take(str(raw))
                async with self._came:
                    self._came.notify_all()
        except ConnectionClosed:
            pass  # told below, as every end
        finally:
            self.left = (self._connection.close_code or 1006, self._connection.close_reason or "")
            async with self._came:
                self._came.notify_all()

    @property
    def unasked(self) -> list[dict[str, Any]]:
        """Client events that the script has not asked for yet."""
        return self._events

    def check_end(self) -> None:
        """Complain about what nobody asked for."""
        self.complaints += [f"{event['type']} was not expected" for event in self._events]

    def _take(self, raw: str) -> None:
        event = json.loads(raw)
        if event["type"] == "lab.local" and self.relayed:
            self.notes.append(event["event"])
            return
        if event["type"].startswith("lab."):
            self.complaints.append(f"{event['type']} must not reach a target")
            return
        try:
            known = parse_client(raw, check=True).known
        except EventError as error:
            self.complaints.append(str(error))
            return
        if not known:
            self.complaints.append(f"{event['type']} is no client event")
        elif event["type"] == "input_audio_buffer.append":
            self.audio += from_base64(event["audio"])
        else:
            self._events.append(event)

    async def _until(self, holds: Callable[[], bool], what: str) -> None:
        def over() -> bool:
            return holds() or self.left is not None

        try:
            async with asyncio.timeout(PATIENCE_S), self._came:
                await self._came.wait_for(over)
        except TimeoutError:
            raise AssertionError(f"the script waited in vain for {what}") from None
        if not holds():
            raise AssertionError(f"the client left while the script waited for {what}")


@dataclass
class FakeRealtime:
    """A relay, or a target, that takes calls and plays `script` in each."""

    script: Script | None = None
    relayed: bool = True
    ends: str = "goodbye"
    """How a call ends: with the client's "goodbye", "silent" (it just closes), or as the "script" does it."""
    recording: dict[str, Any] | None = field(default_factory=lambda: {"id": "rec_1", "path": "/runs/rec_1"})
    refuses: tuple[int, str] | None = None
    """The answer to the handshake, instead of a call."""
    token: tuple[int, str] = (200, '{"token": "ticket", "expiresAt": 1}')
    """The answer to the request for a token."""
    port: int = 0
    bindings: list[dict[str, str]] = field(default_factory=list)
    """What tokens were asked for."""
    headers: list[dict[str, str]] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    failures: list[BaseException] = field(default_factory=list)
    played: int = 0
    scripted: asyncio.Event = field(default_factory=asyncio.Event)
    """The script was played, to its end or to its failure."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def target(self) -> Target:
        return Target("url", f"{self.url}/v1", "tiny", "tiny", SecretStr("sk-test"))

    @property
    def line(self) -> Line:
        [line] = self.lines
        return line

    def call(self, **options: Any) -> AbstractAsyncContextManager[Session]:
        """A session through this relay, or with this target."""
        return connect(self.url, **options) if self.relayed else join(self.target, **options)

    def answer(self, connection: ServerConnection, request: Request) -> Response | None:
        address = urlsplit(request.path)
        self.headers.append({name.lower(): value for name, value in request.headers.raw_items()})
        if address.path == "/api/token":
            self.bindings.append(dict(parse_qsl(address.query, keep_blank_values=True)))
            return _http(*self.token)
        if self.refuses is not None:
            return _http(*self.refuses)
        return None

    async def handle(self, connection: ServerConnection) -> None:
        line = Line(connection, relayed=self.relayed)
        self.lines.append(line)
        listening = asyncio.create_task(line.listen())
        try:
            await line.send("session.created", session=SESSION)
            if self.relayed and self.recording is not None:
                await line.send("lab.recording", **self.recording)
            assert self.script is not None
            await self.script(line)
            self.played += 1
            self.scripted.set()
            if self.ends == "goodbye" and self.relayed:
                await line.note("call.ended")
                await line.close()
            elif self.ends != "script":
                await line.left_by_client()
        except BaseException as error:  # noqa: BLE001 - told by the fixture, where a test can see it
            self.failures.append(error)
            self.scripted.set()
            await line.close(1011, "the script failed")
        finally:
            await listening
            line.check_end()

    def complaints(self) -> list[str]:
        found = [complaint for line in self.lines for complaint in line.complaints]
        if self.played < len(self.lines):
            found.append("the script was not played to its end")
        return [*found, *(f"the script failed: {failure}" for failure in self.failures)]


def _http(status: int, body: str) -> Response:
    data = body.encode()
    headers = Headers({"Content-Type": "application/json", "Content-Length": str(len(data)), "Connection": "close"})
    return Response(status, http.HTTPStatus(status).phrase, headers, data)


@pytest.fixture
async def fake():
    """A server on the loopback; give it a `script` before you call."""
    server = FakeRealtime()
    async with serve(server.handle, "127.0.0.1", 0, compression=None, process_request=server.answer) as running:
        server.port = running.sockets[0].getsockname()[1]
        yield server
    assert server.complaints() == []


@dataclass
class Clock:
    """The session's clock, standing where the test puts it."""

    ms: float = 0.0

    def monotonic_ns(self) -> int:
        return round(self.ms * 1e6)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Hold the session's clock: what is heard then depends on nothing else."""
    held = Clock()
    monkeypatch.setattr("contoso_lab.session.client.time", held)
    return held


@pytest.fixture
def soon_at_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rest is where nothing happens for 20 ms: the fake server does not dawdle."""
    monkeypatch.setattr("contoso_lab.session.client.REST_S", 0.02)
