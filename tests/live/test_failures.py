"""What goes wrong in a real workbench is one clear sentence, and the recording stays readable."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

import contoso_lab as lab
from contoso_lab.demo import Told, run_demo
from contoso_lab.errors import EngineError, SessionClosed, SessionRefused, UnreadableAudio
from contoso_lab.live import Service, serve
from contoso_lab.session.door import open_line
from contoso_lab.settings import Target

SILENT = Told(step=lambda _: None, turn=lambda *_: None, suggestion=lambda _: None)


def recordings_in(runs: Path) -> list[lab.Recording]:
    return [lab.Recording.open(path) for path in sorted(runs.iterdir()) if path.is_dir()]


@pytest.mark.models
async def test_killing_the_engine_in_the_middle_of_a_call(tmp_path: Path) -> None:
    caller, _ = lab.load_caller("short_call")
    async with serve(runs=tmp_path) as here:
        assert here.engine is not None
        killed = here.engine.process.kill

        async def call() -> None:
            async with lab.connect(here.relay_url, persona="voice", customer="daniel") as session:
                await session.greet()
                await session.until(lambda: any(turn.text for turn in session.conversation.turns))
                await session.stream(caller.clip[4_500:7_000])
                killed()
                await asyncio.Event().wait()  # cancelled when the other side ends the call

        with pytest.raises(SessionClosed, match="the connection to the target broke in the middle of the call"):
            await call()
        with pytest.raises(EngineError, match="the engine has ended"):
            here.check()
        with pytest.raises(SessionRefused, match="does not answer|did not answer|cannot be reached|refused|nothing"):
            async with lab.connect(here.relay_url, persona="voice", customer="daniel"):
                pass
    (recording,) = recordings_in(tmp_path)
    assert "target lost" in (recording.manifest.end_reason or "")
    assert recording.turns.text.iloc[0].startswith("Hello Daniel")
    assert recording.user_audio.duration_ms == pytest.approx(2_500, abs=200)


@pytest.mark.models
@pytest.mark.slow
async def test_a_megabyte_of_garbage_is_answered_and_the_call_goes_on(tmp_path: Path) -> None:
    async with serve(runs=tmp_path) as here:
        async with lab.connect(here.relay_url, persona="voice", customer="daniel") as session:
            await session._line.send("x" * 1_000_000)
            await session.greet()
            assert await session.settled(within_s=20)
            assert [error["type"] for error in session.errors] == ["invalid_request_error"]
            assert session.conversation.turns[0].heard.startswith("Hello Daniel")
    (recording,) = recordings_in(tmp_path)
    assert recording.problems == ()
    (garbage,) = [event.ev for event in recording.events if event.type == "frame.unparsed"]
    assert garbage["bytes"] == 1_000_000


@pytest.mark.parametrize("name", ["engine", "relay"])
async def test_a_port_in_use_is_said_before_anything_is_loaded(name: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        target = ["--target-url", "http://127.0.0.1:9/v1"] if name == "relay" else []
        with pytest.raises(EngineError, match=f"port {port} on 127.0.0.1 is in use by another program: stop that"):
            await Service.start(name, "--port", str(port), *target)


def test_a_missing_model_package_is_one_sentence_and_a_remedy(tmp_path: Path) -> None:
    # A package that is found and cannot be imported is the nearest to one that is not there.
    (tmp_path / "hibari.py").write_text("raise ModuleNotFoundError(\"No module named 'hibari'\", name='hibari')\n")
    done = subprocess.run(
        [sys.executable, "-m", "contoso_lab.engine", "--port", "0"],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    sentence = [line for line in (done.stdout + done.stderr).splitlines() if not line.startswith("…")]
    assert len(sentence) == 1
    assert "needs the package 'hibari-tts': pip install 'contoso-lab[engine]'" in sentence[0]


async def test_an_unreadable_wav_is_found_before_anything_is_started(tmp_path: Path) -> None:
    (tmp_path / "first_call.wav").write_bytes(b"this is no sound")
    (tmp_path / "first_call.json").write_text('{"customer": "maya", "turns": []}')
    with pytest.raises(UnreadableAudio, match=r"first_call\.wav"):
        await run_demo(SILENT, runs=tmp_path / "runs", speech=tmp_path)
    assert not (tmp_path / "runs").exists()


async def test_a_target_that_is_not_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(SessionRefused, match="nothing answers there"):
        async with open_line(Target.local(f"http://127.0.0.1:{port}/v1")):
            pass


async def test_a_relay_that_is_not_there() -> None:
    with pytest.raises(SessionRefused, match="start it with 'contoso-lab relay'"):
        async with lab.connect("http://127.0.0.1:9", customer="daniel"):
            pass


def test_the_demo_prints_one_sentence_and_exits_with_1_when_a_step_fails(tmp_path: Path) -> None:
    # The engine cannot start, so the demo cannot: no traceback, no success.
    (tmp_path / "hibari.py").write_text("raise ModuleNotFoundError(\"No module named 'hibari'\", name='hibari')\n")
    done = subprocess.run(
        [Path(sys.executable).parent / "contoso-lab", "demo", "--runs", str(tmp_path / "runs")],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("contoso-lab: the engine could not start: ")
    assert "Traceback" not in done.stdout + done.stderr
