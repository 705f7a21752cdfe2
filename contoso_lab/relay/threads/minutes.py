"""Takes the minutes of a call: what is said goes into its thread as it happens, as it was heard.

The call's own memory of items says that something is new about one. Here the items wait a moment and are written
together, in a task that nobody waits for: a transcript that comes late and a reply that is cut off take the place of
what was written before. Each message names the one that it follows, so the order in which they arrive says nothing.

| resource | acquired | released | on failure |
|---|---|---|---|
| the items that wait | when something is new | when they are written | the oldest go first when they are too many |
| the timer, the task | when the first item waits | when nothing waits, or `close` | tried again; counted and logged |

A memory that fails never breaks the call. A thread that is gone, because the customer asked to be forgotten, is
written no more.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from typing import Any

from contoso_lab.agent.wishes import offers_to_show, stance
from contoso_lab.errors import LabError, MemoryClosed, MemoryMissing
from contoso_lab.memory import Memory, Message
from contoso_lab.relay.calls.actions import Agree, Show
from contoso_lab.relay.calls.memory import Memory as Items
from contoso_lab.relay.calls.timers import Later, Timer, loop_later
from contoso_lab.relay.threads.ledger import Ledger
from contoso_lab.relay.watching.journal import line, logger
from contoso_lab.relay.watching.watch import Watch
from contoso_lab.shop.agreeing import agrees_to_buy, with_button, with_words
from contoso_lab.shop.shown import with_shown

WRITE_AFTER_S = 0.2
"""How long an item waits for others, and for its own next change."""
AGAIN_AFTER_S = 2.0
"""How long after a failure it is tried again."""
GOODBYE_S = 2.0
"""How long the end of a call waits for what is unwritten."""
WORDS_S = 2.0
"""How long a tool that needs a consent waits for words that were said and are not written down yet."""
NEEDS_CONSENT = frozenset({"show_suggestions", "checkout"})
MOST_WAITING = 2000


_Step = Callable[[dict[str, Any]], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class _Batch:
    new: list[Message]
    changed: list[Message]
    states: list[_Step]


class Minutes:
    """Of one call.

    Args:
        ledger: where they go.
        thread_id: into which thread.
        call_id: the call's name, in each message.
        recording: the name of its recording, if there is one.
        watch: is told of failures.
        now: the time of day.
    """

    def __init__(
        self,
        ledger: Ledger,
        thread_id: str,
        call_id: str,
        *,
        watch: Watch,
        recording: str | None = None,
        later: Later = loop_later,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.thread_id = thread_id
        self._ledger, self._call_id, self._watch = ledger, call_id, watch
        self._meta: Mapping[str, Any] = {} if recording is None else {"recording": recording}
        self._later, self._now = later, now
        self._items: Items | None = None
        self._waiting: dict[str, None] = {}
        self._at: dict[str, datetime] = {}
        self._written: dict[str, Message] = {}
        self._states: list[_Step] = []
        self._timer: Timer | None = None
        self._task: asyncio.Task[None] | None = None
        self._writing = asyncio.Lock()
        self._worded = asyncio.Event()
        self._over = False

    @property
    def unwritten(self) -> bool:
        """Whether something waits or is being written."""
        return bool(self._waiting or self._states or self._writing.locked())

    def follow(self, items: Items) -> None:
        """Write down what this memory of items learns."""
        self._items = items
        items.followers.append(self._changed)

    def stop(self) -> None:
        """Write nothing more: the customer is to be forgotten, and their thread is deleted."""
        self._over = True
        self._waiting, self._states = {}, []

    def shown(self, show: Show) -> None:
        """A write-up is on the customer's screen."""
        entry = {"id": show.suggestion_id, "skus": list(show.skus), "text": show.text, "call_id": self._call_id}
        entry["at"] = self._now().isoformat()

        self._states.append(partial(with_shown, page=entry))
        self._soon()

    def agreed(self, agree: Agree) -> None:
        """The customer pressed the button that buys for this total."""
        self._states.append(partial(with_button, total=Decimal(agree.total)))
        self._soon()

    async def flush(self, tool: str = "") -> None:
        """Write what waits now: a tool is about to read the thread. A failure is tried again later.

        One that needs the customer's consent waits a moment for their words: a transcript may be later than the model.
        """
        if tool in NEEDS_CONSENT and self._items is not None and self._items.awaits_words:
            self._worded.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(WORDS_S):
                    await self._worded.wait()
        await self._write()

    async def close(self) -> None:
        """Write what is unwritten; the call is over, so this is the last chance and takes no longer than it may."""
        if self._timer is not None:
            self._timer.cancel()
        try:
            async with asyncio.timeout(GOODBYE_S):
                await self._write()
        except TimeoutError:
            self._failed(TimeoutError())
        finally:
            self._over = True
            if self._timer is not None:
                self._timer.cancel()

    def _changed(self, item_id: str) -> None:
        if self._items is not None and not self._items.awaits_words:
            self._worded.set()
        self._at.setdefault(item_id, self._now())
        self._waiting[item_id] = None
        if len(self._waiting) > MOST_WAITING:
            del self._waiting[next(iter(self._waiting))]
        self._soon()

    def _soon(self, delay_s: float = WRITE_AFTER_S) -> None:
        if self._timer is None and self._task is None and not self._over:
            self._timer = self._later(delay_s, self._begin)

    def _begin(self) -> None:
        self._timer = None
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def _run(self) -> None:
        try:
            failed = not await self._write()
        finally:
            self._task = None
        if self._waiting or self._states:
            self._soon(AGAIN_AFTER_S if failed else WRITE_AFTER_S)

    async def _write(self) -> bool:
        """Write what waits now, and after what is being written; whether that was possible."""
        async with self._writing:
            return await self._write_batch()

    async def _write_batch(self) -> bool:
        taken, states = list(self._waiting), self._states
        self._waiting, self._states = {}, []
        batch = self._batch(taken, states)
        if self._over or not (batch.new or batch.changed or batch.states):
            return True
        try:
            await self._ledger.ask(lambda memory: _carry_out(memory, self.thread_id, batch))
        except (MemoryMissing, MemoryClosed) as error:
            self._over = True
            self._failed(error)
            return True
        except LabError as error:
            self._waiting = dict.fromkeys(taken) | self._waiting
            self._states = states + self._states
            self._failed(error)
            return False
        self._written |= {message.id: message for message in (*batch.new, *batch.changed)}
        return True

    def _batch(self, item_ids: list[str], states: list[_Step]) -> _Batch:
        new: list[Message] = []
        changed: list[Message] = []
        steps: list[_Step] = []
        order = self._items.order() if self._items is not None and item_ids else []
        wanted = set(item_ids)
        before: str | None = None
        answered = ""
        for item_id in order:
            if self._items is None or not self._items.is_said(item_id):
                continue
            if item_id in wanted and (spoken := self._items.spoken(item_id)) is not None:
                id_ = self._name(item_id)
                if (known := self._written.get(id_)) is None:
                    new.append(
                        Message(
                            "call",
                            "user" if spoken.role == "user" else "assistant",
                            spoken.text,
                            id=id_,
                            heard=spoken.heard,
                            after=before,
                            at=self._at.get(item_id),
                            call_id=self._call_id,
                            meta=self._meta,
                        )  # fmt: skip
                    )
                elif (known.text, known.heard) != (spoken.text, spoken.heard):
                    changed.append(replace(known, text=spoken.text, heard=spoken.heard))
                if spoken.role == "user" and (agreed := _screen_consent(spoken.text, answered)) is not None:
                    steps.append(partial(_with_consent, agreed=agreed))
                if spoken.role == "user" and agrees_to_buy(spoken.text, asked=answered) is not None:
                    steps.append(partial(with_words, said=spoken.text, asked=answered))
            before = self._name(item_id)
            if (said := self._items.spoken(item_id)) is not None and said.role == "assistant":
                answered = said.text if said.heard is None else said.heard
        return _Batch(new, changed, [*steps, *states])

    def _name(self, item_id: str) -> str:
        """A message's id. Servers number the items of each call anew, so an item's own would not do."""
        return f"{self._call_id}:{item_id}"[:200]

    def _failed(self, error: BaseException) -> None:
        self._watch.error("memory")
        logger.warning(line(self._call_id, "memory.failed", error=type(error).__name__))


def _screen_consent(text: str, answered: str) -> bool | None:
    """Whether a customer's words allow that something is shown, or forbid it; most say nothing about it.

    >>> _screen_consent("Yes, please.", "Shall I put it on your screen?"), _screen_consent("Yes, please.", "A tea?")
    (True, None)
    """
    match stance(text):
        case "asks":
            return True
        case "agrees" if offers_to_show(answered):
            return True
        case "declines":
            return False
    return None


def _with_consent(state: dict[str, Any], *, agreed: bool) -> dict[str, Any]:
    return state | {"consent": {**(state.get("consent") or {}), "screen": agreed}}


def _carry_out(memory: Memory, thread_id: str, batch: _Batch) -> None:
    """Write a batch; doing it a second time changes nothing but the list of what was shown."""
    if batch.new:
        kept = memory.append(thread_id, *batch.new)
        for message, was in zip(batch.new, kept, strict=True):
            if (message.text, message.heard) != (was.text, was.heard):
                memory.replace(thread_id, message)  # an earlier try got through, and we were not told
    for message in batch.changed:
        memory.replace(thread_id, message)
    if batch.states:

        def change(state: dict[str, Any]) -> dict[str, Any]:
            for step in batch.states:
                state = step(state)
            return state

        memory.update(thread_id, change)
