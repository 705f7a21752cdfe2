from __future__ import annotations

import json
from pathlib import Path

import pytest

from contoso_lab.audio import tone
from contoso_lab.errors import RecordingError, SessionError, UnreadableAudio
from contoso_lab.session import load_caller


@pytest.fixture
def speech(tmp_path: Path) -> Path:
    """A folder with one recorded customer."""
    tone(50).save(tmp_path / "boots.wav")
    truth = {"customer": "maya", "synthetic": True, "turns": [{"text": "I need boots."}]}
    (tmp_path / "boots.json").write_text(json.dumps(truth), encoding="utf-8")
    return tmp_path


def test_a_customer_is_a_clip_and_the_truth_about_it(speech: Path) -> None:
    caller, labels = load_caller("boots", speech=speech)
    assert (caller.customer, caller.scenario, caller.synthetic) == ("maya", "boots", True)
    assert (caller.replay_of, caller.mode) == (None, None)
    assert caller.clip.duration_ms == 50
    assert [turn.text for turn in labels.turns] == ["I need boots."]


def test_every_customer_that_we_ship_can_be_read() -> None:
    for name in ("first_call", "short_call"):
        caller, labels = load_caller(name)
        assert caller.synthetic
        assert labels.turns
        assert caller.clip.duration_ms > 10_000


def test_an_unknown_name_names_those_that_there_are(speech: Path) -> None:
    tone(50).save(speech / "another.wav")
    with pytest.raises(SessionError, match="no recorded customer 'shoes'; there are: another, boots$"):
        load_caller("shoes", speech=speech)


def test_an_empty_folder_says_so(tmp_path: Path) -> None:
    with pytest.raises(SessionError, match="there are: none"):
        load_caller("boots", speech=tmp_path / "nowhere")


def test_a_wav_that_is_none(speech: Path) -> None:
    (speech / "boots.wav").write_bytes(b"this is no sound")
    with pytest.raises(UnreadableAudio, match=r"boots\.wav"):
        load_caller("boots", speech=speech)


@pytest.mark.parametrize(
    ("labels", "error", "words"),
    [
        (None, RecordingError, r"boots\.json: the labels cannot be read"),
        ("{", RecordingError, r"boots\.json: the file: Invalid JSON"),
        ('{"customer": "maya", "turns": 3}', RecordingError, r"boots\.json: turns: "),
        ('{"customer": "maya", "products": {"TEN-02": 4}}', RecordingError, r"boots\.json: products\.TEN-02: "),
        ('{"turns": []}', SessionError, r'boots\.json names no customer; add "customer"'),
    ],
    ids=["missing", "no JSON", "another shape", "a grade too high", "nobody calls"],
)
def test_labels_that_do_not_fit(speech: Path, labels: str | None, error: type[Exception], words: str) -> None:
    if labels is None:
        (speech / "boots.json").unlink()
    else:
        (speech / "boots.json").write_text(labels, encoding="utf-8")
    with pytest.raises(error, match=words):
        load_caller("boots", speech=speech)
