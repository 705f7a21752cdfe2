"""The write-up's rules, one conversation at a time."""

from __future__ import annotations

import pytest

from contoso_lab.agent.wishes import asks_for_more, offers_to_show, stance, subject
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
    Requested,
    ShowPage,
    Tell,
    Tick,
    WritePage,
    WriteUpEvent,
)
from contoso_lab.agent.write_up_judging import (
    ASKED_AT_MOST,
    BURST_S,
    GATE_PATIENCE_S,
    PAGE_PATIENCE_S,
    WORDS_PATIENCE_S,
)
from contoso_lab.shop import Catalog
from contoso_lab.shop.writeup import skus_in

CATALOG = Catalog.load()
TENT = "Of course, the Meadow Four is coming to your screen."


class Desk:
    """The rules with a clock that the test moves, and what they decided."""

    def __init__(self, **options: float) -> None:
        self.rules = WriteUpRules(lambda text: skus_in(text, CATALOG), **options)
        self.now_s = 0.0
        self.lines: list[Line] = []

    def tell(self, event: WriteUpEvent, *, after_s: float = 0.0) -> tuple[Decision, ...]:
        self.now_s += after_s
        return self.rules.receive(event, now_s=self.now_s)

    def said(self, *texts: str, after_s: float = 1.0) -> tuple[Decision, ...]:
        """Turns of customer and assistant in alternation, then quiet until something is due."""
        for text in texts:
            role = "user" if not self.lines or self.lines[-1].role == "assistant" else "assistant"
            self.lines.append(Line(f"{role[0]}{len(self.lines)}", role, text))
        return (*self.tell(Heard(tuple(self.lines)), after_s=after_s), *self.rest())

    def change(self, id: str, **changes: object) -> tuple[Decision, ...]:
        """One turn is heard otherwise."""
        self.lines = [
            Line(**{**{name: getattr(line, name) for name in ("id", "role", "text", "done", "ours")}, **changes})  # type: ignore[arg-type]
            if line.id == id
            else line
            for line in self.lines
        ]
        return (*self.tell(Heard(tuple(self.lines)), after_s=0.1), *self.rest())

    def rest(self) -> tuple[Decision, ...]:
        due = self.rules.due_s
        if due is None or due > self.now_s + BURST_S:
            return ()
        return self.tell(Tick(), after_s=max(0.0, due - self.now_s))

    def yes(self, decisions: tuple[Decision, ...]) -> tuple[Decision, ...]:
        [asked] = [one for one in decisions if isinstance(one, AskGate)]
        return self.tell(GateAnswered(asked.question, requested=True), after_s=0.5)

    def page(self, decisions: tuple[Decision, ...], *skus: str) -> tuple[Decision, ...]:
        [page] = [one for one in decisions if isinstance(one, WritePage)]
        return self.tell(PageFinished(page.page, skus), after_s=2.0)

    def shows_the_tent(self) -> None:
        """A first page, as it should be."""
        asked = self.said("Show me the Meadow Four.", TENT)
        assert kinds(self.page(self.yes(asked), "TEN-02")) == ["ShowPage", "Tell"]


def kinds(decisions: tuple[Decision, ...]) -> list[str]:
    return [type(one).__name__ for one in decisions]


def test_a_wish_becomes_a_question_a_page_and_a_word_to_the_assistant() -> None:
    desk = Desk()
    asked = desk.said("Show me the Meadow Four.", TENT)
    assert kinds(asked) == ["AskGate"]
    written = desk.yes(asked)
    assert kinds(written) == ["WritePage"]
    assert desk.page(written, "TEN-02") == (ShowPage(written[0].page), Tell("shown"))
    assert not desk.rules.busy


def test_the_answer_to_our_own_note_starts_nothing() -> None:
    desk = Desk()
    desk.shows_the_tent()
    desk.lines.append(Line("own", "assistant", "The Meadow Four is on your screen now."))
    assert desk.tell(Heard(tuple(desk.lines)), after_s=1.0) == ()
    assert desk.tell(Tick(), after_s=5.0) == ()


def test_nothing_is_asked_before_the_assistant_has_replied_and_was_heard() -> None:
    desk = Desk()
    assert desk.said("Show me the Meadow Four.") == ()
    desk.lines.append(Line("a1", "assistant", "Of", done=False))
    assert desk.tell(Heard(tuple(desk.lines)), after_s=3.0) == ()
    assert kinds(desk.said("Hello?", "It is coming.")) == ["AskGate"]


def test_a_burst_of_short_turns_is_one_question() -> None:
    desk = Desk(debounce_s=0.2)
    for number in range(5):
        desk.lines += [Line(f"u{number}", "user", "And?"), Line(f"a{number}", "assistant", "Well.")]
        assert desk.tell(Heard(tuple(desk.lines)), after_s=0.1) == ()
    asked = desk.tell(Tick(), after_s=0.2)
    assert [len(one.lines) for one in asked if isinstance(one, AskGate)] == [10]


def test_a_burst_without_end_does_not_put_the_question_off_for_ever() -> None:
    desk = Desk(debounce_s=0.2)
    asked: list[Decision] = []
    for number in range(30):
        desk.lines += [Line(f"u{number}", "user", "And?"), Line(f"a{number}", "assistant", "Well.")]
        asked += desk.tell(Heard(tuple(desk.lines)), after_s=0.1)
    assert len(asked) == 1
    assert isinstance(asked[0], AskGate)


def test_late_words_are_waited_for_and_not_for_ever() -> None:
    desk = Desk()
    desk.lines = [Line("u1", "user", "", done=False), Line("a1", "assistant", TENT)]
    assert desk.said() == ()
    assert desk.rules.due_s == pytest.approx(1.0 + WORDS_PATIENCE_S)
    assert desk.tell(Tick(), after_s=WORDS_PATIENCE_S) == ()
    assert not desk.rules.busy
    # They come after all: what they ask for was not forgotten.
    assert kinds(desk.change("u1", text="Show me the Meadow Four.", done=True)) == ["AskGate"]


def test_a_yes_on_words_that_were_not_heard_does_not_count() -> None:
    desk = Desk()
    asked = desk.said("Which tent?", "Shall I show you the Meadow Four?", "Yes, please.", TENT)
    [question] = [one for one in asked if isinstance(one, AskGate)]
    desk.change("a3", text="Of course, the", done=False)
    assert desk.tell(GateAnswered(question.question, requested=True)) == ()
    again = desk.said("Sorry?", "It is coming to your screen.")
    assert [line.text for one in again if isinstance(one, AskGate) for line in one.lines][3] == "Of course, the"


def test_the_same_words_are_judged_three_times_at_most() -> None:
    desk = Desk()
    asked = desk.said("Show me the Meadow Four.", TENT)
    for number in range(10):
        [question] = [one for one in asked if isinstance(one, AskGate)] or [None]
        if question is None:
            break
        desk.change("u0", text=f"Show me the Meadow Four {number}.")
        asked = (*desk.tell(GateAnswered(question.question, requested=True)), *desk.rest())
    assert number == ASKED_AT_MOST


def test_a_wish_that_was_not_agreed_to_is_asked_about_again_after_the_next_reply() -> None:
    desk = Desk()
    [asked] = desk.said("Show me the Meadow Four.", "One moment.")
    assert desk.tell(GateAnswered(asked.question, requested=False)) == ()
    assert desk.tell(Tick(), after_s=5.0) == ()
    desk.lines.append(Line("a9", "assistant", TENT))
    assert kinds((*desk.tell(Heard(tuple(desk.lines))), *desk.rest())) == ["AskGate"]


@pytest.mark.parametrize(
    "no", ["No, thanks.", "Nein danke.", "Non merci.", "Ahora no.", "いいえ、結構です。", "Never mind."]
)
def test_no_page_against_a_no(no: str) -> None:
    desk = Desk()
    asked = desk.said("What is there?", "Shall I put the Meadow Four on your screen?", no, "As you like.")
    assert desk.yes(asked) == ()


def test_a_page_that_the_assistant_invented_is_not_written_whatever_the_gate_says() -> None:
    desk = Desk()
    assert desk.yes(desk.said("How heavy is the Meadow Four?", "I have opened its page on your screen.")) == ()


def test_thanks_for_a_page_is_no_wish_for_another() -> None:
    desk = Desk()
    desk.shows_the_tent()
    asked = desk.said("Oh, I can see it, thanks!", "You are welcome, the Meadow Four is on your screen.")
    assert desk.yes(asked) == ()


def test_who_asks_for_what_is_on_the_screen_is_told_that_it_is_there() -> None:
    desk = Desk()
    desk.shows_the_tent()
    asked = desk.said("Show me that again.", "Of course.")
    assert desk.yes(asked) == (Tell("still_shown"),)


def test_who_closed_the_page_and_asks_for_it_gets_it_again() -> None:
    desk = Desk()
    desk.shows_the_tent()
    assert desk.tell(PageClosed()) == ()
    asked = desk.said("Show me the Meadow Four again.", TENT)
    assert kinds(desk.page(desk.yes(asked), "TEN-02")) == ["ShowPage", "Tell"]


def test_another_product_is_another_page() -> None:
    desk = Desk()
    desk.shows_the_tent()
    asked = desk.said("Now show me the Autumn Night.", "Here it comes.")
    [page] = desk.yes(asked)
    assert not page.held
    assert kinds(desk.tell(PageFinished(page.page, ("SLE-02",)))) == ["ShowPage", "Tell"]


def test_a_page_that_may_be_the_same_is_held_back_and_dropped_when_it_is() -> None:
    desk = Desk()
    desk.shows_the_tent()
    asked = desk.said("And for the night?", "The Autumn Night is warm.", "Yes, let me see it.", "Here it comes.")
    [page] = desk.yes(asked)
    assert page.held
    assert desk.tell(PageFinished(page.page, ("TEN-02",))) == (DropPage(page.page), Tell("still_shown"))


@pytest.mark.parametrize(
    ("words", "ends"),
    [
        ("Never mind.", True),
        ("No, show me the Autumn Night instead.", True),
        ("And the Autumn Night as well, please show me that too.", False),
        ("How heavy is it?", False),
        ("Great, thanks.", False),
    ],
)
def test_a_page_is_cancelled_when_the_customer_moves_on(words: str, ends: bool) -> None:
    desk = Desk()
    desk.yes(desk.said("Show me the Meadow Four.", TENT))
    assert kinds(desk.said(words)) == (["CancelPage"] if ends else [])


def test_a_no_that_comes_while_the_gate_thinks_is_heard() -> None:
    desk = Desk()
    [asked] = desk.said("Show me the Meadow Four.", TENT)
    desk.said("Oh, never mind.")
    assert desk.tell(GateAnswered(asked.question, requested=True)) == ()


def test_a_failed_page_is_told_once_and_the_next_wish_is_served() -> None:
    desk = Desk()
    [page] = desk.yes(desk.said("Show me the Meadow Four.", TENT))
    assert desk.tell(PageFailed(page.page)) == (Tell("failed"),)
    assert desk.tell(PageFailed(page.page)) == ()
    desk.shows_the_tent()


def test_a_failed_gate_is_told_only_to_who_waits_for_a_page() -> None:
    desk = Desk()
    [asked] = desk.said("How heavy is it?", "Six kilograms.")
    assert desk.tell(GateFailed(asked.question)) == ()
    [asked] = desk.said("Show me the Meadow Four.", TENT)
    assert desk.tell(GateFailed(asked.question)) == (Tell("failed"),)


def test_a_gate_and_a_page_that_hang_are_given_up() -> None:
    desk = Desk()
    [asked] = desk.said("Show me the Meadow Four.", TENT)
    assert desk.tell(Tick(), after_s=GATE_PATIENCE_S) == (CancelGate(asked.question), Tell("failed"))
    [page] = desk.yes(desk.said("Show me the Meadow Four.", TENT))
    assert desk.tell(Tick(), after_s=PAGE_PATIENCE_S) == (CancelPage(page.page), Tell("failed"))
    assert desk.tell(PageFinished(page.page, ("TEN-02",))) == ()


@pytest.mark.parametrize("at", ["gate", "page"])
def test_nothing_happens_after_the_customer_hung_up(at: str) -> None:
    desk = Desk()
    asked = desk.said("Show me the Meadow Four.", TENT)
    [work] = desk.yes(asked) if at == "page" else asked
    ended = CancelPage(work.page) if isinstance(work, WritePage) else CancelGate(work.question)
    assert desk.tell(HungUp()) == (ended,)
    assert desk.tell(PageFinished(2, ("TEN-02",))) == ()
    assert desk.said("Show me the Autumn Night.", TENT) == ()
    assert not desk.rules.busy


# -- the words ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "Show me the tents.",
        "Can I see a picture of it?",
        "Could you send that to my screen?",
        "Please write a page.",
        "Zeig mir bitte die Zelte.",
        "Kann ich das mal sehen?",
        "Schicken Sie mir Bilder davon.",
        "Montrez-moi les tentes.",
        "Je voudrais voir ça.",
        "Envoyez-moi des photos.",
        "Muéstrame las tiendas.",
        "¿Puedo verlo?",
        "Mándame unas fotos.",
        "テントを見せてください。",
        "写真をお願いします。",
        "画面に出してください。",
    ],
)
def test_words_that_ask_to_see_something(text: str) -> None:
    assert stance(text) == "asks"


@pytest.mark.parametrize(
    "text",
    ["I see.", "Oh, I see it, nice.", "How heavy is it?", "The tent looks good.", "Ich verstehe.", "D'accord ?!"],
)
def test_words_that_do_not(text: str) -> None:
    assert stance(text) != "asks"


@pytest.mark.parametrize(
    "text",
    [
        "Don't show me that.",
        "No thanks.",
        "Nicht zeigen, bitte.",
        "Pas maintenant.",
        "No me mandes fotos.",
        "見せなくていいです。",
    ],
)
def test_words_that_decline(text: str) -> None:
    assert stance(text) == "declines"


@pytest.mark.parametrize(
    "text",
    [
        "Shall I put it on your screen?",
        "Soll ich Ihnen Bilder zeigen?",
        "Voulez-vous voir les photos ?",
        "¿Quiere que se lo muestre?",
        "画面にお送りしましょうか。",
    ],
)
def test_offers_in_five_languages(text: str) -> None:
    assert offers_to_show(text)
    assert stance({"S": "Yes.", "V": "Oui.", "¿": "Sí.", "画": "はい。"}[text[0]]) == "agrees"


def test_additions_and_subjects() -> None:
    assert asks_for_more("And the bag as well, please.")
    assert not asks_for_more("Show me the bag instead.")
    assert subject("Show me that again, please.") == frozenset()


# -- the assistant's own tool ---------------------------------------------------------------------------


def test_what_the_assistant_shows_by_a_tool_needs_no_gate_and_no_second_page() -> None:
    desk = Desk()
    desk.said("Show me the Meadow Four.")
    [page] = desk.tell(Requested(("TEN-02",), "call_1"), after_s=0.5)
    assert isinstance(page, WritePage)
    assert page.name == "call_1"
    # Its words about it come after, and the wish is served.
    assert desk.said("It is on your screen now.") == ()
    # It knows by its own tool that the page is there.
    assert desk.tell(PageFinished(page.page, ("TEN-02",))) == (ShowPage(page.page),)
    assert desk.tell(Requested(("TEN-02",), "call_2")) == ()


def test_a_tool_that_shows_is_faster_than_the_gate() -> None:
    desk = Desk()
    [asked] = desk.said("Show me the Meadow Four.", "One moment.")
    cancelled, page = desk.tell(Requested(("TEN-02",)))
    assert cancelled == CancelGate(asked.question)
    assert desk.tell(GateAnswered(asked.question, requested=True)) == ()
    assert kinds(desk.tell(PageFinished(page.page, ("TEN-02",)))) == ["ShowPage"]
