"""Does it work every time? From repeated trials of the same task: pass@k and pass^k."""

from __future__ import annotations

from collections.abc import Sequence
from math import comb

import numpy as np

from contoso_lab.errors import ScoringError
from contoso_lab.scoring.stats.estimates import Estimate, mean_interval


def pass_at_k(trials: int, passed: int, k: int) -> float:
    """The chance that at least one of `k` trials passes: `1 − C(n−c, k)/C(n, k)` (Chen et al. 2021, HumanEval).

    >>> round(pass_at_k(5, 2, 3), 6), round(pass_at_k(10, 7, 1), 6)
    (0.9, 0.7)
    """
    _check(trials, passed, k)
    return 1 - comb(trials - passed, k) / comb(trials, k)


def pass_hat_k(trials: int, passed: int, k: int) -> float:
    """The chance that all of `k` trials pass, pass^k: `C(c, k)/C(n, k)` (Yao et al. 2024, τ-bench).

    >>> pass_hat_k(4, 3, 2), round(pass_hat_k(8, 6, 4) * 14, 6)
    (0.5, 3.0)
    """
    _check(trials, passed, k)
    return comb(passed, k) / comb(trials, k)


def pass_over_tasks(
    outcomes: Sequence[Sequence[bool]], k: int, *, every: bool, rng: np.random.Generator, level: float = 0.95
) -> Estimate:
    """The mean of pass@k, or of pass^k when `every`, over tasks, with an interval between tasks.

    A trial that broke counts as failed: leave none out.

    Args:
        outcomes: For each task, whether each of its trials passed; at least `k` of them.
        k: How many trials.
        every: pass^k instead of pass@k.
        rng: The source of the draws, for few tasks.
        level: How often the interval should hold the truth.
    """
    if not outcomes:
        raise ScoringError("there is no task to take pass@k of")
    rule = pass_hat_k if every else pass_at_k
    values = [rule(len(trials), sum(map(bool, trials)), k) for trials in outcomes]
    return mean_interval(values, list(range(len(values))), rng, level=level, share=True)


def _check(trials: int, passed: int, k: int) -> None:
    if not 0 <= passed <= trials or k < 1:
        raise ScoringError(f"of n trials c passed, 0 <= c <= n and k >= 1, not n={trials}, c={passed}, k={k}")
    if k > trials:
        raise ScoringError(f"k={k} cannot be more than the {trials} trials: run more of them, or choose a smaller k")
