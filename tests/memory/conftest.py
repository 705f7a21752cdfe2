"""Real stores for the memory: SQLite, and a Redis and a Postgres that the tests start on sockets of their own."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from sqlalchemy import Connection, create_engine, text

from contoso_lab.memory import Memory, open_memory

KINDS = ["ram", "sqlite", "redis", "postgres"]
START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


class Clock:
    """A clock that stands until it is told to go on."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    def pass_(self, **time: float) -> None:
        self.now += timedelta(**time)


@pytest.fixture
def clock() -> Clock:
    return Clock()


def _missing(what: str) -> None:
    if os.environ.get("CI"):
        pytest.fail(f"there is no {what} here, and without it nothing shows that relays can share a memory in it")
    pytest.skip(f"there is no {what} on this machine: install it to test a shared memory")


@contextmanager
def _short_folder() -> Iterator[Path]:
    # A socket's path may have 107 characters; that of tmp_path may have more.
    folder = Path(tempfile.mkdtemp(prefix="lab-memory-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@contextmanager
def redis_in(folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    binary = shutil.which("redis-server") or _missing("redis-server")
    command = [binary, "--port", "0", "--unixsocket", str(folder / "redis.sock"), "--save", "", "--dir", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as server:
        try:
            assert any(b"ready to accept connections" in line.lower() for line in server.stdout)
            yield server
        finally:
            server.kill()


@pytest.fixture(scope="session")
def _redis_url() -> Iterator[str]:
    with _short_folder() as folder, redis_in(folder):
        yield f"unix://{folder}/redis.sock"


@pytest.fixture
def own_redis() -> Iterator[Callable[[], AbstractContextManager[subprocess.Popen[bytes]]]]:
    """`with own_redis() as server`: a Redis that this test may kill, at `own_redis.url`."""
    with _short_folder() as folder:
        start = partial(redis_in, folder)
        start.url = f"unix://{folder}/redis.sock"
        yield start


@pytest.fixture
def own_postgres() -> Iterator[Callable[[], AbstractContextManager[str]]]:
    """`with own_postgres() as url`: a Postgres that ends with the block."""
    with _short_folder() as folder:
        yield partial(postgres_in, folder)


@pytest.fixture
def redis_url(_redis_url: str) -> str:
    with Redis.from_url(_redis_url) as client:
        client.flushall()
    return _redis_url


def _postgres_programs() -> Path:
    found = [Path(shutil.which("initdb")).parent] if shutil.which("initdb") else []
    found += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((each for each in found if (each / "initdb").exists()), None) or _missing("Postgres")


@contextmanager
def postgres_in(folder: Path) -> Iterator[str]:
    programs = _postgres_programs()
    become: dict[str, Any] = {}
    if os.getuid() == 0:  # which Postgres refuses to be
        become = {"user": "postgres", "group": "postgres", "extra_groups": []}
        shutil.chown(folder, "postgres")
    data, socket = folder / "data", folder / ".s.PGSQL.5432"
    initdb = [programs / "initdb", "-D", data, "-U", "lab", "-A", "trust", "--no-sync", "-E", "UTF8", "--locale", "C"]
    subprocess.run(initdb, check=True, stdout=subprocess.DEVNULL, cwd=folder, **become)
    settings = {"listen_addresses": "", "unix_socket_directories": folder, "fsync": "off", "max_connections": 60}
    options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    start = [programs / "pg_ctl", "-D", data, "-w"]
    quoted = " ".join(f"'{each}'" for each in options)
    subprocess.run(
        [*start, "-l", folder / "log", "-o", quoted, "start"], check=True, stdout=subprocess.DEVNULL, **become
    )
    try:
        assert socket.exists()
        yield f"postgresql://lab@/postgres?host={folder}"
    finally:
        subprocess.run([*start, "-m", "immediate", "stop"], check=True, stdout=subprocess.DEVNULL, **become)


@contextmanager
def _connected(url: str) -> Iterator[Connection]:
    folder = url.partition("?host=")[2]
    engine = create_engine(f"postgresql+pg8000://lab@/postgres?unix_sock={folder}/.s.PGSQL.5432")
    with engine.begin() as connection:
        yield connection
    engine.dispose()


@pytest.fixture(scope="session")
def _postgres_url() -> Iterator[str]:
    with _short_folder() as folder, postgres_in(folder) as url:
        yield url


@pytest.fixture
def postgres_url(_postgres_url: str) -> str:
    with _connected(_postgres_url) as connection:
        connection.execute(
            text("DROP TABLE IF EXISTS contoso_memory_schema, contoso_threads, contoso_messages, contoso_notes")
        )
    return _postgres_url


@pytest.fixture
def postgres(postgres_url: str) -> Callable[[], AbstractContextManager[Connection]]:
    """`with postgres() as connection`: what an administrator sees."""
    return partial(_connected, postgres_url)


@pytest.fixture
def url_of(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[str], str]:
    """The address of an empty store of a kind."""

    def address(kind: str) -> str:
        if kind in {"redis", "postgres"}:
            return request.getfixturevalue(f"{kind}_url")
        return "sqlite://" if kind == "ram" else f"sqlite:///{tmp_path}/memory.sqlite3"

    return address


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def url(kind: str, url_of: Callable[[str], str]) -> str:
    return url_of(kind)


@pytest.fixture
def memory(url: str, clock: Clock) -> Iterator[Memory]:
    with open_memory(url, clock=clock) as memory:
        yield memory
