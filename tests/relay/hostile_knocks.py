"""Handshakes, tokens and bodies as strangers send them; made from seeds."""

from __future__ import annotations

import base64
import json
import random
from typing import Any

from .hostile_events import _places, _wild, _with  # noqa: TID252 - the tests are no package
from .hostile_frames import TEXT, broken_frames, frame  # noqa: TID252 - the tests are no package

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
