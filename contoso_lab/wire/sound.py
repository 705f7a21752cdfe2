"""How long the sound in an event lasts, told without decoding it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from contoso_lab.wire.plain import number, text

_PCM_HZ, _PHONE_HZ = 24000, 8000


def sound_ms(payload: Any, session: Mapping[str, Any]) -> float:
    """Give the duration of an output delta: base64 text, or a recording's reference to its sound file.

    The format is the session's; without one it is PCM16 at 24 kHz, the protocol's default.

    >>> sound_ms("A" * 1280, {})
    20.0
    >>> sound_ms({"$audio": "out", "off": 0, "len": 240}, {})
    10.0
    """
    style, rate_hz = _style(session)
    if isinstance(payload, Mapping):
        return 1000 * max(number(payload.get("len")) or 0.0, 0.0) / rate_hz
    if not isinstance(payload, str):
        return 0.0
    size_bytes = len(payload) * 3 // 4 - payload[-2:].count("=")
    return 1000 * size_bytes / (rate_hz * (2 if style == "audio/pcm" else 1))


def _style(session: Mapping[str, Any]) -> tuple[str, int]:
    found: Any = session
    for name in ("audio", "output", "format"):
        found = found.get(name) if isinstance(found, Mapping) else None
    if not isinstance(found, Mapping):
        return "audio/pcm", _PCM_HZ
    style = text(found.get("type")) or "audio/pcm"
    told_hz = int(number(found.get("rate")) or 0)
    return style, (told_hz if told_hz > 0 else _PCM_HZ) if style == "audio/pcm" else _PHONE_HZ
