"""How the engine says no: `error` events with the types, codes and words of the real service.

Clients match on codes (and, alas, on messages), so both are kept as they were seen on the real wire. A refusal
never ends the call. `Refused` travels inside the engine only; the protocol turns it into an `error` event.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Literal

from contoso_lab.errors import EngineError, EventError
from contoso_lab.wire.events import CLIENT_EVENTS, Event, parse_client

LARGEST_MESSAGE_BYTES = 15 * 1024 * 1024
"""The documented limit of one `input_audio_buffer.append`; the transport itself gives up at 16 MiB."""


class Refused(EngineError):
    """A client asked for something that it cannot have; says what, in the service's own words."""

    def __init__(
        self,
        message: str,
        *,
        code: str | None = "invalid_value",
        param: str | None = None,
        kind: str = "invalid_request_error",
    ) -> None:
        self.message = message
        self.code = code
        self.param = param
        self.kind = kind
        super().__init__(message)

    def to_wire(self, event_id: str | None) -> dict[str, Any]:
        """The body of the `error` event; `event_id` is that of the client's event, if it had one."""
        return {
            "type": self.kind,
            "code": self.code,
            "message": self.message,
            "param": self.param,
            "event_id": event_id,
        }


def read_event(raw: str | bytes, *, dialect: Literal["ga", "beta"] = "ga") -> Event:
    """Read a client's message.

    Raises:
        Refused: too large, no JSON object, no type, an unknown type, or a field of the wrong kind.
    """
    if len(raw) > LARGEST_MESSAGE_BYTES:
        raise Refused(
            f"Message of {len(raw)} bytes is too large: send at most {LARGEST_MESSAGE_BYTES} bytes at a time.",
            code="message_too_large",
        )
    try:
        event = parse_client(raw, dialect=dialect, check=False)
        _ = _checkable(event).model
    except EventError as error:
        raise _explain(raw, error) from error
    if event.type not in CLIENT_EVENTS:
        raise unknown_type(event.type)
    return event


def unknown_type(name: str) -> Refused:
    """The refusal of an event whose type no client may send."""
    supported = ", ".join(f"'{known}'" for known in sorted(CLIENT_EVENTS))
    return Refused(f"Invalid value: '{name}'. Supported values are: {supported}.", param="type")


def missing(param: str) -> Refused:
    """The refusal of an event that lacks a field.

    >>> missing("session.type").message
    "Missing required parameter: 'session.type'."
    """
    return Refused(f"Missing required parameter: '{param}'.", code="missing_required_parameter", param=param)


def event_id_of(raw: str | bytes) -> str | None:
    """The `event_id` of a message that may not even be JSON.

    >>> event_id_of('{"event_id": "mine", "type": 7}')
    'mine'
    >>> event_id_of("{")
    """
    try:
        value = json.loads(raw)
    except ValueError:
        return None
    found = value.get("event_id") if isinstance(value, Mapping) else None
    return found if isinstance(found, str) else None


def _checkable(event: Event) -> Event:
    """The event as the package's types know it: they leave out that the input of a response may refer to items."""
    wanted = event.get("response")
    items = wanted.get("input") if isinstance(wanted, Mapping) else None
    if event.type != "response.create" or not isinstance(items, list):
        return event
    for index, item in enumerate(items):
        if _is_reference(item) and not isinstance(item.get("id"), str):
            raise missing(f"response.input[{index}].id")
    kept = [item for item in items if not _is_reference(item)]
    return Event(event.type, {**event.data, "response": {**wanted, "input": kept}}, event.side)


def _is_reference(item: object) -> bool:
    return isinstance(item, Mapping) and item.get("type") == "item_reference"


def _explain(raw: str | bytes, error: EventError) -> Refused:
    """Find out why a message could not be read; only bad messages take this slow way."""
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError):
        return Refused("The message is not valid JSON.", code="invalid_json")
    if not isinstance(value, Mapping):
        return Refused("The message must be a JSON object.", code="invalid_json")
    name = value.get("type")
    if name is None:
        return missing("type")
    if not isinstance(name, str):
        return Refused("Invalid type for 'type': expected a string.", code="invalid_type", param="type")
    if name not in CLIENT_EVENTS:
        return unknown_type(name)
    return misshapen(error)


def misshapen(error: EventError) -> Refused:
    """The refusal of an event that does not fit the package's type of its name.

    >>> misshapen(EventError("session.update: session.RealtimeSessionCreateRequest.type: Field required")).param
    'session.type'
    """
    _, _, detail = str(error).partition(": ")
    path, _, why = detail.partition(": ")
    # The path names the classes that were tried, too; a client knows only fields.
    param = ".".join(step for step in path.split(".") if step and not step[0].isupper())
    if why == "Field required":
        return missing(param)
    return Refused(f"Invalid value for '{param}': {why}.", param=param or None)
