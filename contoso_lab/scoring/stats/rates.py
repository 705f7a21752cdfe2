"""Rates: yes or no, counted. With one case a call Wilson's interval; with several, one that knows the calls."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from contoso_lab.errors import ScoringError
from contoso_lab.scoring.stats.estimates import Estimate, clustered_mean, group, student_quantile


def wilson(successes: int, n: int, *, level: float = 0.95) -> Estimate:
    """A rate with Wilson's score interval, which says something even when nothing failed; computed by scipy.

    For cases that have nothing to do with each other; several in one call need `clustered_rate`.

    >>> wilson(0, 20)
    0 [0, 0.161]
    """
    if n < 1 or not 0 <= successes <= n:
        raise ScoringError(f"a rate needs 0 <= successes <= n and n >= 1, not {successes} of {n}")
    from scipy.stats import binomtest

    bounds = binomtest(successes, n).proportion_ci(confidence_level=level, method="wilson")
    return Estimate(successes / n, float(bounds.low), float(bounds.high), n=n, clusters=n, method="Wilson")


def clustered_rate(values: ArrayLike, clusters: Sequence[Hashable], *, level: float = 0.95) -> Estimate:
    """A rate over cases that share calls: Student t on the logit, with the clustered standard error.

    `logit(p) ± t(C−1)·SE/(p(1−p))`, turned back, so that it stays within 0 to 1. A rate of 0 or 1 has no spread to
    learn from: there it is Wilson's bound over the calls, as if each call were one case.

    Args:
        values: 0 or 1 for each case.
        clusters: The call of each case.
        level: How often the interval should hold the truth.

    >>> clustered_rate([1, 1, 0, 1, 1, 0, 1, 1], "aabbccdd")
    0.75 [0.206, 0.972]
    """
    data = np.asarray(values, dtype=np.float64)
    if data.size and not np.isin(data, (0.0, 1.0)).all():
        raise ScoringError("a rate is taken of yes and no, 1 and 0; for other numbers take clustered_mean")
    estimate = clustered_mean(data, clusters, level=level)
    if estimate.se is None:
        return estimate
    if estimate.value in (0.0, 1.0):
        bound = wilson(round(estimate.value * estimate.clusters), estimate.clusters, level=level)
        return replace(estimate, low=bound.low, high=bound.high, method="Wilson over calls")
    return logit_interval(estimate, level=level)


def logit_interval(estimate: Estimate, *, level: float = 0.95) -> Estimate:
    """The interval of a share laid out on the logit scale (delta method); one at 0 or 1 stays as it is."""
    share, se = estimate.value, estimate.se
    if se is None or not 0 < share < 1:
        return estimate
    centre = math.log(share / (1 - share))
    reach = student_quantile(0.5 + level / 2, estimate.clusters - 1) * se / (share * (1 - share))
    low, high = (1 / (1 + math.exp(-min(max(end, -700.0), 700.0))) for end in (centre - reach, centre + reach))
    return replace(estimate, low=low, high=high, method="clustered t on the logit")


def design_effect(cluster_size: float, correlation: float) -> float:
    """How many times more cases are needed because those of one call resemble each other: `1 + (m−1)ρ` (Kish 1965).

    >>> design_effect(9, 0.3)
    3.4
    """
    if cluster_size < 1 or not -1 <= correlation <= 1:
        raise ScoringError(
            f"a design effect needs calls of at least one case and a correlation within ±1, not {cluster_size:g} "
            f"and {correlation:g}"
        )
    return 1 + (cluster_size - 1) * correlation


def intraclass_correlation(values: ArrayLike, clusters: Sequence[Hashable]) -> float:
    """How much the cases of one call resemble each other: ρ of the one-way analysis of variance.

    `(MSB−MSW) / (MSB+(m₀−1)·MSW)`, `m₀` the mean size less its spread (Donner 1986). NaN when each call has one case,
    or there is one call.

    >>> intraclass_correlation([1, 1, 5, 5, 9, 9], "aabbcc")
    1.0
    """
    data = np.asarray(values, dtype=np.float64)
    groups = group(data, clusters)
    count, n = len(groups), groups.n
    if count < 2 or n == count:
        return math.nan
    means = groups.sums / groups.weights
    between = float(groups.weights @ (means - data.mean()) ** 2) / (count - 1)
    within = (float(((data - data.mean()) ** 2).sum()) - between * (count - 1)) / (n - count)
    size = (n - float((groups.weights**2).sum()) / n) / (count - 1)
    spread = between + (size - 1) * within
    return float((between - within) / spread) if spread > 0 else math.nan
