"""A line that breaks is mended: nothing is lost, nothing comes twice, and what cannot be mended says why."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.exceptions import ConnectionClosedError, ConnectionClosedOK
from websockets.frames import Close

from contoso_lab.errors import EventError, SessionClosed, SessionRefused
from contoso_lab.session.line import Line
from contoso_lab.session.returning import Books

BROKEN = ConnectionClosedError(None, None)
GOODBYE = ConnectionClosedOK(Close(1000, "bye"), Close(1000, "bye"), True)


class Relay:
    """The other side, which counts as the relay does; its connections break when a test says so."""

    def __init__(self) -> None:
        self.token = "way-back"
        self.heard: list[str] = []
        self.said: list[str] = []
        self.dialled: list[dict[str, str]] = []
        self.refusals: list[SessionRefused] = []
        self.current: Wire | None = None
        self.asked_at: list[float] = []

    async def dial(self, query: Mapping[str, str]) -> Any:
        self.dialled.append(dict(query))
        if self.refusals:
            raise self.refusals.pop(0)
        self.current = Wire(self)
        if "resume" in query:
            assert query["resume"] == self.token
            self.current.put(json.dumps({"type": "lab.resumed", "received": len(self.heard), "replayed": 0}))
            for text in self.said[int(query["received"]) :]:
                self.current.put(text)
        else:
            self.current.put(json.dumps({"type": "lab.resume", "token": self.token, "window_s": 30}))
        return self.current

    def say(self, number: int) -> None:
        """Say something to the client, whether or not it is there."""
        self.said.append(json.dumps({"type": "rate_limits.updated", "event_id": f"e{number}", "rate_limits": []}))
        assert self.current is not None
        self.current.put(self.said[-1])


class Wire:
    """One connection; what was put and not taken is lost when it breaks."""

    def __init__(self, relay: Relay) -> None:
        self.broken: Exception | None = None
        self._relay = relay
        self._inbox: asyncio.Queue[str | None] = asyncio.Queue()
        self.loses_sent = False

    def put(self, text: str) -> None:
        self._inbox.put_nowait(text)

    def end(self, error: Exception) -> None:
        self.broken = error
        self._inbox.put_nowait(None)

    async def recv_bytes(self) -> bytes:
        if self.broken:
            raise self.broken
        text = await self._inbox.get()
        if self.broken or text is None:
            raise self.broken or BROKEN
        return text.encode()

    async def send_raw(self, text: str) -> None:
        if self.broken:
            raise self.broken
        if not self.loses_sent and '"lab.ack"' not in text:
            self._relay.heard.append(text)

    async def close(self) -> None:
        self.broken = self.broken or GOODBYE


async def opened(relay: Relay, **options: Any) -> Line:
    pauses: list[float] = []

    async def pause(seconds: float) -> None:
        pauses.append(seconds)

    line = Line(await relay.dial({}), dial=relay.dial, pause=pause, clock=lambda: sum(pauses), **options)
    relay.say(0)
    assert (await line.receive()).data["event_id"] == "e0"
    relay.asked_at = pauses
    return line


def current(relay: Relay) -> Wire:
    assert relay.current is not None
    return relay.current


async def test_both_sides_say_again_what_the_other_missed() -> None:
    relay = Relay()
    line = await opened(relay)
    await line.send('"one"')
    wire = current(relay)
    wire.loses_sent = True
    await line.send('"two"')  # left, and never arrived
    relay.say(1)  # never taken
    wire.end(BROKEN)
    await line.send('"three"')  # said while the line is down
    relay.say(2)
    assert [(await line.receive()).data["event_id"] for _ in range(2)] == ["e1", "e2"]
    assert relay.heard == ['"one"', '"two"', '"three"']
    assert relay.dialled[-1] == {"resume": "way-back", "received": "1"}
    assert line.returns == 1


async def test_it_tries_again_with_growing_pauses_while_nobody_answers() -> None:
    relay = Relay()
    line = await opened(relay)
    relay.refusals = [SessionRefused("there", "nothing answers")] * 4
    current(relay).end(BROKEN)
    relay.said.append(json.dumps({"type": "rate_limits.updated", "event_id": "e9", "rate_limits": []}))
    assert (await line.receive()).data["event_id"] == "e9"
    assert relay.asked_at == [0.25, 0.5, 1.0, 2.0]


@pytest.mark.parametrize(
    ("refusals", "tries"),
    [
        ([SessionRefused("there", "nothing to resume", status=410)], 2),
        ([SessionRefused("there", "nothing answers")] * 100, 12),
    ],
    ids=["a no is a no", "the relay waits thirty seconds"],
)
async def test_what_cannot_be_mended_ends_with_the_first_cause(refusals: list[SessionRefused], tries: int) -> None:
    relay = Relay()
    line = await opened(relay)
    relay.refusals = refusals
    current(relay).end(BROKEN)
    with pytest.raises(SessionClosed) as caught:
        await line.receive()
    assert caught.value.code == 1006
    assert len(relay.dialled) == tries


async def test_a_goodbye_is_no_broken_line() -> None:
    relay = Relay()
    line = await opened(relay)
    current(relay).end(GOODBYE)
    with pytest.raises(SessionClosed, match="bye"):
        await line.receive()
    with pytest.raises(SessionClosed, match="bye"):
        await line.send('"late"')
    assert len(relay.dialled) == 1


async def test_a_line_that_nobody_may_mend_breaks_at_once() -> None:
    relay = Relay()
    line = Line(await relay.dial({}))
    current(relay).end(BROKEN)
    with pytest.raises(SessionClosed):
        await line.receive()


async def test_the_new_connection_may_break_too() -> None:
    relay = Relay()
    line = await opened(relay)
    dial = relay.dial

    async def dial_badly(query: Mapping[str, str]) -> Any:
        wire = await dial(query)
        if len(relay.dialled) == 2:
            wire.end(BROKEN)
        return wire

    line._dial = dial_badly
    current(relay).end(BROKEN)
    relay.said.append(json.dumps({"type": "rate_limits.updated", "event_id": "e5", "rate_limits": []}))
    assert (await line.receive()).data["event_id"] == "e5"
    assert len(relay.dialled) == 3


async def test_a_relay_that_does_not_take_us_back_is_told() -> None:
    relay = Relay()
    line = await opened(relay)

    async def dial_wrongly(query: Mapping[str, str]) -> Any:
        wire = Wire(relay)
        wire.put(json.dumps({"type": "rate_limits.updated", "event_id": "x", "rate_limits": []}))
        return wire

    line._dial = dial_wrongly
    current(relay).end(BROKEN)
    with pytest.raises(EventError, match="instead of lab.resumed"):
        await line.receive()


async def test_the_relay_hears_what_it_may_forget() -> None:
    relay = Relay()
    line = await opened(relay)
    wire = current(relay)
    sent: list[str] = []

    async def send_raw(text: str) -> None:
        sent.append(text)

    wire.send_raw = send_raw  # type: ignore[method-assign]
    for number in range(1, 130):
        relay.say(number)
        await line.receive()
    assert sent == ['{"type": "lab.ack", "received": 64}', '{"type": "lab.ack", "received": 128}']


def test_a_relay_that_never_answers_fills_the_books() -> None:
    books = Books(most_bytes=10)
    books.token = "t"
    books.said("12345678")
    with pytest.raises(SessionClosed, match="wait for a relay"):
        books.said("12345678")


def test_what_is_forgotten_cannot_be_said_again() -> None:
    books = Books()
    books.token = "t"
    for text in "abc":
        books.said(text)
    books.arrived(2)
    assert books.unheard(2) == ["c"]
    with pytest.raises(SessionClosed, match="the relay has 1 of our 3 messages, and 2 are forgotten"):
        books.unheard(1)
    with pytest.raises(SessionClosed):
        books.unheard(4)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(["send", "say", "take", "lose", "break"]), max_size=60))
def test_each_message_arrives_once_and_in_order_however_the_line_breaks(steps: list[str]) -> None:
    async def run() -> None:
        relay = Relay()
        line = await opened(relay)
        sent: list[str] = []
        taken, said = 1, 1
        for step in steps:
            match step:
                case "send":
                    sent.append(f'"{len(sent)}"')
                    await line.send(sent[-1])
                case "say":
                    relay.say(said)
                    said += 1
                case "take" if taken < said:
                    assert (await line.receive()).data["event_id"] == f"e{taken}"
                    taken += 1
                case "lose":
                    current(relay).loses_sent = True  # from here on nothing arrives until the line breaks
                case "break":
                    current(relay).end(BROKEN)
        if current(relay).loses_sent and not current(relay).broken:
            current(relay).end(BROKEN)
        relay.say(said)
        for number in range(taken, said + 1):
            assert (await line.receive()).data["event_id"] == f"e{number}"
        assert relay.heard == sent

    asyncio.run(run())
