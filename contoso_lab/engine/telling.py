"""From a brain's stream of words to sentences with sound, the first of them as early as possible.

```
brain ─ pieces ─▶ whole sentences ─▶ [queue] ─▶ voice ─▶ Spoken
                  tool calls      ─▶
```

Brain and voice run side by side: while the first sentence sounds, the second is being made and the third thought
of. What comes out keeps the order in which the brain said it, tool calls among the sentences.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Protocol

from contoso_lab.engine.effects import Reply
from contoso_lab.engine.seams import Brain, Spoken, TokensSpent, ToolCall
from contoso_lab.engine.sentences import take_sentences
from contoso_lab.engine.tool_choice import obey

QUEUED = 16
"""A brain that is this many sentences ahead of the voice waits for it."""


class Speaker(Protocol):
    """Who turns text into sentences with sound, without blocking: the workshop, or the foresight in front of it."""

    def speak(self, text: str, *, voice: str, speed: float = 1.0) -> AsyncGenerator[Spoken, None]:
        """Say a text; each sentence comes as soon as it is made."""
        ...


async def tell(reply: Reply, brain: Brain, workshop: Speaker) -> AsyncGenerator[Spoken | str | ToolCall, None]:
    """Give a reply: sentences with sound if it is meant to be heard, pieces of text if not.

    When this is closed or cancelled, brain and voice stop with it. What the brain or the voice raises comes out.
    """
    if not reply.aloud:
        async with aclosing(think(reply, brain)) as pieces:
            async for piece in pieces:
                yield piece
        return
    queue: asyncio.Queue[str | ToolCall | None] = asyncio.Queue(QUEUED)
    thinking = asyncio.create_task(_think_ahead(reply, brain, queue))
    try:
        while (thought := await queue.get()) is not None:
            if isinstance(thought, ToolCall):
                yield thought
                continue
            async with aclosing(workshop.speak(thought, voice=reply.voice, speed=reply.speed)) as sentences:
                async for spoken in sentences:
                    yield spoken
        await thinking
    finally:
        thinking.cancel()


async def think(reply: Reply, brain: Brain) -> AsyncGenerator[str | ToolCall, None]:
    """Ask the brain, and hold it to what it was asked; its own iterator is closed with this one."""
    async with aclosing(obey(reply.request, brain)) as pieces:
        async for piece in pieces:
            yield piece


async def _think_ahead(reply: Reply, brain: Brain, queue: asyncio.Queue[str | ToolCall | None]) -> None:
    """Put whole sentences and tool calls into the queue, and None after the last or when the brain fails."""
    rest = ""
    try:
        async with aclosing(think(reply, brain)) as pieces:
            async for piece in pieces:
                if isinstance(piece, str):
                    sentences, rest = take_sentences(rest + piece)
                else:
                    sentences, rest = ([rest] if rest.strip() else []), ""
                for sentence in sentences:
                    await queue.put(sentence)
                if isinstance(piece, ToolCall):
                    await queue.put(piece)
        if rest.strip():
            await queue.put(rest)
    except TokensSpent:
        if rest.strip():
            await queue.put(rest)  # what was given counts, a broken-off sentence too
        raise
    finally:
        task = asyncio.current_task()
        # When cancelled, nobody reads any more, and a full queue would hold us for ever.
        if task is not None and not task.cancelling():
            await queue.put(None)
