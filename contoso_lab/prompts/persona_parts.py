"""The parts of a persona: what may stand in each, and what is wrong with it otherwise."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

_SLOTS = frozenset({"first_name", "name", "who"})


def _one_line(text: str) -> str:
    flat = " ".join(text.split())
    if not flat:
        raise ValueError("it is empty")
    if re.match(r"#|[-*•] ", flat):
        # A line that begins like this would be a heading, or a rule of its own, in the prompt.
        raise ValueError("it begins like a heading or a list")
    return flat


def _said(text: str) -> str:
    flat = _one_line(text)
    if '"' in flat or "“" in flat:
        raise ValueError("it holds a double quote, in which the prompt puts it; use single ones")
    if unknown := [slot for slot in re.findall(r"\{(.*?)\}", flat) if slot not in _SLOTS]:
        raise ValueError(f"{{{unknown[0]}}} is not filled in; there are {{first_name}}, {{name}} and {{who}}")
    return flat


Words = Annotated[str, AfterValidator(_one_line)]
"""A text for the prompt; line breaks in it are spaces."""
Said = Annotated[str, AfterValidator(_said)]
"""Words that are spoken as they stand, with places for names."""


class Part(BaseModel):
    """A part of a persona: it does not change, and names nothing that is not known."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Greeting(Part):
    """The first words of a call."""

    first: Said
    """To somebody who has said nothing yet."""
    returning: Said
    """To somebody who was in the chat, or called before."""


class Manner(Part):
    """How the agent talks."""

    tone: Words
    """One or two sentences to the agent: "You sound like …"."""
    most_sentences: int = Field(default=3, ge=1, le=10, strict=True)
    """In one answer."""
    gives_reason: bool = True
    """Each recommendation comes with its reason."""
    rules: tuple[Words, ...] = ()
    """More rules, one sentence each."""
    unknown: Said | None = None
    """Said when something is not known."""
    closing: Said | None = None
    """The last words of a call."""


class Limits(Part):
    """What the agent does not do."""

    most_products: int = Field(default=2, ge=1, le=10, strict=True)
    """Offered at a time."""
    asks_before_screen: bool = True
    spares_bought: bool = True
    """What the customer already owns is never recommended."""
    never_recommend: tuple[Words, ...] = ()
    """Products or kinds."""
    most_usd: float | None = Field(default=None, gt=0)
    """Nothing dearer is recommended."""


class TurnDetection(Part):
    """How the target notices that the customer has finished."""

    type: Literal["server_vad", "semantic_vad"] = "server_vad"
    threshold: float | None = Field(default=None, ge=0, le=1)
    prefix_padding_ms: int | None = Field(default=None, ge=0, le=10_000)
    silence_duration_ms: int | None = Field(default=None, ge=0, le=60_000)
    eagerness: Literal["low", "medium", "high", "auto"] | None = None

    @model_validator(mode="after")
    def _of_one_kind(self) -> TurnDetection:
        if self.type == "server_vad" and self.eagerness is not None:
            raise ValueError("eagerness belongs to semantic_vad; take it out or change type")
        numbers = (self.threshold, self.prefix_padding_ms, self.silence_duration_ms)
        if self.type == "semantic_vad" and any(number is not None for number in numbers):
            raise ValueError("threshold, prefix_padding_ms and silence_duration_ms belong to server_vad")
        return self

    def to_wire(self) -> dict[str, Any]:
        """As a `session.update` has it, the documented defaults filled in."""
        both = {"create_response": True, "interrupt_response": True}
        if self.type == "semantic_vad":
            return {"type": self.type, "eagerness": self.eagerness or "auto", **both}
        return {
            "type": self.type,
            "threshold": 0.5 if self.threshold is None else self.threshold,
            "prefix_padding_ms": 300 if self.prefix_padding_ms is None else self.prefix_padding_ms,
            "silence_duration_ms": 500 if self.silence_duration_ms is None else self.silence_duration_ms,
            **both,
        }


class Options(Part):
    """What the target's model is told beside the words."""

    max_output_tokens: int | None = Field(default=None, ge=1, le=4096)
    speed: float | None = Field(default=None, ge=0.25, le=1.5)
    """1.0 is the natural pace."""
