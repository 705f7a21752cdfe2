"""Hold a client's JSON to the letter of the types: no "5" for 5, no 1 for true, no NaN.

The `openai` package's models are lenient: they turn what nearly fits into what they want, and we would go on with
what came. The real service refuses, and names the kind of value that it got.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

from pydantic import BaseModel

_KINDS = {
    bool: "a boolean",
    int: "an integer",
    float: "a decimal",
    str: "a string",
    list: "an array",
    dict: "an object",
    type(None): "null",
}


class Misfit(NamedTuple):
    """A value of the wrong kind."""

    param: str
    """Its path."""
    expected: str
    got: str


def find_misfit(given: Any, taken: Any, param: str = "") -> Misfit | None:
    """Compare what came with what a model made of it; gives the first value that the model had to convert.

    >>> find_misfit({"a": [1, "x"]}, {"a": [1, "x"]})
    >>> find_misfit({"audio_end_ms": "5"}, {"audio_end_ms": 5})
    Misfit(param='audio_end_ms', expected='an integer', got='a string')
    """
    if isinstance(given, Mapping):
        for name, value in given.items():
            inside = getattr(taken, name) if isinstance(taken, BaseModel) else taken[name]
            if found := find_misfit(value, inside, f"{param}.{name}" if param else name):
                return found
        return None
    if isinstance(given, list):
        pairs = enumerate(zip(given, taken, strict=True))
        found_all = (find_misfit(value, inside, f"{param}[{index}]") for index, (value, inside) in pairs)
        return next((found for found in found_all if found), None)
    if isinstance(given, float) and not math.isfinite(given):
        return Misfit(param, "a finite number", str(given))
    if type(given) is type(taken) or (type(given) is int and type(taken) is float):
        return None
    return Misfit(param, kind_of(taken), kind_of(given))


def kind_of(value: object) -> str:
    """How the real service calls a kind of value.

    >>> kind_of(True), kind_of([])
    ('a boolean', 'an array')
    """
    return _KINDS.get(type(value), "another kind of value")
