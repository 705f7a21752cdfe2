"""Threads and messages in a SQL database."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import Protocol

from sqlalchemy import ColumnElement, Connection, Engine, RowMapping, case, delete, insert, select, text, update
from sqlalchemy.exc import SQLAlchemyError

from contoso_lab.memory.schema import check_version, messages, migrate, notes, threads, version_of
from contoso_lab.memory.store import Kept, Now, Row
from contoso_lab.memory.trouble import told_as_ours
from contoso_lab.memory.values import Forgotten

_FIELDS = tuple(Row.__dataclass_fields__)
# Both databases say it so; SQLAlchemy has a way for each, and none for both.
_NEW_NOTE = text(
    "INSERT INTO contoso_notes (name, body, until) VALUES (:name, :body, :until) ON CONFLICT (name) DO NOTHING"
)
AT_ONCE = 500
"""Ids in one question; SQLite takes no more than some thousands."""


class Dialect(Protocol):
    """Where one database differs from the other."""

    errors: tuple[type[Exception], ...]
    """What its driver raises where SQLAlchemy does not stand between."""

    def prepare(self, engine: Engine) -> None:
        """Whatever must be done once before the tables are looked at."""

    def lock_schema(self, connection: Connection) -> None:
        """Let nobody else change the tables until this transaction ends."""

    def scrub(self, engine: Engine) -> None:
        """Leave no trace of what was deleted, as far as a client can see to that."""


class SqlStore:
    """A store in SQLite or Postgres; opening it brings the tables up to date."""

    def __init__(self, engine: Engine, dialect: Dialect, where: str, *, one_at_a_time: bool = False) -> None:
        self.where = where
        self._engine = engine
        self._dialect = dialect
        self._trouble: tuple[type[Exception], ...] = (SQLAlchemyError, OSError, *dialect.errors)
        # A database in RAM has one connection, and so one transaction at a time.
        self._turn = threading.RLock() if one_at_a_time else None
        self._closed = False
        try:
            with self._asking():
                dialect.prepare(engine)
            with self._reading() as connection:
                behind = check_version(version_of(connection), where)
            if behind:
                with self._writing() as connection:
                    dialect.lock_schema(connection)
                    migrate(connection, where)
        except BaseException:
            self.close()
            raise

    def insert(self, row: Row) -> None:
        """See `Store.insert`."""
        with self._writing() as connection:
            connection.execute(insert(threads).values(**asdict(row), last_seq=0))

    def read(self, id_: str) -> Row | None:
        """See `Store.read`."""
        with self._reading() as connection:
            found = connection.execute(select(threads).where(threads.c.id == id_)).mappings().one_or_none()
        return None if found is None else _row(found)

    def rows(self, customer: str | None) -> list[Row]:
        """See `Store.rows`."""
        question = select(threads) if customer is None else select(threads).where(threads.c.customer == customer)
        with self._reading() as connection:
            return [_row(each) for each in connection.execute(question).mappings()]

    def write(
        self, id_: str, at: Now, *, version: int | None = None, state: str | None = None, closing: bool = False
    ) -> bool:
        """See `Store.write`."""
        change = update(threads).where(threads.c.id == id_, _is_open(at)).values(touched_at=_touched(at))
        if version is not None:
            change = change.where(threads.c.version == version)
        if state is not None:
            change = change.values(state=state, version=threads.c.version + 1)
        if closing:
            change = change.values(closed_at=at.now)
        with self._writing() as connection:
            return connection.execute(change).rowcount == 1

    def add(self, id_: str, given: Sequence[tuple[str, str]], at: Now) -> list[Kept] | None:
        """See `Store.add`."""
        mine = messages.c.thread_id == id_
        with self._writing() as connection:
            # The first statement takes the thread's row, so that of several who add one after the other comes.
            touch = update(threads).where(threads.c.id == id_, _is_open(at)).values(touched_at=_touched(at))
            last = connection.execute(touch.returning(threads.c.last_seq)).scalar_one_or_none()
            if last is None:
                return None
            ids = list({message_id for message_id, _ in given})
            kept: dict[str, Kept] = {}
            for some in _some(ids):
                for found in connection.execute(select(messages).where(mine, messages.c.id.in_(some))):
                    kept[found.id] = Kept(found.seq, found.body)
            new: list[dict[str, object]] = []
            for message_id, body in given:
                if message_id not in kept:
                    last += 1
                    kept[message_id] = Kept(last, body)
                    new.append({"thread_id": id_, "id": message_id, "seq": last, "body": body})
            if new:
                connection.execute(insert(messages), new)
                connection.execute(update(threads).where(threads.c.id == id_).values(last_seq=last))
        return [kept[message_id] for message_id, _ in given]

    def swap(self, id_: str, message_id: str, change: Callable[[Kept], str]) -> Kept | None:
        """See `Store.swap`."""
        this = (messages.c.thread_id == id_, messages.c.id == message_id)
        with self._writing() as connection:
            found = connection.execute(select(messages).where(*this).with_for_update()).one_or_none()
            if found is None:
                return None
            body = change(Kept(found.seq, found.body))
            connection.execute(update(messages).where(*this).values(body=body))
        return Kept(found.seq, body)

    def messages(self, id_: str) -> list[Kept]:
        """See `Store.messages`."""
        question = select(messages.c.seq, messages.c.body).where(messages.c.thread_id == id_).order_by(messages.c.seq)
        with self._reading() as connection:
            return [Kept(*each) for each in connection.execute(question)]

    def note(self, name: str) -> str | None:
        """See `Store.note`."""
        with self._reading() as connection:
            return connection.execute(select(notes.c.body).where(notes.c.name == name)).scalar_one_or_none()

    def put(self, name: str, was: str | None, body: str | None, *, now: int, until: int) -> bool:
        """See `Store.put`."""
        this = (notes.c.name == name, notes.c.body == was)
        with self._writing() as connection:
            if body is None:
                return connection.execute(delete(notes).where(*this)).rowcount == 1
            if was is None:
                given = {"name": name, "body": body, "until": until}
                return connection.execute(_NEW_NOTE, given).rowcount == 1
            return connection.execute(update(notes).where(*this).values(body=body, until=until)).rowcount == 1

    def sweep(self, at: Now) -> int:
        """See `Store.sweep`."""
        idle = threads.c.closed_at.is_(None) & (threads.c.touched_at <= at.idle_before)
        with self._writing() as connection:
            connection.execute(delete(notes).where(notes.c.until <= at.now))
            # What another one holds is left to it: two relays that sweep at once must not wait for each other.
            closed = _ids(connection, idle, skip_locked=True)
            for some in _some(closed):
                change = update(threads).where(threads.c.id.in_(some))
                connection.execute(change.values(closed_at=threads.c.touched_at + at.idle))
            if at.gone_before is None:
                return len(closed)
            gone = _ids(connection, threads.c.closed_at <= at.gone_before, skip_locked=True)
            _delete(connection, gone)
        return len(closed) + len(gone)

    def forget(self, customer: str) -> Forgotten:
        """See `Store.forget`."""
        with self._writing() as connection:
            ids = _ids(connection, threads.c.customer == customer)
            forgotten = Forgotten(len(ids), _delete(connection, ids))
        with self._asking():
            self._dialect.scrub(self._engine)
        return forgotten

    def close(self) -> None:
        """See `Store.close`."""
        with self._in_turn():
            self._closed = True
            self._engine.pool.dispose()

    @contextmanager
    def _in_turn(self) -> Iterator[None]:
        if self._turn is None:
            yield
        else:
            with self._turn:
                yield

    @contextmanager
    def _asking(self) -> Iterator[None]:
        """Tell the database's trouble as ours."""
        with self._in_turn():
            try:
                with told_as_ours(self.where, closed=lambda: self._closed, trouble=self._trouble):
                    yield
            finally:
                if self._closed:  # the connection that was in use came back after the others were let go
                    self._engine.pool.dispose()

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with self._asking(), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        with self._asking(), self._engine.connect() as connection:
            writing = connection.execution_options(contoso_writing=True)
            with writing.begin():
                yield writing


def _row(found: RowMapping) -> Row:
    return Row(**{name: found[name] for name in _FIELDS})


def _is_open(at: Now) -> ColumnElement[bool]:
    return threads.c.closed_at.is_(None) & (threads.c.touched_at > at.idle_before)


def _touched(at: Now) -> ColumnElement[int]:
    """Never back: another relay's clock may be ahead of ours."""
    return case((threads.c.touched_at > at.now, threads.c.touched_at), else_=at.now)


def _ids(connection: Connection, which: ColumnElement[bool], *, skip_locked: bool = False) -> list[str]:
    """Threads that nobody else may change from now on; always in one order, so that nobody waits in a ring."""
    question = select(threads.c.id).where(which).order_by(threads.c.id)
    return list(connection.execute(question.with_for_update(skip_locked=skip_locked)).scalars())


def _delete(connection: Connection, ids: Sequence[str]) -> int:
    """Delete threads and all that was said in them: how many messages."""
    said = 0
    for some in _some(ids):
        said += connection.execute(delete(messages).where(messages.c.thread_id.in_(some))).rowcount
        connection.execute(delete(threads).where(threads.c.id.in_(some)))
    return said


def _some(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    return (ids[start : start + AT_ONCE] for start in range(0, len(ids), AT_ONCE))
