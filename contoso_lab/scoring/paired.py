"""Two runs of the same calls: how far apart they are, and whether that could be chance.

The unit is the pair of calls. Whatever happens inside a call (one slow network, one hard customer) moves all
its turns together, so chance is imitated by swapping the two runs of whole calls, never of single turns.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from contoso_lab.errors import ScoringError
from contoso_lab.scoring.stats import Estimate, Floats, student_quantile
from contoso_lab.scoring.stats.planning import fewest_pairs, sample_size

EXACT_UP_TO = 14
"""With this many pairs of calls or fewer, every pattern of signs is counted; with more they are drawn."""
_BATCH = 2000
"""Patterns at a time, so that thousands of calls do not fill the memory."""


def sign_flip(differences: ArrayLike, rng: np.random.Generator | None = None, *, draws: int = 9999) -> float:
    """How often chance alone would push the sum of the calls' differences this far from zero (two-sided p).

    Up to fourteen calls every pattern of signs is counted; beyond that `draws` patterns are drawn and the
    observed one is counted among them: `(b+1)/(m+1)`. scipy's `permutation_test` gives the same and takes longer, which
    a notebook feels with many metrics; a test holds these lines against it.

    Args:
        differences: One number for each pair of calls, second run minus first.
        rng: The source of the draws; needed from fifteen calls on.
        draws: How many patterns of signs to draw.

    >>> sign_flip([1, 2, 3, 4, 5])
    0.0625
    >>> sign_flip([0, 0, 0])
    1.0
    """
    data = np.asarray(differences, dtype=np.float64)
    if data.ndim != 1 or not data.size or not np.isfinite(data).all():
        raise ScoringError("the sign-flip test needs one finite difference for each pair of calls")
    if data.size > EXACT_UP_TO and rng is None:
        raise ScoringError(f"{data.size} pairs of calls are too many to count: pass rng=np.random.default_rng(…)")
    if data.size == 1 or not data.any():
        return 1.0
    data = data / np.abs(data).max()
    # Sums in another order differ in their last bits: those count as equal.
    observed = float(np.abs(data.sum()).round(9))
    if data.size <= EXACT_UP_TO:
        # A pattern and its opposite have the same distance: the last sign stays.
        patterns = np.arange(2 ** (data.size - 1))[:, None] >> np.arange(data.size) & 1
        return float(np.mean(_distances(patterns, data) >= observed))
    reached = 0
    for begin in range(0, draws, _BATCH):
        patterns = rng.integers(0, 2, size=(min(_BATCH, draws - begin), data.size))  # type: ignore[union-attr]
        reached += int(np.count_nonzero(_distances(patterns, data) >= observed))
    return (reached + 1) / (draws + 1)


def _distances(patterns: NDArray[np.int64], values: Floats) -> Floats:
    """How far from zero the sums are when the values at the ones change their sign."""
    return np.asarray(np.abs((1 - 2 * patterns) @ values).round(9), dtype=np.float64)


def smallest_p(calls: int, *, metrics: int = 1) -> float:
    """The smallest p that this many pairs of calls can give, after Holm over a family of metrics.

    >>> smallest_p(5), smallest_p(6)
    (0.0625, 0.03125)
    """
    return min(1.0, math.ldexp(metrics, 1 - calls))


def mcnemar(gained: int, lost: int) -> float:
    """The exact two-sided p of McNemar's test: did as many cases turn good as turned bad?

    Args:
        gained: Cases that failed in the first run and passed in the second.
        lost: Cases that passed in the first run and failed in the second.

    >>> mcnemar(0, 5)
    0.0625
    """
    if gained < 0 or lost < 0:
        raise ScoringError(f"cases are counted from zero, not {gained} gained and {lost} lost")
    if gained == lost:
        return 1.0
    from scipy.stats import binomtest

    return float(binomtest(gained, gained + lost).pvalue)


def walsh_median(differences: ArrayLike) -> float:
    """The Hodges–Lehmann shift: the median of all pairwise means `(d_i + d_j)/2` with i ≤ j.

    One wild turn hardly moves it, yet it uses every turn.

    >>> walsh_median([1, 2, 3, 100])
    2.75
    """
    data = np.asarray(differences, dtype=np.float64)
    if not data.size:
        raise ScoringError("a shift needs at least one pair of turns")
    rows, columns = np.triu_indices(data.size)
    return float(np.median((data[rows] + data[columns]) / 2))


def hodges_lehmann(differences: ArrayLike, clusters: Sequence[Hashable], *, level: float = 0.95) -> Estimate:
    """The typical shift between paired turns, with an interval that leaves out one call at a time.

    The interval is Student's t on the jackknife's pseudo-values, C−1 degrees of freedom (Tukey 1958), which
    stays near its promise with few calls where drawing calls again does not.
    """
    data = np.asarray(differences, dtype=np.float64)
    if data.size != len(clusters) or not data.size:
        raise ScoringError(f"each difference needs its call, but {data.size} came with {len(clusters)} calls")
    calls = list(dict.fromkeys(clusters))
    shift = walsh_median(data)
    bare = Estimate(shift, n=data.size, clusters=len(calls), method="Hodges–Lehmann, jackknife over calls")
    if len(calls) == 1:
        return replace(bare, note="one call")
    member = np.array([calls.index(cluster) for cluster in clusters])
    without = np.array([walsh_median(data[member != i]) for i in range(len(calls))])
    spread = without - without.mean()
    se = math.sqrt((len(calls) - 1) / len(calls) * float(spread @ spread))
    reach = student_quantile(0.5 + level / 2, len(calls) - 1) * se
    return replace(bare, low=shift - reach, high=shift + reach, se=se)


def per_call(differences: ArrayLike, clusters: Sequence[Hashable], *, robust: bool) -> Floats:
    """One number for each pair of calls: the sum of its differences, or its typical shift when `robust`."""
    data = np.asarray(differences, dtype=np.float64)
    calls: dict[Hashable, list[float]] = {}
    for value, cluster in zip(data, clusters, strict=True):
        calls.setdefault(cluster, []).append(float(value))
    return np.array([walsh_median(values) if robust else sum(values) for values in calls.values()])


def equivalent(difference: Estimate, margin: float, *, alpha: float = 0.05) -> bool:
    """Whether the difference is shown to lie inside ±margin (two one-sided tests, TOST, at `alpha` each).

    A difference that is not shown is not thereby shown to be absent: that takes this test and a margin.

    >>> equivalent(Estimate(10.0, clusters=12, se=8.0), margin=100.0)
    True
    >>> equivalent(Estimate(10.0, clusters=12, se=80.0), margin=100.0)
    False
    """
    if margin <= 0:
        raise ScoringError(f"a margin is the largest difference that would not matter, above zero, not {margin}")
    if difference.se is None or difference.clusters < 2:
        return False
    reach = student_quantile(1 - alpha, difference.clusters - 1) * difference.se
    return abs(difference.value) + reach < margin


def non_inferior(difference: Estimate, margin: float, *, lower_is_better: bool, alpha: float = 0.05) -> bool:
    """Whether the second run is shown to be worse by no more than the margin (the half of TOST that matters).

    >>> non_inferior(Estimate(40.0, clusters=12, se=20.0), margin=100.0, lower_is_better=True)
    True
    """
    if margin <= 0:
        raise ScoringError(f"a margin is the largest loss that would not matter, above zero, not {margin}")
    if difference.se is None or difference.clusters < 2:
        return False
    loss = difference.value if lower_is_better else -difference.value
    return loss + student_quantile(1 - alpha, difference.clusters - 1) * difference.se < margin


def calls_needed(difference: Estimate, *, metrics: int = 1, alpha: float = 0.05, power: float = 0.8) -> int | None:
    """How many pairs of calls would show a difference of this size, if it is real.

    `n = (z_{α/2}+z_β)²·s²/δ²` over calls, and never fewer than the sign-flip test needs to reach the level.
    None when the difference is zero: no number of calls shows nothing.
    """
    fewest = fewest_pairs(alpha=alpha, metrics=metrics)
    if difference.se is None:
        return fewest
    if difference.value == 0:
        return None
    variance = difference.se**2 * difference.clusters
    return max(fewest, sample_size(difference.value, variance, alpha=alpha, power=power, metrics=metrics))
