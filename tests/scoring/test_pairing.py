from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest

from contoso_lab.errors import ScoringError
from contoso_lab.scoring import Metric, Row, Score, Scores
from contoso_lab.scoring.pairing import pair

WAIT = Metric("wait_ms", unit="ms", lower_is_better=True, aggregate="median")
SHARE = Metric("true_prices", unit="share", aggregate="ratio")


def run(metric: Metric, calls: Iterable[tuple[str, str, list[Score]]]) -> Scores:
    rows = [
        Row.of(replace(score, turn=turn), metric=metric, recording=name, scenario=scenario)
        for name, scenario, scores in calls
        for turn, score in enumerate(scores)
    ]
    return Scores(rows, {metric.name: metric})


def test_turns_are_paired_by_scenario_and_place() -> None:
    a = run(WAIT, [("a1", "tent", [Score(100.0), Score(200.0)]), ("a2", "boots", [Score(300.0)])])
    b = run(WAIT, [("b1", "boots", [Score(310.0)]), ("b2", "tent", [Score(90.0), Score(180.0)])])
    pairs = pair("wait_ms", a, b)
    assert pairs.differences == (-10, -20, 10)
    assert pairs.clusters == ("tent", "tent", "boots")
    assert pairs.notes == ()


def test_one_scenario_run_often_is_paired_run_by_run() -> None:
    a = run(WAIT, [(f"a{i}", "tent", [Score(100.0 + i)]) for i in range(3)])
    b = run(WAIT, [(f"b{i}", "tent", [Score(200.0 + i)]) for i in range(2)])
    pairs = pair("wait_ms", a, b)
    assert pairs.differences == (100, 100)
    assert pairs.calls == 2
    assert pairs.notes == ("1 without a counterpart",)


def test_several_scenarios_run_often_count_as_scenarios() -> None:
    calls = [(f"{s}{i}", s, [Score(1.0)]) for s in ("tent", "boots") for i in range(4)]
    pairs = pair("wait_ms", run(WAIT, calls), run(WAIT, calls))
    assert len(pairs) == 8
    assert pairs.calls == 2


@pytest.mark.parametrize(
    ("a", "b", "difference"),
    [
        (Score(1000.0), Score.censored(9000, ""), 8000),
        # A short vain wait is no fast answer.
        (Score(1000.0), Score.censored(400, ""), 0),
        (Score.censored(9000, ""), Score(1000.0), -8000),
        (Score.censored(400, ""), Score(1000.0), 0),
        (Score.censored(400, ""), Score.censored(9000, ""), 0),
    ],
)
def test_silence_never_counts_as_faster(a: Score, b: Score, difference: float) -> None:
    pairs = pair("wait_ms", run(WAIT, [("a", "s", [a])]), run(WAIT, [("b", "s", [b])]))
    assert pairs.differences == (difference,)
    assert pairs.notes == ("1 unanswered, counted as the wait that was seen",)


def test_ratios_are_one_number_for_each_call() -> None:
    a = run(SHARE, [("a", "s", [Score(1.0, n=3), Score(0.0, n=1)])])
    b = run(SHARE, [("b", "s", [Score(0.5, n=2)])])
    pairs = pair("true_prices", a, b)
    assert pairs.values == ((0.75,), (0.5,))
    assert pairs.flips is None


def test_yes_and_no_are_counted_as_flips() -> None:
    a = run(SHARE, [(f"a{i}", f"s{i}", [Score(value)]) for i, value in enumerate([0.0, 0.0, 1.0, 1.0])])
    b = run(SHARE, [(f"b{i}", f"s{i}", [Score(value)]) for i, value in enumerate([1.0, 1.0, 0.0, 1.0])])
    assert pair("true_prices", a, b).flips == (2, 1)


def test_what_failed_is_said() -> None:
    a = run(WAIT, [("a", "s", [Score.error("broke"), Score(1.0)])])
    b = run(WAIT, [("b", "s", [Score(3.0), Score(2.0)])])
    pairs = pair("wait_ms", a, b)
    assert pairs.differences == (1,)
    assert pairs.notes == ("1 without a counterpart", "1 failed to be scored")


def test_runs_of_other_customers_cannot_be_paired() -> None:
    with pytest.raises(ScoringError, match="share no call"):
        pair("wait_ms", run(WAIT, [("a", "tent", [Score(1.0)])]), run(WAIT, [("b", "boots", [Score(1.0)])]))
