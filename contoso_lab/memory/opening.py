"""Which store an address names."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

from contoso_lab.errors import ConfigError, MissingExtra
from contoso_lab.memory.manager import IDLE, RETENTION, Memory, wall_clock
from contoso_lab.memory.store import Store

_SHAPES = "sqlite:///folder/memory.sqlite3, postgresql://user:password@host/database or redis://host:6379/0"


def memory_beside(runs: Path) -> str:
    """The address of the memory that stands beside recordings when nobody names another.

    >>> memory_beside(Path("/runs"))
    'sqlite:////runs/memory.sqlite3'
    """
    return f"sqlite:///{runs.absolute() / 'memory.sqlite3'}"


def open_memory(
    url: str,
    *,
    clock: Callable[[], datetime] = wall_clock,
    idle: timedelta = IDLE,
    retention: timedelta | None = RETENTION,
) -> Memory:
    """Open the memory at an address, make it if there is none, and bring it up to date if it is of an older version.

    Args:
        url: `sqlite:///path` (four slashes for an absolute one), `sqlite://` (in RAM, gone when closed),
            `postgresql://user:password@host/database`, `redis://host:6379/0`, `rediss://…` or `unix://…`.
        clock: the time, aware.
        idle: a thread in which nothing happens for so long is closed.
        retention: a closed thread is kept for so long; None: until its customer asks to be forgotten.

    Raises:
        ConfigError: the address is wrong, or names a store whose package is missing.
        MemoryUnreachable: nobody answers there.
        MemoryFault: what is there was written by a newer version.

    >>> with open_memory("sqlite://") as memory:
    ...     memory.create(customer="maya", persona="voice").customer
    'maya'
    """
    if idle <= timedelta(0) or (retention is not None and retention < timedelta(0)):
        raise ConfigError("a thread's idle time must be more than nothing, and its retention nothing or more")
    return Memory(_store(url), clock=clock, idle=idle, retention=retention)


def _store(url: str) -> Store:
    try:
        scheme = urlsplit(url).scheme
    except ValueError:
        scheme = ""
    if scheme in {"redis", "rediss", "unix"}:
        from contoso_lab.memory.redis_store import open_redis

        return open_redis(url)
    if scheme not in {"sqlite", "postgresql", "postgres"}:
        # Not the address itself, here and below: it may hold a password.
        raise ConfigError(f"the address of the memory is wrong: write it as {_SHAPES}")
    from sqlalchemy import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        parsed = make_url(url.replace("postgres://", "postgresql://", 1))
    except (ArgumentError, ValueError):
        raise ConfigError(f"the address of the memory is wrong: write it as {_SHAPES}") from None
    if scheme == "sqlite":
        from contoso_lab.memory.sqlite import open_sqlite

        return open_sqlite(parsed)
    try:
        import pg8000  # noqa: F401
    except ImportError as error:
        raise MissingExtra("a memory in Postgres", package="pg8000", extra="postgres") from error
    from contoso_lab.memory.postgres import open_postgres

    return open_postgres(parsed)
