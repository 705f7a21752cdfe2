"""Whoever watches one relay: it turns what happens outside of calls into log lines and numbers.

What happens in a call is told to the `CallWatch` that the desk gets here when somebody knocks.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from contoso_lab.relay.watching.call_watch import CallWatch
from contoso_lab.relay.watching.journal import Value, line, logger
from contoso_lab.relay.watching.metrics import ISSUE_REFUSALS, Metrics, known
from contoso_lab.relay.watching.tracing import Tracing
from contoso_lab.relay.watching.watch import ERRORS, LIMITS
from contoso_lab.relay.wires.credentials import Credentials

_LEVELS = {"refused": logging.WARNING, "reconnecting": logging.WARNING, "error": logging.WARNING}


class Observer:
    """What the calls of one relay are told to; the desk asks it for a `CallWatch` when somebody knocks."""

    def __init__(
        self,
        metrics: Metrics | None = None,
        tracing: Tracing | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.metrics = metrics or Metrics()
        self.tracing = tracing
        self.clock = clock

    def watch_credentials(self, credentials: Credentials) -> None:
        """Show how it goes with the tokens for the target, where it wants some that end."""
        entra = credentials.entra
        if entra is not None:
            entra.told = self._refreshed
            self.metrics.gauge(
                "credential_ends_timestamp_seconds", "When the token for the target ends", lambda: entra.ends_at
            )

    def _refreshed(self, outcome: str) -> None:
        self.metrics.credential_refreshes.labels(outcome).inc()
        if outcome == "failed":
            self.error("credential")

    def token_issued(self) -> None:
        """Somebody got a token."""
        self.metrics.tokens_issued.inc()

    def token_not_issued(self, reason: str, *, limit: str | None = None) -> None:
        """Somebody asked for a token in vain.

        Args:
            reason: one of `ISSUE_REFUSALS`.
            limit: which one it ran into, one of `LIMITS`, where that was the reason.
        """
        reason = known(reason, ISSUE_REFUSALS)
        self.metrics.issue_refused.labels(reason).inc()
        if limit is not None:
            self.limit(limit)
        if reason in ("store", "memory", "issuer"):
            self.error(reason)
        self.say("-", "token.refused", reason=reason)

    def limit(self, kind: str) -> None:
        """Somebody ran into a limit outside of a call."""
        self.metrics.limits.labels(known(kind, LIMITS)).inc()

    def error(self, kind: str) -> None:
        """Something went wrong outside of a call."""
        self.metrics.errors.labels(known(kind, ERRORS)).inc()

    def call(self, call_id: str, *, door: str) -> CallWatch:
        """Somebody knocks."""
        return CallWatch(self, call_id, door)

    def say(self, call_id: str, event: str, **fields: Value) -> None:
        """Write a line into the log."""
        logger.log(_LEVELS.get(event, logging.INFO), line(call_id, event, **fields))
