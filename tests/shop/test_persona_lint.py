"""`contoso-lab prompts lint` over personas: each kind of mistake is made, and found."""

from __future__ import annotations

from pathlib import Path

import pytest

from contoso_lab import prompts
from contoso_lab.errors import PromptError
from contoso_lab.shop.persona import personas


def findings(own_prompts: Path, file: str, old: str, new: str, name: str = "voice") -> list[str]:
    path = own_prompts.parent / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    return prompts.lint(prompts.load(name))


@pytest.mark.parametrize("name", personas())
def test_our_own_personas_are_clean(name: str) -> None:
    assert prompts.lint(prompts.load(name)) == []


@pytest.mark.parametrize(
    ("old", "new", "finding"),
    [
        ("rules: []", "rules: [Answer in at most five sentences.]", "set two limits for the same thing (sentence)"),
        ("rules: []", "rules: [Never give the reason for a recommendation.]", "contradict each other; keep one"),
        ("rules: []", "rules: [Speak German.]", "contradict each other; keep one"),
        ("voice: sage", "voice: sage # password: 0123456789abcdef0", "line 4 of the file holds what looks like a key"),
        ("language: en  ", "language: de  ", "greeting.first is in English and the persona speaks German"),
        ("Shall we go on from where we were?", "What are you planning?", "is the same as greeting.first"),
    ],
)
def test_a_mistake_in_the_data_is_found(own_prompts: Path, old: str, new: str, finding: str) -> None:
    found = findings(own_prompts, "personas/voice.yaml", old, new)
    assert any(finding in line for line in found), found
    assert all(line.startswith(f"{own_prompts.as_posix()}/voice.yaml: ") for line in found)
    assert not any("0123456789abcdef" in line for line in found)


@pytest.mark.parametrize(
    ("old", "new", "finding"),
    [
        ("{{ persona.role }}", "{{ persona.rolle }}", "uses persona.rolle, which is not declared"),
        ("{{ persona.role }}", "the voice", "input 'persona' declares 'role', which the body never uses"),
        ("by phone", "by {{ phone }}", "uses 'phone', which is not declared"),
        ("Find out", "Find ![x](https://example.com/x.png) out", "which a model would have to fetch"),
    ],
)
def test_a_mistake_in_the_shared_prompt_is_found_from_any_persona(
    own_prompts: Path, old: str, new: str, finding: str
) -> None:
    (found,) = findings(own_prompts, "voice.prompty", old, new, "voice_brief")
    assert found.startswith(f"{own_prompts.parent.as_posix()}/voice.prompty: ")
    assert finding in found


def test_a_template_that_lost_its_persona_says_so(own_prompts: Path) -> None:
    with pytest.raises(PromptError, match=r"voice\.prompty: there is no input 'persona'; declare it"):
        findings(own_prompts, "voice.prompty", "- name: persona", "- name: person")


def test_a_secret_in_what_is_extended_is_found_from_the_extension(own_prompts: Path) -> None:
    found = findings(own_prompts, "personas/voice.yaml", "rules: []", "rules: [] # sk-abcdefghijklmnop1234", "voice_de")
    assert [line.rpartition("/")[2].partition(": ")[0] for line in found] == ["voice.yaml"]
