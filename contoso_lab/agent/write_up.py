"""When a page goes to the customer's screen: the rules, without sockets, prompts or clocks.

Feed `WriteUpRules` what happens and the time; it answers what to do. Whoever holds the line (a session, a relay, an
HTTP server) does it and tells how it went:

| happens | told with | may cause |
|---|---|---|
| something was said, cut short or written down | `Heard`: the whole conversation | `AskGate`, `CancelPage` |
| the gate answered, or could not | `GateAnswered`, `GateFailed` | `WritePage`, `Tell` |
| the page is written, or could not be | `PageFinished`, `PageFailed` | `ShowPage` and `Tell`, `DropPage`, `Tell` |
| the assistant put products on the screen by a tool | `Requested` | `CancelGate`, `WritePage` |
| the customer closed the page, or hung up | `PageClosed`, `HungUp` | `CancelGate`, `CancelPage` |
| time passed (at `due_s`) | `Tick` | any of them |

What always holds: one question and one page at a time, never both; a question only after a finished reply to words
of the customer, so that nothing that the desk caused can start another; at most `ASKED_AT_MOST` questions about the
same words; no page without words that can have asked for one, none against a no, and none twice in a row for the same
wish; every failure told once; nothing after the customer hung up.

>>> rules = WriteUpRules(debounce_s=0.2)
>>> talk = (Line("u1", "user", "Show me the tent."), Line("a1", "assistant", "It is coming to your screen."))
>>> rules.receive(Heard(talk), now_s=0.0)
()
>>> [asked] = rules.receive(Tick(), now_s=rules.due_s)
>>> [page] = rules.receive(GateAnswered(asked.question, requested=True), now_s=1.0)
>>> [type(did).__name__ for did in rules.receive(PageFinished(page.page, skus=("TEN-02",)), now_s=2.0)]
['ShowPage', 'Tell']
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from typing import assert_never

from contoso_lab.agent.write_up_events import (
    AskGate,
    CancelGate,
    CancelPage,
    Decision,
    DropPage,
    GateAnswered,
    GateFailed,
    Heard,
    HungUp,
    Line,
    PageClosed,
    PageFailed,
    PageFinished,
    Requested,
    ShowPage,
    Tell,
    Tick,
    WritePage,
    WriteUpEvent,
)
from contoso_lab.agent.write_up_judging import (
    ASKED_AT_MOST,
    DEBOUNCE_S,
    GATE_PATIENCE_S,
    PAGE_PATIENCE_S,
    WORDS_PATIENCE_S,
    Page,
    Pause,
    Question,
    Shown,
    is_reply,
)


class WriteUpRules:
    """Decides when to ask the gate, when to write and when to show. Pure: time is an argument, in seconds.

    Args:
        names: the products (SKUs) that a text names; without it, pages are told apart by the words of the wish.
        debounce_s: how long it has to be quiet after a reply until the gate is asked.
        words_patience_s: how long a late transcript is waited for.
    """

    def __init__(
        self,
        names: Callable[[str], Collection[str]] = lambda _: (),
        *,
        debounce_s: float = DEBOUNCE_S,
        words_patience_s: float = WORDS_PATIENCE_S,
    ) -> None:
        self._names = names
        self._pause = Pause(debounce_s=debounce_s)
        self._words_patience_s = words_patience_s
        self._lines: tuple[Line, ...] = ()
        self._first_seen: dict[str, float] = {}
        """When each line that still lacks its words was first told of."""
        self._given_up: set[str] = set()
        """Lines whose words were waited for in vain; should they come after all, they are taken."""
        self._asked: dict[str, int] = {}
        """How often the gate was asked about each of the customer's lines."""
        self._judged: set[str] = set()
        self._denied: str | None = None
        """The last line when the gate last said no to a wish: it is asked again only after another reply."""
        self._settled: str | None = None
        """The last line that a page, or the reason against one, has answered."""
        self._question: Question | None = None
        self._page: Page | None = None
        self._shown: Shown | None = None
        self._numbers = 0
        self._over = False

    @property
    def due_s(self) -> float | None:
        """When to send a `Tick` if nothing else happens before."""
        if self._over:
            return None
        if work := self._question or self._page:
            return work.until_s
        waiting = [line.id for line in self._candidates() if not line.done]
        if waiting and self._has_news():
            return max(self._pause.due_s or 0.0, *(self._first_seen[one] + self._words_patience_s for one in waiting))
        return self._pause.due_s

    @property
    def busy(self) -> bool:
        """Whether anything is asked, written or about to be."""
        return self.due_s is not None

    def receive(self, event: WriteUpEvent, *, now_s: float) -> tuple[Decision, ...]:
        """Take in what happened; what comes back is to be done, in this order."""
        if self._over:
            return ()
        done: list[Decision] = []
        match event:
            case Heard(lines):
                self._hear(lines, now_s)
                done += self._moved_on()
            case GateAnswered(number, requested):
                done += self._decide(number, requested, now_s)
            case GateFailed(number):
                done += self._gate_failed(number)
            case PageFinished(number, skus):
                done += self._finished(number, frozenset(skus))
            case PageFailed(number):
                done += self._page_failed(number)
            case Requested(skus, name):
                done += self._requested(frozenset(skus), name, now_s)
            case PageClosed():
                if self._shown is not None:
                    self._shown = replace(self._shown, open=False)
            case HungUp():
                return tuple(self._hang_up())
            case Tick():
                done += self._too_late(now_s)
            case _:
                assert_never(event)
        return (*done, *self._ask(now_s))

    # -- what was said ----------------------------------------------------------------------------

    def _hear(self, lines: tuple[Line, ...], now_s: float) -> None:
        self._lines = lines
        waiting = {line.id for line in lines if line.role == "user" and not line.done}
        self._first_seen = {one: self._first_seen.get(one, now_s) for one in waiting}
        at_work = self._question is not None or self._page is not None
        self._pause.replied({line.id for line in lines if is_reply(line)}, now_s=now_s, afresh=at_work)

    def _open_lines(self) -> tuple[Line, ...]:
        """What is not settled yet, up to the last finished reply."""
        places = [place for place, line in enumerate(self._lines) if line.id == self._settled]
        lines = self._lines[places[0] + 1 :] if places else self._lines
        last = max((place for place, line in enumerate(lines) if is_reply(line)), default=-1)
        return lines[: last + 1]

    def _candidates(self) -> list[Line]:
        """The customer's lines that were answered and that nobody has judged; their words may still be on the way."""
        lines = [line for line in self._open_lines() if line.role == "user" and line.id not in self._judged]
        return [line for line in lines if line.text.strip() or (not line.done and line.id not in self._given_up)]

    def _has_news(self) -> bool:
        """Whether anybody has replied since the gate last said no."""
        lines = self._open_lines()
        return bool(lines) and lines[-1].id != self._denied

    # -- the gate ---------------------------------------------------------------------------------

    def _ask(self, now_s: float) -> list[Decision]:
        if self._question is not None or self._page is not None:
            return []
        if not self._pause.over(now_s):
            return []
        candidates = self._candidates()
        for line in candidates:
            if not line.done and now_s < self._first_seen[line.id] + self._words_patience_s:
                return []
        self._given_up |= {line.id for line in candidates if not line.done}
        asked = [line for line in candidates if line.text.strip()]
        if not asked or not self._has_news() or self._asked.get(asked[-1].id, 0) >= ASKED_AT_MOST:
            return []
        lines = tuple(line for line in self._open_lines() if line.text.strip())
        self._judged |= {line.id for line in lines}
        self._asked[asked[-1].id] = self._asked.get(asked[-1].id, 0) + 1
        self._question = Question.about(lines, self._lines, number=self._number(), until_s=now_s + GATE_PATIENCE_S)
        return [AskGate(self._question.number, lines)]

    def _decide(self, number: int, requested: bool, now_s: float) -> list[Decision]:
        question = self._question
        if question is None or question.number != number:
            return []
        self._question = None
        if question.is_void(self._lines):
            self._judged -= {line.id for line in question.since_wish or question.lines}
            return []
        after = question.after
        if not requested and question.wish is not None:
            # The assistant may agree in its next reply, which need not follow another line of the customer.
            self._judged -= {line.id for line in question.lines}
            self._denied = after
        if not requested or question.declined or not question.permitted:
            return []
        if question.is_replaced(self._lines):
            self._settled = after
            return []
        shown = self._shown
        if shown is not None and not shown.differs(question, self._names):
            self._settled = after
            return [Tell("still_shown")] if shown.open and question.wish is not None else []
        self._settled = after
        lines = tuple(line for line in self._lines if line.text.strip() and (line.role == "assistant" or line.done))
        held = shown is not None and question.is_vague(self._names)
        self._page = Page(self._number(), question, held, now_s + PAGE_PATIENCE_S)
        return [WritePage(self._page.number, lines, after, held)]

    def _gate_failed(self, number: int) -> list[Decision]:
        question = self._question
        if question is None or question.number != number:
            return []
        self._question = None
        if question.wish is None or question.is_void(self._lines):
            self._judged -= {line.id for line in question.lines}
            self._denied = question.after
            return []
        self._settled = question.after
        return [Tell("failed")]

    # -- the page ---------------------------------------------------------------------------------

    def _finished(self, number: int, skus: frozenset[str]) -> list[Decision]:
        page = self._page
        if page is None or page.number != number:
            return []
        self._page = None
        if page.repeats(self._shown, skus):
            return [DropPage(number), *([Tell("still_shown")] if page.question.wish is not None else [])]
        self._shown = Shown(skus, page.question.wish)
        return [ShowPage(number), *([] if page.by_tool else [Tell("shown")])]

    def _requested(self, skus: frozenset[str], name: str, now_s: float) -> list[Decision]:
        """The wish is served by the tool: a second page for it would say everything twice."""
        lines = tuple(line for line in self._lines if line.text.strip() and (line.role == "assistant" or line.done))
        if not lines:
            return []
        asked, self._question = self._question, None
        self._settled = lines[-1].id
        done: list[Decision] = [] if asked is None else [CancelGate(asked.number)]
        there = self._shown is not None and self._shown.open and skus <= self._shown.skus
        if self._page is not None or there:
            return done
        question = Question.about(lines, self._lines, number=self._number(), until_s=now_s)
        self._page = Page(self._number(), question, held=False, until_s=now_s + PAGE_PATIENCE_S, by_tool=True)
        return [*done, WritePage(self._page.number, lines, lines[-1].id, name=name)]

    def _page_failed(self, number: int) -> list[Decision]:
        if self._page is None or self._page.number != number:
            return []
        self._page = None
        return [Tell("failed")]

    def _moved_on(self) -> list[Decision]:
        page = self._page
        if page is None or not page.question.is_replaced(self._lines):
            return []
        self._page = None
        return [CancelPage(page.number)]

    def _too_late(self, now_s: float) -> list[Decision]:
        if self._question is not None and now_s >= self._question.until_s:
            number = self._question.number
            return [CancelGate(number), *self._gate_failed(number)]
        if self._page is not None and now_s >= self._page.until_s:
            number = self._page.number
            return [CancelPage(number), *self._page_failed(number)]
        return []

    def _hang_up(self) -> list[Decision]:
        self._over = True
        done: list[Decision] = [] if self._question is None else [CancelGate(self._question.number)]
        return done + ([] if self._page is None else [CancelPage(self._page.number)])

    def _number(self) -> int:
        self._numbers += 1
        return self._numbers
