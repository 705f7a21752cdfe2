"""Read and write Realtime events, with the `openai` package's own types as the judge.

An event is kept as the JSON object that came, under its GA names; what nobody knows is kept word for word. The
typed model is made when somebody asks for it.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from contoso_lab.errors import EventError
from contoso_lab.wire.beta import from_beta, to_beta
from contoso_lab.wire.frames import load_object

if TYPE_CHECKING:
    from pydantic import BaseModel

    from contoso_lab.wire.vocabulary import CLIENT_EVENTS, SERVER_EVENTS

    _ModelClass = type[BaseModel]  # an event has a member named `type`

Dialect = Literal["ga", "beta"]
"""Which names and shapes stand on the wire."""

Side = Literal["client", "server"]
"""Who sends an event."""

__all__ = [
    "CLIENT_EVENTS",
    "SERVER_EVENTS",
    "Dialect",
    "Event",
    "Side",
    "dump",
    "parse_client",
    "parse_server",
    "server_event",
]


def __getattr__(name: str) -> frozenset[str]:
    if name in {"CLIENT_EVENTS", "SERVER_EVENTS"}:
        from contoso_lab.wire import vocabulary  # slow to load, and few need it

        names: frozenset[str] = getattr(vocabulary, name)
        return names
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


@dataclass(frozen=True, slots=True)
class Event:
    """One message of the Realtime protocol.

    >>> event = parse_server('{"type": "response.output_text.delta", "delta": "Hi"}')
    >>> event.type, event["delta"], event.known
    ('response.output_text.delta', 'Hi', True)
    >>> parse_server('{"type": "brand.new.event", "x": 1}').known
    False
    """

    type: str
    """The GA name."""
    data: dict[str, Any]
    """The JSON object with GA names, otherwise as it came."""
    side: Side = "server"
    """Who sent it; the same name may mean two shapes."""

    @property
    def known(self) -> bool:
        """Whether the `openai` package has a type for this name."""
        return self._class() is not None

    @property
    def model(self) -> BaseModel | None:
        """The `openai` package's model of this event, or None when it knows no such name.

        Raises EventError when the event does not fit the type of its name.
        """
        kind = self._class()
        if kind is None:
            return None
        from pydantic import ValidationError

        try:
            return kind.model_validate(self.data)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            place = ".".join(str(step) for step in first["loc"])
            raise EventError(f"{self.type}: {place}: {first['msg']}") from error

    def __getitem__(self, key: str) -> Any:
        """Give a member of the JSON object."""
        return self.data[key]

    def get(self, key: str, default: Any = None) -> Any:
        """Give a member of the JSON object, or `default`."""
        return self.data.get(key, default)

    def _class(self) -> _ModelClass | None:
        from contoso_lab.wire import vocabulary

        classes = vocabulary.CLIENT_CLASSES if self.side == "client" else vocabulary.SERVER_CLASSES
        return classes.get(self.type)


def parse_server(raw: str | bytes, *, dialect: Dialect = "ga", check: bool = False) -> Event:
    """Read what a server sent.

    Raises EventError when it is no JSON object with a `type`. Only with `check` is the shape held against the
    `openai` types at once: a server one version ahead of the types must not end a conversation.
    """
    return _parse(raw, "server", dialect, check)


def parse_client(raw: str | bytes, *, dialect: Dialect = "ga", check: bool = True) -> Event:
    """Read what a client sent.

    Raises EventError when it is no JSON object with a `type`, and (with `check`) when an event of a known name
    does not fit the `openai` type of that name. An unknown name passes: what to say to it is the server's affair.
    """
    return _parse(raw, "client", dialect, check)


def dump(event: Event | Mapping[str, Any], *, dialect: Dialect = "ga") -> str:
    """Write an event as compact JSON in the dialect of the other side.

    >>> dump({"type": "response.output_text.done", "text": "Hi"}, dialect="beta")
    '{"type":"response.text.done","text":"Hi"}'
    """
    data = event.data if isinstance(event, Event) else event
    if dialect == "beta":
        data = to_beta(data)
    try:
        return json.dumps(data, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise EventError(f"{data.get('type', 'an event')} cannot be written as JSON: {error}") from error


def server_event(type: str, /, **fields: Any) -> dict[str, Any]:
    """Make a server event with an identifier of its own.

    >>> sorted(server_event("input_audio_buffer.cleared"))
    ['event_id', 'type']
    """
    return {"type": type, "event_id": f"event_{uuid.uuid4().hex[:20]}", **fields}


def _parse(raw: str | bytes, side: Side, dialect: Dialect, check: bool) -> Event:
    data = load_object(raw)
    if dialect == "beta":
        data = from_beta(data)
    event = Event(data["type"], data, side)
    if check:
        _ = event.model  # raises when the shape is wrong
    return event
