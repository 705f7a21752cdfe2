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
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from pydantic import SecretStr

from contoso_lab.errors import LabError, SessionClosed
from contoso_lab.session.client import AfterReply, Session
from contoso_lab.session.door import fetch_token, open_line
from contoso_lab.session.line import Line
from contoso_lab.settings import Target


@asynccontextmanager
async def connect(
    relay_url: str,
    *,
    persona: str | None = None,
    customer: str | None = None,
    thread: str | None = None,
    scenario: str | None = None,
    replay_of: str | None = None,
    mode: str | None = None,
    consent: str | None = None,
    keep_until: str | None = None,
    secret: str | None = None,
    after_reply: AfterReply | None = None,
    listens: bool = True,
) -> AsyncIterator[Session]:
    """Open a call through a relay: the relay knows the key and sets the persona.

    With a thread of the relay's memory the call goes on with what was said in it, and what is said goes into it;
    persona and customer are then the thread's, where none are named. `consent` says who agreed to be recorded, and how,
    and `keep_until` (ISO 8601) when the recording has to go; the relay keeps both with it.

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
        thread=thread,
        scenario=scenario,
        replay_of=replay_of,
        mode=mode,
        consent=consent,
        keep_until=keep_until,
    )
    door = Target("url", f"{relay_url.rstrip('/')}/v1", "relay", "relay", SecretStr(token))
    line = open_line(door, resumable=True)
    async with session_on(line, relayed=True, after_reply=after_reply, listens=listens) as session:
        yield session


@asynccontextmanager
async def join(target: Target, *, after_reply: AfterReply | None = None) -> AsyncIterator[Session]:
    """Open a call to a target itself, without a relay: nothing is recorded and no persona is set."""
    async with session_on(open_line(target), relayed=False, after_reply=after_reply) as session:
        yield session


@asynccontextmanager
async def session_on(
    opening: AbstractAsyncContextManager[Line],
    *,
    relayed: bool,
    after_reply: AfterReply | None = None,
    listens: bool = True,
    clock_ns: Callable[[], int] | None = None,
) -> AsyncIterator[Session]:
    """Hold a call on a line that is opened and closed with it; the other arguments are those of `Session`."""
    own: Exception | None = None
    try:
        async with opening as line, asyncio.TaskGroup() as tasks:
            session = Session(line, tasks, relayed=relayed, after_reply=after_reply, listens=listens, clock_ns=clock_ns)
            try:
                yield session
            except Exception as error:
                own = error
                raise
            await session.hang_up()
    except BaseExceptionGroup as group:
        cause = _the_cause(group, own)
        if cause is not own:
            raise cause from group
    if own is not None:
        # Outside the handler: whoever opened the call gets its own error back as it was, with its own cause.
        raise own


def _the_cause(group: BaseExceptionGroup[BaseException], own: Exception | None) -> BaseException:
    """The one error that a person has to read.

    A closed session explains whatever else failed with it. A task that failed did so before the body, for
    when the body fails first the tasks are only cancelled.
    """
    flat = _leaves(group)
    for error in flat:
        if isinstance(error, SessionClosed):
            return error
    of_tasks = [leaf for error in group.exceptions if error is not own for leaf in _leaves(error)]
    if own is not None and not of_tasks:
        return own
    return next((error for error in of_tasks if isinstance(error, LabError)), of_tasks[0])


def _leaves(error: BaseException) -> list[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        return [leaf for inner in error.exceptions for leaf in _leaves(inner)]
    return [error]
