"""Recordings in the form of other programs, and back again where that form can be read back."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from contoso_lab.audio import PCM16_24K, Clip, find_speech, read_audio, to_base64, tone
from contoso_lab.errors import RecordingError
from contoso_lab.recording import Labels, Recorder, Recording
from contoso_lab.recording.exports import LOST, SUFFIX, export_recordings
from contoso_lab.recording.imports import import_recordings

WORDS = "conversation.item.input_audio_transcription.completed"
INSTRUCTIONS = "You are the shop's voice. The TrailMaster X4 costs 250 dollars."


@pytest.fixture
def call(make_desk: Any) -> Recording:
    """A question with a tool, an answer that is cut off, and words with odd characters."""
    session = {"type": "realtime", "instructions": INSTRUCTIONS}
    desk = make_desk(
        id="call", persona="voice", customer="maya", session=session, target={"kind": "local", "model": "m1"}
    )
    for number, piece in enumerate(tone(900).chunks(100)):
        desk.append(100 + 100 * number, piece)
    desk.at(900, "s2c", {"type": "input_audio_buffer.speech_started", "item_id": "u1", "audio_start_ms": 100})
    desk.at(1100, "s2c", {"type": "input_audio_buffer.speech_stopped", "item_id": "u1", "audio_end_ms": 900})
    desk.at(1100, "s2c", {"type": "input_audio_buffer.committed", "item_id": "u1", "previous_item_id": None})
    desk.at(1150, "s2c", {"type": WORDS, "item_id": "u1", "content_index": 0, "transcript": "Is <X4> & --> cheap?"})
    function = {
        "id": "f1",
        "type": "function_call",
        "call_id": "k1",
        "name": "find_products",
        "arguments": '{"query": "X4"}',
    }
    desk.at(1200, "s2c", {"type": "response.created", "response": {"id": "r0"}})
    desk.at(
        1210, "s2c", {"type": "response.output_item.done", "response_id": "r0", "output_index": 0, "item": function}
    )
    desk.at(
        1220, "s2c", {"type": "response.done", "response": {"id": "r0", "status": "completed", "output": [function]}}
    )
    output = {"type": "function_call_output", "call_id": "k1", "output": '[{"sku": "TEN-01", "price": 250}]'}
    desk.at(1230, "c2s", {"type": "conversation.item.create", "item": output})
    desk.at(1300, "s2c", {"type": "response.created", "response": {"id": "r1"}})
    ids = {"response_id": "r1", "item_id": "a1", "content_index": 0}
    desk.at(
        1350,
        "s2c",
        {
            "type": "response.output_audio_transcript.delta",
            "delta": "It is 250 dollars, and it holds four people.",
            **ids,
        },
    )
    desk.at(
        1360,
        "s2c",
        {"type": "response.output_audio.delta", "delta": to_base64(tone(2000, hz=300).to_bytes(PCM16_24K)), **ids},
    )
    desk.at(1370, "s2c", {"type": "response.done", "response": {"id": "r1", "status": "completed"}})
    for at_ms, name, fields in ((1400, "started", {}), (2400, "stopped", {"played_ms": 1000, "reason": "flushed"})):
        desk.at(at_ms, "local", {"type": f"playback.{name}", "item_id": "a1", **fields})
    recording: Recording = desk.opened()
    return recording


def facts(recording: Recording) -> list[tuple[Any, ...]]:
    turns = recording.turns
    return [
        tuple(row)
        for row in turns[["role", "text", "heard", "status", "started_ms", "stopped_ms"]].itertuples(index=False)
    ]


@pytest.mark.parametrize("format", SUFFIX)
def test_every_format_says_what_it_cannot_hold(call: Recording, tmp_path: Path, format: Any) -> None:
    done = export_recordings([call], tmp_path / "out", format=format)
    (file,) = done.files
    assert file.suffix == SUFFIX[format]
    assert file.stat().st_size > 0
    assert done.lost == LOST[format]
    assert done.lost[0] in str(done)


def test_the_wire_comes_back_event_for_event(call: Recording, tmp_path: Path) -> None:
    (file,) = export_recordings([call], tmp_path / "wire.jsonl", format="openai").files
    imported = import_recordings(file, tmp_path / "runs")
    again = Recording.open(imported.recordings[0])
    assert [(e.t_ms, e.dir, e.ev) for e in again.events[1:-1]] == [(e.t_ms, e.dir, e.ev) for e in call.events[1:-1]]
    assert again.user_audio == call.user_audio
    assert again.assistant_audio == call.assistant_audio
    assert facts(again) == facts(call)
    assert again.manifest.session == call.manifest.session
    assert again.manifest.created_at == call.manifest.created_at
    assert again.timeline().items == call.timeline().items
    assert imported.lost == ()


def test_sound_and_captions_come_back(call: Recording, tmp_path: Path) -> None:
    export_recordings([call], tmp_path / "call.wav", format="wav")
    export_recordings([call], tmp_path / "call.vtt", format="vtt")
    again = Recording.open(import_recordings(tmp_path / "call.wav", tmp_path / "runs").recordings[0])
    turns = again.turns
    assert list(turns.text) == ["Is <X4> & --> cheap?", "It is 250 dollars, and"]
    assert list(turns.started_ms) == [900, 1400]
    assert list(turns.stopped_ms)[1] == 2400
    left, right = again.stereo()
    old_left, old_right = call.stereo()
    for new, old in ((left, old_left), (right, old_right)):
        assert [(s.start_ms, s.end_ms) for s in find_speech(new)] == [(s.start_ms, s.end_ms) for s in find_speech(old)]


def test_a_stereo_file_has_two_channels_on_one_clock(call: Recording, tmp_path: Path) -> None:
    import soundfile

    for format in ("wav", "flac"):
        (file,) = export_recordings([call], tmp_path / f"x.{format}", format=format).files  # type: ignore[arg-type]
        data, rate_hz = soundfile.read(file)
        assert data.shape[1] == 2
        right = Clip(data[:, 1].astype("float32"), rate_hz)
        assert find_speech(right)[0].start_ms == 1400
        assert find_speech(right)[0].end_ms == 2400
    assert read_audio(tmp_path / "x.wav") == read_audio(tmp_path / "x.flac")


def test_captions_follow_the_standard(call: Recording, tmp_path: Path) -> None:
    (file,) = export_recordings([call], tmp_path / "x.vtt", format="vtt").files
    text = file.read_text("utf-8")
    assert text.startswith("WEBVTT\n\n")
    assert "00:00:00.900 --> 00:00:01.400\n<v Customer>Is &lt;X4&gt; &amp; --&gt; cheap?</v>" in text
    assert text.count("-->") == 2


def test_lines_for_azure(call: Recording, tmp_path: Path) -> None:
    (file,) = export_recordings([call, call], tmp_path / "x.jsonl", format="azure").files
    first, second = (json.loads(line) for line in file.read_text("utf-8").splitlines())
    assert first == second
    assert first["query"] == "Is <X4> & --> cheap?"
    assert first["response"] == "It is 250 dollars, and it holds four people."
    assert first["context"] == '[{"sku": "TEN-01", "price": 250}]'
    assert (first["recording"], first["model"], first["persona"]) == ("call", "m1", "voice")
    assert first["heard"] != first["response"]


def test_without_tools_the_context_is_what_the_assistant_was_told(tmp_path: Path) -> None:
    with Recorder.start(tmp_path, id="x", session={"instructions": INSTRUCTIONS}) as recorder:
        for event in (
            {"type": "response.created", "response": {"id": "r"}},
            {"type": "response.output_audio_transcript.delta", "delta": "Hello.", "response_id": "r", "item_id": "a"},
            {"type": "response.done", "response": {"id": "r", "status": "completed"}},
        ):
            recorder.write("s2c", event)
    (file,) = export_recordings([Recording.open(recorder.path)], tmp_path / "x.jsonl", format="azure").files
    row = json.loads(file.read_text("utf-8"))
    assert (row["query"], row["context"], row["response"]) == ("", INSTRUCTIONS, "Hello.")


def test_a_log_for_inspect_has_its_parts(call: Recording, tmp_path: Path) -> None:
    call.add_labels(Labels(products={"TEN-01": 3}))
    (file,) = export_recordings([call], tmp_path / "x.eval", format="inspect").files
    with zipfile.ZipFile(file) as log:
        assert set(log.namelist()) == {
            "_journal/start.json",
            "header.json",
            "summaries.json",
            "samples/call_epoch_1.json",
        }
        header, sample = (json.loads(log.read(name)) for name in ("header.json", "samples/call_epoch_1.json"))
    assert (header["version"], header["status"], header["eval"]["model"]) == (2, "success", "local/m1")
    assert [message["role"] for message in sample["messages"]][0] == "system"
    assert {"user", "assistant", "tool"} <= {message["role"] for message in sample["messages"]}
    assert sample["target"] == '{"TEN-01": 3}'
    assert sample["output"]["completion"] == "It is 250 dollars, and it holds four people."


def test_inspect_reads_its_log(call: Recording, tmp_path: Path) -> None:
    log = pytest.importorskip("inspect_ai.log", reason="inspect-ai is not installed: pip install inspect-ai")
    (file,) = export_recordings([call], tmp_path / "x.eval", format="inspect").files
    read = log.read_eval_log(str(file))
    (sample,) = read.samples
    assert read.status == "success"
    assert sample.id == "call"
    assert [call.function for message in sample.messages for call in getattr(message, "tool_calls", None) or ()] == [
        "find_products"
    ]
    assert sample.output.completion == "It is 250 dollars, and it holds four people."
    assert log.read_eval_log(str(file), header_only=True).eval.model == "local/m1"
    assert [summary.id for summary in log.read_eval_log_sample_summaries(str(file))] == ["call"]


def test_a_recording_that_is_not_whole_says_so_in_what_is_exported(call: Recording, tmp_path: Path) -> None:
    (call.path / "audio" / "in.wav").unlink()
    done = export_recordings([Recording.open(call.path)], tmp_path / "x.vtt", format="vtt")
    assert "call: audio/in.wav is missing" in done.lost


@pytest.mark.parametrize(
    ("to", "format", "says"),
    [("x.mp3", "wav", "name it x.wav"), ("x", "mp4", "no format"), ("file/x.vtt", "vtt", "choose another place")],
)
def test_what_cannot_be_written_is_told(call: Recording, tmp_path: Path, to: str, format: Any, says: str) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    with pytest.raises(RecordingError, match=says):
        export_recordings([call], tmp_path / to, format=format)
    with pytest.raises(RecordingError, match="nothing to export"):
        export_recordings([], tmp_path / to, format="vtt")


def test_an_empty_call_is_exported_too(tmp_path: Path) -> None:
    Recorder.start(tmp_path, id="empty").close()
    empty = Recording.open(tmp_path / "empty")
    for format in ("wav", "vtt", "openai", "azure", "inspect"):
        export_recordings([empty], tmp_path / "out" / f"x{SUFFIX[format]}", format=format)  # type: ignore[index, arg-type]
    assert (tmp_path / "out" / "x.vtt").read_text("utf-8").startswith("WEBVTT")
