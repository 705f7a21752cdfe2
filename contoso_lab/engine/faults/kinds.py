"""What a fault is: a small frozen value, and its behaviour during one call.

```
protocol ─▶ message ─▶ Behaviour.sending ─▶ Delivery, Delivery … ─▶ socket
socket   ─▶ message ─▶ Behaviour.receiving ─▶ None (go on) | answers (the protocol never sees it)
```

Rules first, sockets last: time is an argument, and what is to happen later is a `Delivery` with a later time.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any, ClassVar, get_type_hints

from contoso_lab.errors import ConfigError, EventError
from contoso_lab.wire import ga_name, peek_type


@dataclass(frozen=True, slots=True)
class Ending:
    """The end of a connection."""

    code: int | None
    """The WebSocket close code; None: no goodbye, the TCP connection is cut."""
    reason: str = ""


@dataclass(frozen=True)
class Delivery:
    """Something that goes to the client at a time: a message, or the end.

    >>> Delivery(0, '{"type": "response.audio.delta"}').type
    'response.output_audio.delta'
    """

    at_ms: float
    """On the clock of the call, which starts with the handshake."""
    text: str = ""
    ending: Ending | None = None

    @cached_property
    def type(self) -> str:
        """The GA name of the event; empty when the text is no event."""
        try:
            return ga_name(peek_type(self.text))
        except EventError:
            return ""

    @cached_property
    def event(self) -> dict[str, Any]:
        """The event as it stands on the wire. Not to be changed: other faults see it, too."""
        value: dict[str, Any] = json.loads(self.text)
        return value

    def later(self, at_ms: float) -> Delivery:
        """The same at another time, never earlier."""
        return replace(self, at_ms=max(self.at_ms, at_ms))

    def changed(self, **members: Any) -> Delivery:
        """The same event with other members."""
        return replace(self, text=json.dumps({**self.event, **members}, separators=(",", ":")))


@dataclass(frozen=True, slots=True)
class Refusal:
    """A handshake that is answered with an HTTP error."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: dict[str, Any]


class Behaviour:
    """One fault during one call. This one does no harm; a fault overrides what it spoils."""

    fragment_bytes: int | None = None
    """When given, each message goes out as WebSocket fragments of that many bytes."""
    refusal: Refusal | None = None
    """When given, the call never begins."""

    def opening(self) -> list[Delivery]:
        """What is already certain when the call begins."""
        return []

    def sending(self, message: Delivery) -> list[Delivery]:
        """Take a message of the server; give what becomes of it."""
        return [message]

    def receiving(self, type: str, text: str, *, at_ms: float) -> list[dict[str, Any]] | None:
        """Take a message of the client; None lets it pass, events answer it in the server's place."""
        return None

    def reading_ms(self, size_bytes: int) -> float:
        """How long the server takes to read a message of the client."""
        return 0.0


@dataclass(frozen=True, slots=True)
class Fault:
    """A named way to go wrong, with at most one number or word to set.

    Subclasses say in the first line of their docstring what happens and in `pain` whom it hurt.
    """

    name: ClassVar[str]
    """As it is given on the command line."""
    pain: ClassVar[str]
    """What users complain of: its number and words in the list of pains, and issues that tell of it."""

    def begin(self) -> Behaviour:
        """The behaviour of a new call."""
        raise NotImplementedError

    @classmethod
    def read(cls, value: str | None) -> Fault:
        """Make it from the `VALUE` of a `NAME=VALUE`; None is the default.

        Raises:
            ConfigError: the value is of the wrong kind, or the fault takes none.
        """
        if value is None:
            return cls()
        setting = next(iter(fields(cls)), None)
        if setting is None:
            raise ConfigError(f"fault '{cls.name}' takes no value: write --fault {cls.name}")
        kind = get_type_hints(cls)[setting.name]
        if kind is str:
            return cls(**{setting.name: value})
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if not (math.isfinite(number) and number > 0) or (kind is int and number != int(number)):
            wanted = "a whole number" if kind is int else "a number"
            raise ConfigError(
                f"fault '{cls.name}' cannot be set to '{value}': {setting.name} is {wanted} above 0, such as "
                f"--fault {cls.name}={_plain(setting.default)}"
            )
        return cls(**{setting.name: kind(number)})

    @classmethod
    def usage(cls) -> str:
        """How it is written, with its default: `late-transcript=2000 (delay_ms)`."""
        setting = next(iter(fields(cls)), None)
        return cls.name if setting is None else f"{cls.name}={_plain(setting.default)} ({setting.name})"


def _plain(value: Any) -> str:
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def error_event(number: int, **error: Any) -> dict[str, Any]:
    """An `error` event in the service's shape, with an id that no real event has.

    >>> error_event(1, code="x", message="No.")["error"]
    {'type': 'invalid_request_error', 'code': 'x', 'message': 'No.', 'param': None, 'event_id': None}
    """
    body = {"type": "invalid_request_error", "code": None, "message": "", "param": None, "event_id": None}
    return {"type": "error", "event_id": f"event_fault_{number}", "error": body | error}
