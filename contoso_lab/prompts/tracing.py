"""Traces of prompt runs, to files and to OpenTelemetry, whole however many run at the same time.

Each run gets an identity of its own, and knows its parent by the context it was begun in: tasks inherit it, and a
stream that is read in turns with forty-nine others keeps what it was begun with. Nothing is shared but the folder.

A file holds one run, or one step, as a line of JSON: what was sent (a picture as its hash), what came back, tokens,
times, and whose conversation it belonged to, so that it can be found when that customer is to be forgotten. Keys never
stand in it. A span holds names, numbers and codes by the conventions of OpenTelemetry for generative models, and no
words at all.

| resource | acquired | released | on failure |
|---|---|---|---|
| a trace file | when its run ends | at once | the run is not disturbed; the log says so, once for each folder |
| a span | when its run begins | when its run ends | ended with `error.type` |
"""

from __future__ import annotations

import json
import logging
import os
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from contoso_lab.prompts.trace import PromptRun
from contoso_lab.prompts.veil import veiled
from contoso_lab.settings import Target

if TYPE_CHECKING:
    from opentelemetry.trace import Span, Tracer

logger = logging.getLogger(__name__)

PROVIDERS = {"openai": "openai", "azure": "azure.ai.openai"}
"""The names that the conventions have for who answers; ours is `contoso_lab`."""


class Subject(NamedTuple):
    """Whose conversation a run belongs to."""

    customer: str | None = None
    thread: str | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a trace we are."""

    trace_id: str
    span_id: str
    span: Span | None = None


_place: ContextVar[Place | None] = ContextVar("contoso_lab_trace_place", default=None)
NOBODY = Subject()
_subject: ContextVar[Subject] = ContextVar("contoso_lab_trace_subject", default=NOBODY)
_current: ContextVar[Tracing | None] = ContextVar("contoso_lab_tracing", default=None)
_always: list[Tracing] = []


class Tracing:
    """Where traces go.

    Args:
        folder: where files are written, a folder for each day; None writes none.
        tracer: OpenTelemetry's; None makes no spans.
        now: the time of day, for the names of files.

    >>> Tracing()
    <Tracing to nowhere>
    """

    def __init__(
        self,
        folder: Path | None = None,
        *,
        tracer: Tracer | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.folder = folder
        self.tracer = tracer
        self._now = now
        self._told = False

    def write(self, record: dict[str, Any], *, veil: str | None = None) -> None:
        """Write one record into a file of its own; a reader sees all of it or nothing.

        Args:
            veil: a key of this target, which must not be in the file even if the target repeated it.
        """
        if self.folder is None:
            return
        line = json.dumps(veiled(record, veil), ensure_ascii=False, separators=(",", ":"), default=str) + "\n"
        day = self.folder / f"{self._now().astimezone(UTC):%Y%m%d}"
        draft = day / f".{record['trace_id']}-{record['span_id']}.tmp"
        try:
            day.mkdir(parents=True, exist_ok=True)
            # What a customer said is nobody else's to read.
            with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(line.encode("utf-8", "surrogatepass"))
            os.replace(draft, draft.with_name(f"{record['trace_id']}-{record['span_id']}.jsonl"))
        except OSError as problem:
            if not self._told:
                self._told = True
                logger.warning("traces cannot be written to %s (%s): runs go on without", self.folder, problem.strerror)

    def __repr__(self) -> str:
        ways = [str(self.folder)] * (self.folder is not None) + ["OpenTelemetry"] * (self.tracer is not None)
        return f"<Tracing to {' and '.join(ways) or 'nowhere'}>"


@contextmanager
def trace_to(folder: Path | str | None = None, *, tracer: Tracer | None = None) -> Iterator[Tracing]:
    """Trace every run of a prompt that is begun inside the block, or in a task that is started there.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as place, trace_to(place), step("write-up"):
    ...     pass
    """
    tracing = Tracing(Path(folder) if folder is not None else None, tracer=tracer)
    token = _current.set(tracing)
    try:
        yield tracing
    finally:
        _current.reset(token)


def trace_always(tracing: Tracing | None) -> None:
    """Trace every run of this process for which no block says otherwise; None ends that.

    For servers, whose requests do not inherit what was set when they started.
    """
    _always[:] = [] if tracing is None else [tracing]


@contextmanager
def concerning(customer: str | None, thread: str | None = None) -> Iterator[None]:
    """Say whose conversation the runs inside the block belong to; traces and cached answers are found by it later.

    >>> with concerning("maya", "thread_1"):
    ...     subject().customer
    'maya'
    """
    token = _subject.set(Subject(customer, thread))
    try:
        yield
    finally:
        _subject.reset(token)


def subject() -> Subject:
    """Whose conversation this is, as far as anyone said."""
    return _subject.get()


@contextmanager
def step(name: str, *, clock_ns: Callable[[], int] = time.monotonic_ns) -> Iterator[None]:
    """A piece of work that runs prompts: they become its children in the trace.

    Args:
        name: what is done, in words of ours; it becomes the name of a span.
    """
    tracing = _current.get() or next(iter(_always), None)
    if tracing is None:
        yield
        return
    scope = Scope(tracing, _place.get(), _subject.get())
    opened = scope.open(name)
    token = _place.set(opened.place)
    started_ns, error = clock_ns(), None
    try:
        yield
    except BaseException as problem:  # only to be named; it goes on
        error = type(problem).__name__
        raise
    finally:
        _place.reset(token)
        opened.end(error)
        tracing.write(
            {**opened.ids(), "kind": "step", "name": name, "duration_ms": (clock_ns() - started_ns) / 1e6}
            | {"failed": error, "customer": scope.subject.customer, "thread": scope.subject.thread}
        )


@dataclass(frozen=True, slots=True)
class Scope:
    """What a run was begun with: it may be read, and end, in other contexts than its own."""

    tracing: Tracing | None
    parent: Place | None
    subject: Subject

    @classmethod
    def here(cls) -> Scope:
        """The scope of whoever asks."""
        return cls(_current.get() or next(iter(_always), None), _place.get(), _subject.get())

    def open(self, name: str, **attributes: Any) -> Opened:
        """Give something that begins now its identity."""
        trace_id, span_id, span = None, secrets.token_hex(8), None
        tracer = self.tracing.tracer if self.tracing else None
        if tracer is not None:
            from opentelemetry import trace

            above = self.parent.span if self.parent else None
            span = tracer.start_span(
                name,
                context=trace.set_span_in_context(above) if above else None,
                kind=trace.SpanKind.CLIENT if attributes else trace.SpanKind.INTERNAL,
                attributes={key: value for key, value in attributes.items() if value is not None},
            )
            if (known := span.get_span_context()).is_valid:
                trace_id, span_id = f"{known.trace_id:032x}", f"{known.span_id:016x}"
        if trace_id is None:
            trace_id = self.parent.trace_id if self.parent else secrets.token_hex(16)
        return Opened(Place(trace_id, span_id, span), self.parent.span_id if self.parent else None)


@dataclass(frozen=True, slots=True)
class Opened:
    """Something that has begun and not ended."""

    place: Place
    parent_id: str | None

    def ids(self) -> dict[str, str | None]:
        """Its names in a record."""
        return {"trace_id": self.place.trace_id, "span_id": self.place.span_id, "parent_id": self.parent_id}

    def end(self, error: str | None, **attributes: Any) -> None:
        """It ends; `error` is the name of a kind of error, never its words."""
        if (span := self.place.span) is None:
            return
        for key, value in attributes.items():
            if value is not None:
                span.set_attribute(key, value)
        if error is not None:
            from opentelemetry.trace import StatusCode

            span.set_attribute("error.type", error)
            span.set_status(StatusCode.ERROR)
        span.end()


def begin_run(scope: Scope, prompt: str, target: Target, options: Any) -> Opened:
    """A run of a prompt begins."""
    return scope.open(
        f"chat {target.chat_model}",
        **{
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": PROVIDERS.get(target.kind, "contoso_lab"),
            "gen_ai.request.model": target.chat_model,
            "gen_ai.request.temperature": getattr(options, "temperature", None),
            "gen_ai.request.max_tokens": getattr(options, "max_output_tokens", None),
            "gen_ai.prompt.name": prompt,
        },
    )


def end_run(
    scope: Scope, opened: Opened, run: PromptRun, target: Target, *, failed: str | None, finish: str | None
) -> None:
    """A run has ended, well or not.

    Args:
        failed: the kind of its error.
        finish: why the target ended its answer.
    """
    usage = run.usage or {}
    opened.end(
        failed,
        **{
            "gen_ai.response.model": run.model,
            "gen_ai.response.finish_reasons": (finish,) if finish else None,
            "gen_ai.usage.input_tokens": usage.get("prompt_tokens"),
            "gen_ai.usage.output_tokens": usage.get("completion_tokens"),
            "contoso_lab.prompt.sha256": run.sha256,
            "contoso_lab.cached": run.cached,
            "contoso_lab.first_ms": run.first_ms,
        },
    )
    if scope.tracing is not None:
        scope.tracing.write(
            {"kind": "run", **run.to_dict(), **opened.ids(), "target": target.kind, "failed": failed, "finish": finish}
            | {"customer": scope.subject.customer, "thread": scope.subject.thread},
            veil=target.api_key.get_secret_value() if target.api_key else None,
        )
