"""Faults of the line itself: how messages are packed, how fast they are read, and how the line ends."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import ClassVar

from contoso_lab.engine.faults.kinds import Behaviour, Delivery, Ending, Fault, error_event
from contoso_lab.engine.faults.stream import DELTA

GOING_AWAY = 1001


@dataclass(frozen=True, slots=True)
class SplitFrames(Fault):
    """Every message is split into WebSocket fragments of this size; a client has to put them together."""

    name: ClassVar[str] = "split-frames"
    pain: ClassVar[str] = "also frequent: proxies that take a piece for a message (litellm#8828)"
    fragment_bytes: int = 1_000

    def begin(self) -> Behaviour:
        """The behaviour of a new call."""
        behaviour = Behaviour()
        behaviour.fragment_bytes = self.fragment_bytes
        return behaviour


@dataclass(frozen=True, slots=True)
class CoalescedFrames(Fault):
    """Messages are held back and go out together, many in one TCP segment, as often as this."""

    name: ClassVar[str] = "coalesced-frames"
    pain: ClassVar[str] = "15: bursts look like waits (livekit/agents#4795); also frequent: proxies that buffer"
    every_ms: float = 200.0

    def begin(self) -> Behaviour:
        """The behaviour of a new call."""
        return _Coalesced(self.every_ms)


class _Coalesced(Behaviour):
    def __init__(self, every_ms: float) -> None:
        self._every_ms = every_ms

    def sending(self, message: Delivery) -> list[Delivery]:
        return [message.later(self._every_ms * math.ceil(message.at_ms / self._every_ms))]


@dataclass(frozen=True, slots=True)
class SlowReader(Fault):
    """The server reads the client's messages no faster than this; a client that never waits fills its buffers."""

    name: ClassVar[str] = "slow-reader"
    pain: ClassVar[str] = "15: what is measured as the model's wait is a full buffer (livekit/agents#4795)"
    bytes_per_s: float = 100_000.0

    def begin(self) -> Behaviour:
        """The behaviour of a new call."""
        return _SlowReader(self.bytes_per_s)


class _SlowReader(Behaviour):
    def __init__(self, bytes_per_s: float) -> None:
        self._bytes_per_s = bytes_per_s

    def reading_ms(self, size_bytes: int) -> float:
        return 1000 * size_bytes / self._bytes_per_s


@dataclass(frozen=True, slots=True)
class DropMidTurn(Fault):
    """The TCP connection is cut without a goodbye in the middle of a spoken reply, counted from 1."""

    name: ClassVar[str] = "drop-mid-turn"
    pain: ClassVar[str] = "1: the call dies and nobody says why (livekit/agents#1252, #2358)"
    reply: int = 1

    def begin(self) -> Behaviour:
        """The behaviour of a new call."""
        return _Drop(self.reply)


class _Drop(Behaviour):
    def __init__(self, reply: int) -> None:
        self._reply = reply
        self._replies: list[str] = []
        self._pieces = 0

    def sending(self, message: Delivery) -> list[Delivery]:
        if message.type != DELTA:
            return [message]
        response_id = message.event["response_id"]
        if response_id not in self._replies:
            self._replies.append(response_id)
        self._pieces += len(self._replies) == self._reply
        # Two pieces: the listener has begun to hear it.
        return [message, Delivery(message.at_ms, ending=Ending(None))] if self._pieces == 2 else [message]


@dataclass(frozen=True, slots=True)
class SessionExpiry(Fault):
    """After this many seconds the session has reached its longest duration.

    As on the real service: an `error` of code `session_expired`, then a close with code 1001 and the same words.
    """

    name: ClassVar[str] = "session-expiry"
    pain: ClassVar[str] = "1: the session cap kills the call (pipecat#3170, reachy_mini_conversation_app#134)"
    after_s: float = 3_600.0

    def begin(self) -> Behaviour:
        """The behaviour of a new call."""
        return _Expiry(self.after_s)


class _Expiry(Behaviour):
    def __init__(self, after_s: float) -> None:
        self._after_s = after_s

    def opening(self) -> list[Delivery]:
        at_ms = 1000 * self._after_s
        # The service counts in minutes and says so, also when it means one.
        message = f"Your session hit the maximum duration of {self._after_s / 60:g} minutes."
        event = error_event(0, code="session_expired", message=message)
        end = Delivery(at_ms, ending=Ending(GOING_AWAY, message))
        return [Delivery(at_ms, json.dumps(event, separators=(",", ":"))), end]
