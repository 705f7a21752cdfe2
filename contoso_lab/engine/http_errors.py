"""Errors over HTTP in the shape that the official clients read."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from contoso_lab.engine.keys import NotAdmitted
from contoso_lab.engine.refusals import Refused
from contoso_lab.errors import LabError


def error_body(message: str, *, kind: str, code: str | None = None, param: str | None = None) -> dict[str, Any]:
    """The body of an error response.

    >>> error_body("No.", kind="server_error")
    {'error': {'message': 'No.', 'type': 'server_error', 'param': None, 'code': None}}
    """
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


def install_error_handlers(app: FastAPI) -> None:
    """Let every error of an application leave it in that shape."""

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        place = ".".join(str(step) for step in first["loc"] if step != "body")
        message = f"Invalid value for '{place}': {first['msg']}." if place else str(first["msg"])
        return JSONResponse(error_body(message, kind="invalid_request_error", param=place or None), status_code=400)

    @app.exception_handler(HTTPException)
    async def unanswerable(request: Request, error: HTTPException) -> JSONResponse:
        kind = "invalid_request_error" if error.status_code < 500 else "server_error"
        message = str(error.detail)
        if error.status_code in {404, 405}:
            message = f"Invalid URL ({request.method} {request.url.path})"
        return JSONResponse(error_body(message, kind=kind), status_code=error.status_code, headers=error.headers)

    @app.exception_handler(Refused)
    async def refused(request: Request, error: Refused) -> JSONResponse:
        body = error_body(error.message, kind=error.kind, code=error.code, param=error.param)
        return JSONResponse(body, status_code=401 if isinstance(error, NotAdmitted) else 400)

    @app.exception_handler(LabError)
    async def failed(request: Request, error: LabError) -> JSONResponse:
        return JSONResponse(error_body(str(error), kind="server_error", code="engine_failed"), status_code=500)
