"""Threads and messages in Redis, for several relays; how long they outlive it is set in its own configuration.

A thread is a hash, its messages are another one. Beside them stand the open threads by when they were touched, the
closed ones by when they were closed, and each customer's. Every change is one script, so nobody sees half of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any
from urllib.parse import urlsplit

from contoso_lab.errors import ConfigError, MemoryFault, MemoryUnreachable, MissingExtra
from contoso_lab.memory import redis_scripts
from contoso_lab.memory.store import Kept, Now, Row
from contoso_lab.memory.trouble import told_as_ours
from contoso_lab.memory.values import Forgotten

ANSWER_S = 5.0
MOST_CONNECTIONS = 16
NAME = "{contoso-lab}:memory"
"""What all keys begin with. In braces, so that a cluster keeps them together for the scripts."""
VERSION = 1
"""Of what the keys hold."""
MOST_TRIES = 1000
KEPT_LONGER_MS = 60_000
"""So long a note outlives its time: our clock and Redis's need not agree."""


def open_redis(url: str) -> RedisStore:
    """The store at this address.

    Raises:
        MissingExtra: the package is missing.
        ConfigError: the address is wrong.
        MemoryUnreachable: nobody answers there.
        MemoryFault: a newer program wrote there.
    """
    try:
        from redis import BlockingConnectionPool, Redis
        from redis.backoff import NoBackoff
        from redis.retry import Retry
    except ImportError as error:
        raise MissingExtra("a memory in Redis", package="redis", extra="redis") from error
    try:
        parts = urlsplit(url)
        at = parts.path if parts.scheme == "unix" else f"{parts.hostname or 'localhost'}:{parts.port or 6379}"
        pool = BlockingConnectionPool.from_url(
            url,
            socket_timeout=ANSWER_S,
            socket_connect_timeout=ANSWER_S,
            max_connections=MOST_CONNECTIONS,
            timeout=ANSWER_S,  # for one of the connections to be free
            decode_responses=True,
            # Not again by itself: a change whose answer was lost would be made twice.
            retry=Retry(NoBackoff(), 0),
        )
    except (ValueError, TypeError):
        # Not the address itself, nor what was said about it: it may hold a password.
        raise ConfigError("the address of the memory is wrong: write it as redis://host:6379/0") from None
    return RedisStore(Redis(connection_pool=pool), f"the memory {parts.scheme}://{at}")


class RedisStore:
    """A store in Redis."""

    def __init__(self, client: Any, where: str) -> None:
        from redis.exceptions import RedisError

        self.where = where
        self._client = client
        self._trouble = (RedisError, OSError)
        self._closed = False
        self._write = client.register_script(redis_scripts.WRITE)
        self._add = client.register_script(redis_scripts.ADD)
        self._swap = client.register_script(redis_scripts.SWAP)
        self._put = client.register_script(redis_scripts.PUT)
        self._close_idle = client.register_script(redis_scripts.CLOSE_IDLE)
        self._erase = client.register_script(redis_scripts.ERASE)
        try:
            with self._asking():
                client.set(f"{NAME}:schema", VERSION, nx=True)
                version = int(client.get(f"{NAME}:schema"))
            if version > VERSION:
                raise MemoryFault(
                    f"{where} has version {version} and this contoso-lab knows versions up to {VERSION}: "
                    "update contoso-lab, or give it another memory"
                )
        except BaseException:
            self.close()
            raise

    def insert(self, row: Row) -> None:
        """See `Store.insert`."""
        fields = {name: "" if value is None else value for name, value in asdict(row).items()}
        with self._asking(), self._client.pipeline(transaction=True) as steps:
            steps.hset(_thread(row.id), mapping=fields | {"last_seq": 0})
            steps.zadd(OPEN, {row.id: row.touched_at})
            steps.sadd(_customer(row.customer), row.id)
            steps.execute()

    def read(self, id_: str) -> Row | None:
        """See `Store.read`."""
        with self._asking():
            return _row(self._client.hgetall(_thread(id_)))

    def rows(self, customer: str | None) -> list[Row]:
        """See `Store.rows`."""
        with self._asking(), self._client.pipeline(transaction=False) as steps:
            if customer is None:
                ids = [*self._client.zrange(OPEN, 0, -1), *self._client.zrange(CLOSED, 0, -1)]
            else:
                ids = self._client.smembers(_customer(customer))
            for id_ in dict.fromkeys(ids):  # one that was closed between the two questions is in both answers
                steps.hgetall(_thread(id_))
            return [row for fields in steps.execute() if (row := _row(fields)) is not None]

    def write(
        self, id_: str, at: Now, *, version: int | None = None, state: str | None = None, closing: bool = False
    ) -> bool:
        """See `Store.write`."""
        wanted = ["" if version is None else version, state or "", "1" if closing else ""]
        with self._asking():
            keys = [_thread(id_), OPEN, CLOSED]
            return self._write(keys=keys, args=[at.now, at.idle_before, id_, *wanted]) is not None

    def add(self, id_: str, given: Sequence[tuple[str, str]], at: Now) -> list[Kept] | None:
        """See `Store.add`."""
        pairs = [each for message in given for each in message]
        with self._asking():
            keys = [_thread(id_), OPEN, _said(id_)]
            kept = self._add(keys=keys, args=[at.now, at.idle_before, id_, *pairs])
        return None if kept is None else [_kept(each) for each in kept]

    def swap(self, id_: str, message_id: str, change: Callable[[Kept], str]) -> Kept | None:
        """See `Store.swap`."""
        for _ in range(MOST_TRIES):
            with self._asking():
                was = self._client.hget(_said(id_), message_id)
            if was is None:
                return None
            body = change(_kept(was))
            new = f"{_kept(was).seq} {body}"
            with self._asking():
                if self._swap(keys=[_said(id_)], args=[message_id, was, new]):
                    return _kept(new)
        raise MemoryUnreachable(f"{self.where}: a message of {id_} was changed by others {MOST_TRIES} times in a row")

    def messages(self, id_: str) -> list[Kept]:
        """See `Store.messages`."""
        with self._asking():
            return sorted(map(_kept, self._client.hvals(_said(id_))))

    def note(self, name: str) -> str | None:
        """See `Store.note`."""
        with self._asking():
            found: str | None = self._client.get(_note(name))
        return found

    def put(self, name: str, was: str | None, body: str | None, *, now: int, until: int) -> bool:
        """See `Store.put`; Redis lets it go by itself, a little later."""
        lives_ms = (until - now) // 1000 + KEPT_LONGER_MS
        with self._asking():
            return bool(self._put(keys=[_note(name)], args=[was or "", body or "", lives_ms]))

    def sweep(self, at: Now) -> int:
        """See `Store.sweep`."""
        done = 0
        with self._asking():
            for id_ in self._client.zrangebyscore(OPEN, "-inf", at.idle_before):
                done += self._close_idle(keys=[_thread(id_), OPEN, CLOSED], args=[at.idle_before, id_, at.idle])
            if at.gone_before is not None:
                for id_ in self._client.zrangebyscore(CLOSED, "-inf", at.gone_before):
                    customer = self._client.hget(_thread(id_), "customer") or ""
                    done += self._erase_one(id_, customer) is not None
        return done

    def forget(self, customer: str) -> Forgotten:
        """See `Store.forget`; the log that Redis may write is its keeper's to clear (BGREWRITEAOF)."""
        with self._asking():
            ids = self._client.smembers(_customer(customer))
            erased = [said for id_ in ids if (said := self._erase_one(id_, customer)) is not None]
        return Forgotten(len(erased), sum(erased))

    def close(self) -> None:
        """See `Store.close`."""
        self._closed = True
        self._client.close()
        self._client.connection_pool.disconnect()

    def _erase_one(self, id_: str, customer: str) -> int | None:
        said = self._erase(keys=[_thread(id_), OPEN, CLOSED, _said(id_), _customer(customer)], args=[id_])
        return None if said < 0 else int(said)

    @contextmanager
    def _asking(self) -> Iterator[None]:
        """Tell Redis's trouble as ours."""
        with told_as_ours(self.where, closed=lambda: self._closed, trouble=self._trouble):
            yield


OPEN = f"{NAME}:open"
CLOSED = f"{NAME}:closed"


def _thread(id_: str) -> str:
    return f"{NAME}:thread:{id_}"


def _said(id_: str) -> str:
    return f"{NAME}:said:{id_}"


def _customer(customer: str) -> str:
    return f"{NAME}:customer:{customer}"


def _note(name: str) -> str:
    return f"{NAME}:note:{name}"


def _kept(entry: str) -> Kept:
    seq, _, body = entry.partition(" ")
    return Kept(int(seq), body)


def _row(fields: dict[str, str]) -> Row | None:
    if not fields:
        return None
    whole = {name: int(fields[name]) for name in ("created_at", "touched_at", "version")}
    closed = int(fields["closed_at"]) if fields["closed_at"] else None
    words = {name: fields[name] for name in ("id", "customer", "persona", "language", "state")}
    return Row(**words, **whole, closed_at=closed)  # type: ignore[arg-type] # words and whole numbers, by their names
