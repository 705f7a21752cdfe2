from __future__ import annotations

import itertools

import numpy as np
import pytest

from contoso_lab.errors import ScoringError
from contoso_lab.scoring.paired import (
    calls_needed,
    equivalent,
    hodges_lehmann,
    mcnemar,
    per_call,
    sign_flip,
    smallest_p,
    walsh_median,
)
from contoso_lab.scoring.stats import Estimate


def test_five_calls_cannot_go_below_one_in_sixteen() -> None:
    assert sign_flip([5, 1, 9, 3, 2]) == 0.0625 == smallest_p(5)


def test_exact_sign_flip_counts_every_pattern() -> None:
    differences = np.array([3.0, -1.0, 2.5, 0.5, -0.2, 4.0, 1.0])
    sums = [abs(float(np.dot(signs, differences))) for signs in itertools.product((1, -1), repeat=7)]
    expected = sum(total >= abs(differences.sum()) - 1e-12 for total in sums) / 2**7
    assert sign_flip(differences) == expected


def test_drawn_sign_flips_count_the_observed_one() -> None:
    rng = np.random.default_rng(1)
    assert sign_flip(np.ones(40), rng, draws=999) == 1 / 1000
    with pytest.raises(ScoringError, match="rng"):
        sign_flip(np.ones(15))


def test_drawn_and_counted_agree() -> None:
    differences = np.random.default_rng(3).normal(0.4, 1, 14)
    exact = sign_flip(differences)
    # One more call that says nothing changes no p, but takes the drawing path.
    drawn = sign_flip(np.append(differences, 0.0), np.random.default_rng(4), draws=20_000)
    assert drawn == pytest.approx(exact, abs=0.01)


@pytest.mark.parametrize(
    ("gained", "lost", "p"), [(0, 0, 1.0), (1, 1, 1.0), (0, 6, 0.03125), (2, 10, 0.03857421875), (5, 5, 1.0)]
)
def test_mcnemar(gained: int, lost: int, p: float) -> None:
    assert mcnemar(gained, lost) == pytest.approx(p)


def test_walsh_median_shrugs_at_a_wild_turn() -> None:
    assert walsh_median([10, 11, 12, 13, 9000]) == 12
    assert walsh_median([7]) == 7


def test_hodges_lehmann_has_no_interval_from_one_call() -> None:
    assert hodges_lehmann([1, 2], "aa").interval is None
    assert hodges_lehmann([1, 1], "ab").interval == (1, 1)


def test_per_call_sums_or_shifts() -> None:
    assert per_call([1, 2, 6, 5], "aaab", robust=False).tolist() == [9, 5]
    assert per_call([1, 2, 60, 5], "aaab", robust=True).tolist() == [16.25, 5]


def test_equivalence_needs_more_than_no_difference() -> None:
    assert equivalent(Estimate(0.0, clusters=8, se=40.0), 100)
    assert not equivalent(Estimate(0.0, clusters=8, se=60.0), 100)
    assert not equivalent(Estimate(0.0, clusters=1), 100)


def test_calls_needed_agrees_with_the_planning_example_of_miller() -> None:
    # ω² = 1/9 and δ = 0.03 give 969 pairs at 80 % power (arXiv 2411.00640).
    pilot = Estimate(0.03, clusters=100, se=(1 / 9 / 100) ** 0.5)
    assert calls_needed(pilot) == 969


def test_calls_needed_never_goes_below_what_the_test_needs() -> None:
    assert calls_needed(Estimate(100.0, clusters=3, se=0.1)) == 6
    assert calls_needed(Estimate(100.0, clusters=3, se=0.1), metrics=8) == 9
    assert calls_needed(Estimate(0.0, clusters=3, se=0.1)) is None


def test_chance_alone_is_seldom_called_a_difference() -> None:
    rng = np.random.default_rng(11)
    calls, turns, runs = 8, 9, 600
    alarms = {"calls": 0, "turns": 0}
    clusters = np.repeat(np.arange(calls), turns).tolist()
    for _ in range(runs):
        # Each run has its own mood in each call, so the turns of a call differ together.
        difference = (rng.normal(0, 0.5, (calls, 1)) + rng.normal(0, 0.5, (calls, turns))).ravel()
        alarms["calls"] += sign_flip(per_call(difference, clusters, robust=False)) <= 0.05
        alarms["turns"] += sign_flip(difference, rng, draws=199) <= 0.05
    assert alarms["calls"] / runs <= 0.07
    assert alarms["turns"] / runs > 0.15


def test_shift_interval_holds_the_truth() -> None:
    rng = np.random.default_rng(5)
    calls, turns, runs = 8, 6, 250
    clusters = np.repeat(np.arange(calls), turns).tolist()
    hits = 0
    for _ in range(runs):
        mood = rng.normal(0, 0.4, (calls, 1))
        difference = 1.0 + (mood + rng.laplace(0, 0.4, (calls, turns))).ravel()
        low, high = hodges_lehmann(difference, clusters).interval or (2, 0)
        hits += low <= 1.0 <= high
    assert hits / runs >= 0.90
