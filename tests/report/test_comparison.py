from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from contoso_lab.errors import ScoringError
from contoso_lab.report.comparison import Comparison, compare
from contoso_lab.scoring import Metric, Row, Score, Scores

WAIT = Metric("wait_ms", unit="ms", lower_is_better=True, aggregate="median", margin=100.0, about="How <long>.")
PART = Metric("part_ms", unit="ms", lower_is_better=True, aggregate="median", judged=False)
TRUTH = Metric("truth", unit="share")
ERRORS = Metric("errors", unit="share", lower_is_better=True, aggregate="ratio")

Values = Callable[[int, int], float]


def run(name: str, metric: Metric, value: Values, *, calls: int, turns: int = 6) -> list[Row]:
    return [
        Row.of(Score(float(value(c, t)), turn=t), metric=metric, recording=f"{name}{c}", scenario=f"call {c}")
        for c in range(calls)
        for t in range(turns)
    ]


def two(metrics: Sequence[Metric], a: Values, b: Values, *, calls: int) -> Comparison:
    sides = [
        Scores([r for m in metrics for r in run(name, m, value, calls=calls)], {m.name: m for m in metrics})
        for name, value in (("a", a), ("b", b))
    ]
    return compare(*sides)


def noise(seed: int, spread: float) -> Values:
    table = np.random.default_rng(seed).normal(0, spread, (64, 64))
    return lambda c, t: float(table[c, t])


def test_faster_is_better_and_slower_is_worse() -> None:
    shift = noise(1, 30)
    faster = two([WAIT], lambda c, t: 1000 + 20 * t, lambda c, t: 700 + 20 * t + shift(c, t), calls=8)["wait_ms"]
    assert faster.verdict.word == "better"
    assert faster.difference.value == pytest.approx(-300, abs=15)
    assert faster.difference.high < 0
    assert (faster.pairs.calls, len(faster.pairs)) == (8, 48)
    slower = two([WAIT], lambda c, t: 700 + shift(c, t), lambda c, t: 1000, calls=8)["wait_ms"]
    assert slower.verdict.word == "worse"


@pytest.mark.parametrize(("metric", "word"), [(TRUTH, "better"), (ERRORS, "worse")])
def test_each_metric_is_read_in_its_own_direction(metric: Metric, word: str) -> None:
    small = noise(2, 0.01)
    comparison = two([metric], lambda c, t: 0.5, lambda c, t: 0.7 + small(c, t), calls=7)
    assert comparison[metric.name].verdict.word == word


def test_one_call_is_too_few_to_say_anything() -> None:
    only = two([WAIT], lambda c, t: 1000, lambda c, t: 500 + t, calls=1)["wait_ms"]
    assert only.verdict.word == "too few calls to say"
    assert only.verdict.more_calls == 5
    assert only.difference.interval is None


def test_noise_is_not_shown_and_says_what_it_would_take() -> None:
    wide, other = noise(3, 400), noise(4, 400)
    row = two([WAIT], lambda c, t: 1000 + wide(c, t), lambda c, t: 1010 + other(c, t), calls=8)["wait_ms"]
    assert row.verdict.word == "not shown"
    assert "p = " in row.because


def test_a_small_difference_is_shown_to_be_small() -> None:
    small = noise(5, 25)
    row = two([WAIT], lambda c, t: 1000, lambda c, t: 1000 + small(c, t), calls=10)["wait_ms"]
    assert row.verdict.word == "equivalent"
    assert row.because.startswith("the difference is shown to be smaller than 100 ms")


def test_many_metrics_are_judged_together() -> None:
    shift = noise(6, 5)
    crowd = [Metric(f"m{i}") for i in range(8)]
    same = two(crowd, lambda c, t: 0.0, lambda c, t: 50 + shift(c, t), calls=7)
    assert {row.verdict.word for row in same} == {"too few calls to say"}
    assert two(crowd[:1], lambda c, t: 0.0, lambda c, t: 50 + shift(c, t), calls=7)["m0"].verdict.word == "better"


def test_what_never_differs_takes_no_share_of_the_level() -> None:
    shift = noise(6, 5)
    still = [Metric(f"still{i}") for i in range(7)]
    sides = []
    for name, by in (("a", 0.0), ("b", 50.0)):
        rows = run(name, TRUTH, lambda c, t, by=by: by + shift(c, t) * (by > 0), calls=7)
        rows += [r for m in still for r in run(name, m, lambda c, t: 1.0, calls=7)]
        sides.append(Scores(rows, {m.name: m for m in (TRUTH, *still)}))
    comparison = compare(*sides)
    assert comparison["truth"].verdict.word == "better"
    assert comparison["still0"].verdict.because == "the two are the same in all 42 pairs"


def test_parts_are_shown_without_a_verdict() -> None:
    row = two([PART], lambda c, t: 1.0, lambda c, t: 2.0, calls=7)["part_ms"]
    assert row.verdict is None
    assert row.p is None
    assert row.difference.value == 1


def test_what_cannot_be_paired_has_a_row_all_the_same() -> None:
    missing = Scores([Row.of(Score.missing("no tool"), metric=WAIT, recording="r", scenario="s")], {WAIT.name: WAIT})
    row = compare(missing, missing)["wait_ms"]
    assert row.difference is None
    assert row.cells[1:5] == ("–", "–", "–", "–")
    assert "nothing could be paired" in row.because


def test_the_tail_is_said_when_there_are_enough_turns() -> None:
    row = two([WAIT], lambda c, t: 1000 + t, lambda c, t: 1200 + t, calls=8)["wait_ms"]
    assert row.tails[0.9].value == pytest.approx(200)
    assert "p90 +200 ms" in row.because


def test_repeats_of_one_customer_are_called_so() -> None:
    rows = {
        name: [Row.of(Score(1.0 * i), metric=TRUTH, recording=f"{name}{i}", scenario="tent") for i in range(6)]
        for name in "ab"
    }
    comparison = compare(*(Scores(rows[name], {"truth": TRUTH}) for name in "ab"))
    assert comparison.calls == 6
    assert comparison.note == "All calls replay 'tent': the verdicts speak about that customer only."


def test_a_seed_gives_the_same_comparison_again() -> None:
    shift = noise(8, 30)
    first, again = (two([WAIT, TRUTH], lambda c, t: 1000, lambda c, t: 990 + shift(c, t), calls=8) for _ in range(2))
    assert repr(first) == repr(again)


def test_it_shows_itself() -> None:
    comparison = two([WAIT, TRUTH], lambda c, t: 1000, lambda c, t: 700 + t, calls=8)
    text = repr(comparison)
    assert text.splitlines()[0] == "From a to b over 8 pairs of calls"
    assert "−298 ms" in text
    page = comparison._repr_html_()
    assert "seagreen" in page
    assert "How &lt;long&gt;." in page
    table = comparison.table().set_index("metric")
    assert table.loc["wait_ms", "verdict"] == "better"
    assert table.loc["truth", "verdict"] == "worse"


@pytest.mark.parametrize(("names", "heading"), [(("warm", "brief"), "From warm to brief"), (("x", "x"), "From a to b")])
def test_runs_have_names(names: tuple[str, str], heading: str) -> None:
    scores = Scores(run("a", WAIT, lambda c, t: 1.0, calls=1), {WAIT.name: WAIT})
    comparison = compare(scores, scores, names=names)
    assert repr(comparison).startswith(heading)
    assert comparison.head[1:3] == comparison.names


def test_runs_that_do_not_meet_are_refused() -> None:
    a = Scores(run("a", WAIT, lambda c, t: 1.0, calls=2), {WAIT.name: WAIT})
    with pytest.raises(ScoringError, match="share no metric"):
        compare(a, Scores(run("b", TRUTH, lambda c, t: 1.0, calls=2), {TRUTH.name: TRUTH}))
    other = [Row.of(Score(1.0), metric=WAIT, recording="x", scenario="another")]
    with pytest.raises(ScoringError, match="share no call"):
        compare(a, Scores(other, {WAIT.name: WAIT}))
    with pytest.raises(ScoringError, match="'speed' was not compared"):
        compare(a, a)["speed"]
