"""One page on its way to one customer's screen: begun, written piece by piece, kept or given back.

| resource | acquired | released | on failure |
|---|---|---|---|
| the model's work | with the first event that is read | at the page's end | cancelled when nobody reads on |
| the lease of the thread's screen | by `Pages.begin` | at the page's end | it ends by itself |
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from contoso_lab.agent.page_talk import Talk, Verdict, as_messages, broken_rules
from contoso_lab.agent.write_up import WriteUpRules
from contoso_lab.agent.write_up_events import Decision, Line, PageFailed, PageFinished, ShowPage, WritePage
from contoso_lab.errors import LabError, MemoryFault, TurnRefused
from contoso_lab.memory import Lease
from contoso_lab.memory.values import new_id
from contoso_lab.prompts import concerning
from contoso_lab.shop import writeup
from contoso_lab.shop.customers import Customer
from contoso_lab.shop.shown import with_shown

if TYPE_CHECKING:
    from contoso_lab.agent.pages import Pages

logger = logging.getLogger(__name__)

REPLACED = "the customer has said no, or asked for something else, since the page was begun"


@dataclass(frozen=True, slots=True)
class PageEvent:
    """A part of a page on its way."""

    kind: Literal["start", "text", "done", "error"]
    data: dict[str, Any]


@dataclass(slots=True, eq=False)
class PageDesk:
    """The rules of one thread's pages, and what is under way."""

    rules: WriteUpRules
    judging: asyncio.Lock = field(default_factory=asyncio.Lock)
    judged: tuple[Line, ...] | None = None
    verdict: Verdict | None = None
    pending: WritePage | None = None
    writing: Page | None = None
    written_for: str | None = None


class Page:
    """One page on its way to one customer's screen."""

    def __init__(
        self, pages: Pages, desk: PageDesk, talk: Talk, order: WritePage, before: str | None, *, lease: Lease | None
    ) -> None:
        self.id = new_id("page")
        self._pages, self._desk, self._talk, self._order, self._before = pages, desk, talk, order, before
        self._lease = lease
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
            customer = await asyncio.to_thread(agent.buyer, self._talk.customer)
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
        if self._lease is not None:
            lease, self._lease = self._lease, None
            self._pages.later(end(lease))
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
            return with_shown(state, shown)

        await asyncio.to_thread(self._pages.agent.memory.update, self._talk.thread_id, note)

    async def _give_back(self, thread_id: str) -> None:
        def undo(state: dict[str, Any]) -> dict[str, Any]:
            return {**state, "written_for": self._before} if state.get("written_for") == self._talk.last else state

        try:
            await asyncio.to_thread(self._pages.agent.memory.update, thread_id, undo)
        except MemoryFault as problem:
            # Nobody waits for this any more. A thread that is gone needs nothing given back.
            logger.warning("a page's turn could not be given back: %s", type(problem).__name__)


async def end(lease: Lease) -> None:
    """Give a screen back."""
    try:
        await asyncio.to_thread(lease.release)
    except MemoryFault as problem:
        logger.warning("a screen could not be given back, its lease ends by itself: %s", type(problem).__name__)
