from __future__ import annotations

import json
import os
import shutil
import threading
from pathlib import Path
from typing import Any

import pytest

from contoso_lab.audio import tone
from contoso_lab.errors import RecordingError
from contoso_lab.recording import Recorder, Recording
from contoso_lab.recording import fold as fold_module
from contoso_lab.recording.fold import fold

RUN = {"type": "prompt.run", "run": {"prompt": "gate"}}


def talk(desk: Any) -> None:
    desk.append(10, tone(40))
    desk.delta(20, "a", tone(60))
    desk.at(30, "s2c", {"type": "response.done", "response": {"id": "r"}})
    desk.recorder.write("local", RUN)


def files(folder: Path) -> dict[str, bytes]:
    return {str(place.relative_to(folder)): place.read_bytes() for place in folder.rglob("*") if place.is_file()}


@pytest.fixture
def closed(desk: Any) -> Path:
    """A recording that is closed and not folded."""
    talk(desk)
    desk.recorder.close("done", fold="later")
    path: Path = desk.recorder.path
    assert sorted(files(path)) == ["manifest.json", "spool.bin"]
    return path


BUNDLE = ["audio/in.wav", "audio/out.wav", "events.jsonl", "manifest.json", "prompty.jsonl"]


def test_folding_later_gives_what_folding_at_once_gives(closed: Path, make_desk: Any) -> None:
    now = make_desk()
    talk(now)
    now.recorder.close("done")
    fold(closed)
    assert sorted(files(closed)) == BUNDLE
    at_once, later = files(now.recorder.path), files(closed)
    ids = [json.loads(each.pop("manifest.json")) for each in (at_once, later)]
    assert at_once == later
    assert {**ids[0], "id": ""} == {**ids[1], "id": ""}
    assert now.recorder.manifest.counts == Recording.open(closed).manifest.counts


def test_who_opens_a_recording_that_is_not_folded_folds_it(closed: Path) -> None:
    recording = Recording.open(closed)
    assert recording.problems == ()
    assert recording.manifest.counts["samples_out"] == 1440
    assert sorted(files(closed)) == BUNDLE


def test_folding_again_changes_nothing(closed: Path) -> None:
    fold(closed)
    before = files(closed)
    fold(closed)
    assert files(closed) == before


def test_many_who_fold_at_the_same_time_agree(closed: Path, tmp_path: Path) -> None:
    shutil.copytree(closed, tmp_path / "alone")
    fold(tmp_path / "alone")
    start, problems = threading.Barrier(6), []

    def work() -> None:
        start.wait()
        try:
            assert Recording.open(closed).problems == ()
        except Exception as error:  # noqa: BLE001 - whatever goes wrong in a thread is to be shown
            problems.append(error)

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    assert files(closed) == files(tmp_path / "alone")


def test_who_folded_the_beginning_does_not_overwrite_the_end(desk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    talk(desk)
    real = fold_module._put_in_place

    def slowly(*arguments: Any) -> None:
        # While a reader has folded a recording that is still open, its writer closes and folds it.
        monkeypatch.setattr(fold_module, "_put_in_place", real)
        desk.at(40, "s2c", {"type": "the.end"})
        desk.recorder.close()
        real(*arguments)

    monkeypatch.setattr(fold_module, "_put_in_place", slowly)
    monkeypatch.setattr(fold_module, "fcntl", None)  # one thread plays both: it would wait for itself
    fold(desk.recorder.path)
    types = [event.type for event in Recording.open(desk.recorder.path).events]
    assert types[-2:] == ["the.end", "recording.closed"]
    assert sorted(files(desk.recorder.path)) == BUNDLE


def test_a_recording_can_be_read_while_it_is_written(desk: Any) -> None:
    desk.append(10, tone(40))
    desk.recorder.flush()
    first = Recording.open(desk.recorder.path)
    assert first.problems == ("it was cut before it was closed",)
    assert first.user_audio.duration_ms == 40
    desk.append(50, tone(40))
    desk.recorder.flush()
    assert Recording.open(desk.recorder.path).user_audio.duration_ms == 80
    assert desk.opened().problems == ()


@pytest.mark.parametrize("cut_bytes", [1, 20, 30, 50])
def test_what_was_torn_is_left_out_and_told(desk: Any, cut_bytes: int) -> None:
    talk(desk)
    desk.at(40, "s2c", {"type": "brand.new", "text": "x\u2028y"})
    spool = desk.recorder.path / "spool.bin"
    os.truncate(spool, spool.stat().st_size - cut_bytes)
    recording = Recording.open(desk.recorder.path)
    assert [event.type for event in recording.events][-2:] == ["response.done", "prompt.run"]
    assert recording.problems[0] == "it was cut before it was closed"
    assert "the last line was cut while it was written" in recording.problems[1]
    assert recording.user_audio.duration_ms == 40


def test_a_recording_that_cannot_be_folded_here_says_so_and_stays(closed: Path, monkeypatch: Any) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(fold_module, "_replay", full)
    with pytest.raises(RecordingError, match=r"whole but cannot be folded here \(No space left"):
        Recording.open(closed)
    monkeypatch.undo()
    assert sorted(files(closed)) == ["manifest.json", "spool.bin"]
    assert Recording.open(closed).problems == ()


def test_closing_on_a_full_disk_leaves_the_folding_to_the_reader(desk: Any, monkeypatch: Any) -> None:
    talk(desk)
    monkeypatch.setattr(
        "contoso_lab.recording.recorder.make_bundle", lambda _: (_ for _ in ()).throw(RecordingError("full"))
    )
    desk.recorder.close()
    monkeypatch.undo()
    assert Recording.open(desk.recorder.path).problems == ()


def test_what_a_killed_folder_left_behind_goes_with_the_next(closed: Path) -> None:
    (closed / ".fold-dead").mkdir()
    (closed / ".fold-dead" / "events.jsonl").write_bytes(b"half")
    fold(closed)
    assert sorted(files(closed)) == BUNDLE


def test_a_spool_of_a_later_program_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "later"
    with Recorder.start(tmp_path, id="later") as recorder:
        recorder.write("local", RUN)
    (path / "spool.bin").write_bytes(b"contoso spool 7\n")
    with pytest.raises(RecordingError, match="newer contoso-lab"):
        Recording.open(path)


def test_text_and_bytes_are_read_as_they_came(desk: Any) -> None:
    text = '{"type":"x","text":"\ud83d"}'
    desk.recorder.write("s2c", text)  # half a pair fits into a text, and into no UTF-8
    desk.recorder.write("s2c", text.encode("utf-8", "surrogatepass"))
    desk.recorder.write("s2c", '{"type":"x"}'.encode("utf-16"))
    types = [event.type for event in desk.opened().events]
    assert types == ["recording.started", "x", "frame.unparsed", "frame.unparsed", "recording.closed"]
