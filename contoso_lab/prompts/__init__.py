"""Prompts by name: load, render without a network, lint, run, stream.

A prompt is a `.prompty` file (version 2 of the format) in `prompts/`. The file holds the words and says which inputs
it needs; the target names the model and the key, so that one file runs against the local engine, OpenAI and Azure.

This package is the only door to the `prompty` package.

>>> load("writeup_gate").inputs["conversation"].kind
'thread'
"""

from __future__ import annotations

from contoso_lab.prompts.cache import ResponseCache, cache_always, caching
from contoso_lab.prompts.diff import PromptDiff, diff
from contoso_lab.prompts.lint import lint
from contoso_lab.prompts.load import Input, Prompt, PromptVersionWarning, load
from contoso_lab.prompts.places import names
from contoso_lab.prompts.run import PromptStream, connection, prepare, run, stream
from contoso_lab.prompts.tokens import check_window, count_tokens, window_of
from contoso_lab.prompts.trace import PromptRun, collect
from contoso_lab.prompts.tracing import Tracing, concerning, step, trace_always, trace_to

__all__ = [
    "Input",
    "Prompt",
    "PromptDiff",
    "PromptRun",
    "PromptStream",
    "PromptVersionWarning",
    "ResponseCache",
    "Tracing",
    "cache_always",
    "caching",
    "check_window",
    "collect",
    "concerning",
    "connection",
    "count_tokens",
    "diff",
    "lint",
    "load",
    "names",
    "prepare",
    "run",
    "step",
    "stream",
    "trace_always",
    "trace_to",
    "window_of",
]
