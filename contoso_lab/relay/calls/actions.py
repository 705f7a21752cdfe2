"""What the rules of a call want done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from contoso_lab.relay.calls.closing import Close
from contoso_lab.relay.wires.legs import Message

Side = Literal["client", "target"]
Direction = Literal["c2s", "s2c", "local"]


@dataclass(frozen=True, slots=True)
class Forward:
    """Send this to that side, as one message."""

    to: Side
    data: Message


@dataclass(frozen=True, slots=True)
class Record:
    """Write this into the recording."""

    dir: Direction
    data: Message | Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Note:
    """What the client has said here is to be remembered, in case the target is lost."""

    event: Mapping[str, Any]
    data: Message = b""
    """The message, when it went on to the target."""


@dataclass(frozen=True, slots=True)
class Show:
    """The client has put a write-up on its screen: the agent is to hear of it, once."""

    suggestion_id: str
    skus: tuple[str, ...]
    text: str | None


@dataclass(frozen=True, slots=True)
class Agree:
    """The customer has pressed the button that buys for this total."""

    total: str
    """As the button said it, a decimal number."""


@dataclass(frozen=True, slots=True)
class Acknowledge:
    """The client has received so many messages. This alone of what a client says does not count as said."""

    received: int


@dataclass(frozen=True, slots=True)
class HangUp:
    """The call is over: how each side is told, and the reason that the recording keeps."""

    client: Close
    target: Close
    why: str


Action = Forward | Record | Note | Show | Agree | Acknowledge | HangUp
