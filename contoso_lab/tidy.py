"""Gives memory back that a server no longer uses.

Recognition and speech take and free arrays of every size, in several threads, and a relay the messages of its calls.
glibc keeps what was freed in the holes between what is still used: of an engine's 580 MB after two hundred turns it
gave 70 back when it was asked, of a relay's 151 MB after 741 calls 12. So it is asked once a minute, while there was
work.
"""

from __future__ import annotations

import asyncio
import ctypes
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from time import process_time

EVERY_S = 60.0
LEAST_WORK_S = 0.5
"""After less processor time than this, nothing worth the asking was freed."""

_logger = logging.getLogger("contoso_lab.tidy")


@asynccontextmanager
async def tidied() -> AsyncIterator[None]:
    """Be tidy as long as the block lasts; where the C library cannot be asked, nothing is done."""
    if (give_back := giver()) is None:
        yield
        return
    tidying = asyncio.create_task(keep_tidy(give_back))
    try:
        yield
    finally:
        tidying.cancel()


async def keep_tidy(
    give_back: Callable[[], object],
    *,
    every_s: float = EVERY_S,
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    worked_s: Callable[[], float] = process_time,
) -> None:
    """Ask once in a while, until cancelled; in a thread, for the system needs a moment.

    Args:
        give_back: does it; see `giver`.
        every_s: how often, at most.
        pause: how time passes.
        worked_s: the processor time that this process has used.
    """
    before_s = worked_s()
    while True:
        await pause(every_s)
        if worked_s() - before_s >= LEAST_WORK_S:
            await asyncio.to_thread(give_back)
            before_s = worked_s()


def giver() -> Callable[[], object] | None:
    """The function of glibc that does it; `None` where the C library has no such function."""
    try:
        trim = ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):
        _logger.debug("this system's C library cannot be asked for unused memory")
        return None
    trim.argtypes, trim.restype = [ctypes.c_size_t], ctypes.c_int

    def give_back() -> object:
        return trim(0)

    return give_back
