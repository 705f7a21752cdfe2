"""One whole call with a recorded customer: ring, let the assistant greet, speak, wait for rest, hang up."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from contoso_lab.audio import Clip
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
    thread: str | None = None,
    secret: str | None = None,
) -> Path:
    """Let a recorded customer talk with the assistant in real time; returns the recording's folder.

    Args:
        relay_url: the relay to call through.
        caller: the customer and the clip, at any rate; streamed as 24 kHz PCM16 in 40 ms chunks.
        persona: the name of the prompt that the assistant plays.
        desk: writes suggestions beside the call; `None` for a call without.
        on_turn: called with each turn in spoken order, when its words are final, and the session's ms.
        thread: the thread of the relay's memory that the call goes on with.
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
        thread=thread,
        scenario=caller.scenario,
        replay_of=caller.replay_of,
        mode=caller.mode,
        secret=secret,
        after_reply=after_reply,
    ) as session:
        await talk(session, caller.clip, synthetic=caller.synthetic, on_turn=on_turn)
    return recorded_at(session)


async def talk(
    session: Session,
    clip: Clip,
    *,
    greet: bool = True,
    synthetic: bool = False,
    on_turn: Callable[[Turn, float], None] | None = None,
) -> None:
    """Speak a clip into an open call, in real time, and wait until the call has come to rest.

    Args:
        greet: let the assistant speak first.
        synthetic: whether the customer's voice is a machine's.
        on_turn: as in `hold_call`.

    Raises:
        SessionError: the assistant was still busy long after the customer had finished.
    """
    teller = _Teller(session, on_turn) if on_turn else None
    if teller is not None:
        session.beside(teller.tell_each())
    await session.note("client.described", synthetic=synthetic, playback=VIRTUAL)
    if greet:
        await session.greet()
    await session.stream(clip)
    if not await session.settled(within_s=SETTLE_S):
        raise SessionError(
            f"the call did not come to rest within {SETTLE_S:.0f} s after the customer's last word; "
            "look at the engine's log"
        )
    if teller is not None:
        teller.tell_the_rest()


def recorded_at(session: Session) -> Path:
    """Where a call was recorded.

    Raises:
        SessionError: the relay keeps that to itself.
    """
    if session.recording_path is None:
        raise SessionError("the relay did not say where it records: ask for recordings on the relay's own machine")
    return Path(session.recording_path)


class _Teller:
    """Tells each turn once; when what it calls fails, the call fails with that."""

    def __init__(self, session: Session, on_turn: Callable[[Turn, float], None]) -> None:
        self._session = session
        self._on_turn = on_turn
        self._told: set[str] = set()

    async def tell_each(self) -> None:
        """Tell the turns as they become final, until cancelled."""
        async for turn in self._session.turns():
            self._tell(turn)

    def tell_the_rest(self) -> None:
        """Tell what is final and was not told yet: the call may come to rest before the task is woken."""
        for turn in self._session.conversation.turns:
            self._tell(turn)

    def _tell(self, turn: Turn) -> None:
        if turn.item_id not in self._told:
            self._told.add(turn.item_id)
            self._on_turn(turn, self._session.now_ms)
