"""How much a response has used, in tokens as the real service counts them.

Sound: one token per 100 ms of the caller and per 50 ms of the assistant (OpenAI, "Managing costs", Realtime guide).
Text: one token per four characters, rounded up, which is that guide's rule of thumb and not a tokenizer; good
enough to compare prompts, not to check a bill.

Cached is what a response reads again from the beginning on, exactly as an earlier response of the same call had read
it: instructions, tools, then item by item up to the first difference. Whatever is deleted, cut, or dropped from the
window ends the common beginning there. The real service counts in blocks of tokens and forgets after minutes (OpenAI,
"Prompt caching" guide); here every token of the common beginning counts, and a call remembers a few readings.
"""

from __future__ import annotations

import json
import math
from collections import deque
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from itertools import takewhile
from typing import Any, NamedTuple

from contoso_lab.engine.items import Item

CALLER_MS_PER_TOKEN = 100
ASSISTANT_MS_PER_TOKEN = 50
CHARACTERS_PER_TOKEN = 4
MOST_READINGS = 8
"""So many readings are remembered: a conversation and the requests that a client makes beside it."""


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


class Read(NamedTuple):
    """One thing that a response is given to read."""

    mark: Hashable
    """Equal for what reads the same."""
    cost: Tokens


def reading(instructions: str, tools: Iterable[dict[str, Any]], items: Iterable[Item]) -> tuple[Read, ...]:
    """What a response is given to read, in order."""
    told = (instructions, *map(json.dumps, tools))
    head = (Read(text, Tokens(text=text_tokens(text))) for text in told)
    return (*head, *(Read(_mark(item), item_tokens(item)) for item in items))


def total(read: Iterable[Read]) -> Tokens:
    """The sum of all costs.

    >>> total([Read("a", Tokens(text=1)), Read("b", Tokens(audio=2))])
    Tokens(text=1, audio=2)
    """
    return sum((each.cost for each in read), Tokens())


def input_tokens(instructions: str, tools: Iterable[dict[str, Any]], items: Iterable[Item]) -> Tokens:
    """What a response is given to read, in tokens."""
    return total(reading(instructions, tools, items))


class Readings:
    """What the responses of one call have read.

    >>> readings = Readings()
    >>> first, second = Read("a", Tokens(text=1)), Read("b", Tokens(text=2))
    >>> readings.cached([first]), readings.cached([first, second]), readings.cached([second, first])
    (Tokens(text=0, audio=0), Tokens(text=1, audio=0), Tokens(text=0, audio=0))
    """

    def __init__(self) -> None:
        self._past: deque[tuple[Hashable, ...]] = deque(maxlen=MOST_READINGS)

    def cached(self, read: Iterable[Read]) -> Tokens:
        """How much of this has been read before; it is remembered from now on."""
        read = tuple(read)
        marks = tuple(each.mark for each in read)
        common = max((_common(marks, past) for past in self._past), default=0)
        self._past.append(marks)
        return total(read[:common])


def _common(one: tuple[Hashable, ...], other: tuple[Hashable, ...]) -> int:
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def _mark(item: Item) -> Hashable:
    """Sound is told apart by its item, its length, which a truncation changes, and its words; all else by its text."""
    if item.sound_ms:
        return (item.id, item.sound_ms, item.heard)
    kept = {key: value for key, value in item.wire.items() if key not in ("id", "status")}
    return json.dumps(kept, sort_keys=True)


def usage_wire(given: Tokens, made: Tokens, cached: Tokens) -> dict[str, Any]:
    """The `usage` of a `response.done`."""
    return {
        "total_tokens": given.total + made.total,
        "input_tokens": given.total,
        "output_tokens": made.total,
        "input_token_details": {
            "text_tokens": given.text,
            "audio_tokens": given.audio,
            "image_tokens": 0,
            "cached_tokens": cached.total,
            "cached_tokens_details": {
                "text_tokens": cached.text,
                "audio_tokens": cached.audio,
                "image_tokens": 0,
            },
        },
        "output_token_details": {"text_tokens": made.text, "audio_tokens": made.audio},
    }
