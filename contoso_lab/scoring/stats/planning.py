"""Before money is spent: how many calls a question needs, and what a number of calls can show."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

from contoso_lab.errors import ScoringError
from contoso_lab.scoring.stats.estimates import Estimate


def reach(*, alpha: float = 0.05, power: float = 0.8, metrics: int = 1) -> float:
    """`z_{α/2} + z_β`: how many standard errors a difference must be for this power; α shared among `metrics`.

    >>> round(reach(), 4)
    2.8016
    """
    if not (0 < alpha < 1 and 0 < power < 1 and metrics >= 1):
        raise ScoringError(f"a plan needs a level and a power between 0 and 1, not {alpha:g} and {power:g}")
    normal = NormalDist()
    return normal.inv_cdf(1 - alpha / (2 * metrics)) + normal.inv_cdf(power)


def sample_size(
    difference: float,
    variance: float,
    *,
    noise_a: float = 0.0,
    noise_b: float = 0.0,
    epochs_a: int = 1,
    epochs_b: int = 1,
    deff: float = 1.0,
    alpha: float = 0.05,
    power: float = 0.8,
    metrics: int = 1,
) -> int:
    """How many pairs show a difference of this size.

    `n = (z_{α/2}+z_β)²·(ω² + σ²_A/K_A + σ²_B/K_B)/δ²`, times the design effect (Miller, arXiv 2411.00640, §5).

    Args:
        difference: δ, in the metric's unit.
        variance: ω², of the true differences between items.
        noise_a: σ²_A, the variance of one answer around its item's mean in the first run.
        noise_b: The same in the second.
        epochs_a: K_A, how often each item is run.
        epochs_b: The same in the second.
        deff: The design effect, when `n` counts turns that share calls.
        alpha: The level, two-sided.
        power: How often a difference of this size is to be found.
        metrics: How many metrics are judged together.

    >>> sample_size(0.03, 1 / 9)
    969
    """
    if difference == 0:
        raise ScoringError("no number of calls shows a difference of zero: say how small a difference would matter")
    spread = _spread(variance, noise_a, noise_b, epochs_a, epochs_b) * deff
    return math.ceil((reach(alpha=alpha, power=power, metrics=metrics) / difference) ** 2 * spread - 1e-9)


def minimal_detectable_effect(
    n: int,
    variance: float,
    *,
    noise_a: float = 0.0,
    noise_b: float = 0.0,
    epochs_a: int = 1,
    epochs_b: int = 1,
    deff: float = 1.0,
    alpha: float = 0.05,
    power: float = 0.8,
    metrics: int = 1,
) -> float:
    """The smallest difference that `n` pairs show: `sample_size` turned round.

    >>> [round(minimal_detectable_effect(n, paired_variance(1.0, 0.5)), 2) for n in (30, 100, 200)]
    [0.51, 0.28, 0.2]
    >>> [round(minimal_detectable_effect(n, 0.2), 3) for n in (100, 200)]
    [0.125, 0.089]
    """
    if n < 1:
        raise ScoringError(f"a plan needs at least one pair, not {n}")
    spread = _spread(variance, noise_a, noise_b, epochs_a, epochs_b) * deff
    return reach(alpha=alpha, power=power, metrics=metrics) * math.sqrt(spread / n)


def paired_variance(sd: float, correlation: float) -> float:
    """The variance of paired differences, from the spread of one run and how alike both runs are: `2·sd²·(1−ρ)`.

    For a yes or no, it is the share of pairs that differ.
    """
    if sd < 0 or not -1 <= correlation <= 1:
        raise ScoringError(
            f"a spread is not below 0 and a correlation within ±1, not sd={sd:g} and correlation={correlation:g}"
        )
    return 2 * sd * sd * (1 - correlation)


@dataclass(frozen=True, slots=True)
class Plan:
    """What a comparison of a given size can show."""

    calls: int
    mde: float
    """The minimal detectable effect, in the metric's unit."""
    unit: str
    alpha: float
    power: float
    metrics: int
    fewest_calls: int
    """Below this many pairs no difference, however large, reaches the level."""
    needed: int | None = None
    """How many pairs of calls the difference that matters needs, where one was named."""
    wanted: float | None = None

    @property
    def enough(self) -> bool:
        """Whether the calls can show anything, and what matters where that was named."""
        return self.calls >= max(self.fewest_calls, self.needed or 0)

    def __str__(self) -> str:
        unit = f" {self.unit}" if self.unit and self.unit != "share" else ""
        among = f", {self.metrics} metrics judged together" if self.metrics > 1 else ""
        if self.calls < self.fewest_calls:
            shown = f"{_pairs(self.calls)} can show nothing{among}: {self.fewest_calls} are the fewest"
        else:
            shown = (
                f"{_pairs(self.calls)} show a difference of {self.mde:.3g}{unit} or more in {self.power:.0%} of "
                f"such comparisons (level {self.alpha:g}{among})"
            )
        if self.needed is None or self.wanted is None:
            return shown
        return f"{shown}; one of {self.wanted:.3g}{unit} needs {self.needed}"


def plan(
    calls: int,
    *,
    sd: float | None = None,
    correlation: float = 0.5,
    pilot: Estimate | None = None,
    turns_per_call: float = 1.0,
    turn_correlation: float = 1.0,
    wanted: float | None = None,
    unit: str = "",
    metrics: int = 1,
    alpha: float = 0.05,
    power: float = 0.8,
) -> Plan:
    """What `calls` pairs of calls can show; print it before the calls are paid for.

    Args:
        calls: How many pairs.
        sd: The spread of a turn's value in one run, from experience; or give a `pilot`.
        correlation: How alike the two runs of the same turn are.
        pilot: The difference of a first comparison; its standard error between calls says it all.
        turns_per_call: With `sd`: how many turns of a call count.
        turn_correlation: With `sd`: how alike the turns of one call are. At 1 a call counts as one turn.
        wanted: The smallest difference that would matter.
        unit: Of the metric, for the sentence.
        metrics: How many metrics are judged together (Holm).
        alpha: The level over all of them.
        power: How often a difference of that size is to be found.

    >>> print(plan(30, sd=1.0))
    30 pairs of calls show a difference of 0.511 or more in 80% of such comparisons (level 0.05)
    >>> print(plan(4, sd=1.0))
    4 pairs of calls can show nothing: 6 are the fewest
    """
    if (sd is None) == (pilot is None):
        raise ScoringError("a plan needs the spread of one run (sd=…) or a first comparison (pilot=…), and not both")
    if pilot is not None:
        if pilot.se is None or pilot.clusters < 2:
            raise ScoringError("a pilot of one call says nothing about the next: hold a few more calls first")
        variance = pilot.se**2 * pilot.clusters
    else:
        resembling = 1 + (turns_per_call - 1) * turn_correlation
        variance = paired_variance(sd or 0.0, correlation) * resembling / turns_per_call
    fewest = fewest_pairs(alpha=alpha, metrics=metrics)
    needed = None
    if wanted is not None:
        needed = max(fewest, sample_size(wanted, variance, alpha=alpha, power=power, metrics=metrics))
    mde = minimal_detectable_effect(calls, variance, alpha=alpha, power=power, metrics=metrics)
    return Plan(calls, mde, unit, alpha, power, metrics, fewest, needed, wanted)


def fewest_pairs(*, alpha: float = 0.05, metrics: int = 1) -> int:
    """The fewest pairs of calls with which a sign-flip test can reach the level at all: `2^(1−n)·metrics ≤ α`.

    >>> fewest_pairs(), fewest_pairs(metrics=8)
    (6, 9)
    """
    return next(n for n in range(1, 64) if math.ldexp(metrics, 1 - n) <= alpha)


def _spread(variance: float, noise_a: float, noise_b: float, epochs_a: int, epochs_b: int) -> float:
    if min(variance, noise_a, noise_b) < 0 or min(epochs_a, epochs_b) < 1:
        raise ScoringError("variances are not below 0, and each item is run at least once")
    return variance + noise_a / epochs_a + noise_b / epochs_b


def _pairs(calls: int) -> str:
    return f"{calls} pair{'' if calls == 1 else 's'} of calls"
