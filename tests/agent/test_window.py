"""The context within the window: what is never lost, what goes first, and the budget that is kept."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contoso_lab.agent.facts import MOST_SAID, SAID, facts_of, said_for_good, with_said
from contoso_lab.agent.shortening import first_words, to_fold
from contoso_lab.agent.window import KEEP_TURNS, LINE_TOKENS, SHORTENED, as_heard, fit
from contoso_lab.errors import PromptError
from contoso_lab.memory import Message, Thread
from contoso_lab.prompts import count_tokens
from contoso_lab.shop.cart import Line, Order

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def thread_of(**state: Any) -> Thread:
    return Thread("thread_1", "maya", "voice", "en", state, NOON, NOON, None, 1)


def turns(*texts: str) -> list[Message]:
    return [
        Message(
            source="call", role="user" if number % 2 == 0 else "assistant", text=text, id=f"m{number}",
            at=NOON + timedelta(seconds=number), seq=number,
        )
        for number, text in enumerate(texts)
    ]  # fmt: skip


words = st.text(st.sampled_from("abcdefg tent 0123 äß 日本語 \n.,!—"), max_size=400)
skus = st.sampled_from(["TEN-01", "TEN-02", "PAC-03", "SLE-02", "STO-01"])
states = st.fixed_dictionaries(
    {
        "cart": st.lists(st.fixed_dictionaries({"sku": skus, "quantity": st.integers(1, 99)}), max_size=6),
        "consent": st.dictionaries(st.sampled_from(["call", "screen"]), st.booleans()),
    },
    optional={
        "digest": words,
        "summaries": st.lists(words, max_size=30),
        "facts": st.lists(words.map(lambda text: f"{SAID}{text}"), max_size=30),
        "shown": st.lists(st.fixed_dictionaries({"skus": st.lists(skus, max_size=3)}), max_size=4),
        "digested": st.lists(st.sampled_from([f"m{n}" for n in range(9)]), max_size=9),
    },
)
talks = st.lists(st.tuples(words, st.sampled_from(["all", "none", "half"])), max_size=40)


def talk(parts: list[tuple[str, str]]) -> list[Message]:
    made = []
    for number, (text, how) in enumerate(parts):
        role: Any = "user" if number % 2 == 0 else "assistant"
        heard = None if how == "all" or role == "user" else "" if how == "none" else text[: len(text) // 2]
        made.append(Message(source="call", role=role, text=text, heard=heard, id=f"m{number}", seq=number))
    return made


@given(states, talks, st.integers(1200, 4000))
def test_whatever_was_said_facts_stay_the_newest_turns_stay_and_the_budget_is_kept(
    state: dict[str, Any], parts: list[tuple[str, str]], budget: int
) -> None:
    history = talk(parts)
    fitted = fit(thread_of(**state), history, budget_tokens=budget)
    context = " ".join(fitted.context)
    for line in state["cart"]:
        assert f"{line['quantity']} x {line['sku']}" in context
    agreed = [kind for kind, given_ in state["consent"].items() if given_]
    if agreed:
        assert "agreed to" in context.split("did not agree")[0]
    if len(agreed) < len(state["consent"]):
        assert "did not agree to" in context
    folded = set(state.get("digested", []))
    spoken = [message for message in history if message.id not in folded and as_heard(message)]
    # Word by word, in order, without a gap, and always the last one.
    assert list(fitted.messages) == spoken[len(spoken) - len(fitted.messages) :]
    assert fitted.left_out == len(spoken) - len(fitted.messages)
    assert bool(fitted.messages) == bool(spoken)
    spent = count_tokens(context) + sum(LINE_TOKENS + count_tokens(as_heard(turn)) for turn in fitted.messages)
    assert spent <= fitted.tokens <= budget


@given(states, talks)
def test_with_room_for_all_nothing_is_left_out(state: dict[str, Any], parts: list[tuple[str, str]]) -> None:
    fitted = fit(thread_of(**state), talk(parts), budget_tokens=200_000)
    assert fitted.left_out == 0
    assert len(fitted.told) == bool(state.get("digest", "").strip()) + sum(
        bool(text.strip()) for text in state.get("summaries", [])
    )
    assert len(fitted.facts) == len(facts_of(thread_of(**state)))


def test_what_goes_first_when_room_is_short() -> None:
    history = turns(*(f"turn {number} " + "with some words about tents " * 4 for number in range(20)))
    thread = thread_of(
        digest="Old things. " * 20,
        summaries=[f"Summary {number} of what was said." for number in range(10)],
        facts=[f'{SAID}at most {number} dollars"' for number in range(3)],
    )
    sizes = {}
    for budget in (275, 395, 3000):
        fitted = fit(thread, history, budget_tokens=budget)
        sizes[budget] = (len(fitted.messages), len(fitted.facts), len(fitted.told))
    assert sizes[275] == (KEEP_TURNS, 3, 0), "the newest turns, and the customer's own limits, before any summary"
    assert sizes[395] == (KEEP_TURNS, 3, 6), "the digest and the newest summaries before older turns"
    assert sizes[3000] == (20, 3, 11)
    assert "14 earlier turns are not shown." in fit(thread, history, budget_tokens=275).context


def test_a_budget_that_cannot_hold_the_facts_is_refused() -> None:
    with pytest.raises(PromptError, match="thread_1: its facts and its newest turn take more than the budget of 60"):
        fit(thread_of(cart=[{"sku": "TEN-02", "quantity": 1}]), turns("tent " * 100), budget_tokens=60)


@pytest.mark.parametrize("text", ["長い話です。" * 700, "😀" * 4000, "tent " * 4000])
def test_a_call_is_told_the_beginning_of_a_turn_that_is_longer_than_everything(text: str) -> None:
    thread = thread_of(cart=[{"sku": "TEN-02", "quantity": 1}])
    with pytest.raises(PromptError, match="more than the budget of 1000 tokens"):
        fit(thread, turns(text), budget_tokens=1000)
    (message,) = fit(thread, turns(text), budget_tokens=1000, whole=False).messages
    assert message.text.endswith(SHORTENED)
    assert text.startswith(message.text.removesuffix(SHORTENED))
    assert 700 < count_tokens(message.text) <= 1000


def test_facts_are_said_in_fixed_words() -> None:
    thread = thread_of(
        cart=[{"sku": "TEN-02", "quantity": 2}],
        consent={"call": True, "screen": False},
        orders=[
            Order("A-1", NOON, (Line("STO-01", 1),), Decimal("89.95"), "USD").to_json(),
            {"id": "A-2", "from": "another shop"},
        ],
        shown=[{"skus": ["TEN-01", "TEN-02"]}, {"skus": ["TEN-02"]}],
        refused=["TEN-03"],
        facts=["Camps in\nSeptember."],
    )
    assert facts_of(thread, name_of=lambda sku: "Meadow Four" if sku == "TEN-02" else sku) == [
        "In the cart: 2 x Meadow Four (TEN-02).",
        "The customer agreed to being called; did not agree to pages on the screen.",
        "Ordered: 1 x STO-01, for 89.95 USD, on 2026-11-22 (A-1).",
        "Ordered: id A-2, from another shop.",
        "Shown on the screen: TEN-01, Meadow Four (TEN-02).",
        "Refused by the customer: TEN-03.",
        "Camps in September.",
    ]
    assert facts_of(thread_of(cart=[])) == ["The cart is empty."]
    assert facts_of(thread_of()) == []


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Hello. I don't want to pay more than 250 dollars. Thanks!", ["I don't want to pay more than 250 dollars."]),
        ("Mein Budget liegt bei 199,50 Euro, höchstens.", ["Mein Budget liegt bei 199,50 Euro, höchstens."]),
        ("Il ne faut pas dépasser deux cents euros.", ["Il ne faut pas dépasser deux cents euros."]),
        ("No quiero gastar más de cien euros. ¿Vale?", ["No quiero gastar más de cien euros."]),
        ("予算は二百ドルまでです。", ["予算は二百ドルまでです。"]),
        ("I'm allergic to down.", ["I'm allergic to down."]),
        ("I already own the Ridge Two.", ["I already own the Ridge Two."]),
        ("Ich möchte den Rucksack nicht.", ["Ich möchte den Rucksack nicht."]),
        ("It has to be under 2.5 kilos, please.", ["It has to be under 2.5 kilos, please."]),
        ("What a lovely day. Is it waterproof?", []),
    ],
)
def test_limits_and_refusals_are_kept_in_the_customers_own_words(text: str, kept: list[str]) -> None:
    message = Message(source="call", role="user", text=text)
    assert said_for_good([message]) == [f'{SAID}{sentence}"' for sentence in kept]
    assert said_for_good([Message(source="call", role="assistant", text=text)]) == []


def test_of_the_customers_sentences_the_newest_stay_and_of_other_facts_all() -> None:
    facts = ["Camps in September."]
    for number in range(MOST_SAID + 5):
        facts = with_said(facts, [f'{SAID}at most {number} dollars"'])
    assert facts[0] == "Camps in September."
    assert len(facts) == MOST_SAID + 1
    assert facts[-1] == f'{SAID}at most {MOST_SAID + 4} dollars"'
    assert with_said(facts, [facts[-1]]) == facts, "nothing twice"


@given(talks, st.integers(100, 3000))
def test_folding_takes_the_oldest_and_spares_the_newest(parts: list[tuple[str, str]], budget: int) -> None:
    history = talk(parts)
    chosen = to_fold(thread_of(), history, budget_tokens=budget)
    assert chosen == history[: len(chosen)]
    assert len(chosen) <= max(0, len(history) - KEEP_TURNS)


@given(words, talks, st.integers(20, 500))
def test_a_digest_without_a_model_keeps_its_size(before: str, parts: list[tuple[str, str]], most: int) -> None:
    assert count_tokens(first_words(before, talk(parts), most_tokens=most)) <= most
