"""`POST /v1/realtime/client_secrets`: short-lived keys for clients that must not see the real one.

The session that is asked for is checked here, as `session.update` checks it, and shown whole in the answer: a mistake
is found where it was made and not in somebody's browser.

| path | shape |
|---|---|
| `/v1/realtime/client_secrets`, `/openai/v1/realtime/client_secrets` | GA |
| `/v1/realtime/sessions`, `/openai/realtimeapi/sessions` | beta: the session is flat, and the key stands inside |
| `/v1/realtime/transcription_sessions`, `/openai/realtimeapi/transcription_sessions` | the same for transcriptions |
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body
from pydantic import BaseModel, ConfigDict, Field

from contoso_lab.engine.effects import random_ids
from contoso_lab.engine.keys import Keys
from contoso_lab.engine.session_shape import Kind
from contoso_lab.engine.session_state import SessionState
from contoso_lab.wire.beta import session_from_beta, session_to_beta, without_beta_only

DEFAULT_LASTS_S = 600
BETA_LASTS_S = 60
"""What the service documents for each shape."""


class _ExpiresAfter(BaseModel):
    model_config = ConfigDict(extra="forbid")
    anchor: Literal["created_at"] = "created_at"
    seconds: Annotated[int, Field(ge=10, le=7200)] | None = None


class _Wanted(BaseModel):
    model_config = ConfigDict(extra="forbid")
    expires_after: _ExpiresAfter | None = None
    session: dict[str, Any] | None = None


class _BetaSecret(BaseModel):
    model_config = ConfigDict(extra="allow")
    expires_after: _ExpiresAfter | None = None


class _BetaWanted(BaseModel):
    model_config = ConfigDict(extra="allow")
    client_secret: _BetaSecret | None = None


def secret_routes(keys: Keys, *, voices: tuple[str, ...], default_model: str, hears: tuple[str, ...] = ()) -> APIRouter:
    """Make the routes; who may use them is the caller's affair."""
    router = APIRouter()

    def begin(session: Mapping[str, Any]) -> dict[str, Any]:
        """The session that a call would begin with.

        Raises:
            Refused: it cannot be had.
        """
        model, kind = str(session.get("model") or default_model), session.get("type") or "realtime"
        state = SessionState(
            session_id=random_ids("sess"),
            model=model,
            voices=voices,
            hears=hears,
            kind="transcription" if kind == "transcription" else "realtime",
        )
        state.update(session)
        return state.wire()

    @router.post("/v1/realtime/client_secrets")
    @router.post("/openai/v1/realtime/client_secrets")
    async def client_secrets(wanted: Annotated[_Wanted | None, Body()] = None) -> dict[str, Any]:
        wanted = wanted or _Wanted()
        session = wanted.session or {"type": "realtime"}
        shown = begin(session)
        secret = keys.mint(session, lasts_s=_lasts_s(wanted.expires_after, DEFAULT_LASTS_S))
        return {"value": secret.value, "expires_at": secret.expires_at, "session": shown}

    @router.post("/v1/realtime/sessions")
    @router.post("/openai/realtimeapi/sessions")
    async def sessions(wanted: Annotated[_BetaWanted | None, Body()] = None) -> dict[str, Any]:
        return beta(wanted or _BetaWanted(), "realtime")

    @router.post("/v1/realtime/transcription_sessions")
    @router.post("/openai/realtimeapi/transcription_sessions")
    async def transcription_sessions(wanted: Annotated[_BetaWanted | None, Body()] = None) -> dict[str, Any]:
        return beta(wanted or _BetaWanted(), "transcription")

    def beta(wanted: _BetaWanted, kind: Kind) -> dict[str, Any]:
        session = without_beta_only({"type": kind, **session_from_beta(wanted.model_extra or {})})
        shown = session_to_beta(begin(session))
        expires_after = wanted.client_secret.expires_after if wanted.client_secret else None
        secret = keys.mint(session, lasts_s=_lasts_s(expires_after, BETA_LASTS_S))
        return {**shown, "client_secret": {"value": secret.value, "expires_at": secret.expires_at}}

    return router


def _lasts_s(wanted: _ExpiresAfter | None, default_s: int) -> int:
    return default_s if wanted is None or wanted.seconds is None else wanted.seconds
