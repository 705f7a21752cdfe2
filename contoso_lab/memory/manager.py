"""The memory itself: threads and messages over a store, the same whichever it is."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any, Self

from contoso_lab.errors import MemoryClosed, MemoryFault, MemoryMissing, MemoryUnreachable
from contoso_lab.memory.order import spoken_order
from contoso_lab.memory.sharing import Lease, Notes
from contoso_lab.memory.store import Kept, Now, Row, Store
from contoso_lab.memory.values import (
    LONGEST_NAME,
    Forgotten,
    Message,
    Thread,
    checked_name,
    micros,
    moment,
    new_id,
    read_message,
    to_json,
    write_message,
)

IDLE = timedelta(days=30)
RETENTION = timedelta(days=365)
BETWEEN_SWEEPS = timedelta(minutes=1)
MOST_TRIES = 1000
"""Each lost try means that another change was made, so this is met only where something is wrong."""

Change = Callable[[dict[str, Any]], dict[str, Any]]
Threads = list[Thread]
Messages = list[Message]  # inside the class, `list` is its method


def wall_clock() -> datetime:
    """The time of day, in UTC."""
    return datetime.now(UTC)


class Memory:
    """Customers' conversations. Made by `open_memory`; any thread may use it; a `with` block closes it.

    A thread that nothing happens in for `idle` is closed by time and counts as closed from that moment, whether
    anybody swept or not; a closed thread can be read for `retention` and is then no more.

    All methods raise `MemoryUnreachable` when the store does not answer, and `MemoryClosed` after `close`.
    """

    def __init__(
        self,
        store: Store,
        *,
        clock: Callable[[], datetime] = wall_clock,
        idle: timedelta = IDLE,
        retention: timedelta | None = RETENTION,
    ) -> None:
        self._store = store
        self._clock = clock
        self._idle = idle // timedelta(microseconds=1)
        self._retention = None if retention is None else retention // timedelta(microseconds=1)
        self._notes = Notes(store, lambda: micros(clock()))
        self._sweeping = threading.Lock()
        self._swept_at: datetime | None = None

    @property
    def where(self) -> str:
        """The store's address, without its password."""
        return self._store.where

    def create(self, *, customer: str, persona: str, language: str = "en") -> Thread:
        """Begin a thread. Sweeps, if nobody did in the last minute.

        Raises:
            MemoryFault: a name is empty, longer than 200 characters, or cannot be printed.
        """
        names = {"customer": customer, "persona": persona, "language": language}
        for what, name in names.items():
            checked_name(f"a thread's {what}", name)
        self._sweep_at_times()
        now = micros(self._clock())
        row = Row(new_id("thread"), customer, persona, language, "{}", now, now, None, 1)
        self._store.insert(row)
        return _thread(row)

    def get(self, id_: str) -> Thread:
        """One thread, open or closed.

        Raises:
            MemoryMissing: there is none with this id, or no longer.
        """
        return _thread(self._read(id_, self._asked_for(id_)))

    def list(self, customer: str | None = None, *, include_closed: bool = False) -> Threads:
        """All threads, or a customer's; the one that was touched last comes first."""
        if customer is not None:
            checked_name("a customer", customer)
        now = self._now()
        seen = [row for row in map(now.seen, self._store.rows(customer)) if row is not None]
        found = [row for row in seen if include_closed or row.closed_at is None]
        return [_thread(row) for row in sorted(found, key=lambda row: (-row.touched_at, row.id))]

    def touch(self, id_: str) -> None:
        """Say that a thread is in use.

        Raises:
            MemoryMissing, MemoryClosed: there is no such thread, or it is not open.
        """
        now = self._asked_for(id_)
        if not self._store.write(id_, now):
            raise self._why_not(id_, now)

    def close_thread(self, id_: str) -> None:
        """End a thread: it can still be read, for as long as the retention says. Again does nothing.

        Raises:
            MemoryMissing: there is no such thread.
        """
        now = self._asked_for(id_)
        if not self._store.write(id_, now, closing=True):
            self._read(id_, now)

    def update(self, id_: str, change: Change) -> Thread:
        """Change a thread's state in one step: `change` is given a copy and returns what shall be kept.

        When somebody else was faster it is called again, with what they left.

        Raises:
            MemoryMissing, MemoryClosed: there is no such thread, or it is not open.
            MemoryFault: the new state is not JSON.
        """
        for _ in range(MOST_TRIES):
            now = self._asked_for(id_)
            row = self._open(id_, now)
            state = change(json.loads(row.state))
            if not isinstance(state, dict):
                raise MemoryFault(f"the state of {id_} must be a dict, the change returned {type(state).__name__}")
            text = to_json(f"the state of {id_}", state)
            if self._store.write(id_, now, version=row.version, state=text):
                return _thread(replace(row, state=text, version=row.version + 1, touched_at=now.now))
        raise MemoryUnreachable(f"{self.where}: {id_} was changed by others {MOST_TRIES} times in a row: try again")

    def append(self, id_: str, *messages: Message) -> Messages:
        """Keep messages; one that is kept already, by its id, stays as it is. Returns them as they are kept.

        Raises:
            MemoryMissing, MemoryClosed: there is no such thread, or it is not open.
            MemoryFault: a message cannot be kept: its id, or what is in `meta`.
        """
        now = self._asked_for(id_)
        stamp = moment(now.now)
        given = [message if message.at else replace(message, at=stamp) for message in messages]
        kept = self._store.add(id_, [(message.id, write_message(message)) for message in given], now)
        if kept is None:
            raise self._why_not(id_, now)
        return [read_message(each.body, each.seq) for each in kept]

    def replace(self, id_: str, message: Message) -> Message:
        """Put a message in the place of the one with its id: a transcript that came late, a reply that was cut off.

        Its place (`seq`, `at` and `after`) stays; only an `after` that was missing is taken from the new one. Open
        or closed, for a transcript may come after the end.

        Raises:
            MemoryMissing: there is no such thread, or no such message in it.
        """
        self._read(id_, self._asked_for(id_))

        def in_its_place(old: Kept) -> str:
            was = read_message(old.body, old.seq)
            return write_message(replace(message, at=was.at, after=was.after or message.after))

        kept = self._store.swap(id_, message.id, in_its_place)
        if kept is None:
            raise MemoryMissing(f"thread {id_} holds no message {message.id!r}: append it first")
        return read_message(kept.body, kept.seq)

    def history(self, id_: str) -> Messages:
        """All messages of a thread, in the order in which they were spoken (`spoken_order`).

        Raises:
            MemoryMissing: there is no such thread.
        """
        self._read(id_, self._asked_for(id_))
        return spoken_order(read_message(each.body, each.seq) for each in self._store.messages(id_))

    def lease(self, name: str, *, for_s: float) -> Lease | None:
        """The right to do something alone, among all that share this memory; None while another one has it.

        It ends by itself after `for_s` seconds, so that a relay that was killed holds nothing up.
        """
        return self._notes.lease(name, for_s=for_s)

    def pace(self, name: str, *, most: int, within_s: float = 60.0) -> float | None:
        """Count one deed for all that share this memory; None when it may be, else the seconds until it may."""
        return self._notes.pace(name, most=most, within_s=within_s)

    def sweep(self) -> int:
        """Close the threads that time has closed and delete those whose retention is over; how many."""
        return self._store.sweep(self._now())

    def forget(self, customer: str) -> Forgotten:
        """Delete everything about a customer, for good: from the free pages and the log of SQLite too.

        The logs and backups of a Redis or a Postgres are out of a client's reach (docs/memory.md).

        Raises:
            MemoryUnreachable: it could not be done to the end; ask again.
        """
        return self._store.forget(checked_name("a customer", customer))

    def close(self) -> None:
        """Let go of the store; what was kept stays there. Again does nothing."""
        self._store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _now(self) -> Now:
        return Now(micros(self._clock()), self._idle, self._retention)

    def _asked_for(self, id_: str) -> Now:
        # Ids come from outside, and not every store can be asked for every string.
        if not id_.isprintable() or len(id_) > LONGEST_NAME:
            raise _no_thread(id_)
        return self._now()

    def _read(self, id_: str, now: Now) -> Row:
        row = self._store.read(id_)
        seen = None if row is None else now.seen(row)
        if seen is None:
            raise _no_thread(id_)
        return seen

    def _open(self, id_: str, now: Now) -> Row:
        row = self._read(id_, now)
        if row.closed_at is not None:
            raise MemoryClosed(
                f"thread {id_} was closed at {moment(row.closed_at):%Y-%m-%d %H:%M} UTC: begin a new one"
            )
        return row

    def _why_not(self, id_: str, now: Now) -> MemoryFault:
        try:
            self._open(id_, now)
        except MemoryFault as error:
            return error
        return MemoryUnreachable(f"{self.where}: thread {id_} changed under our hands: try again")

    def _sweep_at_times(self) -> None:
        now = self._clock()
        with self._sweeping:
            if self._swept_at is not None and now - self._swept_at < BETWEEN_SWEEPS:
                return
            self._swept_at = now
        self.sweep()


def _no_thread(id_: str) -> MemoryMissing:
    shown = ascii(id_[:40])
    return MemoryMissing(f"there is no thread {shown}: it was never made, has expired, or was forgotten")


def _thread(row: Row) -> Thread:
    closed = None if row.closed_at is None else moment(row.closed_at)
    return Thread(
        row.id, row.customer, row.persona, row.language, json.loads(row.state),
        moment(row.created_at), moment(row.touched_at), closed, row.version,
    )  # fmt: skip
