"""A live conversation: speak into it, hear what comes back, and keep what was really heard.

The listener here (`listener`) has a speaker that exists in time only: a browser has a real one and reports the same
events.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from typing import Any

from contoso_lab.audio import PCM16_24K, Clip, to_base64
from contoso_lab.errors import EventError, SessionClosed
from contoso_lab.session.line import Line
from contoso_lab.session.listener import Listener
from contoso_lab.session.once import OneAtATime
from contoso_lab.session.pace import paced
from contoso_lab.wire import Conversation, Event, Turn, dump

CHUNK_MS = 40
REST_S = 0.2
"""How long it has to be quiet until a call has come to rest."""

HANG_UP_TIMEOUT_S = 10.0
_APPEND = {"type": "input_audio_buffer.append"}
WORDS_PATIENCE_S = 10.0
"""How long a turn of the caller may wait for its words before the call goes on without them."""
ASKED_AGAIN = 3
"""How often a reply is asked for again when the other side says that another one is still active."""
AfterReply = Callable[["Session"], Awaitable[None]]
"""What happens beside the call after each finished reply, for example the write-up gate."""


class Session:
    """One call. Made by `connect`; everything that it says and hears is in `conversation`.

    Its clock is the machine's, unless the call is held in virtual time. Where nobody listens (`listens=False`), replies
    do not sound: each counts as heard once it is complete.
    """

    def __init__(
        self,
        line: Line,
        tasks: asyncio.TaskGroup,
        *,
        relayed: bool,
        after_reply: AfterReply | None = None,
        listens: bool = True,
        clock_ns: Callable[[], int] | None = None,
    ) -> None:
        self.conversation = Conversation()
        self.recording_id: str | None = None
        self.recording_path: str | None = None
        self.requested: list[tuple[str, tuple[str, ...]]] = []
        """What the assistant itself wants on the screen: the name of each page, and its products."""
        self.watching: list[Callable[[Event], None]] = []
        """Called with each event of the other side, once the conversation has taken it."""
        self._line = line
        self.errors = line.errors
        """What the other side refused: that does not end a call, but must be seen."""
        self._relayed = relayed
        self._writing = None if after_reply is None else OneAtATime(lambda: after_reply(self))
        self._listener = Listener(now_ms=lambda: self.now_ms, note=self._note, send=self.send)
        self._listens = listens
        self._clock_ns = clock_ns or time.monotonic_ns
        self._origin_ns = self._clock_ns()
        self._changed = asyncio.Condition()
        self._leaving = False
        self._replies_begun = 0
        self._asked = itertools.count(1)
        self._wordless: set[str] = set()
        """Turns of the caller whose words did not come in time; should they come after all, they are taken."""
        self._tasks = tasks
        self._reader = tasks.create_task(self._read())
        self._player = tasks.create_task(self._listener.listen())
        self._beside: set[asyncio.Task[None]] = set()

    @property
    def now_ms(self) -> float:
        """Milliseconds since the session was opened, by the monotonic clock."""
        return (self._clock_ns() - self._origin_ns) / 1e6

    @property
    def quiet(self) -> bool:
        """Nobody speaks, nothing is being answered, nothing waits to be heard or written."""
        pending = not all(map(self.written, self.conversation.turns))
        writing = self._writing is not None and self._writing.busy
        return not (self._busy or pending or writing) and self._listener.idle

    def written(self, turn: Turn) -> bool:
        """The words of a turn are there, or were waited for in vain."""
        return turn.status != "open" or turn.item_id in self._wordless

    @property
    def _busy(self) -> bool:
        """Someone speaks or an answer is being made: a request for a reply would be refused now."""
        return self.conversation.speaking or self.conversation.active_response_id is not None

    async def send(self, event: Mapping[str, Any]) -> None:
        """Send one client event."""
        self.conversation.apply(event, at_ms=self.now_ms, dir="c2s")
        await self._line.send(dump(dict(event)))

    async def append(self, audio: bytes) -> None:
        """Send one piece of microphone audio: PCM16, 24 kHz, mono."""
        self.conversation.apply(_APPEND, at_ms=self.now_ms, dir="c2s")
        await self._line.send('{"type":"input_audio_buffer.append","audio":"' + to_base64(audio) + '"}')

    async def stream(self, clip: Clip, *, chunk_ms: int = CHUNK_MS) -> None:
        """Speak a clip as a microphone would: in real time, a chunk at the moment at which it is over."""
        # In a thread: another rate loads a library for a second, in which the call would stand still.
        clip = await asyncio.to_thread(clip.resampled, PCM16_24K.rate_hz)
        pieces = (piece.to_bytes(PCM16_24K) for piece in clip.chunks(chunk_ms))
        async for piece in paced(pieces, step_ms=chunk_ms):
            await self.append(piece)

    async def greet(self) -> None:
        """Let the assistant speak first."""
        await self._ask_for_reply()

    async def tell(self, text: str, *, answer: bool = True) -> None:
        """Tell the assistant something that the customer did not say; it answers once nobody speaks."""
        item = {"type": "message", "role": "system", "content": [{"type": "input_text", "text": text}]}
        await self.send({"type": "conversation.item.create", "item": item})
        if answer:
            await self.until(lambda: not self._busy)
            await self._ask_for_reply()

    async def note(self, type_: str, **fields: object) -> None:
        """Write a local event into the recording; the relay keeps it and sends it no further."""
        await self._note({"type": type_, "client_ms": round(self.now_ms, 3), **fields})

    async def turns(self) -> AsyncIterator[Turn]:
        """Every turn, in spoken order, once its words are final and were heard. Ends only with the session."""
        told: set[str] = set()

        def due() -> Turn | None:
            first = next((turn for turn in self.conversation.turns if turn.item_id not in told), None)
            return first if first and self._is_final(first) else None

        while True:
            await self.until(lambda: due() is not None)
            if turn := due():
                told.add(turn.item_id)
                yield turn

    async def settled(self, *, within_s: float = 30.0) -> bool:
        """Wait until the call has come to rest; `False` when it had not within `within_s`.

        Rest is quiet that lasts: between a turn's last word and the server's own reply, all is quiet too.
        """
        try:
            async with asyncio.timeout(within_s):
                while True:
                    await self.until(lambda: self.quiet)
                    try:
                        async with asyncio.timeout(REST_S):
                            await self.until(lambda: not self.quiet)
                    except TimeoutError:
                        return True
        except TimeoutError:
            return False

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait until something holds of the call; asked again after each thing that happens."""
        async with self._changed:
            await self._changed.wait_for(holds)

    def beside(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run something beside the call: its failure ends the call, and leaving the call cancels it."""
        task = self._tasks.create_task(work)
        self._beside.add(task)
        task.add_done_callback(self._beside.discard)
        return task

    async def hang_up(self) -> None:
        """Fall silent, say goodbye and stop; a relay has ten seconds to finish the recording, then it is left."""
        self._leaving = True
        # First of all: whoever speaks after the goodbye would meet a closed door.
        for task in self._beside:
            task.cancel()
        self._listener.leave()
        await asyncio.wait([self._player, *self._beside])
        await self._listener.drop_rest()
        if self._relayed:
            await self.note("call.ended", reason="the caller hung up")
            # The relay finishes the recording and then closes: after that it can be read.
            await asyncio.wait([self._reader], timeout=HANG_UP_TIMEOUT_S)
        self._reader.cancel()

    async def _read(self) -> None:
        try:
            while True:
                event = await self._line.receive()
                at_ms = self.now_ms
                self.conversation.apply(event.data, at_ms=at_ms, dir="s2c")
                for watch in self.watching:
                    watch(event)
                try:
                    await self._hear(event, at_ms)
                except KeyError as error:
                    raise EventError(f"the other side sent {event.type} without {error}") from error
                async with self._changed:
                    self._changed.notify_all()
        except SessionClosed:
            if not self._leaving:
                raise

    async def _hear(self, event: Event, at_ms: float) -> None:
        data = event.data
        match event.type:
            case "response.output_audio.delta" if self._listens:
                await self._listener.hear(data, at_ms=at_ms)
            case "response.output_audio.done":
                self._listener.complete(data["item_id"])
            case "input_audio_buffer.speech_started":
                await self._listener.fall_silent(at_ms)
            case "input_audio_buffer.committed" if not self._leaving:
                self.beside(self._await_words(data["item_id"]))
            case "response.done":
                response = data["response"]
                self._listener.response_complete(response["id"])
                if response["status"] == "completed":
                    self._write_beside()
            case "response.created":
                self._replies_begun += 1
            case "lab.recording":
                self.recording_id, self.recording_path = data["id"], data.get("path")
            case "lab.suggestions.requested":
                self.requested.append((data["suggestion_id"], tuple(data["skus"])))
            case _:
                pass  # the conversation has folded it; nothing is to be heard

    async def _await_words(self, item_id: str) -> None:
        await asyncio.sleep(WORDS_PATIENCE_S)
        async with self._changed:
            self._wordless.add(item_id)
            self._changed.notify_all()

    async def _note(self, event: dict[str, object]) -> None:
        self.conversation.apply(event, at_ms=self.now_ms, dir="local")
        if self._relayed:
            # Only a relay knows this type: a target would answer it with an error.
            await self._line.send(json.dumps({"type": "lab.local", "event": event}))
        async with self._changed:
            self._changed.notify_all()

    def _write_beside(self) -> None:
        """One write-up task at a time: a reply that ends meanwhile is judged right after."""
        if self._writing is None or self._leaving or not self._writing.ask():
            return

        async def work(writing: OneAtATime) -> None:
            await writing.run()
            async with self._changed:
                self._changed.notify_all()

        self.beside(work(self._writing))

    async def _ask_for_reply(self) -> None:
        for _ in range(1 + ASKED_AGAIN):
            begun, asked = self._replies_begun, f"lab_reply_{next(self._asked)}"
            await self.send({"type": "response.create", "event_id": asked})
            # Until the server has begun or refused, the call would look quiet although an answer is on its way.
            await self.until(lambda: self._replies_begun > begun or self._line.refusal(asked) is not None)  # noqa: B023
            refusal = self._line.refusal(asked)
            if refusal is None or refusal.get("code") != "conversation_already_has_active_response":
                return
            await self.until(lambda: not self._busy)

    def _is_final(self, turn: Turn) -> bool:
        # Until it was heard to its end the customer may cut it short; until its response ends words may follow.
        being_made = turn.response_id is not None and turn.response_id == self.conversation.active_response_id
        return self.written(turn) and not being_made and not self._listener.holds(turn.item_id)
