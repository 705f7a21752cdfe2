from __future__ import annotations

import numpy as np
import pytest

from contoso_lab.errors import ScoringError
from contoso_lab.scoring.paired import per_call, sign_flip
from contoso_lab.scoring.stats import Estimate, design_effect, intraclass_correlation
from contoso_lab.scoring.stats.planning import (
    fewest_pairs,
    minimal_detectable_effect,
    paired_variance,
    plan,
    sample_size,
)


def test_millers_example() -> None:
    assert sample_size(0.03, 1 / 9) == 969


def test_more_runs_of_an_item_need_fewer_items() -> None:
    once, often = (
        sample_size(0.1, 0.2, noise_a=0.5, noise_b=0.5),
        sample_size(0.1, 0.2, noise_a=0.5, noise_b=0.5, epochs_a=10, epochs_b=10),
    )
    assert (once, often) == (942, 236)


@pytest.mark.parametrize(("n", "mde"), [(30, 0.51), (100, 0.28), (200, 0.20)])
def test_what_a_judge_of_five_grades_can_show(n: int, mde: float) -> None:
    assert minimal_detectable_effect(n, paired_variance(1.0, 0.5)) == pytest.approx(mde, abs=5e-3)


@pytest.mark.parametrize(("n", "mde"), [(100, 0.125), (200, 0.089)])
def test_what_a_yes_or_no_can_show_when_a_fifth_of_the_pairs_differ(n: int, mde: float) -> None:
    assert minimal_detectable_effect(n, 0.20) == pytest.approx(mde, abs=5e-4)


def test_a_size_and_its_effect_are_each_others_reverse() -> None:
    n = sample_size(0.17, 0.8, deff=2.0, metrics=5)
    assert minimal_detectable_effect(n, 0.8, deff=2.0, metrics=5) <= 0.17
    assert minimal_detectable_effect(n - 1, 0.8, deff=2.0, metrics=5) > 0.17


def test_turns_that_resemble_each_other_cost_calls() -> None:
    assert design_effect(9, 0.3) == pytest.approx(3.4)
    assert minimal_detectable_effect(90, 1.0, deff=3.4) == pytest.approx(minimal_detectable_effect(90, 3.4))


def test_resemblance_of_turns_is_found_again() -> None:
    rng = np.random.default_rng(3)
    calls = np.repeat(np.arange(400), 9)
    values = rng.normal(0, np.sqrt(0.3), 400)[calls] + rng.normal(0, np.sqrt(0.7), calls.size)
    assert intraclass_correlation(values, calls.tolist()) == pytest.approx(0.3, abs=0.04)


def test_a_plan_says_what_calls_can_show_before_they_are_paid_for() -> None:
    told = plan(40, sd=400.0, correlation=0.5, wanted=100.0, unit="ms", metrics=3)
    assert str(told) == (
        "40 pairs of calls show a difference of 205 ms or more in 80% of such comparisons (level 0.05, 3 metrics "
        "judged together); one of 100 ms needs 168"
    )
    assert not told.enough
    pilot = Estimate(-30.0, clusters=10, se=12.0)
    assert plan(40, pilot=pilot).mde == pytest.approx(2.8016 * 12 * (10 / 40) ** 0.5, rel=1e-4)


def test_a_plan_of_too_few_calls_says_so() -> None:
    told = plan(5, sd=1.0)
    assert (told.enough, told.fewest_calls, fewest_pairs()) == (False, 6, 6)
    assert str(told) == "5 pairs of calls can show nothing: 6 are the fewest"


@pytest.mark.parametrize("wrong", [{}, {"sd": 1.0, "pilot": Estimate(1.0)}, {"pilot": Estimate(1.0)}])
def test_a_plan_needs_one_source_of_its_spread(wrong: dict[str, object]) -> None:
    with pytest.raises(ScoringError):
        plan(10, **wrong)  # type: ignore[arg-type]


def test_a_difference_of_nothing_has_no_size() -> None:
    with pytest.raises(ScoringError, match="zero"):
        sample_size(0.0, 1.0)


@pytest.mark.parametrize("runs", [400, pytest.param(4000, marks=pytest.mark.slow)], ids=["quick", "full"])
def test_the_power_that_was_promised_is_had(runs: int) -> None:
    rng = np.random.default_rng(5)
    calls = 30
    mde = plan(calls, sd=1.0, correlation=0.5).mde
    found = 0
    for _ in range(runs):
        difference = rng.normal(mde, 1.0, calls)
        found += sign_flip(per_call(difference, list(range(calls)), robust=False), rng, draws=299) <= 0.05
    assert found / runs == pytest.approx(0.80, abs=0.07)
