from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from contoso_lab.errors import ScoringError
from contoso_lab.recording.ratings import Rating
from contoso_lab.scoring.judges import Licence, Verdict, corrected_mean, corrected_rate, judge_scorer, license_judge
from contoso_lab.scoring.judges.verdicts import Verdicts

POLICY = "1+abcd1234"


def verdict(i: int, value: float | str | None, **changes: object) -> Verdict:
    made = Verdict(
        f"r{i}/call", f"r{i}", f"s{i % 40}", "helpfulness", "sig", "ok" if value is not None else "error", value,
        "", policy_version=POLICY,
    )  # fmt: skip
    return replace(made, **changes)  # type: ignore[arg-type]


def rating(i: int, value: int | None, rater: str = "kim", **changes: object) -> Rating:
    made = Rating(f"r{i}/call", "helpfulness", value, rater, POLICY, at=f"2026-11-29T10:00:00.{i:06d}")
    return replace(made, **changes)  # type: ignore[arg-type]


def _judged(n: int, rng: np.random.Generator, *, noise: float = 0.25) -> tuple[list[int], list[Verdict]]:
    truth = [int(t) for t in rng.integers(1, 6, n)]
    wrong = rng.random(n) < noise
    steps = rng.choice([-1, 1], n)
    grades = [min(5, max(1, t + int(step))) if w else t for t, w, step in zip(truth, wrong, steps, strict=True)]
    return truth, [verdict(i, float(grade)) for i, grade in enumerate(grades)]


def test_a_judge_that_agrees_is_licensed() -> None:
    truth, verdicts = _judged(200, np.random.default_rng(1))
    ratings = [rating(i, grade) for i, grade in enumerate(truth)]
    ratings += [rating(i, grade, "lee") for i, grade in enumerate(truth[:60])]
    licence = license_judge(verdicts, ratings)
    assert licence.granted, licence.faults
    assert (licence.items, licence.rated_twice, licence.people_alpha) == (200, 0.3, 1.0)
    assert licence.kappa_weighted > licence.kappa > 0.6
    assert licence.yes + licence.no == 200
    assert licence.confusion.sensitivity == pytest.approx(licence.sensitivity)
    assert str(licence).startswith("helpfulness: granted. 200 items, base rate ")
    held = Verdicts()
    for one in verdicts:
        held.add(one)
    assert judge_scorer("helpfulness", held, licence=licence).metric.judged
    stranger = replace(licence, signature="another")
    assert not judge_scorer("helpfulness", held, licence=stranger).metric.judged


@pytest.mark.parametrize(
    ("count", "twice", "noise", "sentence"),
    [(80, 80, 0.1, "60 of each"), (300, 10, 0.1, "two people"), (300, 300, 1.0, "weighted κ")],
)
def test_what_a_licence_lacks_is_said(count: int, twice: int, noise: float, sentence: str) -> None:
    rng = np.random.default_rng(2)
    truth, verdicts = _judged(count, rng, noise=noise)
    if noise == 1.0:
        verdicts = [verdict(i, float(rng.integers(1, 6))) for i in range(count)]
    ratings = [rating(i, grade) for i, grade in enumerate(truth)]
    ratings += [rating(i, grade, "lee") for i, grade in enumerate(truth[:twice])]
    licence = license_judge(verdicts, ratings)
    assert not licence.granted
    assert any(sentence in fault for fault in licence.faults)


def test_agreement_without_a_second_kind_of_case_is_no_licence() -> None:
    verdicts = [verdict(i, 5.0) for i in range(100)]
    licence = license_judge(verdicts, [rating(i, 5) for i in range(100)])
    assert (licence.agreement, licence.base_rate) == (1.0, 1.0)
    assert math.isnan(licence.kappa_weighted)
    assert not licence.granted


def test_ratings_under_other_rules_do_not_count() -> None:
    verdicts = [verdict(i, 4.0) for i in range(4)]
    old = [rating(i, 4, policy_version="1+0ld") for i in range(4)]
    with pytest.raises(ScoringError, match=r"ratings under 1\+0ld, and the rubric is now 1\+abcd1234"):
        license_judge(verdicts, old)


def test_a_rating_that_was_taken_back_is_none() -> None:
    verdicts = [verdict(i, 4.0) for i in range(3)]
    ratings = [
        rating(0, 1),
        rating(0, 4, at="2026-11-30"),
        rating(1, 4),
        rating(2, 4),
        rating(2, None, at="2026-11-30"),
    ]
    licence = license_judge(verdicts, ratings)
    assert (licence.items, licence.agreement) == (2, 1.0)


def test_signatures_are_never_mixed() -> None:
    mixed = [verdict(0, 4.0), verdict(1, 4.0, signature="other")]
    with pytest.raises(ScoringError, match="2"):
        license_judge(mixed, [rating(0, 4)])
    with pytest.raises(ScoringError, match="2"):
        corrected_mean(mixed, [rating(0, 4)])


def test_second_looks_tell_how_sure_a_judge_is_of_itself() -> None:
    looks = [verdict(0, 4.0), verdict(0, 4.0, repeat=1), verdict(1, 4.0), verdict(1, 2.0, repeat=1)]
    assert license_judge(looks, [rating(0, 4), rating(1, 4)]).self_consistency == 0.5


def test_a_licence_is_kept_in_a_file(tmp_path: Path) -> None:
    licence = license_judge([verdict(i, 4.0 - i) for i in range(3)], [rating(i, 4 - i) for i in range(3)])
    again = Licence.load(licence.save(tmp_path / "helpfulness.json"))
    assert str(again) == str(licence)
    with pytest.raises(ScoringError, match="no licence"):
        Licence.load(tmp_path / "nothing.json")


def test_a_generous_judge_is_corrected_towards_people() -> None:
    rng = np.random.default_rng(3)
    truth = rng.integers(1, 5, 400)
    verdicts = [verdict(i, float(t + (rng.random() < 0.7))) for i, t in enumerate(truth)]
    ratings = [rating(i, int(t)) for i, t in enumerate(truth[:80])]
    plain = float(np.mean([float(v.value or 0) for v in verdicts]))
    told = corrected_mean(verdicts, ratings)
    assert plain > truth.mean() + 0.5
    assert told.low is not None
    assert told.high is not None
    assert told.low < truth.mean() < told.high
    assert told.method.startswith("PPI++")


def test_the_share_of_good_ones_is_corrected_too() -> None:
    rng = np.random.default_rng(4)
    good = rng.random(600) < 0.7
    said = np.where(good, rng.random(600) < 0.95, rng.random(600) < 0.35)
    verdicts = [verdict(i, 5.0 if yes else 2.0) for i, yes in enumerate(said)]
    ratings = [rating(i, 5 if yes else 2) for i, yes in enumerate(good[:200])]
    licence = license_judge(verdicts, ratings)
    told = corrected_rate(verdicts, licence)
    assert said.mean() > 0.74
    assert told.value == pytest.approx(good.mean(), abs=0.06)
    assert "provisional" in told.note  # nobody rated twice
    with pytest.raises(ScoringError, match="another signature"):
        corrected_rate([verdict(0, 4.0, signature="other")], licence)


def test_errors_stay_in_sight() -> None:
    verdicts = [verdict(i, float(i % 5 + 1)) for i in range(18)] + [verdict(98, None), verdict(99, None)]
    told = corrected_mean(verdicts, [rating(i, i % 5 + 1) for i in range(6)])
    assert told.note.startswith("2 of 20 verdicts are errors; the judge's mean lies between ")
