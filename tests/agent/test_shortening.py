"""Folding old turns while nobody waits: with a model, without one, twice at once, and never a fact lost."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest

from contoso_lab.agent.facts import SAID
from contoso_lab.agent.history import chat_messages
from contoso_lab.agent.shortening import FULL, Shortener, shorten
from contoso_lab.agent.window import KEEP_TURNS
from contoso_lab.memory import Memory, Message, Thread, open_memory
from contoso_lab.prompts import collect, count_tokens, trace_to
from contoso_lab.settings import Target

BUDGET = 600
LONG = " ".join(["and so on about tents and rain"] * 4)
NOWHERE = Target.local("http://127.0.0.1:9/v1")


@pytest.fixture
def memory() -> Iterator[Memory]:
    with open_memory("sqlite://") as made:
        yield made


@pytest.fixture
def thread(memory: Memory) -> Thread:
    made = memory.create(customer="maya", persona="voice")
    memory.update(
        made.id, lambda state: {**state, "cart": [{"sku": "TEN-02", "quantity": 3}], "consent": {"call": True}}
    )
    for number in range(20):
        role: Any = "user" if number % 2 == 0 else "assistant"
        limit = "I won't spend more than 250 dollars. " if number == 2 else ""
        memory.append(
            made.id, Message(source="call", role=role, text=f"{limit}Turn {number}, {LONG}.", id=f"m{number}")
        )
    return memory.get(made.id)


async def test_a_model_writes_the_digest_and_the_facts_are_not_left_to_it(
    server: Any, memory: Memory, thread: Thread
) -> None:
    server.reply = json.dumps({"digest": "They spoke about tents. The cart is empty and she refused to be called."})
    done = await shorten(memory, thread.id, server.target, budget_tokens=BUDGET)
    assert done.problem is None
    assert done.turns > 5
    kept = memory.get(thread.id)
    assert kept.state["digest"].startswith("They spoke about tents.")
    assert kept.state["digested"] == [f"m{number}" for number in range(done.turns)]
    assert kept.state["facts"] == [f"{SAID}I won't spend more than 250 dollars.\""], "it says what is not to be lost"
    seed = chat_messages(kept, memory.history(thread.id), budget_tokens=BUDGET)
    assert "In the cart: 3 x TEN-02." in seed.context, "whatever the summary claims"
    assert "The customer agreed to being called." in seed.context
    assert seed.context.index("In the cart: 3 x TEN-02.") > 0, "behind the summary, so that it has the last word"
    assert [each["content"].split(",")[0] for each in seed.messages] == [f"Turn {n}" for n in range(done.turns, 20)]
    asked = server.asked[0]
    assert [message["role"] for message in asked["messages"]][0 :: len(asked["messages"]) - 1] == ["system", "system"]
    assert asked["response_format"]["json_schema"]["strict"] is True
    again = await shorten(memory, thread.id, server.target, budget_tokens=BUDGET)
    assert (again.turns, len(server.asked)) == (0, 1), "what is short enough is left alone"


async def test_the_next_digest_takes_up_the_last_one(server: Any, memory: Memory, thread: Thread) -> None:
    server.reply = json.dumps({"digest": "The first digest."})
    first = await shorten(memory, thread.id, server.target, budget_tokens=BUDGET)
    memory.append(thread.id, *(Message(source="chat", role="user", text=f"More, {LONG}.") for _ in range(12)))
    server.reply = json.dumps({"digest": "The second digest."})
    second = await shorten(memory, thread.id, server.target, budget_tokens=BUDGET)
    assert second.turns > 0
    assert "The first digest." in server.asked[1]["messages"][0]["content"]
    state = memory.get(thread.id).state
    assert (state["digest"], len(state["digested"])) == ("The second digest.", first.turns + second.turns)


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        ("no JSON", "is not JSON"),
        (json.dumps({"digest": "  "}), "is empty"),
        (json.dumps({"digest": "She wants TEN-99."}), "names TEN-99, which nobody did"),
    ],
)
async def test_a_digest_that_cannot_be_used_is_not(
    server: Any, memory: Memory, thread: Thread, reply: str, why: str
) -> None:
    server.reply = reply
    done = await shorten(memory, thread.id, server.target, budget_tokens=BUDGET)
    assert done.problem is not None
    assert why in done.problem
    assert "Turn 11, and so on" in memory.get(thread.id).state["digest"]


@pytest.mark.parametrize("target", [None, NOWHERE])
async def test_without_a_model_the_turns_first_words_stay_and_it_says_so(
    memory: Memory, thread: Thread, target: Target | None
) -> None:
    done = await shorten(memory, thread.id, target, budget_tokens=BUDGET)
    assert done.problem is not None
    assert "no model was given" in done.problem or "cannot be reached" in done.problem
    assert count_tokens(done.digest) <= BUDGET / 4
    assert "Assistant: Turn" in done.digest
    assert "more than 250 dollars" in memory.get(thread.id).state["facts"][0]


async def test_two_at_once_fold_nothing_twice(server: Any, memory: Memory, thread: Thread) -> None:
    numbers = iter(range(9))
    server.reply = lambda body: json.dumps({"digest": f"Digest {next(numbers)}."})
    results = await asyncio.gather(*(shorten(memory, thread.id, server.target, budget_tokens=BUDGET) for _ in range(3)))
    state = memory.get(thread.id).state
    assert sorted(result.turns > 0 for result in results) == [False, False, True]
    assert len(state["digested"]) == len(set(state["digested"])) == max(result.turns for result in results)


async def test_what_changes_meanwhile_is_kept(server: Any, memory: Memory, thread: Thread) -> None:
    def reply(body: dict[str, Any]) -> str:
        memory.update(thread.id, lambda state: {**state, "cart": [], "consent": {"call": False}, "facts": ["New."]})
        return json.dumps({"digest": "Tents."})

    server.reply = reply
    await shorten(memory, thread.id, server.target, budget_tokens=BUDGET)
    state = memory.get(thread.id).state
    assert (state["cart"], state["consent"]) == ([], {"call": False})
    assert state["facts"][0] == "New."
    assert state["digest"] == "Tents."


async def test_a_late_transcript_between_folded_turns_is_still_shown(
    server: Any, memory: Memory, thread: Thread
) -> None:
    server.reply = json.dumps({"digest": "Tents."})
    await shorten(memory, thread.id, server.target, budget_tokens=BUDGET)
    early = memory.history(thread.id)[1].at
    memory.append(thread.id, Message(source="call", role="user", text="And a stove?", id="late", after="m1", at=early))
    seed = chat_messages(memory.get(thread.id), memory.history(thread.id), budget_tokens=BUDGET)
    assert seed.messages[0]["content"] == "And a stove?"


async def test_after_each_turn_somebody_looks_and_nobody_waits(server: Any, memory: Memory, thread: Thread) -> None:
    server.reply = json.dumps({"digest": "Tents."})
    async with Shortener(memory, server.target, budget_tokens=BUDGET) as shortener:
        for _ in range(5):
            shortener.look(thread.id)
        await shortener.settled()
        assert len(server.asked) == 1, "one at a time for each thread"
        assert memory.get(thread.id).state["digest"] == "Tents."
        memory.close_thread(thread.id)
        memory.forget("maya")
        shortener.look(thread.id)
        await shortener.settled()  # a thread that is gone breaks nothing


async def test_leaving_stops_what_is_under_way(memory: Memory, thread: Thread) -> None:
    listening = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        listening.set()
        await reader.read()
        writer.close()

    async with await asyncio.start_server(silent, "127.0.0.1", 0) as dumb:
        port = dumb.sockets[0].getsockname()[1]
        async with Shortener(memory, Target.local(f"http://127.0.0.1:{port}/v1"), budget_tokens=BUDGET) as shortener:
            shortener.look(thread.id)
            await listening.wait()
    assert "digest" not in memory.get(thread.id).state


async def test_its_run_is_traced_for_the_customer(server: Any, memory: Memory, thread: Thread, tmp_path: Any) -> None:
    server.reply = json.dumps({"digest": "Tents."})
    with trace_to(tmp_path), collect() as runs:
        await shorten(memory, thread.id, server.target, budget_tokens=BUDGET)
    assert [run.prompt for run in runs] == ["summary"]
    records = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(tmp_path.rglob("*.jsonl"))]
    assert {(record["customer"], record["thread"]) for record in records} == {("maya", thread.id)}


async def test_a_very_long_talk_keeps_its_facts_and_its_budget(server: Any, memory: Memory, thread: Thread) -> None:
    server.reply = json.dumps({"digest": "A summary that forgets everything."})
    for number in range(60):
        memory.append(thread.id, Message(source="chat", role="user", text=f"Again {number}, {LONG}."))
        await shorten(memory, thread.id, server.target, budget_tokens=BUDGET)
        now = memory.get(thread.id)
        seed = chat_messages(now, memory.history(thread.id), budget_tokens=BUDGET)
        assert "In the cart: 3 x TEN-02." in seed.context
        assert "The customer agreed to being called." in seed.context
        assert any("more than 250 dollars" in fact for fact in seed.context) or number == 0
        assert seed.messages[-1]["content"].startswith(f"Again {number}")
        assert len(seed.messages) >= KEEP_TURNS
    assert len(server.asked) < 30, f"a share of {FULL} is filled again before the next digest"
