"""A whole call with a recorded customer, against the scripted server."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from contoso_lab.audio import PCM16_24K, Clip, silence, tone
from contoso_lab.errors import SessionClosed, SessionError, SessionRefused
from contoso_lab.session import Caller, Session, hold_call
from contoso_lab.wire import Turn

pytestmark = pytest.mark.usefixtures("soon_at_rest")

CALLER = Caller(tone(80) + silence(40), "maya", "tent", replay_of="rec_0", mode="paced", synthetic=True)


async def talk(line) -> None:
    await line.note("client.described")
    await line.greet("Hello Maya.", sound_ms=20)
    await line.hears(80)
    await line.customer_says("u1", "I need a tent.")
    await line.reply("a1", "The Meadow Four.", sound_ms=20)
    await line.hears(120)


class Desk:
    """A desk that only notes when it was asked."""

    def __init__(self, order: list[str]) -> None:
        self.order = order

    async def prepare(self) -> None:
        self.order.append("prepared")

    async def after_reply(self, session: Session) -> None:
        self.order.append(f"after {session.conversation.turns[-1].text}")


async def test_from_the_ring_to_the_goodbye(fake) -> None:
    order: list[str] = []
    told: list[tuple[str, str]] = []
    times: list[float] = []

    def on_turn(turn: Turn, at_ms: float) -> None:
        told.append((turn.role, turn.heard))
        times.append(at_ms)

    fake.script = talk
    desk: Any = Desk(order)
    path = await hold_call(fake.url, CALLER, persona="voice", desk=desk, on_turn=on_turn, secret="pssst")
    assert path == Path("/runs/rec_1")
    assert fake.bindings == [
        {"persona": "voice", "customer": "maya", "scenario": "tent", "replay_of": "rec_0", "mode": "paced"}
    ]
    assert fake.headers[0]["authorization"] == "Bearer pssst"
    assert told == [("assistant", "Hello Maya."), ("user", "I need a tent."), ("assistant", "The Meadow Four.")]
    assert times == sorted(times)
    assert order == ["prepared", "after Hello Maya.", "after The Meadow Four."]
    assert Clip.from_bytes(fake.line.audio, PCM16_24K) == Clip.from_bytes(CALLER.clip.to_bytes(PCM16_24K), PCM16_24K)
    described = fake.line.notes[0]
    assert (described["type"], described["synthetic"]) == ("client.described", True)
    assert described["playback"]["measured"]
    assert fake.line.notes[-1]["type"] == "call.ended"


async def test_the_desk_is_prepared_before_anybody_is_called(fake) -> None:
    class Unprepared(Desk):
        async def prepare(self) -> None:
            assert fake.bindings == []
            raise SessionError("not ready")

    desk: Any = Unprepared([])
    with pytest.raises(SessionError, match="not ready"):
        await hold_call(fake.url, CALLER, persona="voice", desk=desk)
    assert fake.bindings == []


async def test_a_slow_listener_is_told_every_turn(fake, monkeypatch: pytest.MonkeyPatch) -> None:
    """The call may come to rest before the teller is woken: the last turns are told all the same."""
    monkeypatch.setattr("contoso_lab.session.client.REST_S", 0.0)
    told: list[str] = []

    async def script(line) -> None:
        await line.greet("Hello.", sound_ms=0)
        for number in range(20):
            await line.customer_says(f"u{number}", f"Line {number}.")

    fake.script = script
    caller = Caller(silence(40), "maya", "tent")
    await hold_call(fake.url, caller, persona="voice", on_turn=lambda turn, at_ms: told.append(turn.heard))
    assert told == ["Hello.", *(f"Line {number}." for number in range(20))]


async def test_what_the_listener_raises_ends_the_call(fake) -> None:
    mine = ValueError("the notebook's own mistake")

    def on_turn(turn: Turn, at_ms: float) -> None:
        raise mine

    async def script(line) -> None:
        await line.greet("Hello.", sound_ms=0)

    fake.script, fake.ends = script, "silent"
    with pytest.raises(ValueError, match="own mistake") as caught:
        await hold_call(fake.url, Caller(silence(60_000), "maya", "tent"), persona="voice", on_turn=on_turn)
    assert caught.value is mine


async def test_an_assistant_that_does_not_come_to_rest(fake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("contoso_lab.session.call.SETTLE_S", 0.05)

    async def script(line) -> None:
        await line.expect("response.create")
        await line.begin_reply("a1", "Well")

    fake.script, fake.ends = script, "silent"
    with pytest.raises(SessionError, match="did not come to rest within 0 s after the customer's last word"):
        await hold_call(fake.url, CALLER, persona="voice")


@pytest.mark.parametrize("recording", [None, {"id": "rec_1"}], ids=["not recorded", "recorded elsewhere"])
async def test_a_relay_that_does_not_say_where_it_records(fake, recording: dict[str, str] | None) -> None:
    fake.recording, fake.script = recording, talk
    with pytest.raises(SessionError, match="did not say where it records"):
        await hold_call(fake.url, CALLER, persona="voice")


async def test_a_relay_that_ends_the_call(fake) -> None:
    fake.ends = "script"

    async def script(line) -> None:
        await line.greet(sound_ms=0)
        await line.close(1001, "the relay is shutting down")

    fake.script = script
    with pytest.raises(SessionClosed, match="the relay is shutting down"):
        await hold_call(fake.url, CALLER, persona="voice", on_turn=lambda *_: None)


async def test_a_relay_that_says_no(fake) -> None:
    fake.token = (422, '{"detail": "there is no customer \'maya\'"}')
    with pytest.raises(SessionRefused, match="there is no customer 'maya'"):
        await hold_call(fake.url, CALLER, persona="voice")


async def test_cancelling_leaves_nothing_behind(fake) -> None:
    speaking = asyncio.Event()

    async def script(line) -> None:
        await line.greet(sound_ms=0)
        await line.hears(40)
        speaking.set()

    fake.script, fake.ends = script, "silent"
    before = asyncio.all_tasks()
    caller = Caller(silence(60_000), "maya", "tent")
    call = asyncio.create_task(hold_call(fake.url, caller, persona="voice", on_turn=lambda *_: None))
    await speaking.wait()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    await fake.line.left_by_client()
    names = {task.get_coro().__qualname__ for task in asyncio.all_tasks() - before}
    assert not {name for name in names if name.startswith(("Session", "_Teller", "hold_call"))}
