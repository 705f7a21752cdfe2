"""How far raters agree, beyond what chance alone would give.

Ninety per cent of agreement can be a κ of .44, when most cases are of one kind: so κ always goes with the base rate.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from typing import Literal

import numpy as np

from contoso_lab.errors import ScoringError
from contoso_lab.scoring.stats.estimates import Floats

Level = Literal["nominal", "ordinal", "interval", "ratio"]


def observed_agreement(a: Sequence[Hashable], b: Sequence[Hashable]) -> float:
    """The share of cases on which two raters say the same."""
    _same_length(a, b)
    return sum(x == y for x, y in zip(a, b, strict=True)) / len(a)


def cohen_kappa(
    a: Sequence[int | str | bool],
    b: Sequence[int | str | bool],
    *,
    weights: Literal["linear", "quadratic"] | None = None,
    labels: Sequence[int | str | bool] | None = None,
) -> float:
    """Cohen's κ between two raters; weighted for grades (Cohen 1960, 1968). Computed by scikit-learn.

    NaN when both raters say the same one thing of everything: chance then explains all of it.

    Args:
        a: What the first rater says of each case.
        b: What the second says of the same cases.
        weights: "quadratic" for grades of 1 to 5; None for names.
        labels: All grades in order, where some were never given; needed for weights to count the steps right.

    >>> round(cohen_kappa([1] * 25 + [0] * 25, [1] * 20 + [0] * 5 + [1] * 10 + [0] * 15), 6)
    0.4
    """
    _same_length(a, b)
    seen = {*a, *b}
    if labels is not None and not seen <= set(labels):
        strange = ", ".join(sorted(map(str, seen - set(labels))))
        raise ScoringError(f"a rater gave {strange}, which is none of the grades {', '.join(map(str, labels))}")
    if len(seen) < 2:
        return math.nan
    from sklearn.metrics import cohen_kappa_score

    names = list(labels) if labels is not None else sorted(seen, key=lambda one: (str(type(one)), one))
    place = {name: at for at, name in enumerate(names)}
    # Numbers of place: scikit-learn would sort the names itself, and 10 before 2 when they are texts.
    return float(
        cohen_kappa_score([place[x] for x in a], [place[y] for y in b], weights=weights, labels=range(len(names)))
    )


def krippendorff_alpha(units: Sequence[Sequence[float | str | None]], *, level: Level = "nominal") -> float:
    """Krippendorff's α for any number of raters, gaps allowed: `1 − D_observed/D_expected`.

    Krippendorff, "Computing Krippendorff's Alpha-Reliability" (2011). Units with fewer than two ratings say nothing
    and are left out. NaN when all ratings are equal, because then there is nothing to agree about.

    Args:
        units: For each case what its raters said, None where one said nothing.
        level: "nominal" for names, "ordinal" for ranks, "interval" or "ratio" for measures.

    >>> round(krippendorff_alpha([[1, 1, 1], [0, 0, 0], [1, 1, 1], [0, 0, 1]]), 6) == round(1 - 132 / 420, 6)
    True
    """
    kept = [[value for value in unit if value is not None] for unit in units]
    kept = [unit for unit in kept if len(unit) >= 2]
    if not kept:
        raise ScoringError("agreement needs at least one case that two raters have rated")
    numeric = all(isinstance(value, int | float) for unit in kept for value in unit)
    if level != "nominal" and not numeric:
        raise ScoringError(f"level '{level}' needs numbers; for names take level='nominal'")
    values = sorted({value for unit in kept for value in unit}, key=lambda v: (0, v) if numeric else (1, str(v)))
    place = {value: at for at, value in enumerate(values)}
    pairs = np.zeros((len(values), len(values)))
    for unit in kept:
        counts = np.bincount([place[value] for value in unit], minlength=len(values)).astype(np.float64)
        pairs += (np.outer(counts, counts) - np.diag(counts)) / (len(unit) - 1)
    totals = pairs.sum(axis=0)
    n = totals.sum()
    distance = _distance(values, totals, level)
    expected = float((np.outer(totals, totals) * distance).sum() / (n - 1))
    if expected == 0:
        return math.nan
    return 1 - float((pairs * distance).sum()) / expected


def _distance(values: Sequence[float | str], totals: Floats, level: Level) -> Floats:
    """How far apart two values are (δ²), by the level of measurement."""
    if level == "nominal":
        return 1.0 - np.eye(len(values))
    if level == "ordinal":
        # Ranks differ by all ratings between them, half of the two ends.
        middle = np.cumsum(totals) - totals / 2
        return (middle[:, None] - middle[None, :]) ** 2
    numbers = np.asarray(values, dtype=np.float64)
    apart = numbers[:, None] - numbers[None, :]
    if level == "interval":
        return apart**2
    both = numbers[:, None] + numbers[None, :]
    return np.divide(apart, both, out=np.zeros_like(apart), where=both != 0) ** 2


def _same_length(a: Sequence[object], b: Sequence[object]) -> None:
    if len(a) != len(b) or not a:
        raise ScoringError(f"agreement needs the same cases from both raters, not {len(a)} and {len(b)}")
