"""The doors for calls: which addresses they have, who may enter, and which dialect is spoken behind them.

| address | as | names on the wire |
|---|---|---|
| `/v1/realtime?model=` | OpenAI | GA; beta when the client says `OpenAI-Beta: realtime=v1` |
| `/openai/v1/realtime?model=` | Azure OpenAI, GA | the same |
| `/openai/realtime?api-version=&deployment=` | Azure OpenAI, preview | beta |

With `?intent=transcription`, and no model, the caller is written down and not answered.

A client that is not let in gets an error body over HTTP: the WebSocket is never opened. One that asks for a call that
cannot be gets an `error` event and a close with 4000, as the real service does it (livekit/agents-js#1756,
BerriAI/litellm#13471).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, WebSocket
from fastapi.responses import JSONResponse

from contoso_lab.engine.build import Engine
from contoso_lab.engine.connection import Connection
from contoso_lab.engine.dialects import PREVIEW_PATH, dialect_of
from contoso_lab.engine.http_errors import error_body
from contoso_lab.engine.keys import Keys, NotAdmitted, keys_shown
from contoso_lab.engine.protocol import EngineProtocol
from contoso_lab.engine.refusals import Refused
from contoso_lab.engine.seams import languages_of
from contoso_lab.engine.session_shape import Kind
from contoso_lab.engine.workshop import Workshop
from contoso_lab.wire.events import dump, server_event

CLOSED_AS_REFUSED = 4000


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
        if "call_id" in asked:
            reason = "'call_id' is not supported: this engine carries conversations over WebSockets only."
            await _deny(websocket, 400, reason, param="call_id")
            return
        session = None if secret is None else secret.session
        offered = websocket.scope.get("subprotocols") or []
        subprotocol = "realtime" if "realtime" in offered else None
        dialect = dialect_of(websocket.url.path, websocket.headers, offered)
        model = asked.get("model") or asked.get("deployment") or (session or {}).get("model") or default_model
        brain, ear = engine.brain_of_call(), engine.ear_of_call()
        try:
            protocol = EngineProtocol(
                engine.new_meter(),
                voices=engine.voice.names,
                hears=languages_of(ear),
                model=str(model),
                sees=getattr(brain, "sees", False),
                session=session,
                kind=_kind(asked, session),
            )
        except Refused as refusal:
            await websocket.accept(subprotocol=subprotocol)
            await _send_away(websocket, refusal)
            return
        await websocket.accept(subprotocol=subprotocol)
        desk = workshop.with_ear(ear)
        await Connection(websocket, protocol, brain=brain, workshop=desk, dialect=dialect).run()

    return router


def _kind(asked: Mapping[str, str], session: Mapping[str, Any] | None) -> Kind | None:
    """What is wanted: a conversation, a transcription, or (None) what the key or the first update says.

    Raises:
        Refused: a transcription with a model in the address.
    """
    transcribes = asked.get("intent") == "transcription" or (session or {}).get("type") == "transcription"
    if transcribes and "model" in asked:
        raise Refused("You must not provide a model parameter for transcription sessions.", code="invalid_model")
    if transcribes:
        return "transcription"
    return "realtime" if "model" in asked or "deployment" in asked else None


async def _send_away(websocket: WebSocket, refusal: Refused) -> None:
    """End a call that cannot begin as the real service does: with an error event, then with a close that names it."""
    error = refusal.to_wire(None)
    await websocket.send_text(dump(server_event("error", error=error)))
    await websocket.close(CLOSED_AS_REFUSED, f"{error['type']}.{error['code']}")


async def _deny(
    websocket: WebSocket, status: int, message: str, *, code: str | None = "invalid_value", param: str | None = None
) -> None:
    body = error_body(message, kind="invalid_request_error", code=code, param=param)
    await websocket.send_denial_response(JSONResponse(body, status_code=status))
