"""What was heard in a recording is kept in it, and believed only as long as it is of the same events and tracks."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from contoso_lab.audio import Span, silence, tone, write_audio
from contoso_lab.recording import Recording
from contoso_lab.recording import sound_spans as module
from contoso_lab.recording.sound_spans import SOUND

SPOKEN = [Span(1000, 1600)]


@pytest.fixture
def call(desk: Any) -> Path:
    """The caller speaks for 600 ms; of it the spans are kept."""
    desk.append(3000, silence(1000) + tone(600) + silence(1400))
    desk.delta(4000, "a1", silence(500) + tone(500))
    recording = desk.opened()
    assert recording.sound_spans.of("in") == SPOKEN
    assert recording.sound_spans.of("out", [(0, 12000), (12000, 4800)], shortest_ms=20) == [Span(500, 700)]
    recording.sound_spans.keep()
    place: Path = recording.path
    return place


@pytest.fixture
def listens(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How long the clips were that were listened to, in samples."""
    heard: list[int] = []
    real = module.find_speech
    monkeypatch.setattr(
        module, "find_speech", lambda clip, **options: (heard.append(len(clip)), real(clip, **options))[1]
    )
    return heard


def test_what_was_kept_is_told_without_the_sound(call: Path, listens: list[int]) -> None:
    spans = Recording(call, Recording.open(call).manifest).sound_spans
    spans._track = None  # type: ignore[assignment]  # whoever unpacks sound now, fails
    assert spans.of("in") == SPOKEN
    assert spans.of("out", [(0, 12000), (12000, 4800)], shortest_ms=20) == [Span(500, 700)]
    assert listens == []


def test_a_stretch_that_nobody_asked_for_is_listened_to(call: Path, listens: list[int]) -> None:
    assert Recording.open(call).sound_spans.of("out", [(0, 12000)], shortest_ms=20) == []
    assert Recording.open(call).sound_spans.of("out", [], shortest_ms=20) == []
    assert listens == [12000, 0]


def test_a_copy_has_another_age_and_the_same_sound(call: Path, listens: list[int], tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(call, copy)
    os.utime(copy / "events.jsonl", ns=(1, 1))
    assert Recording.open(copy).sound_spans.of("in") == SPOKEN
    assert listens == []


def _another_track(call: Path) -> None:
    write_audio(call / "audio" / "in.wav", silence(2000) + tone(600) + silence(1000))


def _other_events(call: Path) -> None:
    place = call / "events.jsonl"
    place.write_bytes(place.read_bytes().replace(b"a1", b"a2"))
    os.utime(place, ns=(1, 1))  # and a size that says nothing


def _nonsense(call: Path) -> None:
    (call / SOUND).write_text('{"made_of": [1]}', encoding="utf-8")


def _cut(call: Path) -> None:
    (call / SOUND).write_bytes((call / SOUND).read_bytes()[:-20])


def _another_time(call: Path) -> None:
    kept = json.loads((call / SOUND).read_text("utf-8"))
    kept["spans"]["in 60 all"] = [[-5, 9]]
    (call / SOUND).write_text(json.dumps(kept), encoding="utf-8")


@pytest.mark.parametrize("change", [_another_track, _other_events, _nonsense, _cut, _another_time])
def test_what_does_not_fit_is_heard_anew(call: Path, listens: list[int], change: Any) -> None:
    change(call)
    expected = [Span(2000, 2600)] if change is _another_track else SPOKEN
    recording = Recording.open(call)
    assert recording.sound_spans.of("in") == expected
    assert len(listens) == 1
    recording.sound_spans.keep()
    assert Recording.open(call).sound_spans.of("in") == expected
    assert len(listens) == 1


def test_of_a_recording_that_is_still_open_nothing_is_kept(desk: Any) -> None:
    desk.append(3000, silence(1000) + tone(600))
    recording = Recording.open(desk.recorder.path)
    recording.sound_spans.of("in")
    recording.sound_spans.keep()
    assert not (desk.recorder.path / SOUND).exists()


def test_sound_that_changes_under_the_reader_is_not_kept(call: Path) -> None:
    before = (call / SOUND).read_bytes()
    spans = Recording.open(call).sound_spans
    spans.of("in", [(0, 4800)])
    _another_track(call)
    spans.keep()
    assert (call / SOUND).read_bytes() == before


def test_a_folder_that_cannot_be_written_is_heard_every_time(
    call: Path, listens: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    (call / SOUND).unlink()

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module, "put_beside", full)
    for _ in range(2):
        spans = Recording.open(call).sound_spans
        assert spans.of("in") == SPOKEN
        spans.keep()
    assert len(listens) == 2
