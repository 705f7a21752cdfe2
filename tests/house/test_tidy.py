"""Memory that is no longer used goes back to the system, once in a while and only after work."""

from __future__ import annotations

import asyncio
import sys

import pytest

from contoso_lab import tidy
from contoso_lab.tidy import giver, keep_tidy, tidied


async def test_it_is_asked_for_after_work_only() -> None:
    worked = iter([0.0, 0.1, 0.6, 0.6, 0.7, 5.0, 5.0])
    pauses: list[float] = []
    asked: list[int] = []

    async def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) > 4:
            raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await keep_tidy(lambda: asked.append(len(pauses)), every_s=60, pause=pause, worked_s=lambda: next(worked))
    assert asked == [2, 4]
    assert pauses == [60] * 5


async def test_it_goes_on_as_long_as_the_block_lasts(monkeypatch: pytest.MonkeyPatch) -> None:
    begun, over = asyncio.Event(), asyncio.Event()

    async def go_on(give_back: object) -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            over.set()

    monkeypatch.setattr(tidy, "giver", lambda: print)
    monkeypatch.setattr(tidy, "keep_tidy", go_on)
    async with tidied():
        await begun.wait()
        assert not over.is_set()
    await over.wait()


async def test_where_nobody_can_be_asked_nothing_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tidy, "giver", lambda: None)
    before = asyncio.all_tasks()
    async with tidied():
        assert asyncio.all_tasks() == before


@pytest.mark.skipif(sys.platform != "linux", reason="only glibc has malloc_trim")
def test_the_system_takes_back_what_fragments_held() -> None:
    def resident_bytes() -> int:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * 4096

    give_back = giver()
    assert give_back is not None
    # Every second one is freed: the holes stay with the C library, which gives back its end alone.
    blocks = [bytearray(100_000) for _ in range(600)]
    for block in blocks:
        block[::4096] = b"x" * len(block[::4096])
    blocks = blocks[::2]
    before = resident_bytes()
    give_back()
    assert before - resident_bytes() > 20_000_000
    assert len(blocks) == 300
