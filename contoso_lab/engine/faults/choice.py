"""Which faults there are, and how `--fault NAME[=VALUE]` finds one."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from contoso_lab.engine.faults.kinds import Fault
from contoso_lab.engine.faults.refusals import ActiveResponse, RateLimited, RefusedTruncate
from contoso_lab.engine.faults.stream import CutAudioTail, DuplicatedEvent, HugeEvent, MalformedJson, StalledStream
from contoso_lab.engine.faults.transcripts import LateTranscript, MissingTranscript, UnorderedTranscripts
from contoso_lab.engine.faults.transport import CoalescedFrames, DropMidTurn, SessionExpiry, SlowReader, SplitFrames
from contoso_lab.errors import ConfigError

HELP = "help"
"""Asks for the list in place of a fault."""

FAULTS: dict[str, type[Fault]] = {
    kind.name: kind
    for kind in (
        LateTranscript,
        MissingTranscript,
        UnorderedTranscripts,
        ActiveResponse,
        RefusedTruncate,
        RateLimited,
        SessionExpiry,
        DropMidTurn,
        StalledStream,
        CutAudioTail,
        DuplicatedEvent,
        HugeEvent,
        MalformedJson,
        SplitFrames,
        CoalescedFrames,
        SlowReader,
    )
}
"""All faults by name."""


def read_fault(text: str) -> Fault:
    """Read one `NAME` or `NAME=VALUE`.

    >>> read_fault("late-transcript=800")
    LateTranscript(delay_ms=800.0)

    Raises:
        ConfigError: there is no such fault, or it cannot be set to that.
    """
    name, given, value = text.partition("=")
    kind = FAULTS.get(name.strip())
    if kind is None:
        near = difflib.get_close_matches(name, FAULTS, n=1)
        guess = f", did you mean {near[0]}?" if near else ""
        raise ConfigError(f"there is no fault '{name}'{guess or ':'} choose from {', '.join(FAULTS)}")
    return kind.read(value.strip() if given else None)


def read_faults(texts: Iterable[str]) -> tuple[Fault, ...]:
    """Read several; the order is kept, for messages pass them in that order.

    Raises:
        ConfigError: the first of them that cannot be read.
    """
    return tuple(map(read_fault, texts))


def describe_faults() -> str:
    """The list for `--fault help`: each fault with its default, what it does, and the pain it reproduces."""
    lines = []
    for kind in FAULTS.values():
        what = (kind.__doc__ or "").strip().partition("\n")[0]
        lines.append(f"{kind.usage()}\n    {what}\n    Pain {kind.pain}.")
    return "\n".join(lines)
