"""SQLite, in a file that several programs may use at once, or in RAM.

The file's log is written ahead (WAL): who reads and who writes do not wait for each other, and a program that is
killed loses nothing it was told is kept. A power failure may take the last moments, and never breaks the file.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

from sqlalchemy import URL, Connection, Engine, StaticPool, create_engine, event

from contoso_lab.errors import ConfigError, MemoryUnreachable
from contoso_lab.memory.sql import SqlStore

BUSY_MS = 10_000
"""How long to wait for another program that writes."""


def open_sqlite(url: URL) -> SqlStore:
    """The store in this file, which is made if it is missing; only its owner may read it."""
    if url.host or url.query:
        raise ConfigError(
            "the address of the memory is wrong: write it as sqlite:///folder/memory.sqlite3, "
            "with a fourth slash if the path begins at the root"
        )
    in_ram = url.database in {None, "", ":memory:"}
    where = "the memory in RAM" if in_ram else f"the memory {url.database}"
    if in_ram:
        engine = create_engine(
            "sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False}, hide_parameters=True
        )
    else:
        path = Path(str(url.database))
        _make(path, where)
        engine = create_engine(URL.create("sqlite", database=str(path)), hide_parameters=True)
    event.listen(engine, "connect", _on_connect)
    event.listen(engine, "begin", _on_begin)
    return SqlStore(engine, _Sqlite(where, in_ram=in_ram), where, one_at_a_time=in_ram)


class _Sqlite:
    """See `Dialect`."""

    errors: tuple[type[Exception], ...] = (sqlite3.Error,)

    def __init__(self, where: str, *, in_ram: bool) -> None:
        self._where = where
        self._in_ram = in_ram

    def prepare(self, engine: Engine) -> None:
        """Write ahead, from now on and for everybody: the file remembers it."""
        if self._in_ram:
            return
        # Two who switch at once are told "locked" without the patience that SQLite shows elsewhere.
        patience = time.monotonic() + BUSY_MS / 1000
        while True:
            try:
                with self._raw(engine) as raw:
                    if raw.execute("PRAGMA journal_mode = WAL").fetchone() == ("wal",):
                        return
            except sqlite3.OperationalError as error:
                if time.monotonic() > patience or "locked" not in str(error):
                    raise
            if time.monotonic() > patience:
                raise MemoryUnreachable(f"{self._where} is on a disk that SQLite cannot share: move it to a local one")
            time.sleep(0.01)

    def lock_schema(self, connection: Connection) -> None:
        """Whoever writes is alone."""

    def scrub(self, engine: Engine) -> None:
        """Write the file anew and empty its log.

        `secure_delete` overwrites what is deleted, but copies stay behind where pages were split or joined before.
        """
        if self._in_ram:
            return
        with self._raw(engine) as raw:  # neither can be part of a transaction
            raw.execute("VACUUM")
            busy, *_ = raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if busy:
            raise MemoryUnreachable(
                f"{self._where}: it is deleted, but another program still reads what was there before: "
                "ask again to forget when it is done"
            )

    @contextmanager
    def _raw(self, engine: Engine) -> Iterator[sqlite3.Cursor]:
        connection = engine.raw_connection()
        try:
            yield cast(sqlite3.Cursor, connection.cursor())
        finally:
            connection.close()


def _make(path: Path, where: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))  # SQLite gives its log the same mode
        path.chmod(0o600)
    except OSError as error:
        raise MemoryUnreachable(f"{where} cannot be opened: {error.strerror}") from error


def _on_connect(raw: sqlite3.Connection, record: object) -> None:
    raw.isolation_level = None  # transactions begin where we say
    for pragma in (f"busy_timeout = {BUSY_MS}", "synchronous = NORMAL", "secure_delete = ON"):
        raw.execute(f"PRAGMA {pragma}")


def _on_begin(connection: Connection) -> None:
    # A transaction that reads first and writes later could find that another one wrote between: take the pen at once.
    writing = connection.get_execution_options().get("contoso_writing", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")
