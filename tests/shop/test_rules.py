"""Each rule that the prompts promise is broken once here, and the local engine's clerk breaks none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from contoso_lab.engine.clerk.brain import pieces
from contoso_lab.engine.seams import BrainRequest, ChatMessage
from contoso_lab.shop import Catalog, get_customer
from contoso_lab.shop.rules import Turns, check_page, check_reply, permitted
from contoso_lab.shop.voice import instructions
from contoso_lab.wire import Turn

CATALOG = Catalog.load()
MAYA = get_customer("maya")
ASKS = {"role": "user", "content": "Can you show me the Meadow Four, please?"}
PAGE = """## Your family trip

### Meadow Four (TEN-02)
![Meadow Four](/images/TEN-02.svg)

**$279.00**

- sleeps four
"""


def broken(reply: str, *before: dict[str, str], language: str | None = "en") -> list[tuple[str, str]]:
    turns = [*(before or ({"role": "user", "content": "What do you have?"},)), {"role": "assistant", "content": reply}]
    return [(finding.kind, finding.words) for finding in check_reply(turns, MAYA, CATALOG, language)]


def page_broken(page: str, turns: Turns = (ASKS,), language: str | None = "en") -> list[tuple[str, str | None]]:
    return [(finding.kind, finding.sku) for finding in check_page(page, turns, MAYA, CATALOG, language)]


@pytest.mark.parametrize(
    ("rule", "kept", "reply", "expected"),
    [
        ("only what we carry", "Take the Meadow Four.", "Take the Osprey Atmos.", ("not_carried", "Osprey Atmos")),
        ("nothing that was bought", "Take the Creek Shoes.", "Take the Pathfinder Boots.",
         ("again", "Pathfinder Boots")),
        ("true prices", "The Meadow Four is $279.", "The Meadow Four is $250.", ("price", "$250")),
        ("true figures", "The Meadow Four sleeps four.", "The Meadow Four sleeps six.", ("spec", "six")),
        ("no promises", "I cannot see the stock.", "The Meadow Four is in stock.", ("unknowable", "in stock")),
        ("the customer's language", "It is a good tent for you.", "Das ist ein gutes Zelt für Sie.",
         ("language", "Das ist ein gutes Zelt für Sie.")),
        ("no Markdown in speech", "The Meadow Four.", "Our **best** tent.", ("markup", "**best**")),
        ("permission", "Shall I put it on your screen?", "I have put it on your screen.",
         ("permission", "I have put it on your screen")),
    ],
)  # fmt: skip
def test_a_reply_that_breaks_a_rule_is_found(rule: str, kept: str, reply: str, expected: tuple[str, str]) -> None:
    assert broken(kept) == [], rule
    assert broken(reply) == [expected], rule


@pytest.mark.parametrize(
    ("rule", "change", "expected"),
    [
        ("true prices", ("$279.00", "$249.00"), ("price", "TEN-02")),
        ("the address verbatim", ("/images/TEN-02.svg", "https://shop.example/images/TEN-02.svg"), ("image", "TEN-02")),
        ("its own picture", ("/images/TEN-02.svg", "/images/TEN-04.svg"), ("image", "TEN-02")),
        ("a picture for each product", ("![Meadow Four](/images/TEN-02.svg)\n", ""), ("image", "TEN-02")),
        ("one picture a product", ("**$279.00**", "![Meadow Four](/images/TEN-02.svg)"), ("second_image", "TEN-02")),
        ("only what was spoken of", ("- sleeps four", "### Spark Stove\n![Spark Stove](/images/STO-01.svg)"),
         ("unspoken", "STO-01")),
        ("only what we carry", ("- sleeps four", "Look at the Osprey Atmos, too."), ("not_carried", None)),
        ("the customer's language", ("- sleeps four", "Das ist genau das richtige Zelt für Sie und die Kinder."),
         ("language", None)),
    ],
)  # fmt: skip
def test_a_page_that_breaks_a_rule_is_found(rule: str, change: tuple[str, str], expected: tuple[str, str]) -> None:
    assert page_broken(PAGE) == []
    assert change[0] in PAGE
    assert page_broken(PAGE.replace(*change)) == [expected], rule


def test_a_page_never_presents_what_was_bought() -> None:
    page = "### Pathfinder Boots (FTW-01)\n![Pathfinder Boots](/images/FTW-01.svg)\n\n**$149.00**\n"
    talk = ({"role": "user", "content": "Show me the Pathfinder Boots."},)
    assert page_broken(page, talk) == [("again", "FTW-01")]
    # Beside a product that is presented, what the customer owns may be named.
    assert page_broken(PAGE + "- room for your Pathfinder Boots in the porch\n") == []


def test_a_page_needs_somebody_who_asked_for_it() -> None:
    talk = ({"role": "user", "content": "I like the Meadow Four."},)
    assert page_broken(PAGE, talk) == [("permission", None)]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (("user: Show it on my screen.",), True),
        (("assistant: Shall I put it on your screen?", "user: Yes, please."), True),
        (("assistant: Shall I put it on your screen?", "user: No, thank you."), False),
        (("user: Show me the tent.", "assistant: It is coming.", "user: No, don't show it."), False),
        (("assistant: It costs 279 dollars, all right?", "user: Yes."), False),
        (("user: I need a tent.",), False),
        (("assistant: Soll ich es Ihnen auf dem Bildschirm zeigen?", "user: Ja, gern."), True),
        (("assistant: 画面にお見せしましょうか。", "user: はい、お願いします。"), True),
        (("user: Puis-je voir la tente ?",), True),
        (("user: ¿Me la puede mostrar?",), True),
    ],
)
def test_permission_is_a_wish_or_a_yes_to_an_offer(lines: Sequence[str], expected: bool) -> None:
    turns = [dict(zip(("role", "content"), line.split(": ", 1), strict=True)) for line in lines]
    assert permitted(turns) is expected


def test_who_asks_for_their_own_boots_again_may_have_them() -> None:
    wish = {"role": "user", "content": "I need the Pathfinder Boots once more."}
    assert broken("Then I recommend the Pathfinder Boots again.", wish) == []


def test_turns_of_a_call_are_judged_as_they_were_heard() -> None:
    text = "The Meadow Four sleeps four. It costs 250 dollars."
    heard = "The Meadow Four sleeps four."
    cut = Turn("item_7", "assistant", text, heard, "interrupted", 0.0, 1000.0, audio_ms=2000.0, heard_ms=1000.0)
    whole = Turn("item_7", "assistant", text, text, "done", 0.0, 2000.0, audio_ms=2000.0, heard_ms=2000.0)
    assert check_reply([cut], MAYA, CATALOG, "en") == []
    assert [(f.kind, f.turn_id) for f in check_reply([whole], MAYA, CATALOG, "en")] == [("price", "item_7")]


def test_a_price_is_of_the_product_that_was_spoken_of_before() -> None:
    talk = ({"role": "assistant", "content": "I like the Meadow Four."}, {"role": "user", "content": "What is it?"})
    assert broken("It costs $279.", *talk) == []
    assert broken("It costs $449.", *talk) == [("price", "$449")]


@dataclass(frozen=True)
class Talk:
    customer: str
    lines: tuple[str, ...]


TALKS = (
    Talk("maya", (
        "Hi, I am looking for a tent for four people, for a family trip next month.",
        "How much does it weigh, and is it waterproof?",
        "That sounds good. We also need warm sleeping bags for cold nights.",
        "Which one costs less than one hundred and fifty dollars?",
        "Great. Please show me the tent and the sleeping bag on my screen.",
        "Thank you, that is all for today.",
    )),
    Talk("daniel", (
        "I need a backpack for a week.", "How many litres does it hold?", "Do you have something cheaper?",
        "Is it in stock?", "Can you give me a discount?", "Yes please show it.",
    )),
    Talk("priya", (
        "I want boots for snow.", "And a sleeping bag for minus twenty degrees.", "How much is that together?",
        "Which is the cheapest sleeping bag?", "Compare the Polar Night and the Autumn Night.", "When will it arrive?",
    )),
    Talk("lucas", (
        "We are eight people.", "What table do you have for eight?", "Do you have Patagonia jackets?",
        "Which stove has two burners?", "How long does it take to boil water?",
        "Is the Lodge Eight heavier than the Meadow Four?", "What is the warranty?",
    )),
    Talk("elena", (
        "Hello, I have never camped before.", "Something under one hundred dollars.",
        "What does the Spark Stove weigh in pounds?", "What would three summer nights cost?",
        "No, do not show me anything.", "what is the cheapest tent?", "Goodbye",
    )),
)  # fmt: skip


def clerk(talk: Talk) -> list[dict[str, str]]:
    """The whole conversation with the local engine's brain, by its real prompt."""
    system = ChatMessage("system", instructions("voice", get_customer(talk.customer), CATALOG))
    messages, turns = [system], []
    for line in talk.lines:
        messages.append(ChatMessage("user", line))
        reply = "".join(part for part in pieces(BrainRequest(tuple(messages))) if isinstance(part, str))
        messages.append(ChatMessage("assistant", reply))
        turns += [{"role": "user", "content": line}, {"role": "assistant", "content": reply}]
    return turns


@pytest.mark.parametrize("talk", TALKS, ids=lambda talk: talk.customer)
def test_the_clerk_keeps_every_rule(talk: Talk) -> None:
    turns = clerk(talk)
    for at in range(2, len(turns) + 1, 2):
        assert check_reply(turns[:at], get_customer(talk.customer), CATALOG, "en") == [], turns[at - 1]["content"]


def test_the_clerk_ranks_what_the_customer_owns_as_well() -> None:
    turns = clerk(Talk("daniel", ("What is your lightest tent?",)))
    assert check_reply(turns, get_customer("daniel"), CATALOG, "en") == []
