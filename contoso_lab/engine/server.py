"""The engine on the network: a Realtime WebSocket and the HTTP calls that the official clients make beside it.

| path | what |
|---|---|
| WS `/v1/realtime?model=`, and as Azure has it | a call; see `doors` |
| POST `/v1/realtime/client_secrets` | a short-lived key for a call; see `secrets_api` |
| POST `/v1/chat/completions` | the brain alone, in words |
| POST `/v1/audio/speech`, `/v1/audio/transcriptions` | the voice alone, the ear alone |
| GET `/v1/models`, `/v1/models/{model}` | one model, whatever it is called; `languages` says what it hears and speaks |
| GET `/healthz` | whether we are here |

What stands under `/v1` stands under Azure's `/openai/v1`, too, and what Azure's preview has, under
`/openai/deployments/{deployment}`.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from fastapi import APIRouter, Depends, FastAPI, Request

from contoso_lab.engine.audio_api import speech_routes
from contoso_lab.engine.build import Engine
from contoso_lab.engine.capacity import DEFAULT_CALLS, Capacity
from contoso_lab.engine.chat_api import chat_routes
from contoso_lab.engine.doors import call_routes
from contoso_lab.engine.http_errors import install_error_handlers
from contoso_lab.engine.keys import Keys, keys_shown
from contoso_lab.engine.seams import languages_of
from contoso_lab.engine.secrets_api import secret_routes
from contoso_lab.engine.transcripts_api import transcript_routes
from contoso_lab.engine.workshop import Workshop
from contoso_lab.tidy import tidied

DEFAULT_MODEL = "local"
MODEL_CREATED = 1_760_000_000
"""Clients expect a date; it means nothing."""
_PREFIXES = ("/v1", "/openai/v1", "/openai/deployments/{deployment}")


def create_app(
    engine: Engine,
    *,
    api_key: str | None = None,
    clock: Callable[[], float] = time.time,
    calls: int | None = None,
) -> FastAPI:
    """Make the application.

    Args:
        engine: ear, voice, meter and brain.
        api_key: when given, only clients that show it are served; `/healthz` stays open.
        clock: gives the time in seconds since 1970, by which short-lived keys expire.
        calls: how many calls are served at once, DEFAULT_CALLS when nothing is said; one more is told that we are busy.
    """
    workshop = Workshop(engine.ear, engine.voice)
    beside = workshop.beside_calls()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with tidied():
            yield
        workshop.close()

    keys = Keys(api_key, clock=clock)

    def guard(request: Request) -> None:
        keys.to_rest(keys_shown(request.headers))

    app = FastAPI(title="contoso-lab engine", lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(Capacity, calls=DEFAULT_CALLS if calls is None else calls)
    install_error_handlers(app)
    guarded = [Depends(guard)]
    for prefix in _PREFIXES:
        app.include_router(chat_routes(engine.brain), prefix=prefix, dependencies=guarded)
        app.include_router(speech_routes(beside, engine.voice), prefix=prefix, dependencies=guarded)
        app.include_router(transcript_routes(beside), prefix=prefix, dependencies=guarded)
    spoken = {"hears": languages_of(engine.ear), "speaks": languages_of(engine.voice)}
    for prefix in ("/v1", "/openai/v1", "/openai"):
        app.include_router(_model_routes(spoken), prefix=prefix, dependencies=guarded)
    made = secret_routes(keys, voices=engine.voice.names, hears=languages_of(engine.ear), default_model=DEFAULT_MODEL)
    app.include_router(made, dependencies=guarded)
    app.include_router(call_routes(engine, workshop, keys, default_model=DEFAULT_MODEL))

    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    return app


def _model_routes(languages: Mapping[str, tuple[str, ...]]) -> APIRouter:
    """The models that are served: one, by any name. Ours is an extra key: which languages it hears and speaks."""
    router = APIRouter()
    known = {key: list(codes) for key, codes in languages.items() if codes}

    def _model(name: str) -> dict[str, Any]:
        model = {"id": name, "object": "model", "created": MODEL_CREATED, "owned_by": "contoso-lab"}
        return {**model, "languages": known} if known else model

    @router.get("/models")
    async def models() -> dict[str, Any]:
        return {"object": "list", "data": [_model(DEFAULT_MODEL)]}

    @router.get("/models/{name}")
    async def model(name: str) -> dict[str, Any]:
        return _model(name)

    return router
