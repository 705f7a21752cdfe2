"""Whatever breaks, in whatever order: each side hears what the other said once, in order; so does the recording."""

from __future__ import annotations

import asyncio
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from .fakes import FakeLeg, FakeTarget, Held, dump, settle  # noqa: TID252 - the tests are no package

STEPS = st.sampled_from([
    "client speaks", "client speaks", "target speaks", "target speaks", "client breaks", "client returns",
    "client vanishes", "client acknowledges", "target breaks", "time passes",
])  # fmt: skip


class Client:
    """A client as it should be: it keeps what has not been acknowledged, and comes back with its numbers."""

    def __init__(self, held: Held) -> None:
        self.held = held
        self.leg: FakeLeg | None = held.client
        self.read = 0
        self.heard: list[int] = []
        self.received = 0
        self.said: list[int] = []

    def speak(self, number: int) -> None:
        self.said.append(number)
        if self.leg is not None:
            self.leg.says(message("client", number))

    def listen(self, limit: int | None = None) -> None:
        """Take in what has arrived; the rest is lost when the connection is."""
        assert self.leg is not None
        stop = len(self.leg.told) if limit is None else min(limit, len(self.leg.told))
        for raw in self.leg.told[self.read : stop]:
            event = json.loads(raw)
            if not event["type"].startswith("lab."):
                self.received += 1
            if event["type"] == "target":
                self.heard.append(event["n"])
        self.read = max(self.read, stop)

    def come_back(self) -> None:
        self.leg, self.read = self.held.comes_back(self.received), 0
        assert self.leg.events[0]["type"] == "lab.resumed", self.leg.closed_with
        for number in self.said[self.leg.events[0]["received"] :]:
            self.leg.says(message("client", number))


def message(who: str, number: int) -> bytes:
    return dump(who, n=number)


def numbers(messages: list, who: str) -> list[int]:
    events = [json.loads(raw) for raw in messages if isinstance(raw, bytes)]
    return [event["n"] for event in events if event["type"] == who]


async def play(steps: list[tuple[str, int]]) -> None:
    held = Held(redials=True, resumable=True)
    client = Client(held)
    said_by_target: list[int] = []
    for number, (step, many) in enumerate(steps):
        match step:
            case "client speaks":
                client.speak(number)
            case "target speaks" if held.pump._lines.target is held.target:
                said_by_target.append(number)
                held.target.says(message("target", number))
            case "client breaks" if client.leg is not None:
                client.listen(client.read + many)  # the rest was on its way
                client.leg, gone = None, client.leg
                gone.breaks()
            case "client vanishes" if client.leg is not None:
                client.listen(client.read + many)
                client.leg = None  # half open: the relay does not know
            case "client returns" if client.leg is None:
                client.come_back()
            case "client acknowledges" if client.leg is not None:
                client.listen()
                client.leg.says(dump("lab.ack", received=client.received))
            case "target breaks" if held.pump._lines.target is held.target:
                held.target.breaks()
            case "time passes":
                await held.clock.pass_s(many)
    if client.leg is None:
        client.come_back()
    await held.clock.pass_s(1)
    client.listen()
    assert client.heard == said_by_target
    assert numbers([raw for target in held.targets for raw in target.told], "client") == client.said
    assert numbers(held.tape.of("c2s"), "client") == client.said
    assert numbers(held.tape.of("s2c"), "target") == said_by_target
    assert held.pump.hang_up is None
    await held.pump.stop()
    await settle()
    assert asyncio.all_tasks() == {asyncio.current_task()}


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(STEPS, st.integers(0, 5)), max_size=40))
def test_nothing_is_lost_and_nothing_comes_twice(steps):
    total = 0
    for step, many in steps:  # away for so long at most
        total += many if step == "time passes" else 0
    with asyncio.Runner() as runner:
        runner.run(play([(step, many if total < 29 or step != "time passes" else 0) for step, many in steps]))


@pytest.mark.parametrize("breaks", ["client", "target"])
async def test_each_side_killed_in_turn_in_the_middle_of_a_turn_under_load(breaks):
    """Fifty frames a second each way while one side dies every second for a minute."""
    held = Held(redials=True, resumable=True)
    client = Client(held)
    said: list[int] = []
    for number in range(3000):
        client.speak(number)
        if held.pump._lines.target is held.target:
            said.append(number)
            held.target.says(message("target", number))
        if number % 50 == 25:
            if breaks == "client" and client.leg is not None:
                client.listen(len(client.leg.told) - 3)
                client.leg, gone = None, client.leg
                gone.breaks()
            elif breaks == "target" and held.pump._lines.target is held.target:
                held.target.breaks()
        if number % 50 == 40 and client.leg is None:
            client.come_back()
        held.clock.now_s += 0.02
        if number % 10 == 0:
            await held.clock.pass_s(0)
    if client.leg is None:
        client.come_back()
    await held.clock.pass_s(2)
    client.listen()
    assert client.heard == said
    assert numbers([raw for target in held.targets for raw in target.told], "client") == client.said
    assert len(held.targets) == (1 if breaks == "client" else 61)
    assert all(isinstance(target, FakeTarget) for target in held.targets)
    await held.pump.stop()
