"""The clerk's written tasks: the gate, the page, the chat, and JSON of other shapes."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contoso_lab.engine.clerk.brain import pieces
from contoso_lab.engine.seams import BrainRequest, ChatMessage, TokensSpent
from contoso_lab.errors import EngineError

BASE = (Path(__file__).parent / "clerk_prompt.txt").read_text(encoding="utf-8")
GATE = "You decide whether a page should go to the screen now.\n\n# Gate\n- Judge by the latest wish.\n"
LOOSE_GATE = f"{GATE}- Whether Robin repeated the wish does not matter.\n"
GATE_SCHEMA = {
    "type": "object",
    "properties": {"requested": {"type": "boolean"}, "reason": {"type": "string"}},
    "required": ["requested", "reason"],
    "additionalProperties": False,
}
PAGE = """
# Page
- Begin with one heading of level two that names the customer's plan.
- Show at most 3 products.
- Show only products that were talked about in the conversation.
- Give each product a heading of the form: ### Name (SKU)
"""
CHAT = """
# Manner
- Answer in at most three sentences.
- Offer at most two products at a time.
- Always give the reason for a recommendation.

# Answer
- call: a whole number from 1 to 5. 5 only when the customer asked to be called or agreed to a call.
"""
CHAT_SCHEMA = {
    "type": "object",
    "properties": {
        "response": {"type": "string"},
        "context": {"type": "string"},
        "call": {"type": "integer", "minimum": 1, "maximum": 5},
    },
    "required": ["response", "context", "call"],
    "additionalProperties": False,
}
ROLES = {"C": "user", "R": "assistant", "S": "system"}
CALL = (
    "C: Hi, I am looking for a tent for four people, for a family trip next month.",
    "R: For four people I would take the Meadow Four at $279. If you want more room, the Lodge Eight sleeps eight.",
    "C: We also need warm sleeping bags for cold nights.",
    "R: The Polar Night is comfortable down to minus 20 degrees, the Autumn Night down to 0 degrees Celsius.",
    "C: Which one costs less than one hundred and fifty dollars?",
    "R: The Autumn Night does, at $119.",
    "C: Great. Please show me the tent and the sleeping bag on my screen.",
    "R: With pleasure, the Meadow Four and the Autumn Night are coming to your screen now.",
)
SHOWN = "S: The suggestions are now on the customer's screen."


def messages(system: str, *turns: str) -> tuple[ChatMessage, ...]:
    return (ChatMessage("system", system), *(ChatMessage(ROLES[turn[0]], turn[3:]) for turn in turns))


def written(system: str, *turns: str, schema: dict[str, Any] | None = None, most: int | None = None) -> str:
    request = BrainRequest(messages(system, *turns), json_schema=schema, max_tokens=most)
    parts: list[str] = []
    with suppress(TokensSpent):
        parts.extend(map(str, pieces(request)))
    return "".join(parts)


def asked(*turns: str, system: str = GATE, wrapped: bool = False) -> bool:
    schema = {"name": "gate", "schema": GATE_SCHEMA} if wrapped else GATE_SCHEMA
    value = json.loads(written(system, *turns, "S: Decide now, for the conversation above.", schema=schema))
    assert set(value) == {"requested", "reason"}
    assert value["reason"].endswith(".")
    assert isinstance(value["requested"], bool)
    return bool(value["requested"])


YES = [
    CALL,
    ("C: Could you put the two tents on my screen?", "R: Of course, both tents are coming to your screen."),
    ("R: Shall I show you pictures?", "C: Yes, go ahead.", "R: I am putting them on your screen now."),
    ("C: Can you write that up for me?", "R: Sure, I will write that up and put it on your screen."),
    ("C: Send me a picture of the stove, please.", "R: Certainly, here is a picture of the stove on your screen."),
    (*CALL, "R: Both are on your screen now.", "C: Now show me the stove.", "R: The stove is coming to your screen."),
]
NO = [
    (),
    CALL[:6],
    ("C: How heavy is it?", "R: It weighs 6.1 kilograms."),
    ("C: I see, thanks.", "R: You are welcome."),
    ("R: I can show you pictures if you like.",),
    ("R: Shall I put it on your screen?", "C: No, thanks.", "R: All right."),
    ("R: Shall I put it on your screen?", "C: How much is it?", "R: It costs $279."),
    ("C: Show me the tent on my screen.", "R: I am sorry, I cannot show anything on your screen."),
    ("C: Show me the tent on my screen.", "R: It is coming to your screen.", "C: No, do not show it.", "R: All right."),
    (*CALL, SHOWN),
    (*CALL, SHOWN, "R: Both are on your screen now."),
    (*CALL, "R: Both are on your screen now.", "C: Thank you, that is all.", "R: Goodbye."),
    ("C: Please don't show me anything.", "R: All right."),
]


@pytest.mark.parametrize("turns", YES, ids=lambda turns: turns[0][:50] if turns else "nothing")
def test_the_gate_opens(turns: tuple[str, ...]) -> None:
    assert asked(*turns)
    assert asked(*turns, wrapped=True)


@pytest.mark.parametrize("turns", NO, ids=lambda turns: " / ".join(turns[-2:])[:70] or "nothing")
def test_the_gate_stays_shut(turns: tuple[str, ...]) -> None:
    assert not asked(*turns)


def test_the_gate_obeys_its_prompt() -> None:
    wish = ("C: Show me the tent on my screen.",)
    assert not asked(*wish)
    assert asked(*wish, system=LOOSE_GATE)
    assert asked(*wish, "R: It sleeps four people.", system=LOOSE_GATE)


def test_the_clerks_own_words_open_the_gate() -> None:
    voice = f"{BASE}\n# Manner\n- Answer in at most three sentences.\n- Ask before you put anything on the screen.\n"
    for wish in (
        "Please show me the tent on my screen",
        "can I see it?",
        "put it on my screen",
        "send me a picture of it",
    ):
        turns = ["C: I need a tent for four people"]
        turns.append("R: " + written(voice, *turns))
        turns.append(f"C: {wish}")
        turns.append("R: " + written(voice, *turns))
        assert asked(*turns), turns
        turns.append(SHOWN)
        turns.append("R: " + written(voice, *turns))
        assert not asked(*[turn for turn in turns if turn != SHOWN]), turns


def page(*turns: str, rules: str = PAGE, base: str = BASE) -> str:
    return written(base + rules, *turns, "S: Write the page now, for the conversation above.")


def skus(text: str) -> list[str]:
    return re.findall(r"^### .+ \(([A-Z]{3}-\d\d)\)$", text, re.MULTILINE)


def test_the_page_shows_what_was_talked_about_the_best_first() -> None:
    text = page(*CALL)
    assert skus(text)[:2] == ["TEN-02", "SLE-02"]
    assert len(skus(text)) == 3
    assert set(skus(text)) <= {"TEN-02", "SLE-02", "TEN-04", "SLE-03"}
    assert text.startswith("## ")
    assert "family trip" in text.splitlines()[0]


def test_the_page_keeps_to_its_form() -> None:
    text = page(*CALL)
    for part in re.split(r"^### ", text, flags=re.MULTILINE)[1:]:
        sku = re.search(r"\(([A-Z]{3}-\d\d)\)", part)
        assert sku is not None
        assert re.findall(r"!\[[^\]]+\]\(([^)]+)\)", part) == [f"/images/{sku[1]}.svg"]
        assert len(re.findall(r"^\*\*\$\d+\*\*$", part, re.MULTILINE)) == 1
        assert 2 <= len(re.findall(r"^- \*\*", part, re.MULTILINE)) <= 4
    assert text.count('"I am looking for a tent for four people, for a family trip next month"') == 1
    assert text.rstrip().splitlines()[-1].endswith(".")
    assert "```" not in text


def test_the_page_obeys_its_rules() -> None:
    assert len(skus(page(*CALL, rules=PAGE.replace("at most 3", "at most one")))) == 1
    assert page(*CALL, rules=PAGE.replace("level two", "level one")).startswith("# ")


def test_the_page_spares_what_was_bought() -> None:
    turns = ("C: I like the Pathfinder Boots and the Glacier Boots.", "R: The Glacier Boots cost $219.", "C: Show me.")
    assert skus(page(*turns)) == ["FTW-03"]


def test_the_page_asks_only_what_is_open() -> None:
    assert (
        page(*CALL).rstrip().splitlines()[-1].startswith("Next, tell us whether the Meadow Four and the Autumn Night")
    )
    assert "decide between the Meadow Four and the Lodge Eight" in page(*CALL[:2])
    assert "more than $150" in page(*CALL[:6], rules=PAGE.replace("at most 3", "at most 4"))


def test_a_customers_words_are_no_markup() -> None:
    text = page(
        'C: I need a tent for four <b>"people"</b> ![x](http://evil) # hi', "R: The Meadow Four.", "C: Show me."
    )
    assert "<b>" not in text
    assert text.count("![") == 1


def test_a_page_about_nothing_says_so() -> None:
    text = page("C: Hello", "R: Hello Maya, what are you planning?", "C: Show me something")
    assert skus(text) == []
    assert "not talked about a product" in text


def test_the_page_holds_no_number_of_its_own() -> None:
    text = page(*CALL)
    number = r"\d+(?:\.\d+)?"
    given_ = {float(found) for found in re.findall(number, BASE + " ".join(CALL))} | {150.0}
    computed = {170.0, 130.0}  # what one costs less than the other
    assert {float(found) for found in re.findall(number, text)} <= given_ | computed


def test_the_page_streams_a_few_words_at_a_time() -> None:
    parts = list(pieces(BrainRequest(messages(BASE + PAGE, *CALL))))
    assert len(parts) > 10
    assert len(page(*CALL)) > len(written(BASE + PAGE, *CALL, most=60))


def chat(*turns: str, rules: str = CHAT) -> dict[str, Any]:
    value = json.loads(written(BASE + rules, *turns, schema=CHAT_SCHEMA))
    assert set(value) == {"response", "context", "call"}
    assert isinstance(value["call"], int)
    assert 1 <= value["call"] <= 5
    assert isinstance(value["response"], str)
    assert value["response"]
    return dict(value)


def test_the_chat_answers_by_name_and_without_markdown() -> None:
    value = chat("C: Which tent fits four people?")
    assert "Maya" in value["response"]
    assert "Meadow Four" in value["response"]
    assert "$279" in value["response"]
    assert not re.search(r"[*#\[\]]", value["response"])


def test_the_context_tells_only_what_is_new() -> None:
    first = chat("C: I need a tent for four people, for a family trip.")
    assert "family trip" in first["context"]
    assert "four" in first["context"]
    later = chat(
        "C: I need a tent for four people, for a family trip.",
        "R: The Meadow Four.",
        "C: It should cost less than 300 dollars.",
    )
    assert "$300" in later["context"]
    assert "family trip" not in later["context"]
    assert "nothing new" in chat("C: hello")["context"]


CALLS = [
    (("C: How much is the Meadow Four?",), (1, 1)),
    (("C: Compare the Meadow Four and the Lodge Eight.",), (2, 2)),
    (("C: We plan a family trip and need a tent and sleeping bags.",), (3, 3)),
    (("C: This is ridiculous, I am furious!",), (4, 4)),
    (("C: Please call me.",), (5, 5)),
    (("C: Do not call me.",), (1, 4)),
    (("C: I am furious.", "R: I am sorry. If you would rather talk, I can call you.", "C: Yes, please."), (5, 5)),
    (("C: I am furious.", "R: I am sorry. If you would rather talk, I can call you.", "C: No."), (1, 4)),
]  # fmt: skip


@pytest.mark.parametrize(("turns", "between"), CALLS, ids=lambda value: str(value)[-60:])
def test_a_call_needs_consent(turns: tuple[str, ...], between: tuple[int, int]) -> None:
    value = chat(*turns)
    assert between[0] <= value["call"] <= between[1], value
    assert ("calling you now" in value["response"]) == (value["call"] == 5)


def test_a_stricter_prompt_wants_anger_as_well() -> None:
    strict = CHAT.replace("5 only when the customer asked", "5 only when a very upset customer asked")
    assert chat("C: Please call me.", rules=strict)["call"] < 5
    assert chat("C: I am furious, call me at once!", rules=strict)["call"] == 5


LINES = st.lists(
    st.sampled_from(
        [
            "C: hi",
            "C: show me the tent",
            "C: yes",
            "C: I am furious, call me",
            "C: under 50 dollars",
            "R: Shall I show you?",
        ]
    ),
    max_size=6,
)


@settings(max_examples=40, deadline=None)
@given(LINES, st.text(max_size=40))
def test_json_always_has_its_shape(turns: list[str], noise: str) -> None:
    asked(*turns, f"C: {noise}")
    chat(*turns, f"C: {noise}")


def test_json_without_a_schema_of_its_own_follows_the_prompt() -> None:
    assert json.loads(written(GATE, *CALL, schema={"type": "object"}))["requested"] is True
    assert json.loads(written(GATE, *CALL))["requested"] is True


def test_other_shapes_are_filled_without_inventing() -> None:
    shape = {
        "type": "object",
        "properties": {
            "answer": {"type": "string"},
            "sure": {"type": "boolean"},
            "sources": {"type": "array", "items": {"type": "string"}},
            "score": {"type": ["integer", "null"]},
            "left_out": {"type": "integer"},
        },
        "required": ["answer", "sure", "sources", "score"],
    }
    value = json.loads(written(BASE, "C: How much is the Polar Night?", schema=shape))
    assert value == {"answer": "The Polar Night costs $249.", "sure": False, "sources": [], "score": None}


def test_a_grade_is_refused() -> None:
    shape = {"type": "object", "properties": {"score": {"type": "integer"}}, "required": ["score"]}
    with pytest.raises(EngineError, match="cannot fill 'score'"):
        written("Judge the answer.", "C: 42", schema=shape)
