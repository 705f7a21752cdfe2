"""Both ends of a call in memory, under a clock that a test turns, and a tape that is a list."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import json
from collections.abc import Callable
from typing import Any

from contoso_lab.relay.calls.call import Call
from contoso_lab.relay.calls.closing import Close
from contoso_lab.relay.calls.pump import Pump
from contoso_lab.relay.wires.dial import Dialled

SESSION = {"type": "realtime", "instructions": "You sell tents."}
CREATED = b'{"type":"session.created","session":{}}'
APPEND = b'{"type":"input_audio_buffer.append","audio":"AAAA"}'
DELTA = b'{"type":"response.output_audio.delta","response_id":"r1","item_id":"a1","delta":"AAAA"}'


def dump(type: str, /, **fields: Any) -> bytes:
    return json.dumps({"type": type, **fields}).encode()


class Clock:
    """Time that passes when the test says so."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()

    def __call__(self) -> float:
        return self.now_s

    def later(self, delay_s: float, what: Callable[[], None]) -> Handle:
        handle = Handle(what)
        heapq.heappush(self._due, (self.now_s + delay_s, next(self._numbers), handle))
        return handle

    async def pass_s(self, seconds: float) -> None:
        until_s = self.now_s + seconds
        await settle()
        while self._due and self._due[0][0] <= until_s:
            self.now_s, _, handle = heapq.heappop(self._due)
            handle()
            await settle()
        self.now_s = until_s


class Handle:
    def __init__(self, what: Callable[[], None]) -> None:
        self._what: Callable[[], None] | None = what

    def __call__(self) -> None:
        if self._what is not None:
            self._what()

    def cancel(self) -> None:
        self._what = None


async def settle() -> None:
    """Let every task go as far as it can; nothing here waits for anything but the clock."""
    for _ in range(10):
        await asyncio.sleep(0)


class FakeLeg:
    """One side, in memory: what it says is put in by `says`, what it was told is in `told`."""

    def __init__(self) -> None:
        self.ear: Any = None
        self.told: list[bytes] = []
        self.closed_with: Close | None = None
        self.paused = False
        self.pauses = 0
        self.answer: Callable[[bytes], None] | None = None
        self._early: list[bytes] = []
        self._over = asyncio.Event()

    def send(self, message: bytes) -> None:
        assert isinstance(message, bytes)
        if self._over.is_set():
            return
        self.told.append(message)
        if self.answer is not None:
            self.answer(message)

    def pause(self) -> None:
        self.paused = True
        self.pauses += 1

    def resume(self) -> None:
        self.paused = False

    def close(self, close: Close) -> None:
        if self.closed_with is None and not self._over.is_set():
            self.closed_with = close
            self._over.set()

    async def closed(self) -> None:
        await self._over.wait()

    def says(self, *messages: bytes) -> None:
        for message in messages:
            if self.ear is None:
                self._early.append(message)
            else:
                self.ear.on_message(self, message)

    def breaks(self, code: int = 1006, reason: str = "") -> None:
        self._over.set()
        self.ear.on_gone(self, code, reason)

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(message) for message in self.told]

    @property
    def types(self) -> list[str]:
        return [event["type"] for event in self.events]

    def named(self, name: str) -> list[dict[str, Any]]:
        return [event for event in self.events if event["type"] == name]


class FakeTarget(FakeLeg):
    """Confirms a configuration and takes items, as a Realtime server does; `refuses` makes it say no."""

    def __init__(self, refuses: str | None = None) -> None:
        super().__init__()
        self.refuses = refuses
        self.confirms = True
        self.answer = self._answer

    def _answer(self, message: bytes) -> None:
        try:
            event = json.loads(message)
        except ValueError:
            return
        if not isinstance(event, dict):
            return
        match event.get("type"):
            case "session.update" if self.refuses:
                error = {"type": "invalid_request_error", "message": self.refuses, "event_id": event.get("event_id")}
                self.says(dump("error", error=error))
            case "session.update" if self.confirms:
                self.says(dump("session.updated", session=event["session"]))
            case "conversation.item.create":
                item = {"status": "completed", **event["item"]}
                self.says(dump("conversation.item.added", item=item), dump("conversation.item.done", item=item))

    def dialled(self) -> Dialled:
        def set_ear(ear: Any) -> None:
            self.ear, early, self._early = ear, self._early, []
            self.says(*early)

        return Dialled(self, CREATED, set_ear)


class FakeTape:
    """A recording as a list of (direction, what)."""

    def __init__(self, failure: str | None = None) -> None:
        self.failure = failure
        self.id = "rec" if failure is None else None
        self.path = "/runs/rec"
        self.lines: list[tuple[str, Any]] = []
        self.closed_because: str | None = None
        self.discarded: str | None = None
        self.breaks_with: str | None = None

    def flush(self) -> None:
        """Nothing waits in a list."""

    def write(self, direction: str, data: Any) -> str | None:
        assert self.closed_because is None, "nothing is written after the end"
        if self.breaks_with is not None:
            sentence, self.breaks_with, self.failure = self.breaks_with, None, self.breaks_with
            return sentence
        self.lines.append((direction, data if isinstance(data, bytes) else dict(data)))
        return None

    def sound(self, direction: str, data: bytes) -> str | None:
        return self.write(direction, data)

    def close(self, reason: str) -> None:
        self.closed_because = reason

    def discard(self, reason: str) -> None:
        self.discarded, self.failure = reason, f"this call is not recorded any more: {reason}"

    def of(self, direction: str) -> list[Any]:
        return [data for to, data in self.lines if to == direction]

    def notes(self, name: str) -> list[dict[str, Any]]:
        return [data for data in self.of("local") if data["type"] == name]


class Held:
    """A call that is held, with everything around it."""

    def __init__(self, *, redials: bool = False, call: Call | None = None, **options: Any) -> None:
        self.clock = Clock()
        self.tape = options.pop("tape", FakeTape())
        self.client, self.target = FakeLeg(), FakeTarget()
        self.targets: list[FakeTarget] = [self.target]
        self.next_targets: list[FakeTarget | Exception] = []
        self.pump = Pump(
            "c1", call or Call(SESSION), tape=self.tape, redial=self._redial if redials else None,
            clock=self.clock, later=self.clock.later, **options,
        )  # fmt: skip
        self.client.ear = self.pump
        self.pump.take(self.client)
        self.pump.begin(self.target.dialled(), show_path=False)

    async def _redial(self) -> Dialled:
        target = self.next_targets.pop(0) if self.next_targets else FakeTarget()
        if isinstance(target, Exception):
            raise target
        self.target = target
        self.targets.append(target)
        return target.dialled()

    def comes_back(self, received: int) -> FakeLeg:
        self.client = FakeLeg()
        self.client.ear = self.pump
        self.pump.take(self.client, received=received)
        return self.client

    @property
    def token(self) -> str:
        return self.client.named("lab.resume")[0]["token"]


def counted(leg: FakeLeg) -> list[bytes]:
    """What a client counts."""
    return [message for message in leg.told if not message.startswith(b'{"type":"lab.')]
