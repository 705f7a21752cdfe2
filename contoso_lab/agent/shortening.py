"""The oldest turns of a long conversation, folded into a digest while nobody waits for it.

| key of the state | what |
|---|---|
| `digest` | what the folded turns said, as prose, or as their first words when no model could be asked |
| `digested` | the ids of the folded turns: a late transcript that belongs between them is not taken for one of them |
| `facts` | gains the sentences in which the customer set a limit or refused something, before their turn is folded |

| resource | acquired | released | on failure |
|---|---|---|---|
| the task of a thread | `Shortener.look` | when that is done | the log says so; a later look tries again |
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from contoso_lab import prompts
from contoso_lab.agent.facts import said_for_good, with_said
from contoso_lab.agent.window import KEEP_TURNS, SENTENCES, as_heard, clip, cost
from contoso_lab.errors import MemoryFault, PromptError
from contoso_lab.memory import Memory, Message, Thread
from contoso_lab.prompts import concerning, count_tokens, step
from contoso_lab.settings import Target
from contoso_lab.shop.thread import one_line

logger = logging.getLogger(__name__)

FULL = 0.7
"""The share of the budget from which on the oldest turns are folded."""
THEN = 0.5
"""The share that is in use afterwards."""
DIGEST_SHARE = 0.25
"""How much of the budget the digest may take."""
_SKU = re.compile(r"\b[A-Z]{3}-\d{2,3}\b")


def to_fold(thread: Thread, messages: Sequence[Message], *, budget_tokens: int) -> list[Message]:
    """The oldest turns that should be folded now; none while there is room."""
    folded = set(thread.state.get("digested") or ())
    open_ = [message for message in messages if message.id not in folded]
    used = count_tokens(str(thread.state.get("digest") or "")) + sum(map(cost, open_))
    if used <= FULL * budget_tokens:
        return []
    chosen = []
    for message in open_[:-KEEP_TURNS]:
        if used <= THEN * budget_tokens:
            break
        chosen.append(message)
        used -= cost(message)
    return chosen


@dataclass(frozen=True, slots=True)
class Shortened:
    """What folding did."""

    turns: int
    """How many turns were folded; 0 when there was room, or somebody else was faster."""
    digest: str = ""
    problem: str | None = None
    """Why no model wrote the digest, which then holds the turns' own first words; None when one did."""


async def shorten(memory: Memory, thread_id: str, target: Target | None, *, budget_tokens: int) -> Shortened:
    """Fold the oldest turns of a thread into its digest, if it has grown too long.

    Meant to run while nobody waits for it. Two that run at once do not fold anything twice: the slower one gives way.

    Args:
        target: who writes the digest; None folds without a model.

    Raises:
        MemoryFault: the thread is gone or closed.
    """
    thread = await asyncio.to_thread(memory.get, thread_id)
    history = await asyncio.to_thread(memory.history, thread_id)
    chosen = await asyncio.to_thread(to_fold, thread, history, budget_tokens=budget_tokens)
    if not chosen:
        return Shortened(0)
    before = str(thread.state.get("digest") or "")
    most = int(DIGEST_SHARE * budget_tokens)
    with concerning(thread.customer, thread.id), step("shorten the history"):
        digest, problem = await _digest(before, chosen, target, most_tokens=most)
    earlier = list(thread.state.get("digested") or ())

    def folded(state: dict[str, Any]) -> dict[str, Any]:
        if list(state.get("digested") or ()) != earlier:
            return state
        return {
            **state,
            "digest": digest,
            "digested": [*earlier, *(message.id for message in chosen)],
            "facts": with_said(state.get("facts") or (), said_for_good(chosen)),
        }

    kept = await asyncio.to_thread(memory.update, thread_id, folded)
    done = len(kept.state.get("digested") or ()) == len(earlier) + len(chosen) and kept.state.get("digest") == digest
    return Shortened(len(chosen), digest, problem) if done else Shortened(0)


def first_words(digest: str, messages: Sequence[Message], *, most_tokens: int) -> str:
    """A digest without a model: the first sentence of each turn, the newest ones as far as there is room."""
    lines = [digest] if digest else []
    for message in messages:
        if text := as_heard(message):
            who = "Customer" if message.role == "user" else "Assistant"
            lines.append(f"{who}: {SENTENCES.split(one_line(text))[0][:200]}")
    return clip(" ".join(lines), most_tokens)


async def _digest(
    before: str, messages: Sequence[Message], target: Target | None, *, most_tokens: int
) -> tuple[str, str | None]:
    if target is None:
        return first_words(before, messages, most_tokens=most_tokens), "no model was given"
    talk = [{"role": message.role, "content": text} for message in messages if (text := as_heard(message))]
    try:
        run = await prompts.run("summary", target, digest=one_line(before), conversation=talk)
        written = one_line(str((run.data or {})["digest"]))
        if not written:
            raise PromptError("prompts/summary.prompty: the summary is empty")
        source = before + " ".join(turn["content"] for turn in talk)
        if made_up := sorted(set(_SKU.findall(written)) - set(_SKU.findall(source))):
            raise PromptError(f"prompts/summary.prompty: the summary names {made_up[0]}, which nobody did")
    except PromptError as problem:
        logger.warning("a history is shortened without a model: %s", type(problem).__name__)
        return first_words(before, messages, most_tokens=most_tokens), str(problem)
    return clip(written, most_tokens), None


class Shortener:
    """Shortens threads beside the conversation, each by one task at a time.

    Leaving the block stops what is under way: nothing of it is kept then, and nothing is lost.
    """

    def __init__(self, memory: Memory, target: Target | None, *, budget_tokens: int) -> None:
        self._memory = memory
        self._target = target
        self._budget_tokens = budget_tokens
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def look(self, thread_id: str) -> None:
        """A turn has ended: fold what has grown too long. Returns at once."""
        if thread_id not in self._tasks:
            task = asyncio.create_task(self._shorten(thread_id))
            self._tasks[thread_id] = task
            task.add_done_callback(lambda _: self._tasks.pop(thread_id, None))

    async def settled(self) -> None:
        """Wait until nothing is under way."""
        while self._tasks:
            await asyncio.wait(list(self._tasks.values()))

    async def __aenter__(self) -> Shortener:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _shorten(self, thread_id: str) -> None:
        try:
            await shorten(self._memory, thread_id, self._target, budget_tokens=self._budget_tokens)
        except MemoryFault as problem:
            logger.warning("a history stays as long as it is: %s", problem)
