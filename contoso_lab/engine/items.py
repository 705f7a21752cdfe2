"""The items of a conversation: what was said, in which order, and how much of it was heard.

An `Item` is kept as the wire shows it, with what the wire does not show beside it: the sound, the words that the
ear made of it, and which words fall on which stretch of sound. The last is what `conversation.item.truncate` needs:
the caller never heard the rest, so the assistant must not remember having said it.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from contoso_lab.audio.codec import to_base64
from contoso_lab.audio.format import AudioFormat
from contoso_lab.engine.refusals import Refused
from contoso_lab.engine.seams import ChatMessage, Heard
from contoso_lab.errors import EngineError

Role = Literal["user", "assistant", "system"]


@dataclass(frozen=True, slots=True)
class SpokenSpan:
    """Words, and how long saying them took."""

    text: str
    """With the space that parts it from the words before."""
    duration_ms: float


@dataclass(slots=True, eq=False)
class Item:
    """One message, tool call or tool result."""

    wire: dict[str, Any]
    """As item events show it: without sound."""
    audio: bytes = b""
    """Its sound, for `conversation.item.retrieve`; the oldest sound of a long call is forgotten."""
    format: AudioFormat | None = None
    sound_ms: float = 0.0
    """How long it sounds, also when the sound itself has been forgotten."""
    heard: str | None = None
    """What the ear made of a caller's sound; None until it has."""
    mean_logprob: float | None = None
    """How sure the ear was of that: the mean log-probability of a token."""
    spans: list[SpokenSpan] = field(default_factory=list)
    truncated: bool = False

    @property
    def id(self) -> str:
        """The item's id."""
        return str(self.wire["id"])

    def add_sound(self, data: bytes) -> None:
        """Append sound in the item's format."""
        if self.format is None:
            raise EngineError(f"item {self.id} was given sound and no format to read it by")
        self.audio += data
        self.sound_ms += self.format.duration_ms(data)

    def show(self) -> dict[str, Any]:
        """A copy for an event."""
        return copy.deepcopy(self.wire)

    def show_with_audio(self) -> dict[str, Any]:
        """A copy for `conversation.item.retrieved`, the only event that carries an item's sound."""
        shown = self.show()
        for part in shown.get("content", ()):
            if part["type"] in {"input_audio", "output_audio"} and self.audio:
                part["audio"] = to_base64(self.audio)
        return shown

    def truncate(self, end_ms: int) -> None:
        """Cut sound and words to what was heard.

        Raises:
            Refused: the item is no spoken message of the assistant, or has less sound than that.
        """
        parts = self.wire.get("content") or []
        if self.wire.get("role") != "assistant" or not parts or parts[0]["type"] != "output_audio":
            raise Refused("Only model output audio messages can be truncated", code="unsupported_content_type")
        if end_ms <= 0:
            raise Refused(
                "Invalid 'audio_end_ms': integer below minimum value. Expected a value >= 1, but got "
                f"{end_ms} instead.",
                code="integer_below_min_value",
                param="audio_end_ms",
            )
        if end_ms > math.ceil(self.sound_ms):
            raise Refused(
                f"Audio content of {self.sound_ms:.0f}ms is already shorter than {end_ms}ms", param="audio_end_ms"
            )
        if self.format is not None:
            self.audio = self.audio[: self.format.byte_count(end_ms)]
        self.sound_ms = float(end_ms)
        parts[0]["transcript"] = heard_words(self.spans, end_ms)
        self.truncated = True

    def message(self) -> ChatMessage | None:
        """What a brain is told of a message; None when it says nothing, or the item is none."""
        if self.wire["type"] != "message":
            return None
        role, parts = self.wire["role"], self.wire["content"]
        text = " ".join(part for part in map(self._words, parts) if part)
        images = tuple(part["image_url"] for part in parts if part["type"] == "input_image")
        # A caller's turn counts even without words: somebody made a sound and waits for an answer.
        return ChatMessage(role, text, images=images) if text or role == "user" else None

    def hear(self, heard: Heard) -> None:
        """Take the words of its sound."""
        self.heard, self.mean_logprob = heard.text, heard.mean_logprob

    def _words(self, part: Mapping[str, Any]) -> str:
        if part["type"] == "input_audio":
            return self.heard if self.heard is not None else part.get("transcript") or ""
        return str(part.get("text") or part.get("transcript") or "")


def heard_words(spans: Sequence[SpokenSpan], end_ms: float) -> str:
    """The words whose sound had ended at `end_ms`; inside a sentence, time is shared out by letters.

    >>> heard_words([SpokenSpan("Take the tent.", 900), SpokenSpan(" It is dry.", 600)], 1300)
    'Take the tent. It is'
    """
    said: list[str] = []
    for span in spans:
        if end_ms >= span.duration_ms:
            said += span.text.split()
            end_ms -= span.duration_ms
            continue
        words = span.text.split()
        weights = [len(word) + 1 for word in words]
        # Half a millisecond of grace: clients round to whole milliseconds.
        ends = [span.duration_ms * sum(weights[: n + 1]) / sum(weights) - 0.5 for n in range(len(words))]
        said += [word for word, ends_ms in zip(words, ends, strict=True) if ends_ms <= end_ms]
        break
    return " ".join(said)
