"""Opening and leaving a call: everything that a session holds is acquired and released here.

| resource | acquired | released | on failure |
|---|---|---|---|
| token | `connect`, from the relay | used up by the socket | `SessionRefused` with the relay's reason |
| socket | `connect` | leaving `connect` | `SessionRefused`, `SessionClosed` |
| reader, player | `connect`, in a `TaskGroup` | cancelled on leaving | the body is cancelled, the cause is raised |
| write-up | after a reply | awaited by `settled`, cancelled on leaving | as the reader's |
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from pydantic import SecretStr

from contoso_lab.errors import LabError, SessionClosed
from contoso_lab.session.client import AfterReply, Session
from contoso_lab.session.door import fetch_token, open_socket
from contoso_lab.settings import Target


@asynccontextmanager
async def connect(
    relay_url: str,
    *,
    persona: str = "voice",
    customer: str | None = None,
    scenario: str | None = None,
    replay_of: str | None = None,
    mode: str | None = None,
    secret: str | None = None,
    after_reply: AfterReply | None = None,
) -> AsyncIterator[Session]:
    """Open a call through a relay: the relay knows the key and sets the persona.

    Leaving the block ends the call. When the other side ends it first, the block is cancelled and
    `SessionClosed` is raised from it.

    Raises:
        SessionRefused: the relay is not there, or does not let us in.
        SessionClosed: the conversation was ended before we left it.
    """
    token = await fetch_token(
        relay_url,
        secret=secret,
        persona=persona,
        customer=customer,
        scenario=scenario,
        replay_of=replay_of,
        mode=mode,
    )
    door = Target("url", f"{relay_url.rstrip('/')}/v1", "relay", "relay", SecretStr(token))
    async with _open(door, relayed=True, after_reply=after_reply) as session:
        yield session


@asynccontextmanager
async def join(target: Target, *, after_reply: AfterReply | None = None) -> AsyncIterator[Session]:
    """Open a call to a target itself, without a relay: nothing is recorded and no persona is set."""
    async with _open(target, relayed=False, after_reply=after_reply) as session:
        yield session


@asynccontextmanager
async def _open(target: Target, *, relayed: bool, after_reply: AfterReply | None) -> AsyncIterator[Session]:
    try:
        async with open_socket(target) as connection, asyncio.TaskGroup() as tasks:
            session = Session(connection, relayed=relayed, after_reply=after_reply)
            session.begin(tasks)
            yield session
            await session.hang_up()
    except BaseExceptionGroup as group:
        raise _the_cause(group) from group


def _the_cause(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The one error that a person has to read: a closed session explains whatever else failed with it."""
    flat: list[BaseException] = []

    def walk(error: BaseException) -> None:
        if isinstance(error, BaseExceptionGroup):
            for inner in error.exceptions:
                walk(inner)
        else:
            flat.append(error)

    walk(group)
    ranked = sorted(flat, key=lambda e: (not isinstance(e, SessionClosed), not isinstance(e, LabError)))
    return ranked[0]
