"""Read what a client sent, and when it cannot be read, say why in the words of the real service."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from pydantic import ValidationError

from contoso_lab.engine.json_types import Misfit, find_misfit, kind_of
from contoso_lab.engine.refusals import Refused, missing, unknown_type, wrong_type
from contoso_lab.errors import EventError
from contoso_lab.wire.events import CLIENT_EVENTS, Event, parse_client

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

LARGEST_MESSAGE_BYTES = 15 * 1024 * 1024
"""The documented limit of one `input_audio_buffer.append`; the transport itself gives up at 16 MiB."""

_STAND_IN: dict[str, Any] = {"type": "function_call_output", "call_id": "", "output": ""}
"""A reference to an item, in the eyes of types that know no references."""

_KINDS = {
    "string_type": "a string",
    "int_type": "an integer",
    "int_parsing": "an integer",
    "int_from_float": "an integer",
    "float_type": "a decimal",
    "float_parsing": "a decimal",
    "bool_type": "a boolean",
    "bool_parsing": "a boolean",
    "list_type": "an array",
    "dict_type": "an object",
    "model_type": "an object",
    "model_attributes_type": "an object",
}
"""What each kind of pydantic error had expected."""


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
        judged = checkable(event)
        model = judged.model
    except EventError as error:
        raise _explain(raw, error) from error
    if model is None:
        raise unknown_type(event.type)
    if (misfit := find_misfit(judged.data, model)) is not None:
        raise wrong_type(misfit)
    return event


def event_id_of(raw: str | bytes) -> str | None:
    """The `event_id` of a message that may not even be JSON.

    >>> event_id_of('{"event_id": "mine", "type": 7}')
    'mine'
    >>> event_id_of("{")
    """
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    found = value.get("event_id") if isinstance(value, Mapping) else None
    return found if isinstance(found, str) else None


def checkable(event: Event) -> Event:
    """The event as the package's types know it: they leave out that the input of a response may refer to items."""
    wanted = event.get("response")
    items = wanted.get("input") if isinstance(wanted, Mapping) else None
    if event.type != "response.create" or not isinstance(items, list):
        return event
    for index, item in enumerate(items):
        if _is_reference(item) and not isinstance(item.get("id"), str):
            raise missing(f"response.input[{index}].id")
    known = [_STAND_IN if _is_reference(item) else item for item in items]
    return Event(event.type, {**event.data, "response": {**wanted, "input": known}}, event.side)


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

    A value that may have several shapes fails once for each; what counts is the shape that it comes closest to.
    """
    cause = error.__cause__
    if not isinstance(cause, ValidationError):
        return Refused(f"{error}.")
    shapes: dict[tuple[str, ...], list[ErrorDetails]] = {}
    for found in cause.errors(include_url=False):
        shape = tuple(step for step in map(str, found["loc"]) if step[:1].isupper())
        shapes.setdefault(shape, []).append(found)
    distances = {shape: sum(map(_is_other_shape, errors)) for shape, errors in shapes.items()}
    closest = shapes[min(shapes, key=lambda shape: (distances[shape], len(shapes[shape])))]
    first = next((found for found in closest if _is_other_shape(found)), closest[0])
    param = _param(first)
    if first["type"] == "missing":
        return missing(param)
    if first["type"] == "literal_error":
        near = [errors for shape, errors in shapes.items() if distances[shape] == min(distances.values())]
        same = [found for errors in near for found in errors if _param(found) == param and "ctx" in found]
        names = dict.fromkeys(str(found["ctx"]["expected"]) for found in same if "expected" in found["ctx"])
        offered = ", ".join(name for name in names if not name.startswith("'mcp"))
        return Refused(f"Invalid value: '{first['input']}'. Supported values are: {offered}.", param=param)
    if (kind := _KINDS.get(first["type"])) is not None:
        return wrong_type(Misfit(param, kind, kind_of(first["input"])))
    return Refused(f"Invalid value for '{param}': {first['msg']}.", param=param or None)


def _is_other_shape(error: ErrorDetails) -> bool:
    """Whether it says that the value was meant to be of another shape."""
    return error["type"] == "literal_error" and error["loc"][-1] in {"type", "role"}


def _param(error: ErrorDetails) -> str:
    """The path as a client knows it: without the names of the classes and kinds that were tried."""
    path = ""
    for step in error["loc"]:
        if isinstance(step, int):
            path += f"[{step}]"
        elif not (step[:1].isupper() or "[" in step or step in {"int", "float", "str", "bool"}):
            path += f".{step}" if path else step
    return path
