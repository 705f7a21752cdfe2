"""One history for chat and call: what was written reaches the call, what was said reaches the chat.

Turns stand in the order in which they were spoken. Of an answer that was cut off there is only what was heard, with a
mark; an answer that nobody heard is not there at all. What the chat noted for its colleague goes along with them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from contoso_lab.agent.window import as_heard, fit
from contoso_lab.memory import Message, Thread


@dataclass(frozen=True, slots=True)
class CallSeed:
    """What a call begins with; `history` and `context` as `shop.voice.instructions` takes them."""

    history: list[dict[str, str]]
    context: str


@dataclass(frozen=True, slots=True)
class ChatSeed:
    """What a chat's answer is made from; `messages` and `context` as `shop.chat.stream` takes them."""

    messages: list[dict[str, str]]
    context: list[str]


def call_seed(
    thread: Thread, messages: Sequence[Message], *, budget_tokens: int, name_of: Callable[[str], str] = str
) -> CallSeed:
    """What a call is told of all that went before, in the chat and in earlier calls.

    Of a newest turn that is longer than the budget it is told the beginning.

    Args:
        messages: the history of the thread, as the memory gives it.
        budget_tokens: for history and context together.
        name_of: a product's name for its SKU.

    Raises:
        PromptError: not even the facts fit into the budget.

    >>> from datetime import UTC, datetime
    >>> now = datetime.now(UTC)
    >>> thread = Thread("t", "maya", "voice", "en", {"summaries": ["Wants a tent."]}, now, now, None, 1)
    >>> call_seed(thread, [Message(source="chat", role="user", text="Call me.")], budget_tokens=500)
    CallSeed(history=[{'role': 'user', 'content': 'Call me.'}], context='Wants a tent.')
    """
    fitted = fit(thread, messages, budget_tokens=budget_tokens, name_of=name_of, whole=False)
    return CallSeed(_turns(fitted.messages), " ".join(fitted.context))


def chat_messages(
    thread: Thread, messages: Sequence[Message], *, budget_tokens: int, name_of: Callable[[str], str] = str
) -> ChatSeed:
    """What the chat is told of all that went before, on calls too; the last message is the newest.

    Who answers the newest puts it in whole in its place: one that is longer than the budget is cut here, too.
    Args and Raises are those of `call_seed`.
    """
    fitted = fit(thread, messages, budget_tokens=budget_tokens, name_of=name_of, whole=False)
    return ChatSeed(_turns(fitted.messages), list(fitted.context))


def _turns(messages: Sequence[Message]) -> list[dict[str, str]]:
    return [{"role": message.role, "content": as_heard(message)} for message in messages]
