"""Faults of the stream of events: cut tails, stalls, doubles, giants and garbage."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from contoso_lab.audio import PCM16_24K, AudioFormat, from_base64, to_base64
from contoso_lab.engine.faults.kinds import Behaviour, Delivery, Fault

DELTA = "response.output_audio.delta"
_REPLY_GOES_ON = 3
"""A reply is in its middle after this many pieces of sound."""


@dataclass(frozen=True, slots=True)
class CutAudioTail(Fault):
    """The last part of each reply's sound is never sent; its transcript is whole."""

    name: ClassVar[str] = "cut-audio-tail"
    pain: ClassVar[str] = "also frequent: audio cut off at the end (aoai-realtime-audio-sdk#54, livekit/agents#1988)"
    cut_ms: float = 300.0

    def begin(self) -> Behaviour:
        """The behaviour of a new call."""
        return _CutTail(self.cut_ms)


class _CutTail(Behaviour):
    def __init__(self, cut_ms: float) -> None:
        self._cut_ms = cut_ms
        self._format = PCM16_24K
        self._held: dict[str, list[tuple[Delivery, bytes]]] = {}

    def sending(self, message: Delivery) -> list[Delivery]:
        match message.type:
            case "session.created" | "session.updated":
                self._format = _output_format(message.event["session"])
                return [message]
            case "response.output_audio.delta":
                held = self._held.setdefault(message.event["item_id"], [])
                held.append((message, from_base64(message.event["delta"])))
                return self._release(held, at_ms=message.at_ms)
            case "response.output_audio.done":
                held = self._held.pop(message.event["item_id"], [])
                return [*self._rest(held, at_ms=message.at_ms), message]
            case _:
                return [message]

    def _release(self, held: list[tuple[Delivery, bytes]], *, at_ms: float) -> list[Delivery]:
        """Let go of what is surely not the tail."""
        out = []
        while sum(self._format.duration_ms(data) for _, data in held[1:]) >= self._cut_ms:
            out.append(held.pop(0)[0].later(at_ms))
        return out

    def _rest(self, held: list[tuple[Delivery, bytes]], *, at_ms: float) -> list[Delivery]:
        """What is left of the held pieces without the tail."""
        left = sum(len(data) for _, data in held) - self._format.byte_count(self._cut_ms)
        out = []
        for delivery, data in held:
            if left > 0:
                out.append(delivery.changed(delta=to_base64(data[:left])).later(at_ms))
            left -= len(data)
        return out


def _output_format(session: dict[str, object]) -> AudioFormat:
    audio = session.get("audio")
    output = audio.get("output") if isinstance(audio, dict) else None
    shape = output.get("format") if isinstance(output, dict) else session.get("output_audio_format")
    return AudioFormat.from_wire(shape) if isinstance(shape, dict | str) else PCM16_24K


@dataclass(frozen=True, slots=True)
class StalledStream(Fault):
    """In the middle of the first spoken reply nothing comes for this long; then all that waited comes at once."""

    name: ClassVar[str] = "stalled-stream"
    pain: ClassVar[str] = "also frequent: dead air in the middle of a call (aisearch-openai-rag-audio#51); 15: waits"
    stall_ms: float = 3_000.0

    def begin(self) -> Behaviour:
        """The behaviour of a new call."""
        return _Stalled(self.stall_ms)


class _Stalled(Behaviour):
    def __init__(self, stall_ms: float) -> None:
        self._stall_ms = stall_ms
        self._pieces = 0
        self._until_ms = 0.0

    def sending(self, message: Delivery) -> list[Delivery]:
        self._pieces += message.type == DELTA
        if message.type == DELTA and self._pieces == _REPLY_GOES_ON:
            self._until_ms = message.at_ms + self._stall_ms
        return [message.later(self._until_ms)]


@dataclass(frozen=True, slots=True)
class DuplicatedEvent(Fault):
    """Every event of one type is sent twice, with the same `event_id`."""

    name: ClassVar[str] = "duplicated-event"
    pain: ClassVar[str] = "13: usage is counted twice (livekit/agents#2621, openai-dotnet#1045), sound plays twice"
    event: str = "response.done"

    def begin(self) -> Behaviour:
        """The behaviour of a new call."""
        return _Duplicated(self.event)


class _Duplicated(Behaviour):
    def __init__(self, event: str) -> None:
        self._event = event

    def sending(self, message: Delivery) -> list[Delivery]:
        return [message, message] if message.type == self._event else [message]


@dataclass(frozen=True, slots=True)
class HugeEvent(Fault):
    """The first event of a response carries this many bytes more, in a member that nobody knows.

    Proxies and clients with a limit of 1 MiB a message, the default of several WebSocket libraries, break above it.
    """

    name: ClassVar[str] = "huge-event"
    pain: ClassVar[str] = "also frequent: proxies and client libraries that do not fit (openai-agents-python#2240)"
    size_bytes: int = 1_000_000

    def begin(self) -> Behaviour:
        """The behaviour of a new call."""
        return _Huge(self.size_bytes)


class _Huge(Behaviour):
    def __init__(self, size_bytes: int) -> None:
        self._size_bytes = size_bytes
        self._done = False

    def sending(self, message: Delivery) -> list[Delivery]:
        if self._done or message.type != "response.created":
            return [message]
        self._done = True
        return [message.changed(fault_padding="x" * self._size_bytes)]


@dataclass(frozen=True, slots=True)
class MalformedJson(Fault):
    """Before the first spoken words of a reply comes the front half of that event, which is no JSON; then the whole.

    A relay that sends each buffer it has read as a message of its own makes such halves.
    """

    name: ClassVar[str] = "malformed-json"
    pain: ClassVar[str] = "also frequent: proxies that cut events in pieces (litellm#8828, openai-agents-python#2240)"

    def begin(self) -> Behaviour:
        """The behaviour of a new call."""
        return _Malformed()


class _Malformed(Behaviour):
    def __init__(self) -> None:
        self._done = False

    def sending(self, message: Delivery) -> list[Delivery]:
        if self._done or message.type != DELTA:
            return [message]
        self._done = True
        return [Delivery(message.at_ms, message.text[: len(message.text) // 2]), message]
