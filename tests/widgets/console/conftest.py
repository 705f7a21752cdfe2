"""The console's modules in Node, and the console in a page of its own with a real relay and engine behind it."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from contoso_lab.widgets.esm import STATIC

Rules = Callable[..., Any]


@pytest.fixture(scope="session")
def rules(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rules]:
    """`rules("fold", events=…)`: what a pure module of the console makes of it."""
    if shutil.which("node") is None:
        pytest.skip("no Node on the PATH: install it to test the console's rules by themselves")
    folder = tmp_path_factory.mktemp("modules")
    for source in (STATIC / "console").glob("*.js"):
        if not source.name.endswith((".worklet.js", ".worker.js")):
            shutil.copy(source, folder / source.name)
    (folder / "package.json").write_text('{"type": "module"}', encoding="utf-8")

    command = ["node", str(Path(__file__).parent / "rules.mjs"), str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8") as node:
        assert node.stdin is not None
        assert node.stdout is not None

        def ask(job: str, **asked: Any) -> Any:
            node.stdin.write(json.dumps({"job": job, **asked}) + "\n")
            node.stdin.flush()
            told = json.loads(node.stdout.readline())
            assert "error" not in told, told
            return told["result"]

        yield ask
        node.stdin.close()
