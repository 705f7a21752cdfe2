"""What strangers hand us, as functions of bytes: each may raise an error of ours and nothing else.

`tests/trust` runs them with hypothesis on every commit, `fuzz/run.py` with atheris for as long as you like.
"""

from __future__ import annotations

import atexit
import base64
import os
import shutil
import tempfile
import warnings
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from contoso_lab.errors import LabError
from contoso_lab.home import HOME

Target = Callable[[bytes], object]
MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None


@cache
def _folder() -> Path:
    """A folder for files that the readers want on disk; in memory where this machine has such a place."""
    place = Path(tempfile.mkdtemp(prefix="contoso-lab-fuzz-", dir=os.environ.get("TMPDIR") or MEMORY))
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    return place


def _file(name: str, data: bytes) -> Path:
    place = _folder() / name
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(data)
    return place


def wire(data: bytes) -> None:
    """A message on the wire, from a client and from a server, in both dialects."""
    from contoso_lab.wire import Conversation, find_audio, parse_client, parse_server, peek_type
    from contoso_lab.wire.frames import glance

    glance(data)
    find_audio(data)
    peek_type(data)
    for parse in (parse_client, parse_server):
        for dialect in ("ga", "beta"):
            try:
                event = parse(data, dialect=dialect)
            except LabError:
                continue
            talk = Conversation()
            for dir in ("c2s", "s2c", "local"):
                talk.apply(event.data, at_ms=0.0, dir=dir)
            talk.turns  # noqa: B018 - it is worked out when it is asked for


def recording(data: bytes) -> None:
    """A recording of a stranger: its events, and half of the time its manifest."""
    from contoso_lab.recording import Recording

    manifest, _, events = data.partition(b"\0")
    place = _file("recording/events.jsonl", events or data).parent
    if events:
        _file("recording/manifest.json", manifest)
    else:
        (place / "manifest.json").unlink(missing_ok=True)
    call = Recording.open(place)
    call.conversation.turns  # noqa: B018 - it is worked out when it is asked for
    call.problems  # noqa: B018
    call.stereo()
    call._repr_html_()


def _importer(name: str, format: Any) -> Target:
    def target(data: bytes) -> None:
        import shutil

        from contoso_lab.recording.imports import import_recordings

        root = _folder() / "imported"
        try:
            place = _file(name, data)
            import_recordings(place if format in ("openai", "wav") else place.parent, root, format=format)
        finally:
            shutil.rmtree(root, ignore_errors=True)

    target.__doc__ = f"What another program recorded, as {format}."
    return target


@cache
def _samples() -> None:
    """What our own prompts name beside them."""
    shutil.copytree(HOME / "prompts" / "samples", _folder() / "prompt" / "samples")


def prompt(data: bytes) -> None:
    """A `.prompty` file, and filling it in with its own samples."""
    from contoso_lab.prompts import load

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _samples()
        loaded = load(_file("prompt/stranger.prompty", data))
        loaded.render(**loaded.sample())


def persona(data: bytes) -> None:
    """A persona's file, and the prompt that it makes."""
    from contoso_lab.prompts.persona_file import read_persona

    read_persona(_file("persona/stranger.yaml", data)).prompt()


def suite(data: bytes) -> None:
    """A suite of evaluations."""
    from contoso_lab.evaluation.suite_file import load_suite

    load_suite(_file("suite/stranger.yaml", data))


def scenario(data: bytes) -> None:
    """A simulated caller."""
    from contoso_lab.replay.scenario import load_scenario

    load_scenario(_file("scenario/stranger.yaml", data))


def script(data: bytes) -> None:
    """A script that plays the engine's brain."""
    from contoso_lab.engine.script import load_script

    load_script(_file("script/stranger.yaml", data))


def catalogue_json(data: bytes) -> None:
    """A catalogue in JSON, and how it is shown."""
    from contoso_lab.shop import Catalog

    Catalog.read(_file("shop/stranger.json", data))._repr_html_()


def catalogue_csv(data: bytes) -> None:
    """A catalogue as a table, and how it is shown."""
    from contoso_lab.shop import Catalog

    Catalog.read(_file("shop/stranger.csv", data))._repr_html_()


def manual(data: bytes) -> None:
    """A product's manual."""
    from contoso_lab.shop.manual import read_manual

    read_manual(_file("shop/manual.md", data))


def sound(data: bytes) -> None:
    """A sound file of any kind."""
    from contoso_lab.audio import read_audio

    read_audio(data)


def g711(data: bytes) -> None:
    """Bytes of a telephone, and of PCM that may break off within a sample."""
    from contoso_lab.audio import AudioFormat, Clip

    for encoding in ("pcm16", "ulaw", "alaw"):
        Clip.from_bytes(data, AudioFormat(encoding, 8000))  # type: ignore[arg-type]


def picture(data: bytes) -> None:
    """A picture that a customer sends into the chat; bytes that are no address are taken as the picture itself."""
    from contoso_lab.agent.pictures import read_picture

    sent = data if data.startswith(b"data:") else b"data:image/png;base64," + base64.b64encode(data)
    read_picture(sent.decode("latin-1"))


@cache
def _relay() -> Any:
    from starlette.testclient import TestClient

    from contoso_lab.relay.app import create_app
    from contoso_lab.settings import Target as RelayTarget

    app = create_app(RelayTarget.local("http://127.0.0.1:1/v1"), runs=None)
    return TestClient(app, base_url="http://127.0.0.1", client=("127.0.0.1", 1))


def token(data: bytes) -> None:
    """Whoever asks the relay for a token, by either door; a server that breaks raises here."""
    head, _, body = data.partition(b"\0")
    given = {"authorization": head.translate(None, b"\r\n")[:500]} if body else {}
    for path in ("/api/token", "/v1/realtime/client_secrets"):
        _relay().post(path, content=body or data, headers={"content-type": "application/json", **given})


TARGETS: dict[str, Target] = {
    "wire": wire,
    "recording": recording,
    "import_openai": _importer("openai/log.jsonl", "openai"),
    "import_cookbook": _importer("cookbook/results.csv", "cookbook"),
    "import_tau2": _importer("tau2/results.json", "tau2"),
    "import_eva": _importer("eva/user_simulator_events.jsonl", "eva"),
    "import_wav": _importer("wav/call.wav", "wav"),
    "prompt": prompt,
    "persona": persona,
    "suite": suite,
    "scenario": scenario,
    "script": script,
    "catalogue_json": catalogue_json,
    "catalogue_csv": catalogue_csv,
    "manual": manual,
    "sound": sound,
    "g711": g711,
    "picture": picture,
    "token": token,
}


def check(name: str, data: bytes) -> bool:
    """Hand bytes to a target; True when they were taken, False when they were refused with an error of ours."""
    try:
        TARGETS[name](data)
    except LabError as error:
        if not str(error).strip():
            raise AssertionError("an error without a sentence") from error
        return False
    return True
