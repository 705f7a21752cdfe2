"""The two parts of a prompt's file, read as what a stranger may have written.

Neither the environment nor a file outside of the prompt's folder can get into a prompt: a default of
`${env:OPENAI_API_KEY}` would otherwise be sent to whoever is asked.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from contoso_lab.errors import PromptError
from contoso_lab.marked_yaml import MOST_BYTES, Unreadable, plain_yaml
from contoso_lab.prompts.places import shown

_FENCE = re.compile(r"(?:---|\+\+\+)[ \t]*")


def front_and_body(path: Path) -> tuple[dict[str, Any], str]:
    """The two parts of a file, the first as YAML reads it.

    Raises:
        PromptError: the file cannot be read, is larger than any prompt, or has no front matter.
    """
    where = shown(path)
    try:
        if path.stat().st_size > MOST_BYTES:
            raise PromptError(f"{where}: is larger than {MOST_BYTES // 1000} kB: this is no prompt")
        lines = path.read_text(encoding="utf-8").lstrip().splitlines(keepends=True)
    except (OSError, UnicodeDecodeError) as problem:
        raise PromptError(f"{where}: cannot be read: {problem}") from problem
    fences = [number for number, line in enumerate(lines) if _FENCE.fullmatch(line.rstrip("\r\n"))]
    if len(fences) < 2 or fences[0] != 0 or not "".join(lines[fences[1] + 1 :]).strip():
        raise PromptError(f"{where}: has no front matter; begin the file with ---, name, inputs and a second ---")
    try:
        parsed = plain_yaml("\n" + "".join(lines[1 : fences[1]]), where)  # so that its lines are the file's
    except Unreadable as problem:
        raise PromptError(f"{problem} (in the part between the --- lines)") from problem
    front = dict(parsed) if isinstance(parsed, Mapping) else {}
    front.pop("instructions", None)
    if not front:
        raise PromptError(f"{where}: has no front matter; begin the file with ---, name, inputs and a second ---")
    return front, "".join(lines[fences[1] + 1 :]).lstrip()


def from_its_folder(where: str, folder: Path) -> Callable[[Any], Any]:
    """What prompty asks for each mapping that it reads: put in what `${file:…}` stands for, refuse all else."""

    def resolved(data: Any) -> Any:
        if isinstance(data, dict):
            for key, value in data.items():
                if key != "instructions" and isinstance(value, str) and value.startswith("${") and value.endswith("}"):
                    if not value.lower().startswith("${file:"):
                        raise PromptError(f"{where}: {value!r} stands for something outside: make it an input")
                    data[key] = included(value, where, folder)
        return data

    return resolved


def included(value: Any, where: str, folder: Path) -> Any:
    """What `${file:…}` stands for, JSON beside the prompt; any other value as it is.

    Raises:
        PromptError: the file lies elsewhere, is too large, or is no JSON.
    """
    if not (isinstance(value, str) and value.lower().startswith("${file:") and value.endswith("}")):
        return value
    name = value[len("${file:") : -1]
    path = (folder / name).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise PromptError(f"{where}: the file {name!r} lies outside of the prompt's folder; move it beside the prompt")
    try:
        if path.stat().st_size > MOST_BYTES:
            raise PromptError(f"{where}: the file {name!r} is larger than {MOST_BYTES // 1000} kB: shorten it")
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as problem:
        raise PromptError(f"{where}: the file {name!r} cannot be read as JSON: {problem}") from problem
