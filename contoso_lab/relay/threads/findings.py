"""Holds what the agent says in a call against the rules that code can check, while the call goes on.

Each finished reply is looked at a moment later, when it is known what of it was heard, by one worker that all calls
share: nothing that is said waits for it. What breaks a rule becomes a `reply.finding` in the recording and a
`lab.finding` for the client: which rule, the words, and what the catalogue says. The rules are those of `shop.rules`.

| resource | acquired | released | on failure |
|---|---|---|---|
| the replies that wait, the timer | when one is finished | when checked, or with the call | the oldest go first |
| the worker | with the first check of the process | with the process | the log says so, the call goes on |
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from contoso_lab.errors import LabError
from contoso_lab.relay.access.tokens import Grant
from contoso_lab.relay.calls.memory import Memory as Items
from contoso_lab.relay.calls.timers import Later, Timer
from contoso_lab.relay.watching.journal import line, logger

if TYPE_CHECKING:
    from contoso_lab.relay.calls.scribe import Scribe

CHECK_AFTER_S = 1.5
"""How long after a reply's last change it is looked at: a reply that is cut off is judged by what was heard."""
MOST_WAITING = 50
MOST_TURNS = 60
"""How many turns before a reply it is judged by."""
_WORKER = ThreadPoolExecutor(1, thread_name_prefix="rules")  # no thread before the first check


@dataclass(frozen=True, slots=True)
class Broken:
    """One rule that a reply breaks."""

    item_id: str
    kind: str
    verdict: str
    words: str
    says: str
    start: int
    sku: str | None = None


Check = Callable[[Sequence[dict[str, Any]]], list[Broken]]
"""Judges the last of these turns (`{"role", "content", "id"}`) by those before it."""


class Findings:
    """Of one call."""

    def __init__(self, check: Check, *, call_id: str = "-") -> None:
        self._check, self._call_id = check, call_id
        self._waiting: dict[str, None] = {}
        self._known: set[tuple[str, str, int]] = set()
        self._timer: Timer | None = None
        self._task: asyncio.Task[None] | None = None
        self._over = False

    def follow(self, items: Items, *, scribe: Scribe, later: Later) -> None:
        """Look at the replies that this memory of items learns of."""
        self._items, self._scribe, self._later = items, scribe, later
        items.followers.append(self._changed)

    async def close(self) -> None:
        """The call is over: its recording is closed, so nothing can be noted any more."""
        self._over = True
        if self._timer is not None:
            self._timer.cancel()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    def _changed(self, item_id: str) -> None:
        spoken = self._items.spoken(item_id)
        if self._over or spoken is None or spoken.role != "assistant":
            return
        self._waiting.pop(item_id, None)
        self._waiting[item_id] = None
        if len(self._waiting) > MOST_WAITING:
            del self._waiting[next(iter(self._waiting))]
        self._soon()

    def _soon(self) -> None:
        if self._timer is None and self._task is None and not self._over:
            self._timer = self._later(CHECK_AFTER_S, self._begin)

    def _begin(self) -> None:
        self._timer = None
        waiting, self._waiting = list(self._waiting), {}
        self._task = asyncio.get_running_loop().create_task(self._run(waiting))

    async def _run(self, item_ids: list[str]) -> None:
        try:
            for item_id in item_ids:
                if turns := self._turns_up_to(item_id):
                    loop = asyncio.get_running_loop()
                    self._tell(await loop.run_in_executor(_WORKER, self._check, turns))
        except LabError as error:  # such as a customer whom the shop does not know: nothing can be checked then
            self._over = True
            logger.warning(line(self._call_id, "rules.unchecked", error=type(error).__name__))
        finally:
            self._task = None
        if self._waiting:
            self._soon()

    def _turns_up_to(self, item_id: str) -> list[dict[str, Any]]:
        turns: list[dict[str, Any]] = []
        for each in self._items.order():
            if (spoken := self._items.spoken(each)) is not None:
                said = spoken.text if spoken.heard is None else spoken.heard
                turns.append({"role": spoken.role, "content": said, "id": each})
            if each == item_id:
                break
        return turns[-MOST_TURNS:] if turns and turns[-1]["id"] == item_id and turns[-1]["content"].strip() else []

    def _tell(self, found: list[Broken]) -> None:
        for one in found:
            if self._over or (one.item_id, one.kind, one.start) in self._known:
                continue
            self._known.add((one.item_id, one.kind, one.start))
            fields = {"item_id": one.item_id, "kind": one.kind, "verdict": one.verdict, "words": one.words}
            self._scribe.note("reply.finding", **fields, says=one.says, sku=one.sku)
            self._scribe.tell("lab.finding", **fields, says=one.says, sku=one.sku)
            logger.info(line(self._call_id, "rule.broken", kind=one.kind))  # which, never the words


def shop_rules(grant: Grant) -> Check:
    """The shop's own rules for a call; what they need is loaded with the first reply, by the worker."""
    loaded: list[Any] = []

    def check(turns: Sequence[dict[str, Any]]) -> list[Broken]:
        from contoso_lab import prompts
        from contoso_lab.shop.catalog import Catalog
        from contoso_lab.shop.customers import get_customer
        from contoso_lab.shop.rules import check_reply

        if not loaded:
            persona = prompts.load(grant.persona).persona
            language = None if persona is None else persona.language
            loaded.extend((get_customer(grant.customer), Catalog.load(), language))
        found = check_reply(turns, *loaded)
        last = turns[-1]["id"]
        return [
            Broken(last, one.kind, one.verdict, one.words, one.catalogue, one.start, one.sku)
            for one in found
            if one.turn_id == last
        ]

    return check
