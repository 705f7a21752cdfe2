"""The checks of `make check`, as tests: style, types, floors and spelling hold on every commit."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent

CHECKS = {
    "format": ["ruff", "format", "--check", "."],
    "style": ["ruff", "check", "."],
    "types": ["mypy"],
    "floors": ["lint-imports"],
    "spelling": ["codespell"],
}


@pytest.mark.parametrize("name", CHECKS)
def test_check(name: str) -> None:
    program, *arguments = CHECKS[name]
    done = subprocess.run([BIN / program, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{program} {' '.join(arguments)} says:\n{done.stdout}{done.stderr}"
