"""A redacted copy of a recording: nothing private in its files or its sound, and everything else as it was."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from contoso_lab.audio import Clip, find_speech, silence, tone
from contoso_lab.errors import RecordingError
from contoso_lab.recording import Labels, Recording
from contoso_lab.recording.check import check_recording
from contoso_lab.recording.redact import redact
from contoso_lab.recording.redact_rules import Hit, Known
from contoso_lab.recording.redact_sound import BLEEP_HZ, Span, Utterance, covered, spans_to_cover
from contoso_lab.wire import WordTime

WORDS = "conversation.item.input_audio_transcription.completed"
SAID = "Hello, my name is Maya Chen and my phone number is five oh three five five five oh one four seven okay"
PRIVATE = ("Maya", "Chen", "five five five", "503", "maya.chen@example.com", "42 Maple", "4111", "77042", "maya")


def utter(desk: Any, item: str, start_ms: int, clip: Clip, text: str | None) -> None:
    for number, piece in enumerate(clip.chunks(100)):
        desk.append(start_ms + 100 * (number + 1), piece)
    end_ms = start_ms + round(clip.duration_ms)
    desk.at(end_ms, "s2c", {"type": "input_audio_buffer.speech_started", "item_id": item, "audio_start_ms": start_ms})
    desk.at(end_ms, "s2c", {"type": "input_audio_buffer.speech_stopped", "item_id": item, "audio_end_ms": end_ms})
    desk.at(end_ms, "s2c", {"type": "input_audio_buffer.committed", "item_id": item, "previous_item_id": None})
    if text is not None:
        desk.at(end_ms, "s2c", {"type": WORDS, "item_id": item, "content_index": 0, "transcript": text})


@pytest.fixture
def call(make_desk: Any) -> Recording:
    session = {
        "type": "realtime",
        "instructions": "You talk with Maya Chen of Portland. The TrailMaster X4 costs 250 dollars.",
    }
    desk = make_desk(id="call", customer="maya", persona="voice", session=session, consent="Maya Chen, by e-mail")
    utter(desk, "u1", 0, tone(8000), SAID)
    desk.at(8000, "s2c", {"type": "response.created", "response": {"id": "r1"}})
    ids = {"response_id": "r1", "item_id": "a1", "content_index": 0}
    for piece in ("Thanks, Ch", "en. Is it maya.", "chen@exam", "ple.com?"):
        desk.at(8010, "s2c", {"type": "response.output_audio_transcript.delta", "delta": piece, **ids})
    desk.delta(8020, "a1", tone(2000, hz=300))
    content = [{"type": "output_audio", "transcript": "Thanks, Chen. Is it maya.chen@example.com?"}]
    item = {"id": "a1", "type": "message", "role": "assistant", "content": content}
    desk.at(8030, "s2c", {"type": "response.done", "response": {"id": "r1", "status": "completed", "output": [item]}})
    utter(desk, "u2", 8000, silence(1000) + tone(1000), "Does it hold four people?")
    arguments = json.dumps({"address": "42 Maple Street", "card": "4111 1111 1111 1111", "query": "order 77042"})
    function = {"id": "f1", "type": "function_call", "call_id": "k1", "name": "buy", "arguments": arguments}
    desk.at(
        10_100, "s2c", {"type": "response.output_item.done", "response_id": "r2", "output_index": 0, "item": function}
    )
    run = {
        "prompt": "suggestions",
        "messages": [{"role": "user", "content": "Maya Chen wants a tent"}],
        "response": "For Maya: X4",
    }
    desk.at(10_200, "local", {"type": "prompt.run", "run": run})
    desk.at(
        10_300,
        "local",
        {"type": "suggestion.shown", "text": "Dear Ms. Chen, see the TrailMaster X4", "skus": ["TEN-01"]},
    )
    recording: Recording = desk.opened()
    recording.add_labels(
        Labels.model_validate({"customer": "maya", "turns": [{"text": SAID}], "products": {"TEN-01": 3}})
    )
    (recording.path / "notes.txt").write_text("Maya Chen", encoding="utf-8")
    return recording


@pytest.fixture
def copy(call: Recording, tmp_path: Path) -> Recording:
    return Recording.open(redact(call.path, tmp_path / "copies", salt="s").path)


def test_nothing_private_is_left_in_any_file(copy: Recording) -> None:
    for place in (path for path in copy.path.rglob("*") if path.is_file() and path.suffix != ".wav"):
        text = place.read_text("utf-8")
        assert not [word for word in PRIVATE if word.lower() in text.lower()], place
    assert not (copy.path / "notes.txt").exists()


def test_the_copy_is_whole_and_says_what_was_done(call: Recording, copy: Recording) -> None:
    assert copy.problems == ()
    assert check_recording(copy.path).sound, str(check_recording(copy.path))
    (done,) = copy.manifest.redactions
    assert (done.rules_version, done.sound.partition(":")[0]) == ("2", "in proportion to the text, with a margin")
    assert done.found["name"] >= 8
    assert done.found["phone"] >= 1
    assert {"email", "card", "address", "order"} <= set(done.found)
    assert done.bleeped_ms > 0
    assert call.manifest.redactions == []
    assert [event.type for event in copy.events] == [event.type for event in call.events]
    assert [event.t_ms for event in copy.events] == [event.t_ms for event in call.events]


def test_everything_else_stays(copy: Recording, call: Recording) -> None:
    turns = copy.turns
    assert turns.text[0] == "Hello, my name is [name] and my phone number is [phone] okay"
    assert turns.text[1] == "Thanks, [name]. Is it [email]?"
    assert turns.text[2] == "Does it hold four people?"
    assert list(turns.started_ms) == list(call.turns.started_ms)
    labels = copy.labels()
    assert labels is not None
    assert labels.products == {"TEN-01": 3}
    shown = next(event for event in copy.events if event.type == "suggestion.shown")
    assert (shown.ev["text"], shown.ev["skus"]) == ("Dear Ms. [name], see the TrailMaster X4", ["TEN-01"])
    assert copy.manifest.session is not None
    assert "TrailMaster X4 costs 250 dollars" in copy.manifest.session["instructions"]


def test_the_customer_gets_a_pseudonym_that_a_salt_decides(call: Recording, tmp_path: Path) -> None:
    names = [Recording.open(redact(call.path, tmp_path / str(n), salt=salt).path).manifest.customer
             for n, salt in enumerate(("s", "s", "t", None, None))]  # fmt: skip
    assert names[0] == names[1]
    assert len(set(names)) == 4
    assert all(name.startswith("customer-") for name in names)


def bleeped_ms(before: Clip, after: Clip) -> list[tuple[int, int]]:
    changed = np.flatnonzero(before.samples != after.samples)
    runs = np.split(changed, np.flatnonzero(np.diff(changed) > 2400) + 1) if len(changed) else []
    return [(round(run[0] / 24), round(run[-1] / 24)) for run in runs]


def test_sound_is_covered_and_keeps_its_length(call: Recording, copy: Recording) -> None:
    assert len(copy.user_audio) == len(call.user_audio)
    spans = bleeped_ms(call.user_audio, copy.user_audio)
    at = lambda word: 8000 * SAID.index(word) / len(SAID)  # noqa: E731 - where a word lies in eight seconds of tone
    for first, last in ((at("Maya"), at(" and my")), (at("five oh"), at(" okay"))):
        assert any(start <= first and last <= end for start, end in spans), (spans, first, last)
    assert spans[-1][1] < 8000 + 1000  # the question about people is left as it was
    assert bleeped_ms(call.assistant_audio, copy.assistant_audio) == [(0, 2000)]  # short: as a whole
    spectrum = np.abs(np.fft.rfft(copy.assistant_audio.samples[4800:9600]))
    assert np.argmax(spectrum) * 24000 / 4800 == pytest.approx(BLEEP_HZ, abs=5)


def test_whole_utterances_go_when_asked(call: Recording, tmp_path: Path) -> None:
    done = redact(call.path, tmp_path / "copies", sound="whole utterances")
    spans = bleeped_ms(call.user_audio, Recording.open(done.path).user_audio)
    assert spans[0][0] == 0
    assert spans[0][1] == pytest.approx(8000, abs=2)


def test_speech_without_a_transcript_is_covered_as_a_whole(make_desk: Any, tmp_path: Path) -> None:
    desk = make_desk(id="silent")
    utter(desk, "u1", 0, tone(1500), None)
    utter(desk, "u2", 1500, silence(2000) + tone(1500), "Does it rain?")
    recording = desk.opened()
    spans = bleeped_ms(recording.user_audio, Recording.open(redact(recording.path, tmp_path / "c").path).user_audio)
    assert [(round(a, -1), round(b, -1)) for a, b in spans] == [(0, 1500)]


def test_word_times_make_it_exact() -> None:
    text = "my name is Maya thanks"
    words = tuple(WordTime(word, 1000.0 * (number + 1)) for number, word in enumerate(text.split()))
    utterance = Utterance(Span(0, 5 * 24000), text, (Hit(11, 15, "name"),), words)
    (span,) = spans_to_cover(tone(5000), [utterance])
    assert (span.start / 24, span.end / 24) == (3000 - 120, 4000 + 120)
    sound = covered(tone(5000), [span])
    assert sound.duration_ms == 5000
    assert bleeped_ms(tone(5000), sound)[0] == (pytest.approx(2880, abs=2), pytest.approx(4120, abs=2))


@pytest.mark.parametrize("pause_ms", [0, 800, 2000])
def test_in_proportion_means_in_proportion_to_the_voice(pause_ms: int) -> None:
    track = tone(3000) + silence(pause_ms) + tone(3000, hz=300)
    text = "a" * 80 + "PRIVATE" + "a" * 13
    (span,) = spans_to_cover(track, [Utterance(Span(0, len(track)), text, (Hit(80, 87, "name"),))])
    voice_ms = [6000 * place / 100 for place in (80, 87)]
    assert span.start / 24 <= voice_ms[0] + pause_ms
    assert span.end / 24 >= voice_ms[1] + pause_ms
    assert find_speech(covered(track, [span]))[0].start_ms == 0


def test_what_is_known_beforehand_goes_too(call: Recording, tmp_path: Path) -> None:
    done = redact(call.path, tmp_path / "c", known=Known(places={"Portland"}, keep={"trailmaster"}))
    session = Recording.open(done.path).manifest.session
    assert session is not None
    assert session["instructions"].startswith("You talk with [name] of [address]. The TrailMaster X4")
    assert done.left == ()
    assert "took out" in str(done)


def test_a_copy_is_never_written_over_another(call: Recording, tmp_path: Path) -> None:
    redact(call.path, tmp_path / "c")
    with pytest.raises(RecordingError, match="exists already"):
        redact(call.path, tmp_path / "c")
    with pytest.raises(RecordingError, match="exists already"):
        redact(call.path, call.path.parent)
    (tmp_path / "file").write_text("x", encoding="utf-8")
    with pytest.raises(RecordingError, match="choose another folder"):
        redact(call.path, tmp_path / "file")
    assert not list((tmp_path / "c").glob(".redact-*"))
