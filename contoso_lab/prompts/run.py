"""A prompt, run against a target.

| resource | acquired | released | on failure |
|---|---|---|---|
| HTTP client | per run, or once by `connection()` | when the run or the block ends | closed all the same |
| the record of a run | when the run begins | handed to `collect()` and the trace | the same, with its error |
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import aclosing
from types import TracebackType
from typing import Any

from contoso_lab.errors import PromptError
from contoso_lab.prompts.answer import check_finish, explain, parse_outputs
from contoso_lab.prompts.cache import Kept, cache_for, keep, recall
from contoso_lab.prompts.client import client_for, connection, request
from contoso_lab.prompts.load import Prompt, load, to_wire
from contoso_lab.prompts.tokens import check_window
from contoso_lab.prompts.trace import PromptRun, publish
from contoso_lab.prompts.tracing import Scope, begin_run, end_run
from contoso_lab.settings import Target

__all__ = ["PromptStream", "connection", "prepare", "run", "stream"]


def prepare(*names: str) -> None:
    """Read prompts and load what runs them, so that the first run costs what every run costs.

    Meant for a thread, before a call: the imports take over a second, in which an event loop would stand still.

    Raises:
        PromptError: a prompt cannot be loaded.

    >>> prepare("writeup_gate")
    """
    import prompty
    from openai import AsyncOpenAI

    for name in names:
        load(name).agent()
    # The SDK and prompty load their parts when they are first touched.
    _ = AsyncOpenAI(api_key="unused").chat.completions, prompty.process_async


async def run(
    prompt: Prompt | str,
    target: Target,
    /,
    *,
    clock_ns: Callable[[], int] = time.monotonic_ns,
    cache: bool | None = None,
    **inputs: Any,
) -> PromptRun:
    """Run a prompt and wait for the whole answer.

    Cancelling the task closes the connection; the record then says that the run was cancelled.

    Args:
        cache: whether an earlier answer for the same inputs will do, inside `caching()`; None leaves it to the prompt.

    Raises:
        PromptError: an input is wrong, the messages do not fit into the model's window, the target cannot be reached
            or refuses, or the answer is not what the prompt's outputs promise.
    """
    async with PromptStream(_loaded(prompt), target, inputs, clock_ns=clock_ns, streamed=False, cache=cache) as pieces:
        async for _ in pieces:
            pass
    return pieces.run


def stream(
    prompt: Prompt | str,
    target: Target,
    /,
    *,
    clock_ns: Callable[[], int] = time.monotonic_ns,
    cache: bool | None = None,
    **inputs: Any,
) -> PromptStream:
    """Run a prompt and read the answer piece by piece, with `async for`; an earlier answer comes in one piece.

    The inputs are checked at once. Afterwards `.run` is the record. Whoever may stop early reads inside `async with`
    or calls `aclose()`.

    Raises:
        PromptError: as `run`; while reading, when it is the target's fault.
    """
    return PromptStream(_loaded(prompt), target, inputs, clock_ns=clock_ns, streamed=True, cache=cache)


class PromptStream:
    """The answer to a prompt, on its way."""

    def __init__(
        self,
        prompt: Prompt,
        target: Target,
        inputs: Mapping[str, Any],
        *,
        clock_ns: Callable[[], int],
        streamed: bool,
        cache: bool | None = None,
    ) -> None:
        self._prompt = prompt
        self._target = target
        self._clock_ns = clock_ns
        self._streamed = streamed
        self._messages = prompt.prepared(inputs)
        self._wire = to_wire(self._messages)
        options = getattr(prompt.agent().model, "options", None)
        check_window(
            prompt.where, self._wire, target.chat_model, answer_tokens=getattr(options, "max_output_tokens", None) or 0
        )
        # Noted now: the answer may be read in another context than the one that asked for it.
        self._scope = Scope.here()
        self._options = options
        self._cache = cache_for(prompt, cache)
        self._cached = False
        self._text = ""
        self._usage: dict[str, Any] | None = None
        self._model = target.chat_model
        self._finish: str | None = None
        self._first_ns: int | None = None
        self._run: PromptRun | None = None
        self._pieces = self._read()

    @property
    def run(self) -> PromptRun:
        """The record of the run, once the last piece was read or the reading was stopped.

        Raises:
            PromptError: the answer is not finished.
        """
        if self._run is None:
            raise PromptError(f"{self._prompt.where}: the answer is not finished; read all of it or call aclose()")
        return self._run

    def __aiter__(self) -> PromptStream:
        return self

    async def __anext__(self) -> str:
        return await anext(self._pieces)

    async def aclose(self) -> None:
        """Stop reading; the record then says so."""
        await self._pieces.aclose()

    async def __aenter__(self) -> PromptStream:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def _read(self) -> AsyncGenerator[str, None]:
        import httpx2
        import openai

        started_ns = self._clock_ns()
        opened = begin_run(self._scope, self._prompt.name, self._target, self._options)
        key = self._cache.key(self._prompt, self._target, self._wire) if self._cache is not None else ""
        data: dict[str, Any] | None = None
        error: str | None = "stopped before the answer was complete"
        failed: str | None = "stopped"
        try:
            async with aclosing(self._answer(key)) as pieces:
                async for piece in pieces:
                    if self._streamed and self._first_ns is None:
                        self._first_ns = self._clock_ns()
                    self._text += piece
                    yield piece
            check_finish(self._prompt.where, self._finish)
            data = parse_outputs(self._prompt, self._text)
            error = failed = None
            if self._cache is not None and not self._cached:
                first_ms = None if self._first_ns is None else (self._first_ns - started_ns) / 1e6
                took_ms = (self._clock_ns() - started_ns) / 1e6
                kept = Kept(self._text, self._model, self._finish, self._usage, took_ms, first_ms)
                await asyncio.to_thread(keep, self._cache, key, kept, self._scope.subject)
        except asyncio.CancelledError:
            error = failed = "cancelled"
            raise
        except PromptError as problem:
            error, failed = str(problem), type(problem).__name__
            raise
        except (openai.OpenAIError, httpx2.HTTPError, ValueError) as problem:
            error, failed = explain(self._prompt.where, self._target, problem), type(problem).__name__
            raise PromptError(error) from problem
        finally:
            self._run = publish(
                PromptRun(
                    prompt=self._prompt.name,
                    sha256=self._prompt.sha256,
                    messages=tuple(self._wire),
                    response=self._text,
                    data=data,
                    usage=self._usage,
                    model=self._model,
                    started_ns=started_ns,
                    first_ns=self._first_ns,
                    ended_ns=self._clock_ns(),
                    error=error,
                    cached=self._cached,
                    trace_id=opened.place.trace_id,
                    span_id=opened.place.span_id,
                    parent_id=opened.parent_id,
                )
            )
            end_run(self._scope, opened, self._run, self._target, failed=failed, finish=self._finish)

    async def _answer(self, key: str) -> AsyncGenerator[str, None]:
        """The pieces of the answer, from the cache or from the target."""
        if self._cache is not None:
            kept = await asyncio.to_thread(recall, self._cache, key)
            if kept is not None:
                self._cached, self._model, self._finish = True, kept.model, kept.finish
                if kept.response:
                    yield kept.response
                return
        async with client_for(self._target) as client, aclosing(self._ask(client)) as pieces:
            async for piece in pieces:
                yield piece

    async def _ask(self, client: Any) -> AsyncGenerator[str, None]:
        """The pieces of the answer; usage, model and the reason of the end are noted in passing."""
        import prompty

        agent = self._prompt.agent()
        # Without include_usage a stream ends without a word about tokens.
        extra = {"stream": True, "stream_options": {"include_usage": True}} if self._streamed else {}
        raw = await request(client, agent, self._messages, model=self._target.chat_model, extra=extra)
        if self._streamed:
            try:
                async for piece in await prompty.process_async(agent, self._noted(raw)):
                    if isinstance(piece, str) and piece:
                        yield piece
            finally:
                await raw.iterator.close()
            return
        self._note(raw)
        message = raw.choices[0].message if getattr(raw, "choices", None) else None
        if message is None:
            raise ValueError("the answer holds no choices")
        # prompty would hand a refusal on as if it were the answer.
        if message.content is None and getattr(message, "refusal", None):
            raise ValueError(f"Model refused: {message.refusal}")
        if message.content:
            yield message.content

    async def _noted(self, chunks: AsyncIterator[Any]) -> AsyncIterator[Any]:
        async for chunk in chunks:
            self._note(chunk)
            yield chunk

    def _note(self, part: Any) -> None:
        self._model = getattr(part, "model", None) or self._model
        if getattr(part, "usage", None) is not None:
            self._usage = part.usage.model_dump(exclude_none=True)
        for choice in getattr(part, "choices", None) or []:
            self._finish = choice.finish_reason or self._finish


def _loaded(prompt: Prompt | str) -> Prompt:
    return load(prompt) if isinstance(prompt, str) else prompt
