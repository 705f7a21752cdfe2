"""Small calls on disk, made by the recorder itself on a clock that the test holds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from contoso_lab.audio import PCM16_24K, Clip, silence, to_base64, tone
from contoso_lab.recording import Recorder, Recording

FRAME_MS = 40
SESSION = {
    "type": "realtime",
    "audio": {
        "input": {
            "format": {"type": "audio/pcm", "rate": 24000},
            "transcription": {"model": "whisper-1"},
            "turn_detection": {"type": "server_vad", "threshold": 0.5, "silence_duration_ms": 500},
        },
        "output": {"format": {"type": "audio/pcm", "rate": 24000}, "voice": "high"},
    },
}


@dataclass
class Script:
    """What happens in a call, in any order; `record` writes it down in the order of time."""

    length_ms: float = 8000
    steps: list[tuple[float, str, dict[str, Any]]] = field(default_factory=list)
    spoken: list[tuple[float, Clip]] = field(default_factory=list)
    count: int = 0

    def add(self, at_ms: float, dir: str, type: str, **fields: Any) -> None:
        self.steps.append((at_ms, dir, {"type": type, **fields}))

    def asks(
        self,
        start_ms: float,
        end_ms: float,
        text: str,
        *,
        noticed_ms: float = 500,
        closed_ms: float = 500,
        sound: Clip | None = None,
    ) -> str:
        """The customer speaks; the server notices the end `noticed_ms` later and closes the turn at `closed_ms`."""
        self.count += 1
        item_id = f"user_{self.count}"
        self.spoken.append((start_ms, sound or tone(end_ms - start_ms, hz=300)))
        off_ms = end_ms + noticed_ms
        closed_at_ms = end_ms + max(noticed_ms, closed_ms)
        buffer = "input_audio_buffer"
        started = max(0, start_ms - 300)
        self.add(start_ms + 60, "s2c", f"{buffer}.speech_started", item_id=item_id, audio_start_ms=started)
        self.add(off_ms, "s2c", f"{buffer}.speech_stopped", item_id=item_id, audio_end_ms=end_ms + 500)
        self.add(closed_at_ms, "s2c", f"{buffer}.committed", item_id=item_id, previous_item_id=None)
        item = {"id": item_id, "type": "message", "role": "user", "content": [{"type": "input_audio"}]}
        self.add(closed_at_ms, "s2c", "conversation.item.added", item=item, previous_item_id=None)
        done = "conversation.item.input_audio_transcription.completed"
        self.add(closed_at_ms + 200, "s2c", done, item_id=item_id, content_index=0, transcript=text)
        return item_id

    def answers(
        self,
        first_ms: float,
        text: str,
        *,
        sound: Clip | None = None,
        buffer_ms: float = 60,
        cut_ms: float | None = None,
        told: bool = True,
        audible_ms: float | None = None,
    ) -> str:
        """The assistant's sound begins to arrive at `first_ms` and plays from `buffer_ms` later on."""
        self.count += 1
        item_id, response_id = f"answer_{self.count}", f"response_{self.count}"
        sound = sound or silence(80) + tone(1200, hz=180)
        ids = {"response_id": response_id, "item_id": item_id}
        inner = {"id": response_id, "conversation_id": "c"}
        self.add(first_ms - 30, "s2c", "response.created", response=inner)
        item = {"id": item_id, "type": "message", "role": "assistant", "content": []}
        self.add(first_ms - 20, "s2c", "conversation.item.added", item=item)
        for number, piece in enumerate(sound.chunks(200)):
            delta = to_base64(piece.to_bytes(PCM16_24K))
            self.add(first_ms + number, "s2c", "response.output_audio.delta", **ids, content_index=0, delta=delta)
        last_ms = first_ms + 30
        self.add(last_ms, "s2c", "response.output_audio_transcript.done", **ids, content_index=0, transcript=text)
        done = {**inner, "status": "completed", "output": [{**item, "status": "completed"}]}
        self.add(last_ms + 1, "s2c", "response.done", response=done)
        if told:
            start_ms = first_ms + buffer_ms
            stop_ms = cut_ms if cut_ms is not None else start_ms + sound.duration_ms
            self.add(start_ms, "local", "playback.started", **ids, client_ms=start_ms)
            if audible_ms is not None:
                self.add(audible_ms, "local", "playback.first_audible", **ids, client_ms=audible_ms)
            reason = "finished" if cut_ms is None else "flushed"
            played = {"reason": reason, "played_ms": stop_ms - start_ms, "client_ms": stop_ms}
            self.add(stop_ms, "local", "playback.stopped", **ids, **played)
        return item_id

    def shows(self, at_ms: float, text: str, *, after: str = "", reason: str = "asked to see the tent") -> None:
        """Suggestions appear."""
        gate = {"after_item_id": after, "requested": True, "reason": reason, "duration_ms": 90.0}
        self.add(at_ms - 900, "local", "gate.decided", **gate)
        self.add(at_ms - 800, "local", "suggestion.started", suggestion_id="s", after_item_id=after)
        shown = {"after_item_id": after, "text": text, "skus": [], "duration_ms": 800.0}
        self.add(at_ms, "local", "suggestion.shown", suggestion_id="s", **shown)

    def record(self, root: Path, *, id: str = "call", persona: str = "voice", close: bool = True, **more: Any) -> Path:
        """Write the bundle; with `close=False` as if its writer had been killed."""
        now = [0.0]
        recorder = Recorder.start(
            root,
            id=id,
            persona=persona,
            customer=more.pop("customer", "maya"),
            target={"kind": "local", "model": "local"},
            session=SESSION,
            prompts={persona: "ab" * 32},
            clock_ns=lambda: round(now[0] * 1e6),
            now=lambda: datetime(2026, 11, 22, 15, 30, tzinfo=UTC),
            **more,
        )
        for at_ms, dir, event in sorted([*self._microphone(), *self.steps], key=lambda step: step[0]):
            now[0] = at_ms
            recorder.write(dir, event)  # type: ignore[arg-type]
        now[0] = self.length_ms
        if close:
            recorder.close("the customer hung up")
        return recorder.path

    def _microphone(self) -> list[tuple[float, str, dict[str, Any]]]:
        if not self.spoken:
            return []
        track = silence(self.length_ms)
        for start_ms, sound in self.spoken:
            track = track[:start_ms] + sound.resampled(24_000) + track[start_ms + sound.duration_ms :]
        return [
            (
                (number + 1) * FRAME_MS,
                "c2s",
                {"type": "input_audio_buffer.append", "audio": to_base64(piece.to_bytes(PCM16_24K))},
            )
            for number, piece in enumerate(track.chunks(FRAME_MS))
        ]


PAGE = (
    "## A tent for four\n\n### Meadow Four (TEN-02)\n\n![Meadow Four](/images/TEN-02.svg)\n\n**$279.00**\n\n- 6.1 kg\n"
)


def whole_call() -> Script:
    """A greeting, an answer that is heard, one that the customer cuts off, and a question that nobody answers."""
    script = Script()
    script.answers(200, "Hello Maya.", sound=silence(60) + tone(700, hz=180), buffer_ms=40)
    script.asks(1400, 2000, "I need a tent for four.")
    answer = script.answers(2700, "The Meadow Four sleeps four people.", buffer_ms=60)
    script.shows(3900, PAGE, after=answer)
    script.asks(4500, 5000, "Does it cost $279 or $189?")
    script.answers(5650, "It costs $279, and it is waterproof as well.", sound=tone(2000, hz=180), cut_ms=6700)
    script.asks(6500, 7000, "Thank you, bye.")
    return script


@pytest.fixture
def script() -> Callable[..., Script]:
    """An empty call to write into."""
    return Script


@pytest.fixture
def call(tmp_path: Path) -> Recording:
    """The whole call, recorded."""
    return Recording.open(whole_call().record(tmp_path))


@pytest.fixture
def two_calls(tmp_path: Path) -> list[Recording]:
    """The same call with two personas."""
    return [
        Recording.open(whole_call().record(tmp_path, id=f"call-{persona}", persona=persona))
        for persona in ("voice", "voice_brief")
    ]
