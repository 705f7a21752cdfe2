"""One whole call with a recorded customer: ring, let the assistant greet, speak, wait for rest, hang up."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from contoso_lab.errors import SessionError
from contoso_lab.session.beside import WriteUpDesk
from contoso_lab.session.caller import Caller
from contoso_lab.session.client import Session
from contoso_lab.session.opening import connect
from contoso_lab.wire import Turn

SETTLE_S = 30.0
VIRTUAL = {"device": "virtual: a speaker in time only", "measured": True}


async def hold_call(
    relay_url: str,
    caller: Caller,
    *,
    persona: str,
    desk: WriteUpDesk | None = None,
    on_turn: Callable[[Turn, float], None] | None = None,
    secret: str | None = None,
) -> Path:
    """Let a recorded customer talk with the assistant in real time; returns the recording's folder.

    Args:
        relay_url: the relay to call through.
        caller: the customer and the clip, at any rate; streamed as 24 kHz PCM16 in 40 ms chunks.
        persona: the name of the prompt that the assistant plays.
        desk: writes suggestions beside the call; `None` for a call without.
        on_turn: called with each turn in spoken order, when its words are final, and the session's ms.
        secret: the relay's shared secret, where it has one.

    Raises:
        SessionRefused: the call could not begin.
        SessionClosed: it was ended by the other side; the recording up to then is kept.
        SessionError: the assistant was still busy long after the customer had finished.
    """
    after_reply = None
    if desk is not None:
        await desk.prepare()
        after_reply = desk.after_reply
    async with connect(
        relay_url,
        persona=persona,
        customer=caller.customer,
        scenario=caller.scenario,
        replay_of=caller.replay_of,
        mode=caller.mode,
        secret=secret,
        after_reply=after_reply,
    ) as session:
        teller = asyncio.create_task(_tell(session, on_turn)) if on_turn else None
        try:
            await session.note("client.described", synthetic=caller.synthetic, playback=VIRTUAL)
            await session.greet()
            await session.stream(caller.clip)
            if not await session.settled(within_s=SETTLE_S):
                raise SessionError(
                    f"the call did not come to rest within {SETTLE_S:.0f} s after the customer's last word; "
                    "look at the engine's log"
                )
        finally:
            if teller is not None:
                teller.cancel()
        path = session.recording_path
    if path is None:
        raise SessionError("the relay did not say where it records: ask for recordings on the relay's own machine")
    return Path(path)


async def _tell(session: Session, on_turn: Callable[[Turn, float], None]) -> None:
    async for turn in session.turns():
        on_turn(turn, session.now_ms)
