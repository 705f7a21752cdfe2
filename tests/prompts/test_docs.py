"""What stands in docs/prompts.md to be typed runs, and its tables name what there is."""

from __future__ import annotations

import ast
import asyncio
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from contoso_lab.prompts.persona import Persona
from contoso_lab.settings import HOME

DOCUMENT = (HOME / "docs" / "prompts.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", DOCUMENT, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the package, its prompts and its data, that the commands may change."""
    root = tmp_path_factory.mktemp("checkout")
    ignore = shutil.ignore_patterns("*.wav", "recordings")
    for folder in ("contoso_lab", "prompts", "data"):
        shutil.copytree(HOME / folder, root / folder, ignore=ignore)
    command = root / "bin" / "contoso-lab"
    command.parent.mkdir()
    command.write_text(
        f'#!/bin/sh\nexec {sys.executable} -c "from contoso_lab.cli import main; main()" "$@"\n', "utf-8"
    )
    command.chmod(0o755)
    return root


def typed(checkout: Path, text: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {
        "PATH": f"{checkout / 'bin'}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": str(checkout), "COLUMNS": "200",
    }  # fmt: skip
    return subprocess.run(
        ["sh", "-e", "-c", text],
        cwd=checkout,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize("text", blocks("sh"), ids=lambda text: text.splitlines()[-1])
def test_a_command_runs(checkout: Path, text: str) -> None:
    done = typed(checkout, text)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout
    if "most_sentences" in text:
        assert "- Answer in at most one sentence." in done.stdout


def test_the_mistake_that_is_shown_is_told_as_shown(checkout: Path) -> None:
    (text,) = blocks("sh fails")
    (shown,) = re.findall(r"(?ms)^```\n(✗.*?)^```", DOCUMENT)
    done = typed(checkout, text)
    (checkout / "prompts" / "personas" / "lee.yaml").unlink()
    assert done.returncode == 1
    assert done.stdout == shown


async def test_the_notebooks_code_runs(own_home: Path) -> None:
    space: dict[str, Any] = {}
    for text in blocks("python"):
        await _run(text, space)
    assert repr(space["lab"].persona("kim")).startswith("<Persona kim: Kim, English")
    assert (own_home / "prompts" / "personas" / "kim.yaml").is_file()


@pytest.fixture
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    from contoso_lab.prompts import persona_file

    shutil.copytree(HOME / "prompts", tmp_path / "prompts")
    monkeypatch.setattr(persona_file, "FOLDER", tmp_path / "prompts" / "personas")
    return tmp_path


async def _run(text: str, space: dict[str, Any]) -> None:
    """As a notebook runs a cell: with `await` at the top."""
    code = compile(text, "docs/prompts.md", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    made = eval(code, space)  # the code of our own document
    if asyncio.iscoroutine(made):
        await made


@pytest.mark.models
@pytest.mark.slow
def test_the_saved_persona_is_heard(checkout: Path) -> None:
    """The whole of it in a process of its own: change, save, serve, call, listen."""
    (call,) = blocks("python models")
    (change,) = blocks("python")
    lines = "\n".join(f"    {line}" for line in call.splitlines())
    program = (
        f"{change}\nimport asyncio\nasync def cell():\n{lines}\n    return call\ncall = asyncio.run(cell())\n"
        "print(call.conversation.turns[0].heard)\n"
        "assert lab.Recording.open(call.recording_path).assistant_audio.duration_ms > 1000\n"
    )
    environment = os.environ | {"PYTHONPATH": str(checkout)}
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=checkout,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "Hello Maya, this is Kim from Contoso Outdoor. What are you planning?"


def test_the_table_names_every_key_of_a_persona() -> None:
    table = DOCUMENT.partition("### What stands in a persona")[2].partition("\n\nA whole prompt")[0]
    told = set(re.findall(r"`([a-z_.]+)`", table)) | {"name"}
    top = set(Persona.model_fields)
    assert top <= {key.partition(".")[0] for key in told}
    for part in ("greeting", "manner", "limits", "model"):
        kind = Persona.model_fields[part].annotation
        kind = next((each for each in getattr(kind, "__args__", ()) if hasattr(each, "model_fields")), kind)
        assert {f"{part}.{key}" for key in kind.model_fields} <= told, part  # type: ignore[union-attr]


def test_the_files_that_are_named_exist() -> None:
    for name in re.findall(r"`((?:prompts|data|tests)/[\w/.-]+)`", DOCUMENT):
        if name != "prompts/mine.prompty":
            assert (HOME / name).exists(), name
