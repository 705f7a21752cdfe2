"""The text chat: an answer, a summary for the next colleague, and how much the customer wants a call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from contoso_lab import prompts
from contoso_lab.errors import PromptError, ShopError
from contoso_lab.prompts import PromptRun, PromptStream
from contoso_lab.settings import Target
from contoso_lab.shop.catalog import Catalog
from contoso_lab.shop.customers import Customer
from contoso_lab.shop.thread import Messages, one_line
from contoso_lab.shop.voice import who

CALL_NOW = 5
"""The score at which the shop rings the customer."""

_Said = Annotated[str, StringConstraints(strip_whitespace=False, min_length=1, pattern=r"\S")]


class _Answer(BaseModel):
    """What the model has to answer, to the letter."""

    model_config = ConfigDict(extra="forbid", strict=True)

    response: _Said
    context: str
    call: Annotated[int, Field(ge=1, le=CALL_NOW)]


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
    messages: Messages,
    customer: Customer,
    catalog: Catalog,
    *,
    context: Sequence[str] = (),
    language: str | None = None,
) -> list[dict[str, Any]]:
    """The messages that the model would get; needs no network."""
    return prompts.load("chat").render(**_inputs(messages, customer, catalog, context, language))


async def answer(
    messages: Messages,
    customer: Customer,
    catalog: Catalog,
    target: Target,
    *,
    context: Sequence[str] = (),
    language: str | None = None,
) -> ChatAnswer:
    """Answer the last message of a chat.

    Args:
        messages: the chat so far; the last one is the customer's. With `picture_message` it may hold a picture.
        context: the summaries of earlier answers, oldest first.
        language: what the chat began in, in English words; the prompt's default when None.

    Raises:
        ShopError: the last message is not the customer's.
        PromptError: the target cannot be reached or does not keep to the schema.
    """
    return read(await prompts.run("chat", target, **_inputs(messages, customer, catalog, context, language)))


def stream(
    messages: Messages,
    customer: Customer,
    catalog: Catalog,
    target: Target,
    *,
    context: Sequence[str] = (),
    language: str | None = None,
) -> PromptStream:
    """The same answer as JSON text, piece by piece; when it has ended, `read` its `.run`.

    Raises:
        ShopError: the last message is not the customer's.
        PromptError: as `answer`; while reading, when it is the target's fault.
    """
    return prompts.stream("chat", target, **_inputs(messages, customer, catalog, context, language))


def read(run: PromptRun) -> ChatAnswer:
    """The three parts of an answer that has come whole.

    Raises:
        PromptError: a part is missing, is of another kind, or is one too many.
    """
    try:
        told = _Answer.model_validate(run.data)
        told.model_dump_json()  # half a surrogate pair is JSON, and no text that could be sent
    except (ValidationError, ValueError) as problem:
        raise PromptError(f"prompts/chat.prompty: {_why(problem)}; say so in the prompt") from problem
    return ChatAnswer(told.response, told.context, told.call, run)


def picture_message(text: str, image_url: str) -> dict[str, Any]:
    """A customer's message with a picture.

    Args:
        image_url: an address, or a data URL.
    """
    return {
        "role": "user",
        "content": [{"type": "text", "text": text}, {"type": "image_url", "image_url": {"url": image_url}}],
    }


def _inputs(
    messages: Messages, customer: Customer, catalog: Catalog, context: Sequence[str], language: str | None
) -> dict[str, Any]:
    if not messages or messages[-1].get("role") != "user":
        raise ShopError("the chat has nothing to answer: its last message has to be the customer's (role 'user')")
    return {
        **who(customer, catalog),
        "context": [one_line(summary) for summary in context],
        "conversation": list(messages),
        **({"language": language} if language is not None else {}),
    }


def _why(problem: ValueError) -> str:
    if not isinstance(problem, ValidationError):
        return "the answer holds half a character"
    first = problem.errors(include_url=False)[0]
    place = ".".join(str(part) for part in first["loc"]) or "the answer"
    match first["type"]:
        case "greater_than_equal" | "less_than_equal":
            return f"{place!r} has to be 1 to {CALL_NOW}, not {first['input']}"
        case "string_too_short" | "string_pattern_mismatch":
            return f"{place!r} is empty"
        case "extra_forbidden":
            return f"the answer has {place!r}, which nobody asked for"
        case _:
            return f"{place!r} in the answer is wrong: {first['msg']}"
