"""Processes for the relay benchmark: pinned to a processor, watched from outside, still while others are measured."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

LOAD = Path(__file__).parent / "relay_load"


class NotHere(Exception):
    """A tool or a package is missing; the message is a sentence for the table."""


def build_load(folder: Path) -> None:
    """Compile the load client and the echo server; raises NotHere without a compiler."""
    compiler = shutil.which("g++") or shutil.which("clang++")
    if compiler is None:
        raise NotHere("the load client needs a C++ compiler: install g++")
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("upstream", "client"):
        source = LOAD / f"{name}.cc"
        subprocess.run([compiler, "-O2", "-std=c++17", "-o", str(folder / name), str(source)], check=True)


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return int(bound.getsockname()[1])


def family(pid: int) -> list[int]:
    """A process and all that it started."""
    found = [pid]
    with contextlib.suppress(OSError):
        for task in os.listdir(f"/proc/{pid}/task"):
            for child in Path(f"/proc/{pid}/task/{task}/children").read_text("ascii").split():
                found += family(int(child))
    return found


def cpu_ns(pids: Sequence[int]) -> int:
    """Processor time of all threads of some processes."""
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            for task in os.listdir(f"/proc/{pid}/task"):
                with contextlib.suppress(OSError):
                    total += int(Path(f"/proc/{pid}/task/{task}/schedstat").read_text("ascii").split()[0])
    return total


def memory_bytes(pid: int) -> int:
    """What a process holds in memory (resident)."""
    for line in Path(f"/proc/{pid}/status").read_text("ascii").splitlines():
        if line.startswith("VmRSS:"):
            return 1024 * int(line.split()[1])
    return 0


class Running:
    """A process on one processor. Its output goes to a file, whose end is the reason when it does not start."""

    def __init__(self, command: Sequence[str], *, core: int, log: Path, env: dict[str, str], cwd: Path | None) -> None:
        self._log = log
        self._stopped: list[int] = []
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                ["taskset", "-c", str(core), *command],
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, **env},
                cwd=cwd,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """The process itself (`taskset` becomes it)."""
        return self.process.pid

    @property
    def pids(self) -> list[int]:
        """The process and its children."""
        return family(self.pid)

    def wait_for(self, port: int, *, timeout_s: float) -> None:
        """Wait until it listens; raises NotHere with its last words when it does not."""
        until = time.monotonic() + timeout_s
        while time.monotonic() < until and self.process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                return
            except OSError:
                time.sleep(0.05)
        raise NotHere(f"it does not start: {self.last_words()}")

    def last_words(self) -> str:
        """The end of its output."""
        lines = [line.strip("│ ") for line in self._log.read_text("utf-8", "replace").splitlines()]
        spoken = [line for line in lines if any(letter.isalnum() for letter in line)]
        return spoken[-1][:200] if spoken else "it said nothing"

    def settle(self, *, longest_s: float = 30.0) -> None:
        """Wait until it has nothing more to do."""
        last = cpu_ns(self.pids)
        until = time.monotonic() + longest_s
        while time.monotonic() < until:
            time.sleep(0.15)
            now = cpu_ns(self.pids)
            if now - last < 8_000_000:
                break
            last = now

    def hold(self) -> None:
        """Let it stand still, so that it does not disturb others."""
        self._stopped = self.pids
        for pid in self._stopped:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGSTOP)

    def go_on(self) -> None:
        """Let it run again."""
        for pid in self._stopped:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGCONT)
        self._stopped = []

    def end(self) -> None:
        """End it and its children, gently at first."""
        self.go_on()
        pids = self.pids
        with contextlib.suppress(OSError):
            self.process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(6)
        for pid in pids:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()


class Load:
    """The echo upstream and the load client, both away from the relay's processor."""

    def __init__(self, folder: Path, *, core: int) -> None:
        self._folder, self._core = folder, core
        self.port = free_port()
        self._log = folder / "upstream.log"
        command = [str(folder / "upstream"), "--port", str(self.port)]
        self.upstream = Running(command, core=core, log=self._log, env={}, cwd=None)
        self.upstream.wait_for(self.port, timeout_s=5)

    def run(
        self, port: int, paths: Sequence[str], pids: Sequence[int] = (), header: str = "", **options: Any
    ) -> dict[str, Any]:
        """Run the client to its end; `error` says what went wrong when there is no result."""
        with self.started(port, paths, pids, header, **options) as client:
            output, words = client.communicate(timeout=180)
        try:
            found: dict[str, Any] = json.loads(output.splitlines()[-1])
        except (IndexError, ValueError):
            return {"error": f"the client failed: {words.strip()[-300:]}"}
        if words.strip():
            found["words"] = words.strip()[:300]
        return found

    @contextlib.contextmanager
    def started(self, port: int, paths: Sequence[str], pids: Sequence[int] = (), header: str = "", **options: Any):
        """A client while it runs, for what is measured from outside."""
        with tempfile.NamedTemporaryFile("w", dir=self._folder, suffix=".paths", encoding="utf-8") as file:
            file.write("\n".join(paths) + "\n")
            file.flush()
            command = ["taskset", "-c", str(self._core), str(self._folder / "client"), "--port", str(port)]
            command += ["--paths", file.name]
            command += ["--pids", ",".join(map(str, pids))] if pids else []
            command += ["--header", header] if header else []
            for name, value in options.items():
                command += [f"--{name}", str(value)]
            client = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            try:
                yield client
            finally:
                if client.poll() is None:
                    client.kill()
                client.wait()
                for pipe in (client.stdout, client.stderr):
                    if pipe is not None:
                        pipe.close()

    def flood_bytes(self) -> int:
        """What was taken of the last flood up to now."""
        known = self._log.read_text("ascii")
        os.kill(self.upstream.pid, signal.SIGUSR1)
        while (words := self._log.read_text("ascii")) == known or not words.endswith("\n"):
            time.sleep(0.02)
        return int(words.split()[-1])
