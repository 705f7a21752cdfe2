"""Recorded customers: a clip to speak, and the truth about it."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from pathlib import Path

from contoso_lab.audio import Clip
from contoso_lab.errors import SessionError
from contoso_lab.recording import Labels
from contoso_lab.settings import HOME

SPEECH = HOME / "data" / "speech"


@dataclass(frozen=True, slots=True, repr=False)
class Caller:
    """A recorded customer: who calls, what is said, and where the words came from."""

    clip: Clip
    customer: str
    scenario: str
    replay_of: str | None = None
    """The id of the recording that this call repeats."""
    mode: str | None = None
    """How it is repeated; a live call has none."""
    synthetic: bool = False
    """Whether the customer's voice is a machine's."""

    def __repr__(self) -> str:
        again = f", again after {self.replay_of}" if self.replay_of else ""
        return f"<Caller {self.scenario}: {self.customer}, {self.clip.duration_ms / 1000:.0f} s{again}>"

    def _repr_html_(self) -> str:
        return f"<div>{escape(repr(self)[1:-1])}{self.clip._repr_html_()}</div>"


def load_caller(name: str, *, speech: Path = SPEECH) -> tuple[Caller, Labels]:
    """Read a recorded customer by name: `<name>.wav` to speak and `<name>.json` to score against.

    >>> caller, labels = load_caller("short_call")
    >>> caller.customer, [turn.text for turn in labels.turns][0]
    ('daniel', 'Hello, I need a tent for two people.')

    Raises:
        SessionError: there is no such customer, and the message names those that there are; or the labels
            do not say who calls.
        UnreadableAudio: the WAV cannot be decoded.
        RecordingError: the labels do not fit their schema.
    """
    wav = speech / f"{name}.wav"
    if not wav.is_file():
        there = ", ".join(sorted(path.stem for path in speech.glob("*.wav"))) or "none"
        raise SessionError(f"{speech} holds no recorded customer '{name}'; there are: {there}")
    truth = speech / f"{name}.json"
    labels = Labels.load(truth)
    if not labels.customer:
        raise SessionError(f'{truth} names no customer; add "customer", for example "maya"')
    return Caller(Clip.load(wav), labels.customer, name, synthetic=labels.synthetic), labels
