"""One of our servers in a process of its own, which ends with the process that started it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections import deque
from collections.abc import Callable, Mapping

from contoso_lab.errors import EngineError

Progress = Callable[[str], None]
START_TIMEOUT_S = 120.0
STOP_TIMEOUT_S = 10.0
LONGEST_LINE_BYTES = 2**20
"""A server that writes a longer line is not ours."""


class Service:
    """One of our servers in a process of its own; made by `start`, ended by `stop`."""

    def __init__(self, name: str, process: asyncio.subprocess.Process, url: str, said: deque[str]) -> None:
        self.name = name
        self.url = url
        self.process = process
        self._said = said
        # Its later output is read too: a full pipe would stop it.
        self._watch = asyncio.create_task(_drain(process, said))

    @property
    def alive(self) -> bool:
        """The process has not ended."""
        return self.process.returncode is None

    @property
    def last_line(self) -> str:
        """The last thing that it wrote: when it has ended by itself, most likely why."""
        return _tail(self._said)

    @property
    def why_ended(self) -> str:
        """How it ended, when it has."""
        return f"exit code {self.process.returncode}, and it said: {self.last_line}"

    @classmethod
    async def start(
        cls,
        name: str,
        *arguments: str,
        progress: Progress = lambda _: None,
        environment: Mapping[str, str] | None = None,
    ) -> Service:
        """Run `python -m contoso_lab.<name>`, kept (`kept`), and wait until it says that it is ready.

        `environment` is what it gets beside our own environment.

        Raises:
            EngineError: it ended before it was ready; the message is the last line that it wrote.
        """
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "contoso_lab.live.kept", name, *arguments,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
            env={**os.environ, **(environment or {}), "PYTHONUNBUFFERED": "1"}, limit=LONGEST_LINE_BYTES,
            # An interrupt is meant for the cell that computes, and not for the calls that go on meanwhile.
            start_new_session=True,
        )  # fmt: skip
        last: deque[str] = deque(maxlen=20)
        try:
            async with asyncio.timeout(START_TIMEOUT_S):
                assert process.stdout is not None
                async for raw in process.stdout:
                    line = _text(raw)
                    if line.startswith("READY "):
                        return cls(name, process, line.removeprefix("READY "), last)
                    last.append(line)
                    if line.startswith("… "):
                        progress(line.removeprefix("… "))
                await process.wait()
        except TimeoutError as error:
            await _kill(process)
            raise EngineError(
                f"the {name} was not ready within {START_TIMEOUT_S:.0f} s; it said: {_tail(last)}"
            ) from error
        except BaseException:
            await _kill(process)
            raise
        raise EngineError(f"the {name} could not start: {_tail(last)}")

    async def stop(self) -> None:
        """End it politely, and by force after ten seconds or when we are cancelled ourselves."""
        try:
            if self.alive:
                self.process.terminate()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(STOP_TIMEOUT_S):
                    await self.process.wait()
        finally:
            await _kill(self.process)
            await self._watch


async def _drain(process: asyncio.subprocess.Process, last: deque[str]) -> None:
    assert process.stdout is not None
    async for raw in process.stdout:
        last.append(_text(raw))


async def _kill(process: asyncio.subprocess.Process) -> None:
    """End a process that may have ended already, and wait until it has."""
    with contextlib.suppress(ProcessLookupError):
        process.kill()
    await process.wait()


def _text(raw: bytes) -> str:
    return raw.decode(errors="replace").rstrip()


def _tail(lines: deque[str]) -> str:
    said = [line for line in lines if line.strip()]
    return said[-1] if said else "nothing"
