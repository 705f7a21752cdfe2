"""How a recorder reads a frame, and what it notes about itself and about frames that it cannot read."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import contoso_lab
from contoso_lab.recording.manifest import RecorderInfo

_PACKAGES = ("openai", "prompty", "pydantic", "numpy", "websockets")


@cache
def recorder_info() -> RecorderInfo:
    """Tell the versions of this program and of the packages that shape what is recorded."""
    return RecorderInfo(
        version=contoso_lab.__version__, packages={name: found for name in _PACKAGES if (found := _version(name))}
    )


def unparsed(direction: str, raw: str | bytes) -> dict[str, Any]:
    """Describe a frame that is no JSON object; its content is not kept, for it might be anything.

    >>> unparsed("c2s", "hello")["bytes"]
    5
    """
    data = raw.encode("utf-8", "surrogatepass") if isinstance(raw, str) else raw
    return {
        "type": "frame.unparsed",
        "dir": direction,
        "bytes": len(data),
        "sha": hashlib.sha256(data).hexdigest()[:16],
    }


def compact(value: Any) -> str:
    """Write a value as one line of JSON; what JSON has no form for is written as text."""
    return json.dumps(value, separators=(",", ":"), default=str)


def canonical_sha(value: Any) -> str:
    """The SHA-256 of a value as JSON with sorted keys and no spaces; the same for the same value, however written.

    >>> canonical_sha({"b": 1, "a": 2}) == canonical_sha({"a": 2, "b": 1})
    True
    """
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def read_object(raw: str | bytes) -> tuple[dict[str, Any], str | None] | None:
    """Read a frame; None when it is no JSON object.

    The text of the frame comes along where it fits on one line: kept as it is, its numbers and its spelling stay
    as they were on the wire.

    >>> read_object('{"type": "a", "n": 1.0}')
    ({'type': 'a', 'n': 1.0}, '{"type": "a", "n": 1.0}')
    """
    try:
        # Decoded first: left to itself, the parser takes UTF-16 too, which would stand in our line as it came.
        text = raw if isinstance(raw, str) else raw.decode()
        event = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(event, dict):
        return None
    return event, text if "\n" not in text and "\r" not in text else None


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""
