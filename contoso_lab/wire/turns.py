"""What the fold of a conversation gives: turns, in the order in which they were spoken."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Role = Literal["user", "assistant", "system"]
"""Who speaks."""

Status = Literal["open", "done", "interrupted", "failed"]
"""How far a turn has come.

`open`: still being said, or its transcript is still awaited. `done`: complete. `interrupted`: an answer that was
cancelled, or of which the listener did not hear the end. `failed`: a response that failed or ran into a limit, or
speech of which no transcript could be made.
"""


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One function that the model asked for."""

    call_id: str
    name: str
    arguments: str
    """JSON as the model wrote it, maybe not valid, and incomplete while the turn is open."""
    output: str | None = None
    """What was given back to the model; None until then."""
    item_id: str = ""
    """The conversation item of the call itself."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One utterance: what was said, what was heard of it, and when. Times are on the caller's clock, in ms."""

    item_id: str
    role: Role
    text: str
    """All that was transcribed or generated."""
    heard: str
    """What reached the listener; the same as `text` unless the turn was cut."""
    status: Status
    started_ms: float
    """User: when the server noticed speech. Assistant: when it was first heard, as far as we know (else: arrived)."""
    stopped_ms: float | None
    """User: when the server noticed silence. Assistant: when it fell silent for the listener. None while open."""
    response_id: str | None = None
    """The response that made it; None for what a response did not make."""
    audio_ms: float = 0.0
    """How much sound it has: the user's span by the server's detector, the assistant's as received."""
    heard_ms: float = 0.0
    """How much of that sound the listener heard."""
    tool_calls: tuple[ToolCall, ...] = ()
    """The functions called in the same response."""
    off_policy: bool = False
    """In a replay: it was said after the conversation had left the recorded one, so the two cannot be compared here."""

    @property
    def unheard(self) -> str:
        """The end of `text` that the listener never heard; empty when all was heard.

        >>> Turn("i", "assistant", "one two three", "one two", "interrupted", 0.0, 900.0).unheard
        'three'
        """
        return self.text[len(self.heard) :].strip()

    def _repr_html_(self) -> str:
        from contoso_lab.wire.dialogue import dialogue_html  # which draws turns, and so imports us

        return dialogue_html([self])

    @property
    def cut(self) -> bool:
        """Whether the listener missed the end."""
        return self.unheard != ""
