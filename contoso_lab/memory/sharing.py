"""What several relays on one memory decide together: whose turn it is, and who has asked too often.

Both are notes in the store that end by themselves, changed only by whoever saw them as they are. A note's name is
hashed, and it holds no word of a customer, so nothing of it is left to be forgotten. Ends are told by the relays' own
clocks: they should agree within a second or two.

>>> from contoso_lab.memory import open_memory
>>> with open_memory("sqlite://") as memory:
...     mine = memory.lease("answer/thread_1", for_s=30)
...     theirs = memory.lease("answer/thread_1", for_s=30)
...     theirs, mine.release(), memory.lease("answer/thread_1", for_s=30) is not None
(None, None, True)
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass

from contoso_lab.errors import MemoryUnreachable
from contoso_lab.memory.store import Store

SECOND = 1_000_000
MOST_TRIES = 100
"""Each lost try means that another relay came first."""


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to do something alone, for a while."""

    _notes: Notes
    _name: str
    _owner: str

    def renew(self, *, for_s: float) -> bool:
        """Keep it for so long from now; False: it had ended, and somebody else may have it."""
        return self._notes.hold(self._name, self._owner, for_s=for_s, again=True)

    def release(self) -> None:
        """Give it back; one that had ended and is somebody else's stays theirs."""
        self._notes.let_go(self._name, self._owner)


class Notes:
    """Leases and counts over a store.

    Args:
        now: microseconds since 1970.
    """

    def __init__(self, store: Store, now: Callable[[], int]) -> None:
        self._store, self._now = store, now

    def lease(self, name: str, *, for_s: float) -> Lease | None:
        """The right to do something alone; None while somebody else has it."""
        owner = secrets.token_hex(8)
        hashed = _hashed("lease", name)
        return Lease(self, hashed, owner) if self.hold(hashed, owner, for_s=for_s) else None

    def hold(self, name: str, owner: str, *, for_s: float, again: bool = False) -> bool:
        """Write down that this owner has it; `again`: only if it has it still."""
        for _ in range(MOST_TRIES):
            now = self._now()
            was = self._store.note(name)
            held = None if was is None else json.loads(was)
            is_mine = held is not None and held["owner"] == owner and held["until"] > now
            if again and not is_mine or held is not None and not is_mine and held["until"] > now:
                return False
            until = now + round(for_s * SECOND)
            if self._store.put(name, was, json.dumps({"owner": owner, "until": until}), now=now, until=until):
                return True
        raise MemoryUnreachable(f"{self._store.where}: a lease was changed by others {MOST_TRIES} times in a row")

    def let_go(self, name: str, owner: str) -> None:
        """Take the note away, if it is this owner's."""
        was = self._store.note(name)
        if was is not None and json.loads(was)["owner"] == owner:
            self._store.put(name, was, None, now=0, until=0)

    def pace(self, name: str, *, most: int, within_s: float) -> float | None:
        """Count one deed; None when it may be, else the seconds after which it may."""
        hashed, within = _hashed("pace", name), round(within_s * SECOND)
        for _ in range(MOST_TRIES):
            now = self._now()
            was = self._store.note(hashed)
            known: list[int] = json.loads(was) if was else []
            done = [at for at in known if now - within < at <= now]
            if len(done) >= most:
                return (done[0] + within - now) / SECOND
            if self._store.put(hashed, was, json.dumps([*done, now]), now=now, until=now + within):
                return None
        raise MemoryUnreachable(f"{self._store.where}: a count was changed by others {MOST_TRIES} times in a row")


def _hashed(kind: str, name: str) -> str:
    return f"{kind}_{hashlib.sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()[:32]}"
