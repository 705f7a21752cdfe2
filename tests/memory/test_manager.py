"""Threads and messages, the same in every store."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from contoso_lab.errors import MemoryClosed, MemoryFault, MemoryMissing
from contoso_lab.memory import Memory, Message, open_memory


def said(text: str, role: str = "user", **more) -> Message:
    return Message(source="chat", role=role, text=text, **more)


def texts(memory: Memory, id_: str) -> list[str]:
    return [message.text for message in memory.history(id_)]


def test_a_thread_is_what_it_was_made_as(memory, clock):
    made = memory.create(customer="maya", persona="voice", language="de")
    assert memory.get(made.id) == made
    assert (made.customer, made.persona, made.language, made.state) == ("maya", "voice", "de", {})
    assert (made.created_at, made.touched_at, made.closed_at, made.version) == (clock.now, clock.now, None, 1)


def test_ids_are_unique_and_cannot_be_guessed(memory):
    ids = {memory.create(customer="maya", persona="voice").id for _ in range(200)}
    assert len(ids) == 200
    assert all(len(id_) == len("thread_") + 22 for id_ in ids)


@pytest.mark.parametrize("kind", ["sqlite", "redis", "postgres"])
def test_what_is_kept_is_there_when_it_is_opened_again(url, clock):
    whole = Message(
        source="call", role="assistant", text="Zelt \u00e4 \u65e5\u672c \x00 \U0001f3d5 \ud800", id="item_1",
        heard="Ze", after="item_0", at=datetime(2026, 3, 2, 8, 59, 59, 123456, tzinfo=UTC), call_id="call_1",
        meta={"tokens": 12, "deep": [None, True, 1.5, {"x": ""}]},
    )  # fmt: skip
    with open_memory(url, clock=clock) as memory:
        id_ = memory.create(customer="maya", persona="voice").id
        memory.append(id_, whole)
        memory.update(id_, lambda state: {"cart": [{"sku": "TEN-02", "quantity": 2}], "none": None})
    with open_memory(url, clock=clock) as memory:
        assert memory.history(id_) == [replace(whole, seq=1)]
        assert memory.get(id_).state == {"cart": [{"sku": "TEN-02", "quantity": 2}], "none": None}


def test_messages_come_back_in_their_order_with_number_and_time(memory, clock):
    id_ = memory.create(customer="maya", persona="voice").id
    clock.pass_(seconds=5)
    first, second = memory.append(id_, said("Hello"), said("Hi Maya", "assistant"))
    assert (first.seq, second.seq, first.at) == (1, 2, clock.now)
    assert memory.history(id_) == [first, second]
    assert memory.get(id_).touched_at == clock.now


def test_the_same_message_is_kept_once_and_as_it_came_first(memory):
    id_ = memory.create(customer="maya", persona="voice").id
    [first] = memory.append(id_, said("Hello", id="m1"))
    again = memory.append(id_, said("Changed", id="m1"), said("New", id="m2"), said("New", id="m2"))
    assert again[0] == first
    assert [message.seq for message in again] == [1, 2, 2]
    assert texts(memory, id_) == ["Hello", "New"]


def test_nothing_to_keep_is_no_mistake(memory):
    id_ = memory.create(customer="maya", persona="voice").id
    assert memory.append(id_) == []
    assert memory.history(id_) == []


def test_a_late_transcript_takes_the_place_of_what_stood_for_it(memory, clock):
    id_ = memory.create(customer="maya", persona="voice").id
    memory.append(id_, said("", id="q"), said("Two kilos, and it costs 250.", "assistant", id="a", after="q"))
    clock.pass_(seconds=3)
    memory.replace(id_, said("How heavy?", id="q", after="nobody"))
    memory.replace(id_, said("Two kilos, and it costs 250.", "assistant", id="a", heard="Two kilos", after="x"))
    question, answer = memory.history(id_)
    assert (question.text, question.seq, question.at) == ("How heavy?", 1, clock.now - timedelta(seconds=3))
    assert (answer.as_heard, answer.after) == ("Two kilos", "q")


def test_what_was_never_said_cannot_be_replaced(memory):
    id_ = memory.create(customer="maya", persona="voice").id
    with pytest.raises(MemoryMissing, match="holds no message 'q'"):
        memory.replace(id_, said("How heavy?", id="q"))


@pytest.mark.parametrize("id_", ["thread_none", "", "\x00", "\ud800", "x" * 10_000, "' OR 1=1 --"])
def test_a_thread_that_is_not_there_is_missing_to_everybody(memory, id_):
    for attempt in (
        memory.get, memory.touch, memory.close_thread, memory.history, lambda id_: memory.append(id_, said("x")),
        lambda id_: memory.update(id_, dict), lambda id_: memory.replace(id_, said("x")),
    ):  # fmt: skip
        with pytest.raises(MemoryMissing, match="there is no thread"):
            attempt(id_)


def test_a_closed_thread_is_read_and_mended_but_not_added_to(memory, clock):
    id_ = memory.create(customer="maya", persona="voice").id
    memory.append(id_, said("Hello", id="m"))
    memory.close_thread(id_)
    closed = clock.now
    clock.pass_(hours=1)
    memory.close_thread(id_)
    assert memory.get(id_).closed_at == closed
    memory.replace(id_, said("Hello!", id="m"))
    assert texts(memory, id_) == ["Hello!"]
    for attempt in (memory.touch, lambda id_: memory.append(id_, said("x")), lambda id_: memory.update(id_, dict)):
        with pytest.raises(MemoryClosed, match="was closed at 2026-03-02 09:00 UTC"):
            attempt(id_)


def test_threads_are_listed_by_customer_with_the_latest_first(memory, clock):
    made = []
    for customer in ("maya", "tom", "maya", "maya"):
        made.append(memory.create(customer=customer, persona="voice").id)
        clock.pass_(seconds=1)
    memory.close_thread(made[2])
    clock.pass_(seconds=1)
    memory.touch(made[0])
    assert [thread.id for thread in memory.list("maya")] == [made[0], made[3]]
    assert [thread.id for thread in memory.list("maya", include_closed=True)] == [made[0], made[2], made[3]]
    assert [thread.id for thread in memory.list()] == [made[0], made[3], made[1]]
    assert memory.list("nobody") == []


def test_a_clock_that_is_behind_does_not_turn_a_thread_back(memory, clock):
    id_ = memory.create(customer="maya", persona="voice").id
    clock.pass_(hours=-1)
    memory.touch(id_)
    assert memory.get(id_).touched_at == clock.now + timedelta(hours=1)


# State


def test_the_state_is_changed_and_counted(memory, clock):
    id_ = memory.create(customer="maya", persona="voice").id
    clock.pass_(seconds=1)
    changed = memory.update(id_, lambda state: state | {"facts": ["two children"]})
    assert (changed.version, changed.state, changed.touched_at) == (2, {"facts": ["two children"]}, clock.now)
    assert memory.get(id_) == changed


def test_a_change_that_fails_changes_nothing(memory):
    id_ = memory.create(customer="maya", persona="voice").id
    before = memory.update(id_, lambda state: {"facts": ["x"]})

    def fails(state):
        state["facts"].append("y")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        memory.update(id_, fails)
    with pytest.raises(MemoryFault, match="can only hold JSON"):
        memory.update(id_, lambda state: {"picture": b"..."})
    with pytest.raises(MemoryFault, match="can only hold JSON"):
        memory.update(id_, lambda state: {"price": float("nan")})
    with pytest.raises(MemoryFault, match="must be a dict"):
        memory.update(id_, lambda state: [state])
    assert memory.get(id_) == before


def test_who_was_slower_is_asked_again_with_what_the_faster_one_left(memory):
    id_ = memory.create(customer="maya", persona="voice").id
    seen = []

    def slow(state):
        seen.append(dict(state))
        if len(seen) == 1:
            memory.update(id_, lambda other: other | {"consent": {"call": True}})
        return state | {"digest": "tents"}

    assert memory.update(id_, slow).state == {"consent": {"call": True}, "digest": "tents"}
    assert seen == [{}, {"consent": {"call": True}}]


def test_no_change_is_lost_between_many_threads(memory):
    id_ = memory.create(customer="maya", persona="voice").id
    begin = threading.Barrier(8)

    def work(number):
        begin.wait()
        for turn in range(10):
            memory.update(id_, lambda state: state | {"count": state.get("count", 0) + 1})
            memory.append(id_, said(f"{number}/{turn}"))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    assert memory.get(id_).state == {"count": 80}
    assert memory.get(id_).version == 81
    history = memory.history(id_)
    assert [message.seq for message in history] == list(range(1, 81))
    for number in range(8):  # each one's own words are in the order in which it said them
        mine = [message.text for message in history if message.text.startswith(f"{number}/")]
        assert mine == [f"{number}/{turn}" for turn in range(10)]


# Wrong hands


@pytest.mark.parametrize("name", ["", "a\x00", "a\nb", "\ud800", "x" * 201, None])
def test_names_that_not_every_store_can_hold_are_refused(memory, name):
    for names in ({"customer": name}, {"persona": name}, {"language": name}):
        with pytest.raises(MemoryFault, match="1 to 200 printable characters"):
            memory.create(**{"customer": "maya", "persona": "voice", "language": "en"} | names)
    id_ = memory.create(customer="maya", persona="voice").id
    with pytest.raises(MemoryFault, match="1 to 200 printable characters"):
        memory.append(id_, said("x", id=name))
    with pytest.raises(MemoryFault, match="1 to 200 printable characters"):
        memory.forget(name)


def test_messages_that_cannot_be_kept_are_refused_together_with_those_beside_them(memory):
    id_ = memory.create(customer="maya", persona="voice").id
    with pytest.raises(MemoryFault, match="can only hold JSON"):
        memory.append(id_, said("good"), said("bad", meta={"x": object()}))
    with pytest.raises(MemoryFault, match="zone"):
        memory.append(id_, said("good"), said("bad", at=datetime(2026, 3, 2)))
    assert memory.history(id_) == []


@pytest.mark.parametrize(
    "wrong", [{"text": None}, {"text": 7}, {"heard": 7}, {"after": ["q"]}, {"call_id": 7}, {"meta": []},
              {"role": "system"}, {"source": "mail"}, {"role": ["user"]}],
)  # fmt: skip
def test_a_message_of_the_wrong_kind_is_refused_and_the_history_can_still_be_read(memory, wrong):
    id_ = memory.create(customer="maya", persona="voice").id
    memory.append(id_, said("Hello", id="m"))
    with pytest.raises(MemoryFault, match="message m has a field of a wrong kind"):
        memory.append(id_, replace(said("x", id="m"), **wrong))
    with pytest.raises(MemoryFault, match="message m has a field of a wrong kind"):
        memory.replace(id_, replace(said("x", id="m"), **wrong))
    assert texts(memory, id_) == ["Hello"]


def test_many_messages_at_once_are_kept_and_recognised(memory):
    id_ = memory.create(customer="maya", persona="voice").id
    many = [said(str(number), id=f"m{number}") for number in range(1200)]
    assert memory.append(id_, *many) == memory.append(id_, *many) == memory.history(id_)


def test_after_it_was_closed_every_question_says_so(memory):
    id_ = memory.create(customer="maya", persona="voice").id
    memory.close()
    memory.close()
    for attempt in (
        lambda: memory.create(customer="maya", persona="voice"), lambda: memory.get(id_), memory.list,
        lambda: memory.touch(id_), lambda: memory.close_thread(id_), lambda: memory.update(id_, dict),
        lambda: memory.append(id_, said("x")), lambda: memory.replace(id_, said("x")), lambda: memory.history(id_),
        memory.sweep, lambda: memory.forget("maya"),
    ):  # fmt: skip
        with pytest.raises(MemoryClosed, match="was closed here"):
            attempt()


def test_closing_while_others_work_gives_them_our_errors_only(memory):
    id_ = memory.create(customer="maya", persona="voice").id
    begin, going = threading.Barrier(5), threading.Event()

    def talk():
        while True:
            memory.append(id_, said("x"))
            memory.history(id_)
            going.set()

    def work():
        begin.wait()
        with pytest.raises(MemoryClosed):
            talk()

    with ThreadPoolExecutor(4) as pool:
        jobs = [pool.submit(work) for _ in range(4)]
        begin.wait()
        going.wait()
        memory.close()
        for job in jobs:
            job.result()
