from __future__ import annotations

import math

import numpy as np
import pytest

from contoso_lab.errors import ScoringError
from contoso_lab.scoring.stats.correction import Confusion, ppi_mean, rogan_gladen

KNOWN = Confusion(both_yes=54, judge_no=6, both_no=51, judge_yes=9)


def test_rogan_gladen_of_the_known_case() -> None:
    assert (KNOWN.sensitivity, KNOWN.specificity) == (0.9, 0.85)
    told = rogan_gladen(0.75, 400, KNOWN)
    assert told.value == pytest.approx(0.80)
    assert told.se == pytest.approx(0.052, abs=5e-4)
    naive = math.sqrt(0.75 * 0.25 / 400)
    assert naive == pytest.approx(0.022, abs=5e-4)
    assert told.interval == pytest.approx((0.8 - 1.96 * 0.0519, 0.8 + 1.96 * 0.0519), abs=2e-3)


def test_a_rate_between_calls_may_bring_its_own_error() -> None:
    wide, narrow = rogan_gladen(0.75, 400, KNOWN, rate_se=0.05), rogan_gladen(0.75, 400, KNOWN)
    assert wide.se is not None
    assert narrow.se is not None
    assert wide.se > narrow.se


def test_a_correction_that_points_outside_is_held_and_said() -> None:
    told = rogan_gladen(0.05, 100, KNOWN)
    assert told.value == 0.0
    assert "points outside" in told.note
    assert told.low == 0.0 < told.high  # type: ignore[operator]


@pytest.mark.parametrize(
    ("confusion", "sentence"),
    [(Confusion(30, 30, 30, 30), "coin"), (Confusion(10, 50, 10, 50), "coin"), (Confusion(60, 0, 0, 0), "one kind")],
)
def test_a_judge_that_knows_nothing_is_not_corrected(confusion: Confusion, sentence: str) -> None:
    with pytest.raises(ScoringError, match=sentence):
        rogan_gladen(0.5, 100, confusion)


def test_confusion_counts_what_people_and_judge_say() -> None:
    assert Confusion.of([True, True, False, False], [True, False, False, True]) == Confusion(1, 1, 1, 1)


def test_ppi_by_its_first_formula() -> None:
    y, f, rest = np.array([1.0, 0, 1, 1, 0]), np.array([1.0, 1, 1, 1, 0]), np.array([1.0, 0, 1, 1, 1, 0, 1, 1])
    told = ppi_mean(y, f, rest, power_tuning=False)
    assert told.value == pytest.approx(rest.mean() + (y - f).mean())
    assert told.se == pytest.approx(math.sqrt(rest.var(ddof=1) / 8 + (y - f).var(ddof=1) / 5))


def test_the_weight_is_the_one_of_the_paper() -> None:
    rng = np.random.default_rng(3)
    truth = rng.normal(3, 1, 60)
    judge, rest = truth + rng.normal(0.4, 0.5, 60), rng.normal(3.4, 1.1, 600)
    told = ppi_mean(truth, judge, rest)
    pooled = np.concatenate([judge, rest]).var(ddof=1)
    weight = np.cov(truth, judge)[0, 1] / ((1 + 60 / 600) * pooled)
    assert told.value == pytest.approx(weight * rest.mean() + (truth - weight * judge).mean())
    assert told.method == f"PPI++ (λ = {weight:.2f}, 60 labels)"


def test_a_judge_without_a_clue_leaves_the_labels_alone() -> None:
    rng = np.random.default_rng(4)
    y = rng.normal(size=50)
    told = ppi_mean(y, np.full(50, 3.0), np.full(200, 3.0))
    assert told.value == pytest.approx(y.mean())
    assert told.se == pytest.approx(y.std(ddof=1) / math.sqrt(50))


def test_a_perfect_judge_makes_many_labels_of_few() -> None:
    rng = np.random.default_rng(5)
    y, rest = rng.normal(size=50), rng.normal(size=5000)
    told = ppi_mean(y, y, rest)
    assert told.se is not None
    assert told.se < 0.4 * y.std(ddof=1) / math.sqrt(50)


def test_turns_of_one_call_count_as_one() -> None:
    rng = np.random.default_rng(6)
    calls = np.repeat(np.arange(10), 6)
    y = rng.normal(0, 1, 10)[calls] + rng.normal(0, 0.1, 60)
    judge, rest = y + rng.normal(0, 0.1, 60), rng.normal(size=300)
    others = np.repeat(np.arange(10, 60), 6).tolist()
    grouped = ppi_mean(y, judge, rest, clusters_labelled=calls.tolist(), clusters_rest=others)
    alone = ppi_mean(y, judge, rest)
    assert grouped.se is not None
    assert alone.se is not None
    assert grouped.se > alone.se


def test_a_correction_needs_labels() -> None:
    with pytest.raises(ScoringError, match="two labels"):
        ppi_mean([1], [1], [1, 0])


def _covers(rng: np.random.Generator) -> tuple[bool, bool, float]:
    """The judge of the reference: sensitivity .95, specificity .65, truth .70."""
    labelled, judged = rng.random(60) < 0.7, rng.random(600) < 0.7
    f = np.where(labelled, rng.random(60) < 0.95, rng.random(60) < 0.35).astype(float)
    rest = np.where(judged, rng.random(600) < 0.95, rng.random(600) < 0.35).astype(float)
    told = ppi_mean(labelled, f, rest)
    reach = 1.96 * math.sqrt(rest.mean() * (1 - rest.mean()) / 600)
    width = (told.high - told.low) / (2 * 2.0 * labelled.std(ddof=1) / math.sqrt(60))  # type: ignore[operator]
    return told.low <= 0.7 <= told.high, abs(rest.mean() - 0.7) <= reach, width  # type: ignore[operator]


@pytest.mark.parametrize(
    "runs", [300, pytest.param(4000, marks=pytest.mark.slow)], ids=["quick", "full"]
)  # reference/metrics.md §0.6
def test_an_uncorrected_judge_is_nearly_always_wrong_and_a_corrected_one_seldom(runs: int) -> None:
    rng = np.random.default_rng(7)
    corrected, naive, widths = (
        np.array(x, dtype=float) for x in zip(*(_covers(rng) for _ in range(runs)), strict=True)
    )
    assert corrected.mean() >= 0.90
    assert naive.mean() < 0.06
    # Narrower than from the labels alone: that is what the judge is for.
    assert widths.mean() < 0.92
