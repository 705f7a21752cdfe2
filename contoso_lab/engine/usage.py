"""How much a response has used, in tokens as the real service counts them.

Sound: one token per 100 ms of the caller and per 50 ms of the assistant (OpenAI, "Managing costs", Realtime guide).
Text: one token per four characters, rounded up, which is that guide's rule of thumb and not a tokenizer; good
enough to compare prompts, not to check a bill. Nothing is cached here, and the numbers say so.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from contoso_lab.engine.items import Item

CALLER_MS_PER_TOKEN = 100
ASSISTANT_MS_PER_TOKEN = 50
CHARACTERS_PER_TOKEN = 4


@dataclass(frozen=True, slots=True)
class Tokens:
    """A number of tokens of each kind.

    >>> Tokens(text=3) + Tokens(audio=20)
    Tokens(text=3, audio=20)
    """

    text: int = 0
    audio: int = 0

    def __add__(self, other: Tokens) -> Tokens:
        return Tokens(self.text + other.text, self.audio + other.audio)

    @property
    def total(self) -> int:
        """Text and sound together."""
        return self.text + self.audio


def text_tokens(text: str) -> int:
    """Estimate the tokens of a text.

    >>> text_tokens("tent"), text_tokens("tents"), text_tokens("")
    (1, 2, 0)
    """
    return math.ceil(len(text) / CHARACTERS_PER_TOKEN)


def item_tokens(item: Item) -> Tokens:
    """What an item costs as a part of the input."""
    if item.sound_ms:
        per_token_ms = CALLER_MS_PER_TOKEN if item.wire.get("role") == "user" else ASSISTANT_MS_PER_TOKEN
        return Tokens(audio=math.ceil(item.sound_ms / per_token_ms))
    message = item.message()
    words = message.content if message else item.wire.get("arguments") or item.wire.get("output") or ""
    return Tokens(text=text_tokens(words))


def input_tokens(instructions: str, tools: Iterable[dict[str, Any]], items: Iterable[Item]) -> Tokens:
    """What a response is given to read."""
    read = text_tokens(instructions) + sum(text_tokens(json.dumps(tool)) for tool in tools)
    return sum((item_tokens(item) for item in items), Tokens(text=read))


def usage_wire(given: Tokens, made: Tokens) -> dict[str, Any]:
    """The `usage` of a `response.done`."""
    return {
        "total_tokens": given.total + made.total,
        "input_tokens": given.total,
        "output_tokens": made.total,
        "input_token_details": {
            "text_tokens": given.text,
            "audio_tokens": given.audio,
            "image_tokens": 0,
            "cached_tokens": 0,
            "cached_tokens_details": {"text_tokens": 0, "audio_tokens": 0, "image_tokens": 0},
        },
        "output_token_details": {"text_tokens": made.text, "audio_tokens": made.audio},
    }
