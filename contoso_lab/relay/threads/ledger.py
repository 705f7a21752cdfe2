"""The memory as the relay's event loop may use it: in threads of its own, each question with a limit.

A store that hangs must not hold up what has nothing to do with it. So the questions have their own few threads, an
answer is waited for so long and no longer, and when too many wait the next one is told so at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from contoso_lab.errors import LabError, MemoryUnreachable
from contoso_lab.memory import Memory

THREADS = 4
MOST_WAITING = 256
"""Questions that may wait for an answer at the same time."""
PATIENCE_S = 5.0
"""How long an answer is waited for."""
SLOW = "the memory did not answer in time: try again"

Answer = TypeVar("Answer")


class Ledger:
    """Asks the memory, which whoever has opened it closes.

    >>> from contoso_lab.memory import open_memory
    >>> async def ask() -> int:
    ...     with open_memory("sqlite://") as memory:
    ...         return len(await Ledger(memory).ask(lambda memory: memory.list()))
    >>> asyncio.run(ask())
    0
    """

    def __init__(self, memory: Memory, *, patience_s: float = PATIENCE_S) -> None:
        self.memory = memory
        self._patience_s = patience_s
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="memory")
        self._waiting = 0

    async def ask(self, question: Callable[[Memory], Answer]) -> Answer:
        """The answer to a question, which runs in a thread.

        One that is given up may still be carried out: its thread cannot be stopped.

        Raises:
            MemoryUnreachable: it took too long, too many are waiting, or the store failed in a way of its own.
            LabError: whatever the memory itself says.
        """
        if self._waiting >= MOST_WAITING:
            raise MemoryUnreachable(SLOW)
        self._waiting += 1
        try:
            async with asyncio.timeout(self._patience_s):
                return await asyncio.get_running_loop().run_in_executor(self._threads, question, self.memory)
        except TimeoutError:
            raise MemoryUnreachable(SLOW) from None
        except LabError:
            raise
        except Exception as error:  # a driver's own: its words may hold what was said
            raise MemoryUnreachable(f"the memory failed ({type(error).__name__}): try again") from error
        finally:
            self._waiting -= 1
