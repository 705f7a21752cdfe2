"""Where a replay is held: through a relay, at a target itself, or in virtual time with an engine of this process.

| place | who records | what may be changed |
|---|---|---|
| the address of a relay | the relay | persona by name: the rest is the relay's own |
| `Relayed`, a relay of our own before a target | that relay | everything; the whole way of a live call |
| a `Target` | we | everything |
| an `Engine` | we | everything; virtual time, the same bytes for the same seed |
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from contoso_lab.engine.build import Engine
from contoso_lab.errors import ReplayError
from contoso_lab.recording import Recorder, Recording
from contoso_lab.replay.agent import Agent
from contoso_lab.replay.local_tools import LocalTools
from contoso_lab.replay.taped import TapedConnection
from contoso_lab.replay.virtual_call import Delays, VirtualRelay, in_virtual_time, loop_ns, virtual_session
from contoso_lab.session import Session, connect
from contoso_lab.session.call import recorded_at
from contoso_lab.session.client import AfterReply
from contoso_lab.session.door import open_line
from contoso_lab.session.line import Connection
from contoso_lab.session.opening import session_on
from contoso_lab.settings import Target

Opener = Callable[[Target, Agent, Path], AbstractAsyncContextManager[str]]
"""Starts a relay before the target, set up with the agent, recording below the folder; it gives the relay's address."""


@dataclass(frozen=True, slots=True)
class Relayed:
    """A relay that is started for this call alone, before a target, by who stands above replays: `lab.own_relay`."""

    target: Target
    open: Opener


Place = str | Relayed | Target | Engine
NO_DELAYS = Delays((0.0, 0.0), (0.0, 0.0), 0.0)


@dataclass(frozen=True, slots=True)
class About:
    """What is noted of a replay in the new recording."""

    mode: str
    replay_of: str
    scenario: str
    synthetic: bool
    consent: str | None = None
    """The recorded customer's: the voice is the same here, and has to go at the same time."""
    keep_until: str | None = None
    began: str = ""
    """When the recording that is played again began: in virtual time, this one begins then, too."""


async def hold(
    place: Place,
    agent: Agent,
    about: About,
    converse: Callable[[Session], Awaitable[None]],
    *,
    runs: Path,
    id: str | None = None,
    seed: int = 0,
    listens: bool = True,
    after_reply: AfterReply | None = None,
    delays: Delays = NO_DELAYS,
) -> Recording:
    """Hold one call, and give its recording.

    Args:
        place: where.
        agent: who answers.
        about: for the recording.
        converse: the caller's side.
        runs: where we record; a relay has a folder of its own.
        id: the name of the recording; made from the time unless given. A relay gives its own.
        seed: of the ids and delays in virtual time.
        listens: whether replies sound, see `Session`.
        after_reply: what happens beside the call.
        delays: of the line, in virtual time.

    Raises:
        ReplayError: a relay was asked for what is its own affair.
        SessionError: the call failed.
    """
    if isinstance(place, Relayed):
        async with place.open(place.target, agent, runs) as url:
            return await _through(url, agent, about, converse, listens=listens, after_reply=after_reply)
    if isinstance(place, str):
        if agent.changed:
            raise ReplayError(
                "a relay sets up persona, tools and catalogue by itself: to change more than the persona's name give "
                "target=… instead of the relay, and through=lab.own_relay for a relay of its own before it"
            )
        return await _through(place, agent, about, converse, listens=listens, after_reply=after_reply)
    if isinstance(place, Target):
        recorder = _recorder(agent, about, runs, id=id, target={"kind": place.kind, "model": place.model})

        def taped(connection: Connection) -> Connection:
            return TapedConnection(connection, recorder, agent.session, LocalTools(agent.tools))

        try:
            line = open_line(place, through=taped)
            async with session_on(line, relayed=True, after_reply=after_reply, listens=listens) as session:
                await converse(session)
        finally:
            recorder.close("the call failed")  # does nothing after the goodbye
        return Recording.open(recorder.path)
    engine = place
    places: list[Path] = []

    async def held() -> None:
        began = datetime.fromisoformat(about.began) if about.began else datetime(2026, 1, 1, tzinfo=UTC)
        recorder = _recorder(
            agent, about, runs, id=id, target={"kind": "local", "model": "virtual"}, clock_ns=loop_ns,
            now=lambda: began + timedelta(microseconds=loop_ns() // 1000),
        )  # fmt: skip
        places.append(recorder.path)
        tools = LocalTools(agent.tools)
        relay = VirtualRelay(recorder, agent.session, delays=delays, seed=seed, tools=tools)
        try:
            async with virtual_session(engine, relay, seed=seed, after_reply=after_reply, listens=listens) as session:
                await converse(session)
        finally:
            recorder.close("the caller hung up")

    await asyncio.to_thread(in_virtual_time, held)
    return Recording.open(places[0])


async def _through(
    url: str,
    agent: Agent,
    about: About,
    converse: Callable[[Session], Awaitable[None]],
    *,
    listens: bool,
    after_reply: AfterReply | None,
) -> Recording:
    async with connect(
        url, persona=agent.persona, customer=agent.customer.id, scenario=about.scenario or None,
        replay_of=about.replay_of or None, mode=about.mode, after_reply=after_reply, listens=listens,
        consent=about.consent, keep_until=about.keep_until,
    ) as session:  # fmt: skip
        await converse(session)
    return Recording.open(recorded_at(session))


def _recorder(agent: Agent, about: About, runs: Path, **more: Any) -> Recorder:
    return Recorder.start(
        runs, persona=agent.persona, customer=agent.customer.id, scenario=about.scenario, mode=about.mode,
        replay_of=about.replay_of or None, session=agent.session, catalogue_sha=agent.catalog.sha256,
        prompts=agent.prompts, synthetic=about.synthetic, consent=about.consent, keep_until=about.keep_until, **more,
    )  # fmt: skip
