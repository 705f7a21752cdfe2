"""Postgres, for several relays; spoken to by pg8000, which is plain Python."""

from __future__ import annotations

import ssl

from sqlalchemy import URL, Connection, Engine, create_engine, text

from contoso_lab.errors import ConfigError
from contoso_lab.memory.sql import SqlStore

ANSWER_S = 10
LOCK = 0x636F6E746F736F
"""The number of the lock under which tables are changed; any, but always the same."""


def open_postgres(url: URL) -> SqlStore:
    """The store in this database; its tables are made if they are missing.

    Args:
        url: besides user, password, host, port and database it may say `?host=/folder` (a socket there) and
            `?sslmode=require` or `verify-full`.
    """
    at = url.host or "localhost"
    where = f"the memory postgresql://{at}{f':{url.port}' if url.port else ''}/{url.database or ''}"
    engine = create_engine(
        url.set(drivername="postgresql+pg8000", query={}),
        connect_args=_extras(url),
        hide_parameters=True,
        pool_pre_ping=True,  # a connection that died in the pool is not the caller's trouble
        pool_timeout=ANSWER_S,
        max_overflow=11,
    )
    return SqlStore(engine, _Postgres(), where)


class _Postgres:
    """See `Dialect`."""

    errors: tuple[type[Exception], ...] = ()

    def prepare(self, engine: Engine) -> None:
        """Nothing."""

    def lock_schema(self, connection: Connection) -> None:
        """Until the transaction ends."""
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})

    def scrub(self, engine: Engine) -> None:
        """Nothing: Postgres writes over the space in its own time; its log and backups are its keeper's to clear."""


def _extras(url: URL) -> dict[str, object]:
    query = {name: value if isinstance(value, str) else value[-1] for name, value in url.query.items()}
    extras: dict[str, object] = {"timeout": ANSWER_S, "application_name": "contoso_lab"}
    if folder := query.pop("host", None):
        extras["unix_sock"] = f"{folder.rstrip('/')}/.s.PGSQL.{url.port or 5432}"
    match query.pop("sslmode", None):
        case None | "disable":
            pass
        case "require":
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            extras["ssl_context"] = context
        case "verify-full":
            extras["ssl_context"] = ssl.create_default_context()
        case _:
            raise ConfigError("the address of the memory is wrong: sslmode must be disable, require or verify-full")
    if query:
        raise ConfigError(
            f"the address of the memory is wrong: {', '.join(sorted(query))} is not understood, only host and sslmode"
        )
    return extras
