"""Thousands of recordings as one frame: the index and the gathered turns are copies that nobody depends on."""

from __future__ import annotations

import json
import os
import shutil
import threading
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from contoso_lab.recording import Recorder, Recording, list_recordings
from contoso_lab.recording import collection as collection_module
from contoso_lab.recording import index as index_module
from contoso_lab.recording.collection import Recordings
from contoso_lab.recording.index import rows_of

WORDS = "conversation.item.input_audio_transcription.completed"
OLD_NS = 1_700_000_000_000_000_000


def record(root: Path, id: str, *said: str, customer: str = "maya") -> Path:
    with Recorder.start(root, id=id, customer=customer) as recorder:
        for number, text in enumerate(said):
            recorder.write("s2c", {"type": "input_audio_buffer.committed", "item_id": f"u{number}"})
            recorder.write("s2c", {"type": WORDS, "item_id": f"u{number}", "content_index": 0, "transcript": text})
    return recorder.path


def age(path: Path, ns: int = OLD_NS) -> None:
    os.utime(path, ns=(ns, ns))


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """Three old recordings."""
    for id, customer, said in (("a", "maya", ("one", "two")), ("b", "daniel", ()), ("c", "maya", ("three",))):
        age(record(tmp_path, id, *said, customer=customer) / "manifest.json")
    return tmp_path


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The manifests that were read."""
    read: list[str] = []
    real = index_module._row
    monkeypatch.setattr(index_module, "_row", lambda folder: (read.append(folder.name), real(folder))[1])
    return read


def test_the_second_look_reads_no_manifest(runs: Path, loads: list[str]) -> None:
    first = list_recordings(runs)
    assert sorted(loads) == ["a", "b", "c"]
    loads.clear()
    assert list_recordings(runs).equals(first)
    assert loads == []
    assert list(first.id) == ["c", "b", "a"]


def test_one_that_changed_is_read_again_and_one_that_is_gone_is_gone(runs: Path, loads: list[str]) -> None:
    list_recordings(runs)
    loads.clear()
    page = runs / "b" / "manifest.json"
    page.write_text(page.read_text("utf-8").replace('"daniel"', '"priya"'), encoding="utf-8")
    shutil.rmtree(runs / "a")
    record(runs, "d")
    frame = list_recordings(runs)
    assert sorted(loads) == ["b", "d"]
    assert list(frame.id) == ["d", "c", "b"]
    assert frame.customer[2] == "priya"
    assert set(pq.read_table(runs / ".index" / "recordings.parquet")["folder"].to_pylist()) == {"b", "c", "d"}


def test_a_manifest_that_changes_within_a_tick_and_keeps_its_size_is_seen(tmp_path: Path) -> None:
    page = record(tmp_path, "a", customer="maya") / "manifest.json"
    stamp = page.stat()
    list_recordings(tmp_path)
    page.write_text(page.read_text("utf-8").replace('"maya"', '"evan"'), encoding="utf-8")
    os.utime(page, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    assert list(list_recordings(tmp_path).customer) == ["evan"]


@pytest.mark.parametrize("damage", ["empty", "garbage", "half", "flipped", "another table", "another version"])
@pytest.mark.parametrize("name", ["recordings.parquet", "turns.parquet"])
def test_a_damaged_index_is_made_anew(runs: Path, name: str, damage: str) -> None:
    first = list_recordings(runs)
    turns = first.turns()
    place = runs / ".index" / name
    data = place.read_bytes()
    match damage:
        case "empty":
            place.write_bytes(b"")
        case "garbage":
            place.write_bytes(b"PAR1" + bytes(1000) + b"PAR1")
        case "half":
            place.write_bytes(data[: len(data) // 2])
        case "flipped":
            place.write_bytes(data[:60] + bytes([data[60] ^ 0xFF]) + data[61:])
        case "another table":
            pq.write_table(pq.read_table(place).select(["folder"]), place)
        case "another version":
            table = pq.read_table(place).replace_schema_metadata({b"contoso_lab.index": b"0"})
            pq.write_table(table, place)
    again = list_recordings(runs)
    assert again.equals(first)
    assert again.turns().equals(turns)
    assert set(pq.read_table(place)["folder"].to_pylist()) == {"a", "b", "c"}


def test_any_flipped_byte_gives_the_same_answer(runs: Path) -> None:
    first = list_recordings(runs)
    place = runs / ".index" / "recordings.parquet"
    data = place.read_bytes()
    for at in range(0, len(data), max(1, len(data) // 150)):
        place.write_bytes(data[:at] + bytes([data[at] ^ 0x41]) + data[at + 1 :])
        assert list_recordings(runs).equals(first), f"byte {at}"


def test_a_folder_that_cannot_hold_an_index_is_listed_all_the_same(runs: Path) -> None:
    (runs / ".index").write_text("in the way", encoding="utf-8")
    frame = list_recordings(runs)
    assert len(frame) == 3
    assert list(frame.turns().text) == ["three", "one", "two"]


def test_without_parquet_everything_is_read(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with_parquet = list_recordings(runs).turns()
    shutil.rmtree(runs / ".index")
    for module in (index_module, collection_module):
        monkeypatch.setattr(module, "has_parquet", lambda: False)
    frame = list_recordings(runs)
    assert not (runs / ".index").exists()
    assert list(frame.turns().text) == list(with_parquet.text)
    assert list(frame.turns().columns) == list(with_parquet.columns)


def test_many_readers_at_once_all_get_the_whole(runs: Path) -> None:
    wanted = list_recordings(runs)
    found: list[Any] = []

    def look() -> None:
        for _ in range(5):
            shutil.rmtree(runs / ".index", ignore_errors=True)
            frame = list_recordings(runs)
            found.append(frame.equals(wanted) and list(frame.turns().text) == ["three", "one", "two"])

    readers = [threading.Thread(target=look) for _ in range(4)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    assert found == [True] * 20
    assert not [place for place in (runs / ".index").glob(".*") if place.name != ".gitignore"]


def test_filters_keep_their_kind_and_give_their_turns(runs: Path) -> None:
    calls = list_recordings(runs)
    hers = calls[calls.customer == "maya"]
    assert isinstance(hers, Recordings)
    turns = hers.turns()
    assert list(zip(turns.recording, turns.turn, turns.text, strict=True)) == [
        ("c", 0, "three"), ("a", 0, "one"), ("a", 1, "two"),
    ]  # fmt: skip
    assert [recording.id for recording in hers.open()] == ["c", "a"]
    assert calls[calls.customer == "nobody"].turns().empty


def test_turns_are_worked_out_once(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = list_recordings(runs)
    first = calls.turns()
    monkeypatch.setattr(Recording, "open", lambda path: pytest.fail(f"{path} was opened again"))
    assert calls.turns().equals(first)
    shutil.rmtree(runs / ".index")  # the recordings have them, too
    assert list_recordings(runs).turns().equals(first)


def test_a_copy_keeps_its_turns_and_a_change_does_not(
    runs: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    list_recordings(runs).turns()
    other = tmp_path_factory.mktemp("other")
    shutil.copytree(runs / "a", other / "a", copy_function=shutil.copyfile)  # another age
    opened: list[Any] = []
    real = Recording.open
    monkeypatch.setattr(Recording, "open", lambda path: (opened.append(path), real(path))[1])
    assert list(list_recordings(other).turns().text) == ["one", "two"]
    assert opened == []
    events = other / "a" / "events.jsonl"
    events.write_text(events.read_text("utf-8").replace('"one"', '"uno"'), encoding="utf-8")
    assert list(list_recordings(other).turns().text) == ["uno", "two"]
    assert len(opened) == 1


def test_nothing_is_kept_of_a_recording_that_is_still_written(tmp_path: Path) -> None:
    recorder = Recorder.start(tmp_path, id="live")
    for number in range(2):
        recorder.write("s2c", {"type": "input_audio_buffer.committed", "item_id": f"u{number}"})
        assert len(list_recordings(tmp_path).turns()) == number + 1
    assert not (recorder.path / "derived").exists()
    recorder.close()
    assert len(list_recordings(tmp_path).turns()) == 2
    assert (recorder.path / "derived" / "turns.parquet").exists()


def test_what_cannot_be_read_has_a_row_a_sentence_and_no_turns(runs: Path) -> None:
    (runs / "b" / "manifest.json").write_text("{", encoding="utf-8")
    (runs / "c" / "manifest.json").unlink()
    frame = list_recordings(runs)
    assert list(frame.status) == ["unreadable", "unreadable", "closed"]
    turns = frame.turns()
    assert list(turns.text) == ["three", "one", "two"]  # without its first page a recording still opens
    (sentence,) = turns.attrs["unread"]
    assert "damaged" in sentence


def test_a_run_that_is_interrupted_goes_on_where_it_was(runs: Path) -> None:
    def interrupted(paths: Any) -> Any:
        yield from list(paths)[:2]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list_recordings(runs).turns(progress=interrupted)
    assert [place.parent.parent.name for place in sorted(runs.glob("*/derived/turns.parquet"))] == ["b", "c"]


def test_the_index_says_what_is_kept_how_long_and_with_whose_consent(tmp_path: Path) -> None:
    Recorder.start(tmp_path, id="a", consent="asked at the start of the call", keep_until="2027-01-01").close()
    (row,) = rows_of(tmp_path)
    assert (row["consent"], row["keep_until"], row["redacted"]) == (
        "asked at the start of the call",
        "2027-01-01",
        False,
    )


def test_git_is_told_to_leave_out_what_is_made_again(runs: Path) -> None:
    list_recordings(runs).turns()
    for place in (runs / ".index", runs / "a" / "derived"):
        assert (place / ".gitignore").read_text("utf-8").endswith("\n*\n")


def test_a_page_and_the_tables_of_one_recording(desk: Any) -> None:
    from contoso_lab.audio import tone

    desk.delta(100, "a1", tone(200))
    call = {"id": "f1", "type": "function_call", "call_id": "k1", "name": "find", "arguments": '{"q": 1}'}
    desk.at(150, "s2c", {"type": "response.created", "response": {"id": "r"}})
    desk.at(160, "s2c", {"type": "response.output_item.done", "response_id": "r", "output_index": 0, "item": call})
    desk.at(170, "s2c", {"type": "response.done", "response": {"id": "r", "status": "completed", "output": [call]}})
    answer = {"type": "function_call_output", "call_id": "k1", "output": "[]"}
    desk.at(200, "c2s", {"type": "conversation.item.create", "item": answer})
    recording = desk.opened()
    table = recording.events.table()
    assert list(table["type"])[:2] == ["recording.started", "response.output_audio.delta"]
    assert (table.off[1], table.len[1], table.item_id[1]) == (0, 4800, "a1")
    assert recording.played_audio.duration_ms == pytest.approx(300)
    calls = recording.tool_calls
    assert calls[["name", "arguments", "output", "answered_ms"]].values.tolist() == [["find", '{"q": 1}', "[]", 200.0]]
    page = recording.page()
    assert page == recording.path / "derived" / "page.html"
    assert "<html" in page.read_text("utf-8")
    assert json.loads((recording.path / "manifest.json").read_text("utf-8"))["redactions"] == []
