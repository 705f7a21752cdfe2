"""What docs/evaluations.md and the workflow show is true."""

from __future__ import annotations

import asyncio
import re
import shlex
from pathlib import Path
from typing import Any

import typer
import yaml

from contoso_lab.cli import app
from contoso_lab.evaluation.run import run_suite
from contoso_lab.evaluation.suite import Gate, Suite

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = (ROOT / "docs" / "evaluations.md").read_text(encoding="utf-8")
WORKFLOW = yaml.safe_load((ROOT / "deploy" / "github" / "evaluations.yml").read_text(encoding="utf-8"))


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", DOCUMENT, re.MULTILINE | re.DOTALL)


def test_every_gate_and_every_suite_that_is_shown_is_one() -> None:
    shown = [yaml.safe_load(block) for block in blocks("yaml")]
    gates = [gate for value in shown if isinstance(value, list) for gate in value]
    suites = [value for value in shown if isinstance(value, dict)]
    assert (len(gates), len(suites)) == (4, 1)
    for gate in gates:
        Gate.model_validate(gate)
    for suite in suites:
        Suite.model_validate(suite).check()


def test_the_scorer_that_is_shown_works(tmp_path: Path, calls: Path) -> None:
    (shown,) = [block for block in blocks("python") if "def thanked" in block]
    (tmp_path / "thanks.py").write_text(shown, encoding="utf-8")
    suite = tmp_path / "thanks.yaml"
    suite.write_text(
        f"suite: thanks\nrecordings: {{folder: {calls}}}\nvariants: {{voice: {{persona: voice}}}}\n"
        "scorers: [thanks.py:thanked]\ngates: [{metric: thanked, at_most: 0}]\n",
        encoding="utf-8",
    )
    done = asyncio.run(run_suite(suite, runs=tmp_path / "runs"))
    assert done.passed, "nobody says thank you in these calls"


def test_every_command_that_is_shown_exists() -> None:
    group: Any = typer.main.get_command(app)
    steps = [step["run"] for job in WORKFLOW["jobs"].values() for step in job["steps"] if "run" in step]
    lines = [line for text in (*blocks("sh"), *steps) for line in text.splitlines()]
    lines += re.findall(r"`(contoso-lab [^`]+)`", DOCUMENT)
    asked = [
        words for words in map(lambda line: shlex.split(line, comments=True), lines) if words[:1] == ["contoso-lab"]
    ]
    assert len(asked) >= 4
    for _, room, command, *_ in asked:
        assert command in group.commands[room].commands
