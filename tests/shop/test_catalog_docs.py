"""The page on one's own catalogue: its code runs, and its table of columns and numbers is true."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from contoso_lab.settings import HOME
from contoso_lab.shop import use_catalog
from contoso_lab.shop.own_catalogue import _OTHER_NAMES

PAGE = (HOME / "docs" / "catalogue.md").read_text(encoding="utf-8")


def test_the_code_runs_from_top_to_bottom(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    blocks = list(re.finditer(r"```python\n(.*?)```", PAGE, re.DOTALL))
    assert len(blocks) >= 6
    names: dict[str, Any] = {}
    try:
        for block in blocks:
            line = PAGE.count("\n", 0, block.start(1))
            exec(compile("\n" * line + block[1], "docs/catalogue.md", "exec"), names)
    finally:
        use_catalog(None)


def test_every_other_name_of_a_column_is_told() -> None:
    told = {
        row[2]: set(re.findall(r"`(\w+)`", row[3])) for row in re.finditer(r"(?m)^(\| )`(\w+)`(?: \| )(.*?) \| ", PAGE)
    }
    for other, name in _OTHER_NAMES.items():
        assert other in told[name], f"{other} stands for {name}"
