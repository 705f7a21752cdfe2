"""What a customer's call is: who, where, which lines, and what is true about them. Read from `calls.yaml`."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator

from contoso_lab.recording.labels import Constraint, Task

HERE = Path(__file__).parent


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Say(_Strict):
    """One thing that comes from the customer's side; give one of `say`, `backchannel` and `noise`."""

    say: str = ""
    """The words; `|1400|` in them is a pause of that many ms."""
    backchannel: str = ""
    noise: str = ""
    intent: str = ""
    cut_in_ms: float | None = None
    """Into the assistant's reply, this long after it became audible; without it the customer waits for its end."""
    gap_ms: tuple[float, float] = (450.0, 1100.0)
    """How long the customer thinks before speaking: at least, at most."""
    patience_ms: float = 9000.0
    """How long the customer waits for a reply to begin."""

    @model_validator(mode="after")
    def _one(self) -> Say:
        if sum(map(bool, (self.say, self.backchannel, self.noise))) != 1:
            raise ValueError("give one of say, backchannel and noise")
        if not self.say and self.cut_in_ms is None:
            raise ValueError("say with cut_in_ms when a backchannel or a noise comes")
        return self


class Room(_Strict):
    """Where the customer is."""

    kind: Literal["hush", "street", "cafe", "wind", "hiss"] = "hush"
    snr_db: float | None = None
    """Speech over noise; None: a quiet room."""


class Scenario(_Strict):
    """One customer's call, held with each of its personas."""

    id: str
    about: str
    customer: str
    voice: str
    pace: float = 1.0
    personas: tuple[str, ...] = ("voice", "voice_brief")
    line: Literal["headset", "telephone"] = "headset"
    room: Room = Room()
    waits: str = "cloud"
    """The model of the other side's delays; see `waits.py`."""
    hangs_on: int | None = None
    """The request to the brain, counted from 0, that is never answered."""
    tools: bool = False
    lines: tuple[Say, ...] = ()
    listens_ms: float = 0.0
    """How long the customer says nothing before hanging up, where there are no lines."""
    products: dict[str, int] = Field(default_factory=dict)
    demands: tuple[Constraint, ...] = ()
    cue: int | None = None
    known: int | None = None
    task: Task
    tags: tuple[str, ...] = ()

    @property
    def turns(self) -> tuple[Say, ...]:
        """The lines that are turns."""
        return tuple(line for line in self.lines if line.say)


def load_scenarios(place: Path = HERE / "calls.yaml") -> tuple[Scenario, ...]:
    """All calls, in the order of the file."""
    whole: dict[str, dict[str, Any]] = yaml.safe_load(place.read_text("utf-8"))
    return tuple(Scenario.model_validate({"id": name, **call}) for name, call in whole.items())
