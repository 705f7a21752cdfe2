"""What the memory asks of a store. Times are whole microseconds since 1970, states and messages are JSON.

Every method raises `MemoryUnreachable` when the store does not answer and `MemoryClosed` after `close`; any thread
may call any of them at any time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, Protocol

from contoso_lab.memory.values import Forgotten


@dataclass(frozen=True, slots=True)
class Row:
    """A thread as the stores keep it."""

    id: str
    customer: str
    persona: str
    language: str
    state: str
    created_at: int
    touched_at: int
    closed_at: int | None
    version: int


class Kept(NamedTuple):
    """A message as the stores keep it: its number in the order of arrival, and its JSON."""

    seq: int
    body: str


@dataclass(frozen=True, slots=True)
class Now:
    """A moment, and what it means for old threads: time closes them and deletes them even if nobody swept."""

    now: int
    idle: int
    """How long a thread stays open with nothing happening in it."""
    retention: int | None
    """How long it is kept after that; None: until its customer wants to be forgotten."""

    @property
    def idle_before(self) -> int:
        """Open threads that were last touched then, or before, have been closed by time."""
        return self.now - self.idle

    @property
    def gone_before(self) -> int | None:
        """Threads that were closed then, or before, are no more."""
        return None if self.retention is None else self.now - self.retention

    def seen(self, row: Row) -> Row | None:
        """The thread as it is now; None: it is no more."""
        if row.closed_at is None and row.touched_at <= self.idle_before:
            row = replace(row, closed_at=row.touched_at + self.idle)
        gone = self.gone_before
        return None if gone is not None and row.closed_at is not None and row.closed_at <= gone else row


class Store(Protocol):
    """Where threads and messages are kept."""

    where: str
    """Its address without a password, for messages to people."""

    def insert(self, row: Row) -> None:
        """Keep a new thread."""

    def read(self, id_: str) -> Row | None:
        """One thread, whatever its age."""

    def rows(self, customer: str | None) -> list[Row]:
        """All threads, or those of a customer, whatever their age, in no order."""

    def write(
        self, id_: str, at: Now, *, version: int | None = None, state: str | None = None, closing: bool = False
    ) -> bool:
        """Touch a thread that is open, and close it or give it a new state; with `version`, only if it still has that.

        False: there is no such thread, or it is not open, or somebody else changed it first.
        """

    def add(self, id_: str, messages: Sequence[tuple[str, str]], at: Now) -> list[Kept] | None:
        """Keep messages (id and JSON) at the end of an open thread and touch it; those it has already stay as they are.

        None: there is no such thread, or it is not open.
        """

    def swap(self, id_: str, message_id: str, change: Callable[[Kept], str]) -> Kept | None:
        """Replace the JSON of a message, in one step; None: there is no such message."""

    def messages(self, id_: str) -> list[Kept]:
        """All messages of a thread, in the order of arrival."""

    def note(self, name: str) -> str | None:
        """A note that relays share (`sharing`), whether its time is over or not; None: there is none."""

    def put(self, name: str, was: str | None, body: str | None, *, now: int, until: int) -> bool:
        """Put a note in the place of what it was (None: of nothing), or take it away (body None), in one step.

        False: it was something else. After `until` it may vanish by itself, or with `sweep`.
        """

    def sweep(self, at: Now) -> int:
        """Close threads that have been idle for too long, delete those that were closed for too long; how many.

        Notes whose time is over go as well, and are not counted.
        """

    def forget(self, customer: str) -> Forgotten:
        """Delete all threads of a customer; no trace of them is left where a client can reach."""

    def close(self) -> None:
        """Let go of the store; again does nothing."""
