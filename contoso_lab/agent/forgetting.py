"""Forgetting a customer: everything about them is deleted, a receipt says what, and a search says what is left.

| what | how it is known to be theirs |
|---|---|
| threads and messages | the memory keeps them by customer |
| recordings | the manifest names the customer, or a message of one of their threads names it; and their replays |
| traces of prompt runs | the record names the customer or holds a name, an address or an id; or a sentence of theirs |
| cached answers | the same; and those of which nobody said whose they are |

The shop's own books (`data/customers.json`) stay: they are the shop's data, not the conversation's. What was copied
elsewhere, such as a backup, a log, or what a target keeps, is out of reach, and the receipt says so.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from contoso_lab.agent.ringing import LONGEST_CALL_S
from contoso_lab.errors import ConfigError
from contoso_lab.memory import Memory, Thread
from contoso_lab.prompts import ResponseCache
from contoso_lab.recording.forget import delete, pattern_of, recordings_of, refuse_written, still_in
from contoso_lab.recording.index import INDEX
from contoso_lab.shop import Customer

OUT_OF_REACH = "backups, logs, the shop's customer file, and what the target keeps of a call are out of reach from here"
SENTENCE_CHARACTERS = 16
"""A message that is shorter may have been anybody's."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What was deleted, and what a search still found."""

    customer: str
    threads: tuple[str, ...]
    messages: int
    recordings: tuple[str, ...]
    traces: int
    cached: int
    left: tuple[str, ...]
    """Where a name, an address or an id of theirs still stands; empty when nothing is left."""

    @property
    def clean(self) -> bool:
        """Whether the search found nothing."""
        return not self.left

    def __str__(self) -> str:
        lines = [
            f"forgotten: {self.customer}",
            f"  threads     {len(self.threads)}, with {self.messages} messages",
            f"  recordings  {len(self.recordings)}{': ' + ', '.join(self.recordings) if self.recordings else ''}",
            f"  traces      {self.traces}",
            f"  cached      {self.cached} answers",
            "  left        " + ("nothing was found" if self.clean else f"{len(self.left)} places, look at them:"),
            *(f"              {place}" for place in self.left),
            f"  note        {OUT_OF_REACH}",
        ]
        return "\n".join(lines)


def forget(
    customer: Customer | str,
    memory: Memory,
    runs: Path | None,
    *,
    traces: Path | None = None,
    cache: ResponseCache | None = None,
    open_calls: Collection[str] = (),
    own: Collection[str] = (),
    now: Callable[[], float] = time.time,
) -> Receipt:
    """Delete everything about a customer, and search for what is left.

    It may be asked again, after a failure too: what is gone is gone, and the rest is found again.

    Args:
        customer: with a name and an address more can be found than by the id alone.
        runs: where recordings are; None: nothing is recorded.
        traces: where traces of prompt runs are.
        open_calls: ids of threads that have a call now, where the caller knows; others are found by their state.
        own: the thread and the recording of a call that asks for this itself, and has written its last.
        now: seconds since 1970.

    Raises:
        ConfigError: a call of theirs goes on: it would be written anew.
        RecordingError: a recording or a trace cannot be deleted.
        PromptError: the cache is in use, and what was deleted may still stand in its file.
        MemoryUnreachable: the memory could not delete everything.
    """
    whose = customer if isinstance(customer, str) else customer.id
    threads = memory.list(whose, include_closed=True)
    said = [message for thread in threads for message in memory.history(thread.id)]
    named = {str(message.meta["recording"]) for message in said if message.meta.get("recording")}
    found = recordings_of(runs, customer=whose, ids=named) if runs is not None else []
    _refuse_open(whose, threads, found, open_calls, own, now)
    words = _words(customer, threads, found)
    for folder in (*found, *([] if runs is None else [runs / INDEX])):
        delete(folder)
    sentences = [message.text for message in said if len(message.text) >= SENTENCE_CHARACTERS]
    traced = [path for path in _trace_files(traces) if _is_theirs(path, whose, words, sentences)]
    for path in traced:
        delete(path)
    cached = cache.forget(whose, words=words) if cache is not None else 0
    # Last: while the threads are there, a second try still knows their ids.
    gone = memory.forget(whose)
    return Receipt(
        customer=whose,
        threads=tuple(thread.id for thread in threads),
        messages=gone.messages,
        recordings=tuple(folder.name for folder in found),
        traces=len(traced),
        cached=cached,
        left=tuple(_left(memory, whose, words, [place for place in (runs, traces) if place is not None], cache)),
    )


def open_calls_of(threads: Iterable[Thread], now_s: float) -> list[str]:
    """The threads that say they are in a call; one that is older than a call can be was never ended.

    >>> open_calls_of([], 0.0)
    []
    """
    found = []
    for thread in threads:
        call = thread.state.get("call") or {}
        if call.get("phase") == "call" and now_s - thread.touched_at.timestamp() < LONGEST_CALL_S:
            found.append(thread.id)
    return found


def refuse_open(
    customer: str, memory: Memory, runs: Path | None, *, own: Collection[str] = (), now: Callable[[], float] = time.time
) -> None:
    """See whether a customer could be forgotten now. Args and Raises are those of `forget`."""
    threads = memory.list(customer, include_closed=True)
    found = recordings_of(runs, customer=customer) if runs is not None else []
    _refuse_open(customer, threads, found, (), own, now)


def _refuse_open(
    whose: str,
    threads: list[Thread],
    folders: list[Path],
    open_calls: Collection[str],
    own: Collection[str],
    now: Callable[[], float],
) -> None:
    others = [thread for thread in threads if thread.id not in own]
    calls = [thread.id for thread in others if thread.id in open_calls] or open_calls_of(others, now())
    if calls:
        raise ConfigError(f"{whose} is on a call now (thread {calls[0]}): end it, or wait for its end, then try again")
    for folder in folders:
        if folder.name not in own:
            refuse_written(folder, whose, now())


def _words(customer: Customer | str, threads: list[Thread], recordings: list[Path]) -> list[str]:
    """What tells them from others; a first name does not."""
    names = [] if isinstance(customer, str) else [customer.name, customer.email]
    return [*names, *(thread.id for thread in threads), *(folder.name for folder in recordings)]


def _trace_files(traces: Path | None) -> list[Path]:
    return sorted(path for path in traces.rglob("*") if path.is_file()) if traces is not None else []


def _is_theirs(path: Path, whose: str, words: list[str], sentences: list[str]) -> bool:
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return False  # a draft that has its name by now
    try:
        record = json.loads(text)
    except ValueError:
        record = None
    customer = record.get("customer") if isinstance(record, dict) else None
    if customer == whose or (words and pattern_of(words).search(text.encode())):
        return True
    forms = (json.dumps(sentence, ensure_ascii=False)[1:-1] for sentence in sentences)
    return customer is None and any(form in text for form in forms)


def _left(
    memory: Memory, whose: str, words: list[str], folders: list[Path], cache: ResponseCache | None
) -> Iterator[str]:
    yield from (f"thread {thread.id}" for thread in memory.list(whose, include_closed=True))
    if cache is not None:
        yield from (f"{count} cached answers" for word in words if (count := cache.holds(word)))
    if not words:
        return
    yield from still_in(words, folders)
