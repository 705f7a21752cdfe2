"""What a session looks like on the wire: its defaults, and how an update is laid over it.

| session | type | what it is for |
|---|---|---|
| conversation | "realtime" | the caller is answered |
| transcription | "transcription" | the caller is written down: it has an input and nothing else |
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, Literal

from contoso_lab.audio.format import PCM16_24K, AudioFormat

Kind = Literal["realtime", "transcription"]

DEFAULT_INSTRUCTIONS = "You are a helpful assistant. Answer briefly and kindly."

SERVER_VAD: dict[str, Any] = {
    "type": "server_vad",
    "threshold": 0.5,
    "prefix_padding_ms": 300,
    "silence_duration_ms": 500,
    "idle_timeout_ms": None,
    "create_response": True,
    "interrupt_response": True,
}
"""The documented defaults of server_vad."""

SEMANTIC_VAD: dict[str, Any] = {
    "type": "semantic_vad",
    "eagerness": "auto",
    "create_response": True,
    "interrupt_response": True,
}

_NEVER_NULL = (
    "instructions",
    "tools",
    "tool_choice",
    "max_output_tokens",
    "output_modalities",
    "parallel_tool_calls",
    "truncation",
)
"""To set one of these to null is to leave it as it is."""

_VAD_DEFAULTS = {"server_vad": SERVER_VAD, "semantic_vad": SEMANTIC_VAD}

_NO_REPLIES = frozenset({"create_response", "interrupt_response", "idle_timeout_ms"})
"""What of turn detection is about responses: a transcription has none."""


def new_session(kind: Kind, *, session_id: str, model: str, voice: str) -> dict[str, Any]:
    """A session as it begins.

    >>> sorted(new_session("transcription", session_id="sess_1", model="", voice="robin"))
    ['audio', 'id', 'include', 'object', 'type']
    """
    heard: dict[str, Any] = {"format": PCM16_24K.to_wire(), "transcription": None, "noise_reduction": None}
    if kind == "transcription":
        heard["turn_detection"] = {key: value for key, value in SERVER_VAD.items() if key not in _NO_REPLIES}
        head = {"type": kind, "object": "realtime.transcription_session", "id": session_id}
        return {**head, "include": None, "audio": {"input": heard}}
    return {
        "type": kind,
        "object": "realtime.session",
        "id": session_id,
        "model": model,
        "output_modalities": ["audio"],
        "instructions": DEFAULT_INSTRUCTIONS,
        "tools": [],
        "tool_choice": "auto",
        "parallel_tool_calls": True,
        "max_output_tokens": "inf",
        "tracing": None,
        "truncation": "auto",
        "prompt": None,
        "include": None,
        "audio": {
            "input": {**heard, "turn_detection": dict(SERVER_VAD)},
            "output": {"format": PCM16_24K.to_wire(), "voice": voice, "speed": 1.0},
        },
    }


def merge(session: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Lay an update over the session; only `audio` and its two sides are merged member by member."""
    merged: dict[str, Any] = copy.deepcopy({**session, **{k: v for k, v in changes.items() if k != "audio"}})
    audio, sides = changes.get("audio") or {}, merged["audio"]
    for side in sides:
        for key, value in (audio.get(side) or {}).items():
            sides[side][key] = copy.deepcopy(value)
        fmt = AudioFormat.from_wire(sides[side]["format"] or PCM16_24K.to_wire())
        sides[side]["format"] = fmt.to_wire()
    before = session["audio"]
    _merge_noise_reduction(sides["input"], before["input"]["noise_reduction"])
    if (given := (audio.get("input") or {}).get("turn_detection")) is not None:
        sides["input"]["turn_detection"] = _merge_turns(given, before["input"]["turn_detection"], session["type"])
    if "output" in sides:
        if sides["output"]["speed"] is None:
            sides["output"]["speed"] = 1.0
        if sides["output"]["voice"] is None:
            sides["output"]["voice"] = before["output"]["voice"]
    for place in _NEVER_NULL:
        if place in session and merged[place] is None:
            merged[place] = copy.deepcopy(session[place])
    return merged


def _merge_turns(given: Mapping[str, Any], before: Mapping[str, Any] | None, kind: Kind) -> dict[str, Any]:
    same = before is not None and before["type"] == given["type"]
    base = before if before is not None and same else _VAD_DEFAULTS[given["type"]]
    # An explicit null means "the default" for all but the idle timeout, whose default is null.
    kept = {key: value for key, value in given.items() if value is not None or key == "idle_timeout_ms"}
    merged = {**base, **kept}
    return merged if kind == "realtime" else {k: v for k, v in merged.items() if k not in _NO_REPLIES}


def _merge_noise_reduction(given: dict[str, Any], before: Mapping[str, Any] | None) -> None:
    """A strength, once given, stays until another one is, or until noise reduction is turned off."""
    wanted = given["noise_reduction"]
    if wanted is not None and wanted.get("strength") is None:
        strength = (before or {}).get("strength")
        kept = {key: value for key, value in wanted.items() if key != "strength"}
        given["noise_reduction"] = kept | ({} if strength is None else {"strength": strength})
