"""What a prompt gets of a conversation: as much as fits into the window of a model, the facts first.

It needs no model and no waiting, keeps to its budget whatever was said, and lets the newest turns through word by
word. Facts (`agent.facts`) are data, and no summary can lose or bend them. What does not fit is left out, until
`agent.shortening` has folded the oldest turns into the digest.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from contoso_lab.agent.facts import SAID, facts_of
from contoso_lab.errors import PromptError
from contoso_lab.memory import Message, Thread
from contoso_lab.prompts import count_tokens
from contoso_lab.shop.thread import one_line

KEEP_TURNS = 6
"""So many of the newest turns are never folded, and go before any summary when room is short."""
LINE_TOKENS = 6
"""What a turn costs beside its words: who said it, and its ends."""
CUT = " —"
"""Stands where an answer was cut off."""
SHORTENED = " […]"
"""Stands where a turn was longer than everything may be."""
CUT_NOTE = f'An answer that ends in "{CUT.strip()}" was cut off there: the customer did not hear the rest.'

SENTENCES = re.compile(r"(?<=[.!?。！？])\s*")


@dataclass(frozen=True, slots=True)
class Fitted:
    """What a prompt is given of a conversation."""

    facts: tuple[str, ...]
    """All of them; of the customer's own sentences the newest, as far as there was room."""
    told: tuple[str, ...]
    """What matters from last time, the digest and the running summaries, as far as there was room; oldest first."""
    messages: tuple[Message, ...]
    """The newest turns, in spoken order, without what nobody heard."""
    left_out: int
    """Turns that are in neither: they wait to be folded."""
    tokens: int
    """About how much all this takes; never more than the budget."""

    @property
    def context(self) -> tuple[str, ...]:
        """All but the turns, as a prompt takes it."""
        notes = [CUT_NOTE] if any(was_cut(message) for message in self.messages) else []
        left = [f"{self.left_out} earlier turns are not shown."] if self.left_out else []
        return (*self.told, *left, *self.facts, *notes)


def as_heard(message: Message) -> str:
    """A turn as the other side knows it: what was not heard is left out, and the place is marked.

    >>> as_heard(Message(source="call", role="assistant", text="It is light and red.", heard="It is light"))
    'It is light —'
    """
    heard = message.as_heard.strip()
    if message.meta.get("picture"):
        heard = f"{heard} (with a picture)".strip()
    return f"{heard}{CUT}" if heard and was_cut(message) else heard


def was_cut(message: Message) -> bool:
    """Whether the other side heard the beginning and not the end."""
    return message.heard is not None and bool(message.heard.strip()) and message.heard.strip() != message.text.strip()


def fit(
    thread: Thread,
    messages: Sequence[Message],
    *,
    budget_tokens: int,
    name_of: Callable[[str], str] = str,
    keep: int = KEEP_TURNS,
    whole: bool = True,
) -> Fitted:
    """Choose what a prompt gets of a conversation, within a budget.

    In this order, each as far as there is room: all facts and the newest turn, the `keep` newest turns, the sentences
    in which the customer set a limit, the digest, the running summaries from the newest on, older turns.

    Args:
        messages: the history of the thread, in spoken order.
        budget_tokens: for all of it.
        name_of: a product's name for its SKU.
        whole: whether a newest turn that does not fit is refused, as a question to answer must be; else its beginning
            is taken.

    Raises:
        PromptError: not even the facts and the newest turn fit.
    """
    known = facts_of(thread, name_of=name_of)
    facts = [fact for fact in known if not fact.startswith(SAID)]
    folded = set(thread.state.get("digested") or ())
    spoken = [message for message in messages if message.id not in folded and as_heard(message)]
    room = _Room(budget_tokens)
    # Two notes that may be needed at the end: how many turns are missing, and what a cut means.
    room.take(count_tokens("1000000 earlier turns are not shown.") + count_tokens(CUT_NOTE))
    roomy = room.take(sum(map(count_tokens, facts)))
    if roomy and spoken and not whole and cost(spoken[-1]) > room.left:
        spoken[-1] = _beginning(spoken[-1], room.left)
    if not roomy or not room.take(cost(spoken[-1]) if spoken else 0):
        raise PromptError(
            f"thread {thread.id}: its facts and its newest turn take more than the budget of {budget_tokens} tokens: "
            "give it a larger one, or shorten the state"
        )
    taken = min(len(spoken), 1)
    taken += _run(room, spoken[:-1], keep - 1)
    facts += _newest(room, [fact for fact in known if fact.startswith(SAID)])
    told = _told(thread, room)
    if taken >= min(keep, len(spoken)):
        taken += _run(room, spoken[: len(spoken) - taken], len(spoken))
    shown = tuple(spoken[len(spoken) - taken :])
    return Fitted(tuple(facts), told, shown, len(spoken) - taken, budget_tokens - room.left)


def cost(message: Message) -> int:
    """About how many tokens a turn takes in a prompt."""
    return LINE_TOKENS + count_tokens(as_heard(message))


def _beginning(message: Message, most_tokens: int) -> Message:
    """As much of a turn as there is room for."""
    text, low, high = message.as_heard, 0, len(message.as_heard)

    def first(length: int) -> Message:
        return replace(message, text=f"{text[:length]}{SHORTENED}", heard=None, meta={})

    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if cost(first(middle)) <= most_tokens else (low, middle - 1)
    return first(low)


class _Room:
    """How much of a budget is left."""

    def __init__(self, tokens: int) -> None:
        self.left = tokens

    def take(self, tokens: int) -> bool:
        if tokens > self.left:
            return False
        self.left -= tokens
        return True


def _run(room: _Room, messages: Sequence[Message], most: int) -> int:
    """How many of the last messages there is room for, without a gap."""
    taken = 0
    for message in list(reversed(messages))[: max(0, most)]:
        if not room.take(cost(message)):
            break
        taken += 1
    return taken


def _told(thread: Thread, room: _Room) -> tuple[str, ...]:
    told = []
    for text in (thread.state.get("welcome"), thread.state.get("digest")):
        clipped = clip(one_line(str(text or "")), room.left)
        if clipped and room.take(count_tokens(clipped)):
            told.append(clipped)
    summaries = [one_line(str(summary)) for summary in thread.state.get("summaries") or []]
    return (*told, *_newest(room, [summary for summary in summaries if summary]))


def _newest(room: _Room, texts: Sequence[str]) -> list[str]:
    """The last texts that there is room for, oldest first."""
    taken: list[str] = []
    for text in reversed(texts):
        if not room.take(count_tokens(text)):
            break
        taken.insert(0, text)
    return taken


def clip(text: str, most_tokens: int) -> str:
    """The end of a text, from the beginning of a sentence on where there is one."""
    if count_tokens(text) <= most_tokens:
        return text
    sentences = SENTENCES.split(text)
    while sentences and count_tokens(" ".join(sentences)) > most_tokens:
        sentences.pop(0)
    return " ".join(sentences)
