"""One round of calls, with its stopwatches sorted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from callers import Answer


@dataclass(frozen=True, slots=True)
class Round:
    """One round of calls, in milliseconds from the acoustic end of speech."""

    calls: int
    turns: int
    problems: list[str]
    endpointing_ms: list[float]
    arrived_ms: list[float]
    heard_ms: list[float]

    @classmethod
    def of(cls, calls: int, answers: Sequence[Answer]) -> Round:
        """Sort the stopwatches; a turn without an answer is a problem and has no time."""
        problems = [f"call {a.call}, turn {a.turn}: {a.problem or 'cut in two'}" for a in answers if a.problem or a.cut]
        times = {
            name: sorted(value for a in answers if (value := getattr(a, name)) is not None)
            for name in ("endpointing_ms", "arrived_ms", "heard_ms")
        }
        return cls(calls, len(answers), problems, **times)
