"""The caller's side of a rehearsal: speaks, keeps silent, waits and listens, in virtual time.

The line is open as long as the call lasts: while the caller does nothing else, the microphone sends silence, for that
is how a server finds out that a turn is over. A reply counts as heard when its sound would have been played.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from starlette.types import Message

from contoso_lab.audio import PCM16_24K, Clip, to_base64
from contoso_lab.engine.script import Step
from contoso_lab.engine.seams import Voice
from contoso_lab.errors import EngineError, EventError, SessionClosed, SessionRefused
from contoso_lab.recording import Recorder
from contoso_lab.wire import parse_server

CHUNK_MS = 40
CALLER_VOICE = "low"
"""The caller's: never the assistant's default."""
PATIENCE_MS = 60_000.0
"""How long a caller waits for one event before the rehearsal is taken to have failed."""
_SILENCE = to_base64(bytes(PCM16_24K.byte_count(CHUNK_MS)))


@dataclass(frozen=True, slots=True)
class Moment:
    """One message that passed the line."""

    at_ms: float
    dir: Literal["c2s", "s2c"]
    text: str
    """Word for word."""

    @property
    def event(self) -> dict[str, Any]:
        """The message as an object; of type "" when it is no JSON."""
        try:
            return parse_server(self.text).data
        except EventError:
            return {"type": ""}


class Stage:
    """One call as its caller sees it.

    Args:
        recorder: writes down all that passes, where there is one.
    """

    def __init__(self, recorder: Recorder | None = None) -> None:
        self.moments: list[Moment] = []
        self.closed: SessionClosed | None = None
        self._recorder = recorder
        self._to_server: asyncio.Queue[Message] = asyncio.Queue()
        self._opened = asyncio.Event()
        self._refused: SessionRefused | None = None
        self._events: list[dict[str, Any]] = []
        self._seen = 0
        self._played_until_ms = 0.0
        self._playing: list[tuple[str, float, float]] = []
        """What sounds or waits to sound: its item, when it begins, and how long it is, in ms."""

    @property
    def now_ms(self) -> float:
        """The virtual time of the call."""
        return round(1000 * asyncio.get_running_loop().time(), 6)

    @property
    def events(self) -> tuple[dict[str, Any], ...]:
        """What the server has sent so far."""
        return tuple(self._events)

    async def send(self, event: Mapping[str, Any]) -> None:
        """Send one client event.

        Raises:
            SessionClosed: the server has ended the call.
        """
        self._say(json.dumps(event, separators=(",", ":")))
        await asyncio.sleep(0)

    async def say(self, clip: Clip) -> None:
        """Speak, as long as it takes. What the server sent until the end is not waited for any more."""
        for piece in clip.resampled(PCM16_24K.rate_hz).chunks(CHUNK_MS):
            await self._sound(to_base64(piece.to_bytes(PCM16_24K)), piece.duration_ms)
        self._seen = len(self._events)

    async def quiet(self, duration_ms: float) -> None:
        """Keep silent, to a chunk of 40 ms."""
        until_ms = self.now_ms + duration_ms
        while self.now_ms < until_ms - CHUNK_MS / 2:
            await self._sound(_SILENCE, CHUNK_MS)

    async def until(self, type: str, *, within_ms: float = PATIENCE_MS) -> dict[str, Any]:
        """Keep silent until an event of this type has come that was not waited for before; gives it.

        Raises:
            EngineError: none came in that time.
        """
        until_ms = self.now_ms + within_ms
        while (place := self._find(type)) is None:
            if self.now_ms >= until_ms:
                last = self._events[-1]["type"] if self._events else "nothing"
                raise EngineError(f"the caller waited {within_ms / 1000:g} s for '{type}'; the last event was {last}")
            await self._sound(_SILENCE, CHUNK_MS)
        self._seen = place + 1
        return self._events[place]

    async def hear(self, *, within_ms: float = PATIENCE_MS) -> dict[str, Any]:
        """Keep silent until the next reply has ended and would have been heard to its end; gives its `response.done`.

        Raises:
            EngineError: no reply ended in that time.
        """
        done = await self.until("response.done", within_ms=within_ms)
        await self.quiet(max(0.0, self._played_until_ms - self.now_ms))
        return done

    async def opened(self, served: asyncio.Task[None]) -> None:
        """Wait until the call has begun; `rehearse` does this.

        Raises:
            SessionRefused: the server does not let us in.
        """
        await self._to_server.put({"type": "websocket.connect"})
        waiting = asyncio.create_task(self._opened.wait())
        await asyncio.wait([waiting, served], return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if self._refused is not None:
            raise self._refused

    def hang_up(self) -> None:
        """Leave."""
        self._to_server.put_nowait({"type": "websocket.disconnect", "code": 1000, "reason": ""})

    # -- the two ends of the line, as ASGI has them ------------------------------------------------

    async def to_server(self) -> Message:
        """What the server receives."""
        return await self._to_server.get()

    async def from_server(self, message: Message) -> None:
        """What the server sends."""
        match message["type"]:
            case "websocket.accept":
                self._opened.set()
            case "websocket.send":
                self._take(message["text"])
            case "websocket.close":
                last = self._events[-1]["type"] if self._events else None
                self.closed = SessionClosed(message.get("code", 1000), message.get("reason") or "", last_event=last)
                self._to_server.put_nowait({"type": "websocket.disconnect", "code": self.closed.code})
            case "websocket.http.response.start":
                headers = dict(message.get("headers", ()))
                wait = headers.get(b"retry-after", b"").decode()
                reason = f"try again in {wait} s" if wait else "no reason given"
                self._refused = SessionRefused("the rehearsed engine", reason, status=message["status"])
            case _:
                pass  # the body of a refusal: its status and headers say enough

    def _take(self, text: str) -> None:
        moment = Moment(self.now_ms, "s2c", text)
        self._write(moment)
        event = moment.event
        self._events.append(event)
        if event["type"] == "response.output_audio.delta":
            duration_ms = PCM16_24K.duration_ms(len(event["delta"]) * 3 // 4)
            start_ms = max(self._played_until_ms, self.now_ms)
            self._playing.append((event["item_id"], start_ms, duration_ms))
            self._played_until_ms = start_ms + duration_ms
        elif event["type"] == "input_audio_buffer.speech_started":
            self._fall_silent()

    def _fall_silent(self) -> None:
        """The caller speaks: stop the speaker, and tell the server how much of the reply was heard."""
        now_ms = self.now_ms
        if now_ms < self._played_until_ms:
            item_id = next(item for item, start_ms, long_ms in self._playing if start_ms + long_ms > now_ms)
            spans = [(start_ms, long_ms) for item, start_ms, long_ms in self._playing if item == item_id]
            heard_ms = sum(min(long_ms, max(0.0, now_ms - start_ms)) for start_ms, long_ms in spans)
            if heard_ms >= 1:
                place = {"item_id": item_id, "content_index": 0, "audio_end_ms": int(heard_ms)}
                self._say(json.dumps({"type": "conversation.item.truncate", **place}))
        self._playing.clear()
        self._played_until_ms = now_ms

    def _say(self, text: str) -> None:
        if self.closed is not None:
            raise self.closed
        self._write(Moment(self.now_ms, "c2s", text))
        self._to_server.put_nowait({"type": "websocket.receive", "text": text})

    def _write(self, moment: Moment) -> None:
        self.moments.append(moment)
        if self._recorder is not None:
            self._recorder.write(moment.dir, moment.text)

    async def _sound(self, audio: str, duration_ms: float) -> None:
        # A microphone hands over a chunk when it is over.
        await asyncio.sleep(duration_ms / 1000)
        self._say('{"type":"input_audio_buffer.append","audio":"' + audio + '"}')

    def _find(self, type: str) -> int | None:
        return next((n for n in range(self._seen, len(self._events)) if self._events[n]["type"] == type), None)


async def play(steps: Iterable[Step], stage: Stage, voice: Voice, speaks: str) -> None:
    """Play the `call` of a script.

    Args:
        steps: what the caller does.
        stage: the caller's side of the line.
        voice: says the caller's words.
        speaks: the name of the caller's voice.
    """
    for step in steps:
        if step.say is not None:
            samples = [spoken.samples for spoken in voice.speak(step.say, voice=speaks)]
            await stage.say(Clip(np.concatenate(samples), 24_000))
        elif step.quiet_ms is not None:
            await stage.quiet(step.quiet_ms)
        elif step.send is not None:
            await stage.send(step.send)
        elif step.until is not None:
            await stage.until(step.until)
        else:
            await stage.hear()
