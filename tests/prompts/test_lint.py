"""What is legal in a prompt file and still wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from contoso_lab.prompts import Prompt, lint, load, names

HEAD = "---\nname: x\ndescription: X.\n{front}template: {{format: {{kind: jinja2}}, parser: {{kind: prompty}}}}\n---\n"
A = "inputs:\n  - {name: guest, kind: string, description: Who., example: Maya}\n"
OBJECTS = """inputs:
  - {name: guest, kind: object, description: Who., example: {name: Maya}, properties: [{name: name, kind: string}]}
  - name: items
    kind: array
    description: What.
    example: []
    items: {kind: object, properties: [{name: sku, kind: string}]}
"""
ALL = "{% for i in items %}{{ i.sku }}{% endfor %}"
TALK = "inputs:\n  - {name: talk, kind: thread, description: So far., example: []}\n"


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
        (
            OBJECTS.replace("{name: Maya}", "{name: Maya, nick: May}").replace(
                "kind: string}]}", "kind: string}, {name: nick, kind: string}]}", 1
            ),
            f"system:\n{{{{ guest.name }}}}{ALL}\n",
            "input 'guest' declares 'nick', which the body never uses",
        ),
        (
            OBJECTS,
            "system:\n{{ guest.name }}{% for i in items %}-{% endfor %}\n",
            "input 'items' declares 'sku', which the body never uses",
        ),
        (
            "inputs:\n  - {name: guest, kind: string, example: Maya}\n",
            "system:\n{{ guest }}\n",
            "input 'guest' has no description",
        ),
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


@pytest.mark.parametrize(
    ("words", "finding"),
    [
        ("Answer in at most two sentences.\nUse at most 3 sentences.", "set two limits for the same thing (sentence)"),
        ("Offer up to one product.\nOffer no more than two products.", "set two limits for the same thing (product)"),
        ("Always mention the price of a product.\nNever mention the price of a product.", "contradict each other"),
        ("Use no Markdown.\nWrite in Markdown with headings.", "contradict each other"),
        ("Ask before you put anything on the screen.\nNever ask before you put anything on the screen.", "contradict"),
        ("Speak German.\nAnswer politely.\nSpeak English.", "contradict each other"),
        ("Offer at least three products.\nOffer at most two products.", "cannot both be kept"),
        ("Look: <img src='https://example.com/t.png'>", "shows a picture from 'https://example.com/t.png'"),
        ("{% include 'rules.txt' %}", "no other file is loaded for it"),
        ("Use Bearer abcdefghijklmnopqrstuvwx", "holds what looks like a key"),
        ("token: ghp_abcdefghijklmnop1234", "holds what looks like a key"),
        ("-----BEGIN RSA PRIVATE KEY-----", "holds what looks like a key"),
        ("AccountKey=abcdefghijklmnop1234==", "holds what looks like a key"),
        ("Look: ![tent](https://example.com/t.png)", "shows a picture from 'https://example.com/t.png'"),
        ("The key is sk-abcdefghijklmnop1234.", "holds what looks like a key"),
        ("api_key: 0123456789abcdef0123456789abcdef", "holds what looks like a key"),
    ],
)
def test_the_words_are_read_too(tmp_path: Path, words: str, finding: str) -> None:
    found = lint(words_prompt(tmp_path, words))
    assert [line for line in found if finding in line] == found != []
    assert not any("0123456789abcdef" in line or "sk-abc" in line for line in found), "a finding repeats no secret"


@pytest.mark.parametrize(
    "words",
    [
        "Answer in at most two sentences.\nOffer at most three products.",
        "Offer at least one product.\nOffer at most two products.",
        "Always give the reason for a recommendation.\nNever recommend what the customer already bought.",
        "Your key is ${env:OPENAI_API_KEY}.",
        "Look: ![tent](tent.png)",
        "Ask for the size.\nNever ask for the age.",
        "Speak German.\nDo not speak English.",
        "A token is a short key.",
    ],
)
def test_rules_that_agree_are_left_alone(tmp_path: Path, words: str) -> None:
    assert lint(words_prompt(tmp_path, words)) == []


def test_a_needed_input_without_an_example_is_marked(tmp_path: Path) -> None:
    path = tmp_path / "p.prompty"
    path.write_text(
        "---\nname: p\ndescription: A prompt.\ninputs:\n  - {name: who, kind: string, description: Who.}\n"
        "template: {format: {kind: jinja2}, parser: {kind: prompty}}\n---\nsystem:\nHi {{ who }}\n",
        encoding="utf-8",
    )
    assert lint(load(path)) == [
        f"{path.as_posix()}: input 'who' has no example, so nobody can look at the prompt without a call; give one"
    ]


def words_prompt(folder: Path, words: str) -> Prompt:
    path = folder / "p.prompty"
    template = "template: {format: {kind: jinja2}, parser: {kind: prompty}}"
    path.write_text(f"---\nname: p\ndescription: A prompt.\n{template}\n---\nsystem:\n{words}\n", encoding="utf-8")
    return load(path)


def test_an_example_that_does_not_fit_is_found_without_a_call(tmp_path: Path) -> None:
    path = tmp_path / "x.prompty"
    front = "inputs:\n  - {name: count, kind: integer, description: How many., example: three}\n"
    path.write_text(HEAD.format(front=front) + "system:\n{{ count }}\n", encoding="utf-8")
    (finding,) = lint(load(path))
    assert "its own examples do not render: input 'count' has to be a whole number, not str" in finding


def test_a_picture_from_far_away_as_an_example_is_found(tmp_path: Path) -> None:
    path = tmp_path / "x.prompty"
    front = "inputs:\n  - {name: photo, kind: image, description: A., example: 'https://example.com/a.png'}\n"
    path.write_text(HEAD.format(front=front) + "system:\nLook.\n\nuser:\n{{ photo }}\n", encoding="utf-8")
    assert [line.partition(": ")[2] for line in lint(load(path))] == [
        "input 'photo' shows a picture that a model would have to fetch; give a data URL"
    ]


def test_an_object_that_is_rendered_whole_uses_all_of_its_fields(tmp_path: Path) -> None:
    path = tmp_path / "x.prompty"
    path.write_text(HEAD.format(front=OBJECTS) + "system:\n{{ guest | tojson }}{{ items }}\n", encoding="utf-8")
    assert lint(load(path)) == []
