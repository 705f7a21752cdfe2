"""A call written down by hand, at moments that the test chooses, through the real Recorder."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from contoso_lab.audio import PCM16_24K, Clip, encode, silence, to_base64, tone
from contoso_lab.recording import Labels, Recorder, Recording

RATE_HZ = 24_000
FRAME_MS = 100


class Call:
    """Gather what happened, in any order; `recording` writes it in order of time."""

    def __init__(self, root: Path, *, length_ms: int = 30_000) -> None:
        self.root = root
        self.length_ms = length_ms
        self.events: list[tuple[float, str, dict[str, Any]]] = []
        self.speech: list[tuple[int, int]] = []
        self.labelled: list[dict[str, Any]] = []
        self.add(100, "s2c", {"type": "session.created", "session": {"type": "realtime"}})

    def add(self, at_ms: float, direction: str, event: Mapping[str, Any]) -> None:
        self.events.append((at_ms, direction, dict(event)))

    def speaks(self, start_ms: int, end_ms: int, text: str, *, label: bool = True) -> None:
        """The caller really says something."""
        self.speech.append((start_ms, end_ms))
        if label:
            self.labelled.append({"text": text, "start_ms": start_ms, "end_ms": end_ms})

    def hears(
        self, item: str, start_ms: float, end_ms: float, text: str | None, *, after_ms: float = 500, late_ms: float = 0
    ) -> float:
        """The server notices a turn, `after_ms` of silence later, and writes it down; gives when it closed it."""
        common = {"item_id": item}
        noticed = end_ms + after_ms
        begun = {"type": "input_audio_buffer.speech_started", "audio_start_ms": max(0, start_ms - 300)}
        self.add(start_ms + 100, "s2c", begun | common)
        self.add(noticed, "s2c", {"type": "input_audio_buffer.speech_stopped", "audio_end_ms": noticed, **common})
        self.add(noticed + late_ms, "s2c", {"type": "input_audio_buffer.committed", "previous_item_id": None, **common})
        name = "conversation.item.input_audio_transcription."
        if text is None:
            self.add(noticed + 40, "s2c", {"type": f"{name}failed", "content_index": 0, **common})
        else:
            written = {"type": f"{name}completed", "content_index": 0, "transcript": text, **common}
            self.add(noticed + late_ms + 40, "s2c", written)
        return noticed + late_ms

    def answers(
        self,
        item: str,
        at_ms: float,
        text: str,
        *,
        model_ms: float = 300,
        buffer_ms: float = 60,
        quiet_ms: int = 100,
        sound_ms: int = 1000,
        tool: bool = False,
        report: bool = True,
        audible_off_ms: float = 0,
        stopped_after_ms: float | None = None,
    ) -> None:
        """The assistant answers: its response begins at `at_ms`, its first sound comes `model_ms` later."""
        response = f"resp_{item}"
        self.add(at_ms, "s2c", {"type": "response.created", "response": {"id": response, "conversation_id": "c"}})
        if tool:
            name = "response.function_call_arguments.done"
            call = {"call_id": "c1", "name": "look_up", "arguments": "{}"}
            self.add(at_ms + 1, "s2c", {"type": name, "response_id": response, "item_id": f"{item}_call", **call})
        first = at_ms + model_ms
        sound = silence(quiet_ms) + tone(sound_ms)
        common = {"response_id": response, "item_id": item, "content_index": 0, "output_index": 0}
        for place, piece in enumerate(sound.chunks(500)):
            delta = to_base64(encode(piece.samples, PCM16_24K))
            self.add(first + place, "s2c", {"type": "response.output_audio.delta", "delta": delta, **common})
        self.add(first + 50, "s2c", {"type": "response.output_audio_transcript.done", "transcript": text, **common})
        status = {"id": response, "status": "completed"}
        self.add(first + 60, "s2c", {"type": "response.done", "response": status})
        if report:
            begun = first + buffer_ms
            self.local(begun, "playback.started", item_id=item, response_id=response)
            self.local(begun + quiet_ms + audible_off_ms, "playback.first_audible", item_id=item)
            length = sound.duration_ms if stopped_after_ms is None else stopped_after_ms
            reason = "finished" if stopped_after_ms is None else "flushed"
            self.local(begun + length, "playback.stopped", item_id=item, reason=reason, played_ms=length)

    def shows(self, at_ms: float, text: str, name: str = "s1") -> None:
        """A page of suggestions stands on the screen."""
        self.local(at_ms, "suggestion.shown", suggestion_id=name, text=text, skus=[], duration_ms=100)

    def local(self, at_ms: float, type_: str, **fields: Any) -> None:
        self.add(at_ms, "local", {"type": type_, "client_ms": at_ms + 5_000, **fields})

    def recording(self, *, name: str = "call", labels: Mapping[str, Any] | None = None, **manifest: Any) -> Recording:
        """Write everything down. `labels` are put beside the labelled turns; None leaves the call unlabelled."""
        now_ms = 0.0
        sound = np.zeros(self.length_ms * RATE_HZ // 1000, np.float32)
        for start, end in self.speech:
            sound[start * RATE_HZ // 1000 : end * RATE_HZ // 1000] = tone(end - start).samples
        for place, piece in enumerate(Clip(sound, RATE_HZ).chunks(FRAME_MS)):
            audio = to_base64(encode(piece.samples, PCM16_24K))
            self.add((place + 1) * FRAME_MS, "c2s", {"type": "input_audio_buffer.append", "audio": audio})
        with Recorder.start(
            self.root, id=name, customer="maya", clock_ns=lambda: round(now_ms * 1e6), **manifest
        ) as recorder:
            for at_ms, direction, event in sorted(self.events, key=lambda e: e[0]):
                now_ms = at_ms
                recorder.write(direction, event)  # type: ignore[arg-type]
        recording = Recording.open(recorder.path)
        if labels is not None:
            recording.add_labels(Labels.model_validate({"turns": self.labelled, **labels}))
        return recording


@pytest.fixture
def call(tmp_path: Path) -> Callable[..., Call]:
    def make(**options: Any) -> Call:
        return Call(tmp_path / "runs", **options)

    return make


@pytest.fixture
def tent_call(call: Callable[..., Call]) -> Callable[..., Recording]:
    """A whole small call: greeting, two answered turns, a page; parts of each wait can be chosen."""

    def make(
        *,
        name: str = "call",
        model_ms: Sequence[float] = (300, 400),
        price: str = "$279",
        page: str = "",
        **manifest: Any,
    ) -> Recording:
        talk = call()
        talk.answers("hello", 200, "Hello Maya, what are you planning?")
        talk.speaks(4000, 6000, "I need a tent for four people")
        closed = talk.hears("u1", 4000, 6000, "I need a tent for for people")
        talk.answers("a1", closed, f"The Meadow Four costs {price}.", model_ms=model_ms[0])
        talk.speaks(12000, 13000, "Please show me the tent")
        closed = talk.hears("u2", 12000, 13000, "Please show me the tent")
        talk.answers("a2", closed, "Here it is.", model_ms=model_ms[1])
        talk.shows(16_000, page or "### Meadow Four (TEN-02)\n\nIt costs $279 and holds four.")
        labels = {"products": {"TEN-02": 3, "TEN-04": 1}, "cue_turn": 1}
        return talk.recording(name=name, labels=labels, **({"scenario": "tent"} | manifest))

    return make
