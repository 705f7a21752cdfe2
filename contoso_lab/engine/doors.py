"""The doors for calls: which addresses they have, who may enter, and which dialect is spoken behind them.

| address | as | names on the wire |
|---|---|---|
| `/v1/realtime?model=` | OpenAI | GA; beta when the client says `OpenAI-Beta: realtime=v1` |
| `/openai/v1/realtime?model=` | Azure OpenAI, GA | the same |
| `/openai/realtime?api-version=&deployment=` | Azure OpenAI, preview | beta |

A client that is not let in gets an error body over HTTP: the WebSocket is never opened.
"""

from __future__ import annotations

from fastapi import APIRouter, WebSocket
from fastapi.responses import JSONResponse

from contoso_lab.engine.build import Engine
from contoso_lab.engine.connection import Connection
from contoso_lab.engine.dialects import PREVIEW_PATH, dialect_of
from contoso_lab.engine.http_errors import error_body
from contoso_lab.engine.keys import Keys, NotAdmitted, keys_shown
from contoso_lab.engine.protocol import EngineProtocol
from contoso_lab.engine.workshop import Workshop


def call_routes(engine: Engine, workshop: Workshop, keys: Keys, *, default_model: str) -> APIRouter:
    """Make the routes that carry calls."""
    router = APIRouter()

    @router.websocket("/v1/realtime")
    @router.websocket("/openai/v1/realtime")
    @router.websocket(PREVIEW_PATH)
    async def realtime(websocket: WebSocket) -> None:
        try:
            secret = keys.to_call(keys_shown(websocket.headers))
        except NotAdmitted as refusal:
            await _deny(websocket, 401, refusal.message, code=refusal.code)
            return
        asked = websocket.query_params
        if "call_id" in asked or asked.get("intent") == "transcription":
            what = "call_id" if "call_id" in asked else "intent"
            reason = f"'{what}' is not supported: this engine carries conversations over WebSockets only."
            await _deny(websocket, 400, reason, param=what)
            return
        session = None if secret is None else secret.session
        model = asked.get("model") or asked.get("deployment") or (session or {}).get("model") or default_model
        offered = websocket.scope.get("subprotocols") or []
        dialect = dialect_of(websocket.url.path, websocket.headers, offered)
        brain = engine.brain_of_call()
        protocol = EngineProtocol(
            engine.new_meter(),
            voices=engine.voice.names,
            model=str(model),
            sees=getattr(brain, "sees", False),
            session=session,
        )
        await websocket.accept(subprotocol="realtime" if "realtime" in offered else None)
        desk = workshop.with_ear(engine.ear_of_call())
        await Connection(websocket, protocol, brain=brain, workshop=desk, dialect=dialect).run()

    return router


async def _deny(
    websocket: WebSocket, status: int, message: str, *, code: str | None = "invalid_value", param: str | None = None
) -> None:
    body = error_body(message, kind="invalid_request_error", code=code, param=param)
    await websocket.send_denial_response(JSONResponse(body, status_code=status))
