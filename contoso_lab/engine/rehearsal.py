"""Rehearsals: whole calls in virtual time, without a socket, a thread or a clock, the same bytes for the same seed.

```
caller (a coroutine, or the `call` of a script) ═ Stage ═ [faults] ═ Connection ─ EngineProtocol ─ ear, brain, voice
```

All of it runs in one `VirtualLoop`: waiting costs nothing, so five minutes of conversation take a second or two, and
the order of events depends on nothing but the program. The parts may be scripted or real; a part's work takes no
virtual time, but for what a script says (`after_ms`).

```python
script = load_script(Path("evals/scripts/two_tents.yaml"))
rehearsed = rehearse_script(script, source="two_tents")
rehearsed.duration_ms, rehearsed.sha256
```
"""

from __future__ import annotations

import asyncio
import hashlib
import random
import threading
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket

from contoso_lab.engine.build import Engine
from contoso_lab.engine.connection import Connection
from contoso_lab.engine.effects import IdMaker
from contoso_lab.engine.faults.kinds import Fault
from contoso_lab.engine.faults.middleware import Faulty
from contoso_lab.engine.plain import HumVoice
from contoso_lab.engine.protocol import EngineProtocol
from contoso_lab.engine.script import Script
from contoso_lab.engine.scripted import scripted_engine
from contoso_lab.engine.seams import languages_of
from contoso_lab.engine.stage import CALLER_VOICE, Moment, Stage, play
from contoso_lab.engine.virtual_time import VirtualLoop
from contoso_lab.engine.workshop import Workshop
from contoso_lab.errors import ConfigError, SessionClosed
from contoso_lab.recording import Recorder

CallerPart = Callable[[Stage], Awaitable[None]]
"""What the caller does; the call ends when it returns."""


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """A call that was held in virtual time."""

    moments: tuple[Moment, ...] = field(repr=False)
    """All that passed the line, in order."""
    duration_ms: float
    """How long the call was, in virtual time."""
    closed: SessionClosed | None = None
    """How the server ended it; None: the caller hung up."""

    @property
    def types(self) -> tuple[str, ...]:
        """The types of the server's events, in order."""
        return tuple(moment.event["type"] for moment in self.moments if moment.dir == "s2c")

    @property
    def sha256(self) -> str:
        """The fingerprint of all that passed: ids, times, sound and order."""
        digest = hashlib.sha256()
        for moment in self.moments:
            digest.update(f"{moment.at_ms:.3f} {moment.dir} {moment.text}\n".encode())
        return digest.hexdigest()


def seeded_ids(seed: int) -> IdMaker:
    """Ids that look like those of a live server and are the same for the same seed.

    >>> make = seeded_ids(1)
    >>> make("item") == seeded_ids(1)("item"), make("item")[:5]
    (True, 'item_')
    """
    source = random.Random(seed)
    return lambda kind: f"{kind}_{source.getrandbits(80):020x}"


def rehearse(
    engine: Engine,
    caller: CallerPart,
    *,
    seed: int = 0,
    faults: Iterable[Fault] = (),
    record: Recorder | Callable[[Callable[[], int]], Recorder] | None = None,
) -> Rehearsed:
    """Hold one call in virtual time.

    Blocking, also where an event loop runs: there it works in a thread of its own.

    Args:
        engine: the four parts.
        caller: drives the client's side.
        seed: what ids are made from.
        faults: what goes wrong on the line.
        record: makes a recorder, given the virtual clock in ns; the recording is closed with the call.

    Raises:
        EngineError: the call came to a standstill: somebody waits for what never comes.
    """

    async def hold() -> Rehearsed:
        loop = asyncio.get_running_loop()
        recorder = record(lambda: round(loop.time() * 1e9)) if callable(record) else record
        stage = Stage(recorder)
        app = Faulty(CallApp(engine, seed), faults)
        served = asyncio.create_task(
            app({"type": "websocket", "headers": [], "path": "/v1/realtime"}, stage.to_server, stage.from_server)
        )
        try:
            await stage.opened(served)
            await caller(stage)
        except SessionClosed as error:
            stage.closed = error
        finally:
            stage.hang_up()
            await asyncio.wait([served])
            if recorder is not None:
                recorder.close("the rehearsal is over")
        served.result()
        return Rehearsed(tuple(stage.moments), stage.now_ms, stage.closed)

    def run() -> Rehearsed:
        with asyncio.Runner(loop_factory=VirtualLoop) as runner:
            return runner.run(hold())

    return _aside(run)


def rehearse_script(
    script: Script,
    *,
    source: str = "the script",
    build: Callable[[], Engine] | None = None,
    faults: Iterable[Fault] = (),
    record: Callable[[Callable[[], int]], Recorder] | None = None,
) -> Rehearsed:
    """Hold the call of a script in virtual time.

    Args:
        script: with a `call`.
        source: its name, for errors.
        build: opens the real parts, where the script wants any; by default `build_engine`.
        faults: what goes wrong on the line.
        record: as in `rehearse`.

    Raises:
        ConfigError: the script has no `call`.
        EngineError: the call came to a standstill.
    """
    steps = script.call
    if not steps:
        raise ConfigError(f"{source} has no 'call': say there what the caller does, step by step")
    engine = scripted_engine(script, Path(source), build or _build)
    voice = HumVoice() if script.parts == "plain" else engine.voice
    speaks = CALLER_VOICE if CALLER_VOICE in voice.names else voice.names[-1]
    return rehearse(
        engine, lambda stage: play(steps, stage, voice, speaks), seed=script.seed, faults=faults, record=record
    )


def _build() -> Engine:
    from contoso_lab.engine.build import build_engine

    return build_engine(lambda _: None)


class CallApp:
    """The engine's side of one call as an application, for a loop in virtual time."""

    def __init__(self, engine: Engine, seed: int) -> None:
        self._engine = engine
        self._seed = seed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the one call, as ASGI asks."""
        engine = self._engine
        websocket = WebSocket(scope, receive, send)
        ear = engine.ear_of_call()
        protocol = EngineProtocol(
            engine.new_meter(), voices=engine.voice.names, hears=languages_of(ear), ids=seeded_ids(self._seed)
        )
        await websocket.accept()
        workshop = Workshop(ear, engine.voice)  # its threads never start: the loop works itself
        await Connection(websocket, protocol, brain=engine.brain_of_call(), workshop=workshop).run()


def _aside(run: Callable[[], Rehearsed]) -> Rehearsed:
    """Run it here, or in a thread where a loop runs already (a notebook)."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return run()
    found: list[Rehearsed | BaseException] = []

    def work() -> None:
        try:
            found.append(run())
        except BaseException as error:  # noqa: BLE001 - raised again where it was asked for
            found.append(error)

    thread = threading.Thread(target=work, name="rehearsal")
    thread.start()
    thread.join()
    if isinstance(found[0], BaseException):
        raise found[0]
    return found[0]
