"""What the model wrote as a tool's arguments, and what it is told when a tool gave nothing.

A model that reads in one sentence what went wrong mostly does it right the next time; one that reads a
traceback reads it out.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a tool gave nothing."""

    kind: str
    """For the log: says nothing about the conversation."""
    sentence: str
    """For the model."""

    def output(self) -> str:
        """What the model reads.

        >>> Failure("timeout", "It took too long.").output()
        '{"error": "It took too long."}'
        """
        return json.dumps({"error": self.sentence}, ensure_ascii=False)


def read_arguments(schema: Mapping[str, Any], text: str) -> dict[str, Any] | Failure:
    """The arguments of a tool with this schema, or what is wrong with them in a sentence that helps to write them anew.

    >>> schema = {"name": "get", "parameters": {"properties": {"sku": {"type": "string"}}, "required": ["sku"]}}
    >>> read_arguments(schema, '{"sku": "TEN-02"}')
    {'sku': 'TEN-02'}
    >>> read_arguments(schema, '{"SKU": 2}').sentence
    "get has no argument 'SKU': it has sku."
    """
    name, parameters = schema["name"], schema["parameters"]
    known = parameters.get("properties", {})
    listed = ", ".join(known) or "none"
    try:
        arguments = json.loads(text or "{}")
    except (ValueError, RecursionError):
        return Failure("bad_json", f"The arguments of {name} are not valid JSON: write one JSON object ({listed}).")
    if not isinstance(arguments, dict):
        return Failure("bad_json", f"The arguments of {name} are not a JSON object: write one ({listed}).")
    if unknown := [key for key in arguments if key not in known]:
        return Failure("unknown_argument", f"{name} has no argument {unknown[0][:40]!r}: it has {listed}.")
    required = parameters.get("required", ())
    if missing := [key for key in required if key not in arguments]:
        return Failure("missing_argument", f"{name} needs the argument {missing[0]!r}: give it, or ask the customer.")
    return arguments
