"""How the agent's HTTP routes say no: in one shape, with one sentence, whatever the agent is mounted in."""

from __future__ import annotations

import math
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from contoso_lab.errors import (
    LabError,
    MemoryClosed,
    MemoryMissing,
    PromptError,
    SessionRefused,
    ShopError,
    TurnRefused,
)


class AgentErrorDetail(BaseModel):
    """What went wrong, for a program and for a person."""

    type: str
    """`agent_error`; `relay_error` when the relay in front of it said no."""
    code: str
    message: str


class AgentErrorAnswer(BaseModel):
    """A no, in the shape of OpenAI's errors."""

    error: AgentErrorDetail


_SHAPES = frozenset({"body", "ThreadMeant", "TurnsMeant", "PageOfThread", "PageOfTurns"})
_CODES = {
    400: ("unreadable", "The body cannot be read."),
    401: ("not_let_in", "The token is missing, unknown, used or expired."),
    403: ("forbidden", "The page or the token is not for this."),
    404: ("not_found", "There is no such thread for this token."),
    409: (
        "not_now",
        "A page is being written, was written for this turn, or is not wanted; or the sum is another one.",
    ),
    410: ("closed", "The thread is closed."),
    413: ("too_long", "The body is too long."),
    422: ("malformed", "The body is not what is asked for."),
    429: ("too_many", "The token asks too often."),
    502: ("no_answer", "The model did not answer, or not in its shape."),
    503: ("not_now", "Not now, try again later."),
}


class ToldRoute(APIRoute):
    """A route that says every no of ours in one shape, whatever it is mounted in."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """See `APIRoute`."""
        inner = super().get_route_handler()

        async def handle(request: Request) -> Response:
            try:
                return await inner(request)
            except RequestValidationError as problem:
                return _no(422, _what_is_wrong(problem))
            except HTTPException as problem:  # the framework's own, about a body that it cannot even read
                return _no(problem.status_code, "the body cannot be read as JSON in UTF-8, or is too long")
            except LabError as problem:
                return _told(problem)

        return handle


def _told(problem: LabError) -> Response:
    match problem:
        case SessionRefused():
            return _no(problem.status or 503, problem.reason, retry_after_s=problem.retry_after_s)
        case TurnRefused() | ShopError():
            return _no(409, str(problem))
        case MemoryMissing():
            return _no(404, str(problem))
        case MemoryClosed():
            return _no(410, str(problem))
        case PromptError():
            return _no(502, str(problem))
        case _:
            return _no(503, str(problem))


def _no(status: int, sentence: str, *, retry_after_s: float | None = None) -> Response:
    code = _CODES.get(status, ("refused", ""))[0]
    answer = JSONResponse({"error": {"type": "agent_error", "code": code, "message": sentence}}, status)
    answer.headers["Cache-Control"] = "no-store"
    if retry_after_s is not None:
        answer.headers["Retry-After"] = str(max(1, math.ceil(retry_after_s)))
    if status == 401:
        answer.headers["WWW-Authenticate"] = "Bearer"
    return answer


def refusing(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The answers of a route that says no in these ways, for its description."""
    return {status: {"model": AgentErrorAnswer, "description": _CODES[status][1]} for status in statuses}


def _what_is_wrong(problem: RequestValidationError) -> str:
    """The first thing that is wrong: where and why, never the value."""
    first = problem.errors()[0]
    place = ".".join(str(part) for part in first["loc"] if part not in _SHAPES) or "the body"
    return f"{place}: {first['msg']}; the conversation is either threadId or messages"
