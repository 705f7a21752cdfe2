"""The clerk in conversation: what a customer says, and what the reply has to hold."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contoso_lab.engine.clerk import Clerk
from contoso_lab.engine.clerk.brain import pieces
from contoso_lab.engine.clerk.facts import KILOGRAMS_PER_POUND
from contoso_lab.engine.seams import Brain, BrainRequest, ChatMessage, TokensSpent, ToolCall

BASE = (Path(__file__).parent / "clerk_prompt.txt").read_text(encoding="utf-8")
WARM = (
    '- Open the call with: "Hello {first name}, this is Robin from Contoso Outdoor. What are you planning?"',
    "- Answer in at most three sentences.",
    "- Offer at most two products at a time.",
    "- Always give the reason for a recommendation.",
    "- Ask before you put anything on the screen.",
    "- Never recommend what the customer already bought.",
    "- Speak English.",
)
BRIEF = (
    '- Open the call with: "Hello {first name}. What are you planning?"',
    "- Answer in at most one sentence.",
    "- Offer at most one product at a time.",
    "- Ask before you put anything on the screen.",
    "- Never recommend what the customer already bought.",
    "- Speak English.",
)
ON_SCREEN = ChatMessage("system", "The suggestions are now on the customer's screen.")
DEMO = (
    "Hi, I am looking for a tent for four people, for a family trip next month.",
    "How much does it weigh, and is it waterproof?",
    "That sounds good. We also need warm sleeping bags for cold nights.",
    "Which one costs less than one hundred and fifty dollars?",
    "Great. Please show me the tent and the sleeping bag on my screen.",
    "Thank you, that is all for today.",
)


def prompt(*manner: str, more: str = "", base: str = BASE) -> ChatMessage:
    return ChatMessage("system", f"{base}{more}\n# Manner\n" + "\n".join(manner or WARM))


def said(*messages: ChatMessage, tools: tuple[dict[str, object], ...] = ()) -> str:
    parts = list(pieces(BrainRequest(messages, tools=tools)))
    assert all(isinstance(part, str) for part in parts), parts
    return "".join(part for part in parts if isinstance(part, str))


def talk(*lines: str, system: ChatMessage | None = None) -> list[str]:
    """Every reply of a conversation."""
    messages = [system or prompt(), ChatMessage("assistant", "Hello Maya. What are you planning?")]
    replies = []
    for line in lines:
        messages.append(ChatMessage("user", line))
        replies.append(said(*messages))
        messages.append(ChatMessage("assistant", replies[-1]))
    return replies


@dataclass(frozen=True)
class Case:
    lines: tuple[str, ...]
    holds: tuple[str, ...]
    lacks: tuple[str, ...] = ()


def case(*lines: str, holds: str, lacks: str = "") -> Case:
    """Lines of a customer, and words of the last reply separated by "|"."""
    return Case(lines, tuple(holds.split("|")), tuple(filter(None, lacks.split("|"))))


TENT4 = "I am looking for a tent for four people"
BAGS = "We need warm sleeping bags for cold nights"
CASES = [
    # looking for something
    case(TENT4, holds="Meadow Four|$279|because", lacks="Harbor Two|Summit Solo"),
    case("I am looking for a ten for for people", holds="Meadow Four"),
    case("I need a to person ten", holds="Harbor Two"),
    case("We are two adults and two kids, what tent would you recommend?", holds="Meadow Four"),
    case("I need a tent for my wife and me", holds="Harbor Two"),
    case("a tent for eight people", holds="Lodge Eight|$449"),
    case("I need a tent for ten people", holds="no tent for ten people|Lodge Eight|sleeps eight"),
    case("I need a tent", holds="How many of you"),
    case("I need a tent", "four", holds="Meadow Four|$279"),
    case("Something light for one person, a tent", holds="Summit Solo"),
    case(BAGS, holds="Autumn Night|0 degrees", lacks="Summer Night"),
    case("a sleeping bag for winter camping in the snow", holds="Polar Night|minus 20", lacks="Summer Night"),
    case("a sleeping bag for minus ten degrees", holds="Polar Night", lacks="Autumn Night"),
    case("a sleeping bag for minus thirty", holds="no sleeping bag|Polar Night|minus 20"),
    case("I need a sleeping bag for summer", holds="Summer Night", lacks="Polar"),
    case("I need hiking boots for snow", holds="Glacier Boots|minus 15", lacks="Pathfinder"),
    case("I want shoes for the river", holds="Creek Shoes"),
    case("a jacket for the rain", holds="Drizzle Jacket|waterproof"),
    case("a table for six people", holds="Banquet Table"),
    case("something to cook on for my family", holds="Hearth Stove"),
    case("I want to buy a back pack for a week", holds="Longtrail Backpack", lacks="Daybreak"),
    case("I need a pack for more than 60 liters", holds="Longtrail Backpack"),
    # money and weight are not the same pounds
    case("Do you have a tent under $250?", holds="Under $250|Harbor Two", lacks="$279|$449"),
    case("I need a tent under 5 pounds", holds="Summit Solo|1.1 kilograms", lacks="$5"),
    case("I need a sleeping bag under two pounds", holds="Summer Night|0.9", lacks="$2 "),
    case("a backpack between one hundred and one hundred fifty dollars", holds="Wayfarer", lacks="Longtrail"),
    case("a backpack for less than fifty dollars", holds="no backpack under $50|Wayfarer|$139"),
    case("How many pounds does the Meadow Four weigh?", holds="6.1 kilograms|13.4 pounds", lacks="$"),
    case("tell me about the meadow four", "is it under 20 pounds?", holds="Yes|6.1 kilograms", lacks="$"),
    # facts
    case("How much does the meadow for way?", holds="6.1 kilograms"),
    case("how much is the autumn knight", holds="Autumn Night|$119"),
    case("what does the polar nite cost", holds="Polar Night|$249"),
    case("how many leaders, I mean liters, does the way farer back pack hold?", holds="45 liters"),
    case("Is the drizzle jacket water proof?", holds="Yes|10000 millimeters"),
    case("Is the wafer backpack waterproof?", holds="No|rain cover is included"),
    case("are the glazier boots waterproof", holds="Yes|are waterproof"),
    case("what colors does the drizzle jacket come in", holds="fern, slate and rust"),
    case("does the drizzle jacket come in red", holds="not in red"),
    case("what is the hearth stove made of", holds="powder-coated steel"),
    case("what fuel does the spark stove use", holds="gas cartridge"),
    case("Is the meadow four easy to set up?", holds="10 minutes"),
    case("can you stand up in the meadow four", holds="185 centimeters"),
    case("do the glacier boots come in size 43?", holds="Yes|38 to 48"),
    case("do the glacier boots come in size 50?", holds="No|38 to 48"),
    case("how many stars does the meadow four have", holds="do not have anything about reviews"),
    case("What is the fuel of the meadow four?", holds="do not know|Meadow Four"),
    case(TENT4, "How much does it weigh, and is it water proof?", holds="6.1 kilograms|yes|3000 millimeters"),
    case("how heavy is the polar night", "and the autumn knight?", holds="Autumn Night|1.6 kilograms"),
    case("tell me about the autumn night", "is it warm enough for minus ten?", holds="No|0 degrees|Polar Night"),
    case(TENT4, "is there enough room for five people?", holds="No|sleeps four|Lodge Eight"),
    # telling apart
    case(BAGS, "Which one costs less than one hundred and fifty dollars?", holds="Autumn Night|$119", lacks="$59"),
    case(BAGS, "the cheaper one please", holds="Autumn Night|$119"),
    case(BAGS, "which one is lighter?", holds="Autumn Night|1.6 kilograms|1.9 kilograms"),
    case(BAGS, "which is warmer?", holds="Polar Night is the warmer|minus 20"),
    case(BAGS, "what about the second one?", holds="Polar Night|$249"),
    case(TENT4, "Do you have something cheaper?", holds="already the least expensive|for four people|Harbor Two"),
    case("what is the cheapest tent?", holds="Harbor Two|$189"),
    case("what's the lightest tent for two people?", holds="Harbor Two|2.4 kilograms"),
    case("Compare the Meadow Four and the Lodge Eight", holds="sleeps four|$279|sleeps eight|$449"),
    case("is the harbor two lighter than the summit solo", holds="Summit Solo is the lighter|1.1|2.4"),
    case("which stove has two burners", holds="Hearth Stove", lacks="Spark"),
    # quantities
    case("tell me about the autumn night", "How much for two of them?", holds="$238", lacks="two people"),
    case("I like the autumn night", "we need four of them", holds="$476"),
    case("What would three summer nights cost?", holds="$177"),
    case("How much are the meadow four and two autumn nights together?", holds="$279|$238|$517"),
    case("we need eight polar nights", holds="$1992"),
    # errands
    case("add two of the autumn night to my cart", holds="$238|cannot take orders"),
    case("cancel my order", holds="do not have anything about orders"),
    case("Can I return it?", holds="do not have anything about returns"),
    case("never mind", holds="leave that out"),
    case("Do you sell kayaks?", holds="do not carry kayaks|tents"),
    case("I'd like a headlamp", holds="do not carry a headlamp"),
    case("How much is the Alpine Explorer tent?", holds="do not carry an Alpine Explorer|nearest"),
    case("Can I speak to a human?", holds="cannot put you through"),
    case("Can you speak German?", holds="English only"),
    case("Ich suche ein Zelt für vier Personen", holds="English only"),
    case("What did I buy last time?", holds="Pathfinder Boots|Daybreak Daypack"),
    case("who are you", holds="Robin|automated assistant"),
    case("what is my name", holds="Maya Chen"),
    # the screen
    case(TENT4, "Can I see it?", holds="Meadow Four|screen"),
    case(TENT4, "Great, put it on my scream please", holds="Meadow Four is coming to your screen|"),
    case(TENT4, "What does it look like?", holds="Shall I put a picture of the Meadow Four on your screen?"),
    case(TENT4, "What does it look like?", "yes please", holds="Meadow Four|screen", lacks="Shall I"),
    case(TENT4, "What does it look like?", "no thanks", holds="", lacks="screen"),
    case("show me your tents", holds="Harbor Two", lacks="coming to your screen"),
    # courtesy
    case("hello", holds="Hello Maya"),
    case(TENT4, "I see, thanks", holds="", lacks="screen|costs"),
    case("Thank you, goodbye", holds="welcome, Maya"),
    case("", holds="did not hear", lacks="$"),
    case("asdf qwerty", holds="tents", lacks="$"),
]  # fmt: skip


@pytest.mark.parametrize("each", CASES, ids=lambda each: " / ".join(each.lines)[:70])
def test_replies(each: Case) -> None:
    reply = talk(*each.lines)[-1]
    assert reply
    assert [words for words in each.holds if words not in reply] == [], reply
    assert [words for words in each.lacks if words in reply] == [], reply


def test_there_are_enough_cases() -> None:
    assert len(CASES) >= 60


@pytest.mark.parametrize(
    ("manner", "expected"),
    [
        (WARM, ["Meadow Four|$279|because", "6.1 kilograms|3000", "Autumn Night|Polar Night", "Autumn Night|$119"]),
        (BRIEF, ["Meadow Four|$279", "6.1 kilograms|3000", "Autumn Night|$119", "Autumn Night|$119"]),
    ],
    ids=["warm", "brief"],
)
def test_the_demo_customer_is_served(manner: tuple[str, ...], expected: list[str]) -> None:
    messages = [prompt(*manner)]
    opening = said(*messages)
    assert opening.startswith("Hello Maya")
    messages.append(ChatMessage("assistant", opening))
    replies = []
    for line in DEMO:
        messages.append(ChatMessage("user", line))
        replies.append(said(*messages))
        messages.append(ChatMessage("assistant", replies[-1]))
        if line == DEMO[4]:
            messages.append(ON_SCREEN)
            shown = said(*messages)
            assert "screen" in shown
            assert len(re.findall(r"[.!?]", shown)) == 1
            messages.append(ChatMessage("assistant", shown))
    for words, reply in zip(expected, replies, strict=False):
        assert all(word in reply for word in words.split("|")), reply
    assert "Meadow Four and the Autumn Night" in replies[4]
    assert "screen" in replies[4]
    assert "Maya" in replies[5]
    assert not any("Pathfinder" in reply or "Daybreak" in reply for reply in replies)
    limit = 1 if manner is BRIEF else 3
    assert all(len(re.findall(r"[.!?](?:\s|$)", reply)) <= limit for reply in replies)


MANNERS = [
    ("- Answer in at most one sentence.", lambda reply: len(re.findall(r"[.!?](?:\s|$)", reply)) == 1),
    ("- Always give the reason for a recommendation.", lambda reply: "because" in reply),
    ("- Never give reasons.", lambda reply: "because" not in reply),
    ("- Never mention prices unless you are asked.", lambda reply: "$" not in reply),
    ("- Never use the customer's name.", lambda reply: "Maya" not in reply),
    ("- Call the customer by the full name.", lambda reply: "Maya Chen" in reply),
    ('- Begin every answer with: "Ahoy!"', lambda reply: reply.startswith("Ahoy!")),
    ('- End every answer with: "Over."', lambda reply: reply.endswith("Over.")),
    ("- End every answer with a question.", lambda reply: reply.endswith("?")),
    ("- Never ask questions.", lambda reply: "?" not in reply),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "holds"), MANNERS, ids=[rule for rule, _ in MANNERS])
def test_an_edit_of_the_persona_is_heard(rule: str, holds: object) -> None:
    line = "Can I speak to a human?" if "name" in rule else "Hi, I need a tent for four people."
    reply = talk(line, system=prompt(rule))[-1]
    assert callable(holds)
    assert holds(reply), reply


def test_the_greeting_is_the_personas() -> None:
    assert said(prompt('- Open the call with: "Good day, {first name}!"')) == "Good day, Maya!"
    assert said(prompt(*WARM)) == "Hello Maya, this is Robin from Contoso Outdoor. What are you planning?"
    assert "English only" in said(prompt("- Speak German."))


def test_without_the_rule_it_shows_without_asking() -> None:
    ask, free = prompt(*WARM), prompt(*(rule for rule in WARM if "screen" not in rule))
    lines = (TENT4, "What does it look like?")
    assert talk(*lines, system=ask)[-1].endswith("?")
    assert (
        "coming to your screen" in talk(*lines, system=free)[-1]
        or "on your screen now" in talk(*lines, system=free)[-1]
    )


def test_what_was_bought_is_not_recommended() -> None:
    lines = ("I need hiking boots", "do you have others?", "I need a backpack", "what is the cheapest backpack?")
    *replies, cheapest, weight = talk(*lines, "How heavy is it?")
    assert not any("Pathfinder" in reply or "Daybreak" in reply for reply in replies)
    assert cheapest.startswith("Apart from the Daybreak Daypack, which you own already, the Wayfarer Backpack is")
    assert "Wayfarer" in weight
    assert "Daybreak" not in weight
    owned = BASE.replace("- FTW-01 | Pathfinder Boots\n- PAC-01 | Daybreak Daypack", "- nothing yet")
    assert "Daybreak" in talk("what is the cheapest backpack?", system=prompt(base=owned))[-1]
    owns_autumn = prompt(base=BASE.replace("- FTW-01 | Pathfinder Boots", "- SLE-02 | Autumn Night"))
    warm, cheap = talk(BAGS, "Which one costs less than 150 dollars?", system=owns_autumn)
    assert "Polar Night" in warm
    assert "no sleeping bag" in cheap
    assert "Autumn" not in warm + cheap


def test_a_rule_of_the_house_is_told_word_for_word() -> None:
    rule = "Unused goods can be returned within 45 days."
    system = prompt(more=f"\n# Returns\n- {rule}\n")
    assert talk("Can I return the Meadow Four?", system=system) == [rule]


def test_the_chat_before_the_call_is_remembered() -> None:
    history = "\n# Conversation so far\n- customer: I look for a tent for four people.\n- assistant: The Meadow Four.\n"
    assert "6.1 kilograms" in talk("How much does it weigh?", system=prompt(more=history))[-1]
    summary = "\n# Conversation so far\n- summary: Maya plans a family trip and needs a tent for four people.\n"
    assert "Meadow Four" in talk("Which tent would you recommend?", system=prompt(more=summary))[-1]


def test_memory_is_nothing_but_the_messages() -> None:
    lines = (TENT4, BAGS, "the cheaper one")
    assert talk(*lines) == talk(*lines)
    told = [prompt(), ChatMessage("user", "hi"), ChatMessage("assistant", "I would take the Lodge Eight.")]
    assert "17.8 kilograms" in said(*told, ChatMessage("user", "How heavy is it?"))


def test_no_two_turns_sound_the_same() -> None:
    replies = talk(
        "a tent for four people", "a sleeping bag for cold nights", "boots for the snow", "a jacket for the rain"
    )
    assert (
        len({re.search(r"I (?:would )?\w+", reply)[0] for reply in replies if re.search(r"I (?:would )?\w+", reply)})
        > 2
    )


def test_speech_holds_no_markdown_and_no_codes() -> None:
    for each in CASES:
        for reply in talk(*each.lines):
            assert not re.search(r"[*#_`|\[\]]|https?:|/images|[A-Z]{3}-\d\d|kg\b|°", reply), reply


TOOLS: tuple[dict[str, object], ...] = (
    {
        "type": "function",
        "name": "add_to_cart",
        "parameters": {
            "type": "object",
            "properties": {"sku": {"type": "string"}, "quantity": {"type": "integer"}},
            "required": ["sku", "quantity"],
        },
    },
    {
        "type": "function",
        "function": {
            "name": "cancelOrder",
            "parameters": {"properties": {"order_id": {"type": "string"}}, "required": ["order_id"]},
        },
    },
)


@pytest.mark.parametrize(
    ("line", "name", "arguments"),
    [
        ("add two of the autumn knight to my cart", "add_to_cart", {"sku": "SLE-02", "quantity": 2}),
        ("I'll take the meadow four", "add_to_cart", {"sku": "TEN-02", "quantity": 1}),
        ("cancel order 12345", "cancelOrder", {"order_id": "12345"}),
    ],
)
def test_it_uses_the_tools_it_is_given(line: str, name: str, arguments: dict[str, object]) -> None:
    (call,) = pieces(BrainRequest((prompt(), ChatMessage("user", line)), tools=TOOLS))
    assert isinstance(call, ToolCall)
    assert (call.name, json.loads(call.arguments)) == (name, arguments)


def test_it_calls_no_tool_that_it_cannot_fill_or_may_not_use() -> None:
    told = (prompt(), ChatMessage("user", "cancel my order"))
    assert "orders" in said(*told, tools=TOOLS)
    add = (prompt(), ChatMessage("user", "add the meadow four to my cart"))
    assert all(isinstance(part, str) for part in pieces(BrainRequest(add, tools=TOOLS, tool_choice="none")))


def test_it_tells_what_a_tool_answered() -> None:
    told = (prompt(), ChatMessage("user", "add two of the autumn night to my cart"))
    assert "two" in said(*told, ChatMessage("tool", '{"ok": true, "total_usd": 238}'), tools=TOOLS).lower()
    failed = said(*told, ChatMessage("tool", '{"error": "the cart is closed"}'), tools=TOOLS)
    assert "the cart is closed" in failed


def test_length_is_bounded() -> None:
    told = (prompt(), ChatMessage("user", "tell me about the meadow four"))
    given: list[str] = []
    with pytest.raises(TokensSpent):
        given.extend(map(str, pieces(BrainRequest(told, max_tokens=8))))
    assert 0 < len("".join(given)) <= 32
    assert "".join(map(str, pieces(BrainRequest(told, max_tokens=500)))) == said(*told)


async def test_it_is_a_brain_that_streams_sentences() -> None:
    brain: Brain = Clerk()
    told = (prompt(), ChatMessage("user", "Thank you, goodbye"))
    parts = [part async for part in brain.reply(BrainRequest(told))]
    assert len(parts) == 2
    assert "".join(map(str, parts)) == said(*told)


POOL = sorted({line for each in CASES for line in each.lines if not re.search("together|card", line)})
COUNTS = range(2, 13)


def numbers(text: str) -> set[float]:
    return {abs(float(found)) for found in re.findall(r"\d+(?:\.\d+)?", text.replace(",", ""))}


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(POOL), min_size=1, max_size=6), st.sampled_from([WARM, BRIEF]))
def test_every_number_was_given_or_is_computed(lines: list[str], manner: tuple[str, ...]) -> None:
    """Prices may be multiplied, summed and subtracted; kilograms may become pounds; nothing else appears."""
    prices = {float(price) for price in re.findall(r"\$(\d+)", BASE)}
    kilograms = {float(weight) for weight in re.findall(r"([\d.]+) kg", BASE)}
    given_ = numbers(BASE) | numbers(" ".join(lines)) | {0.0, 10.0, 20.0, 30.0, 50.0, 150.0, 100.0}
    computed = {count * price for count in COUNTS for price in prices}
    computed |= {abs(one - two) for one in prices for two in prices}
    computed |= {round(weight / KILOGRAMS_PER_POUND, 1) for weight in kilograms}
    for reply in talk(*lines, system=prompt(*manner)):
        assert numbers(reply) <= given_ | computed, (lines, reply)
