"""The bell of a thread: what is kept, and whose words ring it."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from contoso_lab.agent.bell import after_answer, bell_of, tell
from contoso_lab.agent.ringing import Accepted, Answered, Connect, Declined, Refuse, Ring, RingingEvent, StopRinging
from contoso_lab.memory import Memory, Message, open_memory


@pytest.fixture
def memory() -> Iterator[Memory]:
    with open_memory("sqlite://") as kept:
        yield kept


@pytest.fixture
def thread(memory: Memory) -> str:
    return memory.create(customer="maya", persona="voice", language="en").id


def chat(memory: Memory, thread: str, *texts: str) -> None:
    for number, text in enumerate(texts):
        memory.append(thread, Message("chat", "assistant" if number % 2 else "user", text))


def test_a_wish_rings_and_its_consent_is_kept(memory: Memory, thread: str) -> None:
    chat(memory, thread, "I am lost.", "May I call you?", "Yes, please.", "I am calling you now.")
    assert after_answer(memory, thread, 5, now_s=0.0) == (Ring(1),)
    assert memory.get(thread).state["consent"] == {"call": True}
    assert bell_of(memory.get(thread).state).phase == "ringing"


@pytest.mark.parametrize("words", ["Which tent is it?", "Don't call me!", "Did you call me yesterday?"])
def test_a_five_that_the_customer_never_asked_for_does_not_ring(memory: Memory, thread: str, words: str) -> None:
    chat(memory, thread, words, "I am calling you now.")
    assert after_answer(memory, thread, 5, now_s=0.0) == ()
    assert "consent" not in memory.get(thread).state


def test_the_same_words_ring_once_and_new_ones_again(memory: Memory, thread: str) -> None:
    chat(memory, thread, "Call me.", "I am calling you now.")
    after_answer(memory, thread, 5, now_s=0.0)
    assert tell(memory, thread, Declined(), now_s=1.0) == (StopRinging(1, "declined"),)
    chat(memory, thread, "What does it cost?", "It costs $279.")
    assert after_answer(memory, thread, 5, now_s=2.0) == ()
    chat(memory, thread, "All right, call me.", "I am calling you now.")
    assert after_answer(memory, thread, 5, now_s=3.0) == (Ring(2),)


def test_what_was_said_on_a_call_rings_nothing(memory: Memory, thread: str) -> None:
    memory.append(thread, Message("call", "user", "Please call me."))
    assert after_answer(memory, thread, 5, now_s=0.0) == ()


def test_it_rings_on_after_a_restart(tmp_path: Path) -> None:
    where = f"sqlite:///{tmp_path / 'memory.sqlite3'}"
    with open_memory(where) as memory:
        thread = memory.create(customer="maya", persona="voice", language="en").id
        tell(memory, thread, Answered(5, "m1"), now_s=0.0)
    with open_memory(where) as memory:
        assert tell(memory, thread, Accepted(1), now_s=29.0)[-1] == Connect(1)


def test_only_one_of_many_windows_picks_up(tmp_path: Path) -> None:
    with open_memory(f"sqlite:///{tmp_path / 'memory.sqlite3'}") as memory:
        thread = memory.create(customer="maya", persona="voice", language="en").id
        tell(memory, thread, Answered(5, "m1"), now_s=0.0)
        events: list[RingingEvent] = [Accepted(1)] * 8
        with ThreadPoolExecutor(8) as windows:
            told = list(windows.map(lambda event: tell(memory, thread, event, now_s=1.0), events))
    assert sorted(type(signals[-1]).__name__ for signals in told) == ["Connect"] + ["Refuse"] * 7
    assert [signals[-1] for signals in told if isinstance(signals[-1], Refuse)] == [Refuse("busy")] * 7
