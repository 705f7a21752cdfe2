"""Deadlines on a clock that the test holds: an hour of speech takes no time to test."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine, Iterator
from typing import Any

import pytest

from contoso_lab.session.pace import paced


class HeldLoop(asyncio.SelectorEventLoop):
    """An event loop whose time passes only when it would wait, and then at once."""

    def __init__(self, *, late_s: float = 0.0) -> None:
        self.now_s = 1000.0
        self.late_s = late_s
        """How much later than asked for it wakes up, as a busy machine does."""
        super().__init__(_Skipping(self))

    def time(self) -> float:
        return self.now_s


class _Skipping(selectors.DefaultSelector):  # type: ignore[valid-type, misc]
    def __init__(self, loop: HeldLoop) -> None:
        super().__init__()
        self._held = loop

    def select(self, timeout: float | None = None) -> Any:
        if timeout:
            self._held.now_s += timeout + self._held.late_s
        return super().select(0)


def run(loop: HeldLoop, work: Coroutine[Any, Any, list[float]]) -> list[float]:
    try:
        return loop.run_until_complete(work)
    finally:
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()


async def arrivals(
    loop: HeldLoop, count: int, *, step_ms: float, busy_ms: dict[int, float] | None = None
) -> list[float]:
    """When each piece came, in ms from the start; the consumer is busy for a while after some."""
    start_s = loop.time()
    came: list[float] = []
    async for piece in paced(range(count), step_ms=step_ms):
        assert piece == len(came), "in order, none twice, none lost"
        came.append(1000 * (loop.time() - start_s))
        if delay_ms := (busy_ms or {}).get(piece):
            await asyncio.sleep(delay_ms / 1000)
    return came


def test_each_piece_comes_at_the_end_of_its_step() -> None:
    loop = HeldLoop()
    assert run(loop, arrivals(loop, 5, step_ms=40)) == pytest.approx([40, 80, 120, 160, 200])


def test_ten_minutes_do_not_drift_on_a_machine_that_wakes_late() -> None:
    loop = HeldLoop(late_s=0.0015)
    came = run(loop, arrivals(loop, 15_000, step_ms=40))
    assert came[-1] == pytest.approx(600_000, abs=2), "1.5 ms late once, not fifteen thousand times"
    assert max(late - 40 * (n + 1) for n, late in enumerate(came)) == pytest.approx(1.5, abs=0.1)


def test_a_slow_consumer_catches_up() -> None:
    loop = HeldLoop()
    came = run(loop, arrivals(loop, 8, step_ms=40, busy_ms={1: 130}))
    # Held up from 80 to 210 ms: what was due at 120, 160 and 200 follows at once, then time is met again.
    assert came == pytest.approx([40, 80, 210, 210, 210, 240, 280, 320])


def test_others_have_their_turn_while_it_catches_up() -> None:
    loop = HeldLoop()
    ticks = 0

    async def work() -> list[float]:
        nonlocal ticks

        async def tick() -> None:
            nonlocal ticks
            while True:
                ticks += 1
                await asyncio.sleep(0)

        other = asyncio.ensure_future(tick())
        try:
            loop.now_s += 1  # everything is overdue
            start = ticks
            async for piece in paced(iter(range(5)), step_ms=0):
                assert ticks > start + piece
            return []
        finally:
            other.cancel()

    run(loop, work())
    assert ticks >= 5


def test_no_pieces_take_no_time() -> None:
    loop = HeldLoop()
    assert run(loop, arrivals(loop, 0, step_ms=40)) == []
    assert loop.now_s == 1000.0


def test_pieces_are_made_when_they_are_due() -> None:
    loop = HeldLoop()
    made: list[float] = []

    def pieces() -> Iterator[int]:
        for piece in range(3):
            made.append(1000 * (loop.time() - 1000))
            yield piece

    async def work() -> list[float]:
        return [float(piece) async for piece in paced(pieces(), step_ms=40)]

    assert run(loop, work()) == [0, 1, 2]
    assert made == pytest.approx([0, 40, 80]), "a clip is not encoded all at once"
