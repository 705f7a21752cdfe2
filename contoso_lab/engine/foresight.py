"""Makes the first sentence of a reply while the caller's silence still lasts.

When the caller pauses, the ear works ahead, on the chance that the turn is over. With a brain that answers at once and
for nothing, like the clerk, voice and brain can do the same: the sentence that would be said first is made and laid
aside. If the turn ends with those words, the brain is asked as ever, and when it says that very sentence the sound is
there already. If anything came out otherwise, what was laid aside is never used: foresight can be wrong without
anybody hearing it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing

from contoso_lab.engine.effects import Reply
from contoso_lab.engine.seams import Brain, Spoken, ToolCall
from contoso_lab.engine.sentences import take_sentences
from contoso_lab.engine.telling import Speaker, think

logger = logging.getLogger(__name__)


class Foresight:
    """Stands in front of the workshop for one call; `forget` when the call ends.

    A brain that has an attribute `quick` that is true is asked ahead of time; others never are.
    """

    def __init__(self, brain: Brain, workshop: Speaker) -> None:
        self._brain = brain
        self._workshop = workshop
        self._making: asyncio.Task[None] | None = None
        self._said: tuple[str, str, float] | None = None
        """Text, voice and speed of what is being made, or was."""
        self._made: list[Spoken] = []

    def look(self, reply: Reply) -> None:
        """Begin to make the first sentence of the reply that is likely to be asked for next."""
        self.forget()
        if getattr(self._brain, "quick", False):
            self._making = asyncio.create_task(self._make(reply))

    def forget(self) -> None:
        """Drop what was laid aside, and the work on it."""
        if self._making is not None:
            self._making.cancel()
        self._making, self._said, self._made = None, None, []

    async def speak(self, text: str, *, voice: str, speed: float = 1.0) -> AsyncGenerator[Spoken, None]:
        """Say a text, from what was laid aside if it is that."""
        if self._making is not None and self._said == (text, voice, speed):
            await asyncio.wait({self._making})
            made = self._made
            self.forget()
            if made:
                for spoken in made:
                    yield spoken
                return
        async with aclosing(self._workshop.speak(text, voice=voice, speed=speed)) as sentences:
            async for spoken in sentences:
                yield spoken

    async def _make(self, reply: Reply) -> None:
        try:
            text = await _first_sentence(reply, self._brain)
            if text is None:
                return
            self._said = (text, reply.voice, reply.speed)
            async with aclosing(self._workshop.speak(text, voice=reply.voice, speed=reply.speed)) as sentences:
                made = [spoken async for spoken in sentences]
        except Exception as error:  # noqa: BLE001 - it was only a guess; when it is asked for in earnest, the client is told
            logger.debug("nothing could be made ahead: %s", type(error).__name__)
        else:
            self._made = made


async def _first_sentence(reply: Reply, brain: Brain) -> str | None:
    """What the voice will be given first; None when the reply does not begin with words."""
    rest = ""
    async with aclosing(think(reply, brain)) as pieces:
        async for piece in pieces:
            if isinstance(piece, ToolCall):
                break
            sentences, rest = take_sentences(rest + piece)
            if sentences:
                return sentences[0]
    return rest if rest.strip() else None
