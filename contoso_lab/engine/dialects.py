"""Old clients: how they are known, and what they say or hear that the others do not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from contoso_lab.wire.beta import beta_has
from contoso_lab.wire.events import Dialect, Event

PREVIEW_PATH = "/openai/realtime"
"""Azure's preview address; the one of GA has a `v1` in it."""

_BETA_PROTOCOL = "openai-beta.realtime-v1"
_ONLY_BETA = frozenset({"temperature", "client_secret"})


def dialect_of(path: str, headers: Mapping[str, str], subprotocols: Sequence[str]) -> Dialect:
    """Which names a client wants: old clients say so in a header, in a subprotocol (a browser), or by the address.

    >>> dialect_of("/v1/realtime", {}, []), dialect_of("/openai/realtime", {}, [])
    ('ga', 'beta')
    """
    said = headers.get("openai-beta", "").replace(" ", "").split(",")
    beta = "realtime=v1" in said or _BETA_PROTOCOL in subprotocols or path.rstrip("/").endswith(PREVIEW_PATH)
    return "beta" if beta else "ga"


def hears(dialect: Dialect, event_type: str) -> bool:
    """Whether a client of this dialect is sent events of this (GA) name.

    >>> hears("ga", "conversation.item.done"), hears("beta", "conversation.item.done")
    (True, False)
    """
    return dialect == "ga" or beta_has(event_type)


def without_beta_only(settings: Mapping[str, Any]) -> dict[str, Any]:
    """A session or response without what only the beta had: our brains have no such knob, and GA refuses the name.

    >>> without_beta_only({"voice": "alloy", "temperature": 0.8})
    {'voice': 'alloy'}
    """
    gone = _ONLY_BETA | ({"output_modalities"} if settings.get("type") == "transcription" else set())
    return {key: value for key, value in settings.items() if key not in gone}


def as_ga(event: Event) -> Event:
    """What a beta client sent, as the protocol takes it."""
    changed = {
        key: without_beta_only(event.data[key])
        for key in ("session", "response")
        if isinstance(event.data.get(key), Mapping)
    }
    return Event(event.type, {**event.data, **changed}, event.side) if changed else event
