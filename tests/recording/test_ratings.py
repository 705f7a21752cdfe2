from __future__ import annotations

import threading
from pathlib import Path

import pytest

from contoso_lab.errors import RecordingError
from contoso_lab.recording.ratings import (
    Rating,
    add_rating,
    ratings_frame,
    ratings_place,
    read_ratings,
    replace,
    standing,
)

ONE = Rating(item="call-1/page-1/TEN-02", question="grade", rating=2, rater="kim", policy_version="1", place=4, seed=7)


def test_what_was_added_is_read_again_with_everything_a_licence_asks_for(tmp_path: Path) -> None:
    place = ratings_place(tmp_path, "kim")
    kept = add_rating(place, ONE)
    assert read_ratings(place).ratings == [kept]
    assert kept.at.endswith("+00:00")
    assert list(ratings_frame([kept]).columns)[:8] == [
        "item", "question", "rating", "rater", "policy_version", "at", "place", "seed",
    ]  # fmt: skip
    assert (tmp_path / "kim.jsonl").read_bytes().count(b"\n") == 1


def test_the_newest_counts_and_what_was_taken_back_does_not() -> None:
    other = replace(ONE, item="call-1/page-1/SLE-02", rating=0)
    log = [ONE, other, replace(ONE, rating=3), replace(other, rating=None), replace(ONE, rater="lee", rating=1)]
    assert [(one.rater, one.rating) for one in standing(log)] == [("kim", 3), ("lee", 1)]
    assert len(standing([ONE, replace(ONE, policy_version="2")])) == 2  # other rules, another answer


def test_a_line_that_was_cut_off_costs_only_itself(tmp_path: Path) -> None:
    place = tmp_path / "kim.jsonl"
    add_rating(place, ONE)
    with place.open("ab") as file:
        file.write(b'{"item": "half')
    assert [one.rating for one in read_ratings(place).ratings] == [2]
    add_rating(place, replace(ONE, rating=1))
    read = read_ratings(place)
    assert [one.rating for one in read.ratings] == [2, 1]
    assert len(read.problems) == 1
    place.write_bytes(place.read_bytes() + b'{"item": "x"}\n')
    assert "is no rating" in read_ratings(place).problems[-1]


def test_raters_who_write_at_the_same_time_lose_nothing(tmp_path: Path) -> None:
    place = tmp_path / "both.jsonl"

    def write(rater: str) -> None:
        for number in range(20):
            add_rating(place, replace(ONE, rater=rater, item=f"{number}"))

    threads = [threading.Thread(target=write, args=(name,)) for name in ("kim", "lee", "ada")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    read = read_ratings(place)
    assert read.problems == []
    assert len(standing(read.ratings)) == 60


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(RecordingError, match=r"kim\.jsonl: the rating cannot be kept"):
        add_rating(tmp_path / "file" / "kim.jsonl", ONE)
    with pytest.raises(RecordingError, match="cannot be a file name"):
        ratings_place(tmp_path, "../kim")
