"""Spoken order, from messages that arrive in any order."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from contoso_lab.memory import Message, open_memory
from contoso_lab.memory.order import spoken_order

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def said(id_: str, after: str | None = None, *, second: float | None = None, seq: int | None = None) -> Message:
    at = None if second is None else START + timedelta(seconds=second)
    return Message(source="call", role="user", text=id_, id=id_, after=after, at=at, seq=seq)


def ordered(*messages: Message) -> list[str]:
    """The spoken order of messages that arrived as they stand here."""
    return [each.id for each in spoken_order(said(m.id, m.after, seq=n) for n, m in enumerate(messages, 1))]


def kept(*messages: Message) -> list[str]:
    """The same through a store."""
    with open_memory("sqlite://") as memory:
        id_ = memory.create(customer="maya", persona="voice").id
        for message in messages:
            memory.append(id_, message)
        return [message.id for message in memory.history(id_)]


@st.composite
def conversations(draw: st.DrawFn) -> list[Message]:
    """Messages in spoken order, each behind one of those before it: a call on which somebody also types."""
    count = draw(st.integers(1, 10))
    afters = [f"m{draw(st.integers(0, number - 1))}" if number else None for number in range(count)]
    return [said(f"m{number}", after, second=number) for number, after in enumerate(afters)]


@settings(deadline=None)
@given(conversations().flatmap(lambda said: st.tuples(st.just(said), st.permutations(said))))
def test_any_order_of_arrival_gives_the_spoken_order(both):
    spoken, arrived = both
    assert kept(*arrived) == [message.id for message in spoken]


@settings(deadline=None)
@given(st.integers(1, 12).flatmap(lambda count: st.permutations(range(count))), st.data())
def test_one_behind_the_other_needs_no_time_and_believes_none(numbers, data):
    chain = [
        said(f"m{n}", f"m{n - 1}" if n else None, second=data.draw(st.none() | st.integers(0, 5))) for n in numbers
    ]
    assert kept(*chain) == [f"m{number}" for number in range(len(chain))]


@settings(deadline=None)
@given(st.lists(st.booleans(), min_size=1, max_size=12), st.data())
def test_what_is_typed_during_a_call_stands_where_it_was_typed(typed, data):
    """The chat arrives as it is typed; the call's transcripts behind the first one come whenever they are ready."""
    call = [number for number, by_hand in enumerate(typed) if not by_hand]
    before = dict(zip(call[1:], call, strict=False))
    spoken = [
        said(f"m{number}", f"m{before[number]}" if number in before else None, second=number)
        for number in range(len(typed))
    ]
    prompt = [message for message in spoken if message.after is None]
    late = data.draw(st.permutations([message for message in spoken if message.after is not None]))
    places = data.draw(st.lists(st.integers(0, len(prompt)), min_size=len(late), max_size=len(late)))
    arrived = list(prompt)
    for message, place in zip(late, places, strict=True):
        arrived.insert(place, message)
    assert kept(*arrived) == [message.id for message in spoken]


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from("abcdef"), st.sampled_from([None, *"abcdefg"]), st.integers(0, 3)), max_size=8)
)
def test_whatever_they_claim_everybody_is_there_once_and_behind_whom_they_follow(claims):
    """Rings, oneself, the unknown: statements that cannot all be true."""
    messages = {id_: said(id_, after, second=second, seq=seq) for seq, (id_, after, second) in enumerate(claims, 1)}
    found = [message.id for message in spoken_order(messages.values())]
    assert sorted(found) == sorted(messages)
    for id_, message in messages.items():
        line = [id_]
        while (after := messages[line[-1]].after) in messages and after not in line:
            line.append(after)
        if after not in messages and message.after in messages:  # it leads to a beginning, not into a ring
            assert found.index(message.after) < found.index(id_)


def test_the_question_whose_transcript_came_late_stands_before_its_answer():
    arrived = [said("hello"), said("answer", "question"), said("question", "hello")]
    assert ordered(*arrived) == [
        "hello",
        "question",
        "answer",
    ]


def test_whoever_names_nobody_known_stands_where_he_arrived():
    assert ordered(said("a"), said("b", "never"), said("c"), said("d", "never either")) == ["a", "b", "c", "d"]


def test_a_chat_after_a_call_stays_behind_what_the_call_still_tells():
    arrived = [said("call 1"), said("call 3", "call 2"), said("chat"), said("call 2", "call 1")]
    assert ordered(*arrived) == ["call 1", "call 2", "call 3", "chat"]


def test_in_a_ring_the_one_that_came_first_begins():
    assert ordered(said("a", "c"), said("b", "a"), said("c", "b")) == ["a", "b", "c"]
    assert ordered(said("b", "a"), said("self", "self"), said("a", "b")) == ["b", "self", "a"]


def test_ten_thousand_in_a_row_are_no_trouble():
    count = 10_000
    chain = [said(f"m{n}", f"m{n - 1}" if n else None, seq=count - n) for n in range(count)]
    assert [message.id for message in spoken_order(chain)] == [f"m{n}" for n in range(count)]
