"""The engine as a process of its own, watched from outside."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from time import perf_counter

import psutil

MB = 1_000_000


@dataclass
class Watched:
    """An engine that runs; `peak_mb` is the most memory that it was seen to hold."""

    url: str
    process: psutil.Process
    ready_s: float
    peak_mb: float = 0.0
    curve_mb: list[float] = field(default_factory=list)
    """One number a second."""

    def cpu_s(self) -> float:
        """Processor time since it was started."""
        times = self.process.cpu_times()
        return float(times.user + times.system)

    def memory_mb(self) -> float:
        """What it holds now (resident)."""
        return float(self.process.memory_info().rss / MB)

    async def watch(self) -> None:
        """Look once a second until cancelled."""
        while True:
            self.curve_mb.append(self.memory_mb())
            self.peak_mb = max(self.peak_mb, self.curve_mb[-1])
            await asyncio.sleep(1)


@asynccontextmanager
async def running_engine(*options: str) -> AsyncIterator[Watched]:
    """Start an engine, wait until it is ready, and end it afterwards."""
    began = perf_counter()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "contoso_lab.engine", "--port", "0", *options, stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        async for line in process.stdout:
            if line.startswith(b"READY "):
                break
        else:
            raise SystemExit("the engine did not start")
        watched = Watched(line.split()[1].decode(), psutil.Process(process.pid), perf_counter() - began)
        watching = asyncio.create_task(watched.watch())
        try:
            yield watched
        finally:
            watching.cancel()
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()
