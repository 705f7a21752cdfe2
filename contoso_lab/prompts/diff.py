"""Two prompts beside each other, as a model would read them."""

from __future__ import annotations

import difflib
import html
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from contoso_lab.errors import PromptError
from contoso_lab.prompts.load import Prompt, load

_CONTEXT_LINES = 3
_COLOURS = {"+": "#2da44e33", "-": "#cf222e33", "@": "#8882"}


@dataclass(frozen=True, slots=True)
class PromptDiff:
    """What changes for the model when one prompt takes the place of another."""

    first: str
    second: str
    lines: tuple[str, ...]
    """A unified difference of the rendered messages and of the model's options; empty when nothing changes."""
    characters: tuple[int, int]
    """How long both are when rendered."""

    def __bool__(self) -> bool:
        return bool(self.lines)

    def __str__(self) -> str:
        return "\n".join(self.lines) or f"{self.first} and {self.second} render the same"

    def __repr__(self) -> str:
        added = sum(line.startswith("+") and not line.startswith("+++") for line in self.lines)
        gone = sum(line.startswith("-") and not line.startswith("---") for line in self.lines)
        return f"<PromptDiff {self.first} → {self.second}: +{added} −{gone} lines>"

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<div style='background:{_COLOURS.get(line[:1], 'transparent')}'>{html.escape(line) or '&nbsp;'}</div>"
            for line in str(self).split("\n")
        )
        before, after = self.characters
        return (
            f"<div><b>{html.escape(self.first)} → {html.escape(self.second)}</b> "
            f"<small>{before} → {after} characters</small>"
            f"<div style='font-family:monospace;white-space:pre-wrap;overflow-wrap:anywhere'>{rows}</div></div>"
        )


def diff(first: Prompt | str | Path, second: Prompt | str | Path, **inputs: Any) -> PromptDiff:
    """Render two prompts with the same inputs and tell what differs; needs no network.

    Args:
        first: a prompt, its name or its file.
        second: the one that would take its place.
        inputs: for both; what is not given comes from the examples of the prompts. An input that only one of them
            knows goes to that one alone.

    Raises:
        PromptError: one cannot be loaded or rendered, or neither knows an input that was given.

    >>> diff("voice", "voice_brief")
    <PromptDiff voice → voice_brief: ...>
    >>> bool(diff("voice", "voice"))
    False
    """
    one, other = (prompt if isinstance(prompt, Prompt) else load(prompt) for prompt in (first, second))
    for name in inputs:
        if name not in one.inputs and name not in other.inputs:
            raise PromptError(f"neither {one.where} nor {other.where} has an input {name!r}; see their inputs")
    before, after = (_readable(prompt, inputs) for prompt in (one, other))
    # Without an end of line of its own each line can be shown and joined as it is.
    lines = difflib.unified_diff(before, after, one.name, other.name, n=_CONTEXT_LINES, lineterm="")
    characters = (sum(map(len, before)), sum(map(len, after)))
    return PromptDiff(one.name, other.name, tuple(lines), characters)


def _readable(prompt: Prompt, inputs: Mapping[str, Any]) -> list[str]:
    values = prompt.sample() | {name: value for name, value in inputs.items() if name in prompt.inputs}
    lines = [f"{key}: {value}" for key, value in _settings(prompt)]
    for message in prompt.render(**values):
        content = message["content"]
        parts = [content] if isinstance(content, str) else [part.get("text") or "[picture]" for part in content]
        lines += [f"{message['role']}:", *"\n".join(parts).splitlines(), ""]
    return lines


def _settings(prompt: Prompt) -> list[tuple[str, Any]]:
    """What beside the words reaches the model: its options, and the shape that the answer must have."""
    model = prompt.front.get("model")
    options = model.get("options") if isinstance(model, Mapping) else None
    settings = sorted(options.items()) if isinstance(options, Mapping) else []
    settings += prompt.persona.settings() if prompt.persona is not None else []
    return [*settings, *([("answers with", ", ".join(prompt.outputs))] if prompt.outputs else [])]
