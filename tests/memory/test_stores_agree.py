"""All stores do the same, whatever they are asked: each is held against one made of plain dicts."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contoso_lab.errors import LabError
from contoso_lab.memory import Forgotten, Memory, Message, open_memory
from contoso_lab.memory.sharing import Lease
from contoso_lab.memory.store import Kept, Now, Row


@dataclass
class Plain:
    """What a store is, without threads, files or servers."""

    where: str = "plain"
    threads: dict[str, Row] = field(default_factory=dict)
    said: dict[str, dict[str, Kept]] = field(default_factory=dict)
    notes: dict[str, tuple[str, int]] = field(default_factory=dict)

    def insert(self, row: Row) -> None:
        self.threads[row.id], self.said[row.id] = row, {}

    def read(self, id_: str) -> Row | None:
        return self.threads.get(id_)

    def rows(self, customer: str | None) -> list[Row]:
        return [row for row in self.threads.values() if customer in {None, row.customer}]

    def _open(self, id_: str, at: Now) -> Row | None:
        row = self.threads.get(id_)
        return row if row and row.closed_at is None and row.touched_at > at.idle_before else None

    def write(self, id_: str, at: Now, *, version=None, state=None, closing=False) -> bool:
        row = self._open(id_, at)
        if row is None or version not in {None, row.version}:
            return False
        row = replace(row, touched_at=max(row.touched_at, at.now), closed_at=at.now if closing else None)
        self.threads[id_] = row if state is None else replace(row, state=state, version=row.version + 1)
        return True

    def add(self, id_: str, messages, at: Now) -> list[Kept] | None:
        if not self.write(id_, at):
            return None
        there = self.said[id_]
        return [there.setdefault(name, Kept(len(there) + 1, body)) for name, body in messages]

    def swap(self, id_: str, message_id: str, change: Callable[[Kept], str]) -> Kept | None:
        old = self.said.get(id_, {}).get(message_id)
        if old is None:
            return None
        self.said[id_][message_id] = new = Kept(old.seq, change(old))
        return new

    def messages(self, id_: str) -> list[Kept]:
        return sorted(self.said.get(id_, {}).values())

    def note(self, name: str) -> str | None:
        return self.notes.get(name, (None,))[0]

    def put(self, name: str, was: str | None, body: str | None, *, now: int, until: int) -> bool:
        if self.note(name) != was:
            return False
        self.notes.pop(name, None)
        if body is not None:
            self.notes[name] = body, until
        return True

    def sweep(self, at: Now) -> int:
        done = 0
        self.notes = {name: note for name, note in self.notes.items() if note[1] > at.now}
        for row in list(self.threads.values()):
            if row.closed_at is None and row.touched_at <= at.idle_before:
                row = self.threads[row.id] = replace(row, closed_at=row.touched_at + at.idle)
                done += 1
            if row.closed_at is not None and at.gone_before is not None and row.closed_at <= at.gone_before:
                del self.threads[row.id], self.said[row.id]
                done += 1
        return done

    def forget(self, customer: str) -> Forgotten:
        gone = [row.id for row in self.rows(customer)]
        return Forgotten(len(gone), sum(len(self.said.pop(id_)) for id_ in gone if self.threads.pop(id_)))

    def close(self) -> None:
        pass


IDLE, RETENTION = timedelta(hours=1), timedelta(hours=3)
WHICH = st.integers(0, 3)
IDS = st.sampled_from(["a", "b", "c", "d", "e"])
TEXT = st.text(max_size=6)
MESSAGE = st.builds(
    Message, source=st.just("call"), role=st.sampled_from(["user", "assistant"]), text=TEXT, id=IDS,
    heard=st.none() | TEXT, after=st.none() | IDS, call_id=st.none() | TEXT,
    meta=st.dictionaries(TEXT, st.none() | st.integers() | TEXT, max_size=2),
)  # fmt: skip
STEP = st.one_of(
    st.tuples(st.just("create"), st.sampled_from(["maya", "tom"]), st.sampled_from(["en", "ja"])),
    st.tuples(st.just("append"), WHICH, st.lists(MESSAGE, max_size=3)),
    st.tuples(st.just("replace"), WHICH, MESSAGE),
    st.tuples(st.just("update"), WHICH, st.dictionaries(TEXT, TEXT, max_size=2)),
    st.tuples(st.sampled_from(["touch", "close_thread", "get", "history"]), WHICH),
    st.tuples(st.just("list"), st.sampled_from([None, "maya", "tom"]), st.booleans()),
    st.tuples(st.just("pass"), st.sampled_from([1, 600, 3600, 10_800])),
    st.tuples(st.just("sweep")),
    st.tuples(st.sampled_from(["lease", "renew"]), IDS, st.sampled_from([30, 1200])),
    st.tuples(st.just("release"), IDS),
    st.tuples(st.just("pace"), IDS, st.integers(1, 3)),
    st.tuples(st.just("forget"), st.sampled_from(["maya", "tom"])),
)


class Tried:
    """One memory, asked like all others; its threads are called by the order in which they were made."""

    def __init__(self, memory: Memory) -> None:
        self.memory = memory
        self.ids: list[str] = []
        self.leases: dict[str, Lease] = {}

    def ask(self, step: tuple[Any, ...]) -> object:
        try:
            return self._named(self._asked(*step))
        except LabError as error:
            return type(error).__name__

    def _asked(self, what: str, *given: Any) -> object:
        match what:
            case "create":
                made = self.memory.create(customer=given[0], persona="voice", language=given[1])
                self.ids.append(made.id)
                return made
            case "append":
                return self.memory.append(self._id(given[0]), *given[1])
            case "update":
                return self.memory.update(self._id(given[0]), lambda state: state | given[1])
            case "replace":
                return self.memory.replace(self._id(given[0]), given[1])
            case "list":
                found = self.memory.list(given[0], include_closed=given[1])
                assert [thread.touched_at for thread in found] == sorted((t.touched_at for t in found), reverse=True)
                return sorted(map(self._named, found), key=lambda thread: thread.id)
            case "sweep":
                return self.memory.sweep()
            case "lease":
                lease = self.memory.lease(given[0], for_s=given[1])
                self.leases |= {} if lease is None else {given[0]: lease}
                return lease is not None
            case "renew" | "release" if given[0] not in self.leases:
                return None
            case "renew":
                return self.leases[given[0]].renew(for_s=given[1])
            case "release":
                return self.leases[given[0]].release()
            case "pace":
                return self.memory.pace(given[0], most=given[1], within_s=700)
            case "forget":
                return self.memory.forget(given[0])
            case _:
                return getattr(self.memory, what)(self._id(given[0]))

    def _id(self, which: int) -> str:
        return self.ids[which] if which < len(self.ids) else "thread_none"

    def _named(self, answer: object) -> object:
        id_ = getattr(answer, "id", None)
        return replace(answer, id=f"thread {self.ids.index(id_)}") if id_ in self.ids else answer


@pytest.mark.parametrize("swept", [True, False])
def test_all_stores_answer_alike(url_of, clock, swept):
    with ExitStack() as stack:
        times = {"clock": clock, "idle": IDLE, "retention": RETENTION}
        stores = {
            kind: stack.enter_context(open_memory(url_of(kind), **times))
            for kind in ("ram", "sqlite", "redis", "postgres")
        }

        @settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
        @given(st.lists(STEP if swept else STEP.filter(lambda step: step != ("sweep",)), max_size=25))
        def alike(steps: list[tuple[Any, ...]]) -> None:
            for memory in stores.values():
                memory.forget("maya")
                memory.forget("tom")
            clock.pass_(days=1)
            plain = Tried(Memory(Plain(), **times))
            tried = {kind: Tried(memory) for kind, memory in stores.items()}
            for step in [("create", "maya", "en"), ("create", "tom", "ja"), *steps]:
                if step[0] == "pass":
                    clock.pass_(seconds=step[1])
                    continue
                expected = plain.ask(step)
                for kind, each in tried.items():
                    assert each.ask(step) == expected, f"{kind} answers {step} otherwise"

        alike()
