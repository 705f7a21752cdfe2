"""Who may go on with a thread: the caller for whom it was begun, as the customer whose it is, while it is open."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from contoso_lab.errors import LabError, MemoryMissing, SessionRefused
from contoso_lab.memory import Memory, Message, Thread
from contoso_lab.relay.access.tokens import WHERE, Grant
from contoso_lab.relay.threads.ledger import Ledger

NO_MEMORY = "this relay keeps no memory, so there are no threads: start it with --memory"
NOT_THERE = "there is no such thread of yours: it was never begun, was forgotten, or is somebody else's"
OVER = "this thread is closed: begin a new one"
AWAY = "the memory of the threads is away: try again in a moment, or call without a thread"
AWAY_RETRY_S = 5.0


NEW = "new"
"""In place of a thread's id: begin one."""


class Past(NamedTuple):
    """What is known before a call: its thread, and what was said in it, in spoken order."""

    thread: Thread
    messages: Sequence[Message]
    memory: Memory
    """Where the thread is, for tools that change it."""


async def recall(ledger: Ledger | None, thread_id: str, *, caller: str, customer: str | None = None) -> Past:
    """The thread that somebody wants to go on with.

    Args:
        ledger: where threads are; `None` when the relay keeps none.
        thread_id: which one.
        caller: who asks, as `Grant.caller` names them.
        customer: as whom; `None` as whose it is.

    Raises:
        SessionRefused: there is no such thread for this caller or it is closed (404), it is another customer's
            (403), or the memory is away (503).
    """
    if ledger is None:
        raise SessionRefused(WHERE, NO_MEMORY, status=404)

    def read(memory: Memory) -> Past:
        thread = memory.get(thread_id)
        return Past(thread, memory.history(thread_id), memory)

    try:
        past = await ledger.ask(read)
    except MemoryMissing as error:
        raise SessionRefused(WHERE, NOT_THERE, status=404) from error
    except LabError as error:
        raise SessionRefused(WHERE, AWAY, status=503, retry_after_s=AWAY_RETRY_S) from error
    thread = past.thread
    begun_for = thread.state.get("caller")
    # One that the operator made without a caller's name is for whoever was told its id, which nobody can guess.
    if begun_for and _who(str(begun_for)) != _who(caller):
        raise SessionRefused(WHERE, NOT_THERE, status=404)
    if thread.closed_at is not None:
        raise SessionRefused(WHERE, OVER, status=404)
    if customer is not None and customer != thread.customer:
        raise SessionRefused(WHERE, f"this thread is not {customer}'s: ask as the customer whose it is", status=403)
    return past


async def begin(ledger: Ledger | None, grant: Grant) -> str:
    """Begin a thread for a grant; its id.

    Raises:
        SessionRefused: the relay keeps no memory (404), or the memory is away (503).
    """
    if ledger is None:
        raise SessionRefused(WHERE, NO_MEMORY, status=404)

    def make(memory: Memory) -> str:
        from contoso_lab.agent import returning
        from contoso_lab.shop.catalog import Catalog

        return returning.begin(
            memory,
            customer=grant.customer,
            persona=grant.persona,
            name_of=Catalog.load().name_of,
            state={"caller": grant.caller},
        ).id

    try:
        return await ledger.ask(make)
    except LabError as error:
        raise SessionRefused(WHERE, AWAY, status=503, retry_after_s=AWAY_RETRY_S) from error


def _who(caller: str) -> str:
    """A caller as an owner: whoever has the secret is one, whatever its address is today.

    >>> _who("secret:192.0.2.7"), _who("oidc:ada")
    ('secret', 'oidc:ada')
    """
    return "secret" if caller.startswith("secret:") else caller
