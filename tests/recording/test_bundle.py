from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from contoso_lab.audio import read_audio, tone
from contoso_lab.errors import RecordingError
from contoso_lab.recording import Labels, Recorder, Recording, list_recordings, recordings

WORDS = "conversation.item.input_audio_transcription.completed"


def talk(desk: Any) -> None:
    """One question, answered at once; the words of the question come last."""
    desk.at(1000, "s2c", {"type": "input_audio_buffer.speech_started", "item_id": "u1", "audio_start_ms": 700})
    desk.append(1500, tone(800))
    desk.at(2000, "s2c", {"type": "input_audio_buffer.speech_stopped", "item_id": "u1", "audio_end_ms": 2000})
    desk.at(2000, "s2c", {"type": "input_audio_buffer.committed", "item_id": "u1", "previous_item_id": None})
    desk.at(2010, "s2c", {"type": "response.created", "response": {"id": "r", "conversation_id": "c"}})
    ids = {"response_id": "r", "item_id": "a1", "content_index": 0}
    desk.at(2200, "s2c", {"type": "response.output_audio_transcript.delta", "delta": "It is 279 dollars.", **ids})
    desk.delta(2300, "a1", tone(1000))
    desk.at(2310, "s2c", {"type": "response.done", "response": {"id": "r", "status": "completed"}})
    desk.at(2400, "s2c", {"type": WORDS, "item_id": "u1", "content_index": 0, "transcript": "What is the price?"})


def test_turns_are_a_data_frame_in_spoken_order(desk: Any) -> None:
    talk(desk)
    turns = desk.opened().turns
    assert list(turns.role) == ["user", "assistant"]
    assert list(turns.text) == ["What is the price?", "It is 279 dollars."]
    assert list(turns.started_ms) == [1000, 2300]
    assert list(turns.stopped_ms) == [2000, 3300]
    assert list(turns.audio_ms) == [1300, 1000]
    assert {"item_id", "heard", "status"} <= set(turns.columns)
    assert str(turns.stopped_ms.dtype) == "float64"


def test_an_empty_recording_has_an_empty_frame(desk: Any) -> None:
    turns = desk.opened().turns
    assert turns.empty
    assert "heard" in turns.columns


def test_events_carry_the_session_clock(desk: Any) -> None:
    talk(desk)
    recording = desk.opened()
    assert [event.seq for event in recording.events] == list(range(len(recording.events)))
    assert recording.events[1].t_ms == 1000
    assert recording.duration_ms == 2400


def test_a_recording_that_lets_go_reads_again(desk: Any) -> None:
    talk(desk)
    recording = desk.opened()
    first, of_all, turns = recording.events, recording.stereo(), recording.turns
    recording.let_go()
    assert recording.events is not first
    assert [event.ev for event in recording.events] == [event.ev for event in first]
    assert recording.turns.equals(turns)
    assert recording.stereo() == of_all
    assert (recording.id, recording.problems) == (recording.manifest.id, ())


def test_the_sound_of_one_answer_can_be_asked_for(desk: Any) -> None:
    desk.delta(1, "a", tone(100, hz=300))
    desk.delta(2, "b", tone(50))
    desk.delta(3, "a", tone(100))
    recording = desk.opened()
    assert recording.item_audio("a").duration_ms == 200
    assert recording.item_audio("a")[100:200] == recording.assistant_audio[150:250]
    assert recording.item_audio("nobody").duration_ms == 0


def test_sound_that_was_changed_afterwards_is_noticed(desk: Any) -> None:
    talk(desk)
    recording = desk.opened()
    assert recording.problems == ()
    place = recording.path / "audio" / "in.wav"
    data = bytearray(place.read_bytes())
    data[100] ^= 1
    place.write_bytes(data)
    assert Recording.open(recording.path).problems == ("audio/in.wav: the sound of 1 events is not what was recorded",)


def test_a_track_that_is_gone_is_a_problem_and_silence(desk: Any) -> None:
    talk(desk)
    recording = desk.opened()
    (recording.path / "audio" / "out.wav").unlink()
    assert recording.problems == ("audio/out.wav is missing",)
    assert recording.assistant_audio.duration_ms == 1000


def test_the_stereo_file_has_both_sides(desk: Any, tmp_path: Path) -> None:
    talk(desk)
    place = desk.opened().save_stereo(tmp_path / "deep" / "call.wav")
    assert place.exists()
    assert read_audio(place).duration_ms == pytest.approx(3300, abs=1)


def test_labels_are_kept_by_rater(desk: Any) -> None:
    recording = desk.opened()
    assert recording.labels() is None
    labels = Labels.model_validate({"turns": [{"text": "Hi", "start_ms": 5}], "products": {"TEN-02": 3}, "voice": "x"})
    recording.add_labels(labels)
    recording.add_labels(Labels(), rater="second")
    assert recording.labels() == labels
    assert recording.labels("second") == Labels()
    with pytest.raises(RecordingError, match="rater"):
        recording.labels("../author")


@pytest.mark.parametrize(
    ("text", "says"),
    [('{"products": {"TEN-02": 4}}', "products.TEN-02"), ('{"turns": [{}]}', r"turns\.0\.text"), ("{", "the file")],
)
def test_labels_that_do_not_fit_are_refused_with_their_place(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "labels.json").write_text(text, encoding="utf-8")
    with pytest.raises(RecordingError, match=says):
        Labels.load(tmp_path / "labels.json")


def test_what_is_no_recording_is_refused(tmp_path: Path) -> None:
    for place in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(RecordingError, match="is no recording"):
            Recording.open(place)
    (tmp_path / "manifest.json").write_text('{"id": "x", "schema_version": 2}', encoding="utf-8")
    with pytest.raises(RecordingError, match="newer contoso-lab"):
        Recording.open(tmp_path)
    (tmp_path / "manifest.json").write_text("{", encoding="utf-8")
    with pytest.raises(RecordingError, match="damaged"):
        Recording.open(tmp_path)


def test_fields_of_a_later_program_survive(desk: Any) -> None:
    recording = desk.opened()
    place = recording.path / "manifest.json"
    place.write_text(json.dumps({**json.loads(place.read_text("utf-8")), "mood": "good"}), encoding="utf-8")
    again = Recording.open(place)
    again.manifest.save(recording.path)
    assert json.loads(place.read_text("utf-8"))["mood"] == "good"


def test_recordings_are_listed_newest_first(tmp_path: Path) -> None:
    assert list_recordings(tmp_path / "nowhere").empty
    Recorder.start(tmp_path, id="20260101-000000-aaaa", customer="maya", target={"kind": "local", "model": "m"}).close()
    Recorder.start(tmp_path, id="20260102-000000-aaaa")
    (tmp_path / "20260103-000000-aaaa").mkdir()
    (tmp_path / "20260103-000000-aaaa" / "manifest.json").write_text("{", encoding="utf-8")
    (tmp_path / "a folder of something else").mkdir()
    frame = recordings(tmp_path)
    assert list(frame.status) == ["unreadable", "open", "closed"]
    assert frame.iloc[2].customer == "maya"
    assert frame.iloc[2].target == "local"


def test_it_shows_itself(make_desk: Callable[..., Any]) -> None:
    desk = make_desk(persona="voice", customer="maya")
    talk(desk)
    recording = desk.opened()
    assert repr(recording) == f"<Recording {recording.id}: voice, maya, 2 s, 2 turns>"
    assert "What is the price?" in recording._repr_html_()
