"""Play a recording again: the same customer, one thing changed, a recording that pairs with the first."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import assert_never

from contoso_lab.engine.build import Engine
from contoso_lab.errors import ReplayError
from contoso_lab.recording import Labels, Recording
from contoso_lab.replay.agent import Changes, agent_for
from contoso_lab.replay.cassette import play_cassette
from contoso_lab.replay.customer_turns import customer_turns, turn_at
from contoso_lab.replay.modes import Cassette, Fast, Mode, Paced, Rescore, Simulated
from contoso_lab.replay.places import About, Opener, Place, Relayed, hold
from contoso_lab.replay.regenerate import Regeneration
from contoso_lab.session.beside import WriteUpDesk
from contoso_lab.settings import Settings, Target
from contoso_lab.shop.persona import Persona
from contoso_lab.wire import Turn


async def replay(
    recording: Recording | Path | str,
    mode: Mode | None = None,
    *,
    persona: str | Persona | None = None,
    changes: Changes | None = None,
    relay_url: str | None = None,
    target: Target | None = None,
    engine: Engine | None = None,
    through: Opener | None = None,
    at: int = 0,
    chat: Target | None = None,
    runs: Path | str | None = None,
    id: str | None = None,
    seed: int = 0,
    on_turn: Callable[[Turn, float], None] | None = None,
) -> Recording:
    """Play a recording again, and give the new one; labels go along.

    Where an answer has to be made, name one place: a relay, a target, or an engine of this process, which holds the
    call in virtual time. Without any, the local engine is opened.

    Args:
        recording: what to play again, or its folder.
        mode: how; `Paced()` unless given.
        persona: who answers this time; short for `Changes(persona=…)`.
        changes: all that is different this time.
        relay_url: the relay to call through.
        target: whom to call directly.
        engine: who answers in virtual time.
        through: `lab.own_relay` starts a relay of its own before the target: the call goes the whole way of a live one.
        at: from which of the customer's turns on; what was said before is told to the agent as it was heard.
        chat: where the prompts of the write-up desk run, beside a call through a relay or to a target; none unless
            given.
        runs: where the new recording goes; a relay has a folder of its own.
        id: the new recording's name; made from the time unless given.
        seed: of ids and chances in virtual time.
        on_turn: called with each turn of a paced call, in spoken order, and the session's ms.

    Raises:
        ReplayError: the recording cannot be played as asked.
        SessionError: the call failed.
    """
    source = recording if isinstance(recording, Recording) else Recording.open(recording)
    folder = Path(runs) if runs is not None else Settings().runs
    match mode or Paced():
        case Rescore():
            return source
        case Cassette():
            return await asyncio.to_thread(play_cassette, source, folder, id=id)
        case Simulated():
            raise ReplayError("a simulated caller needs no recording: use simulate(scenario, …)")
        case (Fast() | Paced()) as regenerated:
            asked = changes or Changes()
            if persona is not None:
                asked = replace(asked, persona=persona)
            place = the_place(relay_url, target, engine, through=through)
            return await _regenerate(
                source, regenerated, asked, place, at=at, chat=chat, runs=folder, id=id, seed=seed, on_turn=on_turn
            )
        case other:
            assert_never(other)


async def _regenerate(
    source: Recording,
    mode: Fast | Paced,
    changes: Changes,
    place: Place,
    *,
    at: int,
    chat: Target | None,
    runs: Path,
    id: str | None,
    seed: int,
    on_turn: Callable[[Turn, float], None] | None,
) -> Recording:
    if not len(source.user_audio):
        raise ReplayError(f"{source.path}: nothing to play again, the recording holds no customer audio")
    agent = agent_for(source, changes)
    turns = customer_turns(source)
    first = turn_at(turns, at, source)
    facts = {"changes": repr(changes)} if changes else {}
    regeneration = Regeneration(source, turns[first.number :], mode, agent, facts, on_turn)
    manifest = source.manifest
    about = About(
        mode.name, source.id, manifest.scenario or source.id, manifest.synthetic, manifest.consent,
        manifest.retention.keep_until, manifest.created_at,
    )  # fmt: skip
    desk = None if chat is None else WriteUpDesk(chat, agent.customer, agent.catalog)
    if desk is not None:
        await desk.prepare()
    again = await hold(
        place, agent, about, regeneration.converse, runs=runs, id=id, seed=seed, listens=isinstance(mode, Paced),
        after_reply=None if desk is None else desk.after_reply,
    )  # fmt: skip
    labels = source.labels()
    if labels is not None:
        again.add_labels(labels if at == 0 else _labels_of_call(labels))
    return again


def the_place(
    relay_url: str | None, target: Target | None, engine: Engine | None, *, through: Opener | None = None
) -> Place:
    """Where to hold a call; the local engine when nothing is named.

    Raises:
        ReplayError: more than one place is named, or there is no target for a relay of its own.
    """
    if through is not None:
        if target is None or relay_url is not None or engine is not None:
            raise ReplayError("through=… starts a relay before a target: give target=…, and no other place")
        return Relayed(target, through)
    named: list[Place] = [place for place in (relay_url, target, engine) if place is not None]
    if len(named) > 1:
        raise ReplayError("name one place: relay_url, target or engine")
    return named[0] if named else local_engine()


def local_engine() -> Engine:
    """The engine of this process, opened once."""
    from contoso_lab.engine.build import build_engine

    if not _opened:
        _opened.append(build_engine(lambda _: None))
    return _opened[0]


_opened: list[Engine] = []


def _labels_of_call(labels: Labels) -> Labels:
    """What labels say of the whole call; a part of it has other turns."""
    return labels.model_copy(update={"turns": [], "cue_turn": None})
