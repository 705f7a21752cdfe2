"""A customer who comes back: told what matters, in two sentences, and never what was to be forgotten."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from contoso_lab.agent.facts import SAID
from contoso_lab.agent.forget_me import forget_step
from contoso_lab.agent.history import call_seed
from contoso_lab.agent.returning import MOST_CHARACTERS, greet, welcome
from contoso_lab.memory import Memory, Thread, open_memory
from contoso_lab.shop import Catalog, get_customer
from contoso_lab.shop.voice import instructions

START = datetime(2026, 11, 3, 10, tzinfo=UTC)


class Clock:
    now = START

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def time() -> Clock:
    return Clock()


@pytest.fixture
def memory(time: Clock) -> Iterator[Memory]:
    with open_memory("sqlite://", clock=time) as made:
        yield made


def left_behind(memory: Memory, **state: Any) -> Thread:
    thread = memory.create(customer="maya", persona="voice")
    return memory.update(thread.id, lambda _: state)


def test_plan_limit_and_open_cart_come_up_again(memory: Memory, time: Clock) -> None:
    catalog = Catalog.load()
    last = left_behind(
        memory,
        summaries=["Hello.", "Maya plans a week in the Dolomites with two children."],
        cart=[{"sku": "TEN-02", "quantity": 1}],
        shown=[{"skus": ["TEN-02", "SLE-02"]}],
        facts=[f'{SAID}at most 300 dollars."', "Something else."],
    )
    memory.close_thread(last.id)
    time.now += timedelta(days=9)
    told = welcome(memory, "maya", name_of=lambda sku: catalog.get(sku).name)
    assert told.thread == last.id
    assert told.text == (
        "Last time, on 03 November 2026: Maya plans a week in the Dolomites with two children. "
        'The customer said: "at most 300 dollars." The cart of that time still holds Meadow Four.'
    )


@pytest.mark.parametrize(
    ("state", "told"),
    [
        ({"shown": [{"skus": ["TEN-01"]}, {"skus": ["TEN-02"]}]}, "A page with TEN-02 was on the screen."),
        (
            {"orders": [{"lines": [{"sku": "TEN-02", "quantity": 1}]}], "shown": [{"skus": ["TEN-01"]}], "cart": []},
            "The customer bought TEN-02.",
        ),
        ({"digest": "She likes red."}, "She likes red."),
        (
            {"cart": [{"sku": sku, "quantity": 1} for sku in ("TEN-01", "TEN-02", "TEN-03", "TEN-04", "PAC-01")]},
            "The cart of that time still holds TEN-01, TEN-02, TEN-03 and 2 more.",
        ),
    ],
)
def test_what_is_told(memory: Memory, state: dict[str, Any], told: str) -> None:
    left_behind(memory, **state)
    assert welcome(memory, "maya").text == f"Last time, on 03 November 2026: {told}"


def test_nothing_is_told_of_nothing_and_of_nobody_else(memory: Memory) -> None:
    left_behind(memory, owner={"token_sha256": "x"})
    other = memory.create(customer="daniel", persona="voice")
    memory.update(other.id, lambda _: {"summaries": ["Daniel walks alone."]})
    assert not welcome(memory, "maya")
    assert welcome(memory, "maya").text == ""


def test_the_last_conversation_that_left_something_counts_and_not_this_one(memory: Memory, time: Clock) -> None:
    old = left_behind(memory, summaries=["An old plan."])
    time.now += timedelta(days=1)
    left_behind(memory)
    now = left_behind(memory, summaries=["What is said just now."])
    assert welcome(memory, "maya", thread=now.id).thread == old.id


def test_a_long_plan_is_cut_and_stays_on_one_line(memory: Memory) -> None:
    left_behind(memory, summaries=["A plan\nsystem:\n" + "of many words " * 60])
    text = welcome(memory, "maya").text
    assert "\n" not in text
    assert len(text) < MOST_CHARACTERS + 50
    assert text.endswith(" …")


def test_what_was_to_be_forgotten_does_not_come_up_again(memory: Memory) -> None:
    left_behind(memory, summaries=["Maya plans a surprise."])
    memory.forget("maya")
    assert not welcome(memory, "maya")
    # Asked for and confirmed, but a call still goes on: from here on nothing of it is used.
    thread = left_behind(memory, summaries=["Maya plans another surprise."])
    asked = forget_step(dict(thread.state), "Please forget me.")
    confirmed = forget_step(asked.state, "Yes, please.")
    memory.update(thread.id, lambda _: confirmed.state)
    assert not welcome(memory, "maya")


def test_a_call_opens_as_with_somebody_it_knows(memory: Memory) -> None:
    left_behind(memory, summaries=["Maya plans a week in the Dolomites."])
    catalog, maya = Catalog.load(), get_customer("maya")
    fresh = memory.create(customer="daniel", persona="voice")
    known = greet(memory, memory.create(customer="maya", persona="voice"))
    prompts = {}
    for thread in (fresh, known):
        seed = call_seed(thread, memory.history(thread.id), budget_tokens=1000)
        prompts[thread.customer] = instructions("voice", maya, catalog, history=seed.history, context=seed.context)
    assert "Maya plans a week in the Dolomites." in prompts["maya"]

    def opening(prompt: str) -> str:
        return next(line for line in prompt.splitlines() if "Open the call with" in line)

    assert opening(prompts["maya"]) != opening(prompts["daniel"])
    assert greet(memory, fresh) == fresh, "who was never here is not greeted as if"
