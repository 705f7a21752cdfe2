"""What a record of a prompt must not hold: keys, and pictures, of which the hash is enough to tell them apart."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any

_KEY = re.compile(r"\b(?:sk|ek|rk)[-_][A-Za-z0-9_*-]{8,}|(?i:\bbearer)\s+[A-Za-z0-9._~+/=-]{8,}")
_DATA_URL = re.compile(r"data:([a-z]+/[a-z0-9.+-]+);base64,([A-Za-z0-9+/=]{64,})")
HIDDEN = "[hidden]"


def veiled(value: Any, secret: str | None = None) -> Any:
    """The same value without keys, and with each picture replaced by its kind, length and hash.

    >>> veiled({"error": "Bearer abcdefgh12345 was refused"})
    {'error': '[hidden] was refused'}
    """
    match value:
        case str():
            text = _DATA_URL.sub(_picture, value) if "base64," in value else value
            if secret and secret in text:
                text = text.replace(secret, HIDDEN)
            return _KEY.sub(HIDDEN, text)
        case Mapping():
            return {key: veiled(inner, secret) for key, inner in value.items()}
        case list() | tuple():
            return [veiled(inner, secret) for inner in value]
        case _:
            return value


def _picture(found: re.Match[str]) -> str:
    return f"{found[1]} of {len(found[2])} characters, sha256 {hashlib.sha256(found[2].encode()).hexdigest()}"
