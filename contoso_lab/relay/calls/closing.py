"""Goodbyes: what the close of one side means to the other.

| one side ends with | the other side is closed with |
|---|---|
| 1000, or no code at all | 1000 |
| 3000 to 4999 (the application's own) | the same code and reason |
| another code that may be sent (1001, 1008, 1009, 1011, 1013 …) | the same code and reason |
| 1006 (the connection broke), 1015, anything malformed | 1011 and a sentence |

An end that nobody wanted (a broken connection, a server that restarts) need not be the end of the call: a
client that asked for it may come back, and a target can be dialled again. A goodbye ends the call at once.
"""

from __future__ import annotations

from dataclasses import dataclass

NORMAL = 1000
GOING_AWAY = 1001
NO_CODE = 1005
ABNORMAL = 1006
TOO_BIG = 1009
FAILED = 1011
NOT_LET_IN = 4401
"""The token is missing, unknown, used or expired."""
NO_THREAD = 4404
"""The conversation that the call was to go on with has been closed or forgotten."""
CEILING = 4408
"""The call has reached its longest time or its highest cost, or nothing happened in it for too long."""
NOTHING_TO_RESUME = 4410
"""There is no call to come back to, or what was missed is not there any more."""
TOO_MANY = 4429
"""The caller has too many calls, or asks too often."""
NO_TARGET = 4502
"""The target is not there, or does not let the relay in."""
FULL = 4503
"""The relay holds as many calls as it can."""

MOST_REASON_BYTES = 123
SENT_TOO_MUCH = "it sent a message of more than"
"""How the reason begins when a target was given up because of a message: that connection counts as broken."""
_SENDABLE = frozenset({1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014})
# Besides a broken connection: a peer that gave up on its pings (1011), a restart, a gateway in between.
_UNWANTED = frozenset({ABNORMAL, FAILED, 1012, 1014})
# From a page 1001 is a goodbye (it was left), from a server it is a restart. 1013 asks to try again later.
_UNWANTED_OF_A_SERVER = _UNWANTED | {GOING_AWAY, 1013}


@dataclass(frozen=True, slots=True)
class Close:
    """How to end a WebSocket: the code, and a reason that fits into a close frame."""

    code: int
    reason: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "reason", fit(self.reason))


def fit(reason: str) -> str:
    """A reason cut to the 123 bytes that a close frame holds, never through a character.

    >>> len(fit("é" * 100).encode())
    123
    >>> fit("the engine stopped")
    'the engine stopped'
    """
    written = reason.encode("utf-8", errors="replace")  # half a character pair cannot be written
    if len(written) <= MOST_REASON_BYTES:
        return written.decode()
    # The ellipsis takes three bytes of its own.
    return written[: MOST_REASON_BYTES - 3].decode("utf-8", errors="ignore") + "…"


def passed_on(code: int, reason: str, *, who: str) -> Close:
    """The close that the other side gets when `who` has ended with `code`.

    >>> passed_on(4008, "session limit", who="the target")
    Close(code=4008, reason='session limit')
    >>> passed_on(1006, "", who="the target")
    Close(code=1011, reason='the target went away without a goodbye')
    """
    if code == NO_CODE:
        return Close(NORMAL, reason)
    if code in _SENDABLE or 3000 <= code < 5000:
        return Close(code, reason)
    return Close(FAILED, reason or f"{who} went away without a goodbye")


def is_the_applications(code: int) -> bool:
    """Whether a code belongs to the applications (3000 to 4999), which explain themselves."""
    return 3000 <= code < 5000


def was_too_big(code: int, reason: str) -> bool:
    """Whether a side ended because of one message that was too large, whoever said so.

    >>> was_too_big(1009, ""), was_too_big(1006, "it sent a message of more than 16 MiB"), was_too_big(1006, "")
    (True, True, False)
    """
    return code == TOO_BIG or (code == ABNORMAL and reason.startswith(SENT_TOO_MUCH))


def may_come_back(code: int) -> bool:
    """Whether a client that ended with `code` did so against its will.

    >>> may_come_back(1006), may_come_back(1000), may_come_back(4001)
    (True, False, False)
    """
    return code in _UNWANTED


def may_be_dialled_again(code: int) -> bool:
    """Whether a target that ended with `code` is worth another try: not when it explained itself.

    >>> may_be_dialled_again(1006), may_be_dialled_again(1001), may_be_dialled_again(1008)
    (True, True, False)
    """
    return code in _UNWANTED_OF_A_SERVER
