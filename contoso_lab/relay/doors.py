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
before the call (4502 for a target that is not there) is told in the same way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from fastapi.responses import JSONResponse
from starlette.websockets import WebSocket

from contoso_lab.relay.closing import Close

KEY_PROTOCOL = "openai-insecure-api-key."
# Subprotocols with which OpenAI's clients carry values; none of them names a protocol that one could speak.
_CARRIERS = (KEY_PROTOCOL, "openai-organization.", "openai-project.")

Carrier = Literal["header", "subprotocol", "query", "nowhere"]


@dataclass(frozen=True, slots=True)
class Knock:
    """What a caller showed at the door."""

    token: str | None
    carrier: Carrier
    subprotocol: str | None
    """The one to agree on: a browser gives up when it offered some and none is taken."""
    reads_http: bool
    """It is a program that reads the HTTP answer to its handshake."""

    def __repr__(self) -> str:
        return f"Knock(carrier={self.carrier!r}, reads_http={self.reads_http})"


def knock(websocket: WebSocket, *, for_programs: bool) -> Knock:
    """Read a handshake. `for_programs` is the door on which a caller without any token is a program."""
    offered: Sequence[str] = websocket.scope.get("subprotocols", [])
    spoken = [name for name in offered if not name.startswith(_CARRIERS)]
    subprotocol = "realtime" if "realtime" in spoken else spoken[0] if spoken else None

    if (token := bearer(websocket.headers.get("authorization"))) is not None:
        return Knock(token, "header", subprotocol, reads_http=True)
    for name in offered:
        if name.startswith(KEY_PROTOCOL):
            return Knock(name.removeprefix(KEY_PROTOCOL), "subprotocol", subprotocol, reads_http=False)
    if token := websocket.query_params.get("token"):
        return Knock(token, "query", subprotocol, reads_http=False)
    is_page = "origin" in websocket.headers
    return Knock(None, "nowhere", subprotocol, reads_http=for_programs and not is_page)


def bearer(header: str | None) -> str | None:
    """The credential of an `Authorization` header.

    >>> bearer("Bearer abc"), bearer("Basic abc"), bearer(None)
    ('abc', None, None)
    """
    scheme, _, value = (header or "").partition(" ")
    return value.strip() if scheme.lower() == "bearer" and value.strip() else None


async def turn_away(websocket: WebSocket, knocked: Knock, *, status: int, close: Close) -> None:
    """Say no in the way that this caller can hear.

    A caller that has left in the meantime is no error: there is nobody to tell.
    """
    try:
        if knocked.reads_http and "websocket.http.response" in websocket.scope.get("extensions", {}):
            await websocket.send_denial_response(refusal(status, close.reason))
        else:
            await websocket.accept(subprotocol=knocked.subprotocol)
            await websocket.close(close.code, close.reason)
    except (OSError, RuntimeError):
        return


def refusal(status: int, sentence: str) -> JSONResponse:
    """An HTTP no in the shape of OpenAI's errors, which every client of theirs shows."""
    detail: dict[str, Any] = {"type": "relay_error", "code": _CODES.get(status), "message": sentence}
    return JSONResponse({"error": detail}, status_code=status, headers={"Cache-Control": "no-store"})


_CODES = {
    401: "not_let_in",
    403: "origin_refused",
    422: "cannot_prepare_call",
    500: "cannot_prepare_call",
    502: "no_target",
    503: "not_now",
}
