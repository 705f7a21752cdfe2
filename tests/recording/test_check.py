"""Everything that can be wrong with a bundle is found, and said once, and costs no more memory than a whole one."""

from __future__ import annotations

import json
import os
import resource
import struct
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from contoso_lab.audio import Clip, read_audio, tone, write_audio
from contoso_lab.recording import Labels, Recorder, Recording
from contoso_lab.recording.check import check_recording
from contoso_lab.recording.files import wav_header
from contoso_lab.recording.schema import FOLDER, MODELS, as_text, schemas


@pytest.fixture
def bundle(desk: Any) -> Path:
    """A call in order, with everything that a bundle can hold."""
    desk.append(1000, tone(400))
    desk.append(1040, tone(40))
    desk.delta(1100, "a1", tone(300))
    run = {"prompt": "suggestions", "messages": [{"role": "user", "content": "x"}], "response": "y"}
    desk.at(1200, "local", {"type": "prompt.run", "run": run})
    desk.at(1300, "s2c", {"type": "brand.new.event", "with": {"anything": ["at", "all"]}})
    recording = desk.opened()
    recording.add_labels(
        Labels.model_validate({"turns": [{"text": "Hi", "start_ms": 0, "end_ms": 400}], "cue_turn": 0})
    )
    path: Path = recording.path
    return path


def problems(path: Path) -> list[str]:
    return [f"{finding.where}: {finding.what}" for finding in check_recording(path).findings if finding.grave]


def change_line(path: Path, number: int, **fields: Any) -> None:
    lines = (path / "events.jsonl").read_text("utf-8").splitlines()
    value = json.loads(lines[number])
    for key, new in fields.items():
        target, _, last = key.rpartition("__")
        inner = value["ev"] if target else value
        inner[last] = new
    lines[number] = json.dumps(value)
    (path / "events.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


def change_page(path: Path, **fields: Any) -> None:
    page = path / "manifest.json"
    page.write_text(json.dumps(json.loads(page.read_text("utf-8")) | fields), encoding="utf-8")


def append_to(path: Path, data: bytes) -> None:
    with (path / "events.jsonl").open("ab") as file:
        file.write(data)


def test_a_whole_recording_is_in_order(bundle: Path) -> None:
    checked = check_recording(bundle)
    assert problems(bundle) == []
    assert checked.sound
    assert [finding.what for finding in checked.findings] == ["nobody noted who agreed to be recorded"]
    assert check_recording(bundle / "manifest.json").sound


def test_the_schemas_beside_the_program_are_current() -> None:
    assert {place.stem for place in FOLDER.glob("*.json")} == set(MODELS)
    for name, schema in schemas().items():
        assert (FOLDER / f"{name}.json").read_text("utf-8") == as_text(schema), "python -m contoso_lab.recording.schema"
        jsonschema.Draft202012Validator.check_schema(schema)


def test_what_we_write_fits_the_schemas(bundle: Path) -> None:
    for name, texts in {
        "manifest": [(bundle / "manifest.json").read_text("utf-8")],
        "event": (bundle / "events.jsonl").read_text("utf-8").splitlines(),
        "prompty": (bundle / "prompty.jsonl").read_text("utf-8").splitlines(),
        "labels": [(bundle / "labels" / "author.json").read_text("utf-8")],
    }.items():
        schema = json.loads((FOLDER / f"{name}.json").read_text("utf-8"))
        for text in texts:
            jsonschema.validate(json.loads(text), schema)


@pytest.mark.parametrize("wrong", [{"seq": -1}, {"dir": "up"}, {"t_ns": 1.5}, {"ev": []}, {"seq": None}])
def test_what_is_no_event_line_fits_neither_schema_nor_check(bundle: Path, wrong: dict[str, Any]) -> None:
    line = {"seq": 0, "t_ns": 0, "dir": "s2c", "ev": {}} | wrong
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(line, schemas()["event"])
    change_line(bundle, 2, **wrong)
    assert any("line 3" in sentence for sentence in problems(bundle))


DAMAGE: dict[str, tuple[Callable[[Path], object], str]] = {
    "a number is skipped": (lambda path: change_line(path, 2, seq=7), "has number 7, and 2 was expected"),
    "the clock runs back": (lambda path: change_line(path, 3, t_ns=1), "runs back by 1040.000 ms"),
    "a reference to nowhere": (
        lambda path: change_line(path, 2, ev__audio={"$audio": "in", "off": 9600, "len": 99999, "sha": "0" * 16}),
        "refer to sound behind its end",
    ),
    "a reference that overlaps": (
        lambda path: change_line(path, 2, ev__audio={"$audio": "in", "off": 9000, "len": 960, "sha": "0" * 16}),
        "it overlaps by 600 samples",
    ),
    "a hash that is none": (
        lambda path: change_line(path, 2, ev__audio={"$audio": "in", "off": 9600, "len": 960, "sha": "x"}),
        "sha",
    ),
    "the wrong track": (
        lambda path: change_line(path, 2, ev__audio={"$audio": "out", "off": 0, "len": 1, "sha": "0" * 16}),
        "refers to the track out, not in",
    ),
    "a negative offset": (
        lambda path: change_line(path, 2, ev__audio={"$audio": "in", "off": -1, "len": 1, "sha": "0" * 16}),
        "off",
    ),
    "a prompt run that is not there": (lambda path: (path / "prompty.jsonl").unlink(), "refers to prompt run 0"),
    "a prompt run without its name": (
        lambda path: (path / "prompty.jsonl").write_text('{"messages": []}\n', encoding="utf-8"),
        "prompty.jsonl line 1: prompt",
    ),
    "a line that was cut": (
        lambda path: append_to(path, b'{"seq":7,"t_ns":'),
        "was cut while it was written",
    ),
    "deep JSON": (
        lambda path: append_to(path, b"[" * 2_000_000 + b"\n"),
        "recursion limit",
    ),
    "no events": (lambda path: (path / "events.jsonl").unlink(), "events.jsonl: is missing"),
    "no manifest": (lambda path: (path / "manifest.json").unlink(), "manifest.json: is missing"),
    "a page that is no page": (lambda path: (path / "manifest.json").write_text("[]"), "damaged"),
    "a huge page": (lambda path: (path / "manifest.json").write_bytes(b" " * (5 << 20)), "no first page needs"),
    "a later version": (lambda path: change_page(path, schema_version=99), "newer contoso-lab"),
    "no format": (lambda path: change_page(path, audio_format_in={"type": "mp3"}), "no audio format"),
    "another rate": (lambda path: change_page(path, audio_format_in={"type": "audio/pcm", "rate": 8000}), "8000 Hz"),
    "no time": (lambda path: change_page(path, created_at="yesterday"), "created_at is no time"),
    "no hash": (lambda path: change_page(path, prompts={"voice": "abc"}), "prompts.voice is no SHA-256"),
    "wrong counts": (lambda path: change_page(path, counts={"c2s": 99}), "counts.c2s says 99 and there are 2"),
    "anchors that run back": (
        lambda path: change_page(
            path,
            clock={"wall_anchors": [{"t_ns": n, "wall": "2026-01-01T00:00:00+00:00"} for n in (5, 1)]},
        ),
        "do not run forward",
    ),
    "a track of another sound": (
        lambda path: write_audio(path / "audio" / "in.wav", tone(440, hz=300)),
        "the sound of 2 events is not what was recorded: 1, 2",
    ),
    "a short track": (lambda path: write_audio(path / "audio" / "in.wav", tone(100)), "340 ms are missing"),
    "a missing track": (lambda path: (path / "audio" / "in.wav").unlink(), "is missing, and 2 events refer to it"),
    "a track that is no sound": (lambda path: (path / "audio" / "in.wav").write_bytes(b"MZ" * 99), "no sound"),
    "labels behind the end": (
        lambda path: Recording.open(path).add_labels(Labels.model_validate({"turns": [{"text": "x", "end_ms": 9999}]})),
        "behind the end of the caller's track",
    ),
    "labels backwards": (
        lambda path: Recording.open(path).add_labels(
            Labels.model_validate({"turns": [{"text": "x", "start_ms": 9, "end_ms": 1}]}), "two"
        ),
        "labels/two.json: turn 0 ends before it begins",
    ),
    "a cue that is not there": (
        lambda path: Recording.open(path).add_labels(Labels(cue_turn=3)),
        "cue_turn is 3 and there are 0 turns",
    ),
    "labels that are none": (lambda path: (path / "labels" / "x.json").write_text("{", "utf-8"), "labels/x.json"),
    "a rating that is cut": (
        lambda path: (path / "labels" / "kim.jsonl").write_text('{"item": "x"}\n{"item": "y', "utf-8"),
        "labels/kim.jsonl: a line is no rating",
    ),
    "another number of samples": (
        lambda path: change_page(path, counts={"samples_in": 9600}),
        "counts.samples_in says 9600 and there are 10560",
    ),
    "a link out": (lambda path: (path / "audio" / "more").symlink_to("/etc/passwd"), "leads out of the recording"),
    "a track elsewhere": (
        lambda path: ((path / "audio" / "in.wav").unlink(), (path / "audio" / "in.wav").symlink_to("/dev/zero")),
        "leads out of the recording",
    ),
    "a pipe": (lambda path: os.mkfifo(path / "events.fifo"), "is no file and no folder"),
    "an open recording": (lambda path: change_page(path, status="open"), "was cut before it was closed"),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_damage_is_found(bundle: Path, name: str) -> None:
    do, says = DAMAGE[name]
    assert problems(bundle) == []
    do(bundle)
    found = problems(bundle)
    assert any(says in sentence for sentence in found), found
    assert not check_recording(bundle).sound
    assert "not in order" in str(check_recording(bundle))


def test_a_file_that_is_damaged_throughout_is_told_in_few_sentences(bundle: Path) -> None:
    with (bundle / "events.jsonl").open("ab") as file:
        file.write(b"garbage\n" * 5000)
    found = problems(bundle)
    assert 5 < len(found) < 40
    assert any("4980 more lines" in sentence for sentence in found)


def test_a_flac_track_is_a_track(bundle: Path) -> None:
    sound = read_audio(bundle / "audio" / "in.wav")
    write_audio(bundle / "audio" / "in.flac", sound)
    (bundle / "audio" / "in.wav").unlink()
    assert problems(bundle) == []
    assert Recording.open(bundle).user_audio == sound
    assert Recording.open(bundle).problems == ()


def test_what_is_past_its_time_is_noted(tmp_path: Path) -> None:
    Recorder.start(tmp_path, id="a", consent="yes", keep_until="2026-01-01").close()
    at = lambda year: check_recording(tmp_path / "a", now=datetime(year, 6, 1, tzinfo=UTC)).findings  # noqa: E731
    assert at(2025) == ()
    assert "kept until 2026-01-01" in at(2026)[0].what


@pytest.mark.parametrize(("name", "says"), [("nowhere", "name the folder"), ("a.zip", "unpack it first")])
def test_what_is_no_folder_is_told(tmp_path: Path, name: str, says: str) -> None:
    (tmp_path / "a.zip").write_bytes(b"PK")
    assert says in str(check_recording(tmp_path / name))


LYING = """
import resource, sys
from pathlib import Path
from contoso_lab.recording.check import check_recording
check_recording(sys.argv[2])  # what is imported is nobody's cost
used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(check_recording(sys.argv[1]))
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - used) >> 10)
"""


@pytest.mark.skipif(not hasattr(resource, "RUSAGE_SELF") or sys.platform == "darwin", reason="counts KiB on Linux")
def test_files_that_lie_about_their_size_cost_no_memory(bundle: Path, make_desk: Any) -> None:
    whole = make_desk(id="whole")
    whole.append(1000, tone(100))
    whole.opened()
    hours = 10 * 3600 * 24000 * 2
    data = bytearray((bundle / "audio" / "in.wav").read_bytes())
    data[:44] = wav_header(24000, hours)
    (bundle / "audio" / "in.wav").write_bytes(data)
    with (bundle / "audio" / "out.wav").open("r+b") as file:  # sparse: half an hour of silence that takes no room
        file.truncate(44 + 1800 * 48000)
        file.seek(0)
        file.write(wav_header(24000, 1800 * 48000))
    with (bundle / "events.jsonl").open("ab") as file:
        file.write(b'{"seq":7,"t_ns":9000000000,"dir":"s2c","ev":{"x":"' + b"y" * (40 << 20) + b'"}}\n')
    done = subprocess.run(
        [sys.executable, "-c", LYING, str(bundle), str(whole.recorder.path)], capture_output=True, text=True, check=True
    )
    *said, grown_mib = done.stdout.splitlines()
    assert any("more than 32 MiB" in line for line in said)
    assert any("belong to no event" in line for line in said)
    assert int(grown_mib) < 150
    assert struct.unpack_from("<I", data, 40) == (hours,)


def test_ten_minutes_are_checked_sample_by_sample(make_desk: Any) -> None:
    desk = make_desk()
    voice = tone(1000)
    for second in range(600):
        desk.append(1000 * second, voice)
    path = desk.opened().path
    assert problems(path) == []
    sound = read_audio(path / "audio" / "in.wav")
    changed = sound.samples.copy()
    changed[24000 * 599 + 17] += 0.1
    write_audio(path / "audio" / "in.wav", Clip(changed, 24000))
    assert problems(path) == ["audio/in.wav: the sound of 1 events is not what was recorded: 600"]
