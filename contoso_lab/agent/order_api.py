"""`POST /api/order`: the customer pressed the button that buys, and the button said this total.

It places no order. It notes the customer's agreement in the thread, and the agent's `checkout` looks for it there.
"""

from __future__ import annotations

import asyncio
from decimal import Decimal

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from contoso_lab.agent.api_answers import ToldRoute, refusing
from contoso_lab.agent.desk import WHERE, Agent
from contoso_lab.agent.showing import address_of, token_of
from contoso_lab.agent.suggestion_api import ThreadMeant
from contoso_lab.errors import SessionRefused
from contoso_lab.shop.buying import press_buy
from contoso_lab.shop.prices import written
from contoso_lab.shop.thread_basket import ThreadBasket


class OrderButton(ThreadMeant):
    """The press."""

    total: str = Field(pattern=r"^[0-9]{1,10}(\.[0-9]{1,2})?$")
    """The sum that the button showed, as text such as "279.00"."""


class OrderAgreed(BaseModel):
    """What was agreed to."""

    total: str
    """As the shop writes it."""
    message: str


def order_routes(agent: Agent) -> APIRouter:
    """Make the route."""
    router = APIRouter(route_class=ToldRoute)

    @router.post("/api/order", responses=refusing(400, 401, 403, 404, 409, 410, 413, 422, 429, 503))
    async def agree_to_order(request: Request, body: OrderButton) -> OrderAgreed:
        """Note that the customer agrees to buy the thread's cart for this total."""
        token = token_of(request)
        origin, address = request.headers.get("origin"), address_of(request)
        thread = await agent.open(token, body.threadId, origin=origin, address=address)
        most = agent.limits.requests_per_minute
        if wait_s := await agent.may("button", token or "", per_minute=most):
            reason = f"{most} buttons a minute are the most: wait {wait_s:.0f} seconds"
            raise SessionRefused(WHERE, reason, status=429, retry_after_s=wait_s)
        basket = ThreadBasket(agent.memory, thread.id)
        total = await asyncio.to_thread(press_buy, agent.catalog, basket, Decimal(body.total))
        said = written(total, agent.catalog.currency)
        return OrderAgreed(total=said, message=f"The order over {said} can be placed now.")

    return router
