"""What goes around every HTTP answer: who may read it, what a browser may do with it, and how much may be asked.

| header | why |
|---|---|
| Content-Security-Policy | the relay answers with data; nothing of it is ever run, framed or sent on |
| X-Content-Type-Options, Referrer-Policy | no guessing at types; an address may hold a token |
| Cross-Origin-Opener-Policy, -Resource-Policy | no window and no `<img>` of others gets hold of an answer |
| Cache-Control | tokens, and what is true only now, are not kept |
| Strict-Transport-Security | over TLS only, and never for this machine: it would count for all its ports |
| Access-Control-… | by name for pages that may use the relay, never `*`, never with credentials: there are no cookies |

A page that may not use the relay gets 403, also to its preflight. `Access-Control-Allow-Private-Network` is
answered where a browser asks for it, to the same pages: some ask before a public page may reach a local address.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from contoso_lab.relay.access.origins import OriginPolicy, is_loopback
from contoso_lab.relay.wires.doors import DOORS, refusal

MOST_BODY_BYTES = 256 * 1024
METHODS: Final = "GET, POST"
REQUEST_HEADERS: Final = "Authorization, Content-Type"
PREFLIGHT_S = 600

ALWAYS: Final[Mapping[str, str]] = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
HSTS: Final = "max-age=31536000"

FAILED = "the relay failed, its log says how"


class Surround:
    """An ASGI application around the HTTP surface.

    The WebSockets of calls pass through untouched, for their desk looks at them itself; others are looked at here.

    Args:
        app: what is inside.
        origins: which pages may use the relay.
        on_stranger: called for each page that may not.
        most_body_bytes: how long a request's body may be.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        origins: OriginPolicy,
        on_stranger: Callable[[], None] = lambda: None,
        most_body_bytes: int = MOST_BODY_BYTES,
    ) -> None:
        self._app, self._origins, self._most = app, origins, most_body_bytes
        self._on_stranger = on_stranger

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] not in {"http", "websocket"} or (scope["type"] == "websocket" and scope["path"] in DOORS):
            return await self._app(scope, receive, send)
        headers = Headers(scope=scope)
        origin = headers.get("origin")
        server = scope.get("server")
        called_at = server[0] if server else None
        no = self._origins.refusal(origin, host=headers.get("host"), called_at=called_at)
        if scope["type"] == "websocket":
            if no is None:
                return await self._app(scope, receive, send)
            self._on_stranger()
            return await send({"type": "websocket.close", "code": 1008, "reason": ""})  # HTTP 403 to the handshake
        # Who may not read an answer is told why in one that it cannot read: it is for the log of the browser.
        around = around_an_answer(
            scope.get("scheme", "http"), headers.get("host"), origin if no is None else None
        )  # fmt: skip
        begun = False

        async def say(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                _add(MutableHeaders(scope=message), around)
            await send(message)

        if no is not None:
            self._on_stranger()
            return await refusal(403, no)(scope, receive, say)
        if scope["method"] == "OPTIONS" and origin is not None and "access-control-request-method" in headers:
            return await preflight(headers)(scope, receive, say)
        if _declared_bytes(headers) > self._most:
            return await refusal(413, _too_long(self._most))(scope, receive, say)
        try:
            await self._app(scope, _bounded(receive, self._most), say)
        except Exception:
            if not begun:
                await refusal(500, FAILED)(scope, receive, say)
            raise  # into the server's log


def around_an_answer(scheme: str, host: str | None, origin: str | None) -> dict[str, str]:
    """The headers for an answer over `scheme`, called as `host`, to be read by a page from `origin`.

    >>> "Strict-Transport-Security" in around_an_answer("https", "lab.example", None)
    True
    >>> "Strict-Transport-Security" in around_an_answer("https", "localhost:8901", None)
    False
    >>> around_an_answer("http", "lab.example", "https://lab.example")["Access-Control-Allow-Origin"]
    'https://lab.example'
    """
    around = dict(ALWAYS) | {"Vary": "Origin"}
    name = (host or "").rpartition("]")[0] or (host or "").partition(":")[0]
    if scheme == "https" and not is_loopback(name):
        around["Strict-Transport-Security"] = HSTS
    if origin is not None:
        around["Access-Control-Allow-Origin"] = origin
        around["Access-Control-Expose-Headers"] = "Retry-After"
    return around


def preflight(headers: Mapping[str, str]) -> Response:
    """The answer to a browser that asks before it lets an allowed page ask.

    >>> preflight({"access-control-request-private-network": "true"}).headers["access-control-allow-private-network"]
    'true'
    """
    allowed = {
        "Access-Control-Allow-Methods": METHODS,
        "Access-Control-Allow-Headers": REQUEST_HEADERS,
        "Access-Control-Max-Age": str(PREFLIGHT_S),
        "Vary": "Access-Control-Request-Method, Access-Control-Request-Headers, Access-Control-Request-Private-Network",
    }
    if headers.get("access-control-request-private-network") == "true":
        allowed["Access-Control-Allow-Private-Network"] = "true"
    return Response(status_code=204, headers=allowed)


def _bounded(receive: Receive, most: int) -> Receive:
    """A channel that gives no more than so many bytes: a body without a length is known only when it has come."""
    had = 0

    async def hear() -> Message:
        nonlocal had
        message = await receive()
        had += len(message.get("body", b""))
        if had > most:
            # One of the framework's own, so that what reads the body lets it through.
            raise HTTPException(413, _too_long(most))
        return message

    return hear


def _too_long(most: int) -> str:
    return f"the request is longer than {most // 1024} KiB: send less"


def _declared_bytes(headers: Headers) -> int:
    declared = headers.get("content-length", "")
    return int(declared) if declared.isascii() and declared.isdigit() and len(declared) < 19 else 0


def _add(headers: MutableHeaders, around: Mapping[str, str]) -> None:
    for name, value in around.items():
        if name == "Vary":
            headers.add_vary_header(value)
        else:
            headers[name] = value
    headers.setdefault("Cache-Control", "no-store")
