"""What nobody should send, made from a seed: frames, Realtime events, HTTP heads, tokens; and who sends it."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import random
import re
import struct
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

TEXT, BINARY, CONTINUATION, CLOSE, PING = 1, 2, 0, 8, 9
CREATED = b'{"type":"session.created","event_id":"e0","session":{"type":"realtime","id":"sess_1"}}'
UPDATED = b'{"type":"session.updated","event_id":"e1","session":{"type":"realtime","id":"sess_1"}}'
_RESUME = re.compile(rb'\{"type":"lab\.resume","token":"([\w-]{32})","window_s":30')
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


# -- frames --------------------------------------------------------------------------------------


def frame(
    opcode: int, payload: bytes = b"", *, fin: bool = True, reserved: int = 0, mask: bytes | None = b"\0\0\0\0",
    length: int | None = None, form: int | None = None,
) -> bytes:  # fmt: skip
    """One frame. `length` is what it says of itself, `form` how many bytes it takes to say so (0, 2 or 8)."""
    said = len(payload) if length is None else length
    if form is None:
        form = 0 if said < 126 else 2 if said < 2**16 else 8
    lengths = {0: (said & 127, b""), 2: (126, struct.pack(">H", said & 0xFFFF)), 8: (127, struct.pack(">Q", said))}
    short, long = lengths[form]
    head = bytes([(0x80 if fin else 0) | reserved << 4 | opcode, (0x80 if mask is not None else 0) | short]) + long
    if mask is None:
        return head + payload
    if mask != b"\0\0\0\0":
        pattern = (mask * (len(payload) // 4 + 1))[: len(payload)]
        payload = (int.from_bytes(payload) ^ int.from_bytes(pattern)).to_bytes(len(payload))
    return head + mask + payload


def broken_frames(rng: random.Random, *, masked: bool) -> tuple[bytes, int]:
    """Frames that end in one which no peer may send, and how many they are."""
    mask = rng.randbytes(4) if masked else None
    wrong_mask = None if masked else rng.randbytes(4)
    text = rng.randbytes(rng.choice((0, 1, 5, 200)))
    plain = b"x" * rng.choice((0, 1, 125, 126, 300))
    match rng.randrange(19):
        case 0:
            return frame(
                rng.choice((TEXT, BINARY, PING, CLOSE)), plain[:125], reserved=rng.randrange(1, 8), mask=mask
            ), 1
        case 1:
            return frame(rng.choice((3, 4, 5, 6, 7, 11, 12, 13, 14, 15)), plain, mask=mask), 1
        case 2:
            return frame(rng.choice((TEXT, BINARY)), plain, mask=wrong_mask), 1
        case 3:  # says more than comes; the caller hangs up
            return frame(TEXT, plain, length=len(plain) + rng.randrange(1, 60_000), mask=mask), 1
        case 4:  # says less than comes: what is left over is read as a head
            return frame(TEXT, b"\xff" * 40, length=rng.randrange(20), mask=mask), 2
        case 5:
            return frame(CONTINUATION, plain, fin=rng.random() < 0.5, mask=mask), 1
        case 6:
            return frame(rng.choice((PING, 10, CLOSE)), plain[:125], fin=False, mask=mask), 1
        case 7:
            return frame(rng.choice((PING, 10, CLOSE)), b"y" * rng.choice((126, 200, 70_000)), mask=mask), 1
        case 8:
            said = rng.choice((2**63, 2**64 - 1, 2**63 - 1, 2**40, 2**31, 2**24 + 1, 16 * 2**20 + 1))
            return frame(rng.choice((TEXT, BINARY)), plain, length=said, form=8, mask=mask), 1
        case 9:
            return frame(TEXT, plain[:100], form=rng.choice((2, 8)), mask=mask), 1  # longer than it has to be
        case 10:
            whole = frame(TEXT, b"z" * 400, mask=mask)
            return whole[: rng.randrange(1, len(whole))], 1
        case 11:
            return frame(TEXT, b"one", fin=False, mask=mask) + frame(TEXT, b"two", mask=mask), 2
        case 12:
            return frame(
                TEXT, b'{"type":"' + rng.choice((b"\xff", b"\xc3(", b"\xed\xa0\x80", b"\xf8")) + text, mask=mask
            ), 1
        case 13:
            first = frame(TEXT, b"\xe2\x82", fin=False, mask=mask)
            return first + frame(CONTINUATION, b"(\xff", mask=mask), 2
        case 14:
            return frame(CLOSE, rng.choice((b"\x03", b"\xff", b"\0")), mask=mask), 1
        case 15:
            code = rng.choice((0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2999, 5000, 65535))
            return frame(CLOSE, struct.pack(">H", code) + rng.choice((b"", b"why", "é".encode())), mask=mask), 1
        case 16:
            code = rng.choice((1000, 1001, 1011, 1012, 3000, 4001))
            return frame(
                CLOSE,
                struct.pack(">H", code) + rng.choice((b"\xff\xfe", b"\xc3", b"ok\xed\xb0\x80", b"\x80" * 123)),
                mask=mask,
            ), 1
        case 17:
            return rng.randbytes(rng.randrange(1, 400)), 1
        case _:
            many = b"".join(frame(CONTINUATION, b"", fin=False, mask=mask) for _ in range(20))
            return frame(BINARY, b"", fin=False, mask=mask) + many, 21


# -- events --------------------------------------------------------------------------------------

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


# -- handshakes and tokens -----------------------------------------------------------------------

KEY = base64.b64encode(bytes(16))
_HEADER_VALUES = (b"", b" ", b"websocket", b"WebSocket, h2c", b"13", b"12", b"-1", KEY, KEY[:-1], b"=" * 24, b"A" * 23,
                  b"\xff\xfe", b"keep-alive", b"Upgrade", b"chunked", b"10", b"999999999999999999999", b"0x10", b"*",
                  b"null", b"http://127.0.0.1", b"http://[", b"http://[::1", b"https://evil.example",
                  b"x" * 5_000)  # fmt: skip
_HEADERS = (b"Host", b"Upgrade", b"Connection", b"Sec-WebSocket-Key", b"Sec-WebSocket-Version", b"Authorization",
            b"Sec-WebSocket-Protocol", b"Sec-WebSocket-Extensions", b"Origin", b"Content-Length", b"Transfer-Encoding",
            b"X-Forwarded-For", b"Forwarded", b"Expect", b"OpenAI-Beta", b"Cookie", b"X\xff", b"")  # fmt: skip
_PATHS_ASKED = (
    b"/v1/realtime", b"/api/realtime/ws", b"/v1/realtime/", b"//v1/realtime", b"/v1//realtime", b"/v1/%72ealtime",
    b"/v1/realtime%00", b"/v1/../v1/realtime", b"/%2e%2e/api/realtime/ws", b"/api/realtime/ws;x", b"/api/realtime/ws#x",
    b"*", b"http://127.0.0.1/v1/realtime", b"v1/realtime", b"/\xff\xfe", b"/%ff%fe", b"/v1/realtime%3ftoken=x", b"",
    b"/healthz", b"/api/token", b"/v1/realtime/client_secrets", b"/openapi.json", b"/metrics", b"/readyz",
    b"/" + b"a" * 70_000,
)  # fmt: skip


def some_text(rng: random.Random) -> str:
    """Text as a careless reader may hand it over: any characters, seldom many of them."""
    match rng.randrange(8):
        case 0:
            return rng.randbytes(rng.randrange(60)).decode("latin-1")
        case 1:
            return "".join(chr(rng.randrange(0x110000)) for _ in range(rng.randrange(20)))
        case 2:
            return rng.choice(
                ("", " ", "\0", "\ud800", "é", "'; DROP", "../..", "%00", "a" * 9_000, "🎪", "None", "null")
            )
        case 3:
            return base64.urlsafe_b64encode(rng.randbytes(32)).decode()
        case 4:
            parts = (
                json.dumps(rng.choice(({"alg": "none"}, {"alg": "RS256", "kid": [1]}, [], 7, {"kid": "x"}))),
                "{}",
                "x",
            )
            return ".".join(base64.urlsafe_b64encode(part.encode()).decode() for part in parts)
        case 5:
            return "ek_" + rng.randbytes(8).hex() + rng.choice(("", ".", "..", ",", ";"))
        case 6:
            return ".".join(rng.randbytes(rng.randrange(6)).hex() for _ in range(rng.randrange(6)))
        case _:
            return str(rng.choice((0, -1, 10**30, 1e99, float("nan"))))


def authorization(rng: random.Random) -> str:
    """An `Authorization` header of any shape."""
    scheme = rng.choice(
        ("Bearer ", "bearer  ", "BEARER\t", "Basic ", "Bearer", "", " Bearer ", "Bearer Bearer ", "Digest ")
    )
    return scheme + some_text(rng)


def scope(rng: random.Random, tokens: tuple[str, ...] = ()) -> dict[str, Any]:
    """A handshake as a server hands it over; `tokens` are such that were good once."""
    token = rng.choice(tokens) if tokens and rng.random() < 0.2 else some_text(rng)
    raw = token.encode("utf-8", "surrogatepass")
    headers: list[tuple[bytes, bytes]] = []
    query = b""
    match rng.randrange(5):
        case 0:
            headers.append((b"authorization", authorization(rng).encode("utf-8", "surrogatepass")))
        case 1:
            query = rng.choice((b"token=", b"token", b"&token==", b"token=%", b"TOKEN=", b"token=&token=")) + raw
        case 2:
            names = (b"openai-insecure-api-key." + raw, b"realtime", b"openai-beta.realtime-v1", b",", b"\xff", b" ")
            headers.append((b"Sec-WebSocket-Protocol", b", ".join(rng.sample(names, rng.randrange(1, 6)))))
        case 3:
            received = rng.choice(
                (b"", b"-1", b"9" * 18, b"9" * 40, b"\xb2", b"1e3", b"\xef\xbc\x91", b"0x1", b" 1", raw)
            )
            query = b"resume=" + raw + b"&received=" + received + rng.choice((b"", b"&resumable=1", b"&received=1"))
        case _:
            query = rng.randbytes(rng.randrange(80))
    for _ in range(rng.randrange(4)):
        headers.append((rng.choice(_HEADERS), rng.choice(_HEADER_VALUES)))
    if rng.random() < 0.2:
        headers.append(
            (b"origin", rng.choice((b"null", raw, b"http://localhost:1", b"http://" + raw, b"http://[" + raw)))
        )
    return {
        "type": "websocket", "method": "GET", "path": rng.choice(_PATHS_ASKED).decode("latin-1"), "query_string": query,
        "headers": headers, "scheme": rng.choice(("ws", "wss")),
        "client": rng.choice((("127.0.0.1", 1), ("::1", 1), ("fe80::1%eth0", 1), None, ("", 0), ("somewhere", 1))),
        "server": rng.choice((("127.0.0.1", 80), ("192.0.2.1", 443), None, ("/run/relay", None))),
    }  # fmt: skip


def head(rng: random.Random) -> bytes:
    """The head of a request as no client writes it, with what may follow."""
    method = rng.choice(
        (
            b"GET",
            b"GET",
            b"GET",
            b"POST",
            b"PUT",
            b"OPTIONS",
            b"HEAD",
            b"CONNECT",
            b"BREW",
            b"get",
            b"",
            b"G\0T",
            b"PRI",
        )
    )
    path = rng.choice(_PATHS_ASKED[:6] if rng.random() < 0.5 else _PATHS_ASKED)
    if rng.random() < 0.6:
        path += (
            b"?" + rng.choice((b"token=", b"resume=", b"received=", b"", b"&&=&", b"token=%zz&")) + _url(some_text(rng))
        )
    version = rng.choice((b"HTTP/1.1",) * 8 + (b"HTTP/1.0", b"HTTP/2.0", b"HTTP/9", b"HTTQ/1.1", b""))
    fields = {
        b"Host": b"127.0.0.1", b"Upgrade": b"websocket", b"Connection": b"Upgrade", b"Sec-WebSocket-Version": b"13",
        b"Sec-WebSocket-Key": KEY,
    }  # fmt: skip
    for name in rng.sample(sorted(fields), rng.choice((0, 0, 1, 2))):
        if rng.random() < 0.4:
            del fields[name]
        else:
            fields[name] = rng.choice(_HEADER_VALUES)
    for _ in range(rng.choice((0, 0, 1, 3))):
        fields[rng.choice(_HEADERS)] = rng.choice(_HEADER_VALUES)
    if rng.random() < 0.3:
        fields[b"Authorization"] = authorization(rng).encode("utf-8", "replace").replace(b"\n", b"")
    if rng.random() < 0.3:
        names = b"openai-insecure-api-key." + some_text(rng).encode("utf-8", "replace")
        fields[b"Sec-WebSocket-Protocol"] = rng.choice((names, b"realtime, " + names, b"\xe9, x", b",,"))
    lines = [method + b" " + path + b" " + version, *(name + b": " + value for name, value in fields.items())]
    if rng.random() < 0.05:
        lines += [b"X-Many: " + b"y" * 200] * 2_000
    if rng.random() < 0.05:
        lines.append(b"X-Long: " + b"z" * 200_000)
    if rng.random() < 0.1:
        lines.append(rng.choice((b" folded", b"no colon", b": nameless", b"Host: again", b"Sec-WebSocket-Key: " + KEY)))
    made = rng.choice((b"\r\n",) * 9 + (b"\n",)).join([*lines, b"", b""])
    match rng.randrange(8):
        case 0:
            return made[: rng.randrange(len(made))]
        case 1:
            return made + rng.randbytes(rng.randrange(200))
        case 2:
            return made + b"5\r\nhello\r\n0\r\n\r\n"
        case 3:
            return made + made
        case 4:
            return made + frame(TEXT, b"early") + broken_frames(rng, masked=True)[0]
        case 5 if rng.random() < 0.3:
            return rng.randbytes(rng.randrange(500))
    return made


def _url(text: str) -> bytes:
    raw = text.encode("utf-8", "surrogatepass")
    return b"".join(bytes([byte]) if 32 < byte < 127 else b"%%%02x" % byte for byte in raw)[:20_000]


def body(rng: random.Random) -> tuple[bytes, bytes]:
    """The content type and the body of a request for a client secret."""
    kind = rng.choice(
        (b"application/json",) * 6
        + (
            b"text/plain",
            b"",
            b"application/json; charset=utf-16",
            b"\xff",
            b"multipart/form-data",
            b"application/x-www-form-urlencoded",
        )
    )
    wanted: dict[str, Any] = {
        "expires_after": {"anchor": "created_at", "seconds": 60},
        "session": {
            "type": "realtime",
            "model": "x",
            "metadata": {"persona": "voice", "customer": "maya", "mode": None},
        },
    }
    path = rng.choice(tuple(_places(wanted)))
    text = json.dumps(_with(wanted, path, _wild(rng))).encode()
    match rng.randrange(12):
        case 0:
            return kind, text[: rng.randrange(len(text))]
        case 1:
            return kind, rng.choice((b"[", b'{"session":', b'{"a":[')) * rng.choice((100, 2_000, 30_000))
        case 2:
            return kind, b"[" * 900 + b"]" * 900
        case 3:
            return kind, rng.randbytes(rng.randrange(200))
        case 4:
            return kind, rng.choice((b"", b"null", b"7", b'"x"', b"[]", b"{}", b"NaN", b"1e999", b"9" * 5_000))
        case 5:
            return kind, text.decode().encode("utf-16")
        case 6 if rng.random() < 0.3:
            return kind, b'{"session":{"type":"' + b"x" * 2**20 + b'"}}'
    return kind, text


# -- who sends it --------------------------------------------------------------------------------


class Heard(NamedTuple):
    """A frame of the relay's."""

    opcode: int
    payload: bytes


async def frames_of(reader: asyncio.StreamReader) -> Iterator[Heard]:
    """The frames of a peer that behaves."""
    try:
        while True:
            first, second = await reader.readexactly(2)
            length = second & 127
            if length > 125:
                length = int.from_bytes(await reader.readexactly(2 if length == 126 else 8))
            mask = await reader.readexactly(4) if second & 128 else b""
            data = await reader.readexactly(length) if length else b""
            if mask and length < 200:
                data = bytes(byte ^ mask[at % 4] for at, byte in enumerate(data))
            yield Heard(first & 15, data)
    except (asyncio.IncompleteReadError, OSError):
        return


class Target:
    """A server that the relay dials. `script` says what each connection hears once it is configured.

    A script gives raw bytes; when it ends, the connection is cut if it said so by a last `None`.
    """

    def __init__(self) -> None:
        self.script: Callable[[int], list[bytes | None]] = lambda number: []
        self.greet: Callable[[int], bytes | None] = lambda number: None
        self.echo = False
        self.heard: list[bytes] = []
        self.count = 0
        self.open: set[asyncio.StreamWriter] = set()
        self.server: Any = None

    async def __aenter__(self) -> Target:
        self.server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=2**22)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.server.close()
        for writer in tuple(self.open):
            writer.transport.abort()
        await self.server.wait_closed()

    @property
    def port(self) -> int:
        return int(self.server.sockets[0].getsockname()[1])

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        number, self.count = self.count, self.count + 1
        self.open.add(writer)
        try:
            await self._talk(number, reader, writer)
        except (asyncio.IncompleteReadError, OSError):
            pass
        finally:
            self.open.discard(writer)
            writer.transport.abort()

    async def _talk(self, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = await reader.readuntil(b"\r\n\r\n")
        greeting = self.greet(number)
        if greeting is not None:  # in place of everything; then we hang up
            writer.write(greeting.replace(b"{accept}", _accept(asked)))
            await writer.drain()
            return
        writer.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "
            + _accept(asked) + b"\r\n\r\n" + frame(TEXT, CREATED, mask=None)
        )  # fmt: skip
        talking: asyncio.Task[None] | None = None
        try:
            async for opcode, data in frames_of(reader):
                if opcode == CLOSE:
                    writer.write(frame(CLOSE, data, mask=None))
                    await writer.drain()
                    return
                if talking is None:
                    writer.write(frame(TEXT, UPDATED, mask=None))
                    talking = asyncio.create_task(self._recite(number, writer))
                elif self.echo:
                    self.heard.append(data)
                    writer.write(frame(opcode, data, mask=None))
        finally:
            if talking is not None:
                talking.cancel()
                await asyncio.gather(talking, return_exceptions=True)

    async def _recite(self, number: int, writer: asyncio.StreamWriter) -> None:
        for words in self.script(number):
            if words is None:
                writer.transport.close() if number % 2 else writer.transport.abort()
                return
            writer.write(words)
            await writer.drain()


def _accept(asked: bytes) -> bytes:
    for line in asked.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"sec-websocket-key":
            return base64.b64encode(hashlib.sha1(value.strip() + _GUID, usedforsecurity=False).digest())
    return b""


class Caller:
    """A client that writes the bytes it is given, and always reads."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.marks: dict[bytes, asyncio.Event] = {}
        self.over = asyncio.Event()
        self.resume = ""
        self.ended = False
        self._listening: asyncio.Task[None] | None = None

    @classmethod
    async def call(cls, port: int, query: str, *more: str) -> Caller:
        """Knock, and be let in or told no."""
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**22)
        caller = cls(reader, writer)
        lines = [f"GET /api/realtime/ws?{query} HTTP/1.1", "Host: 127.0.0.1", "Upgrade: websocket",
                 "Connection: Upgrade",
                 "Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {KEY.decode()}", *more, "", ""]  # fmt: skip
        writer.write("\r\n".join(lines).encode())
        answer = await reader.readuntil(b"\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 101 "), answer + await reader.read()
        caller._listening = asyncio.create_task(caller._listen())
        return caller

    async def _listen(self) -> None:
        try:
            async for opcode, data in frames_of(self.reader):
                if opcode == CLOSE:
                    if not self.ended:
                        self.writer.write(frame(CLOSE, data[:2]))
                    continue
                if not self.resume and (token := _RESUME.match(data)) is not None:
                    self.resume = token[1].decode()
                if b'"mark-' in data:
                    number = data[data.index(b'"mark-') + 6 :].partition(b'"')[0]
                    if number in self.marks:
                        self.marks[number].set()
        finally:
            self.over.set()
            for mark in self.marks.values():
                mark.set()

    async def until(self, number: int) -> bool:
        """Wait for a mark; false when the connection was over first."""
        if self.over.is_set():
            return False
        mark = self.marks.setdefault(b"%d" % number, asyncio.Event())
        await mark.wait()
        return not self.over.is_set()

    async def end(self) -> None:
        """Say nothing more; returns when the connection is over."""
        if not self.writer.transport.is_closing():
            self.ended = True
            self.writer.write_eof()
        await self.over.wait()

    async def leave(self, rng: random.Random | None = None) -> None:
        """Hang up in one of the ways there are; returns when the connection is over."""
        how = 0 if rng is None else rng.randrange(3)
        if not self.over.is_set() and how == 0:
            self.writer.write(frame(CLOSE, b"\x03\xe8"))
            await self.over.wait()
        if how == 1:
            await self.end()
        self.writer.transport.abort()
        if self._listening is not None:
            await self._listening
