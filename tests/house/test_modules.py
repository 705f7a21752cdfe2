"""Rooms are small: a module holds one idea, in at most three hundred lines."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MOST_LINES = 300


def lines() -> dict[str, int]:
    package = ROOT / "contoso_lab"
    return {
        path.relative_to(package).as_posix(): path.read_text(encoding="utf-8").count("\n")
        for path in package.rglob("*.py")
    }


def test_no_module_is_larger_than_what_one_reads_at_once() -> None:
    large = {name: count for name, count in lines().items() if count > MOST_LINES}
    assert not large
