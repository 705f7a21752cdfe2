"""Where prompts are, and how they are found by name."""

from __future__ import annotations

import difflib
from functools import lru_cache
from pathlib import Path

from contoso_lab.errors import PromptError
from contoso_lab.settings import HOME

FOLDER = HOME / "prompts"


@lru_cache(maxsize=64)
def shown(path: Path) -> str:
    """A path the way a message shows it."""
    return path.relative_to(HOME).as_posix() if path.is_relative_to(HOME) else path.as_posix()


def names() -> list[str]:
    """The prompts that can be loaded by name: those in `prompts/` and its folders, and the personas.

    >>> {"chat", "voice_brief", "judges/groundedness"} <= set(names())
    True
    """
    from contoso_lab.prompts.persona_file import persona_names

    files = (path.relative_to(FOLDER).with_suffix("").as_posix() for path in FOLDER.rglob("*.prompty"))
    return sorted({*files, *persona_names()})


def find(name: str | Path) -> Path:
    """The file of a prompt, by its name or its path.

    Raises:
        PromptError: there is none; the sentence says what there is.
    """
    if isinstance(name, Path) or name.endswith(".prompty"):
        path = Path(name)
        if not path.is_file() and not path.is_absolute():
            path = HOME / path
        if not path.is_file():
            raise PromptError(f"{shown(path)}: there is no such file; prompts by name are {', '.join(names())}")
        return path.resolve()
    if name in names():
        return FOLDER / f"{name}.prompty"
    close = difflib.get_close_matches(name, names(), n=1)
    hint = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(names())}"
    raise PromptError(f"{shown(FOLDER)}: there is no prompt {name!r}; {hint}")
