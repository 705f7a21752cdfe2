"""What is legal in a prompt file and still wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from contoso_lab.prompts import lint, load, names

HEAD = "---\nname: x\ndescription: X.\n{front}template: {{format: {{kind: jinja2}}, parser: {{kind: prompty}}}}\n---\n"
A = "inputs:\n  - {name: guest, kind: string, description: Who.}\n"
OBJECTS = """inputs:
  - {name: guest, kind: object, description: Who., properties: [{name: name, kind: string}]}
  - {name: items, kind: array, description: What., items: {kind: object, properties: [{name: sku, kind: string}]}}
"""
ALL = "{% for i in items %}{{ i.sku }}{% endfor %}"
TALK = "inputs:\n  - {name: talk, kind: thread, description: So far.}\n"


@pytest.mark.parametrize("name", names())
def test_our_own_prompts_are_clean(name: str) -> None:
    assert load(name).lint() == []


@pytest.mark.parametrize(
    ("front", "body", "finding"),
    [
        (A, "system:\nHi.\n", "input 'guest' is declared and the body never uses it"),
        (A, "system:\n{{ gest }} {{ guest }}\n", "uses 'gest', which is not declared and renders as nothing; did you"),
        ("", "system:\n{{ whatever }}\n", "uses 'whatever', which is not declared and renders as nothing; declare it"),
        (OBJECTS, f"system:\n{{{{ guest.nick }}}}{ALL}\n", "uses guest.nick, which is not declared"),
        (
            OBJECTS,
            f"system:\n{{{{ guest.name }}}}{ALL.replace('sku', 'price')}\n",
            "uses i.price, which is not declared",
        ),
        ("inputs:\n  - {name: guest, kind: string}\n", "system:\n{{ guest }}\n", "input 'guest' has no description"),
        ("outputs:\n  - {name: score, kind: integer}\n", "system:\nHi.\n", "output 'score' has no description"),
        ("", "Hi.\n", "the body has no role marker"),
        ("", "Hi.\nsystem:\nHi.\n", "there is text before the first role marker"),
        ("", "system:\nHi.\n\nuser:\n\n", "the message 'user:' in line 4 of the body is empty"),
        ("", "system:\nHi.\n\nasistant:\nHi.\n", "line 4 of the body, 'asistant:', is not a role marker; did you"),
        (TALK, "system:\nSo far: {{ talk }}\n", "input 'talk' is a conversation and has to stand alone on its line"),
        ("model: {id: gpt-4o}\n", "system:\nHi.\n", "model.id is not used, because the target names the model"),
        ("model: {options: {maxTokens: 5}}\n", "system:\nHi.\n", "'maxTokens', which prompty does not know and drops"),
        ("authors: [me]\n", "system:\nHi.\n", "the front matter has the key 'authors', which prompty does not know"),
        ("", "system:\n{% for %}\n", "line 2 of the body is not Jinja"),
    ],
)
def test_a_silent_mistake_is_said_aloud(tmp_path: Path, front: str, body: str, finding: str) -> None:
    path = tmp_path / "x.prompty"
    path.write_text(HEAD.format(front=front) + body, encoding="utf-8")
    findings = lint(load(path))
    assert len(findings) == 1, findings
    assert finding in findings[0]
    assert "x.prompty: " in findings[0]


def test_a_missing_description_of_the_prompt_is_said(tmp_path: Path) -> None:
    path = tmp_path / "x.prompty"
    path.write_text(HEAD.format(front="").replace("description: X.\n", "") + "system:\nHi.\n", encoding="utf-8")
    assert lint(load(path)) == [f"{path.as_posix()}: the prompt has no description; say in one line what it is for"]
