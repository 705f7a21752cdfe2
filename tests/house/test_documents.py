"""Documents say what is there: every command, link, picture and piece of code in them, and every name of ours."""

from __future__ import annotations

import ast
import json
import re
import shlex
import subprocess
import sys
import warnings
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
import typer
import yaml

from contoso_lab.cli import app

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = Path(sys.executable).parent / "contoso-lab"
SERVERS = {"engine", "relay"}
"""Commands that hand their options on to a program of their own."""


def documents() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    found = [ROOT / name for name in listed.split("\0") if name.endswith((".md", ".ipynb"))]
    # A product's manual is data, and samples of other programs are theirs.
    return [path for path in found if path.exists() and not {"manuals", "samples"} & set(path.parts)]


def words(path: Path) -> str:
    """The prose of a document: of a notebook the cells that are prose."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".md":
        return text
    return "\n\n".join("".join(cell["source"]) for cell in json.loads(text)["cells"] if cell["cell_type"] == "markdown")


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


DOCUMENTS = documents()
EACH = pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)


@cache
def anchors(path: Path) -> set[str]:
    """What a link can point at within a document, as GitHub makes it of headings."""
    heads = re.findall(r"(?m)^#{1,6} +(.+?) *$", words(path))
    return {re.sub(r"[^\w\- ]", "", re.sub(r"[`*]", "", head)).strip().lower().replace(" ", "-") for head in heads}


def prose(path: Path) -> str:
    return re.sub(r"(?ms)^ *```.*?^ *```", "", words(path))


def blocks(path: Path) -> list[tuple[str, str]]:
    """The pieces of code: (language, code)."""
    return re.findall(r"(?ms)^ *```([\w-]*)[^\n]*\n(.*?)^ *```", words(path))


@EACH
def test_links_and_pictures_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)[^)]*\)", prose(path)):
        if target.startswith("/images/"):
            continue  # what the assistant writes: the address of a picture in the shop
        if re.match(r"[a-z]+:", target):
            assert target.startswith(("https://", "http://127.0.0.1", "http://localhost", "mailto:")), target
            continue
        file, _, anchor = target.partition("#")
        place = (path.parent / unquote(file)).resolve() if file else path
        assert place.exists(), f"{name_of(path)} links {target}, which is not there"
        assert place.is_relative_to(ROOT), f"{name_of(path)} links out of the repository: {target}"
        if anchor and place.suffix in (".md", ".ipynb"):
            assert anchor in anchors(place), f"{name_of(path)} links {target}, and there is no such heading"


@EACH
def test_pieces_of_code_can_be_read(path: Path) -> None:
    for language, code in blocks(path):
        match language:
            case "python" | "py":
                plain = "".join(line.removeprefix(">>> ").removeprefix("... ") for line in code.splitlines(True))
                with warnings.catch_warnings():
                    warnings.simplefilter("error")
                    compile(plain, name_of(path), "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
            case "json":
                json.loads(code)
            case "yaml" | "yml":
                list(yaml.safe_load_all(code))


@cache
def options(command: str) -> set[str]:
    """What a server takes, as its own help tells it."""
    told = subprocess.run(
        [PROGRAM, command, "--help"], capture_output=True, text=True, timeout=60, check=True, env={"COLUMNS": "200"}
    )
    return set(re.findall(r"--[a-z][a-z-]*", told.stdout))


def commands(path: Path) -> list[list[str]]:
    """Every `contoso-lab …` of a document, from its code and its prose, without comments and settings."""
    lines = [line for language, code in blocks(path) if language in ("sh", "bash", "") for line in code.splitlines()]
    lines = re.sub(r"\\\n\s*", " ", "\n".join(lines)).splitlines()
    lines += re.findall(r"`(?:\$ )?(contoso-lab [^`]+)`", prose(path))
    found = []
    for line in lines:
        try:
            parts = shlex.split(line.replace("…", ""), comments=True)
        except ValueError:
            continue  # a drawing, or the words of a program
        if "contoso-lab" in parts[:1] or any(re.fullmatch(r"[A-Z_]+=\S*", part) for part in parts[:1]):
            if "contoso-lab" in parts:
                rest = parts[parts.index("contoso-lab") + 1 :]
                ends = [at for at, part in enumerate(rest) if part in ("|", "&", "&&", ">", ";", "||")]
                found.append(rest[: ends[0]] if ends else rest)
    return found


def parsed(words: list[str]) -> None:
    """Follow a command to its options; fails where one is not known."""
    group: Any = typer.main.get_command(app)
    rest = list(words)
    while rest and hasattr(group, "commands") and not rest[0].startswith("-"):
        assert rest[0] in group.commands, f"there is no command {rest[0]!r} in {' '.join(words)!r}"
        group = group.commands[rest.pop(0)]
    named = {word.partition("=")[0] for word in rest if re.match(r"--[a-z]", word)}
    if words[:1] and words[0] in SERVERS:
        known = options(words[0]) if named else set()
    else:
        known = {name for parameter in group.params for name in (*parameter.opts, *parameter.secondary_opts)}
    assert named <= known | {"--help"}, f"{sorted(named - known)} in {' '.join(words)!r} is not known"


@pytest.mark.parametrize("path", [path for path in DOCUMENTS if path.name != "CHANGELOG.md"], ids=name_of)
def test_commands_exist_with_the_options_that_are_named(path: Path) -> None:
    for each in commands(path):
        parsed(each)


@EACH
def test_targets_of_make_exist(path: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    typed = [line for language, code in blocks(path) if language in ("sh", "bash") for line in code.splitlines()]
    told = [*re.findall(r"`make ([a-z]+)[ `]", prose(path)), *re.findall(r"(?m)^make ([a-z]+)\b", "\n".join(typed))]
    assert set(told) <= targets, set(told) - targets


@EACH
def test_files_that_are_named_are_there(path: Path) -> None:
    """A path of ours in backquotes; what a program makes lies in `runs/` and `build/`, `mine` would be the reader's."""
    top = {entry.name for entry in ROOT.iterdir()} - {"runs", "build"}
    for named in re.findall(r"`([\w.-]+(?:/[\w.-]+)+/?)`", prose(path)):
        if named.partition("/")[0] in top and not Path(named).stem.startswith("mine"):
            assert (ROOT / named).exists(), f"{name_of(path)} names {named}, which is not there"


@pytest.mark.parametrize("server", sorted(SERVERS))
def test_a_server_answers_to_help_by_that_name(server: str) -> None:
    assert {"--port", "--host"} <= options(server)


def test_there_is_something_to_check() -> None:
    assert len(DOCUMENTS) >= 30
    assert sum(len(commands(path)) for path in DOCUMENTS) >= 20
    assert sum(len(blocks(path)) for path in DOCUMENTS) >= 60


@pytest.mark.parametrize(
    "words", [["demoo"], ["demo", "--runz"], ["prompts", "lintt"], ["engine", "--no-such-option"]], ids=" ".join
)
def test_a_wrong_command_would_be_noticed(words: list[str]) -> None:
    with pytest.raises(AssertionError):
        parsed(words)


def test_each_promise_of_security_names_a_test_that_exists() -> None:
    text = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    section = text.partition("## How, and the test that shows it")[2].partition("\n## ")[0]
    rows = [row for row in section.splitlines() if row.startswith("| ")][1:]
    assert len(rows) >= 20
    for row in rows:
        named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", row)
        assert named, f"no test shows: {row}"
        for file, test in named:
            assert re.search(rf"(?m)^(async )?def {test}\(", (ROOT / file).read_text(encoding="utf-8")), (file, test)
