"""What changes for the model when one prompt takes the place of another."""

from __future__ import annotations

from pathlib import Path

import pytest

from contoso_lab.errors import PromptError
from contoso_lab.prompts import diff, load, names

INPUTS = "inputs:\n  - {name: who, kind: string, example: Maya}"
TEMPLATE = "template: {format: {kind: jinja2}, parser: {kind: prompty}}"


def write(path: Path, body: str, front: str = "") -> Path:
    path.write_text(
        f"---\nname: {path.stem}\n{front}{INPUTS}\n{TEMPLATE}\n---\n{body}",
        encoding="utf-8",
    )
    return path


def test_only_what_differs_is_shown(tmp_path: Path) -> None:
    one = write(tmp_path / "one.prompty", "system:\nHello {{ who }}.\nBe kind.\n")
    other = write(tmp_path / "other.prompty", "system:\nHello {{ who }}.\nBe brief.\n")
    found = diff(one, other)
    assert found.lines[:2] == ("--- one", "+++ other")
    assert [line for line in found.lines[3:] if line[0] in "+-"] == ["-Be kind.", "+Be brief."]
    assert " Hello Maya." in found.lines
    assert repr(found) == "<PromptDiff one → other: +1 −1 lines>"
    assert " Hello Priya." in diff(one, other, who="Priya").lines


def test_the_options_of_the_model_are_compared_too(tmp_path: Path) -> None:
    one = write(tmp_path / "one.prompty", "system:\nHi {{ who }}\n")
    other = write(tmp_path / "other.prompty", "system:\nHi {{ who }}\n", "model: {options: {temperature: 0.1}}\n")
    assert "+temperature: 0.1" in diff(one, other).lines


def test_prompts_that_render_the_same_say_so(tmp_path: Path) -> None:
    one = write(tmp_path / "one.prompty", "system:\nHi {{ who }}\n")
    assert not diff(one, one)
    assert str(diff(one, one)) == "one and one render the same"


def test_markup_in_a_prompt_stays_text_in_a_notebook(tmp_path: Path) -> None:
    one = write(tmp_path / "one.prompty", "system:\n<b>Hi</b> {{ who }}\n")
    other = write(tmp_path / "other.prompty", "system:\nHi {{ who }}\n")
    assert "&lt;b&gt;Hi" in diff(one, other)._repr_html_()


def test_an_input_that_neither_knows_is_refused() -> None:
    with pytest.raises(PromptError, match="neither .* has an input 'custommer'"):
        diff("voice", "voice_brief", custommer="Maya")


def test_every_prompt_can_be_shown_from_its_examples() -> None:
    for name in names():
        prompt = load(name)
        assert prompt.render(**prompt.sample())
