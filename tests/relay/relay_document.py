"""docs/relay.md, taken apart."""

from __future__ import annotations

import re
from pathlib import Path

import typer

from contoso_lab.relay.__main__ import main

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = (ROOT / "docs" / "relay.md").read_text(encoding="utf-8")
SOURCES = sorted((ROOT / "contoso_lab" / "relay").rglob("*.py"))
ADDRESS = "http://127.0.0.1:8901"
"""Where the examples say that the relay is."""
NONE = "–"


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", DOCUMENT, re.MULTILINE | re.DOTALL)


def rows(*head: str) -> list[list[str]]:
    """The cells of all tables whose head begins with these words, row by row."""
    found, inside = [], False
    for line in DOCUMENT.splitlines():
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] if line.startswith("|") else []
        if not cells:
            inside = False
        elif inside and not set(cells[0]) <= {"-"}:
            found.append(cells)
        elif not inside:
            inside = cells[: len(head)] == list(head)
    assert found, f"there is no table of {head}"
    return found


def words(text: str) -> list[str]:
    """What stands in backticks."""
    return re.findall(r"`([^`]+)`", text)


def program() -> typer.Typer:
    program = typer.Typer(add_completion=False)
    program.command()(main)
    return program
