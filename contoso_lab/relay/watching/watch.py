"""What a call shows of itself while it runs: numbers and names for whoever watches, never a word of it.

The pump holds one `Watch` per call. Per message it only adds to the plain integers of `watch.counts`; what
happens seldom (an event that was parsed anyway, a reconnection, a tool) is a method. `call_watch` turns both into
log lines, metrics and spans; `Unwatched` is for a pump that nobody watches.

```
self.watch.counts.target_messages += 1               # every message
self.watch.counts.target_bytes += len(message)
self.watch.counts.target_audio += frame.stop - frame.start
if self.watch.awaits_audio:                          # audio of the target: one attribute, nearly always false
    self.watch.first_audio()
self.watch.event("target", event)                    # everything that was parsed
```
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, Protocol

Side = Literal["client", "target"]
Direction = Literal["from_client", "from_target"]

ENDS = ("client", "client_lost", "target", "target_lost", "ceiling", "shutdown", "failed")
"""How a call can end, as the metrics name it."""

ERRORS = (
    "dial", "target_event", "target_lost", "recording", "setup", "tool", "store", "issuer", "credential", "memory",
    "internal",
)  # fmt: skip
"""The kinds of errors that are counted."""

LIMITS = ("tokens", "calls", "calls_global", "time", "spend", "idle", "message", "bad_tokens")
"""The limits that are counted when somebody runs into them."""

LOSSES = ("connection_lost", "session_expired")
"""Why a target is dialled again."""

PCM16_BYTES_S = 48_000
"""A second of the Realtime API's usual sound: 24 kHz, 16 bits, one channel."""


class Counts:
    """What a pump counts of its call, each a plain integer that only grows."""

    __slots__ = (
        "_before", "_rate", "client_audio", "client_bytes", "client_messages",
        "target_audio", "target_bytes", "target_messages", "waiting",
    )  # fmt: skip

    def __init__(self) -> None:
        self.client_messages = 0
        """Messages that came from the client."""
        self.client_bytes = 0
        self.client_audio = 0
        """Characters of base64 sound that came from the client."""
        self.target_messages = 0
        self.target_bytes = 0
        self.target_audio = 0
        self._rate: dict[Side, int] = {"client": PCM16_BYTES_S, "target": PCM16_BYTES_S}
        self._before: dict[Side, tuple[int, float]] = {"client": (0, 0.0), "target": (0, 0.0)}
        self.waiting: Callable[[], tuple[int, int]] = _nothing_waits
        """Bytes that wait to be taken by the client and by the target; the pump may put its own here."""

    def seconds(self, side: Side) -> float:
        """Seconds of sound that came from that side.

        >>> counts = Counts()
        >>> counts.client_audio += 64_000
        >>> counts.format("client", bytes_s=8_000)  # G.711 from now on
        >>> counts.client_audio += 64_000
        >>> counts.seconds("client")
        7.0
        """
        audio, seconds = self._before[side]
        return seconds + (self._audio(side) - audio) * 3 / 4 / self._rate[side]

    def format(self, side: Side, *, bytes_s: int) -> None:
        """That side's sound has so many bytes a second from here on; what came before keeps its length."""
        self._before[side] = self._audio(side), self.seconds(side)
        self._rate[side] = bytes_s

    def _audio(self, side: Side) -> int:
        return self.client_audio if side == "client" else self.target_audio


class Watch(Protocol):
    """Who watches one call. Nothing here waits, and nothing here fails."""

    @property
    def counts(self) -> Counts:
        """What the pump adds to."""

    @property
    def awaits_audio(self) -> bool:
        """Somebody waits for the first sound of an answer: call `first_audio` when it comes."""

    def event(self, side: Side, event: Mapping[str, Any]) -> None:
        """A message of that side that was parsed; only its type, status, formats and codes are looked at."""

    def first_audio(self) -> None:
        """The first sound of an answer has come."""

    def reconnecting(self, reason: str) -> None:
        """The target is lost, or its session's time is up; it is dialled again; `reason` is one of `LOSSES`."""

    def reconnected(self, items: int) -> None:
        """The target is back, with that many items replayed."""

    def detached(self) -> None:
        """The client is lost and may come back."""

    def resumed(self, replayed: int) -> None:
        """The client came back, and that many messages were sent again."""

    def error(self, kind: str) -> None:
        """Something went wrong; `kind` is one of `ERRORS`."""

    def tool(self, name: str, ms: float, *, error: str | None = None) -> None:
        """A tool ran on the server's side; `error` is the kind of failure, and never its words."""

    def limit(self, kind: str) -> None:
        """A limit was hit; `kind` is one of `LIMITS`."""


class Unwatched:
    """A `Watch` that only counts."""

    awaits_audio = False

    def __init__(self) -> None:
        self.counts = Counts()

    def event(self, side: Side, event: Mapping[str, Any]) -> None:
        """Nobody looks."""

    def first_audio(self) -> None:
        """Nobody looks."""

    def reconnecting(self, reason: str) -> None:
        """Nobody looks."""

    def reconnected(self, items: int) -> None:
        """Nobody looks."""

    def detached(self) -> None:
        """Nobody looks."""

    def resumed(self, replayed: int) -> None:
        """Nobody looks."""

    def error(self, kind: str) -> None:
        """Nobody looks."""

    def tool(self, name: str, ms: float, *, error: str | None = None) -> None:
        """Nobody looks."""

    def limit(self, kind: str) -> None:
        """Nobody looks."""


class FirstAudio:
    """How long a caller waited for the first sound of each answer. Time is an argument, in seconds.

    The waiting starts when the caller's turn ends (`speech_stopped`, or `committed` where nobody listened for
    speech) or when an answer is asked for, and an answer that is asked for by both counts once, from the first.

    >>> waiting = FirstAudio()
    >>> waiting.note("input_audio_buffer.speech_stopped", at_s=10.0)
    >>> waiting.note("input_audio_buffer.committed", at_s=10.2)
    >>> waiting.awaited, waiting.heard(at_s=10.7)
    (True, 0.7)
    """

    def __init__(self) -> None:
        self._since_s: float | None = None
        self._answer: object = None  # the id of the response that is waited for, once there is one

    @property
    def awaited(self) -> bool:
        """The first sound has not come yet."""
        return self._since_s is not None

    def note(self, type: str, *, at_s: float, response: object = None) -> None:
        """An event of either side passed; `response` is the id of the response that it tells of."""
        match type:
            case "input_audio_buffer.speech_stopped" | "input_audio_buffer.committed" | "response.create":
                if self._since_s is None:
                    self._since_s, self._answer = at_s, None
            case "response.created" if self._answer is None:
                self._answer = response
            case "response.done" if response == self._answer:
                self._since_s = None  # this answer had no sound; the end of an older one says nothing
            case "input_audio_buffer.speech_started":
                self._since_s = None  # the caller talks on

    def heard(self, *, at_s: float) -> float | None:
        """The first sound came; how long it was waited for, or `None` when nobody waited."""
        since_s, self._since_s = self._since_s, None
        return None if since_s is None else round(at_s - since_s, 6)


def how_it_ended(why: str, client_code: int) -> str:
    """The word for the end of a call (one of `ENDS`), from the reason that its recording keeps.

    >>> how_it_ended("target lost (1006): the connection broke", 1011)
    'target_lost'
    """
    if client_code == 4408:
        return "ceiling"
    for start, word in _ENDINGS:
        if why.startswith(start):
            return word
    return "failed"


_ENDINGS = (
    ("the client ended the call", "client"),
    ("the customer asked to be forgotten", "client"),
    ("client lost", "client_lost"),
    ("the target ended the call", "target"),
    ("target lost", "target_lost"),
    ("the relay was shut down", "shutdown"),
)


def _nothing_waits() -> tuple[int, int]:
    return 0, 0
