"""How much the engine takes on at once. What is too much is refused at the door, so that nobody inside stutters.

| what | limit | beyond it |
|---|---|---|
| calls | `calls`; see DEFAULT_CALLS | the WebSocket handshake ends with HTTP 503 and `Retry-After` |
| requests over HTTP | REQUESTS at once, most of them waiting | HTTP 503 with `Retry-After` |

The official clients understand both: a refused handshake is raised as what it is, and a refused request is sent again
after the time that was asked for. Requests beside the calls also wait for one another in the `Workshop`, so that
somebody who transcribes a hundred files takes one thread of two from the callers and not all of them.
"""

from __future__ import annotations

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from contoso_lab.engine.http_errors import error_body

DEFAULT_CALLS = 16
"""As many as hold while they take at most half of the processors: 0.91 of two (bench/results/engine_sweep.md). The
other half is for turns that end at the same moment, and for whatever else runs there. `--calls` sets another;
`python bench/engine.py --sweep 8,16,24` finds the one of another machine."""

REQUESTS = 32
CALL_RETRY_S = 5
REQUEST_RETRY_S = 1


class Capacity:
    """ASGI middleware that counts calls and requests; it belongs outside of everything else.

    Args:
        app: what is behind the door.
        calls: how many WebSockets may be open at once; 0 refuses all of them.
        requests: how many POST requests may be in work at once.
    """

    def __init__(self, app: ASGIApp, *, calls: int = DEFAULT_CALLS, requests: int = REQUESTS) -> None:
        self._app = app
        self._free = {"websocket": calls, "http": requests}
        self._calls = calls

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let it in, or say that we are busy."""
        kind = scope["type"]
        if kind not in self._free or scope.get("method") in ("GET", "HEAD", "OPTIONS"):
            await self._app(scope, receive, send)
        elif not self._free[kind]:
            await self._busy(kind)(scope, receive, send)
        else:
            self._free[kind] -= 1
            try:
                await self._app(scope, receive, send)
            finally:
                self._free[kind] += 1

    def _busy(self, kind: str) -> JSONResponse:
        calls = kind == "websocket"
        after_s = CALL_RETRY_S if calls else REQUEST_RETRY_S
        what = f"all of its {self._calls} calls are taken" if calls else "too many requests are waiting"
        message = f"The engine is busy, {what}: try again in {after_s} s."
        # "server_error" and 503 are what OpenAI sends when it is overloaded; clients take it for something that passes.
        body = error_body(message, kind="server_error", code="engine_busy")
        return JSONResponse(body, status_code=503, headers={"Retry-After": str(after_s)})
