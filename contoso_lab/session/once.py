"""Work that must never run twice at once, and never be forgotten either."""

from __future__ import annotations

from collections.abc import Awaitable, Callable


class OneAtATime:
    """Runs a piece of work whenever it is asked for; being asked while it runs means once more, right after.

    >>> import asyncio
    >>> done = []
    >>> async def work():
    ...     done.append(len(done))
    ...     if len(done) == 1:
    ...         assert not turns.ask() and not turns.ask()
    >>> turns = OneAtATime(work)
    >>> turns.ask(), asyncio.run(turns.run()), done
    (True, None, [0, 1])
    """

    def __init__(self, work: Callable[[], Awaitable[None]]) -> None:
        self.busy = False
        """The work runs, or is about to."""
        self._work = work
        self._once_more = False

    def ask(self) -> bool:
        """Ask for the work; whether `run` has to be started for it."""
        if self.busy:
            self._once_more = True
            return False
        self.busy = True
        return True

    async def run(self) -> None:
        """Do it as often as it is asked for."""
        try:
            await self._work()
            while self._once_more:
                self._once_more = False
                await self._work()
        finally:
            self.busy = False
