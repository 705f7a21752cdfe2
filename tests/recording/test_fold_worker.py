from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from contoso_lab.recording import Recorder, Recording
from contoso_lab.recording.fold_worker import FoldWorker, main

KILLED = """
import sys
from pathlib import Path
from contoso_lab.recording import Recorder
from contoso_lab.recording.fold_worker import shared_worker

recorder = Recorder.start(Path(sys.argv[1]), id="last")
recorder.close(fold="later")
shared_worker().fold(recorder.path)
print(shared_worker().pid, flush=True)
sys.stdin.readline()
"""


@pytest.fixture
def worker() -> Iterator[FoldWorker]:
    worker = FoldWorker()
    yield worker
    worker.close(wait_s=60)


def recorded(root: Path, name: str) -> Path:
    recorder = Recorder.start(root, id=name)
    recorder.write("s2c", '{"type":"response.done"}')
    recorder.close(fold="later")
    assert (recorder.path / "spool.bin").exists()
    return recorder.path


def test_no_process_is_made_before_there_is_work(worker: FoldWorker) -> None:
    assert worker.pid is None


def test_recordings_are_folded_by_a_process_of_low_priority(worker: FoldWorker, tmp_path: Path) -> None:
    paths = [recorded(tmp_path, f"r{number}") for number in range(5)]
    for path in paths:
        worker.fold(path)
    assert worker.pid not in {None, os.getpid()}
    worker.close(wait_s=60)  # what was given is done before the process ends
    assert [(path / "spool.bin").exists() for path in paths] == [False] * 5
    assert [Recording.open(path).problems for path in paths] == [()] * 5


def test_more_than_the_pipe_takes_is_not_waited_for(worker: FoldWorker, tmp_path: Path) -> None:
    path = recorded(tmp_path, "one")
    for number in range(2000):
        worker.fold(tmp_path / f"gone-{number:0100}")
    worker.fold(path)
    assert Recording.open(path).problems == ()


def test_a_process_that_died_is_made_anew(worker: FoldWorker, tmp_path: Path) -> None:
    worker.fold(tmp_path / "nowhere")
    process = worker._process
    assert process is not None
    process.kill()
    process.wait()
    lost, path = recorded(tmp_path, "lost"), recorded(tmp_path, "kept")
    worker.fold(lost)
    worker.fold(path)
    worker.close(wait_s=60)
    assert not (path / "spool.bin").exists()
    assert Recording.open(lost).problems == ()


def test_it_is_lowest_in_priority_and_has_no_keys(
    worker: FoldWorker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    worker.fold(recorded(tmp_path, "one"))
    environment = Path(f"/proc/{worker.pid}/environ")
    if environment.exists():
        assert b"sk-secret" not in environment.read_bytes()


def test_a_recording_that_cannot_be_folded_stops_nobody(tmp_path: Path) -> None:
    broken, whole = recorded(tmp_path, "broken"), recorded(tmp_path, "whole")
    (broken / "spool.bin").write_bytes(b"no spool at all")
    lines = "".join(f"{path}\n" for path in (broken, tmp_path / "nowhere", whole))
    command = [sys.executable, "-m", "contoso_lab.recording.fold_worker"]
    subprocess.run(command, input=lines, text=True, check=True)
    assert not (whole / "spool.bin").exists()
    assert (broken / "spool.bin").exists()


def test_it_ends_with_a_program_that_is_killed(tmp_path: Path) -> None:
    command = [sys.executable, "-c", KILLED, str(tmp_path)]
    program = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    with program:
        assert program.stdout is not None
        pid = int(program.stdout.readline())
        handle = os.pidfd_open(pid) if hasattr(os, "pidfd_open") else None
        program.send_signal(signal.SIGKILL)
    if handle is not None:
        import select

        assert select.select([handle], [], [], 60)[0]
        os.close(handle)
    assert Recording.open(tmp_path / "last").problems == ()


def test_the_process_lowers_itself_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    steps: list[object] = []
    monkeypatch.setattr(os, "nice", lambda by: steps.append(by), raising=False)
    monkeypatch.setattr("contoso_lab.recording.fold_worker.fold", steps.append)
    with (tmp_path / "in").open("w+b") as file:
        file.write(b"/a folder\n")
        file.seek(0)
        monkeypatch.setattr(sys, "stdin", type("Input", (), {"buffer": file}))
        main()
    assert steps == [19, Path("/a folder")]
