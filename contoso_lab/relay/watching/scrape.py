"""What watches a relay from outside asks here.

| path | what | for whom |
|---|---|---|
| `GET /metrics` | the numbers, as Prometheus reads them | this machine, and who shows the relay's secret |
| `GET /readyz` | 200 when new calls are taken, 503 while the relay drains | everybody: it says nothing else |

`/metrics` names tools and says how much is talked. That is no secret, and still nobody else's business.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from contoso_lab.relay.access.origins import is_loopback
from contoso_lab.relay.watching.metrics import CONTENT_TYPE, Metrics
from contoso_lab.relay.wires.doors import bearer, refusal

NO_SECRET = "the metrics are for this machine, or for the relay's secret: send it as Authorization: Bearer …"


def watching_routes(metrics: Metrics, *, secret: str | None, closing: Callable[[], bool]) -> APIRouter:
    """The routes above.

    Args:
        metrics: what is shown.
        secret: the relay's; without one only this machine may look.
        closing: whether the relay takes no more calls.
    """
    routes = APIRouter()

    @routes.get("/metrics")
    async def page(request: Request) -> Response:
        if not _may_look(request, secret):
            return refusal(401, NO_SECRET)
        return Response(metrics.page(), media_type=CONTENT_TYPE, headers={"Cache-Control": "no-store"})

    @routes.get("/readyz")
    async def readyz() -> Response:
        if closing():
            return JSONResponse({"status": "closing"}, status_code=503, headers={"Cache-Control": "no-store"})
        return JSONResponse({"status": "ok"}, headers={"Cache-Control": "no-store"})

    return routes


def _may_look(request: Request, secret: str | None) -> bool:
    shown = bearer(request.headers.get("authorization"))
    if secret is not None and shown is not None and hmac.compare_digest(shown.encode(), secret.encode()):
        return True
    # A proxy on this machine brings the world along; that it does so it says itself.
    forwarded = "x-forwarded-for" in request.headers or "forwarded" in request.headers
    return request.client is not None and is_loopback(request.client.host) and not forwarded
