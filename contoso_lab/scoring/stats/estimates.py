"""Intervals that stay honest when the turns of one call resemble each other.

Turns are clustered in calls, so the call is the unit that counts: an interval that treats turns as
independent covers the truth about two times in three where it promises nineteen in twenty. Every function
here takes the cluster of each value, and every random draw comes from a `numpy.random.Generator` that the
caller seeds.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from contoso_lab.errors import ScoringError

Floats = NDArray[np.float64]

QUANTILE_METHOD = "median_unbiased"
"""The one quantile method that we use: on seven values the methods differ by a quarter."""

FEWEST_FOR: dict[float, int] = {0.5: 1, 0.9: 36, 0.95: 72, 0.99: 368}
"""The least number of values for a two-sided 95 % distribution-free interval around a quantile to exist."""


FEW_CLUSTERS = 10
"""Below this many calls an interval is studentised by drawing the calls again."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number with the interval around it, or the reason why there is no interval.

    >>> clustered_mean([1.0, 2.0, 3.0], clusters="abc")
    2 [-0.484, 4.48]
    >>> clustered_mean([1.0, 2.0, 3.0], clusters="aaa")
    2 (no interval: one call)
    """

    value: float
    low: float | None = None
    high: float | None = None
    n: int = 0
    """How many values went in."""
    clusters: int = 0
    """How many independent groups (calls) they come from."""
    method: str = ""
    note: str = ""
    """Why there is no interval, when there is none."""
    se: float | None = None
    """Standard error between clusters, where the method has one."""

    @property
    def interval(self) -> tuple[float, float] | None:
        """Both ends, or None when there is no interval."""
        return None if self.low is None or self.high is None else (self.low, self.high)

    def __repr__(self) -> str:
        if self.interval is None:
            return f"{self.value:.3g} (no interval: {self.note})"
        return f"{self.value:.3g} [{self.low:.3g}, {self.high:.3g}]"


@dataclass(frozen=True, slots=True)
class Groups:
    """Values folded into one sum and one weight for each cluster, in order of appearance."""

    sums: Floats
    weights: Floats
    n: int

    @property
    def mean(self) -> float:
        """The weighted mean over all values."""
        return float(self.sums.sum() / self.weights.sum())

    def __len__(self) -> int:
        return len(self.sums)


def group(values: ArrayLike, clusters: Sequence[Hashable], weights: ArrayLike | None = None) -> Groups:
    """Fold values into the weighted sum and the weight of each cluster; without weights each value weighs 1."""
    data = np.asarray(values, dtype=np.float64)
    weight = np.ones(data.shape) if weights is None else np.asarray(weights, dtype=np.float64)
    if data.ndim != 1 or len(data) != len(clusters) or weight.shape != data.shape:
        raise ScoringError(
            f"each value needs its cluster and its weight, but {data.size} values came with "
            f"{len(clusters)} clusters and {weight.size} weights"
        )
    if not len(data):
        raise ScoringError("there are no values to take a mean of: check that at least one score is 'ok' first")
    if not np.isfinite(data).all() or not np.isfinite(weight).all() or weight.sum() <= 0:
        raise ScoringError("values must be finite numbers: leave out missing scores by their status first")
    order: dict[Hashable, int] = {}
    index = np.array([order.setdefault(cluster, len(order)) for cluster in clusters], dtype=np.intp)
    sums = np.bincount(index, weights=weight * data)
    return Groups(sums.astype(np.float64), np.bincount(index, weights=weight).astype(np.float64), data.size)


def student_quantile(probability: float, df: float) -> float:
    """The value that a Student t with `df` degrees of freedom stays below with this probability.

    >>> round(student_quantile(0.975, 1), 6)
    12.706205
    """
    from scipy.special import stdtrit

    return float(stdtrit(df, probability))


def clustered_se(groups: Groups) -> float:
    """Standard error of the mean with clusters: `SE² = C/(C−1) · Σ_c(Σ_{i∈c}(s_i−s̄))² / n²`.

    Miller, "Adding Error Bars to Evals" (arXiv 2411.00640), with the small-sample factor C/(C−1).
    """
    count = len(groups)
    residual = groups.sums - groups.weights * groups.mean
    return math.sqrt(count / (count - 1) * float(residual @ residual)) / float(groups.weights.sum())


def clustered_mean(
    values: ArrayLike,
    clusters: Sequence[Hashable],
    *,
    weights: ArrayLike | None = None,
    level: float = 0.95,
) -> Estimate:
    """The mean of all values, with a Student t interval on C−1 degrees of freedom between C clusters.

    One cluster gives no interval: it says nothing about the next call. With weights it is a ratio of sums,
    such as a corpus word error rate, and its standard error the linearised one.
    """
    groups = group(values, clusters, weights)
    count = len(groups)
    bare = Estimate(groups.mean, n=groups.n, clusters=count, method="clustered t")
    if count == 1:
        return replace(bare, note="one call")
    se = clustered_se(groups)
    reach = student_quantile(0.5 + level / 2, count - 1) * se
    return replace(bare, low=bare.value - reach, high=bare.value + reach, se=se)


def bootstrap_t(
    values: ArrayLike,
    clusters: Sequence[Hashable],
    rng: np.random.Generator,
    *,
    weights: ArrayLike | None = None,
    level: float = 0.95,
    draws: int = 2000,
) -> Estimate:
    """The mean, with an interval from drawing whole clusters again and studentising each draw.

    It follows skewed values better than Student's t when there are few clusters, and is wider for it. Fewer
    than four clusters draw the same one too often for it to mean anything: there the t interval stands in.
    """
    plain = clustered_mean(values, clusters, weights=weights, level=level)
    if plain.clusters < 4 or not plain.se:
        return plain
    groups = group(values, clusters, weights)
    picks = rng.integers(0, plain.clusters, size=(draws, plain.clusters))
    sums, drawn_weights = groups.sums[picks], groups.weights[picks]
    totals = drawn_weights.sum(axis=1)
    means = sums.sum(axis=1) / totals
    residual = sums - drawn_weights * means[:, None]
    factor = plain.clusters / (plain.clusters - 1)
    errors = np.sqrt(factor * (residual**2).sum(axis=1)) / totals
    # A draw of one cluster only has no spread: its distance counts as endless on its side, never as absent.
    distance = means - groups.mean
    ratios = np.copysign(np.inf, distance)
    np.divide(distance, errors, out=ratios, where=errors > 1e-12 * plain.se)
    low_t, high_t = np.quantile(ratios, [0.5 - level / 2, 0.5 + level / 2], method="inverted_cdf")
    if not (math.isfinite(low_t) and math.isfinite(high_t)):
        return plain
    return replace(
        plain,
        low=plain.value - float(high_t) * plain.se,
        high=plain.value - float(low_t) * plain.se,
        method="cluster bootstrap-t",
    )


def mean_interval(
    values: ArrayLike,
    clusters: Sequence[Hashable],
    rng: np.random.Generator,
    *,
    weights: ArrayLike | None = None,
    level: float = 0.95,
    share: bool = False,
) -> Estimate:
    """The mean with the interval that suits the clusters: bootstrap-t below ten of them, else Student t.

    A share of ten calls or more has its interval on the logit scale, where it cannot leave 0 to 1.

    Args:
        values: One number for each turn or suggestion.
        clusters: The call that each value comes from.
        rng: The source of the draws.
        weights: What each value counts for; needed for a ratio of sums.
        level: How often the interval should hold the truth.
        share: The values lie between 0 and 1. A share that never varies gets Wilson's bound over the calls,
            since "1.0 in three calls" is no proof of always.
    """
    estimate = clustered_mean(values, clusters, weights=weights, level=level)
    if estimate.se is None:
        return estimate
    from contoso_lab.scoring.stats.rates import logit_interval, wilson

    if share and estimate.se == 0 and estimate.value in (0.0, 1.0):
        bound = wilson(round(estimate.value * estimate.clusters), estimate.clusters, level=level)
        return replace(estimate, low=bound.low, high=bound.high, method="Wilson over calls")
    chosen = estimate
    if estimate.clusters < FEW_CLUSTERS:
        chosen = bootstrap_t(values, clusters, rng, weights=weights, level=level)
    elif share:
        return logit_interval(estimate, level=level)
    if share and chosen.low is not None and chosen.high is not None:
        chosen = replace(chosen, low=max(0.0, chosen.low), high=min(1.0, chosen.high))
    return chosen
