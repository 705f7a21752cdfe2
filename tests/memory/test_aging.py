"""What time does to threads, and what forgetting does: the same in every store."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from contoso_lab.errors import ConfigError, MemoryClosed, MemoryMissing
from contoso_lab.memory import Forgotten, Memory, Message, open_memory


def said(text: str, role: str = "user") -> Message:
    return Message(source="chat", role=role, text=text)


def texts(memory: Memory, id_: str) -> list[str]:
    return [message.text for message in memory.history(id_)]


def test_time_closes_a_thread_whether_anybody_swept_or_not(memory, clock):
    idle = memory.create(customer="maya", persona="voice").id
    used = memory.create(customer="maya", persona="voice").id
    begun = clock.now
    clock.pass_(days=20)
    memory.touch(used)
    clock.pass_(days=10)
    assert memory.get(idle).closed_at == begun + timedelta(days=30)
    with pytest.raises(MemoryClosed):
        memory.append(idle, said("x"))
    assert [thread.id for thread in memory.list("maya")] == [used]
    assert memory.sweep() == 1
    assert memory.get(idle).closed_at == begun + timedelta(days=30)
    assert memory.sweep() == 0


def test_a_closed_thread_is_kept_as_long_as_the_retention_says(url, clock):
    with open_memory(url, clock=clock, idle=timedelta(hours=1), retention=timedelta(days=7)) as memory:
        id_ = memory.create(customer="maya", persona="voice").id
        memory.append(id_, said("Hello"))
        memory.close_thread(id_)
        clock.pass_(days=7, microseconds=-1)
        assert memory.sweep() == 0
        assert texts(memory, id_) == ["Hello"]
        clock.pass_(microseconds=1)
        with pytest.raises(MemoryMissing):
            memory.get(id_)
        assert memory.sweep() == 1
        assert memory.list(include_closed=True) == []
        assert memory.forget("maya") == Forgotten(0, 0)


def test_what_time_closed_long_ago_is_gone_even_if_nobody_swept_in_between(url, clock):
    with open_memory(url, clock=clock, idle=timedelta(days=1), retention=timedelta(days=7)) as memory:
        id_ = memory.create(customer="maya", persona="voice").id
        clock.pass_(days=8)
        with pytest.raises(MemoryMissing):
            memory.history(id_)
        memory.sweep()
        assert memory.list(include_closed=True) == []


def test_without_a_retention_threads_stay_until_their_customer_wants_to_be_forgotten(url, clock):
    with open_memory(url, clock=clock, retention=None) as memory:
        id_ = memory.create(customer="maya", persona="voice").id
        clock.pass_(days=36_500)
        assert memory.sweep() == 1
        assert memory.get(id_).closed_at is not None
        assert memory.forget("maya") == Forgotten(1, 0)


def test_it_sweeps_by_itself_when_a_thread_is_made_and_at_most_once_a_minute(memory, clock, monkeypatch):
    swept = []
    honest = memory.sweep
    monkeypatch.setattr(memory, "sweep", lambda: swept.append(honest()))
    old = memory.create(customer="maya", persona="voice")
    clock.pass_(days=31)
    for _ in range(3):
        memory.create(customer="tom", persona="voice")
        clock.pass_(seconds=30)
    assert swept == [0, 1, 0]
    assert old.id not in [thread.id for thread in memory.list()]


def test_sweeping_while_others_walk_over_the_list_makes_and_closes_breaks_nothing(memory, clock):
    """The original deleted sessions from the dict that it was walking over."""
    for number in range(60):
        memory.create(customer=f"old {number}", persona="voice")
    clock.pass_(days=29)
    fresh = [memory.create(customer="fresh", persona="voice").id for _ in range(20)]
    clock.pass_(days=2)
    begin = threading.Barrier(4)

    def sweep():
        begin.wait()
        return sum(memory.sweep() for _ in range(10))

    def walk():
        begin.wait()
        for thread in memory.list(include_closed=True):
            memory.get(thread.id)
        return 0

    def close():
        begin.wait()
        for id_ in fresh[:10]:
            memory.close_thread(id_)
        return 0

    with ThreadPoolExecutor(4) as pool:
        jobs = [pool.submit(job) for job in (sweep, sweep, walk, close)]
        assert sum(job.result() for job in jobs) == 60
    assert {thread.id for thread in memory.list()} == set(fresh[10:])


# Forgetting


def test_who_is_forgotten_is_gone_and_others_stay(memory):
    mine = [memory.create(customer="maya", persona="voice").id for _ in range(3)]
    other = memory.create(customer="tom", persona="voice").id
    for id_ in (*mine, other):
        memory.append(id_, said("Hello"), said("Hi", "assistant"))
    memory.close_thread(mine[0])
    assert memory.forget("maya") == Forgotten(threads=3, messages=6)
    for id_ in mine:
        with pytest.raises(MemoryMissing):
            memory.get(id_)
        with pytest.raises(MemoryMissing):
            memory.append(id_, said("x"))
    assert texts(memory, other) == ["Hello", "Hi"]
    assert memory.forget("maya") == Forgotten(0, 0)


@pytest.mark.parametrize("times", [{"idle": timedelta(0)}, {"retention": timedelta(-1)}])
def test_times_that_mean_nothing_are_refused(times):
    with pytest.raises(ConfigError, match="idle time"):
        open_memory("sqlite://", **times)
