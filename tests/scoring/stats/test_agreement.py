from __future__ import annotations

import math

import numpy as np
import pytest

from contoso_lab.errors import ScoringError
from contoso_lab.scoring.stats.agreement import cohen_kappa, krippendorff_alpha, observed_agreement


def _table(both_yes: int, first_only: int, second_only: int, both_no: int) -> tuple[list[int], list[int]]:
    first = [1] * (both_yes + first_only) + [0] * (second_only + both_no)
    second = [1] * both_yes + [0] * first_only + [1] * second_only + [0] * both_no
    return first, second


@pytest.mark.parametrize(
    ("table", "agreement", "kappa"),
    [
        ((20, 5, 10, 15), 0.70, 0.40),
        # Nine in ten agree, and most of that is chance.
        ((85, 5, 5, 5), 0.90, 4 / 9),
        ((45, 15, 25, 15), 0.60, 0.1304347826),
        ((25, 35, 5, 35), 0.60, 0.2592592593),
    ],
)
def test_kappa_of_known_tables(table: tuple[int, int, int, int], agreement: float, kappa: float) -> None:
    first, second = _table(*table)
    assert observed_agreement(first, second) == pytest.approx(agreement)
    assert cohen_kappa(first, second) == pytest.approx(kappa)


def test_weights_forgive_the_near_miss() -> None:
    people, judge = [1, 2, 3, 4, 5] * 4, [1, 2, 3, 4, 4] * 4
    grades = [1, 2, 3, 4, 5]
    plain = cohen_kappa(people, judge, labels=grades)
    quadratic = cohen_kappa(people, judge, weights="quadratic", labels=grades)
    assert quadratic > cohen_kappa(people, judge, weights="linear", labels=grades) > plain
    # By hand: observed 4/20 of one step, expected from the margins: 1 − Σw·o/Σw·e = 1 − 0.2/3.6 of squared steps.
    assert quadratic == pytest.approx(1 - 0.2 / np.mean([(p - j) ** 2 for p in people for j in judge]))


def test_names_of_two_digits_keep_their_order() -> None:
    first, second = ["2", "10", "2", "10"], ["2", "10", "10", "2"]
    assert cohen_kappa(first, second, weights="quadratic", labels=["2", "10"]) == pytest.approx(0)


def test_one_grade_for_everything_is_no_agreement_and_no_zero() -> None:
    assert math.isnan(cohen_kappa([1, 1, 1], [1, 1, 1]))
    assert math.isnan(krippendorff_alpha([[1, 1], [1, 1]]))


@pytest.mark.parametrize(
    ("units", "level", "alpha"),
    [
        ([[1, 1, 1], [0, 0, 0], [1, 1, 1], [0, 0, 1]], "nominal", 1 - 132 / 420),
        ([[1, 2], [3, 4], [1, 1]], "interval", 19 / 24),
        ([[0, 1], [1, 0], [0, 1], [1, 0]], "nominal", -0.75),
        ([[1, 1, 0], [0, 0]], "nominal", 1 / 3),
    ],
)
def test_alpha_of_known_cases(units: list[list[float]], level: str, alpha: float) -> None:
    assert krippendorff_alpha(units, level=level) == pytest.approx(alpha)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("level", "alpha"), [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849), ("ratio", 0.797)]
)
def test_alpha_of_krippendorffs_own_example(level: str, alpha: float) -> None:
    # Four observers, twelve units, with gaps: Krippendorff 2011, example D; his figures.
    a = [1, 2, 3, 3, 2, 1, 4, 1, 2, None, None, None]
    b = [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, None, 3]
    c = [None, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, None]
    d = [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, None]
    assert krippendorff_alpha(list(zip(a, b, c, d, strict=True)), level=level) == pytest.approx(alpha, abs=5e-4)  # type: ignore[arg-type]


@pytest.mark.parametrize(("a", "b"), [([], []), ([1], [1, 2])])
def test_other_cases_on_both_sides_are_refused(a: list[int], b: list[int]) -> None:
    with pytest.raises(ScoringError, match="same cases"):
        cohen_kappa(a, b)


def test_what_cannot_be_rated_is_refused() -> None:
    with pytest.raises(ScoringError, match="two raters"):
        krippendorff_alpha([[1], [None, 2]])
    with pytest.raises(ScoringError, match="numbers"):
        krippendorff_alpha([["a", "b"]], level="interval")
    with pytest.raises(ScoringError, match="none of the grades"):
        cohen_kappa([1, 7], [1, 2], labels=[1, 2])
