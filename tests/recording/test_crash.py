from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from contoso_lab.audio import PCM16_24K
from contoso_lab.errors import RecordingError
from contoso_lab.recording import Recorder, Recording
from contoso_lab.recording.files import GrowingFile

WRITER = """
import base64, json, sys
from pathlib import Path
from contoso_lab.recording import Recorder

recorder = Recorder.start(Path(sys.argv[1]), id="cut", customer="maya")
sound = base64.b64encode(bytes(range(192)) * 10).decode()
for number in range(10_000):
    recorder.write("c2s", json.dumps({"type": "input_audio_buffer.append", "audio": sound}))
    recorder.write("s2c", json.dumps({"type": "response.output_audio.delta", "item_id": "a", "delta": sound}))
    recorder.write("s2c", json.dumps({"type": "brand.new", "number": number}))
    if number >= 20:
        print(number, flush=True)
        sys.stdin.readline()
"""

FULL_DISK = """
import base64, json, resource, sys
from pathlib import Path
from contoso_lab.errors import RecordingError
from contoso_lab.recording import Recorder

recorder = Recorder.start(Path(sys.argv[1]), id="full")
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
sound = base64.b64encode(bytes(1920)).decode()
raised = 0
for number in range(500):
    for raw in ({"type": "input_audio_buffer.append", "audio": sound}, {"type": "brand.new", "number": number}):
        try:
            recorder.write("c2s", json.dumps(raw))
        except RecordingError as error:
            raised += 1
            reason = str(error)
recorder.close()
print(json.dumps([raised, reason, recorder.failed]))
"""


@pytest.fixture
def cut(tmp_path: Path) -> Path:
    """A bundle whose writer was killed in the middle of its work."""
    program = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert program.stdin is not None
    assert program.stdout is not None
    with program.stdin, program.stdout:
        for _ in range(4):
            assert program.stdout.readline()
            program.stdin.write("\n")
            program.stdin.flush()
        assert program.stdout.readline() == "24\n"
        program.send_signal(signal.SIGKILL)
        assert program.wait() == -signal.SIGKILL
    return tmp_path / "cut"


@pytest.fixture
def folded(cut: Path) -> Path:
    """The same, folded once and then without its spool: what is damaged now stays damaged."""
    Recording.open(cut)
    (cut / "spool.bin").unlink()
    return cut


def numbers(recording: Recording) -> list[int]:
    return [event.ev["number"] for event in recording.events if event.type == "brand.new"]


def test_a_killed_writer_loses_no_event(cut: Path) -> None:
    recording = Recording.open(cut)
    assert recording.manifest.status == "open"
    assert numbers(recording) == list(range(25))
    assert recording.problems[0] == "it was cut before it was closed"
    assert len(recording.events) == 1 + 3 * 25


def test_a_killed_writer_loses_no_sound_that_an_event_followed(cut: Path) -> None:
    recording = Recording.open(cut)
    whole = bytes(range(192)) * 10 * 25
    for clip in (recording.user_audio, recording.assistant_audio):
        assert clip.to_bytes(PCM16_24K) == whole
    assert recording.problems == ("it was cut before it was closed",)


def test_what_a_killed_writer_left_is_kept_until_somebody_says_that_it_is_closed(cut: Path) -> None:
    Recording.open(cut)
    again = Recording.open(cut)
    assert numbers(again) == list(range(25))
    assert (cut / "spool.bin").exists()


def test_a_half_written_line_is_left_out_and_told(folded: Path) -> None:
    with (folded / "events.jsonl").open("ab") as file:
        file.write(b'{"seq":76,"t_ns":12,"dir":"s2c","ev":{"type":"bra')
    recording = Recording.open(folded)
    assert numbers(recording) == list(range(25))
    assert any("last line was cut" in problem for problem in recording.problems)


@pytest.mark.parametrize("header", ["zero", "too small", "odd byte", "header only", "half a header"])
def test_a_track_opens_whatever_its_header_says(folded: Path, header: str) -> None:
    place = folded / "audio" / "in.wav"
    data = bytearray(place.read_bytes())
    needed = len(Recording.open(folded).user_audio)
    match header:
        case "zero":
            data[4:8], data[40:44] = (36).to_bytes(4, "little"), bytes(4)
        case "too small":
            data[4:8], data[40:44] = (1036).to_bytes(4, "little"), (1000).to_bytes(4, "little")
        case "odd byte":
            data += b"\x01"
        case "header only":
            del data[44:]
        case "half a header":
            del data[20:]
    place.write_bytes(data)
    recording = Recording.open(folded)
    if header == "half a header":
        assert any("in.wav" in problem for problem in recording.problems)
    else:
        assert len(recording.user_audio) == needed


def test_damage_in_the_middle_costs_only_the_damaged_line(folded: Path) -> None:
    place = folded / "events.jsonl"
    lines = place.read_bytes().split(b"\n")
    lines[3] = b"garbage"
    lines[6] = b'{"seq":6,"t_ns":"soon","dir":"s2c","ev":{}}'
    place.write_bytes(b"\n".join(lines))
    recording = Recording.open(folded)
    assert numbers(recording) == list(range(2, 25))
    assert sum("left out" in problem for problem in recording.problems) == 2


def test_without_its_manifest_a_recording_still_opens(cut: Path) -> None:
    (cut / "manifest.json").unlink()
    recording = Recording.open(cut)
    assert recording.id == "cut"
    assert "manifest.json is missing" in recording.problems


@pytest.mark.parametrize("limit_bytes", [6_000, 20_000])
def test_a_full_disk_is_told_once_and_leaves_a_readable_recording(tmp_path: Path, limit_bytes: int) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(tmp_path), str(limit_bytes)], capture_output=True, text=True, check=True
    )
    raised, reason, failed = json.loads(done.stdout)
    assert raised == 1
    assert "free some space" in reason
    assert failed == reason
    recording = Recording.open(tmp_path / "full")
    assert numbers(recording) == list(range(len(numbers(recording))))
    assert any("could not be written" in problem for problem in recording.problems)
    assert (tmp_path / "full" / "events.jsonl").read_bytes().endswith(b"\n")
    assert len(recording.user_audio) >= 960 * len(numbers(recording))


def test_half_a_line_is_taken_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = GrowingFile(tmp_path / "f")
    file.append(b"whole\n")
    real = os.write

    def full(fd: int, data: Any) -> int:
        if len(data) > 3:
            return real(fd, bytes(data)[:3])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(OSError, match="No space"):
        file.append(b"broken")
    monkeypatch.undo()
    file.append(b"later\n")
    file.close()
    assert (tmp_path / "f").read_bytes() == b"whole\nlater\n"


def test_a_folder_that_cannot_be_written_is_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    with pytest.raises(RecordingError, match="choose another folder"):
        Recorder.start(tmp_path / "file")
