"""What one run of a prompt was: the messages, the answer, the clock.

prompty's own file tracer shares one stack between concurrent calls and one file name between calls of the same second,
so it loses runs. Here each run keeps its own record, and a context variable says who collects: tasks that are started
inside `collect()` inherit it, and everybody else is left alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import asdict, dataclass
from typing import Any

_collectors: ContextVar[tuple[list[PromptRun], ...]] = ContextVar("contoso_lab_prompt_runs", default=())


@dataclass(frozen=True, slots=True)
class PromptRun:
    """One run of a prompt, finished or failed."""

    prompt: str
    """The prompt's name."""
    sha256: str
    """The hash of the file as it was when it ran."""
    messages: tuple[dict[str, Any], ...]
    """What the model was sent."""
    response: str
    """What it answered, all of it that came."""
    data: dict[str, Any] | None
    """The answer as a dict, when the prompt declares outputs."""
    usage: dict[str, Any] | None
    """Tokens as the target counted them."""
    model: str
    """The model as the target named it, else as we asked for it."""
    started_ns: int
    """Monotonic clock, before the request."""
    first_ns: int | None
    """Monotonic clock at the first piece of text; None when nothing was streamed."""
    ended_ns: int
    """Monotonic clock at the end."""
    error: str | None = None
    """Why the run failed; None when it did not."""
    cached: bool = False
    """The answer is an earlier one, for the same inputs; no model was asked, hence no usage."""
    trace_id: str = ""
    """Names all that belongs together: a step, its runs, and what an outer span of OpenTelemetry holds."""
    span_id: str = ""
    """Names this run."""
    parent_id: str | None = None
    """The step or the span that it belongs to."""

    @property
    def duration_ms(self) -> float:
        """How long the whole run took."""
        return (self.ended_ns - self.started_ns) / 1e6

    @property
    def first_ms(self) -> float | None:
        """How long the first piece of text took; None when nothing was streamed."""
        return None if self.first_ns is None else (self.first_ns - self.started_ns) / 1e6

    def to_dict(self) -> dict[str, Any]:
        """The record as plain JSON values, for a recording."""
        return asdict(self) | {"messages": [dict(message) for message in self.messages]}

    def __repr__(self) -> str:
        words = f"{len(self.response)} characters{' from the cache' if self.cached else ''}"
        outcome = f"failed: {self.error}" if self.error else words
        return f"<PromptRun {self.prompt} {self.model} {self.duration_ms:.0f} ms, {outcome}>"


@contextmanager
def collect() -> Iterator[list[PromptRun]]:
    """Gather every run of a prompt inside the block, failed ones too, in the order in which they ended.

    Blocks may nest: each list receives all runs of its own block.

    >>> with collect() as runs:
    ...     len(runs)
    0
    """
    runs: list[PromptRun] = []
    token = _collectors.set((*_collectors.get(), runs))
    try:
        yield runs
    finally:
        _collectors.reset(token)


def publish(run: PromptRun) -> PromptRun:
    """Hand a finished run to all who collect, and back to the caller."""
    for runs in _collectors.get():
        runs.append(run)
    return run
