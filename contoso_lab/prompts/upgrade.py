"""A prompt of version 1, written anew as a file of version 2."""

from __future__ import annotations

from pathlib import Path

from contoso_lab.errors import PromptError
from contoso_lab.prompts.places import shown
from contoso_lab.prompts.source import front_and_body
from contoso_lab.prompts.version1 import convert, is_version_1


def upgraded(path: Path) -> str:
    """The text of the file in version 2; it loads as the same prompt.

    Raises:
        PromptError: the file cannot be read, or is of version 2 already.
    """
    import yaml

    path = path.resolve()
    front, body = front_and_body(path)
    if not is_version_1(front):
        raise PromptError(f"{shown(path)}: is of version 2 already; there is nothing to rewrite")
    converted = convert(front, where=shown(path), folder=path.parent).front
    written = yaml.safe_dump(converted, sort_keys=False, allow_unicode=True, width=120)
    return f"---\n{written}---\n{body.rstrip()}\n"
