"""Holds the books of the customers against the recordings, and says what was lost.

What is promised, of every call that the relay did not say it could not record:

* what the customer was told has arrived (`lab.ack`, `lab.resumed`) is in the recording, once and in order;
* what the customer received is in the recording. Sound alone may lag behind what is heard, by half a second at most
  (`LATEST_NS` and `SILENCE_S`): a relay that is killed may take the last of it along, and on a full disk there is no
  room for it, which the customer is told within that time. It is counted apart;
* nothing is received twice, and at the end the target does not say of any item that had arrived that it does not know
  it, also when it is another target than the one that was told first;
* the recording opens, whatever happened to whoever wrote it.
"""

# ruff: noqa: TID252 - the tests are no package

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from contoso_lab.errors import LabError
from contoso_lab.recording import Recording
from contoso_lab.recording.manifest import MANIFEST

from .books import Kept, read_book

CUT_OFF = frozenset({
    "nothing to come back to", "stayed away too long", "vanished", "lost before it could come back",
    "lost while saying goodbye", None,
})  # fmt: skip
"""Endings in which the relay may have been killed: the customer saw no goodbye."""
_MOST_SOUND_LATE = 20
"""Pieces of sound in half a second: the engine sends faster than it sounds, so more than it would be heard as."""


@dataclass
class Verdict:
    """The sums over all calls, and one sentence for every promise that was broken."""

    calls: int = 0
    sent: Counter[str] = field(default_factory=Counter)
    arrived: Counter[str] = field(default_factory=Counter)
    recorded: Counter[str] = field(default_factory=Counter)
    """Of what had arrived, and of what was received: what is in the recordings."""
    lost: Counter[str] = field(default_factory=Counter)
    received: Counter[str] = field(default_factory=Counter)
    heard_recorded: Counter[str] = field(default_factory=Counter)
    sound_taken_along: int = 0
    items_asked_for: int = 0
    items_held: int = 0
    items_unanswered: int = 0
    unrecorded: int = 0
    """Calls of which the relay said that they are not recorded, or not any more."""
    opened: int = 0
    losses: int = 0
    returns: int = 0
    endings: Counter[str] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)


def judge(books: Path, runs: Path) -> Verdict:
    """Read every book and every recording."""
    verdict = Verdict()
    named: set[str] = set()
    for place in sorted(books.glob("*.jsonl")):
        for number, call in enumerate(read_book(place), 1):
            named.add(call.recording)
            _judge_call(f"{place.stem}, call {number} ({call.recording or 'no recording'})", call, runs, verdict)
    # A relay that is killed while it makes a folder leaves one without a first page; nobody was told of it.
    known = {path.name for path in runs.iterdir() if path.name in named or (path / MANIFEST).exists()}
    for name in sorted(known):
        try:
            Recording.open(runs / name).events  # noqa: B018 - reading is the test
            verdict.opened += 1
        except LabError as error:
            verdict.broken.append(f"the recording {name} does not open: {error}")
    return verdict


def _judge_call(name: str, call: Kept, runs: Path, verdict: Verdict) -> None:
    verdict.calls += 1
    verdict.losses += call.losses
    verdict.returns += call.returns
    verdict.unrecorded += call.unrecorded
    verdict.endings[call.ended or "killed with its customer"] += 1
    verdict.sent.update(call.sent.values())
    verdict.arrived.update(kind for number, kind in call.sent.items() if number <= call.arrived)
    verdict.received.update(kind for _, kind in call.got)
    for event_id, times in Counter(event_id for event_id, _ in call.got).items():
        if times > 1:
            verdict.broken.append(f"{name}: {event_id} was received {times} times")
    if call.ended == "said goodbye":
        items = {number for number, kind in call.sent.items() if kind == "item" and number <= call.arrived}
        verdict.items_asked_for += len(items)
        verdict.items_held += len(items & call.held)
        verdict.items_unanswered += len(items - call.held - call.unknown)
        if missing := sorted(items & call.unknown):
            verdict.broken.append(f"{name}: the target does not know the items {missing[:10]} that had arrived")
    if call.recording:
        try:
            recording = Recording.open(runs / call.recording)
            events = recording.events
        except LabError as error:
            verdict.broken.append(f"{name}: its recording does not open: {error}")
            return
        ours = [event.ev for event in events if event.dir == "c2s" or event.type == "chaos.mark"]
        numbers = [int(ev["event_id"].rpartition(".")[2]) for ev in ours if "." in str(ev.get("event_id", ""))]
        _judge_sent(name, call, numbers, verdict)
        _judge_got(name, call, {str(event.ev.get("event_id")) for event in events if event.dir == "s2c"}, verdict)


def _judge_sent(name: str, call: Kept, numbers: list[int], verdict: Verdict) -> None:
    there = set(numbers)
    if numbers != sorted(there):
        verdict.broken.append(f"{name}: messages were recorded twice or out of order")
    promised = range(1, call.arrived_recorded + 1)
    verdict.recorded.update(call.sent[number] for number in promised if number in there)
    missing = [number for number in promised if number not in there]
    verdict.lost.update(call.sent[number] for number in missing)
    if missing:
        kinds = dict(Counter(call.sent[number] for number in missing))
        verdict.broken.append(f"{name}: {kinds} had arrived and are not recorded, {missing[0]} to {missing[-1]}")


def _judge_got(name: str, call: Kept, there: set[str], verdict: Verdict) -> None:
    promised = call.got[: call.got_recorded]
    verdict.heard_recorded.update(kind for event_id, kind in promised if event_id in there)
    missing = [
        (index, kind) for index, (event_id, kind) in enumerate(promised) if kind != "error" and event_id not in there
    ]
    if missing and (call.unrecorded or call.ended in CUT_OFF) and _is_last_sound(missing, promised):
        verdict.sound_taken_along += len(missing)
        return
    verdict.lost.update(f"received {kind}" for _, kind in missing)
    if missing:
        verdict.broken.append(f"{name}: {len(missing)} received messages are not recorded")


def _is_last_sound(missing: Iterable[tuple[int, str]], promised: list[tuple[str, str]]) -> bool:
    """Whether only the last sound is missing, with nothing recorded behind it."""
    found = list(missing)
    return all(kind == "sound" for _, kind in found) and found[0][0] >= len(promised) - _MOST_SOUND_LATE
