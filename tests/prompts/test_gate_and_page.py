"""The prompts of the write-up: what they promise, in both parts, and in German."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from contoso_lab.engine.clerk.briefing import read_briefing
from contoso_lab.engine.clerk.gate import judge
from contoso_lab.engine.seams import ChatMessage
from contoso_lab.prompts import load
from contoso_lab.prompts.lint_rules import lint_rules
from contoso_lab.settings import HOME

SAMPLES = HOME / "prompts" / "samples"


def sample(name: str) -> list[dict[str, str]]:
    talk: list[dict[str, str]] = json.loads(Path(SAMPLES / name).read_text(encoding="utf-8"))
    return talk


@pytest.mark.parametrize("name", ["call.json", "call_de.json"])
@pytest.mark.parametrize("prompt", ["writeup_gate", "suggestions"])
def test_both_samples_render(prompt: str, name: str) -> None:
    given = load(prompt)
    messages = given.render(**given.sample() | {"conversation": sample(name)})
    assert messages[1:-1] == sample(name)
    assert [messages[0]["role"], messages[-1]["role"]] == ["system", "system"]


def test_the_gate_shows_three_worked_examples_one_yes_and_two_no() -> None:
    system = load("writeup_gate").render(conversation=[])[0]["content"]
    examples = system.partition("Three examples:\n")[2].partition("\n\n")[0].splitlines()
    verdicts = [re.findall(r"requested is (true|false)", line) for line in examples]
    assert verdicts == [["true"], ["false"], ["false"]]
    assert "Wie schwer" in examples[1], "one of them is German"


@pytest.mark.parametrize("prompt", ["writeup_gate", "suggestions"])
def test_the_last_message_narrows_nothing(prompt: str) -> None:
    """The original's gate took any wording in its first part and one literal phrase in its last."""
    given = load(prompt)
    messages = given.render(**given.sample())
    assert "by the rules above" in messages[-1]["content"]
    assert '"' not in messages[-1]["content"], "it names no phrase"
    assert list(lint_rules(f"{messages[0]['content'].partition('# Catalogue')[0]}\n{messages[-1]['content']}")) == []


@pytest.mark.parametrize(
    ("lines", "wanted"),
    [
        (("C: Could you put the two tents on my screen?", "R: Of course, here they come."), True),
        (("C: Could you put the two tents on my screen?",), False),
        (("C: Could you put the two tents on my screen?", "R: I cannot show anything right now."), False),
        (("R: Shall I put it on your screen?", "C: Yes, please."), True),
        (("R: I can show you pictures if you like.",), False),
        (("R: Shall I put it on your screen?", "C: No, thanks."), False),
        (("C: How heavy is it?", "R: It weighs 6 kilograms."), False),
    ],
)
def test_the_local_clerk_decides_by_the_rules_of_the_prompt(lines: tuple[str, ...], wanted: bool) -> None:
    system = load("writeup_gate").render(conversation=[])[0]["content"]
    talk = [ChatMessage("user" if line[0] == "C" else "assistant", line[3:]) for line in lines]
    assert judge(read_briefing([system]), talk).requested is wanted


def test_the_page_is_written_in_the_customers_language() -> None:
    given = load("suggestions")
    text = given.render(**given.sample() | {"language": "Japanese"})[0]["content"]
    assert "- Write Japanese, headings and labels too; the names of products stay as they are." in text
    assert "untranslated" in text
