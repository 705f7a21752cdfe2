"""A workbench: a relay and the engine behind it, started, used and stopped."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from contoso_lab.errors import EngineError
from contoso_lab.facts_card import facts_html
from contoso_lab.live.borrowing import Lent, borrow
from contoso_lab.live.service import Progress, Service
from contoso_lab.recording import Labels, Recording
from contoso_lab.session import Caller, WriteUpDesk, hold_call
from contoso_lab.session.door import remember_secret
from contoso_lab.settings import Settings, Target
from contoso_lab.shop import Catalog, get_customer
from contoso_lab.wire import Turn


@dataclass(frozen=True, slots=True)
class Here:
    """A workbench that runs on this machine: its relay, its target, and where recordings go."""

    relay: Service | Lent
    engine: Service | Lent | None
    """`None` when the target is a provider's or somebody else's server."""
    target: Target
    runs: Path
    memory: str
    """Where the relay keeps its threads, for `open_memory`; `none` when it keeps none. It may hold a password."""

    def __repr__(self) -> str:
        return f"Here(relay={self.relay.url!r}, target={self.target.base_url!r}, runs={str(self.runs)!r})"

    def _repr_html_(self) -> str:
        engine = None if self.engine is None else self.engine.url
        facts = [("relay", self.relay.url), ("engine", engine), ("target", self.target.base_url), ("runs", self.runs)]
        return facts_html("a running workbench", facts)

    @property
    def relay_url(self) -> str:
        """Where calls go in."""
        return self.relay.url

    @property
    def lent(self) -> bool:
        """They are the Jupyter server's: `stop` leaves them running."""
        return isinstance(self.relay, Lent)

    def check(self) -> None:
        """Raise `EngineError` when one of the processes has ended by itself."""
        for service in (self.engine, self.relay):
            if service is not None and not service.alive:
                raise EngineError(f"the {service.name} has ended: start it again; {service.why_ended}")


async def start(
    *,
    runs: Path | str | None = None,
    target: Target | None = None,
    memory: str | None = None,
    tools: bool = False,
    fresh: bool = False,
    secret: str | None = None,
    progress: Progress = lambda _: None,
) -> Here:
    """Start a relay, and the local engine unless a target is given. End both with `stop`.

    In a notebook whose Jupyter server has our extension, its relay and engine are used, so that the models are loaded
    once; `stop` then leaves them running. A target, a memory or a folder of your own means processes of your own.

    Args:
        runs: where recordings go; `runs` below the working folder, or where the Jupyter server's relay puts them.
        target: whom the calls reach.
        memory: where threads are kept, as `open_memory` takes it, or `none`; else what the environment says, or a
            file beside the recordings.
        tools: let the agent look up products and fill the cart.
        fresh: start processes of its own in any case.
        secret: what the relay asks for before it gives a token; a page of its own has none to show. Without it the
            environment's, or else anybody on this machine may call.
        progress: called with each thing that is done.

    Raises:
        EngineError: one of them could not start, with its own sentence why.
    """
    given = None if runs is None else Path(runs)
    if not fresh and target is None and memory is None:
        entry = await borrow(runs=given, tools=tools, progress=progress)
        if entry is not None and entry.relay is not None and (engine_target := entry.local_target()) is not None:
            progress(f"using the relay that JupyterLab runs ({entry.relay.url}); fresh=True starts another one")
            if entry.secret:
                remember_secret(entry.relay.url, entry.secret)
            lent = Lent("engine", entry.engine) if entry.engine is not None else None
            return Here(Lent("relay", entry.relay), lent, engine_target, Path(entry.runs), _memory(Path(entry.runs)))
    root = given or Path("runs")
    memory = memory or _memory(root)
    engine: Service | None = None
    if target is None:
        progress("starting the local engine (it loads its models first)")
        engine = await Service.start("engine", "--port", "0", progress=progress)
        progress(f"the engine listens on {engine.url}")
        target = Target.local(f"{engine.url}/v1")
    try:
        relay = await _start_relay(target, root, memory, tools=tools, secret=secret, progress=progress)
    except BaseException:
        if engine is not None:
            await engine.stop()
        raise
    return Here(relay, engine, target, root, memory)


async def mend(
    here: Here, *, tools: bool = False, secret: str | None = None, progress: Progress = lambda _: None
) -> Here:
    """Start again what has ended by itself; an engine that lives keeps its models, and gets a new relay.

    Raises:
        EngineError: one of them could not start.
    """
    if isinstance(here.engine, Service) and not here.engine.alive:
        await stop(here)
        return await start(
            runs=here.runs, memory=here.memory, tools=tools, fresh=True, secret=secret, progress=progress
        )  # fmt: skip
    await here.relay.stop()
    relay = await _start_relay(here.target, here.runs, here.memory, tools=tools, secret=secret, progress=progress)
    return replace(here, relay=relay)


async def _start_relay(
    target: Target, runs: Path, memory: str, *, tools: bool, secret: str | None, progress: Progress
) -> Service:
    progress("starting the relay")
    environment = {**_keys(target), "CONTOSO_LAB_MEMORY": memory}
    if secret is not None:
        environment["CONTOSO_LAB_RELAY_SECRET"] = secret
    relay = await Service.start(
        "relay", *_which(target), "--runs", str(runs), "--port", "0", *(["--tools"] if tools else []),
        progress=progress, environment=environment,
    )  # fmt: skip
    progress(f"the relay listens on {relay.url}")
    if secret is not None:
        remember_secret(relay.url, secret)
    return relay


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


async def stop(here: Here, *, progress: Progress = print) -> None:
    """Stop what `start` started; calls that are still open are closed and their recordings finished.

    What belongs to the Jupyter server goes on, and `progress` is told so.
    """
    if here.lent:
        progress("the relay and the engine go on: they are JupyterLab's, and end with it")
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
    runs: Path | str | None = None,
    target: Target | None = None,
    memory: str | None = None,
    tools: bool = False,
    fresh: bool = False,
    progress: Progress = lambda _: None,
) -> AsyncIterator[Here]:
    """Keep a workbench running for the length of an `async with` block; the arguments are those of `start`."""
    here = await start(runs=runs, target=target, memory=memory, tools=tools, fresh=fresh, progress=progress)
    try:
        yield here
    finally:
        await stop(here)
