"""Two small calls of the same customer on disk, and the command line as a person meets it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from contoso_lab import cli
from contoso_lab.audio import PCM16_24K, silence, to_base64, tone
from contoso_lab.recording import Labels, Recorder, Recording

PAGE = "### Meadow Four (TEN-02)\n\nIt costs $279."
LABELS = Labels(
    customer="maya",
    turns=[{"text": "Show me the tent.", "start_ms": 500, "end_ms": 1000}],  # type: ignore[list-item]
    products={"TEN-02": 3},
    cue_turn=0,
)


def record(runs: Path, name: str, *, closed: bool = True, labels: Labels | None = LABELS, **manifest: Any) -> Path:
    """A question, its answer after 1.2 s, and a page; written by the recorder on a clock that stands still between."""
    now_ms = 0.0
    manifest = {"persona": "voice", "customer": "maya", "scenario": "tent", "target": {"kind": "local"}, **manifest}
    recorder = Recorder.start(
        runs,
        id=name,
        clock_ns=lambda: round(now_ms * 1e6),
        now=lambda: datetime(2026, 11, 22, 15, 30, tzinfo=UTC),
        **manifest,
    )
    microphone = silence(500) + tone(500) + silence(2000)
    steps: list[tuple[float, Any, dict[str, Any]]] = [
        (40.0 * (n + 1), "c2s", {"type": "input_audio_buffer.append", "audio": to_base64(piece.to_bytes(PCM16_24K))})
        for n, piece in enumerate(microphone.chunks(40))
    ]
    question, answer = {"item_id": "u1"}, {"item_id": "a1", "response_id": "r1"}
    sound = to_base64(tone(400).to_bytes(PCM16_24K))
    transcript = "conversation.item.input_audio_transcription.completed"
    said = "response.output_audio_transcript.done"
    finished = {"reason": "finished", "played_ms": 400}
    steps += [
        (560, "s2c", {"type": "input_audio_buffer.speech_started", "audio_start_ms": 200, **question}),
        (1500, "s2c", {"type": "input_audio_buffer.speech_stopped", "audio_end_ms": 1500, **question}),
        (1500, "s2c", {"type": "input_audio_buffer.committed", "previous_item_id": None, **question}),
        (1600, "s2c", {"type": transcript, "content_index": 0, "transcript": "Show me the tent.", **question}),
        (1610, "s2c", {"type": "response.created", "response": {"id": "r1", "conversation_id": "c"}}),
        (2000, "s2c", {"type": "response.output_audio.delta", "content_index": 0, "delta": sound, **answer}),
        (2001, "s2c", {"type": said, "content_index": 0, "transcript": "It costs $279.", **answer}),
        (2002, "s2c", {"type": "response.done", "response": {"id": "r1", "status": "completed"}}),
        (2010, "local", {"type": "playback.started", "client_ms": 2010, **answer}),
        (2010, "local", {"type": "playback.first_audible", "client_ms": 2010, **answer}),
        (2410, "local", {"type": "playback.stopped", "client_ms": 2410, **finished, **answer}),
        (2600, "local", {"type": "suggestion.shown", "suggestion_id": "s", "text": PAGE, "skus": ["TEN-02"]}),
    ]  # fmt: skip
    for at_ms, direction, event in sorted(steps, key=lambda step: step[0]):
        now_ms = at_ms
        recorder.write(direction, event)
    now_ms = 3000.0
    if closed:
        recorder.close("the caller hung up")
    if labels is not None:
        Recording.open(recorder.path).add_labels(labels)
    return recorder.path


@dataclass(frozen=True)
class Done:
    """What a person sees of a command."""

    code: int
    out: str
    err: str

    @property
    def sentence(self) -> str:
        """The one line on stderr of a command that failed as it should."""
        assert "Traceback" not in self.err
        [line] = self.err.splitlines()
        return line


@pytest.fixture
def contoso(capsys: pytest.CaptureFixture[str]) -> Callable[..., Done]:
    """Run `contoso-lab …` in this process, through the same door as the installed command."""

    def contoso(*arguments: object) -> Done:
        capsys.readouterr()
        try:
            code = cli.run(lambda: cli.app([str(argument) for argument in arguments], prog_name="contoso-lab"))
        except SystemExit as end:
            code = int(end.code or 0)
        told = capsys.readouterr()
        return Done(code, told.out, told.err)

    return contoso


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """A folder with two calls of one customer; the second repeats the first with another persona."""
    folder = tmp_path / "runs"
    record(folder, "20261122-153000-aaaa")
    record(
        folder, "20261122-154000-bbbb", persona="voice_brief", replay_of="20261122-153000-aaaa", mode="paced"
    )  # fmt: skip
    return folder


@pytest.fixture
def first(runs: Path) -> Path:
    return runs / "20261122-153000-aaaa"


@pytest.fixture
def second(runs: Path) -> Path:
    return runs / "20261122-154000-bbbb"


@pytest.fixture
def recorded() -> Callable[..., Path]:
    """Record another call."""
    return record
