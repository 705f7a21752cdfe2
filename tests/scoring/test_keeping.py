"""Truth, demands, what is owned, personas, tasks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from contoso_lab.scoring import Metric, Row, Score, Scores
from contoso_lab.scoring.adherence import persona_adherence, sentences, speakability
from contoso_lab.scoring.suggestions import accept_rate, constraint_sat, diversity
from contoso_lab.scoring.tasks import pass_at, task_success
from contoso_lab.scoring.truth import off_budget_rate, sold_again_rate, truth_said, truth_shown

Make = Callable[..., Any]


def _talk(call: Make, *replies: str, **options: Any) -> Any:
    talk = call()
    for turn, reply in enumerate(replies):
        start = 4000 + turn * 6000
        talk.speaks(start, start + 1000, f"question {turn}")
        talk.answers(f"a{turn}", talk.hears(f"u{turn}", start, start + 1000, f"question {turn}"), reply)
    return talk


def test_claims_are_held_against_the_catalogue(call: Make) -> None:
    talk = _talk(call, "The Meadow Four costs $250 and sleeps four.", "How nice.")
    (score,) = truth_said(talk.recording())
    assert (score.value, score.n, score.turn) == (0.5, 2, 0)
    assert "'$250' (price, false)" in score.reason


def test_a_page_is_held_against_it_too(call: Make) -> None:
    talk = call()
    talk.shows(5000, "### Meadow Four (TEN-02)\n\n![Meadow Four](/images/TEN-02.svg)\n\n**$279.00** and it weighs 5 kg")
    (score,) = truth_shown(talk.recording())
    assert score.n == 3
    assert score.value == pytest.approx(2 / 3)


def test_what_is_owned_already_is_not_sold_again(call: Make) -> None:
    talk = _talk(call, "I would take the Pathfinder Boots.", "The Meadow Four is a good tent.")
    talk.shows(20_000, "### Daybreak Daypack (PAC-01)")
    first, second, page = sold_again_rate(talk.recording())
    # Maya owns FTW-01 and PAC-01.
    assert (first.value, second.value) == (True, False)
    assert (page.value, page.reason) == (True, "the page shows PAC-01")


def test_labels_say_better_what_is_owned(call: Make) -> None:
    talk = _talk(call, "I would take the Meadow Four.")
    (score,) = sold_again_rate(talk.recording(labels={"bought": ["TEN-02"]}))
    assert score.value is True


DEMANDS = [
    {"kind": "budget", "said": "the tent under $300", "turn": 0, "category": "Tents", "most_usd": 300.0},
    {"kind": "capacity", "said": "for four", "turn": 0, "category": "Tents", "allowed": ["TEN-02", "TEN-04"]},
    {"kind": "season", "said": "cold nights", "turn": 5, "category": "Sleeping Bags", "allowed": ["SLE-03"]},
]


@pytest.mark.parametrize(
    ("page", "value", "n"),
    [
        ("### Meadow Four (TEN-02)", 1.0, 2),
        ("### Lodge Eight (TEN-04)", 0.5, 2),  # it costs more than 300
        ("### Harbor Two (TEN-01)\n\n### Meadow Four (TEN-02)", 0.5, 2),  # one that is too small spoils the second
        ("### Lodge Eight (TEN-04)\n\n### Summer Night (SLE-01)", 1 / 3, 3),
    ],
)
def test_hard_demands_need_no_judge(call: Make, page: str, value: float, n: int) -> None:
    talk = _talk(call, "Yes.")
    talk.shows(20_000, page)
    (score,) = constraint_sat(talk.recording(labels={"demands": DEMANDS}))
    assert (score.value, score.n) == (pytest.approx(value), n)


def test_a_page_that_no_demand_is_about_is_not_told(call: Make) -> None:
    talk = _talk(call, "Yes.")
    talk.shows(20_000, "### Hearth Stove (STO-02)")
    (score,) = constraint_sat(talk.recording(labels={"demands": DEMANDS}))
    assert score.status == "skipped"


def test_a_demand_that_was_made_later_is_not_held(call: Make) -> None:
    talk = _talk(call, "Yes.", "Yes.")
    talk.shows(9000, "### Lodge Eight (TEN-04)")  # before the second turn ends
    late = [{**DEMANDS[0], "turn": 1}]
    assert constraint_sat(talk.recording(labels={"demands": late}))[0].status == "skipped"


def test_offers_above_the_budget_are_counted(call: Make) -> None:
    talk = _talk(call, "Take the Lodge Eight.", "Then the Meadow Four.")
    talk.shows(20_000, "### Lodge Eight (TEN-04)")
    said, second, page = off_budget_rate(talk.recording(labels={"demands": DEMANDS[:1]}))
    assert (said.value, second.value, page.value) == (True, False, True)
    assert "TEN-04 at $449.00, the tent under $300" in page.reason


def test_a_persona_is_held_to_what_its_data_promise(call: Make) -> None:
    talk = call()
    talk.answers("hi", 200, "Hello Maya. What are you planning?")
    for turn, reply in enumerate(("It is light.", "It is light. It is warm.", "The Harbor Two, or the Meadow Four.")):
        start = 4000 + turn * 6000
        talk.speaks(start, start + 1000, "a question")
        talk.answers(f"a{turn}", talk.hears(f"u{turn}", start, start + 1000, "and this one, please"), reply)
    greeting, brief, long, two = persona_adherence(talk.recording(persona="voice_brief"))
    assert greeting.value == brief.value == 1.0
    assert "length: 2 sentences, 1 are the most" in long.reason
    assert "products: TEN-01, TEN-02; 1 at a time" in two.reason
    assert (two.n, two.value) == (3, pytest.approx(2 / 3))


def test_another_greeting_is_none_of_the_persona(call: Make) -> None:
    talk = call()
    talk.answers("hi", 200, "Yo, what do you want?")
    (score,) = persona_adherence(talk.recording(persona="voice_brief"))
    assert "it is not the greeting" in score.reason


def test_an_unknown_persona_cannot_be_held_to_anything(call: Make) -> None:
    score = persona_adherence(_talk(call, "Yes.").recording(persona="nobody"))
    assert score.status == "skipped"
    assert "nobody" in score.reason


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 0),
        ("Yes", 1),
        ("It costs $1,049.50. Good?", 2),
        ("Wait… really?!", 2),
        ("Das ist z. B. gut.", 1),
        ("テントです。いいですか？", 2),
    ],
)
def test_sentences_are_counted(text: str, count: int) -> None:
    assert sentences(text) == count


def test_what_no_voice_can_say(call: Make) -> None:
    talk = _talk(call, "It is **light**, see www.contoso.example.", "It is light.")
    talk.speaks(25_000, 26_000, "and?")
    talk.answers("long", talk.hears("u9", 25_000, 26_000, "and?"), "Well.", sound_ms=21_000)
    marked, plain, long = speakability(talk.recording())
    assert (marked.value, plain.value, long.value) == (False, True, False)
    assert "21 s without a pause" in long.reason


@pytest.mark.parametrize(
    ("task", "done"),
    [
        ({"kind": "page", "skus": ["TEN-02"]}, True),
        ({"kind": "page", "skus": ["TEN-02", "SLE-02"]}, False),
        ({"kind": "page", "skus": ["TEN-01", "TEN-02"], "any_of": True}, True),
        ({"kind": "cart", "cart": {"TEN-02": 2}}, True),
        ({"kind": "cart", "cart": {"TEN-02": 1}}, False),
        ({"kind": "answer", "facts": ["$279"]}, True),
        ({"kind": "answer", "facts": ["6.1"]}, False),
        ({"kind": "none"}, False),
    ],
)
def test_a_task_is_done_when_the_end_says_so(call: Make, task: dict[str, Any], done: bool) -> None:
    talk = _talk(call, "It costs two hundred and seventy nine dollars.")
    talk.shows(9000, "### Meadow Four (TEN-02)")
    output = '{"cart": [{"sku": "TEN-02", "quantity": 2}], "total": 558}'
    item = {"type": "function_call_output", "call_id": "c1", "output": output}
    talk.add(10_000, "c2s", {"type": "conversation.item.create", "item": item})
    score = task_success(talk.recording(labels={"task": {"goal": "a tent", **task}}))
    assert score.value is done


def test_trials_of_one_task_give_pass_at_k() -> None:
    metric = Metric("task_success", unit="share")
    rows = []
    for scenario, passed in (("a", (1, 1, 0, 1)), ("b", (1, 1, 1, 1)), ("c", (0, 0, 1, 0)), ("short", (1,))):
        rows += [
            Row.of(Score(bool(p)), metric=metric, recording=f"{scenario}{i}", scenario=scenario)
            for i, p in enumerate(passed)
        ]
    rows.append(Row.of(Score.error("it broke"), metric=metric, recording="c9", scenario="c"))
    scores = Scores(rows, {metric.name: metric})
    told = pass_at(scores, 2, every=True)
    assert told.value == pytest.approx((0.5 + 1 + 0) / 3)
    assert told.note == "1 scenarios were run fewer than 2 times"
    assert pass_at(scores, 2).value == pytest.approx((1 + 1 + (1 - 6 / 10)) / 3)


def test_clicks_count_only_where_the_customer_saw_this_page(call: Make) -> None:
    talk = call()
    talk.shows(5000, "### Meadow Four (TEN-02)\n\n### Harbor Two (TEN-01)")
    talk.local(6000, "suggestion.clicked", suggestion_id="s1", sku="TEN-02")
    assert accept_rate(talk.recording()).value == 0.5
    assert accept_rate(talk.recording(name="again", mode="paced")).status == "skipped"


def test_a_page_of_one_product_is_neither_diverse_nor_not(call: Make) -> None:
    talk = call()
    talk.shows(5000, "### Meadow Four (TEN-02)")
    talk.shows(7000, "### Meadow Four (TEN-02)\n\n### Hearth Stove (STO-02)", name="s2")
    one, two = diversity(talk.recording())
    assert one.status == "skipped"
    assert two.value > 0.8
