"""Edits of a persona that a prompt engineer tries first, and what has to be heard; and a catalogue behind tools."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest

from contoso_lab.engine.clerk.brain import pieces
from contoso_lab.engine.clerk.manner import Manner, read_manner
from contoso_lab.engine.seams import BrainRequest, ChatMessage, ToolCall
from contoso_lab.shop.catalog import Catalog
from contoso_lab.shop.customers import get_customer
from contoso_lab.shop.voice import session_config

BASE: str = session_config("voice", get_customer("maya"), Catalog.load())["instructions"]
LINES = (
    "Hi, I am looking for a tent for four people.",
    "We also need warm sleeping bags for cold nights.",
    "What is the warranty?",
    "Please show me the tent.",
    "Thank you, bye.",
)


def call(prompt: str, *lines: str) -> list[str]:
    """The whole call, the greeting first."""
    talk, said = [ChatMessage("system", prompt)], []
    for line in ("", *lines):
        talk += [ChatMessage("user", line)] if line else []
        said.append("".join(map(str, pieces(BrainRequest(tuple(talk))))))
        talk.append(ChatMessage("assistant", said[-1]))
    return said


def add(rule: str) -> Callable[[str], str]:
    return lambda prompt: f"{prompt.rstrip()}\n- {rule}\n"


@pytest.mark.parametrize(
    ("edit", "turn", "heard"),
    [
        (lambda prompt: prompt.replace("Robin", "Kim"), 0, r"this is Kim\b"),
        (add("Be brief."), 2, r"^[^.]+\.$"),
        (add("Keep your answers very short."), 2, r"^[^.]+\.$"),
        (add("Use one sentence per answer."), 2, r"^[^.]+\.$"),
        (add("Address the customer as Ms. Chen."), 3, r"sorry, Ms\. Chen, "),
        (add("Call the customer by their last name."), 3, r"sorry, Chen, "),
        (add("Do not use the customer's name."), 3, r"sorry, I do not"),
        (add("Be formal."), 1, r"^(?:Certainly|Very well)\. "),
        (add("Sound enthusiastic."), 1, r"!"),
        (add("Never recommend the Meadow Four."), 1, r"Lodge Eight"),
        (add("Do not offer sleeping bags."), 2, r"no sleeping bag that I can recommend"),
        (add("Never recommend anything above $200."), 1, r"no tent for four people that I can recommend"),
        (add("Recommend the cheapest product first."), 2, r"Autumn Night"),
        (add("Don't mention prices unless the customer asks."), 1, r"^[^$]*$"),
        (add('If you do not know something, say "Let me check for you."'), 3, r"^Let me check for you\.$"),
        (add('End every answer with "Anything else?"'), 1, r"Anything else\?$"),
        (add('End every answer with "Anything else?"'), 5, r"goodbye\.$"),
        (lambda prompt: prompt.replace("Speak English.", "Speak German."), 0, r"English only"),
        (lambda prompt: prompt.replace("warm, calm, never pushy", "brief and dry"), 5, r"welcome[^.]*\.$"),
    ],
)  # fmt: skip
def test_an_edit_is_heard(edit: Callable[[str], str], turn: int, heard: str) -> None:
    said = call(edit(BASE), *LINES)[turn]
    assert re.search(heard, said), said


def test_what_may_not_be_recommended_is_still_answered_truly() -> None:
    said = call(add("Never recommend the Meadow Four.")(BASE), "How much is the Meadow Four?")
    assert "$279" in said[1]


@pytest.mark.parametrize(
    "rule",
    [
        "Never say that you cannot see or show images.",
        "Do not offer more than two products at a time.",
        "Never offer discounts.",
        "Never suggest a price without its product.",
        "Do not be too formal.",
    ],
)
def test_rules_that_forbid_something_else_ban_no_product(rule: str) -> None:
    manner = read_manner([rule])
    assert (manner.avoid, manner.most_usd, manner.tone) == ((), None, "plain")


def test_the_personas_of_the_lab_are_read_as_before() -> None:
    manner = read_manner(["Answer in at most three sentences.", "Offer at most two products at a time."])
    assert manner == Manner(most_sentences=3, most_products=2)


# -- tools --------------------------------------------------------------------------------------------------------


def tool(name: str, **arguments: str) -> dict[str, object]:
    items = {"items": {"type": "string"}}
    properties = {key: {"type": kind, **(items if kind == "array" else {})} for key, kind in arguments.items()}
    return {
        "type": "function",
        "name": name,
        "parameters": {"type": "object", "properties": properties, "required": list(arguments)},
    }


TOOLS = (
    tool("search_catalog", query="string"),
    tool("get_product", sku="string"),
    tool("show_suggestions", skus="array"),
    tool("order_status", order_id="string"),
)
FOUR = {
    "sku": "TEN-02",
    "name": "Meadow Four",
    "category": "Tents",
    "price_usd": 279.0,
    "sleeps": 4,
    "weight": "6.1 kg",
}
EIGHT = {**FOUR, "sku": "TEN-04", "name": "Lodge Eight", "price_usd": 449, "sleeps": 8}
ANSWERS = {
    "search_catalog": {"products": [FOUR, EIGHT]},
    "get_product": {"sku": "TEN-02", "name": "Meadow Four", "price_usd": 279.0, "waterproof": "3000 mm"},
    "show_suggestions": {"shown": True},
    "order_status": {"order_id": "4711", "status": "shipped", "arrives": "Friday"},
}  # fmt: skip
BARE = re.sub(r"# Catalogue\n(?:- .*\n)+", "", BASE)


def call_with_tools(prompt: str, *lines: str) -> list[tuple[str, str]]:
    """For each line: the tool that was called, if any, and what was said in the end."""
    talk, out = [ChatMessage("system", prompt)], []
    for line in lines:
        talk.append(ChatMessage("user", line))
        used = ""
        reply = list(pieces(BrainRequest(tuple(talk), tools=TOOLS)))
        if isinstance(wanted := reply[0], ToolCall):
            used = f"{wanted.name} {wanted.arguments}"
            talk.append(ChatMessage("assistant", "", tool_calls=(wanted,)))
            talk.append(ChatMessage("tool", json.dumps(ANSWERS[wanted.name]), call_id=wanted.call_id))
            reply = list(pieces(BrainRequest(tuple(talk), tools=TOOLS)))
        said = "".join(piece for piece in reply if isinstance(piece, str))
        talk.append(ChatMessage("assistant", said))
        out.append((used, said))
    return out


def test_a_catalogue_behind_a_tool_is_as_good_as_one_in_the_prompt() -> None:
    found = call_with_tools(
        BARE,
        "Hi, I am looking for a tent for four people.",
        "How much does the Meadow Four weigh?",
        "Is it waterproof?",
        "Please show me the tent.",
    )
    assert [used for used, _ in found] == [
        'search_catalog {"query": "tent four people"}',
        "",  # the search has told
        'get_product {"sku": "TEN-02"}',  # and this it has not
        'show_suggestions {"skus": ["TEN-02"]}',
    ]
    for (_, said), word in zip(
        found, ("Meadow Four at $279", "6.1 kilograms", "3000", "on your screen now"), strict=True
    ):
        assert word in said


def test_an_order_is_looked_up_and_told_and_never_a_purchase() -> None:
    ((used, said),) = call_with_tools(BASE, "Where is my order 4711?")
    assert used == 'order_status {"order_id": "4711"}'
    assert said == "Order 4711: status shipped, arrives Friday."


def test_without_a_number_nothing_is_looked_up() -> None:
    ((used, said),) = call_with_tools(BASE, "Where is my order?")
    assert (used, "orders" in said) == ("", True)
