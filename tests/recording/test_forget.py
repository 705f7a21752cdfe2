"""Forgetting recordings: what goes, what stays, and that a search finds nothing more."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from contoso_lab.errors import ConfigError, RecordingError
from contoso_lab.recording import Recorder, list_recordings
from contoso_lab.recording.forget import FRESH_S, forget_recordings


def record(root: Path, id: str, customer: str = "maya", **fields: object) -> Path:
    recorder = Recorder.start(root, id=id, customer=customer, **fields)  # type: ignore[arg-type]
    recorder.write("s2c", {"type": "input_audio_buffer.committed", "item_id": f"only-{id}"})
    recorder.close()
    return recorder.path


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    record(tmp_path, "call-a")
    record(tmp_path, "call-b", "daniel")
    record(tmp_path, "replay-a", "", replay_of="call-a")
    record(tmp_path, "replay-of-a-replay", "", replay_of="replay-a")
    record(tmp_path, "old", "daniel", keep_until="2026-01-01")
    record(tmp_path, "young", "daniel", keep_until="2999-01-01T00:00:00+00:00")
    list_recordings(tmp_path).turns()  # the index and the tables hold them, too
    return tmp_path


def there(runs: Path) -> set[str]:
    return {path.parent.name for path in runs.glob("*/manifest.json")}


def test_a_customers_recordings_go_with_their_replays(runs: Path) -> None:
    done = forget_recordings(runs, customer="maya")
    assert done.recordings == ("call-a", "replay-a", "replay-of-a-replay")
    assert done.clean, done.left
    assert done.files >= 9
    assert there(runs) == {"call-b", "old", "young"}
    assert not any(b"call-a" in path.read_bytes() for path in runs.rglob("*") if path.is_file())
    assert list(list_recordings(runs).id) == ["young", "old", "call-b"]
    assert set(list_recordings(runs).turns().recording) == {"young", "old", "call-b"}


def test_by_name_and_a_second_time_it_is_not_there(runs: Path) -> None:
    assert forget_recordings(runs, ids=["call-b"]).recordings == ("call-b",)
    with pytest.raises(RecordingError, match="holds no recording call-b"):
        forget_recordings(runs, ids=["call-b"])
    assert forget_recordings(runs, customer="maya").recordings
    assert forget_recordings(runs, customer="maya").recordings == ()


def test_what_is_past_its_time(runs: Path) -> None:
    assert forget_recordings(runs, expired=True).recordings == ("old",)


def test_what_is_left_elsewhere_is_named(runs: Path) -> None:
    (runs / "pages").mkdir()
    (runs / "pages" / "best.html").write_text("<h1>CALL-A</h1>", encoding="utf-8")
    (runs / "big.jsonl").write_bytes(b"x" * ((1 << 20) - 3) + json.dumps("call-a").encode())
    done = forget_recordings(runs, customer="maya")
    assert [Path(place).name for place in done.left] == ["big.jsonl", "best.html"]
    assert "2 places, look at them" in str(done)


def test_one_that_is_being_written_is_left_alone(tmp_path: Path) -> None:
    recorder = Recorder.start(tmp_path, id="live", customer="maya")
    with pytest.raises(ConfigError, match="on a call now"):
        forget_recordings(tmp_path, customer="maya")
    later = lambda: time.time() + FRESH_S + 1  # noqa: E731 - a clock of one line
    assert forget_recordings(tmp_path, customer="maya", now=later).recordings == ("live",)
    assert not recorder.path.exists()
    with pytest.raises(RecordingError):
        recorder.close()


def test_nothing_named_deletes_nothing(runs: Path) -> None:
    with pytest.raises(ConfigError, match="nothing was named"):
        forget_recordings(runs)
    assert len(there(runs)) == 6
    assert forget_recordings(runs / "nowhere", customer="maya").recordings == ()
