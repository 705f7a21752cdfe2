"""A persona is edited while the relay runs: the next call hears it, and a broken edit is refused with a sentence."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from contoso_lab.errors import PersonaError, PromptError
from contoso_lab.relay.access.tokens import Grant
from contoso_lab.relay.setup import shop_setup
from contoso_lab.shop.persona import persona


def edit(path: Path, old: str, new: str) -> None:
    """As an editor does it, a moment later."""
    before, text = path.stat().st_mtime_ns, path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    os.utime(path, ns=(before + 1, before + 1))


def told(name: str = "voice") -> str:
    return str(shop_setup(Grant(name, "maya")).session["instructions"])


def test_an_edit_of_the_file_is_heard_in_the_next_call(own_prompts: Path) -> None:
    before = shop_setup(Grant("voice", "maya"))
    assert shop_setup(Grant("voice", "maya")) is before, "nothing changed: it is made once"
    edit(own_prompts / "voice.yaml", "most_sentences: 3", "most_sentences: 1")
    after = shop_setup(Grant("voice", "maya"))
    assert "Answer in at most three sentences." in before.session["instructions"]
    assert "Answer in at most one sentence." in after.session["instructions"]
    assert before.prompts["voice"] != after.prompts["voice"], "the recording says which one it was"


def test_the_sound_is_reloaded_like_the_words(own_prompts: Path) -> None:
    shop_setup(Grant("voice", "maya"))
    edit(own_prompts / "voice.yaml", "voice: sage", "voice: coral")
    edit(own_prompts / "voice.yaml", "silence_duration_ms: 500", "silence_duration_ms: 900")
    audio = shop_setup(Grant("voice", "maya")).session["audio"]
    assert audio["output"]["voice"] == "coral"
    assert audio["input"]["turn_detection"]["silence_duration_ms"] == 900


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("personas/voice.yaml", "never pushy", "never hasty"),
        ("voice.prompty", "by phone", "on the phone"),
        ("languages.yaml", "Das weiß ich leider nicht.", "Das müsste ich nachsehen."),
    ],
)
def test_all_that_a_persona_is_made_of_is_watched(own_prompts: Path, file: str, old: str, new: str) -> None:
    assert old in told("voice_de")
    edit(own_prompts.parent / file, old, new)
    assert new in told("voice_de")


def test_a_persona_that_is_saved_in_a_notebook_can_be_called_at_once(own_prompts: Path) -> None:
    with pytest.raises(PromptError, match="there is no prompt 'kim'"):
        told("kim")
    persona("voice").with_(who="Kim").save("kim")
    assert "this is Kim from" in told("kim")
    persona("kim").with_(who="Lee").save(overwrite=True)
    assert "this is Lee from" in told("kim")


def test_a_broken_edit_refuses_new_calls_until_it_is_mended(own_prompts: Path) -> None:
    """The last good one is not used in its place: whoever listens would take it for the edit."""
    good = told()
    edit(own_prompts / "voice.yaml", "most_sentences: 3", "most_sentences: three hundred")
    for _ in range(2):
        with pytest.raises(PersonaError, match=r"personas/voice\.yaml:\d+: manner\.most_sentences is wrong"):
            told()
    assert told("voice_brief"), "other personas take calls as before"
    edit(own_prompts / "voice.yaml", "most_sentences: three hundred", "most_sentences: 3")
    assert told() == good


def test_a_broken_template_is_said_too(own_prompts: Path) -> None:
    told()
    edit(own_prompts.parent / "voice.prompty", "{%- if persona.gives_reason %}", "{%- if %}")
    with pytest.raises(PromptError, match=r"voice\.prompty: line \d+ of the body cannot be rendered: Expected"):
        told()
