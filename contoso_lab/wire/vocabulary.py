"""The names and the types of all Realtime events, taken from the `openai` package.

Kept apart from `contoso_lab.wire.events`, because loading the package's types takes the better part of a second.
"""

from __future__ import annotations

from typing import Any, get_args

from openai.types.realtime import RealtimeClientEvent, RealtimeServerEvent
from pydantic import BaseModel

# The package's union parses an unknown type to its first class without a word. Therefore we look the class up
# by the type name ourselves.


def _classes(union: Any) -> dict[str, type[BaseModel]]:
    members = get_args(get_args(union)[0])
    return {get_args(member.model_fields["type"].annotation)[0]: member for member in members}


CLIENT_CLASSES: dict[str, type[BaseModel]] = _classes(RealtimeClientEvent)
"""The package's class of every event that a client may send, by its `type`."""

SERVER_CLASSES: dict[str, type[BaseModel]] = _classes(RealtimeServerEvent)
"""The package's class of every event that a server may send, by its `type`."""

CLIENT_EVENTS: frozenset[str] = frozenset(CLIENT_CLASSES)
"""The names of all events that a client may send."""

SERVER_EVENTS: frozenset[str] = frozenset(SERVER_CLASSES)
"""The names of all events that a server may send."""
