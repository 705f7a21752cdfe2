"""The memory for those who live in an event loop: each call runs in a thread, the loop goes on meanwhile."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self

from contoso_lab.memory.manager import Change, Memory, Messages, Threads
from contoso_lab.memory.values import Forgotten, Message, Thread


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
