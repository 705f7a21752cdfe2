"""A judge that finds nothing is only worth something when it finds what is there."""

# ruff: noqa: TID252 - the tests are no package

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from contoso_lab.recording import Recorder

from .books import Book
from .judge import judge

ALL = (1, 2, 3, 4)


def write_call(
    folder: Path,
    *,
    recorded: tuple[int, ...] = ALL,
    told: tuple[str, ...] = ("e1", "e2"),
    book: tuple[object, ...] = (),
) -> None:
    """A call of four messages of which all have arrived, two that were received, and its recording."""
    (folder / "books").mkdir()
    with Recorder.start(folder / "runs", id="call") as recorder:
        for number in recorded:
            recorder.write("c2s", json.dumps({"type": "response.cancel", "event_id": f"k.1.{number}"}))
        for event_id in told:
            recorder.write("s2c", json.dumps({"type": "response.done", "event_id": event_id}))
    written = Book(folder / "books" / "k.jsonl")
    lines = [("call", "call"), *(("sent", number, "item") for number in ALL), ("arrived", 4)]
    lines += [("got", "e1", "event"), ("got", "e2", "sound"), *(("held", number) for number in ALL)]
    for line in [*lines, *book]:
        written.write(*line)
    written.close()


def broken(folder: Path) -> list[str]:
    return judge(folder / "books", folder / "runs").broken


GOODBYE = ("ended", "said goodbye")
KILLED = ("ended", "nothing to come back to")


def test_a_call_of_which_nothing_was_lost(tmp_path: Path) -> None:
    write_call(tmp_path, book=(GOODBYE,))
    verdict = judge(tmp_path / "books", tmp_path / "runs")
    assert verdict.broken == []
    assert (verdict.calls, verdict.recorded["item"], verdict.items_held, verdict.opened) == (1, 4, 4, 1)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        ({"recorded": (1, 2, 4), "book": (GOODBYE,)}, "{'item': 1} had arrived and are not recorded, 3 to 3"),
        ({"recorded": (1, 3, 2, 4), "book": (GOODBYE,)}, "twice or out of order"),
        ({"recorded": (1, 2, 2, 3, 4), "book": (GOODBYE,)}, "twice or out of order"),
        ({"told": ("e2",), "book": (GOODBYE,)}, "1 received messages are not recorded"),
        ({"told": ("e1",), "book": (GOODBYE,)}, "1 received messages are not recorded"),
        ({"told": ("e2",), "book": (("unrecorded",), GOODBYE)}, "1 received messages are not recorded"),
        ({"told": ("e2",), "book": (KILLED,)}, "1 received messages are not recorded"),
        ({"book": (("got", "e1", "event"), GOODBYE)}, "e1 was received 2 times"),
        ({"book": (("unknown", 2), GOODBYE)}, r"the target does not know the items \[2\]"),
    ],
)
def test_what_was_lost_is_found(tmp_path: Path, call: dict[str, object], sentence: str) -> None:
    write_call(tmp_path, **call)  # type: ignore[arg-type]
    with pytest.raises(AssertionError, match=sentence):
        assert broken(tmp_path) == []


@pytest.mark.parametrize(
    "book",
    [(KILLED,), (("ended", "vanished"),), (("ended", "lost while saying goodbye"),), (), (("unrecorded",), GOODBYE)],
    ids=["killed", "vanished", "killed amid the goodbye", "killed with its customer", "the disk was full"],
)
def test_a_relay_that_is_killed_or_finds_no_room_may_take_the_last_sound_along(tmp_path: Path, book: Any) -> None:
    write_call(tmp_path, told=("e1",), book=book)
    verdict = judge(tmp_path / "books", tmp_path / "runs")
    assert (verdict.broken, verdict.sound_taken_along) == ([], 1)


def test_nothing_is_promised_once_the_relay_has_said_so(tmp_path: Path) -> None:
    write_call(tmp_path, book=(("unrecorded",), ("sent", 5, "item"), ("arrived", 5), ("got", "e3", "event"), KILLED))
    verdict = judge(tmp_path / "books", tmp_path / "runs")
    assert (verdict.broken, verdict.unrecorded, verdict.arrived["item"]) == ([], 1, 5)


def test_a_recording_that_does_not_open_is_told(tmp_path: Path) -> None:
    write_call(tmp_path, book=(GOODBYE,))
    (tmp_path / "runs" / "another").mkdir()
    (tmp_path / "runs" / "another" / "manifest.json").write_text("{", encoding="utf-8")
    assert ["does not open" in sentence for sentence in broken(tmp_path)] == [True]


def test_a_folder_counts_once_somebody_was_told_of_it(tmp_path: Path) -> None:
    write_call(tmp_path, book=(GOODBYE,))
    (tmp_path / "runs" / "another").mkdir()
    assert broken(tmp_path) == []
    told = Book(tmp_path / "books" / "l.jsonl")
    told.write("call", "another")
    told.close()
    assert all("does not open" in sentence for sentence in broken(tmp_path))
    assert broken(tmp_path)
