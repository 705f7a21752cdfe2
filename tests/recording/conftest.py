from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from contoso_lab.audio import PCM16_24K, Clip
from contoso_lab.recording import Recorder, Recording


class Clock:
    """A clock that stands still until told; in ns, starting anywhere."""

    def __init__(self) -> None:
        self.ns = 5_000_000_000

    def __call__(self) -> int:
        return self.ns

    def to(self, ms: float) -> None:
        self.ns = 5_000_000_000 + round(ms * 1e6)


@dataclass
class Desk:
    """A recorder with its clock in hand."""

    recorder: Recorder
    clock: Clock

    def at(self, ms: float, dir: Any, event: Any) -> None:
        self.clock.to(ms)
        self.recorder.write(dir, event if isinstance(event, str | bytes) else json.dumps(event))

    def append(self, ms: float, clip: Clip) -> None:
        """The caller's sound, passing at this moment."""
        self.at(ms, "c2s", {"type": "input_audio_buffer.append", "audio": base64_of(clip)})

    def delta(self, ms: float, item_id: str, clip: Clip) -> None:
        """The assistant's sound, passing at this moment."""
        self.at(
            ms,
            "s2c",
            {"type": "response.output_audio.delta", "response_id": "r", "item_id": item_id, "delta": base64_of(clip)},
        )

    def opened(self) -> Recording:
        self.recorder.close()
        return Recording.open(self.recorder.path)


def base64_of(clip: Clip) -> str:
    return base64.b64encode(clip.to_bytes(PCM16_24K)).decode()


@pytest.fixture
def make_desk(tmp_path: Path) -> Callable[..., Desk]:
    def make(**fields: Any) -> Desk:
        clock = Clock()
        now = lambda: datetime(2026, 11, 22, 15, 30, 12, tzinfo=UTC)  # noqa: E731 - a clock of one line
        return Desk(Recorder.start(tmp_path / "runs", clock_ns=clock, now=now, **fields), clock)

    return make


@pytest.fixture
def desk(make_desk: Callable[..., Desk]) -> Desk:
    return make_desk()
