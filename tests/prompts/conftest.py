"""A tiny chat server on the loopback that answers from a script and keeps what it was asked."""

from __future__ import annotations

import json
import socket
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse

from contoso_lab.settings import Target

Reply = dict[str, Any] | Response | str | list[str]


@dataclass
class ChatServer:
    """Answers with `reply`, or with what `reply(body)` gives."""

    target: Target
    reply: Reply | Callable[[dict[str, Any]], Reply] = "Hello."
    finish: str = "stop"
    asked: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    peers: set[int] = field(default_factory=set)

    def app(self) -> FastAPI:
        app = FastAPI()

        @app.post("/v1/chat/completions")
        async def complete(request: Request) -> Response:
            body = await request.json()
            self.asked.append(body)
            self.headers.append(dict(request.headers))
            self.peers.add(request.client.port if request.client else 0)
            reply = self.reply
            if callable(reply) and not isinstance(reply, Response):
                reply = reply(body)
            if isinstance(reply, Response):
                return reply
            if body.get("stream"):
                return StreamingResponse(self._stream(reply, body), media_type="text/event-stream")
            message = reply if isinstance(reply, dict) else {"content": "".join(reply)}
            choice = {"index": 0, "finish_reason": self.finish, "message": {"role": "assistant", **message}}
            usage = {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}
            return JSONResponse(
                {
                    "id": "c1",
                    "object": "chat.completion",
                    "created": 1,
                    "model": "tiny",
                    "choices": [choice],
                    "usage": usage,
                }
            )

        return app

    async def _stream(self, reply: Any, body: dict[str, Any]) -> AsyncIterator[str]:
        head = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "tiny"}
        deltas = [reply] if isinstance(reply, dict) else [{"content": piece} for piece in reply]
        for delta in deltas:
            yield f"data: {json.dumps({**head, 'choices': [{'index': 0, 'delta': delta, 'finish_reason': None}]})}\n\n"
        yield f"data: {json.dumps({**head, 'choices': [{'index': 0, 'delta': {}, 'finish_reason': self.finish}]})}\n\n"
        if body.get("stream_options", {}).get("include_usage"):
            usage = {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}
            yield f"data: {json.dumps({**head, 'choices': [], 'usage': usage})}\n\n"
        yield "data: [DONE]\n\n"


@pytest.fixture(autouse=True)
def no_second_try(monkeypatch: pytest.MonkeyPatch) -> None:
    """The client waits before it tries again, and a test does not wait."""
    monkeypatch.setattr("contoso_lab.prompts.client.RETRIES", 0)


@pytest.fixture
async def make_server() -> AsyncIterator[Callable[..., Any]]:
    running: list[tuple[uvicorn.Server, socket.socket]] = []

    async def make() -> ChatServer:
        listener = socket.create_server(("127.0.0.1", 0))
        server = ChatServer(Target.local(f"http://127.0.0.1:{listener.getsockname()[1]}/v1"))
        config = uvicorn.Config(server.app(), log_level="error", lifespan="off", ws="none", log_config=None)
        config.load()
        runner = uvicorn.Server(config)
        runner.lifespan = config.lifespan_class(config)
        await runner.startup(sockets=[listener])
        running.append((runner, listener))
        return server

    yield make
    for runner, listener in running:
        await runner.shutdown(sockets=[listener])


@pytest.fixture
async def server(make_server: Callable[..., Any]) -> ChatServer:
    made: ChatServer = await make_server()
    return made
