"""What the pages are about: a conversation as their rules take it, a verdict on it, and who gives and serves it."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from contoso_lab.agent.write_up_events import Line
from contoso_lab.memory import Message, Thread
from contoso_lab.settings import Target
from contoso_lab.shop import writeup
from contoso_lab.shop.catalog import Catalog
from contoso_lab.shop.customers import Customer
from contoso_lab.shop.rules import check_page
from contoso_lab.shop.thread import Messages

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a page is wanted, and why."""

    requested: bool
    reason: str


Gate = Callable[[Messages, Target], Awaitable[Verdict]]
"""Judges whether a page is wanted."""
Writer = Callable[[Messages, Customer, Catalog, Target, Callable[[str], object]], Awaitable[writeup.WriteUp]]
"""Writes a page, and hands out its pieces as they come."""


async def judge(messages: Messages, target: Target) -> Verdict:
    """Ask the shop's own gate."""
    decision = await writeup.decide(messages, target)
    return Verdict(decision.requested, decision.reason)


@dataclass(frozen=True, slots=True)
class Talk:
    """A conversation as it stands, wherever it is kept."""

    key: str
    """Whose rules it falls under."""
    customer: str
    lines: tuple[Line, ...]
    thread_id: str | None = None

    @classmethod
    def of_thread(cls, thread: Thread, history: Sequence[Message]) -> Talk:
        """A thread of the memory: of each message only what was heard."""
        lines = tuple(Line(m.id, m.role, m.as_heard, done=m.as_heard == m.text) for m in history)
        return cls(f"thread/{thread.id}", thread.customer, lines, thread.id)

    @classmethod
    def of_messages(
        cls, owner: str, customer: str, messages: Sequence[tuple[Literal["user", "assistant"], str]]
    ) -> Talk:
        """What a client keeps itself; a line is known again by all that was said up to it."""
        so_far, lines = hashlib.sha256(), []
        for role, text in messages:
            so_far.update(f"{role}\n{len(text)}\n{text}".encode("utf-8", errors="surrogatepass"))
            lines.append(Line(so_far.hexdigest(), role, text))
        return cls(f"owner/{owner}", customer, tuple(lines))

    @property
    def last(self) -> str:
        """The last turn."""
        return self.lines[-1].id if self.lines else ""


def as_messages(lines: Sequence[Line]) -> list[dict[str, str]]:
    """Lines as a prompt takes them."""
    return [{"role": line.role, "content": line.text.strip()} for line in lines if line.text.strip()]


async def pressed(messages: Messages, target: Target) -> Verdict:
    """The gate's answer when a button was pressed."""
    return Verdict(True, "it was asked for with a button")


def broken_rules(markdown: str, lines: Sequence[Line], customer: Customer, catalog: Catalog) -> list[dict[str, str]]:
    """What is wrong with a page that was written for this conversation, for whoever shows it: kind, words and why.

    The checker errs now and then (docs/truth.md), so a page is marked and not thrown away.
    """
    found = check_page(markdown, as_messages(lines), customer, catalog, None)
    if found:
        logger.warning("a page breaks rules: %s", ", ".join(sorted({one.kind for one in found})))
    return [{"kind": one.kind, "words": one.words, "says": one.catalogue} for one in found]
