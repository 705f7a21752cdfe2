from __future__ import annotations

from math import comb

import numpy as np
import pytest

from contoso_lab.errors import ScoringError
from contoso_lab.scoring.stats import benjamini_hochberg, clustered_mean, clustered_rate, holm, mean_interval, wilson
from contoso_lab.scoring.stats.trials import pass_at_k, pass_hat_k, pass_over_tasks


def test_nothing_failed_in_twenty_is_no_proof_of_never() -> None:
    assert wilson(0, 20).high == pytest.approx(0.1611, abs=5e-5)


def test_the_interval_of_a_clustered_rate_stays_inside() -> None:
    values, calls = [1] * 57 + [0] * 3, [i // 5 for i in range(60)]
    plain, logit = clustered_mean(values, calls), clustered_rate(values, calls)
    assert plain.high is not None
    assert plain.high > 1
    assert logit.high is not None
    assert logit.high < 1
    assert logit.low is not None
    assert logit.low < logit.value < logit.high
    assert mean_interval(values, calls, np.random.default_rng(0), share=True) == logit


def test_a_clustered_rate_that_never_varies_is_bounded_by_its_calls() -> None:
    estimate = clustered_rate([0] * 60, [i // 3 for i in range(60)])
    assert estimate.interval == wilson(0, 20).interval
    with pytest.raises(ScoringError, match="yes and no"):
        clustered_rate([0.5], "a")


def test_clustered_standard_errors_are_those_of_statsmodels() -> None:
    import statsmodels.api as sm

    values, calls = np.arange(20.0), np.arange(20) % 4
    fit = sm.OLS(values, np.ones(20)).fit(cov_type="cluster", cov_kwds={"groups": calls, "use_correction": True})
    ours = clustered_mean(values, calls.tolist()).se
    # Theirs is multiplied by (N−1)/(N−K), which is 1 for a mean.
    assert ours == pytest.approx(float(fit.bse[0]), abs=4e-8)
    assert ours == pytest.approx(0.645497, abs=5e-7)


@pytest.mark.parametrize("runs", [300, pytest.param(4000, marks=pytest.mark.slow)], ids=["quick", "full"])
def test_the_interval_of_a_clustered_rate_holds_the_truth(runs: int) -> None:
    rng = np.random.default_rng(9)
    calls = np.repeat(np.arange(20), 6)
    hits = 0
    for _ in range(runs):
        # Beta(8, 2) between calls: mean .8, the turns of a call alike by 1/11.
        values = rng.random(calls.size) < rng.beta(8, 2, 20)[calls]
        low, high = clustered_rate(values.astype(float), calls.tolist()).interval or (1, 0)
        hits += low <= 0.8 <= high
    assert hits / runs >= 0.91


def test_holm_and_bh_are_those_of_the_books() -> None:
    p = [0.01, 0.04, 0.03, 0.005]
    assert holm(p) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert benjamini_hochberg(p) == pytest.approx([0.02, 0.04, 0.04, 0.02])
    assert benjamini_hochberg([]) == []
    with pytest.raises(ScoringError):
        holm([1.2])


@pytest.mark.parametrize(
    ("n", "c", "k", "expected"),
    [
        (5, 2, 3, 0.9),
        (10, 7, 3, 1 - 1 / 120),
        (10, 7, 1, 0.7),
        (5, 0, 3, 0.0),
        (5, 4, 2, 1.0),
        (5, 1, 5, 1.0),
    ],
)
def test_pass_at_k(n: int, c: int, k: int, expected: float) -> None:
    assert pass_at_k(n, c, k) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("n", "c", "k", "expected"),
    [(4, 3, 2, 0.5), (8, 6, 4, 3 / 14), (10, 7, 3, 35 / 120), (10, 7, 1, 0.7), (10, 2, 3, 0.0)],
)
def test_pass_hat_k(n: int, c: int, k: int, expected: float) -> None:
    assert pass_hat_k(n, c, k) == pytest.approx(expected)


def test_more_draws_than_trials_are_refused() -> None:
    for rule in (pass_at_k, pass_hat_k):
        with pytest.raises(ScoringError, match="more than the 3 trials"):
            rule(3, 2, 5)
        with pytest.raises(ScoringError):
            rule(3, 5, 1)
        with pytest.raises(ScoringError, match="k >= 1"):
            rule(3, 2, 0)


def test_the_chance_is_the_one_that_counting_gives() -> None:
    for n, c, k in ((6, 2, 3), (7, 5, 2), (5, 5, 5)):
        assert pass_at_k(n, c, k) + comb(n - c, k) / comb(n, k) == pytest.approx(1)


def test_tasks_have_an_interval_between_them() -> None:
    outcomes = [[True, True, False, True], [True] * 4, [False, True, False, False], [True, False, True, True]]
    told = pass_over_tasks(outcomes, 2, every=True, rng=np.random.default_rng(0))
    assert told.value == pytest.approx((0.5 + 1 + 0 + 0.5) / 4)
    assert told.clusters == 4
    assert told.low is not None
    assert 0 <= told.low < told.value
    assert pass_over_tasks(outcomes, 2, every=False, rng=np.random.default_rng(0)).value > told.value
