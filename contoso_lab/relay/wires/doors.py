"""Where a caller shows its token, and how it hears a no.

A program can set a header and read an HTTP answer. A browser can do neither with a WebSocket: it carries
the token in the query or in a subprotocol, and of a refused handshake its page learns nothing at all, but
it can read a close code. So:

| the token comes in | for | a no is |
|---|---|---|
| `Authorization: Bearer …` | programs, the official `openai` client | HTTP 401 before the handshake |
| subprotocol `openai-insecure-api-key.…` | browsers, as OpenAI's own door has it | accept, then close 4401 |
| query `?token=…` | browsers, our widgets | accept, then close 4401 |
| nowhere | on `/v1/realtime` a program, elsewhere a browser | as above |

The reason of a close is the same sentence that the HTTP answer has as `error.message`. Every other no
before the call (4429 for too many, 4502 for a target that is not there) is told in the same way.

A caller that had a call and lost its connection shows `?resume=…&received=…` in place of a token, and one
that wants to be able to do so says `?resumable=1` when it calls.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any, Literal

from fastapi.responses import Response

from contoso_lab.relay.wires.handshake import Handshake

BROWSER_DOOR = "/api/realtime/ws"
PROGRAM_DOOR = "/v1/realtime"
DOORS = frozenset({BROWSER_DOOR, PROGRAM_DOOR})
KEY_PROTOCOL = "openai-insecure-api-key."
BETA_PROTOCOL = "openai-beta.realtime-v1"
# Subprotocols with which OpenAI's clients carry values; none of them names a protocol that one could speak.
_CARRIERS = (KEY_PROTOCOL, "openai-organization.", "openai-project.", "openai-beta.")

Carrier = Literal["header", "subprotocol", "query", "resume", "nowhere"]


@dataclass(frozen=True, slots=True)
class Knock:
    """What a caller showed at the door."""

    token: str | None
    carrier: Carrier
    subprotocol: str | None
    """The one to agree on: a browser gives up when it offered some and none is taken."""
    reads_http: bool
    """It is a program that reads the HTTP answer to its handshake."""
    beta: bool = False
    """It speaks the Realtime API as it was in beta."""
    resumable: bool = False
    """It can come back to its call when its connection breaks."""
    resume: str | None = None
    """The call that it comes back to; it needs no other token."""
    received: int = 0
    """How many messages of that call it has."""
    is_page: bool = False
    """A web page calls: whoever sits before it could change what it sends."""

    def __repr__(self) -> str:
        return f"Knock(carrier={self.carrier!r}, reads_http={self.reads_http})"


def knock(handshake: Handshake, *, for_programs: bool) -> Knock:
    """Read a handshake. `for_programs` is the door on which a caller without any token is a program."""
    offered, headers, query = handshake.subprotocols, handshake.headers, handshake.query
    spoken = [name for name in offered if not name.startswith(_CARRIERS)]
    subprotocol = "realtime" if "realtime" in spoken else spoken[0] if spoken else None
    beta = BETA_PROTOCOL in offered or "realtime=v1" in headers.get("openai-beta", "").replace(" ", "")
    is_page = "origin" in headers

    if resume := query.get("resume"):
        received = query.get("received", "")
        # A number that is none asks for everything: the pump refuses what it no longer has.
        count = int(received) if received.isascii() and received.isdigit() and len(received) < 19 else 0
        program = bearer(headers.get("authorization")) is not None or (for_programs and not is_page)
        return Knock(
            None, "resume", subprotocol, program, beta, resumable=True, resume=resume, received=count, is_page=is_page
        )
    carrier: Carrier = "nowhere"
    reads_http = for_programs and not is_page
    if (token := bearer(headers.get("authorization"))) is not None:
        carrier, reads_http = "header", True
    elif key := next((name for name in offered if name.startswith(KEY_PROTOCOL)), None):
        token, carrier, reads_http = key.removeprefix(KEY_PROTOCOL), "subprotocol", False
    elif token := query.get("token"):
        carrier, reads_http = "query", False
    resumable = query.get("resumable") in ("1", "true")
    return Knock(token or None, carrier, subprotocol, reads_http, beta, resumable, is_page=is_page)


def bearer(header: str | None) -> str | None:
    """The credential of an `Authorization` header.

    >>> bearer("Bearer abc"), bearer("Basic abc"), bearer(None)
    ('abc', None, None)
    """
    scheme, _, value = (header or "").partition(" ")
    return value.strip() if scheme.lower() == "bearer" and value.strip() else None


def refusal_head(retry_after_s: float | None = None) -> dict[str, str]:
    """The headers of an HTTP no.

    >>> refusal_head(1.2)["Retry-After"]
    '2'
    """
    head = {"Content-Type": "application/json", "Cache-Control": "no-store"}
    return head if retry_after_s is None else head | {"Retry-After": str(max(1, math.ceil(retry_after_s)))}


def refusal_body(status: int, sentence: str) -> bytes:
    """An HTTP no in the shape of OpenAI's errors, which every client of theirs shows."""
    detail: dict[str, Any] = {"type": "relay_error", "code": _CODES.get(status), "message": sentence}
    return json.dumps({"error": detail}, ensure_ascii=False, separators=(",", ":")).encode("utf-8", errors="replace")


def refusal(status: int, sentence: str, *, retry_after_s: float | None = None) -> Response:
    """The same no as an answer of the web framework."""
    return Response(refusal_body(status, sentence), status_code=status, headers=refusal_head(retry_after_s))


_CODES = {
    400: "unreadable",
    401: "not_let_in",
    403: "forbidden",
    404: "not_found",
    405: "wrong_method",
    410: "nothing_to_resume",
    413: "too_long",
    422: "cannot_prepare_call",
    429: "too_many",
    500: "cannot_prepare_call",
    502: "no_target",
    503: "not_now",
}
