"""Following a call: everything that is asserted of it holds of the recording that is read afterwards, too."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from contoso_lab.audio import tone
from contoso_lab.errors import RecordingError
from contoso_lab.recording import Recorder, Recording
from contoso_lab.recording.follow import Calls, follow_calls, newest_console
from contoso_lab.recording.spool import SPOOL

SOON_S = 20.0


def heard(item_id: str, text: str) -> dict[str, Any]:
    return {
        "type": "conversation.item.added",
        "previous_item_id": None,
        "item": {"id": item_id, "type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]},
    }


def answer(item_id: str, text: str) -> list[dict[str, Any]]:
    one = {"response_id": f"r-{item_id}", "item_id": item_id, "content_index": 0}
    return [
        {"type": "response.created", "response": {"id": f"r-{item_id}", "conversation_id": "c"}},
        {"type": "response.output_audio_transcript.done", **one, "transcript": text},
        {"type": "response.done", "response": {"id": f"r-{item_id}", "status": "completed"}},
    ]


def begin(runs: Path, console: str = "desk", **fields: Any) -> Recorder:
    return Recorder.start(runs, console=console, persona="voice", **fields)


@pytest.fixture
def unmoved() -> Iterator[Callable[..., Calls]]:
    """A follower without its thread: it looks when it is told to."""
    with contextlib.ExitStack() as stack:

        def make(runs: Path, console: str | None = "desk") -> Calls:
            return stack.enter_context(Calls(runs, console))

        yield make


def said(calls: Calls) -> list[str]:
    assert calls.latest is not None
    return [turn.heard for turn in calls.latest.turns]


def test_a_call_is_read_as_it_is_written_and_ends_as_the_recording_does(unmoved, tmp_path):
    calls = unmoved(tmp_path / "runs")
    assert not calls.look(), "the folder comes later"
    with begin(tmp_path / "runs") as recorder:
        assert calls.look()
        assert not calls.look()
        recorder.write("s2c", heard("a", "Hello"))
        assert calls.look()
        assert said(calls) == ["Hello"]
        before = calls.latest.turns
        for event in answer("b", "Good morning"):
            recorder.write("s2c", event)
        assert calls.look()
        assert said(calls) == ["Hello", "Good morning"]
        assert [turn.text for turn in before] == ["Hello"], "what was taken stays as it is"
        assert not calls.latest.ended
        assert (recorder.path / SPOOL).exists(), "to follow is not to fold"
    assert calls.look()
    assert calls.latest.ended
    assert calls.latest.end_reason == "ended"
    assert calls.latest.turns == Recording.open(calls.latest.path).conversation.turns


def test_turns_are_those_of_the_recording_with_what_was_really_heard(unmoved, make_desk, tmp_path):
    desk = make_desk(console="desk")
    calls = unmoved(tmp_path / "runs")
    calls.look()
    desk.append(40, tone(20))
    for event in answer("b", "one two three four five six")[:2]:
        desk.at(100, "s2c", event)
    desk.delta(110, "b", tone(1000))
    desk.at(130, "local", {"type": "playback.started", "item_id": "b", "client_ms": 1.0})
    calls.look()
    assert calls.latest.turns[0].audio_ms == 1000
    assert calls.latest.turns[0].status == "open"
    assert calls.latest.final_turns == ()
    stopped = {"type": "playback.stopped", "item_id": "b", "played_ms": 500, "reason": "flushed", "client_ms": 501.0}
    desk.at(700, "local", stopped)
    desk.at(720, "s2c", {"type": "response.done", "response": {"id": "r-b", "status": "cancelled"}})
    calls.look()
    (turn,) = calls.latest.turns
    assert turn.status == "interrupted"
    assert turn.heard == "one two three"
    assert (turn.started_ms, turn.stopped_ms) == (130.0, 630.0), "the player's stamps, on the session's clock"
    assert calls.latest.turns == desk.opened().conversation.turns


@pytest.mark.parametrize("at", [3, 20, 28, 40, -1])
def test_a_torn_record_is_waited_for(unmoved, tmp_path, at):
    with begin(tmp_path / "whole", id="one") as recorder:
        recorder.write("s2c", heard("a", "Hello"))
        recorder.flush()
        whole = (recorder.path / SPOOL).read_bytes()
        shutil.copytree(recorder.path, tmp_path / "runs" / "one")
    spool = tmp_path / "runs" / "one" / SPOOL
    spool.write_bytes(whole[:at])
    calls = unmoved(tmp_path / "runs")
    calls.look()
    calls.look()
    assert said(calls) == []
    assert calls.latest.problem is None
    with spool.open("ab") as more:
        more.write(whole[at:])
    calls.look()
    assert said(calls) == ["Hello"]


def test_a_damaged_spool_gives_what_is_before_and_says_so(unmoved, tmp_path):
    recorder = begin(tmp_path)
    recorder.write("s2c", heard("a", "Hello"))
    recorder.flush()
    with (recorder.path / SPOOL).open("ab") as more:
        more.write(b"\xff" * 40)
    calls = unmoved(tmp_path)
    calls.look()
    assert said(calls) == ["Hello"]
    assert "damaged" in calls.latest.problem
    assert calls.latest.ended
    (recorder.path / SPOOL).write_bytes(b"no spool at all, but long enough")
    calls = unmoved(tmp_path)
    calls.look()
    assert "damaged" in calls.latest.problem


def test_what_makes_no_sense_in_an_event_is_passed_over(unmoved, tmp_path):
    recorder = begin(tmp_path)
    recorder.write("s2c", {**answer("b", "x")[1], "content_index": "first"})
    recorder.write("s2c", "no JSON")
    recorder.write("s2c", heard("a", "Hello"))
    calls = unmoved(tmp_path)
    calls.look()
    assert "Hello" in said(calls)
    assert calls.latest.problem is None


def test_only_the_calls_of_the_console_are_followed_newest_last(unmoved, tmp_path):
    for number, console in enumerate(["desk", "other", "", "desk"]):
        begin(tmp_path, console, id=f"call-{9 - number}").close()
    assert newest_console(tmp_path) == "desk"
    (tmp_path / "memory.sqlite3").write_bytes(b"")
    (tmp_path / "empty").mkdir()
    calls = unmoved(tmp_path)
    calls.look()
    assert [call.id for call in calls.calls] == ["call-9", "call-6"]
    everyone = unmoved(tmp_path, None)
    everyone.look()
    assert [call.id for call in everyone.calls] == ["call-9", "call-8", "call-6"]
    assert newest_console(tmp_path / "nowhere") is None
    with pytest.raises(RecordingError, match="console '../x' cannot be a file name"):
        follow_calls(tmp_path, console="../x")


def test_calls_that_have_ended_are_there_for_a_kernel_that_was_started_anew(tmp_path):
    with begin(tmp_path) as recorder:
        recorder.write("s2c", heard("a", "Hello"))
    with follow_calls(tmp_path, console="desk") as calls:
        assert calls.latest.ended
        assert said(calls) == ["Hello"]
        assert "1, of which 0 go on" in repr(calls)


def test_the_bundle_takes_the_spools_place_and_nothing_is_lost(unmoved, tmp_path):
    recorder = begin(tmp_path)
    calls = unmoved(tmp_path)
    calls.look()
    recorder.write("s2c", heard("a", "Hello"))
    recorder.close()  # folds, and removes the spool that is being read
    assert not (recorder.path / SPOOL).exists()
    calls.look()
    assert said(calls) == ["Hello"]
    assert calls.latest.ended


def test_a_recording_that_is_removed_is_forgotten(unmoved, tmp_path):
    recorder = begin(tmp_path)
    recorder.write("s2c", heard("a", "Hello"))
    calls = unmoved(tmp_path)
    calls.look()
    shutil.rmtree(recorder.path)
    calls.look()
    assert calls.latest.ended
    assert said(calls) == []
    assert "removed" in calls.latest.end_reason


WRITER = """
import json, sys
from pathlib import Path
from contoso_lab.recording import Recorder
recorder = Recorder.start(Path(sys.argv[1]), console="desk")
for line in sys.stdin:
    recorder.write("s2c", json.loads(line))
    print("written", flush=True)
"""


class Writer:
    """Somebody else's process that records a call."""

    def __init__(self, runs: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(runs)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def write(self, event: dict[str, Any]) -> None:
        self.process.stdin.write(json.dumps(event) + "\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == "written\n"

    def kill(self) -> None:
        with self.process:
            self.process.send_signal(signal.SIGKILL)


def test_a_killed_relay_and_the_one_after_it(unmoved, tmp_path, monkeypatch):
    first = Writer(tmp_path)
    first.write(heard("a", "Hello"))
    calls = unmoved(tmp_path)
    calls.look()
    first.kill()
    assert not calls.look(), "it may be a pause"
    second = Writer(tmp_path)
    try:
        second.write(heard("b", "Hello again"))
        calls.look()
        old, new = calls.calls
        assert old.ended
        assert "its relay has ended" in old.end_reason
        assert not new.ended
        assert said(calls) == ["Hello again"]
    finally:
        second.kill()
    monkeypatch.setattr("contoso_lab.recording.followed.SILENT_S", 0.0)
    assert calls.look()
    assert new.ended, "also when no other call follows"


def test_news_come_while_the_main_thread_computes(tmp_path):
    """The main thread never lets go by itself; what it sees in the end came from the follower's own thread."""
    with follow_calls(tmp_path, console="desk") as calls:
        writer = Writer(tmp_path)
        try:
            writer.write(heard("a", "Hello"))
            until, number = time.monotonic() + SOON_S, 0
            while not (calls._calls and next(iter(calls._calls.values()))._turns) and time.monotonic() < until:
                number = (number * 31 + 7) % 1000003
            assert said(calls) == ["Hello"]
        finally:
            writer.kill()


async def test_final_turns_arrive_in_a_loop_and_the_end_of_following_ends_it(tmp_path):
    got: list[str] = []
    two = asyncio.Event()
    with follow_calls(tmp_path) as calls:

        async def listen() -> None:
            async for turn in calls.turns():
                got.append(turn.heard)
                if len(got) == 2:
                    two.set()

        listener = asyncio.create_task(listen())
        recorder = begin(tmp_path)
        recorder.write("s2c", heard("a", "Hello"))
        for event in answer("b", "Good morning"):
            recorder.write("s2c", event)
        async with asyncio.timeout(SOON_S):
            await two.wait()
        assert got == ["Hello", "Good morning"]
        recorder.write("s2c", heard("c", "Bye"))
        recorder.close()
        await asyncio.to_thread(calls.wait_for, lambda: calls.latest.ended, timeout_s=SOON_S)
        await asyncio.to_thread(calls.close)
        async with asyncio.timeout(SOON_S):
            await listener
    assert got == ["Hello", "Good morning", "Bye"]
    assert not calls._listeners
    assert all(thread.name != "contoso-lab-follow" for thread in threading.enumerate())


def test_a_listener_whose_loop_is_gone_is_dropped(unmoved, tmp_path):
    calls = unmoved(tmp_path)

    async def once() -> None:
        listening = calls.news()
        await anext(listening)
        kept.append(listening)

    kept: list[Any] = []
    loop = asyncio.new_event_loop()
    loop.run_until_complete(once())
    loop.close()
    begin(tmp_path).close()
    assert calls.look()
    assert not calls._listeners


def test_waiting_ends_with_what_was_waited_for_or_with_the_time(tmp_path):
    with follow_calls(tmp_path) as calls:
        assert not calls.wait_for(lambda: calls.latest, timeout_s=0)
        begin(tmp_path).close()
        assert calls.wait_for(lambda: calls.latest, timeout_s=SOON_S)
        version = calls.version
        assert version > 0
        assert not calls.wait_for(lambda: calls.version > version + 10, timeout_s=0)
    calls.close()


def test_no_file_stays_open(unmoved, tmp_path):
    make: Callable[[], Recorder] = lambda: begin(tmp_path)  # noqa: E731 - read aloud
    open_before = len(os.listdir("/proc/self/fd")) if Path("/proc/self/fd").exists() else None
    calls = unmoved(tmp_path)
    for _ in range(3):
        recorder = make()
        calls.look()
        recorder.write("s2c", heard("a", "Hello"))
        recorder.close()
        calls.look()
    assert all(call.ended for call in calls.calls)
    if open_before is not None:
        assert len(os.listdir("/proc/self/fd")) == open_before
