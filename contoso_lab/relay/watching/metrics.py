"""The relay in numbers, for Prometheus.

What happens per message is never told to the metrics library: each call counts in plain integers (`Counts`),
and a collector adds them up when somebody scrapes. The counts of a call that ended stay in the sum, so no
counter goes back. Every series that can be named in advance stands there from the start, with 0: an alert on
an increase would miss the first error otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector, disable_created_metrics
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector

from contoso_lab.relay.watching.watch import ENDS, ERRORS, LIMITS, Counts

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

ISSUE_REFUSALS = (
    "not_allowed", "limited", "origin", "unknown_name", "thread", "store", "memory", "issuer", "full", "closing",
)  # fmt: skip
"""Why a token was not issued."""
TOKEN_REFUSALS = ("missing", "unknown", "used", "expired", "other_origin", "store")
"""Why a token did not open a call."""
CALL_REFUSALS = (
    "origin", "token", "thread", "limited", "full", "closing", "setup", "target", "store", "memory", "resume",
)  # fmt: skip
"""Why a call was not taken."""

# The time at which each series was made would double the page, and Prometheus knows it better.
disable_created_metrics()  # type: ignore[no-untyped-call] # the library's own annotation is missing

_CONNECT_S = (0.01, 0.025, 0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1.0, 1.5, 2.5, 5.0, 10.0)
_FIRST_AUDIO_S = (0.1, 0.2, 0.3, 0.4, 0.5, 0.65, 0.8, 1.0, 1.25, 1.5, 2.0, 3.0, 5.0, 10.0)
_TOOL_S = (0.001, 0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_CALL_S = (1.0, 5.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1200.0, 1800.0, 3600.0)


class Metrics:
    """The numbers of one relay, in a registry of their own.

    >>> metrics = Metrics()
    >>> metrics.tokens_issued.inc()
    >>> b"contoso_relay_tokens_issued_total 1.0" in metrics.page()
    True
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.tokens_issued = self._counter("tokens_issued", "Tokens given out")
        self.issue_refused = self._counter(
            "tokens_not_issued", "Askings for a token that were refused", reason=ISSUE_REFUSALS
        )
        self.tokens_refused = self._counter(
            "tokens_refused", "Tokens that opened no call, by what was wrong with them", reason=TOKEN_REFUSALS
        )
        self.calls_started = self._counter("calls_started", "Calls that were taken")
        self.calls_refused = self._counter("calls_refused", "Calls that were not taken", reason=CALL_REFUSALS)
        self.calls_ended = self._counter("calls_ended", "Calls that are over, by who or what ended them", how=ENDS)
        self.call_seconds = self._histogram("call_seconds", "How long calls were", _CALL_S)
        self.connect_seconds = self._histogram(
            "connect_seconds", "From dialling the target to its session.created", _CONNECT_S
        )
        self.first_audio_seconds = self._histogram(
            "first_audio_seconds", "From the end of the caller's turn to the first sound of the answer", _FIRST_AUDIO_S
        )
        self.errors = self._counter("errors", "What went wrong, by kind", kind=ERRORS)
        self.reconnects = self._counter("reconnects", "Targets that were lost in a call", outcome=("back", "lost"))
        self.resumes = self._counter("resumes", "Clients that were lost in a call", outcome=("back", "lost"))
        self.tool_calls = self._counter("tool_calls", "Tools that ran here", tool=(), outcome=())
        self.tool_seconds = self._histogram("tool_seconds", "How long tools took", _TOOL_S, "tool")
        self.limits = self._counter("limits", "Limits that somebody ran into", limit=LIMITS)
        self.credential_refreshes = self._counter(
            "credential_refreshes", "Tokens for the target that were asked for", outcome=("ok", "failed")
        )
        self.calls = Calls()
        self.registry.register(self.calls)
        ProcessCollector(registry=self.registry)

    def gauge(self, name: str, documentation: str, read: Callable[[], float | None]) -> None:
        """A value that is read at each scrape; `None` leaves it out."""
        self.calls.gauges[f"contoso_relay_{name}"] = documentation, read

    def page(self) -> bytes:
        """Everything, as Prometheus reads it."""
        return generate_latest(self.registry)

    def _counter(self, name: str, documentation: str, **labels: Iterable[str]) -> Counter:
        counter = Counter(f"contoso_relay_{name}", documentation, tuple(labels), registry=self.registry)
        if len(labels) == 1:
            [values] = labels.values()
            for value in values:
                counter.labels(value)
        return counter

    def _histogram(self, name: str, documentation: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
        return Histogram(f"contoso_relay_{name}", documentation, labels, buckets=buckets, registry=self.registry)


class Calls(Collector):
    """The calls that are open and the sum of those that ended, added up at each scrape."""

    def __init__(self) -> None:
        self.open: set[Counts] = set()
        self.gauges: dict[str, tuple[str, Callable[[], float | None]]] = {}
        self._ended = Counts()
        self._ended_seconds = [0.0, 0.0]

    def began(self, counts: Counts) -> None:
        """A call is open."""
        self.open.add(counts)

    def ended(self, counts: Counts) -> None:
        """A call is over: its counts stay in the sum. A second time it changes nothing."""
        if counts not in self.open:
            return
        self.open.discard(counts)
        total = self._ended
        for name in _SUMMED:
            setattr(total, name, getattr(total, name) + getattr(counts, name))
        self._ended_seconds[0] += counts.seconds("client")
        self._ended_seconds[1] += counts.seconds("target")

    def collect(self) -> Iterator[Metric]:
        """What Prometheus sees now."""
        ended, live = self._ended, tuple(self.open)
        summed = {name: getattr(ended, name) + sum(getattr(counts, name) for counts in live) for name in _SUMMED}
        seconds = [
            self._ended_seconds[0] + sum(counts.seconds("client") for counts in live),
            self._ended_seconds[1] + sum(counts.seconds("target") for counts in live),
        ]
        waiting = [counts.waiting() for counts in live]
        yield GaugeMetricFamily("contoso_relay_calls_open", "Calls that are open", value=len(live))
        yield _by(
            CounterMetricFamily("contoso_relay_messages", "Messages that came", labels=["direction"]),
            from_client=summed["client_messages"], from_target=summed["target_messages"],
        )  # fmt: skip
        yield _by(
            CounterMetricFamily("contoso_relay_bytes", "Bytes of messages that came", labels=["direction"]),
            from_client=summed["client_bytes"], from_target=summed["target_bytes"],
        )  # fmt: skip
        yield _by(
            CounterMetricFamily("contoso_relay_audio_seconds", "Seconds of sound that came", labels=["direction"]),
            from_client=seconds[0], from_target=seconds[1],
        )  # fmt: skip
        yield _by(
            GaugeMetricFamily("contoso_relay_waiting_bytes", "Bytes that a side has not taken yet", labels=["side"]),
            client=sum(bytes for bytes, _ in waiting), target=sum(bytes for _, bytes in waiting),
        )  # fmt: skip
        for name, (documentation, read) in self.gauges.items():
            if (value := read()) is not None:
                yield GaugeMetricFamily(name, documentation, value=value)


_SUMMED: Final = (
    "client_messages", "client_bytes", "client_audio", "target_messages", "target_bytes", "target_audio",
)  # fmt: skip


def known(word: str, words: tuple[str, ...]) -> str:
    """A word that a label may have: whatever else comes is `other`, so that labels stay few.

    >>> known("failed", ("ok", "failed")), known("a sentence", ("ok", "failed"))
    ('failed', 'other')
    """
    return word if word in words else "other"


def _by(family: CounterMetricFamily | GaugeMetricFamily, **values: float) -> Metric:
    for label, value in values.items():
        family.add_metric([label], value)
    return family
