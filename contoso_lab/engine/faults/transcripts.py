"""Faults of the caller's transcripts: late, missing, out of order.

Pain 3: the user's transcript arrives after the reply and is saved in the wrong order (pipecat#1788,
livekit/agents#6579, #6616, openclaw#133493).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from contoso_lab.engine.faults.kinds import Behaviour, Delivery, Fault

TRANSCRIPT = "conversation.item.input_audio_transcription."
FINAL = ("completed", "failed")


def _is_final(message: Delivery) -> bool:
    return message.type.startswith(TRANSCRIPT) and message.type.removeprefix(TRANSCRIPT) in FINAL


@dataclass(frozen=True, slots=True)
class LateTranscript(Fault):
    """Each transcript of the caller comes this much later, often after the reply to it."""

    name: ClassVar[str] = "late-transcript"
    pain: ClassVar[str] = "3: the caller's transcript arrives after the reply (pipecat#1788, livekit/agents#6579)"
    delay_ms: float = 2_000.0

    def begin(self) -> Behaviour:
        """The behaviour of a new call."""
        return _Late(self.delay_ms)


class _Late(Behaviour):
    def __init__(self, delay_ms: float) -> None:
        self._delay_ms = delay_ms

    def sending(self, message: Delivery) -> list[Delivery]:
        late = message.type.startswith(TRANSCRIPT)
        return [message.later(message.at_ms + self._delay_ms) if late else message]


@dataclass(frozen=True, slots=True)
class MissingTranscript(Fault):
    """The transcript of one turn, counted from 1, never comes, nor does word that it failed."""

    name: ClassVar[str] = "missing-transcript"
    pain: ClassVar[str] = "3: a turn of the caller never gets its words (livekit/agents#6616, agents-js#2165)"
    turn: int = 1

    def begin(self) -> Behaviour:
        """The behaviour of a new call."""
        return _Missing(self.turn)


class _Missing(Behaviour):
    def __init__(self, turn: int) -> None:
        self._turn = turn
        self._seen: list[str] = []

    def sending(self, message: Delivery) -> list[Delivery]:
        if not message.type.startswith(TRANSCRIPT):
            return [message]
        item_id = message.event["item_id"]
        if item_id not in self._seen:
            self._seen.append(item_id)
        return [] if self._seen.index(item_id) == self._turn - 1 else [message]


@dataclass(frozen=True, slots=True)
class UnorderedTranscripts(Fault):
    """Transcripts come in pairs and swapped: the first waits for the second and goes out after it."""

    name: ClassVar[str] = "unordered-transcripts"
    pain: ClassVar[str] = "3: turns are saved in the order of their transcripts (openclaw#133493, packages#775)"

    def begin(self) -> Behaviour:
        """The behaviour of a new call."""
        return _Unordered()


class _Unordered(Behaviour):
    def __init__(self) -> None:
        self._held: list[Delivery] = []
        self._item_id: str | None = None

    def sending(self, message: Delivery) -> list[Delivery]:
        if not message.type.startswith(TRANSCRIPT):
            return [message]
        item_id = message.event["item_id"]
        if self._item_id is None or item_id == self._item_id:
            self._item_id = item_id
            self._held.append(message)
            return []
        if not _is_final(message):
            return [message]
        swapped = [message, *(held.later(message.at_ms) for held in self._held)]
        self._held, self._item_id = [], None
        return swapped
