"""The demo may not look well where something did not happen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from contoso_lab.demo import DemoFailed, _check, write_results
from contoso_lab.errors import EngineError, LabError, RecordingError
from contoso_lab.recording import Labels, Recording


class Running:
    """A workbench of which every process is alive, or not."""

    def __init__(self, error: LabError | None = None) -> None:
        self.error = error

    def check(self) -> None:
        if self.error is not None:
            raise self.error


def labels(turns: int) -> Labels:
    return Labels.model_validate({"customer": "maya", "turns": [{"text": "Show me the tent."}] * turns})


def lose(recording: Path, kind: str) -> None:
    """Take every event of a kind out of a recording."""
    log = recording / "events.jsonl"
    kept = [line for line in log.read_text(encoding="utf-8").splitlines(keepends=True) if f'"{kind}"' not in line]
    log.write_text("".join(kept), encoding="utf-8")


def check(path: Path, here: Any = None, *, turns: int = 1) -> None:
    _check(Recording.open(path), labels(turns), here or Running())  # type: ignore[arg-type]


def test_a_call_in_which_all_happened_passes(first: Path) -> None:
    check(first)


@pytest.mark.parametrize(
    ("lost", "sentence"),
    [
        ("response.output_audio.delta", "the assistant answered 0 of 1 turns aloud"),
        ("suggestion.shown", "no suggestions were written"),
    ],
)
def test_a_step_that_left_no_trace_fails(first: Path, lost: str, sentence: str) -> None:
    lose(first, lost)
    with pytest.raises(DemoFailed, match=sentence):
        check(first)


def test_a_turn_that_was_not_heard_fails(first: Path) -> None:
    with pytest.raises(DemoFailed, match="the engine heard 1 of the customer's 2 turns"):
        check(first, turns=2)


def test_a_process_that_ended_is_the_first_thing_to_say(first: Path) -> None:
    with pytest.raises(EngineError, match="has ended"):
        check(first, Running(EngineError("the engine has ended")), turns=2)


def test_results_stand_beside_the_first_recording(first: Path, second: Path) -> None:
    result = write_results(Recording.open(first), Recording.open(second))
    assert result.comparison.names == ("voice", "voice_brief")
    assert {result.stereo, result.page, result.plot} == set((first / "report").iterdir())
    assert all(path.stat().st_size > 1000 for path in (result.stereo, result.page, result.plot))


def test_a_disk_that_is_full_is_an_error_of_ours(
    first: Path, second: Path, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    def page(*_: Any, **__: Any) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("contoso_lab.demo.page", page)
    with pytest.raises(RecordingError, match=r"report: the report cannot be written \(No space left on device\)"):
        write_results(Recording.open(first), Recording.open(second))
