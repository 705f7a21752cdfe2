"""A sound file of one's own becomes a recording with labels in one step."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

import contoso_lab as lab
from contoso_lab.agent.recordings import app
from contoso_lab.audio import Clip, silence, tone
from contoso_lab.errors import RecordingError
from contoso_lab.recording.adding import add_speech


@pytest.fixture
def two_lines(tmp_path: Path) -> Path:
    """Two utterances with two seconds between them."""
    place = tmp_path / "call.wav"
    Clip.join([silence(500), tone(800), silence(2000), tone(600), silence(500)]).save(place)
    return place


def test_each_line_gets_the_times_of_its_utterance(two_lines: Path, tmp_path: Path) -> None:
    call = add_speech(
        two_lines, tmp_path / "runs", customer="maya", words=["I need a tent.", "Show it."], consent="signed"
    )
    assert call.problems == ()
    assert (call.manifest.customer, call.manifest.scenario, call.manifest.consent) == ("maya", "call", "signed")
    assert not call.manifest.synthetic
    labels = call.labels()
    assert labels is not None
    assert [turn.text for turn in labels.turns] == ["I need a tent.", "Show it."]
    assert [(turn.start_ms, turn.end_ms) for turn in labels.turns] == [
        pytest.approx((500, 1300), abs=40),
        pytest.approx((3300, 3900), abs=40),
    ]
    assert list(lab.recordings(tmp_path / "runs").customer) == ["maya"]


def test_lines_that_do_not_match_the_sound_stand_without_times(two_lines: Path, tmp_path: Path) -> None:
    labels = add_speech(two_lines, tmp_path / "runs", customer="maya", words=["I need a tent. Show it."]).labels()
    assert labels is not None
    assert [turn.start_ms for turn in labels.turns] == [None]


def test_without_words_there_are_no_labels(two_lines: Path, tmp_path: Path) -> None:
    assert add_speech(two_lines, tmp_path / "runs", customer="maya").labels() is None


def test_a_speaker_without_a_name_is_asked_for_one(two_lines: Path, tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="name the customer"):
        add_speech(two_lines, tmp_path / "runs", customer=" ")


def test_the_command_does_it_in_one_step(two_lines: Path, tmp_path: Path) -> None:
    words = ["--words", "I need a tent.", "--words", "Show it."]
    done = CliRunner().invoke(
        app, ["add", str(two_lines), "--customer", "maya", *words, "--runs", str(tmp_path / "runs")]
    )
    assert done.exit_code == 0, done.output
    assert "2 turns labelled" in " ".join(done.output.split())
