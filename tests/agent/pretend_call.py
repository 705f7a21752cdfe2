"""A pretended call in virtual time: a customer, an assistant, a gate and a writer with moods of their own.

It knows the truth (who asked for what, what was agreed, what was heard) and complains when the write-up's rules
break one of their promises. Everything is decided by the seed.
"""

from __future__ import annotations

import heapq
import itertools
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from contoso_lab.agent.write_up import WriteUpRules
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
    ShowPage,
    Tell,
    Tick,
    WritePage,
    WriteUpEvent,
)
from contoso_lab.agent.write_up_judging import ASKED_AT_MOST, DEBOUNCE_S, WORDS_PATIENCE_S

SHELF = {"tent": {"TEN-02"}, "backpack": {"PAC-01"}, "stove": {"STO-02"}, "jacket": {"CLO-03"}, "table": {"TAB-01"}}
"""What there is: a word, and the product that it means."""
Intent = Literal["ask", "again", "more", "yes", "no", "question", "thanks", "noise"]
GateMood = Literal["truthful", "eager", "loopy"]


def names(text: str) -> set[str]:
    """The products that a text names."""
    return {sku for word, skus in SHELF.items() if word.upper() in text for sku in skus}


def new_rules() -> WriteUpRules:
    """The rules that a call is played by."""
    return WriteUpRules(names)


@dataclass
class Turn:
    """A turn, and the truth about it."""

    id: str
    role: Literal["user", "assistant"]
    words: str
    heard: str = ""
    done: bool = False
    intent: Intent | None = None
    subject: str = ""
    agrees: bool = False
    """The assistant says that it will show what was asked for."""
    offers: str = ""
    """What the assistant offers to show."""
    cause: str = ""
    """The customer's turn that it answers; empty for the answer to a note of ours."""
    told_s: float = 0.0
    cut: bool = False
    """The customer spoke over it."""
    late: bool = False
    """Its words came after anybody would have waited for them."""


@dataclass
class Request:
    """Something that the customer wants to see, by the words of the call."""

    turn: Turn
    subject: str
    agreed: bool = False
    """The assistant said so, and was heard."""
    ended: str = ""
    """How it ended: shown, told, withdrawn, replaced."""


@dataclass
class Call:
    """One call. `run` plays it and returns the complaints."""

    seed: int
    mood: GateMood = "truthful"
    complaints: list[str] = field(default_factory=list)
    shown: list[frozenset[str]] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    asked: int = 0
    cancelled: int = 0
    dropped: int = 0

    def __post_init__(self) -> None:
        self.dice = random.Random(self.seed)
        self.rules = new_rules()
        self.now = 0.0
        self.turns: list[Turn] = []
        self.requests: list[Request] = []
        self._agenda: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._gate: AskGate | None = None
        self._page: WritePage | None = None
        self._asked_about: dict[str, int] = {}
        self._last_gate_lines: tuple[Line, ...] = ()
        self._last_news_s = -9.0
        """When something last allowed a question: work that ended, words that came."""
        self._last_reply_s = -9.0
        self._last_page: tuple[frozenset[str], bool] | None = None
        self._last_request: Request | None = None
        self._hung_up = False
        self._speaking: Turn | None = None
        """The reply that the customer hears now."""
        self._left = self.dice.randint(3, 12)

    # -- the clockwork ----------------------------------------------------------------------------

    def run(self) -> list[str]:
        """Play the call to its end, and until the rules have come to rest."""
        self._at(0.5, self._customer_speaks)
        for _ in range(5000):
            due = self.rules.due_s
            if self._agenda and (due is None or self._agenda[0][0] <= due):
                self.now, _, do = heapq.heappop(self._agenda)
                do()
            elif due is not None:
                self.now = max(self.now, due)
                self._tell(Tick())
            else:
                break
        else:
            self.complaints.append("the call never came to rest")
        self._check_requests()
        return [f"seed {self.seed} ({self.mood}): {complaint}" for complaint in dict.fromkeys(self.complaints)]

    def _at(self, delay_s: float, do: Callable[[], None]) -> None:
        heapq.heappush(self._agenda, (self.now + delay_s, next(self._order), do))

    def _between(self, least: float, most: float) -> float:
        return self.dice.uniform(least, most)

    def _chance(self, share: float) -> bool:
        return self.dice.random() < share

    # -- the customer -----------------------------------------------------------------------------

    def _customer_speaks(self) -> None:
        if self._hung_up:
            return
        if self._left == 0:
            if self._chance(0.3):
                self._hung_up = True
                self._tell(HungUp())
            return
        self._left -= 1
        self._cut_short()
        turn = self._think()
        self.turns.append(turn)
        turn.told_s = self.now
        self._tell(self._heard())
        speaking_s = self._between(0.3, 2.0)
        late = self._between(12.0, 15.0) if self._chance(0.03) else self._between(0.0, 3.0)
        if not self._chance(0.02):  # else the transcript never comes
            self._at(speaking_s + late, lambda: self._written(turn))
        self._at(speaking_s + self._between(0.1, 0.8), lambda: self._assistant_replies(turn))
        if self._last_page is not None and self._chance(0.1):
            self._at(self._between(0, 3), self._closes)

    def _think(self) -> Turn:
        number = f"u{len(self.turns)}"
        before = [turn for turn in self.turns if turn.role == "assistant" and turn.heard]
        offer = before[-1].offers if before and before[-1].done else ""
        intents: list[Intent] = ["ask", "ask", "again", "more", "question", "question", "thanks", "noise", "no"]
        intent: Intent = self.dice.choice(["yes", "yes", "no", "question"] if offer else intents)
        subject = offer if intent == "yes" else self.dice.choice(list(SHELF))
        wanted = [request.subject for request in self.requests]
        if intent == "again" and not wanted:
            intent = "ask"
        if intent == "again":
            subject = wanted[-1]
        words = {
            "ask": self.dice.choice(["Show me the {}.", "Can I see the {}, please?", "Zeig mir bitte {}."]),
            "again": self.dice.choice(["Show me that again.", "Can I see the {} once more?"]),
            "more": "And send me a picture of the {} too.",
            "yes": self.dice.choice(["Yes, please.", "Ja, gerne.", "Sure."]),
            "no": self.dice.choice(["No, thanks.", "Never mind.", "Nein danke."]),
            "question": self.dice.choice(["How heavy is the {}?", "What does the {} cost?"]),
            "thanks": self.dice.choice(["Thanks.", "I like that.", "Danke, sehr nett."]),
            "noise": "",
        }[intent]
        return Turn(number, "user", words.format(subject.upper()), intent=intent, subject=subject)

    def _written(self, turn: Turn) -> None:
        turn.heard, turn.done = turn.words, True
        turn.late = self.now - turn.told_s > WORDS_PATIENCE_S
        self._last_news_s = self.now
        self._take_in(turn)
        self._tell(self._heard())

    def _take_in(self, turn: Turn) -> None:
        """What the customer's words change about what is wanted; the rules can know of it from now on."""
        place = self.turns.index(turn)
        before = [request for request in self.requests if self.turns.index(request.turn) < place and not request.ended]
        if turn.intent == "no":
            for request in before:
                request.ended = "withdrawn"
        if turn.intent in ("ask", "again", "more", "yes"):
            if turn.intent == "ask":
                for request in before:
                    request.ended = "replaced" if request.subject != turn.subject else ""
            request = Request(turn, turn.subject)
            request.agreed = any(one.cause == turn.id and one.agrees and one.done for one in self.turns)
            # Words that come late may be followed by a no that is known already.
            if any(one.intent in ("no", "ask") and one.done for one in self.turns[place + 1 :]):
                request.ended = "replaced"
            self.requests.append(request)

    def _closes(self) -> None:
        if self._last_page is not None and not self._hung_up:
            self._last_page = (self._last_page[0], False)
            self._tell(PageClosed())

    # -- the assistant ----------------------------------------------------------------------------

    def _assistant_replies(self, cause: Turn) -> None:
        if self._hung_up:
            return
        wants = cause.intent in ("ask", "again", "more", "yes")
        reply = Turn(f"a{len(self.turns)}", "assistant", "", cause=cause.id)
        if wants and self._chance(0.85):
            reply.agrees = True
            reply.words = f"Of course, the {cause.subject.upper()} is coming to your screen."
        elif wants:
            reply.words = "Which colour would you like?"
        elif cause.intent == "question" and self._chance(0.3):
            reply.offers = cause.subject
            reply.words = f"It is light. Shall I put the {cause.subject.upper()} on your screen?"
        elif self._chance(0.15):
            reply.words = "I have put a page on your screen."  # which is not true
        else:
            reply.words = f"The {cause.subject.upper()} is a good choice."
        self._speaks(reply, then=self._customer_speaks)

    def _speaks(self, reply: Turn, *, then: Callable[[], None] | None) -> None:
        self.turns.append(reply)
        reply.told_s = self.now
        self._speaking = reply
        made_s, sound_s = self._between(0.05, 1.0), self._between(0.5, 4.0)

        def finished() -> None:
            if not reply.cut:
                reply.heard, reply.done = reply.words, True
                self._last_reply_s = self.now
                for request in self.requests:
                    request.agreed |= reply.agrees and request.turn.id == reply.cause
                self._tell(self._heard())

        def played() -> None:
            if self._speaking is reply:
                self._speaking = None

        self._at(made_s, finished)
        self._at(made_s + sound_s, played)
        if then is not None:
            barges_in = self._chance(0.25)
            self._at(
                self._between(0.1, made_s + sound_s) if barges_in else made_s + sound_s + self._between(0.02, 4), then
            )

    def _cut_short(self) -> None:
        """The customer speaks while the assistant does: what was not heard was not said."""
        reply, self._speaking = self._speaking, None
        if reply is None:
            return
        words = reply.words.split()
        reply.cut = True
        reply.heard, reply.done = " ".join(words[: self.dice.randrange(len(words))]), False
        # It was not heard that the assistant agreed; but no reply is needed to what it did agree to already.
        for request in self.requests:
            if request.turn.id == reply.cause:
                request.agreed = False
        reply.agrees, reply.offers = False, ""
        self._tell(self._heard())

    # -- the rules, and who carries them out ------------------------------------------------------

    def _heard(self) -> Heard:
        return Heard(tuple(Line(turn.id, turn.role, turn.heard, turn.done) for turn in self.turns))

    def _tell(self, event: WriteUpEvent) -> None:
        for decision in self.rules.receive(event, now_s=self.now):
            if self._hung_up and not isinstance(event, HungUp):
                self.complaints.append(f"{decision} after the customer hung up")
            self._carry_out(decision)

    def _carry_out(self, decision: Decision) -> None:
        match decision:
            case AskGate():
                self._ask(decision)
            case WritePage():
                self._write(decision)
            case CancelPage(number) | DropPage(number):
                self._check(
                    isinstance(decision, DropPage) or (self._page is not None and self._page.page == number),
                    "a page was cancelled that is not being written",
                )
                self._page, self._last_news_s = None, self.now
                self.cancelled += isinstance(decision, CancelPage)
                self.dropped += isinstance(decision, DropPage)
            case CancelGate():
                self._gate, self._last_news_s = None, self.now
            case ShowPage():
                self._show()
            case Tell(what):
                self.told.append(what)
                if what != "shown":
                    self._settle(what)
                self._at(self._between(0.1, 1.0), lambda: self._answers_note(what))

    def _answers_note(self, what: str) -> None:
        if not self._hung_up:
            words = "It is on your screen now." if what != "failed" else "I am sorry, that did not work."
            self._cut_short()
            self._speaks(Turn(f"a{len(self.turns)}", "assistant", words), then=None)

    def _ask(self, asked: AskGate) -> None:
        self.asked += 1
        self._check(self._gate is None and self._page is None, "a question while another question or a page is on")
        said = {turn.id: turn for turn in self.turns}
        for line in asked.lines:
            self._check(line.text == said[line.id].heard, f"the gate judged {line.text!r}, which was not heard")
        order = [turn.id for turn in self.turns]
        self._check(
            [line.id for line in asked.lines] == sorted((line.id for line in asked.lines), key=order.index),
            "the gate judged turns out of order",
        )
        users = [line for line in asked.lines if line.role == "user"]
        self._check(bool(users), "a question although the customer has said nothing since")
        if users:
            times = self._asked_about[users[-1].id] = self._asked_about.get(users[-1].id, 0) + 1
            self._check(times <= ASKED_AT_MOST, "the same words were judged too often")
            pace = self.now - self._last_reply_s >= DEBOUNCE_S - 1e-9 or self.now == self._last_news_s
            self._check(pace, "a question in the middle of a burst")
        place = max((order.index(line.id) for line in asked.lines), default=0)
        for turn in self.turns[:place]:
            patient = turn.role != "user" or turn.done or self.now - turn.told_s >= WORDS_PATIENCE_S - 1e-9
            known = any(turn.id in (line.id for line in lines) for lines in (self._last_gate_lines,))
            self._check(patient or known, "words that were on the way were not waited for")
        self._gate, self._last_gate_lines = asked, asked.lines
        if self._chance(0.05):
            event: WriteUpEvent = GateFailed(asked.question)
        else:
            event = GateAnswered(asked.question, self._judges(asked.lines))
        self._at(25.0 if self._chance(0.02) else self._between(0.1, 3.0), lambda: self._gate_says(event, asked))

    def _judges(self, lines: tuple[Line, ...]) -> bool:
        if self.mood == "eager":
            return True
        if self.mood == "loopy":
            return any("screen" in line.text for line in lines if line.role == "assistant")
        said = {turn.id: turn for turn in self.turns}
        wish, answer = None, False
        for turn in (said[line.id] for line in lines):
            if turn.role == "user" and turn.intent in ("ask", "again", "more", "yes"):
                wish, answer = turn, answer and wish is not None and wish.subject == turn.subject
            elif turn.intent == "no":
                wish, answer = None, False
            elif turn.role == "assistant" and wish is not None and turn.agrees:
                answer = True
        return answer

    def _gate_says(self, event: WriteUpEvent, asked: AskGate) -> None:
        if self._gate is asked:
            self._gate, self._last_news_s = None, self.now
        if not self._hung_up:
            self._tell(event)

    def _write(self, page: WritePage) -> None:
        self._check(self._gate is None and self._page is None, "a page while a question or another page is on")
        said = {turn.id: turn for turn in self.turns}
        same = all(line.text == said[line.id].heard for line in self._last_gate_lines)
        self._check(same, "a page for a judgement on words that were not heard like that")
        self._page = page
        wished = [one for one in self.requests if self._counts(one, page)]
        if wished:
            skus = SHELF[wished[-1].subject]
        else:
            named = [sku for line in reversed(page.lines) for sku in names(line.text)]
            skus = self._last_page[0] if self._last_page and self._chance(0.7) else frozenset(named[:1] or ["TEN-02"])
        if self._chance(0.1):
            event: WriteUpEvent = PageFailed(page.page)
        else:
            event = PageFinished(page.page, tuple(skus))
        self._skus = frozenset(skus)
        self._at(99.0 if self._chance(0.02) else self._between(0.5, 8.0), lambda: self._page_ends(event, page))

    def _page_ends(self, event: WriteUpEvent, page: WritePage) -> None:
        if self._page is page:
            self._last_news_s = self.now
        if not self._hung_up:
            self._tell(event)

    def _show(self) -> None:
        page = self._page
        if page is None:
            self.complaints.append("a page was shown that nobody wrote")
            return
        request = self._settle("shown")
        order = [turn.id for turn in self.turns]
        place = order.index(page.after)
        self._check(request is not None, "a page that nobody asked for")
        if self._last_page is not None and self._last_page[0] == self._skus:
            fresh = request is not None and request is not self._last_request
            self._check(fresh, "the same page twice in a row")
            self._check(
                not fresh or not self._last_page[1] or request is None or request.turn.intent != "again",
                "the same page again, although it is still on the screen",
            )
        since = [turn for turn in self.turns[place + 1 :] if turn.role == "user" and turn.done]
        self._check(not any(turn.intent == "no" for turn in since), "a page although the customer said no")
        self._last_page, self._last_request = (self._skus, True), request
        self.shown.append(self._skus)
        self._page = None

    # -- the promises -----------------------------------------------------------------------------

    def _counts(self, request: Request, page: WritePage | None) -> bool:
        order = [turn.id for turn in self.turns]
        after = page.after if page is not None else self._last_gate_lines[-1].id if self._last_gate_lines else None
        return after is not None and order.index(request.turn.id) <= order.index(after)

    def _settle(self, how: str) -> Request | None:
        """The request that is answered now; with it, all before it."""
        page, self._page = self._page, None if how != "shown" else self._page
        if page is not None and how != "shown":
            self._last_news_s = self.now
        found = None
        for request in self.requests:
            if not request.ended and self._counts(request, page):
                request.ended, found = how, request
        return found

    def _check(self, holds: bool, otherwise: str) -> None:
        if not holds:
            self.complaints.append(otherwise)

    def _check_requests(self) -> None:
        if self._hung_up or self.mood != "truthful":
            return
        for request in self.requests:
            waiting = request.agreed and not request.ended and not request.turn.late
            self._check(not waiting, f"nothing came of {request.turn.words!r} ({request.turn.id}), which was agreed to")
