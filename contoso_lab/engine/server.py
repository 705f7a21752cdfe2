"""The engine on the network: a Realtime WebSocket and the HTTP calls that the official clients make beside it.

| path | what |
|---|---|
| WS `/v1/realtime?model=`, `/openai/v1/realtime?model=` | a call; the second as Azure has it |
| POST `/v1/chat/completions` | the brain alone, in words |
| POST `/v1/audio/speech`, `/v1/audio/transcriptions` | the voice alone, the ear alone |
| GET `/v1/models`, `/v1/models/{model}` | one model, whatever it is called |
| GET `/healthz` | whether we are here |
"""

from __future__ import annotations

import hmac
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from fastapi import Depends, FastAPI, HTTPException, Request, WebSocket
from fastapi.responses import JSONResponse

from contoso_lab.engine.audio_api import audio_routes
from contoso_lab.engine.build import Engine
from contoso_lab.engine.chat_api import chat_routes
from contoso_lab.engine.connection import Connection
from contoso_lab.engine.http_errors import install_error_handlers
from contoso_lab.engine.protocol import EngineProtocol
from contoso_lab.engine.workshop import Workshop
from contoso_lab.wire.events import Dialect

DEFAULT_MODEL = "local"
MODEL_CREATED = 1_760_000_000
"""Clients expect a date; it means nothing."""
_KEY_PROTOCOL = "openai-insecure-api-key."


def create_app(engine: Engine, *, api_key: str | None = None) -> FastAPI:
    """Make the application.

    Args:
        engine: ear, voice, meter and brain.
        api_key: when given, only clients that show it are served; `/healthz` stays open.
    """
    workshop = Workshop(engine.ear, engine.voice)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
        workshop.close()

    def guard(request: Request) -> None:
        if not _may_enter(request.headers, api_key):
            raise HTTPException(401, "Incorrect API key provided.")

    app = FastAPI(title="contoso-lab engine", lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)
    install_error_handlers(app)
    app.include_router(chat_routes(engine.brain), prefix="/v1", dependencies=[Depends(guard)])
    app.include_router(audio_routes(workshop, engine.voice), prefix="/v1", dependencies=[Depends(guard)])

    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/v1/models", dependencies=[Depends(guard)])
    async def models() -> dict[str, Any]:
        return {"object": "list", "data": [_model(DEFAULT_MODEL)]}

    @app.get("/v1/models/{name}", dependencies=[Depends(guard)])
    async def model(name: str) -> dict[str, Any]:
        return _model(name)

    @app.websocket("/v1/realtime")
    @app.websocket("/openai/v1/realtime")
    async def realtime(websocket: WebSocket, model: str = DEFAULT_MODEL) -> None:
        if not _may_enter(websocket.headers, api_key):
            error = {"message": "Incorrect API key provided.", "type": "invalid_request_error"}
            body = {"error": {**error, "param": None, "code": "invalid_api_key"}}
            await websocket.send_denial_response(JSONResponse(body, status_code=401))
            return
        offered = websocket.scope.get("subprotocols") or []
        await websocket.accept(subprotocol="realtime" if "realtime" in offered else None)
        protocol = EngineProtocol(engine.new_meter(), voices=engine.voice.names, model=model)
        dialect = _dialect(websocket.headers, offered)
        await Connection(websocket, protocol, brain=engine.brain, workshop=workshop, dialect=dialect).run()

    return app


def _model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": MODEL_CREATED, "owned_by": "contoso-lab"}


def _dialect(headers: Mapping[str, str], subprotocols: list[str]) -> Dialect:
    """Old clients say that they are old: in a header, or in a subprotocol where a browser can set no header."""
    beta = headers.get("openai-beta") == "realtime=v1" or "openai-beta.realtime-v1" in subprotocols
    return "beta" if beta else "ga"


def _may_enter(headers: Mapping[str, str], api_key: str | None) -> bool:
    """Whether the client shows the key, in one of the three places where the official clients put it."""
    if api_key is None:
        return True
    shown = [headers.get("api-key", ""), headers.get("authorization", "").removeprefix("Bearer ")]
    for each in headers.get("sec-websocket-protocol", "").split(","):
        if each.strip().startswith(_KEY_PROTOCOL):
            shown.append(each.strip().removeprefix(_KEY_PROTOCOL))
    return any(hmac.compare_digest(each.encode(), api_key.encode()) for each in shown)
