"""Pages for the customer's screen, over HTTP: is one wanted, and its writing, under the rules of `write_up`.

The original asked its gate after every turn, several times at once, and could write the same page for ever. Here
everything goes through the rules: the same words are judged once, whoever asks how often; one page at a time; none
twice for the same last turn, also not by another relay on the same memory. A client that asks for a page without
having asked the gate is taken at its word, as a press on a button: the press is the gate's yes, the rules stay.

| resource | acquired | released | on failure |
|---|---|---|---|
| the right to write for a thread's last turn | `begin` | never: it is written | given back |
| the lease of a thread's screen | `begin` | at the page's end | it ends by itself |
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Coroutine
from typing import Any

from contoso_lab.agent.desk import Agent
from contoso_lab.agent.page import REPLACED, Page, PageDesk, end
from contoso_lab.agent.page_talk import Gate, Talk, Verdict, Writer, as_messages, judge, pressed
from contoso_lab.agent.write_up import WriteUpRules
from contoso_lab.agent.write_up_events import (
    TOLD,
    AskGate,
    CancelPage,
    GateAnswered,
    GateFailed,
    Heard,
    PageFailed,
    Tell,
    Tick,
    WritePage,
)
from contoso_lab.agent.write_up_judging import PAGE_PATIENCE_S
from contoso_lab.errors import TurnRefused
from contoso_lab.memory import Lease
from contoso_lab.prompts import concerning
from contoso_lab.shop import writeup

logger = logging.getLogger(__name__)

LEASED_S = PAGE_PATIENCE_S + 30
"""How long a page may hold the screen: a relay that was killed in the middle holds up others no longer."""
MOST_DESKS = 1_000
"""Threads whose rules are kept at hand; one that comes back later begins with fresh ones."""

NOTHING_NEW = "nothing was asked for since the last page, or the customer said no"
ABOUT_TO = "a page was found to be wanted, and waits to be fetched"
WRITING = "a page is being written for this thread: wait for it"
WRITTEN = "a page was written for this turn already: it is on the screen"


class Pages:
    """Everything about pages, for all threads of an agent."""

    def __init__(self, agent: Agent, *, gate: Gate = judge, writer: Writer = writeup.suggest) -> None:
        self.agent = agent
        self.gate = gate
        self.writer = writer
        self._desks: OrderedDict[str, PageDesk] = OrderedDict()
        self._after: set[asyncio.Future[None]] = set()
        """Work that goes on when nobody waits for it any more."""

    async def wanted(self, talk: Talk) -> Verdict:
        """Whether a page should be written now. The same conversation is judged once, however often it is asked.

        Raises:
            PromptError: the gate's target does not answer, or not in its shape.
        """
        await self.agent.ready()
        desk = self._desk(talk.key)
        async with desk.judging:
            if desk.judged == talk.lines and desk.verdict is not None:
                return desk.verdict
            verdict = await self._heard(desk, talk, self.gate)
            if desk.writing is None:  # what was said meanwhile is judged when the page is done
                desk.judged, desk.verdict = talk.lines, verdict
            return verdict

    async def begin(self, talk: Talk) -> Page:
        """Take on the writing of a page. It begins with `Page.events`, and whoever does not read them says `close`.

        Raises:
            TurnRefused: one is being written, was written for this turn, or nothing asks for one.
        """
        await self.agent.ready()
        desk = self._desk(talk.key)
        async with desk.judging:
            if desk.writing is not None:
                raise TurnRefused(WRITING)
            if desk.written_for == talk.last:
                raise TurnRefused(WRITTEN)
            # The screen first: who is refused for another's page has not used up its own wish.
            lease = await self._claim_screen(talk)
            try:
                await self._heard(desk, talk, pressed)
                if desk.pending is None:
                    raise TurnRefused(f"there is no page to write: {NOTHING_NEW}")
                before = await self._claim(desk, talk)
            except BaseException:
                if lease is not None:
                    self.later(end(lease))
                raise
            order, desk.pending, desk.judged = desk.pending, None, None
            desk.writing = Page(self, desk, talk, order, before, lease=lease)
            return desk.writing

    async def _heard(self, desk: PageDesk, talk: Talk, gate: Gate) -> Verdict:
        """Tell the rules what was said, and do what they ask for."""
        now = self.agent.clock
        todo = [*desk.rules.receive(Tick(), now_s=now()), *desk.rules.receive(Heard(talk.lines), now_s=now())]
        if desk.writing is not None:
            verdict = Verdict(False, WRITING)
        else:
            verdict = Verdict(desk.pending is not None, ABOUT_TO if desk.pending else NOTHING_NEW)
        reason = ""
        while todo:
            match todo.pop(0):
                case AskGate(question, lines):
                    try:
                        with concerning(talk.customer, talk.thread_id):
                            told = await gate(as_messages(lines), self.agent.target)
                    except BaseException:
                        desk.rules.receive(GateFailed(question), now_s=now())
                        raise
                    reason = told.reason
                    verdict = Verdict(False, NOTHING_NEW if told.requested else reason)
                    todo += desk.rules.receive(GateAnswered(question, requested=told.requested), now_s=now())
                case WritePage() as order:
                    desk.pending, verdict = order, Verdict(True, reason)
                case CancelPage():
                    desk.pending, verdict = None, Verdict(False, REPLACED)
                    if desk.writing is not None:
                        desk.writing.replace()
                case Tell(what):
                    verdict = Verdict(False, TOLD[what])
        return verdict

    async def _claim_screen(self, talk: Talk) -> Lease | None:
        """The right to write on a thread's screen, among all relays on its memory."""
        if talk.thread_id is None:
            return None
        lease = await asyncio.to_thread(self.agent.memory.lease, f"page/{talk.thread_id}", for_s=LEASED_S)
        if lease is None:
            raise TurnRefused(WRITING)
        return lease

    async def _claim(self, desk: PageDesk, talk: Talk) -> str | None:
        """Note that this turn's page is being written; what was noted before comes back."""
        before: str | None = desk.written_for

        def claim(state: dict[str, Any]) -> dict[str, Any]:
            nonlocal before
            before = state.get("written_for")
            if before == talk.last:
                raise TurnRefused(WRITTEN)
            return {**state, "written_for": talk.last}

        if talk.thread_id is not None:
            try:
                await asyncio.to_thread(self.agent.memory.update, talk.thread_id, claim)
            except TurnRefused:
                if desk.pending is not None:
                    desk.rules.receive(PageFailed(desk.pending.page), now_s=self.agent.clock())
                    desk.pending = None
                raise
        desk.written_for = talk.last
        return before

    def later(self, work: Coroutine[Any, Any, None]) -> asyncio.Future[None]:
        """Do something to its end, even if whoever waits for it leaves."""
        task = asyncio.ensure_future(work)
        self._after.add(task)
        task.add_done_callback(self._after.discard)
        return task

    def _desk(self, key: str) -> PageDesk:
        desk = self._desks.get(key)
        if desk is None:
            names = lambda text: writeup.skus_in(text, self.agent.catalog)  # noqa: E731 - named where it is used
            desk = self._desks[key] = PageDesk(WriteUpRules(names, debounce_s=0.0))
            if len(self._desks) > MOST_DESKS:
                self._desks.popitem(last=False)
        self._desks.move_to_end(key)
        return desk
