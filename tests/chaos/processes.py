"""Engine, relay and Redis as processes that can be killed and begun again at the same address."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import sys
import tempfile
from pathlib import Path
from typing import Any

import yaml

QUIET_ENGINE: dict[str, Any] = {
    "about": "No models: whoever is loud is heard, and the answer is hummed.",
    "parts": "plain",
    "brain": [f"This is answer number {number}. It is short." for number in range(1, 300)],
    "ear": [f"These are the words of turn {number}." for number in range(1, 300)],
}


def free_port() -> int:
    """A port on which nobody listens now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Process:
    """A program that is ready when it has said a word; it can be killed, and begun again as it was.

    Args:
        arguments: the command.
        ready: what it writes to its standard output when it is ready.
        log: where its standard error goes.
        env: variables besides those of this process that are not about the lab or a key.
    """

    def __init__(self, *arguments: str, ready: str, log: Path, env: dict[str, str] | None = None) -> None:
        self._arguments, self._ready, self._log = arguments, ready, log
        clean = {name: value for name, value in os.environ.items() if "OPENAI" not in name and "CONTOSO" not in name}
        self._env = clean | (env or {})
        self._running: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[bytes] | None = None
        self.starts = 0

    @property
    def pid(self) -> int:
        """Of the process that runs now."""
        assert self._running is not None
        return self._running.pid

    @property
    def runs(self) -> bool:
        """Whether it does."""
        return self._running is not None and self._running.returncode is None

    async def start(self) -> None:
        """Start it and wait until it is ready."""
        self.starts += 1
        with self._log.open("ab") as log:
            self._running = await asyncio.create_subprocess_exec(
                *self._arguments, stdout=asyncio.subprocess.PIPE, stderr=log, env=self._env
            )
        assert self._running.stdout is not None
        async for line in self._running.stdout:
            if self._ready in line.decode():
                self._reading = asyncio.create_task(self._running.stdout.read())  # so that it never waits for us
                return
        raise AssertionError(f"{self._arguments[:4]} ended before it was ready: {self._log.read_text()[-500:]}")

    async def kill(self) -> None:
        """Kill it: it has no time for anything."""
        await self._end(signal.SIGKILL)

    async def stop(self) -> None:
        """Ask it to end, and wait."""
        await self._end(signal.SIGTERM)

    async def _end(self, how: signal.Signals) -> None:
        if self._running is not None:
            with contextlib.suppress(ProcessLookupError):  # it has ended by itself
                self._running.send_signal(how)
            await self._running.wait()
        if self._reading is not None:
            await self._reading


def engine(folder: Path, *, port: int) -> Process:
    """The local engine without models."""
    script = folder / "quiet.yaml"
    script.write_text(yaml.safe_dump(QUIET_ENGINE), encoding="utf-8")
    return Process(
        sys.executable, "-m", "contoso_lab.engine", "--port", str(port), "--script", str(script), "--calls", "1000",
        ready="READY", log=folder / "engine.log",
    )  # fmt: skip


def relay(
    folder: Path, *, port: int, target_port: int, runs: Path, redis: str | None = None, options: tuple[str, ...] = ()
) -> Process:
    """A relay before the target on that port."""
    env = {
        "CONTOSO_LAB_RELAY_TOKENS_PER_MINUTE": "100000",
        "CONTOSO_LAB_RELAY_GUESSES_PER_MINUTE": "100000",  # everybody comes from one address, and comes back at once
        "CONTOSO_LAB_RELAY_CALLS_PER_CALLER": "1000",
    }
    if redis is not None:
        env["CONTOSO_LAB_RELAY_REDIS"] = redis
    return Process(
        sys.executable, "-m", "contoso_lab.relay", "--target-url", f"http://127.0.0.1:{target_port}/v1", "--no-check",
        "--port", str(port), "--runs", str(runs), *options,
        ready="READY", log=folder / "relay.log", env=env,
    )  # fmt: skip


def redis_server(folder: Path) -> tuple[Process, str]:
    """A Redis and its address; it forgets everything when it is killed."""
    program = shutil.which("redis-server")
    if program is None:
        raise FileNotFoundError("there is no redis-server on this machine: install it to kill one")
    # The path of a socket may not be long, so it is not in the folder.
    place = Path(tempfile.mkdtemp(prefix="chaos-")) / "s"
    arguments = ("--port", "0", "--unixsocket", str(place), "--save", "", "--dir", str(folder))
    return Process(program, *arguments, ready="eady to accept", log=folder / "redis.log"), f"unix://{place}"
