"""Engine and relay as processes of their own, started and stopped from a notebook, a test or the demo.

They are other processes because a notebook cell that computes must not stop a call (the kernel's own
threads stall behind the interpreter lock), and because that is how they run anywhere else.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from contoso_lab.errors import EngineError
from contoso_lab.recording import Labels, Recording
from contoso_lab.session import Caller, WriteUpDesk, hold_call
from contoso_lab.settings import Settings, Target
from contoso_lab.shop import Catalog, get_customer
from contoso_lab.wire import Turn

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

    @classmethod
    async def start(
        cls,
        name: str,
        *arguments: str,
        progress: Progress = lambda _: None,
        environment: Mapping[str, str] | None = None,
    ) -> Service:
        """Run `python -m contoso_lab.<name>` and wait until it says that it is ready.

        `environment` is what it gets beside our own environment.

        Raises:
            EngineError: it ended before it was ready; the message is the last line that it wrote.
        """
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", f"contoso_lab.{name}", *arguments,
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
            env={**os.environ, **(environment or {}), "PYTHONUNBUFFERED": "1"}, limit=LONGEST_LINE_BYTES,
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


@dataclass(frozen=True, slots=True)
class Here:
    """A workbench that runs on this machine: its relay, its target, and where recordings go."""

    relay: Service
    engine: Service | None
    """`None` when the target is a provider's or somebody else's server."""
    target: Target
    runs: Path
    memory: str
    """Where the relay keeps its threads, for `open_memory`; `none` when it keeps none. It may hold a password."""

    def __repr__(self) -> str:
        return f"Here(relay={self.relay.url!r}, target={self.target.base_url!r}, runs={str(self.runs)!r})"

    @property
    def relay_url(self) -> str:
        """Where calls go in."""
        return self.relay.url

    def check(self) -> None:
        """Raise `EngineError` when one of the processes has ended by itself."""
        for service in (self.engine, self.relay):
            if service is not None and not service.alive:
                raise EngineError(
                    f"the {service.name} has ended (exit code {service.process.returncode}); start it again; "
                    f"it said: {service.last_line}"
                )


async def start(
    *,
    runs: Path | str = "runs",
    target: Target | None = None,
    memory: str | None = None,
    tools: bool = False,
    progress: Progress = lambda _: None,
) -> Here:
    """Start a relay, and the local engine unless a target is given. End both with `stop`.

    Args:
        runs: where recordings go.
        target: whom the calls reach.
        memory: where threads are kept, as `open_memory` takes it, or `none`; else what the environment says, or a
            file beside the recordings.
        tools: let the agent look up products and fill the cart.
        progress: called with each thing that is done.

    Raises:
        EngineError: one of them could not start, with its own sentence why.
    """
    root = Path(runs)
    memory = memory or _memory(root)
    engine: Service | None = None
    if target is None:
        progress("starting the local engine (it loads its models first)")
        engine = await Service.start("engine", "--port", "0", progress=progress)
        progress(f"the engine listens on {engine.url}")
        target = Target.local(f"{engine.url}/v1")
    try:
        progress("starting the relay")
        relay = await Service.start(
            "relay", *_which(target), "--runs", str(root), "--port", "0", *(["--tools"] if tools else []),
            progress=progress, environment={**_keys(target), "CONTOSO_LAB_MEMORY": memory},
        )  # fmt: skip
    except BaseException:
        if engine is not None:
            await engine.stop()
        raise
    progress(f"the relay listens on {relay.url}")
    return Here(relay, engine, target, root, memory)


def _memory(runs: Path) -> str:
    """Where the relay would keep its threads by itself."""
    from contoso_lab.memory import memory_beside

    named = Settings().memory
    return named.get_secret_value() if named else memory_beside(runs)


def _which(target: Target) -> list[str]:
    """The arguments by which the relay finds the same target: kind, address and model, and never its key."""
    which = ["--target", target.kind, "--target-url", target.base_url, "--model", target.model]
    # Said, or it would show this target the key that stands in the environment for another one.
    return [*which, "--no-key"] if target.api_key is None and target.kind != "local" else which


def _keys(target: Target) -> dict[str, str]:
    """What the relay needs in its environment: arguments can be seen by others, and an environment cannot."""
    keys = {"AZURE_OPENAI_SCOPE": target.scope} if target.kind == "azure" else {}
    if target.api_key is not None:
        name = "AZURE_OPENAI_API_KEY" if target.kind == "azure" else "OPENAI_API_KEY"
        keys[name] = target.api_key.get_secret_value()
    return keys


async def stop(here: Here) -> None:
    """Stop what `start` started; calls that are still open are closed and their recordings finished."""
    try:
        await here.relay.stop()
    finally:
        if here.engine is not None:
            await here.engine.stop()


async def play(
    here: Here,
    caller: Caller,
    *,
    persona: str,
    labels: Labels | None = None,
    on_turn: Callable[[Turn, float], None] | None = None,
    on_suggestion: Progress | None = None,
    thread: str | None = None,
) -> Recording:
    """Let a recorded customer call and talk with a persona, with suggestions beside the call.

    Args:
        here: the running workbench.
        caller: who calls; see `load_caller`.
        persona: the name of the prompt that answers.
        labels: what is true about the caller; kept with the recording, so that it can be scored.
        on_turn: called with each turn once it was heard, and the session's milliseconds.
        on_suggestion: called with each piece of the page that is written beside the call.
        thread: the thread of the workbench's memory that the call goes on with.

    Raises:
        EngineError: a process of the workbench has ended.
        SessionError: the call failed.
    """
    here.check()
    desk = WriteUpDesk(here.target, get_customer(caller.customer), Catalog.load(), on_suggestion=on_suggestion)
    path = await hold_call(here.relay_url, caller, persona=persona, desk=desk, on_turn=on_turn, thread=thread)
    recording = Recording.open(path)
    if labels is not None:
        recording.add_labels(labels)
    return recording


@asynccontextmanager
async def serve(
    *,
    runs: Path | str = "runs",
    target: Target | None = None,
    memory: str | None = None,
    tools: bool = False,
    progress: Progress = lambda _: None,
) -> AsyncIterator[Here]:
    """Keep a workbench running for the length of an `async with` block; the arguments are those of `start`."""
    here = await start(runs=runs, target=target, memory=memory, tools=tools, progress=progress)
    try:
        yield here
    finally:
        await stop(here)


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
