"""The tables, and the steps that lead to them from every version there ever was.

A new database takes the same steps as an old one, so that both end up the same. All missing steps are one
transaction under one lock: a program that is killed leaves the old version, and of two that open a database at once
one waits for the other.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import BigInteger, Column, Connection, Index, Integer, MetaData, Table, Text, inspect, select, text

from contoso_lab.errors import MemoryFault

metadata = MetaData()

schema = Table("contoso_memory_schema", metadata, Column("version", Integer, nullable=False))

threads = Table(
    "contoso_threads",
    metadata,
    Column("id", Text, primary_key=True),
    Column("customer", Text, nullable=False),
    Column("persona", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("touched_at", BigInteger, nullable=False),
    Column("closed_at", BigInteger),
    Column("version", BigInteger, nullable=False),
    Column("last_seq", BigInteger, nullable=False),
    Column("language", Text, nullable=False, server_default="en"),
)
Index("contoso_threads_customer", threads.c.customer)
Index("contoso_threads_touched_at", threads.c.touched_at)

messages = Table(
    "contoso_messages",
    metadata,
    Column("thread_id", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("seq", BigInteger, nullable=False),
    Column("body", Text, nullable=False),
)
Index("contoso_messages_seq", messages.c.thread_id, messages.c.seq, unique=True)


notes = Table(
    "contoso_notes",
    metadata,
    Column("name", Text, primary_key=True),
    Column("body", Text, nullable=False),
    Column("until", BigInteger, nullable=False),
)


def _threads_and_messages(connection: Connection) -> None:
    """To version 1."""
    connection.execute(text("CREATE TABLE contoso_memory_schema (version INTEGER NOT NULL)"))
    connection.execute(text("INSERT INTO contoso_memory_schema VALUES (0)"))
    connection.execute(
        text(
            "CREATE TABLE contoso_threads (id TEXT NOT NULL PRIMARY KEY, customer TEXT NOT NULL, "
            "persona TEXT NOT NULL, state TEXT NOT NULL, created_at BIGINT NOT NULL, touched_at BIGINT NOT NULL, "
            "closed_at BIGINT, version BIGINT NOT NULL, last_seq BIGINT NOT NULL)"
        )
    )
    connection.execute(
        text(
            "CREATE TABLE contoso_messages (thread_id TEXT NOT NULL, id TEXT NOT NULL, seq BIGINT NOT NULL, "
            "body TEXT NOT NULL, PRIMARY KEY (thread_id, id))"
        )
    )


def _languages_and_indexes(connection: Connection) -> None:
    """To version 2: until then everybody spoke English, and each look-up read all threads."""
    connection.execute(text("ALTER TABLE contoso_threads ADD COLUMN language TEXT NOT NULL DEFAULT 'en'"))
    connection.execute(text("CREATE INDEX contoso_threads_customer ON contoso_threads (customer)"))
    connection.execute(text("CREATE INDEX contoso_threads_touched_at ON contoso_threads (touched_at)"))
    connection.execute(text("CREATE UNIQUE INDEX contoso_messages_seq ON contoso_messages (thread_id, seq)"))


def _notes(connection: Connection) -> None:
    """To version 3: until then every relay counted and queued for itself."""
    connection.execute(
        text("CREATE TABLE contoso_notes (name TEXT NOT NULL PRIMARY KEY, body TEXT NOT NULL, until BIGINT NOT NULL)")
    )


STEPS: tuple[Callable[[Connection], None], ...] = (_threads_and_messages, _languages_and_indexes, _notes)
"""The step at index n leads from version n to n + 1. A step that was ever released is never changed."""

VERSION = len(STEPS)


def version_of(connection: Connection) -> int:
    """The version of a database; an empty one has 0."""
    if not inspect(connection).has_table(schema.name):
        return 0
    version: int = connection.execute(select(schema.c.version)).scalar_one()
    return version


def check_version(version: int, where: str) -> bool:
    """Whether steps are missing.

    Raises:
        MemoryFault: the store was written by a newer program.
    """
    if version > VERSION:
        raise MemoryFault(
            f"{where} has version {version} and this contoso-lab knows versions up to {VERSION}: "
            "update contoso-lab, or give it another memory"
        )
    return version < VERSION


def migrate(connection: Connection, where: str) -> None:
    """Take the missing steps. The caller holds the lock and ends the transaction."""
    version = version_of(connection)
    if check_version(version, where):
        for step in STEPS[version:]:
            step(connection)
        connection.execute(schema.update().values(version=VERSION))
