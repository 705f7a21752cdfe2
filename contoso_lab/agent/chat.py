"""One turn of the chat: a message in, an answer out word by word, and both in the thread.

What holds, whatever happens:

- The customer's message is kept as soon as it counts; sent again after an answer that failed, it is the same one.
- An answer is kept when it is whole and of its shape, and not before: with its context and its score, in one go.
- Whoever cancels the turn stops the model's work; of the answer nothing is kept, for nobody read it to its end.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Coroutine, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, TypeVar

from contoso_lab.agent.desk import Agent
from contoso_lab.agent.forget_me import ForgetStep, forget_step
from contoso_lab.agent.frames import ActionFrame, AssistantFrame, Broken, ContextFrame, FindingFrame, OutFrame
from contoso_lab.agent.history import chat_messages
from contoso_lab.agent.partial_json import TextField
from contoso_lab.agent.pictures import Picture
from contoso_lab.errors import PromptError, TurnRefused
from contoso_lab.memory import Message, Thread
from contoso_lab.memory.values import new_id
from contoso_lab.prompts import concerning
from contoso_lab.prompts.languages import CODES, Code, language
from contoso_lab.shop import chat
from contoso_lab.shop.chat import ChatAnswer
from contoso_lab.shop.customers import Customer
from contoso_lab.shop.rules import check_reply

logger = logging.getLogger(__name__)
Kept = TypeVar("Kept")


@dataclass(frozen=True, slots=True)
class Written:
    """What the customer wrote."""

    text: str
    picture: Picture | None = None


async def turn(agent: Agent, thread_id: str, written: Written) -> AsyncGenerator[OutFrame, None]:
    """Answer one message; the frames come as the answer does. The caller sees that turns of a thread do not overlap.

    Cancelling it, or closing it before `complete` came, leaves no answer behind.

    Raises:
        TurnRefused: the thread is full.
        MemoryMissing, MemoryClosed: the thread is not there any more, or closed.
        PromptError: the target does not answer, or not in its shape; the question stays in the thread.
    """
    thread, history, buyer = await asyncio.to_thread(_read, agent, thread_id)
    if len(history) + 2 > agent.limits.messages:
        raise TurnRefused(
            f"this chat has {len(history)} messages, {agent.limits.messages} are the most: begin a new one"
        )
    question = _question(history, written)
    if question not in history:
        [question] = await asyncio.to_thread(agent.memory.append, thread_id, question)
        history.append(question)
    answer_id = new_id("message")
    step = forget_step(dict(thread.state), question.text, _code(thread))
    if step.do != "nothing":
        async for frame in _about_forgetting(agent, thread, question, answer_id, step):
            yield frame
        return
    yield AssistantFrame.start(answer_id)
    field = TextField("response")
    seed = chat_messages(thread, history, budget_tokens=agent.limits.history_tokens, name_of=agent.catalog.name_of)
    with concerning(thread.customer, thread_id):
        answering = chat.stream(
            [*seed.messages[:-1], _asked(question, written, sees=agent.sees)],
            buyer,
            agent.catalog,
            agent.target,
            context=seed.context,
            language=language(_code(thread)).name,
        )
    async with answering as pieces:
        async for piece in pieces:
            if new := field.feed(piece):
                yield AssistantFrame.stream(answer_id, new)
    answer = chat.read(pieces.run)
    if answer.response != field.text:
        raise PromptError("the answer says another thing at its end than at its beginning: it cannot be kept")
    said = await _whole(asyncio.to_thread(_keep, agent, thread_id, question, answer_id, answer))
    agent.shorten(thread_id)
    yield AssistantFrame.complete(answer_id)
    yield ContextFrame.user(answer.context)
    yield ActionFrame.call(answer.call)
    # Only now: nobody waits for it, and the answer is on the screen already.
    for one in await asyncio.to_thread(_broken, agent, thread, [*history, said], buyer):
        yield FindingFrame(payload=one)


async def _whole(keeping: Coroutine[Any, Any, Kept]) -> Kept:
    """Not to be cut in two by a client that leaves now: the answer is whole, and so it is kept whole."""
    task = asyncio.ensure_future(keeping)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await task
        raise


class _Before(NamedTuple):
    thread: Thread
    history: list[Message]
    buyer: Customer


def _read(agent: Agent, thread_id: str) -> _Before:
    thread = agent.memory.get(thread_id)
    return _Before(thread, agent.memory.history(thread_id), agent.buyer(thread.customer))


def _question(history: Sequence[Message], written: Written) -> Message:
    """The message to answer: a new one, or the last one again when its answer never came."""
    text = written.text.strip() or "(a picture)"
    last = history[-1] if history else None
    if last is not None and (last.source, last.role, last.text) == ("chat", "user", text):
        return last
    picture = written.picture
    # Of a picture only its size is kept: what it shows, the context says.
    meta = {} if picture is None else {"picture": {"width_px": picture.width_px, "height_px": picture.height_px}}
    return Message(source="chat", role="user", text=text, meta=meta)


def _asked(question: Message, written: Written, *, sees: bool) -> dict[str, Any]:
    """The message to answer, with its picture where the model looks at pictures."""
    if written.picture is None:
        return {"role": "user", "content": question.text}
    if sees:
        return chat.picture_message(question.text, written.picture.data_url)
    # The honest way with a model that would refuse the whole request for the picture's sake.
    blind = f"{question.text}\n(A picture came with this message. You cannot see it: ask what it shows.)"
    return {"role": "user", "content": blind}


async def _about_forgetting(
    agent: Agent, thread: Thread, question: Message, answer_id: str, step: ForgetStep
) -> AsyncGenerator[OutFrame, None]:
    """The answer to a customer who asks to be forgotten: fixed words, no model, and then the deed."""

    def keep() -> None:
        if step.do == "forget":
            agent.forget(thread.customer)
            return
        said = Message(id=answer_id, source="chat", role="assistant", text=step.say, after=question.id)
        agent.memory.append(thread.id, said)
        agent.memory.update(thread.id, lambda state: forget_step(state, question.text, _code(thread)).state)

    await _whole(asyncio.to_thread(keep))
    yield AssistantFrame.start(answer_id)
    yield AssistantFrame.stream(answer_id, step.say)  # said only once it is true
    yield AssistantFrame.complete(answer_id)
    yield ContextFrame.user("")
    yield ActionFrame.call(1)


def _code(thread: Thread) -> Code:
    return next((code for code in CODES if code == thread.language), "en")


def _broken(agent: Agent, thread: Thread, lines: Sequence[Message], buyer: Customer) -> list[Broken]:
    """Which rules the answer breaks that stands last; the thread keeps it with the answer, the log counts the kinds."""
    said = lines[-1]
    turns = [{"role": line.role, "content": line.as_heard, "id": line.id} for line in lines]
    found = check_reply(turns, buyer, agent.catalog, _code(thread), medium="text")
    broken = [Broken(id=said.id, kind=f.kind, verdict=f.verdict, words=f.words, says=f.catalogue) for f in found]
    if broken:
        logger.warning("an answer breaks rules: %s", ", ".join(sorted({one.kind for one in broken})))
        findings = [one.model_dump(exclude={"id"}) for one in broken]
        agent.memory.replace(thread.id, replace(said, meta={**said.meta, "findings": findings}))
    return broken


def _keep(agent: Agent, thread_id: str, question: Message, answer_id: str, answer: ChatAnswer) -> Message:
    # It follows its question, also when words of a call came in between.
    said = Message(
        id=answer_id,
        source="chat",
        role="assistant",
        text=answer.response,
        after=question.id,
        meta={"context": answer.context, "call": answer.call},
    )
    [said] = agent.memory.append(thread_id, said)

    def told(state: dict[str, Any]) -> dict[str, Any]:
        summaries = [*state.get("summaries", []), *([answer.context] if answer.context.strip() else [])]
        return {**state, "summaries": summaries, "call_score": answer.call}

    agent.memory.update(thread_id, told)
    return said
