"""docs/agent.md says what the code says, and what stands there to be typed runs."""

from __future__ import annotations

import asyncio
import re
import sys
from dataclasses import asdict
from typing import Any

from contoso_lab.agent.chat_goodbyes import CLOSE_CODES
from contoso_lab.agent.desk import AgentLimits
from contoso_lab.agent.frames import MOST_TEXT_CHARS
from contoso_lab.memory import Memory
from contoso_lab.relay.app import create_app
from contoso_lab.settings import HOME, Target
from contoso_lab.shop.truth import KINDS

DOCUMENT = (HOME / "docs" / "agent.md").read_text(encoding="utf-8")
ADDRESS = "127.0.0.1:8901"


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", DOCUMENT, re.MULTILINE | re.DOTALL)


def rows(*head: str) -> list[list[str]]:
    lines = DOCUMENT.splitlines()
    at = next(number for number, line in enumerate(lines) if line == f"| {' | '.join(head)} |")
    found = []
    for line in lines[at + 2 :]:
        if not line.startswith("|"):
            break
        found.append([cell.strip() for cell in line.split("|")[1:-1]])
    return found


def test_the_close_codes_are_those_of_the_code() -> None:
    assert {int(code): why for code, why in rows("code", "why")} == CLOSE_CODES


def test_the_limits_are_those_of_the_code() -> None:
    told = {name.strip("`"): float(value) for name, value, _ in rows("limit", "default", "of what")}
    assert told == asdict(AgentLimits())
    assert f"at most {MOST_TEXT_CHARS} characters" in DOCUMENT


async def typed(program: str, *arguments: str) -> str:
    """What a command prints."""
    run = await asyncio.create_subprocess_exec(
        program, *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await run.communicate()
    assert run.returncode == 0, err.decode()
    return out.decode()


async def test_what_stands_there_to_be_typed_runs(clerk: Target, memory: Memory, served: Any) -> None:
    async with served(create_app(clerk, runs=None, memory=memory)) as url:
        address = url.removeprefix("http://")
        [chat] = [block.replace(ADDRESS, address) for block in blocks("python")]
        said = await typed(sys.executable, "-c", chat)
        assert "Meadow Four" in said
        exported = said.splitlines()[-1]
        assert re.fullmatch(r"export TOKEN=\S+ THREAD=thread_\S+", exported)
        start, page, described = blocks("sh")
        assert start.startswith("contoso-lab engine")
        shell = f"set -e\n{exported}\n{page}".replace(ADDRESS, address)
        wanted, _, events = (await typed("bash", "-c", shell)).partition("event: start")
        assert '"requested":true' in wanted.replace(" ", "")
        assert "event: done" in events
        assert '"asyncapi":"3.0.0"' in await typed("bash", "-c", described.replace(ADDRESS, address))


def test_the_tests_that_hold_the_rules_are_there() -> None:
    named = re.findall(r"`(tests/\S+\.py)`\s+`(test_\w+)`", DOCUMENT)
    named += [("tests/shop/test_rules.py", test) for test in re.findall(r"\| `(test_\w+)` \|", DOCUMENT)]
    assert len(named) >= 8
    for file, test in named:
        assert f"def {test}(" in (HOME / file).read_text(encoding="utf-8"), f"{file} has no {test}"
    for file in re.findall(r"`(tests/\S+\.py)`", DOCUMENT):
        assert (HOME / file).exists(), file
    cells = [row[1] for row in rows("rule", "`kind`", "in a call", "in the chat", "on a page")]
    assert {kind for cell in cells for kind in re.findall(r"`(\w+)`", cell)} <= set(KINDS)
