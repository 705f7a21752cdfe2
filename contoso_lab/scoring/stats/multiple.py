"""Many tests at once: how to keep the alarms that chance alone would raise in check."""

from __future__ import annotations

from collections.abc import Sequence

from contoso_lab.errors import ScoringError


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjust the p values of one family so that any false alarm at all stays below the level (Holm 1979).

    For the metrics that a decision rests on. statsmodels has it too, and collects all garbage of the process with each
    call, which takes longer than the whole comparison; a test holds these lines against it.

    >>> [round(p, 3) for p in holm([0.01, 0.04, 0.03])]
    [0.03, 0.06, 0.06]
    """
    if not _checked(p_values):
        return []
    order = sorted(range(len(p_values)), key=lambda place: p_values[place])
    adjusted, largest = [0.0] * len(order), 0.0
    for rank, place in enumerate(order):
        largest = max(largest, min(1.0, (len(order) - rank) * float(p_values[place])))
        adjusted[place] = largest
    return adjusted


def benjamini_hochberg(p_values: Sequence[float]) -> list[float]:
    """Adjust p values so that of what is called a finding a share of at most the level is false (BH 1995).

    For grids that are searched and not decided on: which slices to look at next. Computed by scipy.

    >>> [round(p, 3) for p in benjamini_hochberg([0.01, 0.04, 0.03])]
    [0.03, 0.04, 0.04]
    """
    if not _checked(p_values):
        return []
    from scipy.stats import false_discovery_control

    return [float(p) for p in false_discovery_control(list(p_values))]


def _checked(p_values: Sequence[float]) -> bool:
    if not all(0 <= p <= 1 for p in p_values):
        raise ScoringError("a p value lies between 0 and 1: leave out the tests that could not be made")
    return len(p_values) > 0
