"""What other programs recorded becomes a bundle like any other; what they do not say is named."""

from __future__ import annotations

import base64
import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from contoso_lab.audio import PCM16_24K, ULAW_8K, Clip, find_speech, silence, tone, write_audio, write_stereo
from contoso_lab.errors import RecordingError
from contoso_lab.recording import Recording
from contoso_lab.recording.check import check_recording
from contoso_lab.recording.imports import import_recordings
from contoso_lab.recording.imports.openai_events import import_openai
from contoso_lab.recording.imports.stereo import import_stereo, read_cues

SAMPLES = Path(__file__).parent / "samples"


def only(source: Path, root: Path, **how: Any) -> Recording:
    (path,) = import_recordings(source, root, **how).recordings
    assert check_recording(path).sound, str(check_recording(path))
    return Recording.open(path)


def b64(clip: Clip, fmt: Any = PCM16_24K) -> str:
    return base64.b64encode(clip.to_bytes(fmt)).decode()


# EVA ------------------------------------------------------------------------------------------------------------------


def test_a_record_folder_of_eva(tmp_path: Path) -> None:
    recording = only(SAMPLES / "eva-1.1.2", tmp_path, format="eva")
    turns = recording.turns[recording.turns.text != ""]
    assert list(turns.role) == ["assistant", "user", "assistant", "user", "assistant", "user", "assistant"]
    # When each side sounded, as the record's own event log says: 1772403724.647605 - 1772403723.723 s, and so on.
    assert turns.started_ms.iloc[0] == pytest.approx(924.6, abs=1)
    assert turns.stopped_ms.iloc[0] == pytest.approx(3522.6, abs=1)
    assert turns.started_ms.iloc[1] == pytest.approx(4224.5, abs=1)
    assert turns.text.iloc[3] == "The confirmation is Z. 3FFW and the last name is Rodriguez."
    assert recording.labels("eva").turns[1].text.startswith("The confirmation is Z K three F F W")  # type: ignore[union-attr]
    assert list(recording.tool_calls.name) == ["get_reservation"]
    assert json.loads(recording.tool_calls.output[0])["status"] == "success"
    assert recording.manifest.created_at == "2026-03-01T22:22:03.723000+00:00"
    assert recording.timeline().measured


def test_both_clocks_of_eva_are_kept(tmp_path: Path) -> None:
    recording = only(SAMPLES / "eva-1.1.2", tmp_path, format="eva")
    turns = recording.turns[recording.turns.text != ""]
    theirs = json.loads((SAMPLES / "eva-1.1.2" / "response_latencies.json").read_text("utf-8"))["latencies"]
    waits = [float(turns.started_ms.iloc[n + 1] - turns.stopped_ms.iloc[n]) / 1000 for n in (1, 3)]
    # The assistant's pipeline measured 2.70 and 3.11 s for what the caller's side waited 1.97 and 2.35 s.
    assert waits == pytest.approx([1.966, 2.354], abs=0.01)
    assert theirs[:2] == pytest.approx([2.701, 3.110], abs=0.001)
    kinds = {event.type for event in recording.events if event.dir == "local"}
    assert {"eva.user_started_speaking", "eva.transcript", "eva.simulator", "eva.response_latencies"} <= kinds


def test_the_sound_of_eva_is_taken_where_it_is(tmp_path: Path) -> None:
    import shutil

    folder = tmp_path / "1.1.2"
    shutil.copytree(SAMPLES / "eva-1.1.2", folder)
    write_audio(folder / "audio_user.wav", silence(4224) + tone(3400) + silence(70000))
    write_audio(folder / "audio_assistant.wav", tone(80000, hz=300))
    imported = import_recordings(folder, tmp_path / "runs")
    assert not any("silent here" in sentence for sentence in imported.lost)
    recording = Recording.open(imported.recordings[0])
    assert find_speech(recording.user_audio)[0].start_ms == pytest.approx(4224, abs=20)
    assert find_speech(recording.played_audio)[0].start_ms == pytest.approx(925, abs=20)


def test_without_sound_eva_says_so(tmp_path: Path) -> None:
    imported = import_recordings(SAMPLES / "eva-1.1.2", tmp_path)
    assert any("no audio_user.wav" in sentence for sentence in imported.lost)
    assert any("silence of their length" in sentence for sentence in imported.guessed)
    page = Recording.open(imported.recordings[0]).manifest.imported
    assert page is not None
    assert (page.format, tuple(page.lost), len(page.sha256)) == ("eva", imported.lost, 64)


# tau2 -----------------------------------------------------------------------------------------------------------------


def test_a_voice_simulation_of_tau2(tmp_path: Path) -> None:
    recording = only(SAMPLES / "tau2", tmp_path)
    turns = recording.turns
    spans = list(zip(turns.role, turns.started_ms.round(), turns.stopped_ms.round(), strict=True))
    # Ticks 26 to 81 and 88 to 99 of the published file contain speech; a tick is 200 ms.
    assert spans == [("user", 5200, 16400), ("assistant", 17600, 20000), ("user", 21600, 22000)]
    assert recording.manifest.target.model == "openai:gpt-realtime-2"
    assert recording.manifest.scenario == "retail 40"
    assert recording.manifest.mode == "caller"
    (note,) = [event for event in recording.events if event.type == "tau2.simulation"]
    assert note.ev["seed"] == 626729


def test_sound_and_tools_inside_ticks(tmp_path: Path) -> None:
    fmt = {"encoding": "ulaw", "sample_rate": 8000}
    ticks: list[dict[str, Any]] = []
    for number in range(10):
        speaks = number < 4
        user = {"role": "user", "contains_speech": speaks, "content": "Hi " if speaks else None, "audio_format": fmt}
        if speaks:
            user["audio_content"] = b64(tone(200, rate_hz=8000), ULAW_8K)
        agent: dict[str, Any] = {
            "role": "assistant",
            "contains_speech": number >= 6,
            "content": "Yes" if number == 6 else None,
        }
        ticks.append({"tick_id": number, "timestamp": "2026-01-01T00:00:00", "agent_chunk": agent, "user_chunk": user,
                      "tick_duration_seconds": 0.2})  # fmt: skip
    ticks[5]["agent_tool_calls"] = [{"id": "k1", "name": "find", "arguments": {"q": 1}}]
    ticks[5]["agent_tool_results"] = [{"id": "k1", "role": "tool", "content": "found"}]
    run = {
        "id": "x",
        "task_id": "1",
        "ticks": ticks,
        "reward_info": {"reward": 1.0},
        "start_time": "2026-01-01T00:00:00",
    }
    place = tmp_path / "sim.json"
    place.write_text(json.dumps({"info": {}, "simulations": [run]}), encoding="utf-8")
    recording = only(place, tmp_path / "runs")
    assert list(recording.turns[recording.turns.text != ""].text) == ["Hi Hi Hi Hi", "Yes"]
    assert recording.user_audio.rate_hz == 8000
    assert [(span.start_ms, span.end_ms) for span in find_speech(recording.user_audio)] == [(0, 800)]
    assert recording.tool_calls[["name", "output", "answered_ms"]].values.tolist() == [["find", "found", 1000.0]]
    (note,) = [event for event in recording.events if event.type == "tau2.simulation"]
    assert note.ev["reward_info"] == {"reward": 1.0}


def test_a_text_simulation_of_tau2(tmp_path: Path) -> None:
    messages = [
        {"role": "assistant", "content": "Hi! How can I help?", "timestamp": "2026-01-01T00:00:00"},
        {"role": "user", "content": "Cancel my order.", "timestamp": "2026-01-01T00:00:02"},
        {"role": "assistant", "tool_calls": [{"id": "c", "name": "cancel", "arguments": {"id": "#W1"}}],
         "timestamp": "2026-01-01T00:00:03"},
        {"role": "tool", "id": "c", "content": "done", "timestamp": "2026-01-01T00:00:04"},
        {"role": "assistant", "content": "It is cancelled.", "timestamp": "2026-01-01T00:00:05"},
    ]  # fmt: skip
    place = tmp_path / "sim.json"
    place.write_text(json.dumps({"id": "x", "task_id": "7", "messages": messages}), encoding="utf-8")
    recording = only(place, tmp_path / "runs")
    turns = recording.turns[recording.turns.text != ""]
    assert list(turns.text) == ["Hi! How can I help?", "Cancel my order.", "It is cancelled."]
    assert list(turns.started_ms) == [0, 2000, 5000]
    assert recording.tool_calls.arguments[0] == '{"id": "#W1"}'
    assert recording.tool_calls.output[0] == "done"


# The cookbook ---------------------------------------------------------------------------------------------------------


def cookbook_event(event: dict[str, Any], at_ms: float, turn: int, source: str = "assistant") -> dict[str, Any]:
    """An entry of the harness's log, which cuts each text after 400 characters and says how many are gone."""
    shown = {
        key: f"{value[:400]}...[truncated {len(value) - 400} chars]"
        if isinstance(value, str) and len(value) > 400
        else value
        for key, value in event.items()
    }
    return {
        "type": event["type"],
        "source": source,
        "turn_index": turn,
        "event_index": 1,
        "event_time_ms": at_ms,
        "event": shown,
    }


@pytest.fixture
def run_folder(tmp_path: Path) -> Path:
    """A run of the cookbook's run harness: the cookbook publishes the harness, and no run."""
    run = tmp_path / "20260101_000000"
    entries = []
    rows = []
    for turn in (1, 2):
        audio = run / "audio" / "sim_a"
        audio.mkdir(parents=True, exist_ok=True)
        answer = tone(700 + 33 * turn, hz=200 * turn)
        write_audio(audio / f"turn_{turn:02d}_user.wav", tone(500 * turn))
        write_audio(audio / f"turn_{turn:02d}_assistant.wav", answer)
        ids = {"response_id": f"r{turn}", "item_id": f"a{turn}", "content_index": 0, "output_index": 0}
        entries.append(cookbook_event({"type": "response.output_text.delta", "delta": "caller"}, 5, turn, "simulator"))
        entries.append(cookbook_event({"type": "response.created", "response": {"id": f"r{turn}"}}, 40, turn))
        entries.append(
            cookbook_event(
                {"type": "response.output_audio_transcript.delta", "delta": f"Answer {turn}", **ids}, 250, turn
            )
        )
        for number, piece in enumerate(answer.chunks(167)):
            entries.append(
                cookbook_event({"type": "response.output_audio.delta", "delta": b64(piece), **ids}, 300 + number, turn)
            )
        entries.append(
            cookbook_event({"type": "response.done", "response": {"id": f"r{turn}", "status": "completed"}}, 400, turn)
        )
        rows.append({"simulation_id": "sim_a", "turn_index": turn, "user_text": f"Question {turn}",
                     "status": "ok", "assistant_text": f"Answer {turn}", "assistant_model": "gpt-realtime",
                     "latency_first_audio_ms": 300.0, "latency_response_done_ms": 400.0,
                     "clarity_grade": 1})  # fmt: skip
    (run / "events").mkdir()
    (run / "events" / "sim_a.jsonl").write_text(
        "".join(json.dumps(entry) + "\n" for entry in entries), encoding="utf-8"
    )
    with (run / "results.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    (run / "summary.json").write_text(json.dumps({"total_rows": 2}), encoding="utf-8")
    return run


def test_a_run_folder_of_the_cookbook(run_folder: Path, tmp_path: Path) -> None:
    recording = only(run_folder, tmp_path / "runs")
    assert list(recording.turns.text) == ["Question 1", "Answer 1", "Question 2", "Answer 2"]
    assert recording.manifest.target.model == "gpt-realtime"
    assert recording.manifest.mode == "fast"
    first = recording.events.table().query("type == 'response.output_audio.delta'").t_ms.iloc[0]
    assert first == 500 + 300  # the clock of the log begins when the answer is asked for
    assert Clip.join([tone(733, hz=200), tone(766, hz=400)]).to_bytes(PCM16_24K) == recording.assistant_audio.to_bytes(
        PCM16_24K
    )
    (note,) = [event for event in recording.events if event.type == "cookbook.results"]
    assert note.ev["grades"][0] == {"clarity_grade": "1"}


def test_the_cookbooks_cut_texts_are_named_as_lost(run_folder: Path, tmp_path: Path) -> None:
    place = run_folder / "events" / "sim_a.jsonl"
    long = cookbook_event(
        {"type": "response.output_text.done", "text": "word " * 100, "response_id": "r1", "item_id": "a1"}, 390, 1
    )
    place.write_text(place.read_text("utf-8") + json.dumps(long) + "\n", encoding="utf-8")
    assert any("400 characters" in sentence for sentence in import_recordings(run_folder, tmp_path / "runs").lost)


def test_a_walk_without_a_log_is_taken_from_its_table(tmp_path: Path) -> None:
    run = tmp_path / "walk"
    (run / "audio" / "cs_001").mkdir(parents=True)
    write_audio(run / "audio" / "cs_001" / "output.wav", tone(600))
    write_audio(run / "asked.wav", tone(300, rate_hz=8000))
    head = "example_id,user_text,assistant_text,audio_path,latency_first_audio_ms,latency_response_done_ms"
    text = f"{head}\ncs_001,Hi,Yes,{run}/asked.wav,250,400\n"
    (run / "results.csv").write_text(text, encoding="utf-8")
    recording = only(run, tmp_path / "runs")
    assert list(recording.turns.text) == ["Hi", "Yes"]
    assert list(recording.turns.started_ms) == [0, 550]
    assert recording.user_audio.rate_hz == 8000


# Logs of Realtime events ----------------------------------------------------------------------------------------------

TALK: list[tuple[float, str, dict[str, Any]]] = [
    (0, "s2c", {"type": "session.created", "session": {"type": "realtime", "model": "gpt-realtime"}}),
    (1000, "c2s", {"type": "input_audio_buffer.append", "audio": b64(tone(1000))}),
    (1000, "s2c", {"type": "input_audio_buffer.committed", "item_id": "u1"}),
    (1100, "s2c", {"type": "response.created", "response": {"id": "r1"}}),
    (1200, "s2c", {"type": "response.audio.delta", "response_id": "r1", "item_id": "a1", "delta": b64(tone(400))}),
    (1250, "s2c", {"type": "response.done", "response": {"id": "r1", "status": "completed"}}),
    (1300, "s2c", {"type": "conversation.item.input_audio_transcription.completed", "item_id": "u1",
                   "content_index": 0, "transcript": "Hi"}),
]  # fmt: skip


@pytest.mark.parametrize(
    "wrap",
    {
        "ms": lambda at, dir, ev: {"t_ms": at, "dir": dir, "event": ev},
        "unix seconds": lambda at, dir, ev: {
            "timestamp": 1_770_000_000 + at / 1000,
            "direction": "client" if dir == "c2s" else "server",
            "event": ev,
        },
        "unix ms": lambda at, dir, ev: {
            "timestamp": 1_770_000_000_000 + at,
            "source": "sent" if dir == "c2s" else "received",
            "data": ev,
        },
        "ns": lambda at, dir, ev: {"t_ns": 10**18 + int(at * 1e6), "payload": ev},
        "iso": lambda at, dir, ev: {"time": f"2026-02-02T10:00:{at / 1000:06.3f}Z", "message": ev},
        "flat": lambda at, dir, ev: {**ev, "t_ms": at},
    }.items(),
    ids=lambda pair: pair[0],
)
def test_a_log_of_events_however_wrapped(tmp_path: Path, wrap: Any) -> None:
    place = tmp_path / "log.jsonl"
    place.write_text("".join(json.dumps(wrap[1](*entry)) + "\n" for entry in TALK), encoding="utf-8")
    recording = only(place, tmp_path / "runs")
    assert list(recording.turns.role) == ["user", "assistant"]
    assert recording.turns.text[0] == "Hi"
    assert [round(event.t_ms) for event in recording.events if event.type == "response.created"] == [1100]
    assert recording.user_audio.duration_ms == 1000
    assert recording.assistant_audio.duration_ms == 400
    assert {event.dir for event in recording.events if event.type == "input_audio_buffer.append"} == {"c2s"}


@pytest.mark.parametrize("form", ["lines", "array"])
def test_bare_events_get_the_clock_of_the_callers_sound(tmp_path: Path, form: str) -> None:
    place = tmp_path / "log.jsonl"
    bare = [event for _, _, event in TALK]
    place.write_text(
        json.dumps(bare) if form == "array" else "".join(json.dumps(event) + "\n" for event in bare), encoding="utf-8"
    )
    imported = import_recordings(place, tmp_path / "runs")
    assert "no event had a time" in imported.guessed[0]
    recording = Recording.open(imported.recordings[0])
    assert [event.t_ms for event in recording.events if event.type == "response.created"] == [1000]
    assert any("what was played" in sentence for sentence in imported.lost)


def test_a_telephones_sound_is_decoded_as_the_session_says(tmp_path: Path) -> None:
    session = {"type": "realtime", "audio": {"input": {"format": {"type": "audio/pcmu"}}}}
    events = [
        {"type": "session.update", "session": session},
        {"type": "input_audio_buffer.append", "audio": b64(tone(500, rate_hz=8000), ULAW_8K)},
    ]
    place = tmp_path / "log.jsonl"
    place.write_text("".join(json.dumps(event) + "\n" for event in events), encoding="utf-8")
    recording = only(place, tmp_path / "runs")
    assert (recording.user_audio.rate_hz, recording.user_audio.duration_ms) == (8000, 500)
    assert recording.user_audio.level_db == pytest.approx(-12, abs=0.2)


# Sound ----------------------------------------------------------------------------------------------------------------


@pytest.fixture
def stereo(tmp_path: Path) -> Path:
    place = tmp_path / "Mein Anruf.wav"
    write_stereo(place, silence(500) + tone(1000) + silence(2500), silence(2000) + tone(1500, hz=300) + silence(500))
    return place


def test_a_stereo_file(tmp_path: Path, stereo: Path) -> None:
    recording = only(stereo, tmp_path / "runs")
    assert recording.id == "wav-Mein-Anruf"
    assert list(recording.turns.role) == ["user", "assistant"]
    assert list(recording.turns.started_ms) == [500, 2000]
    assert list(recording.turns.stopped_ms) == [1500, 3500]
    left, right = recording.stereo()
    assert find_speech(left)[0].start_ms == 500
    assert find_speech(right)[0].start_ms == 2000
    assert recording.manifest.playback.measured


def test_the_caller_may_be_on_the_right(tmp_path: Path, stereo: Path) -> None:
    (path,) = import_stereo(stereo, tmp_path / "runs", caller="right")
    assert list(Recording.open(path).turns.started_ms) == [500, 2000]
    assert list(Recording.open(path).turns.role) == ["assistant", "user"]


def test_one_channel_is_the_caller(tmp_path: Path) -> None:
    write_audio(tmp_path / "one.flac", tone(800, rate_hz=16000))
    imported = import_recordings(tmp_path / "one.flac", tmp_path / "runs")
    assert any("one channel" in sentence for sentence in imported.guessed)
    recording = Recording.open(imported.recordings[0])
    assert list(recording.turns.role) == ["user"]
    assert recording.user_audio.rate_hz == 16000


def test_captions_beside_a_stereo_file_are_its_words(tmp_path: Path, stereo: Path) -> None:
    first = "1\n00:00.500 --> 00:01.500 align:start\n<v Customer>Is 5 &lt; 6 &amp;lt;?"
    second = "00:00:02.000 --> 00:00:03.500\n<v Assistant>Yes.</v>"
    text = f"WEBVTT\n\nNOTE x\n\n{first}\n\n{second}\n"
    stereo.with_suffix(".vtt").write_text(text, encoding="utf-8")
    recording = only(stereo, tmp_path / "runs")
    assert list(recording.turns.text) == ["Is 5 < 6 &lt;?", "Yes."]
    with pytest.raises(RecordingError, match="as WebVTT"):
        list(read_cues(stereo))


# What is wrong --------------------------------------------------------------------------------------------------------

BAD: dict[str, tuple[str, bytes, str]] = {
    "no JSON": ("a.jsonl", b"{nope\n", "line 1 is no JSON"),
    "no object": ("a.jsonl", b"[1]\n", "array of something else"),
    "no type": ("a.jsonl", b'{"x": 1}\n', "no event with a type"),
    "empty": ("a.jsonl", b"", "holds no event"),
    "not UTF-8": ("a.jsonl", b'{"type": "\xff"}\n', "no JSON"),
    "deep": ("a.json", b'{"task_id": ' + b"[" * 100_000, "no JSON"),
    "no simulation": ("a.json", b'{"hello": 1}', "no simulation"),
    "wrong shape": ("a.json", b'{"task_id": 1, "ticks": [5]}', "not shaped as tau2 files are"),
    "no sound": ("a.wav", b"RIFF....", "no sound"),
    "unknown": ("a.docx", b"PK", "name its format"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_imported_is_told_and_leaves_nothing(tmp_path: Path, name: str) -> None:
    file, data, says = BAD[name]
    (tmp_path / file).write_bytes(data)
    with pytest.raises(RecordingError, match=says):
        import_recordings(tmp_path / file, tmp_path / "runs")
    assert not list((tmp_path / "runs").glob("*")) if (tmp_path / "runs").exists() else True


@pytest.mark.parametrize("format", ["openai", "cookbook", "tau2", "eva", "wav"])
def test_any_bytes_give_a_recording_or_a_sentence(tmp_path: Path, format: Any) -> None:
    rng = np.random.default_rng(7)
    texts = [
        b'{"type":"a.b","timestamp":',
        b'{"task_id":1,"ticks":[{}],"messages":[{}]}',
        b"[{}]",
        b"null",
        b'{"timestamp":"x"}\n',
    ]
    for number, text in enumerate([*texts, *(rng.bytes(40) for _ in range(10))]):
        place = tmp_path / f"file{number}"
        place.write_bytes(text)
        folder = tmp_path / f"folder{number}"
        folder.mkdir()
        for inside in ("results.csv", "results.json", "user_simulator_events.jsonl", "audit_log.json"):
            (folder / inside).write_bytes(text)
        for source in (place, folder):
            try:
                import_recordings(source, tmp_path / "runs", format=format)
            except RecordingError:
                continue


def test_nothing_is_imported_over_another(tmp_path: Path, stereo: Path) -> None:
    import_recordings(stereo, tmp_path / "runs")
    with pytest.raises(RecordingError, match="no recording can be made here"):
        import_recordings(stereo, tmp_path / "runs")
    with pytest.raises(RecordingError, match="does not exist"):
        import_recordings(tmp_path / "nowhere.wav", tmp_path / "runs")
    with pytest.raises(RecordingError, match="no format"):
        import_recordings(stereo, tmp_path / "runs", format="mp4")  # type: ignore[arg-type]


def test_an_import_that_fails_leaves_no_half(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "log.jsonl"
    place.write_text("".join(json.dumps(event) + "\n" for _, _, event in TALK), encoding="utf-8")

    def full(self: Any, *args: Any) -> None:
        raise RecordingError("the disk is full")

    monkeypatch.setattr("contoso_lab.recording.recorder.Recorder.write", full, raising=True)
    with pytest.raises(RecordingError):
        import_openai(place, tmp_path / "runs")
    monkeypatch.undo()
    assert [path.name for path in (tmp_path / "runs").glob("openai*")] in ([], ["openai-log"])
