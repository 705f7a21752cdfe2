"""Answers kept for equal inputs, on disk, where keeping is allowed.

An answer is found again only when everything that made it is equal: the prompt's file, the target, the model, and the
messages as they were sent, pictures included. It is kept only inside `caching()`, and only for prompts whose front
matter says `metadata: {cache: true}` or whose temperature is 0; `metadata: {cache: false}` forbids it. Errors, and
answers that were cut or stopped, are never kept.

The file is SQLite with JSON in it, shared by processes and threads; what is deleted is overwritten.

| resource | acquired | released | on failure |
|---|---|---|---|
| the file | `ResponseCache(...)` | `close()`, or the end of its block | the run goes on without; the log says so |
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from contoso_lab.errors import PromptError
from contoso_lab.prompts.tracing import NOBODY, Subject
from contoso_lab.settings import Target

if TYPE_CHECKING:
    from contoso_lab.prompts.load import Prompt

logger = logging.getLogger(__name__)

MOST_BYTES = 64 * 2**20
BUSY_S = 2.0
"""How long to wait for another process that writes."""

_TABLE = """
CREATE TABLE IF NOT EXISTS answers (
    key TEXT PRIMARY KEY, body TEXT NOT NULL, bytes INTEGER NOT NULL, used REAL NOT NULL, customer TEXT, thread TEXT
) WITHOUT ROWID
"""


class Kept(NamedTuple):
    """An answer as it was."""

    response: str
    model: str
    """The snapshot that answered, as the target named it."""
    finish: str | None = None
    usage: dict[str, Any] | None = None
    """What it cost, in tokens."""
    duration_ms: float | None = None
    first_ms: float | None = None
    """How long the first piece took, where it was streamed."""


class ResponseCache:
    """Answers by key, at most `most_bytes` of them; what was not used for longest goes first.

    Raises:
        PromptError: the file is no cache, or cannot be opened.

    >>> with ResponseCache(":memory:") as cache:
    ...     cache.put("k", Kept("Hello.", "tiny"))
    ...     cache.get("k"), cache.get("other"), len(cache)
    (Kept(response='Hello.', model='tiny', finish=None, usage=None, duration_ms=None, first_ms=None), None, 1)
    """

    def __init__(self, path: Path | str, *, most_bytes: int = MOST_BYTES, now: Callable[[], float] = time.time) -> None:
        self.path = path
        self._most_bytes = most_bytes
        self._now = now
        self._lock = threading.Lock()
        try:
            if isinstance(path, Path):
                path.parent.mkdir(parents=True, exist_ok=True)
                os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))  # nobody else's to read
            # Isolation level None: a transaction is what we begin ourselves.
            self._db = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
            self._db.execute("PRAGMA secure_delete=ON")
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=NORMAL")
            self._db.execute(_TABLE)
        except (OSError, sqlite3.Error) as problem:
            raise PromptError(f"{path}: cannot be used as a cache ({problem}); delete it or name another") from problem

    def key(self, prompt: Prompt, target: Target, messages: Sequence[Any]) -> str:
        """Names an answer by all that it depends on."""
        return cache_key(prompt, target, messages)

    def get(self, key: str) -> Kept | None:
        """The answer for these inputs, if there is one."""
        with self._lock:
            row = self._db.execute("SELECT body FROM answers WHERE key = ?", (key,)).fetchone()
            if row is None:
                return None
            self._db.execute("UPDATE answers SET used = ? WHERE key = ?", (self._now(), key))
        return Kept(**json.loads(row[0]))

    def put(self, key: str, kept: Kept, subject: Subject = NOBODY) -> None:
        """Keep an answer; one that is larger than the whole cache may be is not kept."""
        body = json.dumps({k: v for k, v in kept._asdict().items() if v is not None or k == "finish"})
        size = len(body)
        if size > self._most_bytes:
            return
        with self._lock, self._db:
            self._db.execute("BEGIN IMMEDIATE")
            self._db.execute(
                "INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?, ?, ?)", (key, body, size, self._now(), *subject)
            )
            over = self._db.execute("SELECT SUM(bytes) FROM answers").fetchone()[0] - self._most_bytes
            while over > 0:
                old = self._db.execute("SELECT key, bytes FROM answers ORDER BY used, key LIMIT 1").fetchone()
                self._db.execute("DELETE FROM answers WHERE key = ?", (old[0],))
                over -= old[1]

    def forget(self, customer: str, *, words: Iterable[str] = ()) -> int:
        """Delete what belongs to a customer for good, and count it.

        An answer of which nobody said whose it is goes too: it may be theirs, and can be asked for again.

        Args:
            words: names and ids of the customer; an answer that holds one of them goes as well.

        Raises:
            PromptError: the file could not be written anew; ask again.
        """
        wanted = [word.casefold() for word in words if word]
        with self._lock, self._db:
            self._db.execute("BEGIN IMMEDIATE")
            rows = self._db.execute("SELECT key, body, customer, thread FROM answers").fetchall()
            gone = [
                key
                for key, body, whose, thread in rows
                if whose in (None, customer)
                or any(word in str(thread).casefold() or word in _words(body) for word in wanted)
            ]
            self._db.executemany("DELETE FROM answers WHERE key = ?", [(key,) for key in gone])
        self._rewrite()
        return len(gone)

    def _rewrite(self) -> None:
        """Write the file anew: pages that were split, and the journal beside it, would still hold what was deleted."""
        try:
            with self._lock:
                self._db.execute("VACUUM")
                busy = self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        except sqlite3.OperationalError as problem:
            busy = problem
        if busy:
            raise PromptError(
                f"{self.path}: what was deleted may still stand in the file, because another process uses it; ask again"
            )

    def holds(self, word: str) -> int:
        """How many answers hold a word."""
        with self._lock:
            rows = self._db.execute("SELECT body, customer, thread FROM answers").fetchall()
        return sum(word.casefold() in f"{_words(body)} {whose} {thread}".casefold() for body, whose, thread in rows)

    def __len__(self) -> int:
        with self._lock:
            return int(self._db.execute("SELECT COUNT(*) FROM answers").fetchone()[0])

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._db.close()

    def __enter__(self) -> ResponseCache:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


_current: ContextVar[ResponseCache | None] = ContextVar("contoso_lab_response_cache", default=None)
_always: list[ResponseCache] = []


@contextmanager
def caching(cache: ResponseCache) -> Iterator[ResponseCache]:
    """Use a cache for every run inside the block whose prompt allows it."""
    token = _current.set(cache)
    try:
        yield cache
    finally:
        _current.reset(token)


def cache_always(cache: ResponseCache | None) -> None:
    """Use a cache for every run of this process, outside of blocks too; None ends that."""
    _always[:] = [] if cache is None else [cache]


class Store(Protocol):
    """Where answers are kept: a cache, or a cassette."""

    @property
    def path(self) -> Path | str:
        """Where it is."""

    def key(self, prompt: Prompt, target: Target, messages: Sequence[Any]) -> str:
        """Names an answer by all that it depends on."""

    def get(self, key: str) -> Kept | None:
        """The answer for these inputs, if there is one."""

    def put(self, key: str, kept: Kept, subject: Subject = NOBODY) -> None:
        """Keep an answer."""


def cache_for(prompt: Prompt, allowed: bool | None = None) -> Store | None:
    """The cache that a run may use, if there is one; a cassette that is on goes before.

    Args:
        allowed: what the caller says; None leaves it to the prompt.
    """
    from contoso_lab.prompts.cassette import cassette_on

    if (cassette := cassette_on()) is not None:
        return cassette
    cache = _current.get()
    if cache is None:  # not `or`: an empty cache has no length
        cache = next(iter(_always), None)
    return cache if cache is not None and (may_cache(prompt) if allowed is None else allowed) else None


def may_cache(prompt: Prompt) -> bool:
    """Whether a prompt lets its answers be kept: as `metadata.cache` says, else when its temperature is 0.

    >>> from contoso_lab.prompts import load
    >>> may_cache(load("writeup_gate")), may_cache(load("suggestions"))
    (True, False)
    """
    said = (prompt.front.get("metadata") or {}).get("cache")
    if isinstance(said, bool):
        return said
    model = prompt.front.get("model")
    options = (model.get("options") or {}) if isinstance(model, dict) else {}
    temperature = options.get("temperature")
    return temperature is not None and float(temperature) == 0


def cache_key(prompt: Prompt, target: Target, messages: Sequence[Any]) -> str:
    """Names an answer by all that it depends on."""
    parts = [prompt.sha256, target.kind, target.base_url, target.chat_model, list(messages)]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def recall(cache: Store, key: str) -> Kept | None:
    """The answer, or None; a cache that cannot be read is none."""
    try:
        return cache.get(key)
    except (sqlite3.Error, ValueError, TypeError) as problem:
        logger.warning("the cache %s cannot be read (%s): the model is asked", cache.path, problem)
        return None


def keep(cache: Store, key: str, kept: Kept, subject: Subject) -> None:
    """Keep an answer; one that cannot be kept is asked for again."""
    try:
        cache.put(key, kept, subject)
    except sqlite3.Error as problem:
        logger.warning("the cache %s cannot be written (%s): the answer is not kept", cache.path, problem)


def _words(body: str) -> str:
    kept = json.loads(body)
    return str(kept.get("response", "")).casefold()
