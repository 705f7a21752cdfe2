from __future__ import annotations

import math

import numpy as np
import pytest

from contoso_lab.errors import ScoringError
from contoso_lab.scoring.stats import (
    Estimate,
    bootstrap_t,
    clustered_mean,
    clustered_se,
    group,
    holm,
    mean_interval,
    student_quantile,
    wilson,
)


def test_clustered_standard_error_agrees_with_inspect_and_statsmodels() -> None:
    values = list(range(20))
    estimate = clustered_mean(values, [i % 4 for i in values])
    assert estimate.value == 9.5
    assert estimate.se == pytest.approx(0.645497, abs=5e-7)
    assert estimate.low == pytest.approx(9.5 - 3.182446305284263 * 0.6454972243679028)


@pytest.mark.parametrize(
    ("df", "expected"), [(1, 12.706204736432095), (4, 2.7764451051977987), (9, 2.2621571627409915)]
)
def test_student_quantile(df: int, expected: float) -> None:
    assert student_quantile(0.975, df) == pytest.approx(expected, rel=1e-9)


def test_clusters_of_one_give_the_textbook_standard_error() -> None:
    values = np.array([3.0, 5.0, 9.0, 11.0])
    assert clustered_se(group(values, "abcd")) == pytest.approx(values.std(ddof=1) / 2)


def test_weights_give_a_ratio_of_sums() -> None:
    # 2 errors in 8 words and 0 in 2: the corpus rate is 2/10, whatever the mean of the two rates is.
    assert clustered_mean([0.25, 0.0], "ab", weights=[8, 2]).value == pytest.approx(0.2)


@pytest.mark.parametrize("method", ["t", "bootstrap"])
def test_one_call_has_no_interval(method: str) -> None:
    rng = np.random.default_rng(0)
    estimate = clustered_mean([1, 2, 3], "aaa") if method == "t" else bootstrap_t([1, 2, 3], "aaa", rng)
    assert estimate.interval is None
    assert estimate.note == "one call"


def test_same_seed_same_interval() -> None:
    values, calls = np.arange(24.0) ** 2, [i // 4 for i in range(24)]
    first, again, other = (bootstrap_t(values, calls, np.random.default_rng(seed)) for seed in (7, 7, 8))
    assert first == again
    assert first != other
    assert first.method == "cluster bootstrap-t"


def test_a_share_that_never_failed_still_has_a_bound() -> None:
    estimate = mean_interval([1.0] * 40, [i // 2 for i in range(40)], np.random.default_rng(0), share=True)
    assert estimate.high == 1.0
    assert estimate.low == pytest.approx(1 - 0.161, abs=5e-4)


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [(0, 20, 0.0, 0.161125), (20, 20, 0.838875, 1.0), (5, 10, 0.236593, 0.763407)],
)
def test_wilson(successes: int, n: int, low: float, high: float) -> None:
    assert wilson(successes, n).interval == pytest.approx((low, high), abs=1e-6)


def test_holm_keeps_the_order_and_never_passes_one() -> None:
    assert holm([0.6, 0.7, 0.8]) == [1.0, 1.0, 1.0]
    assert holm([0.04, 0.001]) == [0.04, 0.002]
    assert holm([]) == []


@pytest.mark.parametrize(
    ("values", "clusters"), [([], []), ([1.0], []), ([math.nan], ["a"]), ([1.0, math.inf], ["a", "b"])]
)
def test_values_that_are_none_are_refused(values: list[float], clusters: list[str]) -> None:
    with pytest.raises(ScoringError):
        clustered_mean(values, clusters)


def test_an_estimate_shows_its_interval() -> None:
    assert repr(Estimate(1.0, 0.5, 1.5)) == "1 [0.5, 1.5]"


def _calls(rng: np.random.Generator, calls: int, turns: int) -> np.ndarray:
    """Skewed waits (lognormal), half of whose spread belongs to the call: the setting of the reference."""
    return np.exp(rng.normal(0, 0.4, (calls, 1)) + rng.normal(0, 0.4, (calls, turns)))


@pytest.mark.parametrize("calls", [6, 20])
def test_intervals_hold_the_truth_as_often_as_they_say(calls: int) -> None:
    rng = np.random.default_rng(2026)
    truth, turns, runs = math.exp(0.16), 9, 300
    clusters = np.repeat(np.arange(calls), turns).tolist()
    hits = {"t": 0, "bootstrap-t": 0, "naive": 0}
    for _ in range(runs):
        values = _calls(rng, calls, turns).ravel()
        plain = clustered_mean(values, clusters)
        boot = bootstrap_t(values, clusters, rng, draws=400)
        naive = 1.96 * values.std(ddof=1) / math.sqrt(values.size)
        hits["t"] += plain.low <= truth <= plain.high
        hits["bootstrap-t"] += boot.low <= truth <= boot.high
        hits["naive"] += abs(values.mean() - truth) <= naive
    assert hits["t"] / runs >= 0.88
    assert hits["bootstrap-t"] / runs >= 0.90
    # The reason for all this: pretending that turns are independent.
    assert hits["naive"] / runs < 0.80
