"""Deletes what this relay keeps of a customer who asks for it: threads, recordings, traces, cached answers.

In the chat and in a call it is the same deed; only that in a call the one that goes on belongs to what is deleted.
"""

from __future__ import annotations

from collections.abc import Collection
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from contoso_lab.memory import Memory, open_memory
from contoso_lab.relay.watching.journal import line, logger

if TYPE_CHECKING:
    from contoso_lab.agent.forgetting import Receipt
    from contoso_lab.prompts import ResponseCache


@dataclass(frozen=True)
class Forgetter:
    """What a relay keeps, and where.

    Args:
        memory: the threads; None keeps none.
        runs: the recordings; None keeps none.
        traces: traces of prompt runs; None keeps none.
        cache: cached answers; None keeps none.
    """

    memory: Memory | None = None
    runs: Path | None = None
    traces: Path | None = None
    cache: ResponseCache | None = None

    def __call__(self, customer: str, *, own: Collection[str] = ()) -> Receipt:
        """Delete everything about a customer. It may take a while: call it in a thread.

        Args:
            own: the thread and the recording of the call in which the customer asks for it, which ends with it.

        Raises:
            ConfigError: another call of theirs goes on.
            RecordingError, PromptError, MemoryUnreachable: something cannot be deleted; ask again.
        """
        from contoso_lab.agent.forgetting import forget
        from contoso_lab.shop.customers import load_customers

        whose = load_customers().get(customer, customer)
        with nullcontext(self.memory) if self.memory is not None else open_memory("sqlite://") as memory:
            receipt = forget(whose, memory, self.runs, traces=self.traces, cache=self.cache, own=own)
        # The customer's own name is no part of it: a log is out of reach, as the receipt says.
        told = {"threads": len(receipt.threads), "messages": receipt.messages, "recordings": len(receipt.recordings)}
        logger.info(
            line("-", "forgotten", **told, traces=receipt.traces, cached=receipt.cached, left=len(receipt.left))
        )
        return receipt

    def check(self, customer: str, *, own: Collection[str] = ()) -> None:
        """See whether it could be done now.

        Raises:
            ConfigError: another call of theirs goes on.
        """
        from contoso_lab.agent.forgetting import refuse_open

        with nullcontext(self.memory) if self.memory is not None else open_memory("sqlite://") as memory:
            refuse_open(customer, memory, self.runs, own=own)
