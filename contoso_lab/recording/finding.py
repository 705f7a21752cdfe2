"""One thing that is wrong with a recording, or worth to know."""

from __future__ import annotations

from typing import NamedTuple


class Finding(NamedTuple):
    """Where it is, what it is in a sentence, and whether it is wrong or only worth to know."""

    where: str
    """The file inside the recording, and the line where there is one."""
    what: str
    grave: bool
    """Whether something is wrong; a note is not."""


def problem(where: str, what: str) -> Finding:
    """Something is wrong.

    >>> problem("manifest.json", "is missing").grave
    True
    """
    return Finding(where, what, True)


def note(where: str, what: str) -> Finding:
    """Something is worth to know."""
    return Finding(where, what, False)
