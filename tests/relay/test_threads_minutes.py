"""What is said on a call goes into its thread: in spoken order, as it was heard, and whatever the memory does."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from contoso_lab.errors import MemoryUnreachable
from contoso_lab.memory import Memory, Message, open_memory
from contoso_lab.relay.calls.closing import ABNORMAL
from contoso_lab.relay.threads.ledger import Ledger
from contoso_lab.relay.threads.minutes import AGAIN_AFTER_S, MOST_WAITING, Minutes

from .fakes import APPEND, DELTA, FakeTape, Held, dump, settle  # noqa: TID252 - the tests are no package
from .threaded import Counting, Threaded  # noqa: TID252


@pytest.fixture
def memory() -> Iterator[Memory]:
    with open_memory("sqlite://") as opened:
        yield opened


async def test_what_is_said_is_in_the_thread_while_the_call_goes_on(memory):
    call = Threaded(memory)
    call.user("u1", "Do you have tents?")
    call.assistant("a1", "We do.", after="u1")
    assert call.said == []  # off the hot path
    await call.pass_s()
    assert call.said == [("user", "Do you have tents?"), ("assistant", "We do.")]
    [question, answer] = call.messages
    assert (question.source, question.call_id, question.meta) == ("call", "c1", {"recording": "rec"})
    assert answer.after == question.id
    assert call.ledger.asked == 1  # one batch


async def test_transcripts_that_come_out_of_order_stand_where_they_were_spoken(memory):
    call = Threaded(memory)
    call.user("u1", None)
    call.assistant("a1", "We have two.", after="u1")
    await call.pass_s()
    call.user("u2", None, after="a1")
    call.assistant("a2", "The red one.", after="u2")
    await call.pass_s()
    assert call.said == [("assistant", "We have two."), ("assistant", "The red one.")]
    call.heard("u2", "Which is lighter?")
    await call.pass_s()
    call.heard("u1", "Do you have tents?")
    await call.pass_s()
    assert [text for _, text in call.said] == [
        "Do you have tents?", "We have two.", "Which is lighter?", "The red one.",
    ]  # fmt: skip


async def test_a_later_transcript_of_the_same_words_takes_the_place_of_the_first(memory):
    call = Threaded(memory)
    call.user("u1", "Any tense?")
    await call.pass_s()
    call.heard("u1", "Any tents?")
    await call.pass_s()
    assert call.said == [("user", "Any tents?")]


async def test_an_answer_that_is_cut_off_stands_there_as_it_was_heard(memory):
    call = Threaded(memory)
    call.user("u1", "Tell me of the tent.")
    call.assistant("a1", "one two three four", after="u1", sound_ms=1000)
    await call.pass_s()
    assert call.said[-1] == ("assistant", "one two three four")
    call.target.says(dump("conversation.item.truncated", item_id="a1", content_index=0, audio_end_ms=500))
    await call.pass_s()
    assert call.messages[-1].text == "one two three four"
    assert call.messages[-1].heard == "one two"


async def test_what_the_player_says_it_played_is_what_was_heard(memory):
    call = Threaded(memory)
    call.assistant("a1", "one two three four", after=None, sound_ms=1000)
    call.assistant("a2", "five six", after="a1", sound_ms=500)
    for event in (
        {"type": "playback.started", "item_id": "a1"},
        {"type": "playback.stopped", "item_id": "a1", "played_ms": 500, "reason": "flushed"},
    ):
        call.client.says(dump("lab.local", event=event))
    await call.pass_s()
    assert [message.heard for message in call.messages] == ["one two", ""]  # the second waited and was thrown away


async def test_an_answer_that_is_taken_out_unheard_stays_as_unheard(memory):
    call = Threaded(memory)
    call.assistant("a1", "one two", after=None, sound_ms=500)
    await call.pass_s()
    call.target.says(dump("conversation.item.deleted", item_id="a1"))
    await call.pass_s()
    assert [(message.text, message.heard) for message in call.messages] == [("one two", "")]


async def test_the_end_of_the_call_waits_for_what_is_unwritten(memory):
    call = Threaded(memory)
    call.user("u1", "Bye.")
    call.assistant("a1", "Good b", after="u1", whole=False)
    call.held.client.breaks(1000)
    assert call.target.closed_with is None  # who sees a close can read the thread
    await settle()
    assert call.held.pump.finished.is_set()
    assert call.target.closed_with is not None
    assert call.said == [("user", "Bye."), ("assistant", "Good b")]


async def test_a_call_that_said_nothing_new_says_goodbye_at_once(memory):
    call = Threaded(memory)
    call.client.breaks(1000)
    assert call.target.closed_with is not None
    await settle()


async def test_a_process_that_is_killed_leaves_what_was_said_until_then(memory):
    call = Threaded(memory)
    call.user("u1", "Do you have tents?")
    call.assistant("a1", "We do.", after="u1")
    await call.pass_s()
    call.user("u2", "And bags?", after="a1")
    # Nothing more runs from here on, as after kill -9; another relay reads the memory.
    assert call.said == [("user", "Do you have tents?"), ("assistant", "We do.")]
    await call.held.pump.stop()


async def test_the_target_may_be_lost_and_nothing_is_said_twice(memory):
    call = Threaded(memory, redials=True)
    call.user("u1", "Do you have tents?")
    call.assistant("a1", "We do.", after="u1")
    await call.pass_s()
    call.target.breaks(ABNORMAL)
    await call.pass_s(1)
    call.target = call.held.target
    assert len(call.target.named("conversation.item.create")) == 2
    call.user("u2", "And bags?", after="a1")
    await call.pass_s()
    assert [text for _, text in call.said] == ["Do you have tents?", "We do.", "And bags?"]


async def test_two_calls_on_one_thread_do_not_meet_though_their_items_have_the_same_names(memory):
    first = Threaded(memory)
    first.user("u1", "Hello.")
    await first.pass_s()
    watch = Counting()
    second = Held(minutes=(minutes := Minutes(first.ledger, first.thread.id, "c2", watch=watch)), watch=watch)
    name = "conversation.item.input_audio_transcription.completed"
    second.target.says(
        dump("input_audio_buffer.committed", item_id="u1"), dump(name, item_id="u1", transcript="Me again.")
    )
    await minutes.flush()
    assert [text for _, text in first.said] == ["Hello.", "Me again."]
    await second.pump.stop()


async def test_what_is_typed_in_the_chat_meanwhile_keeps_its_place(memory):
    call = Threaded(memory)
    call.user("u1", "Do you have tents?")
    await call.pass_s()
    memory.append(call.thread.id, Message("chat", "user", "I mean red ones."))
    call.assistant("a1", "We do.", after="u1")
    await call.pass_s()
    assert [text for _, text in call.said] == ["Do you have tents?", "I mean red ones.", "We do."]


async def test_a_memory_that_fails_breaks_nothing_and_is_tried_again(memory, caplog):
    call = Threaded(memory)
    call.ledger.broken = MemoryUnreachable("the secret words were: Do you have tents?")
    call.user("u1", "Do you have tents?")
    await call.pass_s()
    assert call.watch.errors == ["memory"]
    assert "tents" not in caplog.text
    assert "memory.failed" in caplog.text
    call.client.says(APPEND)
    assert call.target.told[-1] == APPEND  # the call goes on
    call.ledger.broken = None
    await call.pass_s(AGAIN_AFTER_S)
    assert call.said == [("user", "Do you have tents?")]
    await call.held.pump.stop()


async def test_an_answer_of_the_memory_that_got_lost_writes_nothing_twice_and_nothing_old(memory):
    call = Threaded(memory)
    call.ledger.after = MemoryUnreachable("it took too long")
    call.user("u1", "Any tense?")
    await call.pass_s()
    call.heard("u1", "Any tents?")
    await call.pass_s(AGAIN_AFTER_S)
    assert call.said == [("user", "Any tents?")]


async def test_a_customer_who_is_forgotten_during_a_call_stays_forgotten(memory):
    call = Threaded(memory)
    call.user("u1", "Forget me.")
    await call.pass_s()
    memory.forget("maya")
    call.assistant("a1", "Done.", after="u1")
    await call.pass_s()
    call.user("u2", "Bye.", after="a1")
    await call.pass_s(AGAIN_AFTER_S)
    await call.held.pump.stop()
    assert memory.list(include_closed=True) == []
    assert call.watch.errors == ["memory"]  # once, and then it is given up


async def test_sound_costs_the_memory_nothing(memory):
    call = Threaded(memory)
    for _ in range(100):
        call.client.says(APPEND)
        call.target.says(DELTA)
    await call.pass_s()
    assert call.ledger.asked == 0


async def test_what_waits_is_bounded(memory):
    call = Threaded(memory)
    for number in range(MOST_WAITING + 10):
        call.minutes._changed(f"i{number}")
    assert len(call.minutes._waiting) == MOST_WAITING
    await call.held.pump.stop()


async def test_a_memory_that_hangs_does_not_hold_up_the_end_of_a_call(memory, monkeypatch):
    call = Threaded(memory)
    monkeypatch.setattr("contoso_lab.relay.threads.minutes.GOODBYE_S", 0.01)
    never = asyncio.Event()

    async def hang(question: Any) -> Any:
        await never.wait()

    call.ledger.ask = hang
    call.user("u1", "Bye.")
    await call.held.pump.stop()
    assert call.target.closed_with is not None
    assert call.watch.errors == ["memory"]


# Consent


@pytest.mark.parametrize(
    ("offer", "answer", "consent"),
    [
        ("Shall I put it on your screen?", "Yes, please.", True),
        ("It weighs two kilos.", "Yes, I know.", None),
        ("It weighs two kilos.", "Show me the tent.", True),
        ("Shall I put it on your screen?", "No, thanks.", False),
    ],
)
async def test_a_word_on_the_phone_allows_or_forbids_what_is_shown(memory, offer, answer, consent):
    call = Threaded(memory)
    call.assistant("a1", offer, after=None)
    call.user("u1", answer, after="a1")
    await call.pass_s()
    assert call.state.get("consent", {}).get("screen") is consent


async def test_the_ledger_says_no_when_the_memory_takes_too_long(memory):
    started, go = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def slow(_: Memory) -> None:
        loop.call_soon_threadsafe(started.set)
        asyncio.run_coroutine_threadsafe(go.wait(), loop).result()

    ledger = Ledger(memory, patience_s=0.01)
    with pytest.raises(MemoryUnreachable):
        await ledger.ask(slow)
    await started.wait()
    go.set()
    assert await Ledger(memory).ask(lambda there: there.list()) == []


async def test_the_ledger_tells_nothing_of_a_drivers_error(memory):
    def fail(_: Memory) -> None:
        raise RuntimeError("password=hunter2")

    with pytest.raises(MemoryUnreachable) as failed:
        await Ledger(memory).ask(fail)
    assert "hunter2" not in str(failed.value)


# What is on the screen


async def test_a_page_that_says_what_it_shows_is_believed_once(memory):
    call = Threaded(memory, tape=(tape := FakeTape()))
    event = {"suggestion_id": "s1", "skus": ["TEN-02"], "text": "# Meadow Four"}
    for _ in range(3):
        call.client.says(dump("lab.suggestions.shown", **event))
    assert [item["item"]["role"] for item in call.target.named("conversation.item.create")] == ["system"]
    assert len(call.target.named("response.create")) == 1
    assert not [name for name in call.target.types if name.startswith("lab.")]
    await call.pass_s()
    [shown] = call.state["shown"]
    assert (shown["id"], shown["skus"], shown["text"]) == ("s1", ["TEN-02"], "# Meadow Four")
    assert [note["suggestion_id"] for note in tape.notes("suggestion.shown")] == ["s1"] * 3


async def test_a_page_that_the_agent_wrote_into_the_thread_itself_is_not_written_twice(memory):
    call = Threaded(memory)
    memory.update(call.thread.id, lambda state: state | {"shown": [{"id": "s1", "skus": ["TEN-02"]}]})
    call.client.says(dump("lab.suggestions.shown", suggestion_id="s1", skus=["TEN-02"]))
    await call.pass_s()
    assert [(page["id"], page["skus"]) for page in call.state["shown"]] == [("s1", ["TEN-02"])]
