"""The memory for those who live in an event loop: each call runs in a thread, the loop goes on meanwhile."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Self

from contoso_lab.errors import MemoryFault
from contoso_lab.memory.manager import Change, Memory, Messages, Threads
from contoso_lab.memory.sharing import Lease
from contoso_lab.memory.values import Forgotten, Message, Thread

logger = logging.getLogger(__name__)

LEASED_S = 30.0
"""How long a turn lasts that nobody renews: so long a relay that was killed holds up the others."""
LOOKS_EVERY_S = 0.25
"""How often somebody who waits for a turn asks whether it is free."""


@asynccontextmanager
async def alone(
    memory: Memory, name: str, *, for_s: float = LEASED_S, every_s: float = LOOKS_EVERY_S
) -> AsyncIterator[None]:
    """Do something while nobody else does it who shares this memory; wait for the turn as long as it takes.

    The lease is renewed as long as the block lasts, and given back at its end. Cancelling it while it waits leaves
    nothing behind. A block that outlives its lease (the store was away for too long) goes on: nobody can stop it.

    Raises:
        MemoryFault: the store does not answer, or was closed.
    """
    while (lease := await _asked(memory, name, for_s)) is None:  # noqa: ASYNC110 - another process ends it, no event tells
        await asyncio.sleep(every_s)
    keeping = asyncio.create_task(_keep(lease, for_s))
    try:
        yield
    finally:
        keeping.cancel()
        # Begun before anything is waited for: who is cancelled right here must not keep the turn until it runs out.
        await asyncio.shield(asyncio.ensure_future(_give_back(lease)))


async def _asked(memory: Memory, name: str, for_s: float) -> Lease | None:
    """Ask for a lease; who is cancelled meanwhile gives back what its thread gets all the same."""
    asking = asyncio.ensure_future(asyncio.to_thread(memory.lease, name, for_s=for_s))
    try:
        return await asyncio.shield(asking)
    except asyncio.CancelledError:
        if (lease := await asking) is not None:
            await _give_back(lease)
        raise


async def _keep(lease: Lease, for_s: float) -> None:
    while True:
        await asyncio.sleep(for_s / 3)
        try:
            if not await asyncio.to_thread(lease.renew, for_s=for_s):
                logger.warning("a turn ended before its work did: another relay may do the same work")
                return
        except MemoryFault as problem:
            logger.warning("a turn could not be renewed: %s", type(problem).__name__)


async def _give_back(lease: Lease) -> None:
    try:
        await asyncio.to_thread(lease.release)
    except MemoryFault as problem:
        logger.warning("a turn could not be given back, it ends by itself: %s", type(problem).__name__)


class AsyncMemory:
    """The methods of `Memory` as coroutines; `async with` closes the memory.

    A call that is cancelled may still be carried out: its thread cannot be stopped. `change` runs in that thread.

    >>> from contoso_lab.memory import open_memory
    >>> async def greet() -> str:
    ...     async with AsyncMemory(open_memory("sqlite://")) as memory:
    ...         return (await memory.create(customer="maya", persona="voice")).customer
    >>> asyncio.run(greet())
    'maya'
    """

    def __init__(self, memory: Memory) -> None:
        self.memory = memory

    async def create(self, *, customer: str, persona: str, language: str = "en") -> Thread:
        """See `Memory.create`."""
        return await asyncio.to_thread(self.memory.create, customer=customer, persona=persona, language=language)

    async def get(self, id_: str) -> Thread:
        """See `Memory.get`."""
        return await asyncio.to_thread(self.memory.get, id_)

    async def list(self, customer: str | None = None, *, include_closed: bool = False) -> Threads:
        """See `Memory.list`."""
        return await asyncio.to_thread(self.memory.list, customer, include_closed=include_closed)

    async def touch(self, id_: str) -> None:
        """See `Memory.touch`."""
        await asyncio.to_thread(self.memory.touch, id_)

    async def close_thread(self, id_: str) -> None:
        """See `Memory.close_thread`."""
        await asyncio.to_thread(self.memory.close_thread, id_)

    async def update(self, id_: str, change: Change) -> Thread:
        """See `Memory.update`."""
        return await asyncio.to_thread(self.memory.update, id_, change)

    async def append(self, id_: str, *messages: Message) -> Messages:
        """See `Memory.append`."""
        return await asyncio.to_thread(self.memory.append, id_, *messages)

    async def replace(self, id_: str, message: Message) -> Message:
        """See `Memory.replace`."""
        return await asyncio.to_thread(self.memory.replace, id_, message)

    async def history(self, id_: str) -> Messages:
        """See `Memory.history`."""
        return await asyncio.to_thread(self.memory.history, id_)

    async def lease(self, name: str, *, for_s: float) -> Lease | None:
        """See `Memory.lease`; the lease's own methods ask the store, so call them in a thread (or use `alone`)."""
        return await asyncio.to_thread(self.memory.lease, name, for_s=for_s)

    async def pace(self, name: str, *, most: int, within_s: float = 60.0) -> float | None:
        """See `Memory.pace`."""
        return await asyncio.to_thread(self.memory.pace, name, most=most, within_s=within_s)

    async def sweep(self) -> int:
        """See `Memory.sweep`."""
        return await asyncio.to_thread(self.memory.sweep)

    async def forget(self, customer: str) -> Forgotten:
        """See `Memory.forget`."""
        return await asyncio.to_thread(self.memory.forget, customer)

    async def close(self) -> None:
        """See `Memory.close`."""
        await asyncio.to_thread(self.memory.close)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
