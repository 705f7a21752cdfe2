"""The HTTP surface: a token for whoever may have one, two doors for calls, and a sign of life.

| path | what |
|---|---|
| `GET /api/token?persona=&customer=&scenario=&replay_of=&mode=` | `{"token", "expiresAt"}`: one call in five minutes |
| `WS /api/realtime/ws?token=…` | a call, for browsers |
| `WS /v1/realtime?model=…` | a call, for the official `openai` client (`api_key=token`) |
| `GET /healthz` | whether the relay takes calls, and how many it holds |

Both WebSocket doors take the token wherever `doors` finds it. `model` is accepted and not heeded: the
target of a relay is decided where the relay runs.
"""

from __future__ import annotations

import hmac
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request, Response, WebSocket
from fastapi.responses import JSONResponse

from contoso_lab.errors import LabError, SessionRefused
from contoso_lab.relay.desk import Desk
from contoso_lab.relay.dial import DIAL_S
from contoso_lab.relay.doors import bearer, refusal
from contoso_lab.relay.origins import OriginPolicy
from contoso_lab.relay.setup import SetupSource, shop_setup
from contoso_lab.relay.tokens import Grant
from contoso_lab.settings import Target

NO_SECRET = "this relay gives tokens for its shared secret only: send it as Authorization: Bearer …"


def create_app(
    target: Target,
    *,
    runs: Path | None = Path("runs"),
    setup: SetupSource = shop_setup,
    secret: str | None = None,
    allowed_origins: Collection[str] = (),
    client_may_instruct: bool = False,
    dial_s: float = DIAL_S,
    clock: Callable[[], float] = time.monotonic,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> FastAPI:
    """A relay to `target` as an application for any ASGI server; `serving` is the one it is tested with.

    Args:
        runs: where recordings go; `None` records nothing.
        setup: makes the session configuration of a call.
        secret: what `GET /api/token` asks for; needed wherever others can reach the relay.
        allowed_origins: pages that may use it beside those of this machine, as `https://lab.example`.
        client_may_instruct: lets a client's `session.update` set instructions and tools.
        dial_s: how long the target may take to answer, and again to greet.
        clock: seconds that never run backwards; a token's life is measured by it.
        now: the time of day, which is only told to people.
    """
    origins = OriginPolicy(frozenset(origin.rstrip("/").lower() for origin in allowed_origins))
    desk = Desk(target, runs, setup, origins, clock, client_may_instruct=client_may_instruct, dial_s=dial_s)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await desk.close_all()

    # No interactive docs: their pages load scripts from elsewhere.
    app = FastAPI(title="contoso-lab relay", lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)
    app.state.desk = desk

    @app.middleware("http")
    async def visitors(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        """Turn away pages from elsewhere; let the others read the answer (never by `*`)."""
        origin = request.headers.get("origin")
        server = request.scope.get("server")
        no = origins.refusal(origin, host=request.headers.get("host"), called_at=server[0] if server else None)
        if no is not None:
            return refusal(403, no)
        if request.method == "OPTIONS":
            response = Response(status_code=204)
            response.headers["Access-Control-Allow-Methods"] = "GET"
            response.headers["Access-Control-Allow-Headers"] = "Authorization"
        else:
            response = await call_next(request)
        response.headers["Vary"] = "Origin"
        if origin is not None:
            response.headers["Access-Control-Allow-Origin"] = origin
        return response

    @app.get("/api/token")
    async def token(
        request: Request,
        persona: str = "voice",
        customer: str = "maya",
        scenario: str | None = None,
        replay_of: str | None = None,
        mode: str | None = None,
    ) -> Response:
        shown = bearer(request.headers.get("authorization")) or ""
        if secret is not None and not hmac.compare_digest(shown.encode(), secret.encode()):
            return refusal(401, NO_SECRET)
        try:
            grant = Grant(persona, customer, scenario, replay_of, mode)
            await desk.prepare(grant)  # a persona or a customer that is not there is found now, not in the call
            issued = desk.tokens.issue(grant, at_s=clock())
        except SessionRefused as error:
            return refusal(error.status or 503, error.reason)
        except LabError as error:
            return refusal(422, str(error))
        expires = now() + timedelta(seconds=desk.tokens.lifetime_s)
        body: dict[str, Any] = {"token": issued, "expiresAt": expires.strftime("%Y-%m-%dT%H:%M:%SZ")}
        return JSONResponse(body, headers={"Cache-Control": "no-store"})

    @app.websocket("/api/realtime/ws")
    async def browser_door(websocket: WebSocket) -> None:
        await desk.answer(websocket, for_programs=False)

    @app.websocket("/v1/realtime")
    async def program_door(websocket: WebSocket) -> None:
        await desk.answer(websocket, for_programs=True)

    @app.get("/healthz")
    async def healthz() -> dict[str, str | int]:
        status = "closing" if desk.closing else "ok"
        return {"status": status, "calls": len(desk.pumps), "target": target.kind}

    return app
