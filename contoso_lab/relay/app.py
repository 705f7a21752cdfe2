"""The HTTP surface: a token for whoever may have one, two doors for calls, and signs of life.

| path | what |
|---|---|
| `GET /api/token?persona=&customer=&thread=&console=&…` | `{"token", "expiresAt"}`: one call in 5 min |
| `POST /v1/realtime/client_secrets` | the same in OpenAI's shape (`client_secrets`) |
| `WS /api/realtime/ws?token=…` | a call, for browsers |
| `WS /v1/realtime?model=…` | a call, for the official `openai` client (`api_key=token`) |
| `WS /api/chat`, `POST /api/request`, `/api/suggestion`, `/api/order` | the agent's, where there is a memory |
| `GET /healthz` | whether the relay lives, and how many calls it holds |
| `GET /readyz`, `GET /metrics` | whether it takes new calls, and its numbers (`scrape`) |
| `GET /openapi.json` | what programs may ask over HTTP, for programs |

Both WebSocket doors take the token wherever `doors` finds it. `model` is accepted and not heeded: the
target of a relay is decided where the relay runs.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Body, Depends, FastAPI, Query, Request, Response, WebSocket
from fastapi.responses import JSONResponse
from fastapi.security import HTTPBearer

from contoso_lab.memory import Memory
from contoso_lab.relay.access.answers import Health, TokenAnswer, refusals, speak_one_language
from contoso_lab.relay.access.client_secrets import PREFIX, ClientSecret, Name, Wanted, client_secret
from contoso_lab.relay.access.concurrency import RedisLeases
from contoso_lab.relay.access.headers import Surround
from contoso_lab.relay.access.identity import Identity
from contoso_lab.relay.access.issuer import Issuer
from contoso_lab.relay.access.issuing import Asked, Issuing
from contoso_lab.relay.access.limits import Limiter, Limits
from contoso_lab.relay.access.origins import OriginPolicy
from contoso_lab.relay.access.redis_link import RedisLink
from contoso_lab.relay.access.redis_tokens import RedisTokens
from contoso_lab.relay.access.tokens import MOST_CONSENT, ONE_LINE, MemoryTokens
from contoso_lab.relay.desk import Desk
from contoso_lab.relay.pictures import picture_routes
from contoso_lab.relay.setup import SetupSource, shop_setup
from contoso_lab.relay.threads.forgetter import Forgetter
from contoso_lab.relay.threads.funnel import funnel_routes
from contoso_lab.relay.threads.ledger import Ledger
from contoso_lab.relay.watching.scrape import watching_routes
from contoso_lab.relay.wires.doors import BROWSER_DOOR, PROGRAM_DOOR
from contoso_lab.relay.wires.starlette_door import answer
from contoso_lab.settings import Target
from contoso_lab.tidy import tidied

if TYPE_CHECKING:
    from contoso_lab.prompts import ResponseCache

# Told here and checked where tokens are made, which has the better sentence.
CONSENT = Query(max_length=MOST_CONSENT, json_schema_extra={"minLength": 1, "pattern": ONE_LINE})
KEEP_UNTIL = Query(max_length=40, json_schema_extra={"format": "date-time", "pattern": r"^[1-9]\d{3}-"})
"""A day alone is taken, too; a schema has no word for either."""


def create_app(
    target: Target,
    *,
    runs: Path | None = Path("runs"),
    setup: SetupSource = shop_setup,
    secret: str | None = None,
    issuer: Issuer | None = None,
    allowed_origins: Collection[str] = (),
    limits: Limits | None = None,
    redis: str | None = None,
    memory: Memory | None = None,
    traces: Path | None = None,
    prompt_cache: ResponseCache | None = None,
    clock: Callable[[], float] = time.monotonic,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    **desk_options: Any,
) -> FastAPI:
    """A relay to `target` as an application for any ASGI server.

    Args:
        target: whom the calls reach.
        runs: where recordings go; `None` records nothing.
        setup: makes the session configuration of a call.
        secret: what whoever asks for a token has to show; this or `issuer` is needed wherever others reach the relay.
        issuer: whose access tokens count as well.
        allowed_origins: pages that may use it beside those of this machine, as `https://lab.example`.
        limits: how much is too much.
        redis: where tokens and counters are shared with other relays; `None` keeps them in this process.
        memory: where threads are kept, for calls that go on with one and for the agent's chat, which then has its
            routes here, too; closed by whoever opened it. `None`: there are none.
        traces: where traces of prompt runs are, for a customer who asks to be forgotten; see `prompts.trace_always`.
        prompt_cache: where answers are cached, for the same; see `prompts.cache_always`.
        clock: seconds that never run backwards; a token's life is measured by it.
        now: the time of day, which is only told to people.
        desk_options: further fields of `Desk`.
    """
    limits = limits or Limits()
    origins = OriginPolicy(frozenset(origin.rstrip("/").lower() for origin in allowed_origins))
    link = RedisLink(redis) if redis is not None else None
    leases = RedisLeases(link, per_caller=limits.calls_per_caller, most=limits.calls) if link is not None else None
    tokens = RedisTokens(link) if link is not None else MemoryTokens(clock=clock)
    gate = Limiter(limits, leases=leases, link=link)
    ledger = Ledger(memory) if memory is not None else None
    forgetter = Forgetter(memory, runs, traces, prompt_cache) if memory is not None or runs is not None else None
    given = {"tokens": tokens, "gate": gate, "ledger": ledger, "forgetter": forgetter, **desk_options}
    desk = Desk(target, runs, setup, origins, clock, **given)

    metrics = desk.observer.metrics
    metrics.gauge("calls_limit", "The most calls that may be open", lambda: limits.calls)
    if link is not None:
        metrics.gauge("redis_up", "Whether Redis answered last time", lambda: None if link.up is None else link.up)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            if link is not None:
                await stack.enter_async_context(link)
            if leases is not None:
                await stack.enter_async_context(leases)
            await stack.enter_async_context(tidied())
            stack.push_async_callback(desk.close_all)
            desk.closing = False  # what was stopped may be started again
            yield

    app = http_surface(desk, Identity(secret, issuer), now=now, lifespan=lifespan)
    if memory is not None:
        app.include_router(funnel_routes(desk, memory))
    return app


def http_surface(
    desk: Desk,
    identity: Identity,
    *,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    lifespan: Any = None,
) -> FastAPI:
    """The application around a desk; `app.state.desk` is the desk."""
    # No interactive docs: their pages load scripts from elsewhere.
    app = FastAPI(
        title="contoso-lab relay",
        description="Tokens for calls to a Realtime target whose key stays here.",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.desk = desk
    app.add_middleware(
        Surround, origins=desk.origins, on_stranger=lambda: desk.observer.token_not_issued("origin")
    )  # fmt: skip
    speak_one_language(app)
    issuing = Issuing(desk, identity)
    # Who is recognised is `Identity`'s affair; this only writes the scheme into the description.
    guarded = [Depends(HTTPBearer(auto_error=False))] if identity.asks else []
    may_say_no = (401, 403, 404, 422, 429, 503) if identity.asks else (403, 404, 422, 429, 503)

    @app.get("/api/token", dependencies=guarded, response_model=TokenAnswer, responses=refusals(*may_say_no))
    async def token(
        request: Request,
        persona: Annotated[Name | None, Query()] = None,
        customer: Annotated[Name | None, Query()] = None,
        scenario: Annotated[Name | None, Query()] = None,
        replay_of: Annotated[Name | None, Query()] = None,
        mode: Annotated[Name | None, Query()] = None,
        thread: Annotated[Name | None, Query()] = None,
        console: Annotated[Name | None, Query()] = None,
        consent: Annotated[str | None, CONSENT] = None,
        keep_until: Annotated[str | None, KEEP_UNTIL] = None,
    ) -> Response:
        """A token that opens one call within five minutes.

        With the id of a thread the call goes on with what was said in it, and `new` begins one. Its persona and
        its customer are then those of the call, where none are named; else they are `voice` and `maya`.
        `consent` (who agreed to be recorded, and how) and `keep_until` (ISO 8601) are kept with the recording.
        """
        asked = Asked(
            persona, customer, scenario, replay_of, mode, thread, console, consent=consent, keep_until=keep_until
        )
        issued = await issuing.issue(asked, headers=request.headers, address=_address(request))
        expires = now() + timedelta(seconds=desk.tokens.lifetime_s)
        body = TokenAnswer(
            token=issued.token, expiresAt=expires.strftime("%Y-%m-%dT%H:%M:%SZ"), thread=issued.thread
        )  # fmt: skip
        return JSONResponse(body.model_dump(exclude_none=True), headers={"Cache-Control": "no-store"})

    @app.post(
        "/v1/realtime/client_secrets",
        dependencies=guarded,
        response_model=ClientSecret,
        responses=refusals(400, *may_say_no, 413),
    )
    async def client_secrets(
        request: Request,
        wanted: Annotated[Wanted | None, Body()] = None,
        persona: Annotated[Name | None, Query()] = None,
        customer: Annotated[Name | None, Query()] = None,
        thread: Annotated[Name | None, Query()] = None,
    ) -> Response:
        """A key that opens one call within five minutes, in OpenAI's shape."""
        wanted = wanted or Wanted()
        names = wanted.names
        lives_s = wanted.lifetime_s(desk.tokens.lifetime_s)
        asked = Asked(
            persona or names.persona,
            customer or names.customer,
            names.scenario,
            names.replay_of,
            names.mode,
            thread or names.thread,
            lifetime_s=lives_s,
            prefix=PREFIX,
        )
        issued = await issuing.issue(asked, headers=request.headers, address=_address(request))
        expires_at = int(now().timestamp()) + lives_s
        secret = client_secret(
            issued.token, expires_at=expires_at, session=issued.setup.session, model=desk.target.model,
            thread=issued.thread,
        )  # fmt: skip
        return JSONResponse(secret.model_dump(), headers={"Cache-Control": "no-store"})

    @app.get("/healthz", responses=refusals(403))
    async def healthz() -> Health:
        """Whether the relay lives."""
        return Health(status="closing" if desk.closing else "ok", calls=len(desk.pumps), target=desk.target.kind)

    # What only machines of the operator ask is no part of the description.
    watching = watching_routes(desk.observer.metrics, secret=identity.secret, closing=lambda: desk.closing)
    app.include_router(watching, include_in_schema=False)
    app.include_router(picture_routes())

    for door in (BROWSER_DOOR, PROGRAM_DOOR):

        @app.websocket(door)
        async def take(websocket: WebSocket) -> None:
            await answer(desk, websocket)

    return app


def _address(request: Request) -> str | None:
    return request.client.host if request.client else None
