"""What a message holds where a plain value belongs: that value, or nothing. A server may be wrong, a recording forged.

Nothing here fails, whatever JSON can hold: no number that is too large for a clock, no list where a name should be.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_MOST = 1e15
"""No time in ms and no count is larger: that is thirty thousand years, and fits into a double with its fractions."""


def mapping(value: Any) -> Mapping[str, Any]:
    """An object; an empty one in place of anything else."""
    return value if isinstance(value, Mapping) else {}


def text(value: Any) -> str:
    """A text; an empty one in place of anything else."""
    return value if isinstance(value, str) else ""


def number(value: Any) -> float | None:
    """A number that can be reckoned with, or None.

    >>> [number(value) for value in (3, "3", True, float("nan"), float("inf"), 10**400, [3])]
    [3.0, None, None, None, None, None, None]
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not -_MOST <= value <= _MOST:
        return None
    return float(value)


def part_index(value: Any) -> int:
    """The place of a part of an item's content; the first one where none is told."""
    return int(number(value) or 0)
