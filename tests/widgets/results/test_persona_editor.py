from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from contoso_lab.audio import tone, wav_bytes
from contoso_lab.errors import EngineError, PersonaError
from contoso_lab.prompts import persona_file
from contoso_lab.settings import Target
from contoso_lab.widgets import persona_editor
from contoso_lab.widgets.persona_editor import PersonaEditor, speak


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The personas in a folder of the test, which it may change."""
    place = tmp_path / "personas"
    shutil.copytree(persona_file.FOLDER, place)
    monkeypatch.setattr(persona_file, "FOLDER", place)
    monkeypatch.setattr(persona_editor, "FOLDER", place)
    return place


def test_a_change_is_seen_in_the_prompt_and_in_what_changes() -> None:
    editor = PersonaEditor("voice")
    assert (editor.changed, editor.difference, editor.findings) == (False, [], [])
    assert "Answer in at most three sentences." in editor.rendered
    assert editor.greeting == "Hello Maya, this is Robin from Contoso Outdoor. What are you planning?"
    editor.text = editor.text.replace("most_sentences: 3", "most_sentences: 1")
    assert editor.changed
    assert "Answer in at most one sentence." in editor.rendered
    assert "-- Answer in at most three sentences." in editor.difference
    assert "+- Answer in at most one sentence." in editor.difference
    editor.customer = "daniel"
    assert "Hello Daniel" in editor.greeting
    assert repr(editor) == "<PersonaEditor: voice, changed, no findings>"


def test_faults_have_their_lines_and_take_the_prompt_away(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(PersonaEditor, "_file", (persona_file.FOLDER / "voice.yaml").as_posix())
    editor = PersonaEditor("voice")
    editor.text = "description: x\nwho: Kim\nmoood: 3\nmanner:\n  tone: calm\n  most_sentences: 99\n"
    assert [(one["line"], one["kind"]) for one in editor.findings] == [(3, "fault"), (6, "fault")]
    assert "did you mean" in editor.findings[0]["text"]
    assert editor.rendered == ""
    editor.text = "who: [Kim\n"
    assert editor.findings[0]["line"] == 2
    assert "is not YAML" in editor.findings[0]["text"]
    editor.text = ""
    assert editor.findings[0]["kind"] == "fault"


def test_advice_is_no_fault_and_secrets_are_seen_while_they_are_typed() -> None:
    editor = PersonaEditor("voice")
    editor.text = editor.text.replace("Shall we go on from where we were?", "What are you planning?")
    assert any("greeting.returning is the same" in one["text"] for one in editor.findings)
    assert editor.rendered
    editor.text += "# key: sk-proj-abcdefghijklmnopqrstuvwxyz0123456789ABCD\n"
    assert any(one["kind"] == "advice" and "key" in one["text"].lower() for one in editor.findings)


def test_a_copy_keeps_the_comments_and_nothing_is_overwritten_unasked(folder: Path) -> None:
    before = (folder / "voice.yaml").read_text(encoding="utf-8")
    editor = PersonaEditor("voice")
    editor.text = editor.text.replace("most_sentences: 3", "most_sentences: 2")
    editor._message(editor, {"kind": "save", "name": "voice_brief", "replace": False}, [])
    assert "exists already" in editor.error
    assert (folder / "voice.yaml").read_text(encoding="utf-8") == before
    editor._message(editor, {"kind": "save", "name": " kim ", "replace": False}, [])
    assert editor.error == ""
    assert (editor.name, editor.changed) == ("kim", False)
    saved = (folder / "kim.yaml").read_text(encoding="utf-8")
    assert "most_sentences: 2" in saved
    assert "# Every key that a persona can have" in saved
    assert "kim" in editor.names
    editor.text = editor.text.replace("most_sentences: 2", "most_sentences: 1")
    editor._message(editor, {"kind": "save", "name": "kim", "replace": True}, [])
    assert "most_sentences: 1" in (folder / "kim.yaml").read_text(encoding="utf-8")
    assert not list(folder.glob("*.part"))


@pytest.mark.parametrize("name", ["", "../voice2", "a b", "x/y"])
def test_a_name_that_is_none_is_refused(name: str, folder: Path) -> None:
    editor = PersonaEditor("voice")
    before = sorted(folder.parent.rglob("*"))
    editor._message(editor, {"kind": "save", "name": name}, [])
    assert editor.error
    assert sorted(folder.parent.rglob("*")) == before


def test_what_is_broken_is_not_saved(folder: Path) -> None:
    editor = PersonaEditor("voice")
    editor.text = "who: 3"
    with pytest.raises(PersonaError):
        editor.save("broken")
    assert not (folder / "broken.yaml").exists()


def test_what_was_typed_is_kept_for_each_persona_until_it_is_taken_back() -> None:
    editor = PersonaEditor("voice")
    draft = editor.text.replace("most_sentences: 3", "most_sentences: 2")
    editor.text = draft
    editor.name = "voice_brief"
    assert not editor.changed
    editor.name = "voice"
    assert editor.text == draft
    editor._message(editor, {"kind": "revert"}, [])
    assert not editor.changed
    editor.name = "nobody"
    assert "there is no persona 'nobody' any more" in editor.error


def test_who_is_not_there_is_said_at_once() -> None:
    with pytest.raises(PersonaError, match="did you mean 'voice'"):
        PersonaEditor("voise")


async def test_without_a_target_nothing_can_speak() -> None:
    editor = PersonaEditor("voice")
    assert not editor.can_speak
    with pytest.raises(EngineError, match=r"here=await lab\.start"):
        await editor.hear()


class _Speech(asyncio.Protocol):
    """Answers any request with a sound, and keeps what was asked."""

    asked: list[bytes] = []  # one server at a time
    status = b"200 OK"

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.asked.append(data)
        if b'"input"' not in data:
            return  # the head came alone
        body = wav_bytes(tone(120))
        head = b"HTTP/1.1 " + self.status + b"\r\ncontent-type: audio/wav\r\ncontent-length: %d\r\n\r\n" % len(body)
        self.transport.write(head + body)  # type: ignore[attr-defined]


@pytest.fixture
def asked() -> Iterator[list[bytes]]:
    _Speech.asked.clear()
    yield _Speech.asked
    _Speech.status = b"200 OK"


async def test_a_sample_is_spoken_in_the_personas_voice(asked: list[bytes]) -> None:
    server = await asyncio.get_running_loop().create_server(_Speech, "127.0.0.1", 0)
    target = Target.local(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1")
    editor = PersonaEditor("voice", here=target)
    assert editor.can_speak
    async with server:
        assert (await editor.hear()).duration_ms == 120
        said = b"".join(asked)
        assert b"POST /v1/audio/speech" in said
        assert b'"voice":"sage"' in said.replace(b'": "', b'":"')
        assert b"Hello Maya, this is Robin" in said
        _Speech.status = b"400 Bad Request"
        with pytest.raises(EngineError, match="did not speak the line"):
            await speak(target, "Hello.")
    server.close()


async def test_a_target_that_is_gone_is_one_sentence(unused_tcp_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    from contoso_lab.prompts import client

    monkeypatch.setattr(client, "RETRIES", 0)
    with pytest.raises(EngineError, match="cannot be reached, so nothing was spoken"):
        await speak(Target.local(f"http://127.0.0.1:{unused_tcp_port}/v1"), "Hello.")
