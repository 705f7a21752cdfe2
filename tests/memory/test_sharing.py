"""Two relays on one memory: one of them has the turn, and both count together."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from contoso_lab.errors import MemoryClosed
from contoso_lab.memory import alone, open_memory


@pytest.fixture
def two(url, kind, clock):
    """Two managers over one store; in RAM there is no second one, and it stands for both."""
    with open_memory(url, clock=clock) as here:
        if kind == "ram":
            yield here, here
            return
        with open_memory(url, clock=clock) as there:
            yield here, there


def test_one_of_two_has_the_turn_until_it_gives_it_back(two):
    here, there = two
    mine = here.lease("answer/thread_1", for_s=30)
    assert mine is not None
    assert there.lease("answer/thread_1", for_s=30) is None
    assert there.lease("answer/thread_2", for_s=30) is not None
    mine.release()
    mine.release()
    assert there.lease("answer/thread_1", for_s=30) is not None
    assert here.lease("answer/thread_1", for_s=30) is None


def test_a_turn_ends_by_itself_and_then_belongs_to_whoever_asks_first(two, clock):
    here, there = two
    mine = here.lease("answer/thread_1", for_s=30)
    clock.pass_(seconds=29)
    assert mine.renew(for_s=30)
    clock.pass_(seconds=29)
    assert there.lease("answer/thread_1", for_s=30) is None
    clock.pass_(seconds=1)
    theirs = there.lease("answer/thread_1", for_s=30)
    assert theirs is not None
    assert not mine.renew(for_s=30)
    mine.release()
    assert here.lease("answer/thread_1", for_s=30) is None


def test_deeds_are_counted_together_in_a_moving_window(two, clock):
    here, there = two
    for memory in (here, there, here):
        assert memory.pace("message/token", most=3) is None
        clock.pass_(seconds=10)
    assert there.pace("message/token", most=3) == 30
    assert here.pace("message/other", most=3) is None
    clock.pass_(seconds=30)
    assert there.pace("message/token", most=3) is None
    assert here.pace("message/token", most=3) == 10


def test_of_many_who_ask_at_once_one_gets_the_turn_and_nobody_is_counted_twice(two):
    here, there = two
    begin = threading.Barrier(8)

    def ask(number: int) -> tuple[bool, bool]:
        memory = (here, there)[number % 2]
        begin.wait()
        return memory.lease("answer/thread_1", for_s=30) is not None, memory.pace("message/token", most=5) is None

    with ThreadPoolExecutor(8) as pool:
        leased, counted = zip(*pool.map(ask, range(8)), strict=True)
    assert sum(leased) == 1
    assert sum(counted) == 5


def test_notes_hold_nothing_of_a_customer_and_are_swept(url, kind, clock):
    with open_memory(url, clock=clock) as memory:
        thread = memory.create(customer="maya", persona="voice")
        memory.lease(f"answer/{thread.id}", for_s=30)
        [name] = _names(memory, kind)
        assert thread.id not in name
        clock.pass_(minutes=5)
        memory.sweep()
        assert kind == "redis" or _names(memory, kind) == []


def _names(memory, kind) -> list[str]:
    if kind == "redis":
        return [key.decode() for key in _raw_keys(memory) if b":note:" in key]
    with memory._store._engine.connect() as connection:
        return [name for (name,) in connection.exec_driver_sql("SELECT name FROM contoso_notes")]


def _raw_keys(memory) -> list[bytes]:
    return [key.encode() for key in memory._store._client.keys()]


def test_a_closed_memory_says_so_when_a_turn_is_asked_for(url):
    memory = open_memory(url)
    memory.close()
    with pytest.raises(MemoryClosed, match="was closed here: open the memory again"):
        memory.lease("answer/thread_1", for_s=30)


HOLDS = """
import sys
from contoso_lab.memory import open_memory
memory = open_memory(sys.argv[1])
print(memory.lease("answer/thread_1", for_s=0.5) is not None, flush=True)
sys.stdin.readline()
"""


def test_a_program_that_was_killed_holds_nothing_up(url, kind):
    if kind == "ram":
        pytest.skip("a memory in RAM is one program's own")
    with open_memory(url) as memory:
        command = [sys.executable, "-c", HOLDS, url]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
            assert other.stdout.readline() == "True\n"
            other.kill()
        until_free = threading.Event()
        for _ in range(1000):
            if memory.lease("answer/thread_1", for_s=30) is not None:
                break
            until_free.wait(0.05)
        else:
            pytest.fail("the turn of a killed program never ended")


async def test_two_loops_do_one_thing_one_after_the_other(two):
    here, there = two
    busy: list[str] = []

    async def work(memory, who: str) -> None:
        async with alone(memory, "answer/thread_1", every_s=0.005):
            assert busy == []
            busy.append(who)
            await asyncio.sleep(0.02)
            busy.remove(who)

    await asyncio.gather(*(work((here, there)[number % 2], str(number)) for number in range(6)))
    assert here.lease("answer/thread_1", for_s=30) is not None


async def test_work_that_takes_longer_than_its_lease_keeps_it(url):
    with open_memory(url) as memory:
        async with alone(memory, "answer/thread_1", for_s=0.6):
            await asyncio.sleep(1.2)
            assert await asyncio.to_thread(memory.lease, "answer/thread_1", for_s=30) is None
        assert memory.lease("answer/thread_1", for_s=30) is not None


async def test_who_stops_waiting_leaves_nothing_behind(two):
    here, there = two
    mine = here.lease("answer/thread_1", for_s=30)

    async def wait() -> None:
        async with alone(there, "answer/thread_1", every_s=0.005):
            raise AssertionError("it was not free")

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await wait()
    mine.release()
    assert here.lease("answer/thread_1", for_s=30) is not None
