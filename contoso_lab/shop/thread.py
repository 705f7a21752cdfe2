"""A conversation in the shape that prompts take: messages of user and assistant, oldest first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from contoso_lab.errors import ShopError

Messages = Sequence[Mapping[str, Any]]
"""Messages as `{"role": "user" | "assistant", "content": text}`."""

_WHO = {"user": "customer", "assistant": "assistant"}


class Said(Protocol):
    """What a turn has to offer; turns of a recorded or a live conversation do."""

    @property
    def role(self) -> str:
        """Who said it."""
        ...

    @property
    def heard(self) -> str:
        """What the listener heard of it."""
        ...


def thread(turns: Iterable[Said]) -> list[dict[str, str]]:
    """Turns as messages: only what was heard, only customer and assistant, nothing empty.

    What an interrupted agent would have said is left out, because the customer never heard it.
    """
    return [
        {"role": turn.role, "content": turn.heard.strip()} for turn in turns if turn.role in _WHO and turn.heard.strip()
    ]


def spoken_lines(messages: Messages) -> list[dict[str, str]]:
    r"""Messages as the lines of a prompt's history: who said what, each on one line.

    Raises:
        ShopError: a message has another role than user or assistant.

    >>> spoken_lines([{"role": "user", "content": "Hello,\nis that you?"}])
    [{'who': 'customer', 'text': 'Hello, is that you?'}]
    """
    lines = []
    for number, message in enumerate(messages, start=1):
        if message.get("role") not in _WHO or not isinstance(message.get("content"), str):
            raise ShopError(
                f"message {number} of the history has to be {{'role': 'user' or 'assistant', 'content': text}}"
            )
        lines.append({"who": _WHO[message["role"]], "text": one_line(message["content"])})
    return lines


def one_line(text: str) -> str:
    """Text without line breaks: inside a prompt a new line could pose as a heading or a new message."""
    return " ".join(text.split())
