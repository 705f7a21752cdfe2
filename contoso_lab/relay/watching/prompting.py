"""What is kept of the prompts that a relay runs for chat, gate and pages: traces, and answers to give again.

Both are off until somebody switches them on: a trace holds what a customer wrote. Both are deleted with a customer who
asks to be forgotten.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from contoso_lab.errors import ConfigError
from contoso_lab.relay.watching.journal import line, logger

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer

    from contoso_lab.prompts import ResponseCache


@contextmanager
def following_prompts(traces: Path | None, cache: Path | None, tracer: Tracer | None) -> Iterator[ResponseCache | None]:
    """Trace and cache the prompts of this process inside the block; gives the cache, if there is one.

    Args:
        traces: a folder for a file of each run; None writes none.
        cache: a file for answers; None keeps none.
        tracer: OpenTelemetry's; None makes no spans.

    Raises:
        ConfigError: a place cannot be used.
        PromptError: the file holds no answers.
    """
    if traces is None and cache is None and tracer is None:
        yield None
        return
    from contoso_lab import prompts

    kept = None
    try:
        if traces is not None:
            _make(traces, "--traces")
            logger.info(line("-", "traces", folder=str(traces)))
        if cache is not None:
            _make(cache.parent, "--prompt-cache")
            kept = prompts.ResponseCache(cache)
            prompts.cache_always(kept)
            logger.info(line("-", "prompt_cache", file=str(cache)))
        if traces is not None or tracer is not None:
            prompts.trace_always(prompts.Tracing(traces, tracer=tracer))
        yield kept
    finally:
        prompts.trace_always(None)
        if kept is not None:
            prompts.cache_always(None)
            kept.close()


def _make(folder: Path, flag: str) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise ConfigError(f"{flag}: {folder} cannot be made ({error.strerror}): choose another place") from error
