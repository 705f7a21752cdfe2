"""The answers of the HTTP surface as its OpenAPI description has them, and every no in the one shape of errors."""

from __future__ import annotations

from typing import Any, Literal

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from contoso_lab.errors import LabError, SessionRefused
from contoso_lab.relay.wires.doors import refusal

RETRY_AFTER = {
    "Retry-After": {"description": "Seconds after which asking again may help.", "schema": {"type": "integer"}}
}


class ErrorDetail(BaseModel):
    """What went wrong, for a program and for a person."""

    type: Literal["relay_error"]
    code: str | None
    message: str


class ErrorAnswer(BaseModel):
    """A no, in the shape of OpenAI's errors."""

    error: ErrorDetail


class TokenAnswer(BaseModel):
    """A token that opens one call."""

    token: str
    expiresAt: str
    """As `2026-11-22T12:05:00Z`."""
    thread: str | None = None
    """The thread that the call goes on with; left out when there is none."""


class Health(BaseModel):
    """A sign of life."""

    status: Literal["ok", "closing"]
    calls: int
    target: str


_SENTENCES = {
    400: "The body cannot be read.",
    401: "The caller is not known.",
    403: "The page that asks may not use this relay, or the thread is another customer's.",
    404: "There is no such thread of this caller's, or it is closed.",
    413: "The body is too long.",
    422: "What is asked for is malformed, or there is no such persona or customer.",
    429: "The caller asks too often.",
    503: "Not now: the relay is closing, too many tokens are out, or the store is away.",
}


def refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """These statuses as FastAPI's `responses`."""
    return {
        status: {"model": ErrorAnswer, "description": _SENTENCES[status]}
        | ({"headers": RETRY_AFTER} if status in (429, 503) else {})
        for status in statuses
    }


def told(error: LabError) -> Response:
    """An error of ours as an HTTP answer."""
    if not isinstance(error, SessionRefused):
        return refusal(422, str(error))
    answer = refusal(error.status or 503, error.reason, retry_after_s=error.retry_after_s)
    if error.status == 401:
        answer.headers["WWW-Authenticate"] = "Bearer"
    return answer


def speak_one_language(app: FastAPI) -> None:
    """Give every error of the web framework the same shape as ours."""

    @app.exception_handler(LabError)
    async def ours(_: Request, error: LabError) -> Response:
        return told(error)

    @app.exception_handler(RequestValidationError)
    async def malformed(_: Request, error: RequestValidationError) -> Response:
        status = 400 if error.errors()[0]["type"] == "json_invalid" else 422
        return refusal(status, _what_is_wrong(error))

    @app.exception_handler(HTTPException)
    async def framework(request: Request, error: HTTPException) -> Response:
        match error.status_code:
            case 404:
                sentence = "there is nothing at this address, /openapi.json says what there is"
            case 405:
                sentence = f"{request.method} is not possible here"
            case _:
                sentence = str(error.detail)
        answer = refusal(error.status_code, sentence)
        answer.headers.update(error.headers or {})
        return answer


def _what_is_wrong(error: RequestValidationError) -> str:
    """The first thing that is wrong: where and why, never the value, which may be a secret in the wrong place."""
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"] if part not in ("query", "body")) or "the body"
    if first["type"] == "string_pattern_mismatch":
        return f"{where} is no name: use letters, digits, '_', '-' and '.'"
    return f"{where}: {first['msg']}"
