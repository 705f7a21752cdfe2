"""What the README tells people to type exists, with the options that it names."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer

from contoso_lab.cli import app

README = (Path(__file__).resolve().parents[2] / "README.md").read_text(encoding="utf-8")
PROGRAM = Path(sys.executable).parent / "contoso-lab"
SERVERS = {"engine", "relay"}
"""Commands that hand their options on to a program of their own."""


def blocks() -> list[str]:
    return re.findall(r"^```sh\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def commands() -> list[list[str]]:
    """Every `contoso-lab …` of the README, from its blocks and from its prose, without comments and settings."""
    lines = [line for block in blocks() for line in block.splitlines()]
    lines += re.findall(r"`(contoso-lab [^`]+)`", README)
    words = [shlex.split(line, comments=True) for line in lines]
    return [line[line.index("contoso-lab") + 1 :] for line in words if "contoso-lab" in line]


def options(command: str) -> set[str]:
    if command in SERVERS:
        told = subprocess.run(
            [PROGRAM, command, "--help"], capture_output=True, text=True, timeout=60, check=True, env={"COLUMNS": "200"}
        )
        return set(re.findall(r"--[a-z][a-z-]*", told.stdout))
    group: Any = typer.main.get_command(app)
    return {name for parameter in group.commands[command].params for name in parameter.opts} | {"--help"}


def test_the_readme_has_commands_to_type() -> None:
    assert len(blocks()) >= 2
    assert commands()


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_it_exists(words: list[str]) -> None:
    command, *rest = words
    group: Any = typer.main.get_command(app)
    assert command in group.commands
    named = {word.partition("=")[0] for word in rest if word.startswith("--")}
    assert named <= (options(command) if named else set())


@pytest.mark.parametrize("server", sorted(SERVERS))
def test_a_server_answers_to_help_by_that_name(server: str) -> None:
    assert {"--port", "--host"} <= options(server)
