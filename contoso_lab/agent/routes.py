"""Everything of the agent that is reached over HTTP and WebSocket, as one router to mount.

| path | what |
|---|---|
| `WS /api/chat?token=…` | the chat (`chat_socket`) |
| `POST /api/request` | whether a page is wanted (`suggestion_api`) |
| `POST /api/suggestion` | the page, as server-sent events |
| `POST /api/order` | the press on the button that buys (`order_api`) |
| `GET /asyncapi.json` | what goes over the socket, for programs |

Who may come in says `Agent.admit`; no header that lets pages of other origins read is set here.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import APIRouter, WebSocket

from contoso_lab.agent.asyncapi import asyncapi
from contoso_lab.agent.chat_socket import chat
from contoso_lab.agent.desk import Agent
from contoso_lab.agent.order_api import order_routes
from contoso_lab.agent.pages import Pages
from contoso_lab.agent.shortening import Shortener
from contoso_lab.agent.suggestion_api import suggestion_routes

CHAT = "/api/chat"


def agent_routes(agent: Agent, *, pages: Pages | None = None) -> APIRouter:
    """Make the routes of an agent.

    Args:
        agent: whose they are.
        pages: what judges and writes the pages; by default the shop's own prompts do.

    ```python
    app = FastAPI()
    app.include_router(agent_routes(Agent(target, memory, admit=admit)))
    ```
    """

    @asynccontextmanager
    async def lifespan(_: Any) -> AsyncIterator[None]:
        budget = agent.limits.history_tokens
        async with Shortener(agent.memory, agent.target, budget_tokens=budget) as shortener:
            agent.shorten = shortener.look
            yield
            agent.shorten = lambda thread_id: None

    router = APIRouter(lifespan=lifespan)

    @router.websocket(CHAT)
    async def take(websocket: WebSocket) -> None:
        await chat(agent, websocket)

    router.include_router(suggestion_routes(agent, pages or Pages(agent)))
    router.include_router(order_routes(agent))
    description = asyncapi(CHAT, agent.limits)

    @router.get("/asyncapi.json")
    async def described() -> dict[str, Any]:
        """What goes over the chat's socket, as AsyncAPI."""
        return description

    return router
