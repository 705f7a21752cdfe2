"""Pages for the customer's screen, over HTTP: is one wanted, and its writing, under the rules of `write_up`.

The original asked its gate after every turn, several times at once, and could write the same page for ever. Here
everything goes through the rules: the same words are judged once, whoever asks how often; one page at a time; none
twice for the same last turn, also not by another relay on the same memory. A client that asks for a page without
having asked the gate is taken at its word, as a press on a button: the press is the gate's yes, the rules stay.

| resource | acquired | released | on failure |
|---|---|---|---|
| the right to write for a thread's last turn | `begin` | never: it is written | given back |
| the model's work | with the first event that is read | at the page's end | cancelled when nobody reads on |
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import AsyncGenerator, Coroutine
from dataclasses import dataclass, field
from typing import Any, Literal

from contoso_lab.agent.desk import Agent
from contoso_lab.agent.page_talk import Gate, Talk, Verdict, Writer, as_messages, broken_rules, judge, pressed
from contoso_lab.agent.write_up import WriteUpRules
from contoso_lab.agent.write_up_events import (
    TOLD,
    AskGate,
    CancelPage,
    Decision,
    GateAnswered,
    GateFailed,
    Heard,
    Line,
    PageFailed,
    PageFinished,
    ShowPage,
    Tell,
    Tick,
    WritePage,
)
from contoso_lab.errors import LabError, MemoryFault, TurnRefused
from contoso_lab.memory.values import new_id
from contoso_lab.prompts import concerning
from contoso_lab.shop import writeup
from contoso_lab.shop.customers import Customer

logger = logging.getLogger(__name__)

MOST_DESKS = 1_000
"""Threads whose rules are kept at hand; one that comes back later begins with fresh ones."""
MOST_SHOWN = 20

NOTHING_NEW = "nothing was asked for since the last page, or the customer said no"
ABOUT_TO = "a page was found to be wanted, and waits to be fetched"
WRITING = "a page is being written for this thread: wait for it"
WRITTEN = "a page was written for this turn already: it is on the screen"
REPLACED = "the customer has said no, or asked for something else, since the page was begun"


@dataclass(frozen=True, slots=True)
class PageEvent:
    """A part of a page on its way."""

    kind: Literal["start", "text", "done", "error"]
    data: dict[str, Any]


@dataclass(slots=True, eq=False)
class _Desk:
    rules: WriteUpRules
    judging: asyncio.Lock = field(default_factory=asyncio.Lock)
    judged: tuple[Line, ...] | None = None
    verdict: Verdict | None = None
    pending: WritePage | None = None
    writing: Page | None = None
    written_for: str | None = None


class Pages:
    """Everything about pages, for all threads of an agent."""

    def __init__(self, agent: Agent, *, gate: Gate = judge, writer: Writer = writeup.suggest) -> None:
        self.agent = agent
        self.gate = gate
        self.writer = writer
        self._desks: OrderedDict[str, _Desk] = OrderedDict()
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
            await self._heard(desk, talk, pressed)
            if desk.pending is None:
                raise TurnRefused(f"there is no page to write: {NOTHING_NEW}")
            before = await self._claim(desk, talk)
            order, desk.pending, desk.judged = desk.pending, None, None
            desk.writing = Page(self, desk, talk, order, before)
            return desk.writing

    async def _heard(self, desk: _Desk, talk: Talk, gate: Gate) -> Verdict:
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

    async def _claim(self, desk: _Desk, talk: Talk) -> str | None:
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

    def _desk(self, key: str) -> _Desk:
        desk = self._desks.get(key)
        if desk is None:
            names = lambda text: writeup.skus_in(text, self.agent.catalog)  # noqa: E731 - named where it is used
            desk = self._desks[key] = _Desk(WriteUpRules(names, debounce_s=0.0))
            if len(self._desks) > MOST_DESKS:
                self._desks.popitem(last=False)
        self._desks.move_to_end(key)
        return desk


class Page:
    """One page on its way to one customer's screen."""

    def __init__(self, pages: Pages, desk: _Desk, talk: Talk, order: WritePage, before: str | None) -> None:
        self.id = new_id("page")
        self._pages, self._desk, self._talk, self._order, self._before = pages, desk, talk, order, before
        self._task: asyncio.Task[writeup.WriteUp] | None = None
        self._replaced = False
        self._closed = False

    async def events(self) -> AsyncGenerator[PageEvent, None]:
        """The page as it is written: `start` clears the window, then text, then `done` or `error`.

        Closing or cancelling it stops the model's work; the turn can then have its page another time.
        """
        agent = self._pages.agent
        pieces: asyncio.Queue[str | None] = asyncio.Queue()
        written: list[str] = []
        try:
            yield PageEvent("start", {"id": self.id})
            customer = agent.customer(self._talk.customer)
            if self._replaced:
                raise asyncio.CancelledError
            self._task = asyncio.create_task(self._write(customer, pieces))
            while (piece := await pieces.get()) is not None:
                if self._order.held:
                    written.append(piece)
                else:
                    yield PageEvent("text", {"text": piece})
            page = await self._task
            if page.unknown_skus:
                raise TurnRefused(f"the page was thrown away: {page.unknown_skus[0]} is not in the catalogue")
            broken = await asyncio.to_thread(broken_rules, page.text, self._order.lines, customer, agent.catalog)
            shown = any(isinstance(one, ShowPage) for one in self._finish(page.skus))
            if shown:
                for piece in written:
                    yield PageEvent("text", {"text": piece})
                await asyncio.shield(self._pages.later(self._keep(page.skus)))
            yield PageEvent("done", {"id": self.id, "skus": list(page.skus), "shown": shown, "broken": broken})
        except asyncio.CancelledError:
            if not self._replaced:
                raise
            yield PageEvent("error", {"id": self.id, "message": REPLACED})
        except LabError as problem:
            yield PageEvent("error", {"id": self.id, "message": str(problem)})
        finally:
            self.close()

    def replace(self) -> None:
        """The customer has moved on: stop."""
        self._replaced = True
        if self._task is not None:
            self._task.cancel()

    def close(self) -> None:
        """Nobody reads on. A page that was not finished gives back the right to write it."""
        if self._task is not None:
            self._task.cancel()
        if self._closed:
            return
        self._closed = True
        self._desk.writing = None
        self._desk.rules.receive(PageFailed(self._order.page), now_s=self._pages.agent.clock())
        if self._desk.written_for == self._talk.last:
            self._desk.written_for = self._before
        if self._talk.thread_id is not None:
            self._pages.later(self._give_back(self._talk.thread_id))

    async def _write(self, customer: Customer, pieces: asyncio.Queue[str | None]) -> writeup.WriteUp:
        agent = self._pages.agent
        try:
            lines = self._order.lines
            with concerning(self._talk.customer, self._talk.thread_id):
                return await self._pages.writer(
                    as_messages(lines), customer, agent.catalog, agent.target, pieces.put_nowait
                )
        finally:
            pieces.put_nowait(None)

    def _finish(self, skus: tuple[str, ...]) -> tuple[Decision, ...]:
        self._closed = True
        self._desk.writing = None
        return self._desk.rules.receive(PageFinished(self._order.page, skus=skus), now_s=self._pages.agent.clock())

    async def _keep(self, skus: tuple[str, ...]) -> None:
        """Note in the thread what is on the screen: the chat and the call read it there."""
        if self._talk.thread_id is None:
            return
        shown = {"id": self.id, "skus": list(skus), "for": self._talk.last}

        def note(state: dict[str, Any]) -> dict[str, Any]:
            return {**state, "shown": [*state.get("shown", []), shown][-MOST_SHOWN:]}

        await asyncio.to_thread(self._pages.agent.memory.update, self._talk.thread_id, note)

    async def _give_back(self, thread_id: str) -> None:
        def undo(state: dict[str, Any]) -> dict[str, Any]:
            return {**state, "written_for": self._before} if state.get("written_for") == self._talk.last else state

        try:
            await asyncio.to_thread(self._pages.agent.memory.update, thread_id, undo)
        except MemoryFault as problem:
            # Nobody waits for this any more. A thread that is gone needs nothing given back.
            logger.warning("a page's turn could not be given back: %s", type(problem).__name__)
