"""What the desk says to a caller at the door: a yes with everything that the call needs, or a no that it can hear."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from contoso_lab.errors import SessionRefused
from contoso_lab.relay.access.concurrency import Lease
from contoso_lab.relay.access.limits import GUESSED
from contoso_lab.relay.access.redis_link import AWAY
from contoso_lab.relay.access.tokens import ELSEWHERE, EXPIRED, NONE_GIVEN, USED, Grant
from contoso_lab.relay.calls.closing import (
    FAILED,
    FULL,
    GOING_AWAY,
    NO_TARGET,
    NO_THREAD,
    NOT_LET_IN,
    NOTHING_TO_RESUME,
    TOO_MANY,
    Close,
)
from contoso_lab.relay.setup import Setup
from contoso_lab.relay.threads.binding import AWAY as MEMORY_AWAY
from contoso_lab.relay.wires.dial import Dialled
from contoso_lab.relay.wires.doors import Knock
from contoso_lab.relay.wires.legs import Leg, Message
from contoso_lab.relay.wires.sockets import Line

if TYPE_CHECKING:
    from contoso_lab.relay.calls.pump import Pump
    from contoso_lab.relay.desk import Desk
    from contoso_lab.relay.watching.call_watch import CallWatch

CLOSING = Close(GOING_AWAY, "the relay is shutting down, call again later")
CLOSING_RETRY_S = 5.0
GONE = "there is no call to come back to: it has ended, or it was never here; call anew"

_CLOSES = {401: NOT_LET_IN, 404: NO_THREAD, 410: NOTHING_TO_RESUME, 429: TOO_MANY, 502: NO_TARGET, 503: FULL}
_REASONS = {
    401: "token", 403: "origin", 404: "thread", 410: "resume", 429: "limited", 500: "setup", 502: "target", 503: "full",
}  # fmt: skip
_TOKENS = {NONE_GIVEN: "missing", USED: "used", EXPIRED: "expired", ELSEWHERE: "other_origin"}


@dataclass(frozen=True, slots=True)
class Refused:
    """A no, and how this caller can hear it."""

    knocked: Knock
    status: int
    sentence: str
    """The reason in full; that of the close is cut to what a close frame holds."""
    close: Close
    retry_after_s: float | None = None

    @property
    def by_http(self) -> bool:
        """Whether it is told before the handshake: to programs, and to pages that should not know we are here."""
        return self.knocked.reads_http or self.status == 403

    @classmethod
    def because(cls, knocked: Knock, error: SessionRefused) -> Refused:
        """The no that an error asks for."""
        status = error.status or 503
        close = Close(_CLOSES.get(status, FAILED), error.reason)
        return cls(knocked, status, error.reason, close, error.retry_after_s)

    def tell(self, watch: CallWatch) -> None:
        """Let it be counted and written down, without any word of the caller's."""
        reason = "closing" if self.close is CLOSING else _REASONS.get(self.status, "setup")
        token = _TOKENS.get(self.sentence, "unknown") if self.status == 401 else None
        if self.sentence == AWAY:
            reason, token = "store", "store"
        elif self.sentence == MEMORY_AWAY:
            reason = "memory"
        elif reason == "limited":
            watch.limit("bad_tokens" if GUESSED in self.sentence else "calls")
        elif reason == "full":
            watch.limit("calls_global")
        watch.refused(reason, status=self.status, token=token)


@dataclass(eq=False, slots=True)
class Admitted:
    """A yes: everything is ready, the handshake may be answered. Then `take`, or else `abandon`."""

    desk: Desk
    knocked: Knock
    watch: CallWatch
    call_id: str
    nearby: bool
    """The caller is on this machine."""
    grant: Grant | None = None
    setup: Setup | None = None
    lease: Lease | None = None
    dialled: Dialled | None = None
    pump: Pump | None = None
    """The call that the caller comes back to; such a one needs nothing of the above."""

    @property
    def subprotocol(self) -> str | None:
        """The one to agree on."""
        return self.knocked.subprotocol

    def take(self, line: Line) -> None:
        """The handshake is answered: somebody listens to the caller from now on."""
        if self.pump is not None:
            # A call that has ended in the meantime says so itself.
            line.ear = self.pump
            self.pump.take(line, received=self.knocked.received)
            self.watch.came_back()
        elif self.desk.closing:
            self.desk.keep(self.abandon())
            line.close(CLOSING)
        else:
            self.desk.begin(self, line)

    async def abandon(self) -> None:
        """The caller left before the handshake was answered; nothing stays open."""
        self.watch.left()
        self.release()
        if self.dialled is not None:
            await self.dialled.drop()

    def release(self) -> None:
        """Give back the place among the calls."""
        if self.lease is not None:
            self.lease.release()


class Nobody:
    """An ear for a caller who is only told no."""

    def on_message(self, leg: Leg, message: Message) -> None:
        """Nobody listens."""

    def on_writable(self, leg: Leg, writable: bool) -> None:
        """Nobody talks."""

    def on_gone(self, leg: Leg, code: int, reason: str) -> None:
        """Nobody minds."""
