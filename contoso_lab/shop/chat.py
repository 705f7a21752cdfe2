"""The text chat: an answer, a summary for the next colleague, and how much the customer wants a call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from contoso_lab import prompts
from contoso_lab.errors import PromptError, ShopError
from contoso_lab.prompts import PromptRun
from contoso_lab.settings import Target
from contoso_lab.shop.catalog import Catalog
from contoso_lab.shop.customers import Customer
from contoso_lab.shop.thread import Messages, one_line
from contoso_lab.shop.voice import who

CALL_NOW = 5
"""The score at which the shop rings the customer."""


@dataclass(frozen=True, slots=True)
class ChatAnswer:
    """One answer of the chat."""

    response: str
    context: str
    """One sentence that the next colleague needs; the caller appends it to the list of earlier ones."""
    call: int
    """1 to 5; at 5 the customer asked for a call or agreed to one."""
    run: PromptRun

    @property
    def wants_call(self) -> bool:
        """Whether the shop should ring now."""
        return self.call >= CALL_NOW


def render(
    messages: Messages, customer: Customer, catalog: Catalog, *, context: Sequence[str] = ()
) -> list[dict[str, Any]]:
    """The messages that the model would get; needs no network."""
    return prompts.load("chat").render(**_inputs(messages, customer, catalog, context))


async def answer(
    messages: Messages, customer: Customer, catalog: Catalog, target: Target, *, context: Sequence[str] = ()
) -> ChatAnswer:
    """Answer the last message of a chat.

    Args:
        messages: the chat so far; the last one is the customer's. With `picture_message` it may hold a picture.
        context: the summaries of earlier answers, oldest first.

    Raises:
        ShopError: the last message is not the customer's.
        PromptError: the target cannot be reached or does not keep to the schema.
    """
    run = await prompts.run("chat", target, **_inputs(messages, customer, catalog, context))
    data = run.data or {}
    if not 1 <= data["call"] <= CALL_NOW:
        raise PromptError(f"prompts/chat.prompty: 'call' has to be 1 to 5, not {data['call']}; say so in the prompt")
    return ChatAnswer(data["response"], data["context"], data["call"], run)


def picture_message(text: str, image_url: str) -> dict[str, Any]:
    """A customer's message with a picture.

    Args:
        image_url: an address, or a data URL.
    """
    return {
        "role": "user",
        "content": [{"type": "text", "text": text}, {"type": "image_url", "image_url": {"url": image_url}}],
    }


def _inputs(messages: Messages, customer: Customer, catalog: Catalog, context: Sequence[str]) -> dict[str, Any]:
    if not messages or messages[-1].get("role") != "user":
        raise ShopError("the chat has nothing to answer: its last message has to be the customer's (role 'user')")
    return {
        **who(customer, catalog),
        "context": [one_line(summary) for summary in context],
        "conversation": list(messages),
    }
