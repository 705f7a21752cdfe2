"""From what people press in the Labeller to the word beside a judge's number, and back when the rubric changes."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from contoso_lab.errors import ScoringError
from contoso_lab.recording import Recording
from contoso_lab.recording.ratings import read_ratings
from contoso_lab.report.comparison import compare
from contoso_lab.scoring import score
from contoso_lab.scoring.judges import Verdicts, ask_judge, cases_of, judge_scorer, license_judge
from contoso_lab.widgets.labeller import Labeller

GRADES = (5, 4, 2, 1, 5, 3)
PRICES = ("$279", "$280", "$2", "$1", "$278", "$300")


@pytest.fixture
def calls(tent_call: Callable[..., Recording]) -> list[Recording]:
    """Six calls that a judge can tell apart by the price that was said."""
    return [
        tent_call(name=f"c{place}", price=price, scenario=f"s{place}", persona="voice")
        for place, price in enumerate(PRICES)
    ]


def _rated(calls: list[Recording], folder: Path, rater: str, grades: dict[str, int]) -> None:
    labeller = Labeller(calls, rater, ask="helpfulness", folder=folder)
    for _ in calls:
        shown = labeller._items[labeller.at]
        labeller.rate(grades[shown.recording.id])


def _judge(grades: tuple[int | str, ...]) -> Callable[[str], str]:
    """Gives each call its grade; a text stands for an answer that is no grade."""

    def rule(material: str) -> str:
        place = next(at for at, price in enumerate(PRICES) if f"costs {price}." in material)
        grade = grades[place]
        return grade if isinstance(grade, str) else json.dumps({"reason": "Because.", "score": grade})

    return rule


async def test_from_the_labellers_files_to_a_licence_and_a_table(
    bench: Any, calls: list[Recording], tmp_path: Path
) -> None:
    people = dict(zip((call.id for call in calls), GRADES, strict=True))
    _rated(calls, tmp_path, "kim", people)
    _rated(calls, tmp_path, "lee", {**people, "c5": 4})
    ratings = read_ratings(tmp_path / "kim.jsonl", tmp_path / "lee.jsonl").ratings
    assert len(ratings) == 12

    bench.rule = _judge((5, 5, 2, 1, 4, "I would say 3 out of 5."))
    verdicts = Verdicts(tmp_path / "verdicts" / "all.jsonl")
    signature = await ask_judge("helpfulness", cases_of("helpfulness", calls), bench.target, verdicts, repeats=2)
    assert {one.policy_version for one in ratings} == {signature.policy_version}, "people and judge had the same rules"

    licence = license_judge(verdicts, ratings)
    # The fifth call has no grade of the judge: prose is an error, whatever digit stands in it.
    assert [one.status for one in verdicts if one.item == "c5/call"] == ["error", "error"]
    assert (licence.items, licence.yes, licence.no, licence.rated_twice) == (5, 3, 2, 1.0)
    assert licence.base_rate == pytest.approx(0.6)
    assert licence.agreement == pytest.approx(3 / 5)
    # Squared steps: two of one step seen, by chance the mean over all pairs of both margins.
    truth, judged = GRADES[:5], (5, 5, 2, 1, 4)
    chance = sum((t - j) ** 2 for t in truth for j in judged) / 25
    assert licence.kappa_weighted == pytest.approx(1 - (2 / 5) / chance)
    assert licence.people_alpha == 1.0
    assert licence.self_consistency == 1.0
    assert math.isnan(licence.position_consistency), "no pairs were asked of this rubric"
    assert [fault.split(",")[0] for fault in licence.faults] == ["3 good and 2 other items are rated"]

    # Not granted, so provisional in every table, and no verdict.
    scorer = judge_scorer("helpfulness", verdicts, licence=licence)
    told = score(calls, scorer)
    assert scorer.name == "judge_helpfulness_provisional"
    assert "judge_helpfulness_provisional" in repr(told)
    assert "1 failed" in repr(told)
    assert compare(told, told)["judge_helpfulness_provisional"].verdict is None

    granted = replace(licence, yes=80, no=70)
    assert granted.granted
    assert judge_scorer("helpfulness", verdicts, licence=granted).name == "judge_helpfulness"


async def test_another_version_of_the_rubric_needs_another_licence(
    bench: Any, calls: list[Recording], tmp_path: Path
) -> None:
    people = dict(zip((call.id for call in calls), GRADES, strict=True))
    _rated(calls, tmp_path, "kim", people)
    ratings = [replace(one, policy_version="0+another") for one in read_ratings(tmp_path / "kim.jsonl").ratings]
    verdicts = Verdicts()
    await ask_judge("helpfulness", cases_of("helpfulness", calls), bench.target, verdicts)
    with pytest.raises(ScoringError, match=r"there are ratings under 0\+another"):
        license_judge(verdicts, ratings)
