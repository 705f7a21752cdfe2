"""The clerk at work: reads a request, does what it calls for, and lets the words out piece by piece."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace

from contoso_lab.engine.clerk import courtesy, desk, errands, hands, results
from contoso_lab.engine.clerk.answers import answer, answer_from, scene_for
from contoso_lab.engine.clerk.briefing import Briefing, read_briefing
from contoso_lab.engine.clerk.recall import is_shown, recall
from contoso_lab.engine.clerk.wording import compose, shorten
from contoso_lab.engine.seams import BrainRequest, ChatMessage, TokensSpent, ToolCall

_SAY_EXACTLY = re.compile(r"\b[Ss]ay(?: exactly| only)?(?: this)?:? [\"“](.+?)[\"”]")
_WORDS_A_PIECE = 6


class Clerk:
    """The default brain: rules over the catalogue in its prompt.

    ```python
    async for piece in Clerk().reply(BrainRequest((ChatMessage("system", prompt), ChatMessage("user", "Hi")))):
        ...
    ```
    """

    quick = True
    """It answers at once, for nothing and without a trace: it may be asked ahead of time (see `foresight`)."""

    async def reply(self, request: BrainRequest) -> AsyncIterator[str | ToolCall]:
        """Answer a request: speech sentence by sentence, pages a few words at a time, JSON whole.

        Raises:
            EngineError: the request wants JSON of a shape that rules cannot fill honestly.
        """
        # A new prompt takes 20 ms to read, a very long one far more: other calls go on meanwhile.
        for piece in await asyncio.to_thread(lambda: list(pieces(request))):
            yield piece


def pieces(request: BrainRequest) -> Iterator[str | ToolCall]:
    """What `Clerk.reply` streams, without waiting for anything."""
    if request.json_schema is not None:
        yield desk.fill(request)
        return
    briefing, talk = read(request)
    if briefing.has_section("gate"):  # its prompt asks for JSON, also of those who gave no schema
        yield desk.fill(replace(request, json_schema={"type": "object"}))
        return
    if briefing.has_section("page"):
        page = desk.page(briefing, talk, request.max_tokens)
        yield from _in_words(page)
        if request.max_tokens is not None and page != desk.page(briefing, talk):
            raise TokensSpent
        return
    said = speak(briefing, talk, request)
    if isinstance(said, ToolCall):
        yield said
        return
    kept = shorten(said, request.max_tokens)
    yield from _in_sentences(kept)
    if kept != said:
        raise TokensSpent


def read(request: BrainRequest) -> tuple[Briefing, tuple[ChatMessage, ...]]:
    """Part the instructions from the conversation.

    System messages before the first other message are instructions, and so is any later one with sections of
    its own; the rest of the later ones are news for the assistant and stay in the conversation.
    """
    systems: list[str] = []
    talk: list[ChatMessage] = []
    for message in request.messages:
        told = message.role in ("system", "developer")
        if told and not is_shown(message) and (not talk or re.search(r"^# ", message.content, re.MULTILINE)):
            systems.append(message.content)
        else:
            talk.append(message)
    return read_briefing(systems), tuple(talk)


def speak(briefing: Briefing, talk: tuple[ChatMessage, ...], request: BrainRequest) -> str | ToolCall:
    """The clerk's next words in a conversation, or the tool it wants to use."""
    last = talk[-1] if talk else None
    from_prompt = bool(briefing.products)
    briefing = results.learn(briefing, talk)
    if last is not None and last.role in ("system", "developer"):
        if is_shown(last):
            memory = recall(briefing, talk)
            return errands.arrived(memory.promised, memory.turn)
        if found := _SAY_EXACTLY.search(last.content):
            return found[1]
    lines = [at for at, message in enumerate(talk) if message.role == "user"]
    if request.tool_choice not in ("auto", "none"):
        asked = talk[lines[-1]].content if lines else ""
        scene = scene_for(briefing, recall(briefing, talk[: lines[-1]] if lines else ()), asked)
        if call := hands.reach(scene, request):
            return call
    if last is not None and last.role == "tool":
        before = talk[: lines[-1]] if lines else ()
        asked = talk[lines[-1]].content if lines else ""
        scene = scene_for(briefing, recall(briefing, before), asked)
        if not from_prompt and results.found_products(last.content) and (said := answer_from(scene)):
            return said
        return compose(results.report(scene, last.content, results.tool_of(talk)), briefing.manner)
    if not lines:
        scene = scene_for(briefing, recall(briefing, ()), "")
        return courtesy.opening(scene) if last is None else compose(courtesy.greet(scene), briefing.manner)
    memory = recall(briefing, talk[: lines[-1]])
    scene = scene_for(briefing, memory, talk[lines[-1]].content, from_prompt=from_prompt)
    if call := hands.reach(scene, request):
        return call
    return answer(scene)


def _in_sentences(text: str) -> Iterator[str]:
    """Sentence by sentence, so that a voice can begin with the first; joined, they are the text."""
    parts = re.split(r"(?<=[.!?]) (?=[A-Z\"“])", text)
    for at, part in enumerate(parts):
        yield part if at == len(parts) - 1 else f"{part} "


def _in_words(text: str) -> Iterator[str]:
    words = re.findall(r"\S+\s*|\s+", text)
    for at in range(0, len(words), _WORDS_A_PIECE):
        yield "".join(words[at : at + _WORDS_A_PIECE])
