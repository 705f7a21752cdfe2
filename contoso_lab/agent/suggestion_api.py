"""`POST /api/request` and `POST /api/suggestion`: is a page wanted, and the page itself as server-sent events.

| event | data |
|---|---|
| `start` | `{"id"}`: a new page; what stood in the window before goes |
| `text` | `{"text"}`: the next piece of Markdown |
| `done` | `{"id", "skus", "shown", "broken"}`: whole; with `shown` false it is there already; `broken`: see below |
| `error` | `{"id", "message"}`: the page came to nothing; what was sent of it goes |

`broken` names the rules of `shop.rules` that the page breaks: kind, words, and what the catalogue says.

Each event has an id, `<page>:<number>`. A client that leaves stops the model's work.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Literal

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse
from fastapi.sse import format_sse_event
from pydantic import BaseModel, ConfigDict, Field
from starlette.types import Receive, Scope, Send

from contoso_lab.agent.api_answers import ToldRoute, refusing
from contoso_lab.agent.desk import WHERE, Agent, digest
from contoso_lab.agent.frames import MOST_TEXT_CHARS
from contoso_lab.agent.page import Page
from contoso_lab.agent.page_talk import Talk
from contoso_lab.agent.pages import Pages
from contoso_lab.agent.showing import address_of, token_of
from contoso_lab.errors import SessionRefused

RETRY_MS = 3_000
"""What a client that lost the line waits before it asks again."""
MOST_MESSAGES = 200


class Spoken(BaseModel):
    """A turn, as the client has it."""

    model_config = ConfigDict(extra="forbid")

    name: Literal["user", "assistant"]
    text: str = Field(max_length=MOST_TEXT_CHARS)


class ThreadMeant(BaseModel):
    """A conversation that the memory holds."""

    model_config = ConfigDict(extra="forbid")

    threadId: str = Field(min_length=1, max_length=80, pattern=r"^[A-Za-z0-9_-]+$")


class TurnsMeant(BaseModel):
    """A conversation that the client keeps itself, and sends."""

    model_config = ConfigDict(extra="forbid")

    messages: list[Spoken] = Field(min_length=1, max_length=MOST_MESSAGES)


class _ForACustomer(BaseModel):
    customer: str = Field(min_length=1, max_length=80)


class PageOfThread(ThreadMeant, _ForACustomer):
    """A page for a thread's customer."""


class PageOfTurns(TurnsMeant, _ForACustomer):
    """A page for the token's customer."""


class Wanted(BaseModel):
    """Whether a page should be written now, and why."""

    requested: bool
    reason: str


class _Events(StreamingResponse):
    """A page on its way; however the answer ends, the page does too."""

    def __init__(self, page: Page) -> None:
        super().__init__(_lines(page), media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})
        self._page = page

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._page.close()


def suggestion_routes(agent: Agent, pages: Pages) -> APIRouter:
    """Make the routes."""
    router = APIRouter(route_class=ToldRoute)

    async def talk(request: Request, body: ThreadMeant | TurnsMeant, customer: str | None = None) -> Talk:
        token, origin, address = token_of(request), request.headers.get("origin"), address_of(request)
        if isinstance(body, ThreadMeant):
            thread = await agent.open(token, body.threadId, origin=origin, address=address)
            found = Talk.of_thread(thread, await agent.history(thread.id))
        else:
            visitor = await agent.enter(token, origin=origin, address=address)
            turns = [(each.name, each.text) for each in body.messages]
            found = Talk.of_messages(digest(token or ""), visitor.customer, turns)
        if customer is not None and customer != found.customer:
            raise SessionRefused(WHERE, "this token was given for another customer", status=403)
        most = agent.limits.requests_per_minute
        if wait_s := await agent.may("request", token or "", per_minute=most):
            reason = f"{most} requests a minute are the most: wait {wait_s:.0f} seconds"
            raise SessionRefused(WHERE, reason, status=429, retry_after_s=wait_s)
        return found

    @router.post("/api/request", responses=refusing(400, 401, 403, 404, 410, 413, 422, 429, 502, 503))
    async def request_page(request: Request, body: ThreadMeant | TurnsMeant) -> Wanted:
        """Whether the customer wants a page now. Asked again about the same turns, it answers the same, for nothing."""
        verdict = await pages.wanted(await talk(request, body))
        return Wanted(requested=verdict.requested, reason=verdict.reason)

    @router.post(
        "/api/suggestion",
        response_class=StreamingResponse,
        responses={
            200: {
                "description": "The page as it is written: events start, text, done, error.",
                "content": {"text/event-stream": {"schema": {"type": "string"}}},
            },
            **refusing(400, 401, 403, 404, 409, 410, 413, 422, 429, 502, 503),
        },
    )
    async def suggestion(request: Request, body: PageOfThread | PageOfTurns) -> Response:
        """Write a page for the customer's screen."""
        return _Events(await pages.begin(await talk(request, body, body.customer)))

    return router


async def _lines(page: Page) -> AsyncGenerator[bytes, None]:
    number = 0
    async with aclosing(page.events()) as events:
        async for event in events:
            yield format_sse_event(
                event=event.kind,
                data_str=json.dumps(event.data, ensure_ascii=False, separators=(",", ":")),
                id=f"{page.id}:{number}",
                retry=RETRY_MS if number == 0 else None,
            )
            number += 1
