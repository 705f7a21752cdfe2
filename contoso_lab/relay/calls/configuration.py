"""The session configuration of a call: ours, and what the client has changed in it since.

A target that is dialled again gets it whole in one `session.update`. A change counts once the target has
confirmed it: one that was refused would be refused again, and then the call would end for it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

_MOST_PENDING = 8
# An update replaces what it names; only these are named by their parts.
_BY_PARTS = frozenset({"audio", "input", "output"})


class Configuration:
    """What a session is to be.

    >>> ours = Configuration({"type": "realtime", "audio": {"output": {"voice": "marin"}}})
    >>> ours.asked({"audio": {"output": {"speed": 1.2}}}, event_id=None)
    >>> ours.confirmed(); ours.confirmed()  # our own update, then the client's
    >>> ours.session
    {'type': 'realtime', 'audio': {'output': {'voice': 'marin', 'speed': 1.2}}}
    """

    def __init__(self, session: Mapping[str, Any]) -> None:
        self.session: Mapping[str, Any] = session
        """As it stands, with all that was confirmed."""
        self._ours_pending = True
        self._pending: deque[tuple[Mapping[str, Any], object]] = deque(maxlen=_MOST_PENDING)

    def asked(self, changes: Mapping[str, Any], *, event_id: object) -> None:
        """The client asks the target for these changes."""
        self._pending.append((changes, event_id))

    def confirmed(self) -> None:
        """The target has updated its session; it answers in the order in which it was asked."""
        if self._ours_pending:
            self._ours_pending = False
        elif self._pending:
            self.session = _merged(self.session, self._pending.popleft()[0])

    def refused(self, error: Mapping[str, Any]) -> None:
        """The target has sent an `error`; when it is about a change, that change never was."""
        about = error.get("event_id")
        for pending in self._pending:
            if about is not None and pending[1] == about:
                self._pending.remove(pending)
                return
        if about is None and self._pending and str(error.get("param") or "").startswith("session"):
            self._pending.popleft()

    def unconfirmed(self) -> list[Mapping[str, Any]]:
        """The changes that the target has not answered yet; they stay pending."""
        return [changes for changes, _ in self._pending]


def _merged(session: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(session)
    for name, value in changes.items():
        before = merged.get(name)
        if name in _BY_PARTS and isinstance(before, Mapping) and isinstance(value, Mapping):
            merged[name] = _merged(before, value)
        else:
            merged[name] = value
    return merged
