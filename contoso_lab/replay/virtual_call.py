"""A whole call in virtual time: the real client, the real engine, and in between what a relay does.

```
your coroutine ═ Session ═ [network] ═ VirtualRelay ═ [your parts] ═ Connection ─ ear, brain, voice
                                        └─▶ Recorder
```

`engine.rehearsal` tests a server; this makes recordings. The client is the one that is used live, so that playback,
barge-in, truncation and the desk beside the call leave the same traces. No part has a clock of its own: what
something takes is what a model says (`Delays`, and whatever the parts spend by `pause_ms`), never what this machine
took. Waits in such a recording are the model's.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from starlette.types import Message
from websockets.exceptions import ConnectionClosed
from websockets.frames import Close

from contoso_lab.audio import PCM16_24K, AudioFormat, decode, encode, from_base64, resample, to_base64
from contoso_lab.engine.build import Engine
from contoso_lab.engine.rehearsal import CallApp
from contoso_lab.engine.virtual_time import VirtualLoop
from contoso_lab.recording import Recorder
from contoso_lab.replay.taped import noted
from contoso_lab.session.client import AfterReply, Session
from contoso_lab.session.line import Line

_DELTA = "response.output_audio.delta"
_APART_S = 1e-6
"""Messages keep their order: each arrives a little after the one before."""


@dataclass(frozen=True, slots=True)
class Delays:
    """How long the line takes; each message draws anew, and none overtakes another."""

    up_ms: tuple[float, float] = (12.0, 30.0)
    """From the caller to the relay: at least, at most."""
    down_ms: tuple[float, float] = (12.0, 30.0)
    """From the relay to the caller."""
    buffer_ms: float = 60.0
    """What a player waits before it lets the first sound out."""


class Tools(Protocol):
    """What runs tools beside the line, such as the relay's `ToolRunner`."""

    def begin(self, say: Callable[[Mapping[str, Any]], None], **told: Any) -> None:
        """The call begins; `say` sends an event to the target."""

    def from_target(self, event: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """Take an event of the target; what the client may see of it."""

    def from_client(self, event: Mapping[str, Any]) -> None:
        """Take note of what the client asks for."""

    async def close(self) -> None:
        """The call is over."""


class VirtualRelay:
    """Stands between a `Session` and an engine, writes down what passes, and lets the line take its time.

    Args:
        recorder: writes both directions and the client's own events, as the relay does.
        session: the `session` object that the target is asked for.
        delays: of the line.
        seed: what the delays are drawn from.
        tools: runs the assistant's tools.
    """

    def __init__(
        self,
        recorder: Recorder,
        session: Mapping[str, Any],
        *,
        delays: Delays = Delays(),
        seed: int = 0,
        tools: Tools | None = None,
    ) -> None:
        self.local: list[Mapping[str, Any]] = []
        """What the client has told of itself so far: what was played, what was shown."""
        self._recorder = recorder
        self._session = session
        self._delays = delays
        self._draw = random.Random(seed)
        self._tools = tools
        self._to_server: asyncio.Queue[Message] = asyncio.Queue()
        self._to_client: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._last_up_s = self._last_down_s = 0.0
        self._sounding: set[str] = set()
        self._over = False
        output = session.get("audio", {}).get("output", {}).get("format")
        self._format = AudioFormat.from_wire(output) if output else PCM16_24K
        if tools is not None:
            tools.begin(self._tell_target)
        self._to_server.put_nowait({"type": "websocket.connect"})

    # -- the client's end: what the official client's connection offers ----------------------------

    async def send_raw(self, data: str | bytes) -> None:
        """Send one message of the client."""
        text = data if isinstance(data, str) else data.decode()
        if (event := noted(text)) is not None:
            self.local.append(event)
        now_s = asyncio.get_running_loop().time()
        self._last_up_s = max(now_s + self._draw.uniform(*self._delays.up_ms) / 1000, self._last_up_s + _APART_S)
        asyncio.get_running_loop().call_at(self._last_up_s, self._arrived, text)
        await asyncio.sleep(0)

    async def recv_bytes(self) -> bytes:
        """Give the next message for the client."""
        raw = await self._to_client.get()
        if raw is None:
            self._to_client.put_nowait(None)  # whoever asks again hears the same
            raise ConnectionClosed(Close(1000, ""), None)
        return raw

    async def close(self) -> None:
        """Hang up."""
        self._end()

    # -- the engine's end, as ASGI has it ----------------------------------------------------------

    async def to_server(self) -> Message:
        """What the engine receives."""
        return await self._to_server.get()

    async def from_server(self, message: Message) -> None:
        """What the engine sends."""
        if message["type"] == "websocket.send":
            self._passed(message["text"])
        elif message["type"] == "websocket.close":
            self._end()

    # -- in between --------------------------------------------------------------------------------

    def _arrived(self, raw: str) -> None:
        """A message of the client has come through to the relay."""
        if self._over:
            return
        if not raw.startswith('{"type":"input_audio_buffer.append"'):
            event = json.loads(raw)
            if event["type"] == "lab.local":
                self._recorder.write("local", event["event"])
                if event["event"]["type"] == "call.ended":
                    self._end()
                return
            if self._tools is not None and event["type"] in ("response.create", "conversation.item.create"):
                self._tools.from_client(event)
        self._to_target(raw)

    def _to_target(self, raw: str) -> None:
        self._recorder.write("c2s", raw)
        self._to_server.put_nowait({"type": "websocket.receive", "text": raw})

    def _tell_target(self, event: Mapping[str, Any]) -> None:
        if not self._over:
            self._to_target(json.dumps(event, separators=(",", ":"), ensure_ascii=False))

    def _passed(self, raw: str) -> None:
        """A message of the engine has come to the relay."""
        if self._over:
            return
        self._recorder.write("s2c", raw)
        event: Mapping[str, Any] | None = json.loads(raw)
        assert event is not None
        kind = event["type"]
        if kind == "session.created":
            update = {"type": "session.update", "event_id": "lab_session", "session": self._session}
            self._tell_target(update)
        if self._tools is not None and (event := self._tools.from_target(event)) is None:
            return
        wait_ms = self._draw.uniform(*self._delays.down_ms)
        if kind == _DELTA:
            event, first = self._for_player(event), event["item_id"] not in self._sounding
            self._sounding.add(event["item_id"])
            wait_ms += self._delays.buffer_ms if first else 0.0
        now_s = asyncio.get_running_loop().time()
        self._last_down_s = max(now_s + wait_ms / 1000, self._last_down_s + _APART_S)
        asyncio.get_running_loop().call_at(
            self._last_down_s, self._to_client.put_nowait, json.dumps(event, separators=(",", ":")).encode()
        )

    def _for_player(self, event: Mapping[str, Any]) -> Mapping[str, Any]:
        """Sound as the client plays it; a telephone's gateway does this to the codec of the line."""
        if self._format == PCM16_24K:
            return event
        samples = decode(from_base64(event["delta"]), self._format)
        heard = resample(samples, self._format.rate_hz, PCM16_24K.rate_hz)
        return {**event, "delta": to_base64(encode(heard, PCM16_24K))}

    def _end(self) -> None:
        if not self._over:
            self._over = True
            self._to_server.put_nowait({"type": "websocket.disconnect", "code": 1000, "reason": ""})
            self._to_client.put_nowait(None)


def loop_ns() -> int:
    """The running loop's time in ns: what a call in virtual time takes for every clock."""
    return round(asyncio.get_running_loop().time() * 1e9)


@asynccontextmanager
async def virtual_session(
    engine: Engine,
    relay: VirtualRelay,
    *,
    seed: int = 0,
    after_reply: AfterReply | None = None,
    listens: bool = True,
) -> AsyncIterator[Session]:
    """Hold a session against the engine; leaving the block hangs up.

    Args:
        engine: the four parts.
        relay: made for this call.
        seed: what the engine's ids are made from.
        after_reply: what happens beside the call, such as a `WriteUpDesk`'s.
        listens: as in `Session`.
    """
    app = CallApp(engine, seed)
    scope = {"type": "websocket", "headers": [], "path": "/v1/realtime"}
    served = asyncio.create_task(app(scope, relay.to_server, relay.from_server))
    line = Line(relay, clock=asyncio.get_running_loop().time)
    try:
        async with asyncio.TaskGroup() as tasks:
            session = Session(line, tasks, relayed=True, after_reply=after_reply, listens=listens, clock_ns=loop_ns)
            yield session
            await session.hang_up()
    finally:
        await relay.close()
        await asyncio.wait([served])
    served.result()


def in_virtual_time(hold: Callable[[], Awaitable[None]]) -> None:
    """Run a coroutine in a loop whose clock jumps.

    Raises:
        EngineError: it came to a standstill.
    """

    async def held() -> None:
        await hold()

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(held())
