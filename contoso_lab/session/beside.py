"""What happens beside the call: the write-up gate judges each reply, suggestions appear, the assistant is told."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from contoso_lab import prompts
from contoso_lab.session.client import Session
from contoso_lab.settings import Target
from contoso_lab.shop import Catalog, Customer, thread
from contoso_lab.shop.writeup import decide, suggest
from contoso_lab.wire import Turn

ON_SCREEN = "The suggestions are now on the customer's screen."


@dataclass(slots=True)
class WriteUpDesk:
    """The desk beside the phone: writes suggestions when the customer asked to see something.

    Give its `after_reply` to `connect`. It judges the conversation as it was heard, runs once per
    finished reply and never for a reply that it caused itself.
    """

    target: Target
    customer: Customer
    catalog: Catalog
    on_suggestion: Callable[[str], None] | None = None
    """Called with each piece of Markdown as it is written."""
    shown: int = field(default=0, init=False)
    _judged: str | None = field(default=None, init=False)
    """The customer's last turn when the gate was asked: without a later one there is nothing new to judge."""
    _answered: str | None = field(default=None, init=False)
    """The last turn that was on the table when a page was written: what came before it is settled."""

    async def prepare(self) -> None:
        """Load what the desk will need, before the call: the first prompt's imports would hold up the sound."""
        await asyncio.to_thread(prompts.prepare, "writeup_gate", "suggestions")

    async def after_reply(self, session: Session) -> None:
        """Judge the conversation; on yes, write, show, and tell the assistant that it is on screen."""
        # A server may answer before it has written down what it answers to.
        await session.until(lambda: _all_written(session))
        turns = tuple(turn for turn in session.conversation.turns if not _being_said(turn))
        open_turns = _after(turns, self._answered)
        asked = [turn.item_id for turn in open_turns if turn.role == "user" and turn.heard]
        if not asked or asked[-1] == self._judged:
            return  # nothing was asked since: this is the greeting, or our own "it is on your screen"
        self._judged = asked[-1]
        after_item_id = turns[-1].item_id

        started_ns = time.monotonic_ns()
        decision = await decide(thread(open_turns), self.target)
        await session.note("prompt.run", run=decision.run.to_dict())
        await session.note(
            "gate.decided",
            after_item_id=after_item_id,
            requested=decision.requested,
            reason=decision.reason,
            duration_ms=_since_ms(started_ns),
        )
        if not decision.requested:
            return

        self._answered = after_item_id
        suggestion_id = f"suggestion_{self.shown + 1}"
        started_ns = time.monotonic_ns()
        await session.note("suggestion.started", suggestion_id=suggestion_id, after_item_id=after_item_id)
        page = await suggest(thread(turns), self.customer, self.catalog, self.target, on_text=self.on_suggestion)
        await session.note("prompt.run", run=page.run.to_dict())
        await session.note(
            "suggestion.shown",
            suggestion_id=suggestion_id,
            after_item_id=after_item_id,
            text=page.text,
            skus=list(page.skus),
            unknown_skus=list(page.unknown_skus),
            duration_ms=_since_ms(started_ns),
        )
        self.shown += 1
        await session.tell(ON_SCREEN)


def _being_said(turn: Turn) -> bool:
    return turn.role == "user" and turn.status == "open"


def _all_written(session: Session) -> bool:
    """Whether the words of the customer are there for all that was answered."""
    turns = session.conversation.turns
    answers = [place for place, turn in enumerate(turns) if turn.role == "assistant"]
    asked = turns[: answers[-1] if answers else 0]
    return all(session.written(turn) for turn in asked if turn.role == "user")


def _after(turns: tuple[Turn, ...], item_id: str | None) -> tuple[Turn, ...]:
    """The turns behind the one with this id; all of them when there is none."""
    places = [place for place, turn in enumerate(turns) if turn.item_id == item_id]
    return turns[places[0] + 1 :] if places else turns


def _since_ms(started_ns: int) -> float:
    return round((time.monotonic_ns() - started_ns) / 1e6, 1)
