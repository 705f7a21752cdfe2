"""Data files of the shop: read, and blamed by file and place."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from contoso_lab.errors import ShopError
from contoso_lab.settings import HOME

MOST_BYTES = 1 << 26
"""A larger file is no catalogue."""
_MOST_TOLD = 20
"""After so many faults the file is wrong as a whole, and more sentences do not help."""


def shown(path: Path) -> str:
    """A path the way a message shows it: from the checkout if it lies there."""
    return path.relative_to(HOME).as_posix() if path.is_relative_to(HOME) else path.as_posix()


def read_json(path: Path) -> tuple[Any, bytes]:
    """What a JSON file says, and its bytes.

    Raises:
        ShopError: there is no such file, or it is not JSON.
    """
    try:
        if path.stat().st_size > MOST_BYTES:
            raise ShopError(f"{shown(path)}: is larger than {MOST_BYTES >> 20} MiB; leave out what no shop needs")
        raw = path.read_bytes()
        return json.loads(raw.decode("utf-8")), raw
    except OSError as problem:
        raise ShopError(f"{shown(path)}: cannot be read ({problem.strerror}); check the path") from problem
    except json.JSONDecodeError as problem:
        raise ShopError(
            f"{shown(path)}: is not JSON ({problem.msg} in line {problem.lineno}); correct that line"
        ) from problem
    except (RecursionError, ValueError) as problem:
        if isinstance(problem, UnicodeDecodeError):
            raise ShopError(f"{shown(path)}: is not UTF-8 (byte {problem.start}); save it as UTF-8") from problem
        what = "is nested too deeply" if isinstance(problem, RecursionError) else "has a number without end"
        raise ShopError(f"{shown(path)}: {what}; this is no file of a shop") from problem


def place(problem: ValidationError, data: Any) -> str:
    """Say what is wrong, where, and what to do: a line for each fault.

    Args:
        data: what was validated: an element with a `sku` or an `id` is called by it.
    """
    # A list whose element is wrong is reported as too short as well, which would only distract.
    errors = [error for error in problem.errors() if error["type"] != "too_short"] or problem.errors()
    told = [_sentence(error, data) for error in errors[:_MOST_TOLD]]
    return "\n".join(told) + (f"\n… and {len(errors) - len(told)} more" if len(errors) > len(told) else "")


def blamed(file: Path, faults: str) -> ShopError:
    """An error that names the file in each of its lines."""
    return ShopError("\n".join(f"{shown(file)}: {fault}" for fault in faults.splitlines()))


def _sentence(error: ErrorDetails, data: Any) -> str:
    steps: list[str] = []
    value = data
    for step in error["loc"]:
        if isinstance(step, int):
            value = value[step] if isinstance(value, list) and step < len(value) else None
            name = next((value[key] for key in ("sku", "id") if isinstance(value, Mapping) and key in value), None)
            steps.append(f"{step + 1}" + (f" ({name})" if name else ""))
        else:
            value = value.get(step) if isinstance(value, Mapping) else None
            steps.append(str(step))
    match error["type"]:
        case "extra_forbidden":
            remedy = "is not known here; take it out or correct its name"
        case "missing":
            remedy = "is missing; add it"
        case _:
            remedy = f"is wrong: {error['msg'][:1].lower()}{error['msg'][1:]}; correct it"
    return f"{' '.join(steps) or 'the file'} {remedy}"
