"""Inputs of a prompt, checked before a template sees them.

prompty takes unknown inputs without a word and Jinja renders a missing field as nothing, so a typing error would cost
a call and show nothing. Here it costs a sentence.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from contoso_lab.errors import PromptError

ROLE_LINE = re.compile(
    r"(?im)^[ \t]*#?[ \t]*(system|user|assistant|developer|tool|function)[ \t]*(\[.*\])?[ \t]*:[ \t]*$"
)
"""A line that would begin a new message if it stood in a template."""

_KINDS: dict[str, tuple[tuple[type, ...], str]] = {
    "string": ((str,), "text"),
    "integer": ((int,), "a whole number"),
    "float": ((int, float), "a number"),
    "number": ((int, float), "a number"),
    "boolean": ((bool,), "True or False"),
    "array": ((list, tuple), "a list"),
    "object": ((Mapping,), "a mapping of names to values"),
    "thread": ((list, tuple), "a list of messages with role and content"),
    "image": ((str,), "an address or a data URL"),
}


class _Declared(Protocol):
    """What a check has to know of an input."""

    @property
    def name(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def needed(self) -> bool: ...
    @property
    def default(self) -> Any: ...
    @property
    def fields(self) -> tuple[str, ...]: ...


def check_inputs(where: str, declared: Mapping[str, _Declared], given: Mapping[str, Any]) -> dict[str, Any]:
    """Complete the inputs with their defaults, or say what is wrong with them.

    Args:
        where: the prompt as messages name it.

    Raises:
        PromptError: an input is unknown, missing, of the wrong kind, lacks a field, or holds a role marker.
    """
    for name in given:
        if name not in declared:
            close = difflib.get_close_matches(name, declared, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"it has {', '.join(declared) or 'none'}"
            raise PromptError(f"{where}: there is no input {name!r}; {hint}")
    values: dict[str, Any] = {}
    for name, item in declared.items():
        if name not in given and item.needed:
            raise PromptError(f"{where}: input {name!r} has no default and was not given; pass {name}=…")
        values[name] = _checked(where, item, given.get(name, item.default))
    return values


def _checked(where: str, item: _Declared, value: Any) -> Any:
    types, words = _KINDS.get(item.kind, ((object,), "a value"))
    is_number = item.kind in {"integer", "float", "number"}
    if not isinstance(value, types) or (is_number and isinstance(value, bool)):
        raise PromptError(f"{where}: input {item.name!r} has to be {words}, not {type(value).__name__}")
    if item.kind == "thread":
        return _thread(where, item.name, value)
    if item.kind == "image":
        return value
    for place, element in _objects(item, value):
        missing = [name for name in item.fields if not isinstance(element, Mapping) or name not in element]
        if missing:
            raise PromptError(f"{where}: {place} lacks {missing[0]!r}; give all of {', '.join(item.fields)}")
    for place, text in _texts(f"input {item.name!r}", value):
        if found := ROLE_LINE.search(text):
            raise PromptError(
                f"{where}: {place} holds the line {found[0].strip()!r}, which reads like the start of a new message; "
                "put the text on one line, or pass a conversation as an input of kind thread"
            )
    return list(value) if isinstance(value, tuple) else value


def _thread(where: str, name: str, value: Any) -> list[dict[str, Any]]:
    messages = []
    for number, message in enumerate(value, start=1):
        if not isinstance(message, Mapping) or set(message) != {"role", "content"}:
            raise PromptError(f"{where}: message {number} of input {name!r} has to be {{'role': …, 'content': …}}")
        # A system message in a conversation would be the caller giving orders to the model.
        if message["role"] not in {"user", "assistant"}:
            raise PromptError(
                f"{where}: message {number} of input {name!r} has the role {message['role']!r}; "
                "a conversation holds only user and assistant"
            )
        messages.append(dict(message))
    # prompty passes over a thread that is not a list, without a word.
    return messages


def _objects(item: _Declared, value: Any) -> Iterator[tuple[str, Any]]:
    if item.fields and item.kind == "object":
        yield f"input {item.name!r}", value
    elif item.fields:
        for number, element in enumerate(value, start=1):
            yield f"element {number} of input {item.name!r}", element


def _texts(place: str, value: Any) -> Iterator[tuple[str, str]]:
    match value:
        case str():
            yield place, value
        case Mapping():
            for key, inner in value.items():
                yield from _texts(f"{key!r} of {place}", inner)
        case list() | tuple():
            for number, inner in enumerate(value, start=1):
                yield from _texts(f"element {number} of {place}", inner)
        case _:
            return
