from __future__ import annotations

import json
from pathlib import Path

import pytest

from contoso_lab.errors import PromptError, RecordingError
from contoso_lab.recording import Recording
from contoso_lab.recording.ratings import ratings_place
from contoso_lab.widgets.labeller import Labeller
from contoso_lab.widgets.rubric import Rubric
from tests.report.conftest import PAGE, whole_call

PAGES = [
    PAGE,
    PAGE.replace("TEN-02", "SLE-02").replace("Meadow Four", "Autumn Night"),
    PAGE.replace("TEN-02", "TEN-03").replace("Meadow Four", "Summit Solo"),
]


@pytest.fixture
def calls(tmp_path: Path) -> list[Recording]:
    """Three calls with two pages each: six products to grade."""
    found = []
    for number in range(3):
        script = whole_call()
        script.shows(7200, PAGES[number], after="x")
        found.append(Recording.open(script.record(tmp_path, id=f"secret-run-{number}", persona=f"secret_{number}")))
    return found


def test_every_answer_is_on_the_disk_before_the_next_item_is_shown(calls: list[Recording], tmp_path: Path) -> None:
    labeller = Labeller(calls, "kim", folder=tmp_path / "ratings")
    assert labeller.total == 6
    first = labeller.item["card"]["sku"]
    labeller._message(labeller, {"kind": "rate", "rating": 3, "heard_ms": 1234.56}, [])
    (line,) = (tmp_path / "ratings" / "kim.jsonl").read_text(encoding="utf-8").splitlines()
    kept = json.loads(line)
    assert (kept["rating"], kept["sku"], kept["rater"], kept["place"]) == (3, first, "kim", 1)
    assert (kept["policy_version"], kept["question"], kept["seed"], kept["heard_ms"]) == ("1", "grade", 0, 1234.6)
    assert (labeller.rated, labeller.at, labeller.given) == (1, 1, None)


def test_it_goes_on_where_one_stopped(calls: list[Recording]) -> None:
    labeller = Labeller(calls, "kim", seed=5)
    order = [item.name for item in labeller._items]
    for rating in (0, 1, 2):
        labeller.rate(rating)
    again = Labeller(list(reversed(calls)), "kim", seed=5)
    assert [item.name for item in again._items] == order  # the order is the rater's, not that of the arguments
    assert (again.rated, again.at) == (3, 3)
    assert list(again.frame.rating) == [0, 1, 2]
    assert list(again.frame.place) == [1, 2, 3]
    for rating in (3, 3, 3):
        again.rate(rating)
    assert again.rated == 6
    again.go(-1)
    again.rate(0)
    assert again.rated == 6  # a change of mind is no second answer


def test_raters_see_different_orders_and_each_keeps_a_file(calls: list[Recording]) -> None:
    orders = {name: tuple(item.name for item in Labeller(calls, name)._items) for name in ("kim", "lee", "ada", "bo")}
    assert len(set(orders.values())) > 1
    assert len({frozenset(order) for order in orders.values()}) == 1
    Labeller(calls, "kim").rate(1)
    Labeller(calls, "lee").rate(2)
    assert {place.name for call in calls for place in call.path.glob("labels/*.jsonl")} == {"kim.jsonl", "lee.jsonl"}


def test_undo_takes_back_the_newest_and_the_file_tells_it(calls: list[Recording], tmp_path: Path) -> None:
    labeller = Labeller(calls, "kim", folder=tmp_path)
    labeller.rate(1)
    labeller.rate(2)
    labeller.undo()
    assert (labeller.rated, labeller.at) == (1, 1)
    labeller.undo()
    labeller.undo()  # there is nothing any more
    assert (labeller.rated, labeller.at) == (0, 0)
    lines = (tmp_path / "kim.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["rating"] for line in lines] == [1, 2, None, None]
    assert Labeller(calls, "kim", folder=tmp_path).rated == 0


def test_nothing_that_reaches_the_page_tells_whose_call_it_is(calls: list[Recording]) -> None:
    for ask in ("grade", "suggestion_relevance", "helpfulness", "groundedness"):
        labeller = Labeller(calls, "kim", ask=ask)
        state = {name: value for name, value in labeller.get_state().items() if name not in ("_esm", "_css")}
        text = json.dumps(state, default=str) + repr(labeller) + labeller._repr_html_()
        assert "secret" not in text
        assert labeller.item["rows"]


def test_products_are_graded_by_what_was_said_before_they_were_shown(calls: list[Recording]) -> None:
    labeller = Labeller(calls[0], "kim")
    labeller.at = next(at for at, item in enumerate(labeller._items) if "/page-1/" in item.name)
    said = " ".join(row["heard"] for row in labeller.item["rows"])
    assert "sleeps four" in said
    assert "Thank you" not in said


def test_a_rubric_is_the_judges_own_and_its_version_changes_with_its_words(calls: list[Recording]) -> None:
    labeller = Labeller(calls, "kim", ask="suggestion_relevance")
    assert labeller.total == 6
    assert labeller.question["anchors"][4] == [5, Rubric.of("suggestion_relevance").anchors[5]]
    assert "Meadow Four" in labeller.item["page"] or "Autumn Night" in labeller.item["page"]
    labeller.rate(4)
    assert labeller.ratings[0].policy_version.startswith("1+")
    assert Labeller(calls, "kim").rated == 0  # another question
    with pytest.raises(RecordingError, match="are no grades"):
        labeller.labels(calls[0])
    with pytest.raises(PromptError, match="cannot be asked blind"):
        Labeller(calls, "kim", ask="persona_adherence")
    with pytest.raises(PromptError, match="there is no prompt"):
        Labeller(calls, "kim", ask="beauty")


def test_grades_become_labels_that_scorers_read(calls: list[Recording]) -> None:
    labeller = Labeller(calls[1], "kim")
    for _ in range(labeller.total):
        labeller.rate({"TEN-02": 3}.get(labeller.item["card"]["sku"], 1))
    calls[1].add_labels(labeller.labels(calls[1]), "kim")
    kept = calls[1].labels("kim")
    assert kept is not None
    assert kept.products == {"TEN-02": 3, "SLE-02": 1}


def test_what_cannot_be_kept_or_answered_is_said_and_the_item_stays(calls: list[Recording], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    labeller = Labeller(calls, "kim", folder=tmp_path / "file")
    labeller._message(labeller, {"kind": "rate", "rating": 2}, [])
    assert "the rating cannot be kept" in labeller.error
    assert (labeller.at, labeller.rated) == (0, 0)
    labeller._message(labeller, {"kind": "rate", "rating": 7}, [])
    assert labeller.error == "7 is no answer to grade; there are 0, 1, 2, 3"
    with pytest.raises(RecordingError, match="cannot be a file name"):
        Labeller(calls, "../kim")
    with pytest.raises(RecordingError, match="there is nothing to rate"):
        Labeller([], "kim").rate(1)


def test_a_damaged_line_is_told_and_the_others_count(calls: list[Recording], tmp_path: Path) -> None:
    Labeller(calls, "kim", folder=tmp_path).rate(2)
    with ratings_place(tmp_path, "kim").open("ab") as file:
        file.write(b"no json\n")
    labeller = Labeller(calls, "kim", folder=tmp_path)
    assert labeller.rated == 1
    assert "line 2 is damaged" in labeller.error
