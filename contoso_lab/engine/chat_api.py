"""`POST /v1/chat/completions`: the brain without ear and voice, as the official clients call it.

A reply that was asked for as JSON is checked against its schema before a byte of it is sent. If it does not fit, the
client is told so with a 500: a wrong shape that looks right would be found much later, and elsewhere.
"""

from __future__ import annotations

import json
import logging
import re
import time
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse, StreamingResponse

from contoso_lab.engine.chat_request import ChatRequest
from contoso_lab.engine.effects import Reply, random_ids
from contoso_lab.engine.http_errors import error_body
from contoso_lab.engine.json_shape import shape_problem
from contoso_lab.engine.seams import Brain, BrainRequest, TokensSpent, ToolCall
from contoso_lab.engine.telling import think
from contoso_lab.engine.tool_choice import ToolNotCalled
from contoso_lab.engine.usage import text_tokens
from contoso_lab.errors import EngineError, LabError

logger = logging.getLogger(__name__)

_PIECE = re.compile(r"\s*\S{1,12}\s*|\s+", re.DOTALL)
"""A word, or a part of a long one; joined, the pieces are the text."""


@dataclass(slots=True)
class _Answer:
    """What the brain has said so far."""

    given: BrainRequest
    model: str
    id: str = field(default_factory=lambda: random_ids("chatcmpl"))
    created: int = field(default_factory=lambda: int(time.time()))
    text: str = ""
    calls: list[ToolCall] = field(default_factory=list)
    cut: bool = False
    """The brain had more to say than it was allowed."""

    def add(self, piece: str | ToolCall) -> None:
        if isinstance(piece, str):
            self.text += piece
        else:
            self.calls.append(piece)

    @property
    def finish_reason(self) -> str:
        if self.cut:
            return "length"
        return "tool_calls" if self.calls else "stop"

    def usage(self) -> dict[str, Any]:
        given = sum(text_tokens(message.content) for message in self.given.messages)
        made = text_tokens(self.text) + sum(text_tokens(call.name + call.arguments) for call in self.calls)
        return {"prompt_tokens": given, "completion_tokens": made, "total_tokens": given + made}

    def wire(self) -> dict[str, Any]:
        message: dict[str, Any] = {"role": "assistant", "content": self.text or None, "refusal": None}
        if self.calls:
            message["tool_calls"] = [_call_wire(call) for call in self.calls]
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": self.finish_reason}
        head = {"id": self.id, "object": "chat.completion", "created": self.created, "model": self.model}
        return {**head, "choices": [choice], "usage": self.usage()}

    def chunk(self, delta: dict[str, Any], *, finish_reason: str | None = None) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        return {**self._chunk_head(), "choices": [choice]}

    def usage_chunk(self) -> dict[str, Any]:
        return {**self._chunk_head(), "choices": [], "usage": self.usage()}

    def _chunk_head(self) -> dict[str, Any]:
        return {"id": self.id, "object": "chat.completion.chunk", "created": self.created, "model": self.model}


def chat_routes(brain: Brain) -> APIRouter:
    """Make the routes over a brain."""
    router = APIRouter()

    @router.post("/chat/completions")
    async def complete(request: ChatRequest) -> Any:
        answer = _Answer(request.to_brain(sees=bool(getattr(brain, "sees", False))), request.model)
        # A reply of a given shape is streamed once it is known to have it.
        if request.stream and answer.given.json_schema is None and not request.wants_json:
            return _stream(_chunks(brain, answer, usage=request.wants_usage))
        try:
            async with aclosing(think(_written(answer.given), brain)) as pieces:
                async for piece in pieces:
                    answer.add(piece)
            if not answer.calls and request.wants_json:
                _must_fit(answer)
        except TokensSpent:
            answer.cut = True
        except Exception as error:  # noqa: BLE001 - a brain may raise anything; the client is told
            return JSONResponse(_failure(error), status_code=500)
        if request.stream:
            return _stream(_known(answer, usage=request.wants_usage))
        return answer.wire()

    return router


def _must_fit(answer: _Answer) -> None:
    problem = shape_problem(answer.text, answer.given.json_schema)
    if problem is not None:
        raise EngineError(f"the brain's reply does not have the shape that was asked for: {problem}")


async def _chunks(brain: Brain, answer: _Answer, *, usage: bool) -> AsyncIterator[dict[str, Any]]:
    yield answer.chunk({"role": "assistant", "content": ""})
    try:
        async with aclosing(think(_written(answer.given), brain)) as pieces:
            async for piece in pieces:
                answer.add(piece)
                yield answer.chunk(_delta(piece, len(answer.calls) - 1))
    except TokensSpent:
        answer.cut = True
    except Exception as error:  # noqa: BLE001 - as above; the official clients raise when they read this
        yield _failure(error)
        return
    yield answer.chunk({}, finish_reason=answer.finish_reason)
    if usage:
        yield answer.usage_chunk()


async def _known(answer: _Answer, *, usage: bool) -> AsyncIterator[dict[str, Any]]:
    yield answer.chunk({"role": "assistant", "content": ""})
    # In pieces, as a model makes them: a client that reads JSON on its way is held to that here, too.
    for piece in re.findall(_PIECE, answer.text):
        yield answer.chunk({"content": piece})
    for index, call in enumerate(answer.calls):
        yield answer.chunk(_delta(call, index))
    yield answer.chunk({}, finish_reason=answer.finish_reason)
    if usage:
        yield answer.usage_chunk()


def _stream(chunks: AsyncIterator[dict[str, Any]]) -> StreamingResponse:
    async def lines() -> AsyncIterator[str]:
        async for chunk in chunks:
            yield f"data: {json.dumps(chunk, separators=(',', ':'))}\n\n"
        yield "data: [DONE]\n\n"

    return StreamingResponse(lines(), media_type="text/event-stream", headers={"Cache-Control": "no-cache"})


def _delta(piece: str | ToolCall, index: int) -> dict[str, Any]:
    return {"content": piece} if isinstance(piece, str) else {"tool_calls": [{"index": index, **_call_wire(piece)}]}


def _call_wire(call: ToolCall) -> dict[str, Any]:
    return {"id": call.call_id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}


def _written(request: BrainRequest) -> Reply:
    return Reply("", request, aloud=False)


def _failure(error: Exception) -> dict[str, Any]:
    logger.warning("the brain failed: %s", type(error).__name__)
    message = str(error) if isinstance(error, LabError) else f"The brain failed: {type(error).__name__}."
    code = error.code if isinstance(error, ToolNotCalled) else "brain_failed"
    return error_body(message, kind="server_error", code=code)
