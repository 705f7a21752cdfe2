from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from contoso_lab.audio import PCM16_24K, ULAW_8K, Clip, decode, tone
from contoso_lab.errors import RecordingError
from contoso_lab.recording import Recorder, Recording
from contoso_lab.recording.fold import fold

SOUND = tone(40).to_bytes(PCM16_24K)


def lines(recorder: Recorder) -> list[dict[str, Any]]:
    recorder.flush()
    fold(recorder.path)
    text = (recorder.path / "events.jsonl").read_bytes().decode()
    return [json.loads(line) for line in text.split("\n")[:-1]]


def append(data: bytes, **more: Any) -> dict[str, Any]:
    return {"type": "input_audio_buffer.append", "audio": base64.b64encode(data).decode(), **more}


def delta(data: bytes, item_id: str = "i", **more: Any) -> dict[str, Any]:
    name = "response.output_audio.delta"
    return {"type": name, "item_id": item_id, "delta": base64.b64encode(data).decode(), **more}


def test_a_bundle_is_there_from_the_first_moment(make_desk: Callable[..., Any]) -> None:
    recorder = make_desk(persona="voice", customer="maya", prompts={"voice": "ab"}, synthetic=True).recorder
    assert re.fullmatch(r"20261122-153012-[0-9a-f]{4}", recorder.id)
    manifest = Recording.open(recorder.path).manifest
    assert (manifest.status, manifest.persona, manifest.customer, manifest.synthetic) == ("open", "voice", "maya", True)
    assert manifest.recorder.packages["openai"]
    assert lines(recorder)[0]["ev"] == {"type": "recording.started"}


def test_time_runs_from_the_recordings_own_origin(desk: Any) -> None:
    desk.at(1234.5, "s2c", {"type": "response.done"})
    assert lines(desk.recorder)[1] == {"seq": 1, "t_ns": 1_234_500_000, "dir": "s2c", "ev": {"type": "response.done"}}


@pytest.mark.parametrize("shape", ["str", "bytes", "mapping", "sound first", "beta", "spaces", "newline"])
def test_sound_goes_to_the_track_in_whatever_shape_it_comes(desk: Any, shape: str) -> None:
    event = delta(SOUND, response_id="r", output_index=0)
    raw: Any = json.dumps(event, separators=(",", ":"))
    match shape:
        case "bytes":
            raw = raw.encode()
        case "mapping":
            raw = event
        case "sound first":
            raw = json.dumps(dict(reversed(event.items())))
        case "beta":
            event["type"] = "response.audio.delta"
            raw = json.dumps(event)
        case "spaces":
            raw = json.dumps(event)
        case "newline":
            raw = json.dumps(event, indent=1)
    desk.recorder.write("s2c", raw)
    desk.recorder.write("s2c", raw)
    first, second = lines(desk.recorder)[1:]
    assert {**first["ev"], "delta": ""} == {**event, "delta": ""}
    assert first["ev"]["delta"]["$audio"] == "out"
    assert (second["ev"]["delta"]["off"], second["ev"]["delta"]["len"]) == (960, 960)
    recording = desk.opened()
    assert recording.assistant_audio.to_bytes(PCM16_24K) == SOUND + SOUND
    assert recording.problems == ()


def test_what_is_no_sound_stays_word_for_word(desk: Any) -> None:
    raw = '{"type": "brand.new", "n": 1.0, "big": 12345678901234567890123, "s": "\\u00e9é"}'
    desk.recorder.write("s2c", raw)
    lines(desk.recorder)
    assert raw.encode() in (desk.recorder.path / "events.jsonl").read_bytes()


@pytest.mark.parametrize("raw", ["no json", "[1]", b"\xff\x00", "", '{"type": "x"', "7"])
def test_a_frame_that_is_no_object_is_noted_and_not_kept(desk: Any, raw: str | bytes) -> None:
    desk.recorder.write("c2s", raw)
    (_, line) = lines(desk.recorder)
    assert (line["dir"], line["ev"]["type"], line["ev"]["dir"], line["ev"]["bytes"]) == (
        "local",
        "frame.unparsed",
        "c2s",
        len(raw),
    )


def test_what_claims_to_be_sound_and_is_not_stays_as_it_came(desk: Any) -> None:
    desk.recorder.write("c2s", '{"type":"input_audio_buffer.append","audio":"not base64!"}')
    assert lines(desk.recorder)[1]["ev"]["audio"] == "not base64!"


def test_sound_in_the_wrong_direction_is_not_the_callers(desk: Any) -> None:
    desk.recorder.write("s2c", json.dumps(append(SOUND)))
    assert isinstance(lines(desk.recorder)[1]["ev"]["audio"], str)


def test_half_a_sample_waits_for_its_other_half(desk: Any) -> None:
    for piece, item in ((SOUND[:7], "a"), (SOUND[7:10], "a"), (SOUND[:3], "a"), (SOUND[:4], "b")):
        desk.recorder.write("s2c", json.dumps(delta(piece, item)))
    stored = desk.opened().assistant_audio.to_bytes(PCM16_24K)
    assert stored == SOUND[:10] + SOUND[:2] + SOUND[:4]  # the half that item "a" left behind is lost


def test_telephone_sound_is_stored_as_it_is_heard(desk: Any) -> None:
    session = {"audio": {"input": {"format": {"type": "audio/pcmu"}}, "output": {"format": {"type": "audio/pcmu"}}}}
    desk.recorder.write("c2s", {"type": "session.update", "session": session})
    data = bytes(range(256))
    desk.recorder.write("s2c", delta(data))
    recording = desk.opened()
    assert recording.manifest.audio_format_out == {"type": "audio/pcmu"}
    np.testing.assert_array_equal(recording.assistant_audio.samples, decode(data, ULAW_8K))
    assert recording.assistant_audio.rate_hz == 8000
    assert recording.problems == ()


def test_a_flat_beta_session_sets_the_format_too(desk: Any) -> None:
    desk.recorder.write("s2c", {"type": "session.updated", "session": {"input_audio_format": "g711_alaw"}})
    desk.recorder.write("c2s", append(bytes(80)))
    assert desk.opened().user_audio.duration_ms == 10


def test_sound_at_another_rate_than_its_track_keeps_its_place_in_the_event(desk: Any) -> None:
    desk.recorder.write("c2s", append(SOUND))
    desk.recorder.write("c2s", {"type": "session.update", "session": {"input_audio_format": "g711_ulaw"}})
    desk.recorder.write("c2s", json.dumps(append(b"\x00" * 80)))
    assert isinstance(lines(desk.recorder)[-1]["ev"]["audio"], str)
    assert desk.opened().user_audio.duration_ms == 40


def test_a_format_that_nobody_knows_is_a_problem_and_no_accident(desk: Any) -> None:
    desk.recorder.write("s2c", {"type": "session.updated", "session": {"output_audio_format": "mp3"}})
    assert any("mp3" in problem for problem in desk.opened().problems)


def test_prompt_runs_move_to_their_own_file(desk: Any) -> None:
    for number in range(2):
        run = {"prompt": "gate", "response": f"answer {number}"}
        desk.recorder.write("local", {"type": "lab.local", "event": {"type": "prompt.run", "run": run}})
    assert [line["ev"] for line in lines(desk.recorder)[1:]] == [
        {"type": "prompt.run", "run": {"$prompty": 0}},
        {"type": "prompt.run", "run": {"$prompty": 1}},
    ]
    assert [run["response"] for run in desk.opened().prompt_runs] == ["answer 0", "answer 1"]


def test_closing_completes_the_manifest_and_the_headers(desk: Any) -> None:
    desk.recorder.set_session({"type": "realtime", "instructions": "Be kind."})
    desk.at(10, "c2s", append(SOUND))
    desk.clock.to(2000)
    desk.recorder.close("hung up")
    desk.recorder.close("again")
    manifest = Recording.open(desk.recorder.path).manifest
    assert (manifest.status, manifest.end_reason) == ("closed", "hung up")
    assert manifest.session == {"type": "realtime", "instructions": "Be kind."}
    assert manifest.counts["samples_in"] == 960
    assert manifest.counts["duration_ms"] == 2000
    assert len(manifest.clock.wall_anchors) == 2
    wav = (desk.recorder.path / "audio" / "in.wav").read_bytes()
    assert int.from_bytes(wav[40:44], "little") == len(SOUND) == len(wav) - 44
    assert lines(desk.recorder)[-1]["ev"] == {"type": "recording.closed", "reason": "hung up"}
    with pytest.raises(RecordingError, match="closed"):
        desk.recorder.write("s2c", "{}")


def test_sound_is_on_disk_after_200_ms_and_everything_else_at_once(desk: Any) -> None:
    spool = desk.recorder.path / "spool.bin"
    desk.at(0, "s2c", delta(SOUND))
    empty = spool.stat().st_size
    desk.at(100, "c2s", json.dumps(append(SOUND)).encode())
    desk.at(199, "s2c", json.dumps(delta(SOUND)).encode())
    assert spool.stat().st_size == empty
    desk.at(200, "s2c", delta(SOUND))
    assert spool.stat().st_size > empty + 4 * len(SOUND)
    full = spool.stat().st_size
    desk.at(210, "s2c", delta(SOUND))
    assert spool.stat().st_size == full
    desk.at(220, "s2c", {"type": "response.done"})
    assert Recording.open(desk.recorder.path).assistant_audio.to_bytes(PCM16_24K) == 4 * SOUND


def test_sound_before_a_silence_is_written_by_whoever_asks(desk: Any) -> None:
    spool = desk.recorder.path / "spool.bin"
    desk.at(0, "s2c", delta(SOUND))
    empty = spool.stat().st_size
    desk.clock.to(199)
    desk.recorder.flush(due=True)
    assert spool.stat().st_size == empty
    desk.clock.to(200)
    desk.recorder.flush(due=True)
    assert spool.stat().st_size > empty


def test_much_sound_at_once_does_not_wait_in_memory(desk: Any) -> None:
    for _ in range(200):
        desk.at(0, "s2c", json.dumps(delta(SOUND)).encode())
    assert (desk.recorder.path / "spool.bin").stat().st_size > 200 * 2500 - (1 << 18)


def test_sound_that_is_known_to_be_some_is_written_as_any_other(make_desk: Callable[..., Any]) -> None:
    known, any_other = make_desk(), make_desk()
    for at_ms in range(0, 400, 20):
        for dir, raw in (("c2s", json.dumps(append(SOUND)).encode()), ("s2c", json.dumps(delta(SOUND)).encode())):
            any_other.at(at_ms, dir, raw)
            known.clock.to(at_ms)
            known.recorder.sound(dir, raw)
        assert spooled(known) == spooled(any_other)
    known.recorder.close()
    any_other.recorder.close()
    assert lines(known.recorder) == lines(any_other.recorder)
    with pytest.raises(RecordingError, match="closed"):
        known.recorder.sound("s2c", b"{}")


def spooled(desk: Any) -> bytes:
    return bytes((desk.recorder.path / "spool.bin").read_bytes())


def test_an_error_in_the_call_is_the_recordings_end_reason(tmp_path: Path) -> None:
    with pytest.raises(KeyError), Recorder.start(tmp_path) as recorder:
        raise KeyError("x")
    assert Recording.open(recorder.path).manifest.end_reason == "failed: KeyError"


@pytest.mark.parametrize("bad", ["../up", "a/b", ".hidden", "x" * 200])
def test_a_name_cannot_lead_out_of_the_folder(tmp_path: Path, bad: str) -> None:
    with pytest.raises(RecordingError, match="file name"):
        Recorder.start(tmp_path, id=bad)


def test_nothing_is_recorded_twice_in_one_place(tmp_path: Path) -> None:
    Recorder.start(tmp_path, id="same").close()
    with pytest.raises(RecordingError, match="no recording can be made"):
        Recorder.start(tmp_path, id="same")


def test_calls_that_begin_in_the_same_second_have_names_of_their_own(tmp_path: Path, monkeypatch: Any) -> None:
    salts = iter(["00ff", "00ff", "00ff", "1234"])
    monkeypatch.setattr("contoso_lab.recording.folder.secrets.token_hex", lambda _: next(salts))
    now = lambda: datetime(2026, 11, 22, 15, 30, 12, tzinfo=UTC)  # noqa: E731 - a clock of one line
    ids = [Recorder.start(tmp_path, now=now).id for _ in range(2)]
    assert ids == ["20261122-153012-00ff", "20261122-153012-1234"]


def test_the_callers_mapping_is_left_alone(desk: Any) -> None:
    event = append(SOUND)
    desk.recorder.write("c2s", event)
    assert event == append(SOUND)


def test_text_with_odd_characters_stays_one_line(desk: Any) -> None:
    desk.recorder.write("s2c", {"type": "x", "text": "a\nb\u2028c\ud83d"})
    desk.recorder.write("s2c", '{"type":"x","text":"a\u2028b\\ud83d"}')
    assert [event.ev["text"] for event in desk.opened().events[1:3]] == ["a\nb\u2028c\ud83d", "a\u2028b\ud83d"]


def test_an_empty_clip_is_an_empty_track(desk: Any) -> None:
    assert desk.opened().user_audio == Clip(np.zeros(0, np.float32), 24000)


def test_a_recording_that_cannot_begin_leaves_no_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("contoso_lab.recording.recorder.Manifest.save", full)
    with pytest.raises(RecordingError, match="No space left"):
        Recorder.start(tmp_path)
    assert list(tmp_path.iterdir()) == []
