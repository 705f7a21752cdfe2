"""Events of clients and targets, good ones and spoilt ones; made from seeds."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any

from .hostile_frames import BINARY, TEXT  # noqa: TID252 - the tests are no package

_ITEM = {"id": "i1", "object": "realtime.item", "type": "message", "role": "user", "status": "completed",
         "content": [{"type": "input_audio", "transcript": "Any tents?"}]}  # fmt: skip
_SAID = {"id": "a1", "object": "realtime.item", "type": "message", "role": "assistant", "status": "in_progress",
         "content": [{"type": "output_audio", "transcript": "Two of them."}]}  # fmt: skip
_CALLED = {"id": "f1", "type": "function_call", "call_id": "c1", "name": "weigh", "arguments": '{"grams": 3}',
           "status": "completed"}  # fmt: skip
_OUTPUT = {"id": "o1", "type": "function_call_output", "call_id": "c1", "output": "3 g"}
_SESSION = {
    "type": "realtime", "instructions": "Sell.", "tools": [{"type": "function", "name": "weigh"}],
    "tool_choice": "auto",
    "output_modalities": ["audio"], "audio": {
        "input": {"format": {"type": "audio/pcm", "rate": 24000}, "turn_detection": {"type": "server_vad"}},
        "output": {"format": {"type": "audio/pcm", "rate": 24000}, "voice": "marin", "speed": 1.0},
    },
}  # fmt: skip
_BETA_SESSION = {"voice": "sage", "modalities": ["text", "audio"], "input_audio_format": "pcm16", "temperature": 0.8,
                 "turn_detection": None, "input_audio_transcription": {"model": "whisper-1"}}  # fmt: skip
_USAGE = {"total_tokens": 9, "input_tokens": 5, "output_tokens": 4,
          "input_token_details": {"text_tokens": 2, "audio_tokens": 3, "cached_tokens": 1,
                                  "cached_tokens_details": {"text_tokens": 1, "audio_tokens": 0}},
          "output_token_details": {"text_tokens": 1, "audio_tokens": 3}}  # fmt: skip
_RESPONSE = {"id": "r1", "object": "realtime.response", "status": "completed", "output": [_SAID, _CALLED],
             "usage": _USAGE, "output_modalities": ["audio"], "conversation_id": "conv", "metadata": None}  # fmt: skip
_AT = {"response_id": "r1", "item_id": "a1", "output_index": 0, "content_index": 0}
_SOUND = "AAABAAIA" * 20

CLIENT_EVENTS: tuple[dict[str, Any], ...] = (
    {"type": "session.update", "event_id": "m1", "session": _SESSION},
    {"type": "session.update", "session": _BETA_SESSION},
    {"type": "transcription_session.update", "session": {"input_audio_format": "pcm16"}},
    {"type": "input_audio_buffer.append", "audio": _SOUND},
    {"type": "input_audio_buffer.commit"},
    {"type": "input_audio_buffer.clear"},
    {"type": "output_audio_buffer.clear"},
    {"type": "conversation.item.create", "event_id": "m2", "previous_item_id": "i1", "item": _ITEM},
    {"type": "conversation.item.create", "item": _OUTPUT},
    {"type": "conversation.item.truncate", "item_id": "a1", "content_index": 0, "audio_end_ms": 200},
    {"type": "conversation.item.delete", "item_id": "i1"},
    {"type": "conversation.item.retrieve", "item_id": "i1"},
    {"type": "response.create", "event_id": "m3", "response": {"conversation": "auto", "metadata": {"a": "b"}}},
    {"type": "response.create", "response": {"conversation": "none", "input": [_ITEM]}},
    {"type": "response.cancel", "response_id": "r1"},
    {"type": "lab.local", "event_id": "m4", "event": {"type": "playback.started", "item_id": "a1", "at_ms": 1}},
    {"type": "lab.local", "event": {"type": "playback.stopped", "item_id": "a1", "played_ms": 120.5}},
    {"type": "lab.local", "event": {"type": "client.described", "synthetic": True,
                                    "playback": {"device": "x", "measured": True, "latency_ms": 1}}},
    {"type": "lab.local", "event": {"type": "response.create"}},
    {"type": "lab.ack", "received": 3},
    {"type": "lab.resume", "token": "x", "window_s": 30},
    {"type": "lab.resumed", "received": 1, "replayed": 2},
    {"type": "lab.ending", "reason": "time", "in_s": 30},
)  # fmt: skip
HANGING_UP: dict[str, Any] = {"type": "lab.local", "event": {"type": "call.ended", "reason": "done"}}
TARGET_EVENTS: tuple[dict[str, Any], ...] = (
    {"type": "session.created", "session": _SESSION},
    {"type": "session.updated", "session": _SESSION},
    {"type": "conversation.created", "conversation": {"id": "conv"}},
    {"type": "conversation.item.added", "previous_item_id": None, "item": _ITEM},
    {"type": "conversation.item.added", "previous_item_id": "i1", "item": _SAID},
    {"type": "conversation.item.added", "previous_item_id": "a1", "item": _CALLED},
    {"type": "conversation.item.created", "previous_item_id": "i1", "item": _OUTPUT},
    {"type": "conversation.item.done", "previous_item_id": "i1", "item": _SAID | {"status": "completed"}},
    {"type": "conversation.item.done", "previous_item_id": "f1", "item": _CALLED},
    {"type": "conversation.item.deleted", "item_id": "i1"},
    {"type": "conversation.item.retrieved", "item": _ITEM},
    {"type": "conversation.item.truncated", "item_id": "a1", "content_index": 0, "audio_end_ms": 100},
    {"type": "conversation.item.input_audio_transcription.completed", "item_id": "i1", "transcript": "tents"},
    {"type": "conversation.item.input_audio_transcription.delta", "item_id": "i1", "delta": "ten"},
    {"type": "conversation.item.input_audio_transcription.failed", "item_id": "i1", "error": {"code": "x"}},
    {"type": "input_audio_buffer.committed", "item_id": "i2", "previous_item_id": "i1"},
    {"type": "input_audio_buffer.cleared"},
    {"type": "input_audio_buffer.speech_started", "item_id": "i2", "audio_start_ms": 5},
    {"type": "input_audio_buffer.speech_stopped", "item_id": "i2", "audio_end_ms": 50},
    {"type": "response.created", "response": _RESPONSE | {"status": "in_progress", "output": []}},
    {"type": "response.done", "response": _RESPONSE},
    {"type": "response.output_item.added", "response_id": "r1", "output_index": 0, "item": _SAID},
    {"type": "response.output_item.added", "response_id": "r1", "output_index": 1, "item": _CALLED},
    {"type": "response.output_item.done", "response_id": "r1", "output_index": 1, "item": _CALLED},
    {"type": "response.content_part.added", **_AT, "part": {"type": "audio", "transcript": ""}},
    {"type": "response.content_part.done", **_AT, "part": {"type": "audio", "transcript": "Two"}},
    {"type": "response.output_text.delta", **_AT, "delta": "Two"},
    {"type": "response.output_text.done", **_AT, "text": "Two"},
    {"type": "response.output_audio.delta", **_AT, "delta": _SOUND},
    {"type": "response.output_audio.done", **_AT},
    {"type": "response.output_audio_transcript.delta", **_AT, "delta": "Two"},
    {"type": "response.output_audio_transcript.done", **_AT, "transcript": "Two"},
    {"type": "response.function_call_arguments.delta", "response_id": "r1", "item_id": "f1", "output_index": 1,
     "call_id": "c1", "delta": "{"},
    {"type": "response.function_call_arguments.done", "response_id": "r1", "item_id": "f1", "output_index": 1,
     "call_id": "c1", "name": "weigh", "arguments": '{"grams": 3}'},
    {"type": "rate_limits.updated", "rate_limits": [{"name": "tokens", "limit": 1, "remaining": 0}]},
    {"type": "error", "error": {"type": "invalid_request_error", "code": "bad", "message": "no", "event_id": "m1",
                                "param": "session.voice"}},
    {"type": "error", "error": {"type": "server_error", "code": None, "message": "no", "event_id": "m2"}},
    {"type": "lab.recording", "id": "x", "path": "/etc"},
    {"type": "lab.resume", "token": "y", "window_s": 3},
    {"type": "lab.ack", "received": 9},
)  # fmt: skip
EXPIRED: dict[str, Any] = {"type": "error", "error": {"type": "invalid_request_error", "code": "session_expired"}}

_SMALL_WILD: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 0.5, -0.0, 1e-320, 1e308, -1e308, float("nan"), float("inf"), -float("inf"),
    2**31, 2**63, -(2**63) - 1, 10**18, 10**400, -(10**400), 10**4000,
    "", " ", "\0", "\ud800", "\udfff\ud800", "\U0010ffff", "é", "i1", "a1", "f1", "c1", "r1", "root", "weigh", "none",
    "completed", "incomplete", "cancelled", "function_call", "function_call_output", "message", "assistant", "user",
    "lab_session", "lab_replay_0", "lab_tool_1", "session.update", "call.ended", "constructor", "__proto__", "%s%n{0}",
    [], {}, [None], [[]], [{}], {"": None}, {"type": None}, {"type": []}, {"id": []}, [{"id": {}}], {"id": {"id": 1}},
    [[1, [2, {"a": [3]}]]], {"type": "function_call"}, ["audio", 3], {"rate": 0}, {"rate": "x"},
    {"audio": {"output": 7}},
)  # fmt: skip


def _wild(rng: random.Random) -> Any:
    """A value that stands where another belongs."""
    roll = rng.random()
    if roll < 0.9:
        return rng.choice(_SMALL_WILD)
    if roll < 0.95:
        value: Any = rng.choice(_SMALL_WILD[:30])
        for _ in range(rng.choice((10, 200, 900))):
            value = [value] if rng.random() < 0.5 else {"audio": value}
        return value
    return rng.choice(("x", "é", "\\", "\ud83d", '"')) * rng.choice((100, 5_000))


def _places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, below in inner:
        yield (*path, key)
        yield from _places(below, (*path, key))


def _with(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    value = value.copy()
    value[path[0]] = _with(value[path[0]] if len(path) > 1 else None, path[1:], new)
    return value


_PATHS = {id(event): tuple(_places(event)) for event in (*CLIENT_EVENTS, *TARGET_EVENTS)}


def payload(rng: random.Random, events: tuple[dict[str, Any], ...]) -> tuple[int, bytes]:
    """The opcode and the payload of a message that is well framed and little else. Its text is UTF-8."""
    event = rng.choice(events)
    wild = rng.random()
    if wild < 0.62:  # a member of the wrong kind, one that is not there, one too many
        changed = event
        for _ in range(rng.choice((1, 1, 1, 2))):
            path = rng.choice([path for path in _PATHS[id(event)] if path != ("type",)] or [("more",)])
            try:
                changed = _with(changed, path, _wild(rng))
            except (TypeError, KeyError, IndexError, AttributeError):
                continue  # the first change took the place of the second away
        if rng.random() < 0.1 and len(changed) > 1:
            changed = {key: changed[key] for key in list(changed)[: rng.randrange(1, len(changed))]}
        return TEXT, _dumped(rng, changed)
    if wild < 0.68:
        return TEXT, _dumped(rng, {"type": _wild(rng), **{key: event[key] for key in event if key != "type"}})
    text = json.dumps(event, separators=rng.choice(((",", ":"), (", ", ": ")))).encode()
    match rng.randrange(16):
        case 0:
            return TEXT, text[: rng.randrange(len(text))]
        case 1:
            at = rng.randrange(len(text))
            return TEXT, text[:at] + bytes([rng.randrange(32, 127)]) + text[at + 1 :]
        case 2:
            return TEXT, b'{"type":"session.update",' + text[1:]
        case 3:
            return TEXT, text[:-1] + b',"' + rng.choice((b"type", b"t\\u0079pe", b"session", b"audio")) + b'":1}'
        case 4:
            return TEXT, rng.choice((b"[", b'{"a":', b'{"type":"x","a":[')) * rng.choice((50, 1_000, 20_000, 100_000))
        case 5:
            depth = rng.choice((200, 400, 490, 900, 980, 3_000, 30_000))
            return TEXT, text[:-1] + b',"more":' + b"[" * depth + b"]" * depth + b"}"
        case 6:
            return TEXT, text[:-1] + b',"n":' + rng.choice(
                (b"9" * 5_000, b"1e99999", b"-", b"0x1", b"NaN", b"1." + b"0" * 9_000)
            ) + b"}"
        case 7:
            return TEXT, rng.choice(
                (b"", b" ", b"null", b"true", b"[]", b"{}", b'""', b'"type"', b"7", b"{", b"\xef\xbb\xbf" + text)
            )
        case 8:
            return BINARY, rng.choice((text, rng.randbytes(60), b"", b"\xff\xfe" + text.decode().encode("utf-16-le")))
        case 9:
            return TEXT, text.replace(b'"', rng.choice((b"'", b'\\"', b"")), rng.randrange(1, 9))
        case 10:
            return TEXT, text.decode().encode(rng.choice(("utf-16-le", "utf-32-be")))
        case 11:
            return TEXT, text.replace(b":", b':"\\ud83d", "b":', 1)
        case 12:
            return TEXT, text + rng.choice((text, b"\n", b"}", b"\0", b"//x"))
        case 13:
            return TEXT, b" " * rng.randrange(1, 4_000) + text
        case 14:
            name = rng.choice(("input_audio_buffer.append", "response.output_audio.delta", "response.audio.delta"))
            sound = rng.choice(("AAAA", "A", "=", "%%%", "\\u0041", "AA\\", "", "é"))
            more = rng.choice(("", ',"audio":"B"', ',"type":"session.update"', ',"delta":1', ',"x":[]'))
            key = rng.choice(("audio", "delta"))
            return TEXT, f'{{"type":"{name}","item_id":"a1","{key}":"{sound}"{more}}}'.encode()
        case _:
            words = rng.choice(("x", "é", "\0")) * rng.choice((1_000, 20_000))
            return TEXT, json.dumps({"type": event["type"], "event_id": words}).encode()


def huge(rng: random.Random, events: tuple[dict[str, Any], ...]) -> bytes:
    """An event with a string of a megabyte."""
    event = rng.choice(events)
    path = rng.choice([path for path in _PATHS[id(event)] if path != ("type",)] or [("more",)])
    return json.dumps(_with(event, path, rng.choice("xé\\") * 2**20 if rng.random() < 0.5 else "x" * 2**20)).encode()


def _dumped(rng: random.Random, event: dict[str, Any]) -> bytes:
    if rng.random() < 0.3:
        try:
            return json.dumps(event, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            pass
    return json.dumps(event).encode()
