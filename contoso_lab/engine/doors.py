"""The doors for calls: which addresses they have, who may enter, and which dialect is spoken behind them.

| address | as | names on the wire |
|---|---|---|
| `/v1/realtime?model=` | OpenAI | GA; beta when the client says `OpenAI-Beta: realtime=v1` |
| `/openai/v1/realtime?model=` | Azure OpenAI, GA | the same |
| `/openai/realtime?api-version=&deployment=` | Azure OpenAI, preview | beta |

A client that is not let in gets an error body over HTTP: the WebSocket is never opened.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fastapi import APIRouter, WebSocket
from fastapi.responses import JSONResponse

from contoso_lab.engine.build import Engine
from contoso_lab.engine.connection import Connection
from contoso_lab.engine.http_errors import error_body
from contoso_lab.engine.keys import Keys, NotAdmitted, keys_shown
from contoso_lab.engine.protocol import EngineProtocol
from contoso_lab.engine.workshop import Workshop
from contoso_lab.wire.events import Dialect

_BETA_PROTOCOL = "openai-beta.realtime-v1"
_PREVIEW = "/openai/realtime"


def call_routes(engine: Engine, workshop: Workshop, keys: Keys, *, default_model: str) -> APIRouter:
    """Make the routes that carry calls."""
    router = APIRouter()

    @router.websocket("/v1/realtime")
    @router.websocket("/openai/v1/realtime")
    @router.websocket(_PREVIEW)
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
        protocol = EngineProtocol(engine.new_meter(), voices=engine.voice.names, model=str(model), session=session)
        await websocket.accept(subprotocol="realtime" if "realtime" in offered else None)
        await Connection(websocket, protocol, brain=engine.brain, workshop=workshop, dialect=dialect).run()

    return router


def dialect_of(path: str, headers: Mapping[str, str], subprotocols: Sequence[str]) -> Dialect:
    """Which names a client wants: old clients say so in a header, in a subprotocol (a browser), or by the address.

    >>> dialect_of("/v1/realtime", {}, []), dialect_of("/openai/realtime", {}, [])
    ('ga', 'beta')
    """
    said = headers.get("openai-beta", "").replace(" ", "").split(",")
    beta = "realtime=v1" in said or _BETA_PROTOCOL in subprotocols or path.rstrip("/").endswith(_PREVIEW)
    return "beta" if beta else "ga"


async def _deny(
    websocket: WebSocket, status: int, message: str, *, code: str | None = "invalid_value", param: str | None = None
) -> None:
    body = error_body(message, kind="invalid_request_error", code=code, param=param)
    await websocket.send_denial_response(JSONResponse(body, status_code=status))
