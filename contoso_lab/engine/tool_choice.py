"""Hold a brain to the `tool_choice` of what it is asked, so that no brain can ignore it.

| tool_choice | the brain is given | what comes out |
|---|---|---|
| "auto" | all tools | what the brain says |
| "none" | no tools | its words; a call that it makes anyway is dropped |
| "required" | all tools | nothing until it calls one of them; if it never does, the reply fails |
| a name | that tool alone | the same, and calls of other tools are dropped |

The words of a brain that has to call are held back until it has: a reply that fails in the end has said nothing.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import replace

from contoso_lab.engine.seams import Brain, BrainRequest, ToolCall
from contoso_lab.errors import EngineError


class ToolNotCalled(EngineError):
    """A tool had to be called, and the brain called none; the reply fails with the code `tool_not_called`."""

    code = "tool_not_called"


async def obey(request: BrainRequest, brain: Brain) -> AsyncGenerator[str | ToolCall, None]:
    """Ask a brain and hold it to the request's `tool_choice` and `parallel_tool_calls`.

    Raises:
        ToolNotCalled: a tool had to be called, and none was.
    """
    choice = request.tool_choice
    if choice == "auto":
        allowed = None
    elif choice == "none":
        allowed, request = frozenset[str](), replace(request, tools=())
    else:
        tools = tuple(tool for tool in request.tools if choice in ("required", tool.get("name")))
        allowed, request = frozenset(str(tool.get("name")) for tool in tools), replace(request, tools=tools)
        if not tools:
            raise ToolNotCalled(f"tool_choice is '{choice}' and there is no such tool to call.")
    must = bool(allowed)
    called, held = 0, ""
    pieces = brain.reply(request)
    try:
        async for piece in pieces:
            if isinstance(piece, str):
                if must and not called:
                    held += piece
                else:
                    yield piece
                continue
            if (allowed is not None and piece.name not in allowed) or (called and not request.parallel_tool_calls):
                continue
            if held:
                yield held
                held = ""
            called += 1
            yield piece
    finally:
        await _close(pieces)
    if must and not called:
        wanted = "a tool" if choice == "required" else f"the tool '{choice}'"
        raise ToolNotCalled(
            f"tool_choice says that {wanted} must be called, and the brain found nothing in the conversation to call "
            "it with."
        )


async def _close(pieces: AsyncIterator[str | ToolCall]) -> None:
    close = getattr(pieces, "aclose", None)  # a generator has it, an iterator need not
    if close is not None:
        await close()
