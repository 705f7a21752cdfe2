from __future__ import annotations

import asyncio
import json
import resource

from contoso_lab.recording import Recording
from contoso_lab.recording.fold import fold
from contoso_lab.recording.recorder import Recorder
from contoso_lab.relay.access.tokens import Grant
from contoso_lab.relay.calls import tape as tape_module
from contoso_lab.relay.calls.tape import Tape
from contoso_lab.relay.setup import Setup
from contoso_lab.settings import Target

MAYA = Grant("voice", "maya")
LOCAL = Target.local("http://127.0.0.1:9/v1")
SETUP = Setup({"type": "realtime", "instructions": "x"}, catalogue_sha="c", prompts={"voice": "p"})


def test_a_tape_says_whose_call_it_holds(tmp_path):
    tape = Tape.start(tmp_path, grant=MAYA, target=LOCAL, setup=SETUP)
    assert tape.failure is None
    assert tape.write("c2s", '{"type":"response.create"}') is None
    tape.close("done")
    tape.close("a second time")
    manifest = json.loads((tmp_path / tape.id / "manifest.json").read_text(encoding="utf-8"))
    expected = {"persona": "voice", "customer": "maya", "end_reason": "done", "catalogue_sha": "c"}
    assert {name: manifest[name] for name in expected} == expected
    assert manifest["target"] == {"kind": "local", "model": "local"}
    assert manifest["session"] == SETUP.session


def test_a_tape_hands_the_folding_to_others(tmp_path):
    handed = []
    tape = Tape.start(tmp_path, grant=MAYA, target=LOCAL, setup=SETUP, fold=handed.append)
    tape.write("s2c", b'{"type":"response.done"}')
    tape.close("done")
    tape.close("a second time")
    assert handed == [tape.path]
    assert not (tape.path / "events.jsonl").exists()
    assert [event.type for event in Recording.open(tape.path).events][1:] == ["response.done", "recording.closed"]


def test_a_reader_need_not_wait_for_the_one_who_folds(tmp_path):
    tape = Tape.start(tmp_path, grant=MAYA, target=LOCAL, setup=SETUP)
    tape.write("s2c", b'{"type":"response.done"}')
    tape.close("done")
    assert Recording.open(tape.path).problems == ()
    fold(tape.path)


def test_sound_before_a_silence_is_written_when_its_time_has_come(tmp_path):
    now_ns = [0]
    recorder = Recorder.start(tmp_path, id="quiet", clock_ns=lambda: now_ns[0])
    tape, spool = Tape(recorder), recorder.path / "spool.bin"
    tape.write("s2c", b'{"type":"response.output_audio.delta","delta":"AAAA"}')
    before = spool.stat().st_size
    tape.flush_due()
    assert spool.stat().st_size == before
    now_ns[0] = 200_000_000
    tape.flush_due()
    assert spool.stat().st_size > before
    tape.close("done")
    tape.flush_due()


def test_a_disk_that_is_full_when_the_sound_is_written_is_told(tmp_path, monkeypatch):
    tape = Tape.start(tmp_path, grant=MAYA, target=LOCAL, setup=SETUP, fold=lambda _: None)

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Recorder, "flush", full)
    tape.flush_due()
    assert "No space left" in (tape.failure or "")
    assert "No space left" in (tape.write("s2c", b"{}") or "")
    assert tape.write("s2c", b"{}") is None


async def test_a_tape_keeps_time_itself_until_it_is_closed(tmp_path, monkeypatch):
    monkeypatch.setattr(tape_module, "SILENCE_S", 0)
    flushed = asyncio.Event()
    monkeypatch.setattr(Recorder, "flush", lambda *_, **__: flushed.set())
    tape = Tape.start(tmp_path, grant=MAYA, target=LOCAL, setup=SETUP, fold=lambda _: None)
    flushed.clear()
    await flushed.wait()
    tape.close("done")
    assert tape._timer is not None
    assert tape._timer.cancelled()


def test_a_tape_that_breaks_says_so_once(tmp_path, monkeypatch):
    tape = Tape.start(tmp_path, grant=MAYA, target=LOCAL, setup=SETUP)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Recorder, "write", full)
    assert "No space left" in (tape.write("c2s", "{}") or "")
    assert tape.write("c2s", "{}") is None
    tape.close("done")


def test_a_disk_that_is_full_in_the_middle_of_a_call_is_told_once(tmp_path):
    now_ns = [0]
    tape = Tape(Recorder.start(tmp_path, id="full", clock_ns=lambda: now_ns[0]))
    sound = b'{"type":"response.output_audio.delta","delta":"AAAA"}'
    assert tape.sound("s2c", sound) is None
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, limits[1]))
    try:
        now_ns[0] = 300_000_000  # what waited has to be written now
        told = tape.sound("s2c", sound)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert "not recorded any more" in (told or "")
    assert tape.failure == told
    assert tape.sound("c2s", sound) is None


def test_a_disk_that_is_full_when_the_call_ends_is_told(tmp_path):
    recorder = Recorder.start(tmp_path, id="full", clock_ns=lambda: 0)
    tape = Tape(recorder)
    tape.write("s2c", b'{"type":"response.output_audio.delta","delta":"AAAA"}')
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, limits[1]))
    try:
        told = tape.close("done")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert "not recorded to its end" in (told or "")
    assert tape.failure == told
    assert tape.close("again") is None
    assert "response.output_audio.delta" not in [event.type for event in Recording.open(recorder.path).events]


def test_a_tape_that_cannot_begin(tmp_path):
    (tmp_path / "runs").write_text("in the way", encoding="utf-8")
    tape = Tape.start(tmp_path / "runs", grant=MAYA, target=LOCAL, setup=SETUP)
    assert "this call is not recorded" in (tape.failure or "")
    assert tape.id is None
    assert tape.write("c2s", "{}") is None


def test_no_tape_at_all():
    tape = Tape()
    assert tape.write("c2s", "{}") is None
    assert tape.failure is None
    tape.close("done")
