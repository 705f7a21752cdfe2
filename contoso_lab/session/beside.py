"""What happens beside the call: the write-up gate judges each reply, suggestions appear, the assistant is told.

The rules are `contoso_lab.agent.write_up`; this is the hand that carries them out in a session.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import assert_never

from contoso_lab import prompts
from contoso_lab.agent.write_up import WriteUpRules
from contoso_lab.agent.write_up_events import (
    TOLD,
    AskGate,
    CancelGate,
    CancelPage,
    Decision,
    DropPage,
    GateAnswered,
    GateFailed,
    Heard,
    Line,
    PageFailed,
    PageFinished,
    Requested,
    ShowPage,
    Tell,
    Tick,
    WritePage,
    WriteUpEvent,
)
from contoso_lab.errors import PromptError
from contoso_lab.session.client import Session
from contoso_lab.settings import Target
from contoso_lab.shop import Catalog, Customer
from contoso_lab.shop.writeup import WriteUp, decide, skus_in, suggest
from contoso_lab.wire import Turn

ON_SCREEN = TOLD["shown"]


@dataclass(slots=True)
class WriteUpDesk:
    """The desk beside the phone: writes suggestions when the customer asked to see something.

    Give its `after_reply` to `connect`. When it asks, writes and shows is decided by `WriteUpRules`, on the
    conversation as it was heard.
    """

    target: Target
    customer: Customer
    catalog: Catalog
    on_suggestion: Callable[[str], None] | None = None
    """Called with each piece of Markdown as it is written; a page that may be one that was shown comes in one piece."""
    forgiving: bool = False
    """Tell the assistant when a prompt fails, and go on; otherwise that ends the call with the prompt's sentence."""
    in_thread: bool = False
    """The call goes on with a thread: the relay is told of the page, and tells the assistant and the thread."""
    clock_ns: Callable[[], int] = time.monotonic_ns
    """By which durations are told."""
    _rules: WriteUpRules = field(init=False)
    _work: asyncio.Task[WriteUpEvent] | None = field(default=None, init=False)
    """The question or the page that is on."""
    _page: _Page | None = field(default=None, init=False)
    """The page that is written, or waits to be shown."""
    _begun: int = field(default=0, init=False)
    _requests: int = field(default=0, init=False)
    """How many of the assistant's own wishes were taken in."""
    pages: list[WriteUp] = field(default_factory=list, init=False)
    """What was shown, the first first."""

    def __post_init__(self) -> None:
        self._rules = WriteUpRules(lambda text: skus_in(text, self.catalog))

    @property
    def shown(self) -> int:
        """How many pages were shown."""
        return len(self.pages)

    async def prepare(self) -> None:
        """Load what the desk will need, before the call: the first prompt's imports would hold up the sound."""
        await asyncio.to_thread(prompts.prepare, "writeup_gate", "suggestions")

    async def after_reply(self, session: Session) -> None:
        """Do what the rules say, until they have nothing more to do. Cancelling it stops the writing, too."""
        clock = asyncio.get_running_loop().time  # the call's own clock may stand still where a test holds it
        event: WriteUpEvent = Heard(_lines(session))
        try:
            while True:
                for decision in self._rules.receive(event, now_s=clock()):
                    await self._carry_out(decision, session)
                if (requested := self._request(session)) is not None:
                    event = requested
                    continue
                due_s = self._rules.due_s
                if due_s is None:
                    return
                event = await self._next(session, _lines(session), within_s=max(0.0, due_s - clock()))
        finally:
            await self._stop()

    async def _next(self, session: Session, lines: tuple[Line, ...], *, within_s: float) -> WriteUpEvent:
        """What happens first: the work is done, somebody says something, or time passes."""
        changed = asyncio.create_task(session.until(lambda: _lines(session) != lines))
        try:
            await asyncio.wait(
                {changed, *filter(None, [self._work])}, timeout=within_s, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            changed.cancel()
            await asyncio.wait([changed])
        # First what was said: a page that is just ready is not shown to a customer who just said no.
        if _lines(session) != lines:
            return Heard(_lines(session))
        if self._work is not None and self._work.done():
            done, self._work = self._work, None
            return done.result()
        return Tick()

    def _request(self, session: Session) -> Requested | None:
        """The next thing that the assistant itself wants on the screen."""
        if self._requests == len(session.requested):
            return None
        name, skus = session.requested[self._requests]
        self._requests += 1
        return Requested(skus, name)

    async def _carry_out(self, decision: Decision, session: Session) -> None:
        match decision:
            case AskGate():
                self._work = asyncio.create_task(self._ask(decision, session))
            case WritePage():
                self._begun += 1
                self._page = _Page(decision.name or f"suggestion_{self._begun}", decision, self.clock_ns())
                await session.note("suggestion.started", **self._page.where)
                self._work = asyncio.create_task(self._write(self._page, session))
            case ShowPage():
                await self._show(session)
            case Tell(what):
                if what != "shown" or not self.in_thread:
                    await session.tell(TOLD[what])
            case CancelPage() | DropPage():
                await self._stop()
                if self._page is not None:
                    happened = "suggestion.cancelled" if isinstance(decision, CancelPage) else "suggestion.dropped"
                    await session.note(happened, **self._page.where)
            case CancelGate():
                await self._stop()
            case _:
                assert_never(decision)

    async def _ask(self, asked: AskGate, session: Session) -> WriteUpEvent:
        started_ns = self.clock_ns()
        try:
            decision = await decide(_messages(asked.lines), self.target, clock_ns=self.clock_ns)
        except PromptError as error:
            if not self.forgiving:
                raise
            await session.note("gate.failed", after_item_id=asked.after, reason=str(error))
            return GateFailed(asked.question)
        await session.note("prompt.run", run=decision.run.to_dict())
        await session.note(
            "gate.decided",
            after_item_id=asked.after,
            requested=decision.requested,
            reason=decision.reason,
            duration_ms=self._since_ms(started_ns),
        )
        return GateAnswered(asked.question, decision.requested)

    async def _write(self, page: _Page, session: Session) -> WriteUpEvent:
        on_text = None if page.order.held else self.on_suggestion
        try:
            written = await suggest(
                _messages(page.order.lines), self.customer, self.catalog, self.target, on_text, clock_ns=self.clock_ns
            )
        except PromptError as error:
            if not self.forgiving:
                raise
            await session.note("suggestion.failed", **page.where, reason=str(error))
            return PageFailed(page.order.page)
        page.written, page.duration_ms = written, self._since_ms(page.started_ns)
        await session.note("prompt.run", run=written.run.to_dict())
        return PageFinished(page.order.page, written.skus)

    async def _show(self, session: Session) -> None:
        page = self._page
        if page is None or page.written is None:
            return
        if page.order.held and self.on_suggestion is not None:
            self.on_suggestion(page.written.text)
        self.pages.append(page.written)
        if self.in_thread:
            told = {"suggestion_id": page.id, "skus": list(page.written.skus), "text": page.written.text}
            await session.send({"type": "lab.suggestions.shown", **told})
            return
        await session.note(
            "suggestion.shown",
            **page.where,
            text=page.written.text,
            skus=list(page.written.skus),
            unknown_skus=list(page.written.unknown_skus),
            duration_ms=page.duration_ms,
        )

    def _since_ms(self, started_ns: int) -> float:
        return round((self.clock_ns() - started_ns) / 1e6, 1)

    async def _stop(self) -> None:
        """End the question or the page that is on; the prompt's connection closes with it."""
        work, self._work = self._work, None
        if work is not None:
            work.cancel()
            await asyncio.wait([work])


@dataclass(slots=True)
class _Page:
    """A page in the making."""

    id: str
    order: WritePage
    started_ns: int
    written: WriteUp | None = None
    duration_ms: float = 0.0

    @property
    def where(self) -> dict[str, str]:
        """Which page it is, in the recording's notes."""
        return {"suggestion_id": self.id, "after_item_id": self.order.after}


def _lines(session: Session) -> tuple[Line, ...]:
    """The conversation as heard, for the rules."""
    return tuple(
        Line(turn.item_id, turn.role, turn.heard, _is_done(turn, session))
        for turn in session.conversation.turns
        if turn.role in ("user", "assistant")
    )


def _is_done(turn: Turn, session: Session) -> bool:
    """Whether the words of the customer are there, or the reply is complete and was not cut short."""
    if turn.role == "user":
        return session.written(turn)
    being_made = turn.response_id is not None and turn.response_id == session.conversation.active_response_id
    return turn.status == "done" and not being_made


def _messages(lines: Iterable[Line]) -> list[dict[str, str]]:
    return [{"role": line.role, "content": line.text.strip()} for line in lines]
