"""What stands in docs/relay.md to be typed runs."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from contoso_lab.relay.calls.prices import load_prices

from .relay_document import ADDRESS, DOCUMENT, ROOT, blocks, program  # noqa: TID252 - the tests are no package


def test_the_packages_can_be_asked_for() -> None:
    [named] = re.findall(r"pip install 'contoso-lab\[([a-z,]+)\]'", DOCUMENT)
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert set(named.split(",")) <= declared["optional-dependencies"].keys()


def lines() -> list[str]:
    return [line for block in blocks("sh") for line in block.splitlines() if line.strip()]


@pytest.mark.parametrize("line", [line for line in lines() if line.startswith("contoso-lab relay")])
def test_the_relay_takes_what_is_typed(line: str) -> None:
    arguments = shlex.split(line, comments=True)[2:]
    typer.main.get_command(program()).make_context("relay", arguments)


def test_nothing_else_is_typed_than_is_tried() -> None:
    assert {line.split()[0] for line in lines()} == {"contoso-lab", "curl", "export"}


async def run(*command: str, said: str = "") -> str:
    """What a program prints that ends well."""
    clean = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    process = await asyncio.create_subprocess_exec(
        *command, env=clean | {"PYTHONIOENCODING": "utf-8"},
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, wrong = await asyncio.wait_for(process.communicate(said.encode()), 60)
    assert process.returncode == 0, wrong.decode()
    return out.decode()


@pytest.mark.parametrize("line", [line for line in lines() if line.startswith("curl")])
async def test_a_request_is_answered(line: str, relay: Any) -> None:
    if shutil.which("curl") is None:
        pytest.skip("there is no curl on this machine")
    answer = json.loads(await run(*shlex.split(line.replace(ADDRESS, relay.url))))
    assert answer.keys() in ({"token", "expiresAt"}, {"status", "calls", "target"})


async def test_the_official_client_holds_a_call(relay: Any) -> None:
    official = blocks("python")[0]
    assert await run(sys.executable, "-", said=official.replace(ADDRESS, relay.url)) == " [completed]\n"


async def test_a_call_is_come_back_to(relay: Any) -> None:
    resuming, [printed] = blocks("python")[1], blocks("text")
    assert await run(sys.executable, "-", said=resuming.replace(ADDRESS, relay.url)) == printed


def _node() -> list[str] | None:
    """Node with a WebSocket of its own, which older ones have only when asked."""
    ask = ["-e", "process.exit(typeof WebSocket === 'undefined' ? 1 : 0)"]
    for command in (["node"], ["node", "--experimental-websocket"]):
        if shutil.which("node") and subprocess.run([*command, *ask], capture_output=True, check=False).returncode == 0:
            return command
    return None


async def test_the_page_holds_a_call(relay: Any) -> None:
    if (node := _node()) is None:
        pytest.skip("there is no Node with a WebSocket on this machine")
    [page] = blocks("js")
    out = await run(*node, "--input-type=module", "-", said=page.replace(ADDRESS, relay.url))
    assert re.fullmatch(rf"recorded as {relay.recording.name}\nclosed 1000 \n", out)


def test_the_other_blocks_can_be_read(tmp_path: Path) -> None:
    [no], [prices] = blocks("json"), blocks("yaml")
    assert json.loads(no)["error"].keys() == {"type", "code", "message"}
    path = tmp_path / "prices.yaml"
    path.write_text(prices, encoding="utf-8")
    assert load_prices(path).of("another") is not None
    assert yaml.safe_load(prices)["source"] == "our contract"
    known = {"sh", "json", "python", "js", "text", "yaml"}
    assert set(re.findall(r"^```(\w+)$", DOCUMENT, re.MULTILINE)) == known
