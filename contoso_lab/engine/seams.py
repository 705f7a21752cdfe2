"""The four places where the engine can be taken apart: ear, speech meter, voice and brain.

```
samples ─▶ SpeechMeter ─▶ is someone speaking?
samples ─▶ Ear         ─▶ Heard        text ─▶ Voice ─▶ Spoken, sentence by sentence
BrainRequest ─▶ Brain  ─▶ pieces of text and tool calls
```

The protocol and the server know these shapes and nothing else about models, so that a test can put a few
lines of Python where a neural network would stand. Nothing here loads a model or imports one.

Ears and voices block: call them in a worker thread. A brain is asynchronous, because it may be a model
elsewhere.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from contoso_lab.errors import EngineError

FloatArray: TypeAlias = NDArray[np.float32]
"""Mono samples, 1.0 is full scale."""


def never() -> bool:
    """Say that nobody has cancelled: the default of `Ear.transcribe`.

    >>> never()
    False
    """
    return False


@dataclass(frozen=True, slots=True)
class Heard:
    """What an ear made of one stretch of sound."""

    text: str
    """Empty when there was nothing to hear, or when the work was cancelled."""
    mean_logprob: float
    """Mean log-probability of a token; 0 is certain, below about -1 is guessing."""
    no_speech: float
    """Probability, 0 to 1, that nobody spoke."""


@dataclass(frozen=True, slots=True, eq=False)
class Spoken:
    """One sentence, said."""

    text: str
    """The sentence as it stands in the text that was given, not as it was spelled out for the voice."""
    samples: FloatArray
    """Mono at 24 000 Hz."""


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A brain asks its caller to run a tool."""

    call_id: str
    name: str
    arguments: str
    """A JSON object as text."""


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """One message of the conversation that a brain is given: the messages of the OpenAI chat API."""

    role: str
    """"system", "user", "assistant" or "tool"."""
    content: str
    tool_calls: tuple[ToolCall, ...] = ()
    """Of an assistant's message: the tools that it asked for. Each of them is answered by a message of role "tool"
    that follows, as the chat API demands."""
    call_id: str = ""
    """Of a tool's message: the call that it answers (`tool_call_id`)."""
    images: tuple[str, ...] = ()
    """Of a user's message: pictures as `data:` URLs. Only a brain that says that it `sees` is given any."""


@dataclass(frozen=True, slots=True)
class BrainRequest:
    """All that a brain is told: it knows nothing that does not stand here."""

    messages: tuple[ChatMessage, ...]
    tools: tuple[dict[str, Any], ...] = ()
    tool_choice: str = "auto"
    """"auto", "none", "required", or the name of the tool that must be called."""
    parallel_tool_calls: bool = True
    """False: at most one tool call in this reply; more are dropped."""
    json_schema: dict[str, Any] | None = None
    """When given, the whole reply is one JSON value of this shape."""
    max_tokens: int | None = None
    temperature: float | None = None
    seed: int | None = None


def languages_of(part: object) -> tuple[str, ...]:
    """The languages that an ear hears or a voice speaks, as ISO 639-1; nothing when it does not say.

    >>> languages_of(object())
    ()
    """
    return tuple(getattr(part, "languages", ()))


class Ear(Protocol):
    """Turns speech into text.

    One that hears only some languages has an attribute `languages`, such as `("en",)`; a session that names another
    is refused, because what came of it would be garbage that looks like words.
    """

    def transcribe(self, samples_16k: FloatArray, *, prompt: str = "", cancelled: Callable[[], bool] = never) -> Heard:
        """Hear one turn. Blocking and safe to call from several threads.

        Args:
            samples_16k: mono at 16 000 Hz.
            prompt: words that are likely to come up, such as product names.
            cancelled: asked between steps; once it says yes, the text comes back empty.
        """
        ...


class SpeechMeter(Protocol):
    """Says how likely it is that someone is speaking; one meter per stream, because it remembers."""

    def push(self, samples_16k: FloatArray) -> list[float]:
        """Take any number of samples at 16 000 Hz; give one probability per full frame of 512 (32 ms)."""
        ...

    def reset(self) -> None:
        """Forget the stream and start a new one."""
        ...


class Voice(Protocol):
    """Turns text into speech; one that speaks only some languages has an attribute `languages`, as an ear has."""

    @property
    def names(self) -> tuple[str, ...]:
        """The voices that can be asked for, the default one first."""
        ...

    def speak(self, text: str, *, voice: str, speed: float = 1.0) -> Iterator[Spoken]:
        """Say a text sentence by sentence. Blocking: each sentence is made when it is asked for.

        Args:
            text: plain words; any number of sentences.
            voice: one of `names`, or a name that the voice knows how to map to one of them.
            speed: 1.0 is the natural pace, 2.0 takes half the time.
        """
        ...


class TokensSpent(EngineError):
    """A brain ends its reply with this when it had more to say than `max_tokens` allows: what it gave counts."""

    def __init__(self) -> None:
        super().__init__("the reply was cut off at its limit of tokens: allow more, or ask for less")


class Brain(Protocol):
    """Decides what to say.

    A brain that can look at pictures has an attribute `sees` that is true; to one without it they are refused at
    the door, with an error that says so.
    """

    def reply(self, request: BrainRequest) -> AsyncIterator[str | ToolCall]:
        """Answer with pieces of text, and tool calls, as they come."""
        ...
