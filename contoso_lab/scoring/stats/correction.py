"""What a judge says, corrected by what people say of a part of it.

An interval around a judge's own numbers holds the truth about as often as a stopped clock: a judge that errs one way
errs that way in every call. Labels by people say by how much; their own uncertainty goes into the interval.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike

from contoso_lab.errors import ScoringError
from contoso_lab.scoring.stats.estimates import Estimate, Floats, group, student_quantile


@dataclass(frozen=True, slots=True)
class Confusion:
    """A judge's yes and no against people's, on the cases that both have seen."""

    both_yes: int
    judge_no: int
    """People say yes, the judge no."""
    both_no: int
    judge_yes: int
    """People say no, the judge yes."""

    @classmethod
    def of(cls, people: Sequence[bool], judge: Sequence[bool]) -> Confusion:
        """Count the four kinds."""
        if len(people) != len(judge) or not people:
            raise ScoringError(f"each case needs a label and a verdict, not {len(people)} and {len(judge)}")
        pairs = [(bool(p), bool(j)) for p, j in zip(people, judge, strict=True)]
        return cls(*(pairs.count(kind) for kind in ((True, True), (True, False), (False, False), (False, True))))

    @property
    def yes(self) -> int:
        """Cases to which people say yes."""
        return self.both_yes + self.judge_no

    @property
    def no(self) -> int:
        """Cases to which people say no."""
        return self.both_no + self.judge_yes

    @property
    def sensitivity(self) -> float:
        """q₁: of people's yes, the share that the judge finds."""
        return self.both_yes / self.yes if self.yes else math.nan

    @property
    def specificity(self) -> float:
        """q₀: of people's no, the share that the judge finds."""
        return self.both_no / self.no if self.no else math.nan


def rogan_gladen(
    rate: float, n: int, confusion: Confusion, *, rate_se: float | None = None, level: float = 0.95
) -> Estimate:
    """A judge's rate corrected for how often it is wrong: `θ = (p + q₀ − 1)/(q₀ + q₁ − 1)`.

    The variance carries both errors, `[Var(p) + (1−θ)²·q₀(1−q₀)/m₀ + θ²·q₁(1−q₁)/m₁] / (q₀+q₁−1)²`
    (Rogan & Gladen 1978; Lee et al., arXiv 2511.21140).

    Args:
        rate: The share to which the judge says yes.
        n: Of how many cases.
        confusion: The judge against people, on other cases or on some of these.
        rate_se: The standard error of `rate` between calls, where cases share calls; else binomial.
        level: How often the interval should hold the truth.

    >>> told = rogan_gladen(0.75, 400, Confusion(both_yes=54, judge_no=6, both_no=51, judge_yes=9))
    >>> round(told.value, 3), round(told.se, 3)
    (0.8, 0.052)
    """
    if n < 1 or not 0 <= rate <= 1:
        raise ScoringError(f"a rate lies between 0 and 1, of at least one case, not {rate:g} of {n}")
    if not confusion.yes or not confusion.no:
        raise ScoringError("the labels are all of one kind: label cases of the other kind too, 60 of each are enough")
    q1, q0 = confusion.sensitivity, confusion.specificity
    informed = q0 + q1 - 1
    if informed <= 0:
        raise ScoringError(
            f"the judge is no better than a coin (sensitivity {q1:.2f}, specificity {q0:.2f}): nothing corrects that"
        )
    theta = (rate + q0 - 1) / informed
    inside = min(1.0, max(0.0, theta))
    told = rate * (1 - rate) / n if rate_se is None else rate_se**2
    variance = told + (1 - inside) ** 2 * q0 * (1 - q0) / confusion.no + inside**2 * q1 * (1 - q1) / confusion.yes
    se = math.sqrt(variance) / informed
    reach = NormalDist().inv_cdf(0.5 + level / 2) * se
    note = "" if theta == inside else f"the correction points outside, to {theta:.3g}: the judge was better on labels"
    low, high = max(0.0, inside - reach), min(1.0, inside + reach)
    return Estimate(inside, low, high, n=n, clusters=n, method="Rogan–Gladen", note=note, se=se)


def ppi_mean(
    people: ArrayLike,
    judge_labelled: ArrayLike,
    judge_rest: ArrayLike,
    *,
    clusters_labelled: Sequence[Hashable] | None = None,
    clusters_rest: Sequence[Hashable] | None = None,
    power_tuning: bool = True,
    level: float = 0.95,
) -> Estimate:
    """The mean that people would give, from a few labels and many verdicts: prediction-powered inference, PPI++.

    `θ = λ·mean(f_rest) + mean(Y − λ·f_labelled)`, `λ = Cov(Y, f)/((1 + n/N)·Var(f))` (Angelopoulos, Duchi & Zrnic,
    arXiv 2311.01453). With clusters both variances are between calls, and λ makes the clustered variance small.
    A judge that knows nothing gets λ near 0, and the labels speak alone.

    Args:
        people: Y, the labels.
        judge_labelled: f on the labelled cases.
        judge_rest: f on the cases without a label.
        clusters_labelled: The call of each labelled case; each its own unless given.
        clusters_rest: The call of each other case.
        power_tuning: Choose λ by the data; else λ = 1, as in the first version (arXiv 2301.09633).
        level: How often the interval should hold the truth.

    >>> told = ppi_mean([1, 0, 1, 1], [1, 0, 1, 1], [1, 1, 0, 1, 0, 1], power_tuning=False)
    >>> round(told.value, 4)
    0.6667
    """
    y, f, rest = (np.asarray(x, dtype=np.float64) for x in (people, judge_labelled, judge_rest))
    if y.size != f.size or y.size < 2 or rest.size < 2:
        raise ScoringError(
            f"a correction needs at least two labels, each with the judge's verdict, and two verdicts more, not "
            f"{y.size}, {f.size} and {rest.size}"
        )
    own = list(clusters_labelled) if clusters_labelled is not None else [("label", i) for i in range(y.size)]
    others = list(clusters_rest) if clusters_rest is not None else [("rest", i) for i in range(rest.size)]
    y_in, f_in, f_out = _influence(y, own), _influence(f, own), _influence(rest, others)
    # Influences are per call and sum to nothing, so their products estimate the (co)variances of the means. A call
    # with labelled and other cases moves both means together.
    spread = _cross(f_in, f_in) + _cross(f_out, f_out) - 2 * _cross(f_in, f_out)
    weight = 1.0
    if power_tuning and clusters_labelled is None and clusters_rest is None:
        pooled = float(np.concatenate([f, rest]).var(ddof=1)) * (1 + y.size / rest.size)
        weight = float(np.cov(y, f)[0, 1]) / pooled if pooled > 0 else 0.0
    elif power_tuning:
        weight = (_cross(y_in, f_in) - _cross(y_in, f_out)) / spread if spread > 0 else 0.0
    weight = min(1.0, max(0.0, weight))
    value = weight * float(rest.mean()) + float((y - weight * f).mean())
    together = _cross(y_in, f_in) - _cross(y_in, f_out)
    variance = _cross(y_in, y_in) + weight**2 * spread - 2 * weight * together
    calls = len(set(own))
    se = math.sqrt(max(0.0, variance))
    if calls < 2:
        return Estimate(value, n=int(y.size + rest.size), clusters=calls, method="PPI++", note="labels of one call")
    reach = student_quantile(0.5 + level / 2, calls - 1) * se
    return Estimate(
        value,
        value - reach,
        value + reach,
        n=int(y.size + rest.size),
        clusters=len({*own, *others}),
        method=f"PPI++ (λ = {weight:.2f}, {y.size} labels)",
        se=se,
    )


def _influence(values: Floats, clusters: Sequence[Hashable]) -> dict[Hashable, float]:
    """What each call adds to the mean, beyond its share of it."""
    groups = group(values, clusters)
    parts = (groups.sums - groups.weights * groups.mean) / groups.weights.sum()
    return dict(zip(dict.fromkeys(clusters), parts.tolist(), strict=True))


def _cross(a: Mapping[Hashable, float], b: Mapping[Hashable, float]) -> float:
    """The covariance of two means, over the calls that both hold."""
    count = min(len(a), len(b))
    return sum(part * b[call] for call, part in a.items() if call in b) * count / (count - 1) if count > 1 else 0.0
