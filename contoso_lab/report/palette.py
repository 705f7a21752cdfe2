"""One set of colours for the page and the plots, so that a part of the wait looks the same in both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the wait for an answer."""

    kind: str
    """The name of its colour."""
    label: str
    """What it is called in a legend."""


PARTS = (
    Part("endpointing", "noticing the end of the turn"),
    Part("model", "the model"),
    Part("start", "start of playback"),
    Part("silence", "silence before the voice"),
)
"""The parts of a wait in the order of time; together they are the whole wait."""

LIGHT: Mapping[str, str] = {
    "ground": "#f7f6f2",
    "sheet": "#ffffff",
    "ink": "#20242a",
    "quiet": "#5f6771",
    "line": "#e2dfd7",
    "customer": "#146c78",
    "assistant": "#9c4d23",
    "mark": "#6d4aa8",
    "good": "#2e7d4f",
    "bad": "#b3372f",
    "endpointing": "#9db3c0",
    "model": "#2b6488",
    "start": "#dd9a2b",
    "silence": "#cfc8b6",
}
DARK: Mapping[str, str] = {
    "ground": "#131619",
    "sheet": "#1b1f23",
    "ink": "#e7e5df",
    "quiet": "#9aa3ad",
    "line": "#30363c",
    "customer": "#5cc0cc",
    "assistant": "#e5975f",
    "mark": "#b79ae8",
    "good": "#6cc08b",
    "bad": "#f0877e",
    "endpointing": "#6e8896",
    "model": "#4a9ac7",
    "start": "#e3a83c",
    "silence": "#595c58",
}


def css_variables(colours: Mapping[str, str]) -> str:
    """The colours as CSS declarations.

    >>> css_variables({"ink": "#000000", "line": "#cccccc"})
    '--ink: #000000; --line: #cccccc;'
    """
    return " ".join(f"--{name}: {value};" for name, value in colours.items())
