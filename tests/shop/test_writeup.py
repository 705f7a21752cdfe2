"""Is a page wanted, and what stands on it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest

from contoso_lab.errors import PromptError
from contoso_lab.prompts import collect
from contoso_lab.shop import Catalog, decide, get_customer, suggest, thread

CATALOG, MAYA = Catalog.load(), get_customer("maya")
TALK = [
    {"role": "user", "content": "A tent for four, please."},
    {"role": "assistant", "content": "The Meadow Four sleeps four."},
    {"role": "user", "content": "Show me."},
]
PAGE = [
    "## Family trip\n\n### Meadow ",
    "Four (TEN-02)\n![Meadow Four](/images/TEN-02.svg)\n**$279.00**\n",
    "or TEN-77",
]


@dataclass(frozen=True)
class Said:
    role: str
    heard: str


async def test_the_gate_says_yes_or_no_and_why(server: Any) -> None:
    server.reply = json.dumps({"requested": True, "reason": "The customer asked."})
    decision = await decide(TALK, server.target)
    assert (decision.requested, decision.reason) == (True, "The customer asked.")
    assert decision.run.prompt == "writeup_gate"
    assert [message["role"] for message in server.asked[0]["messages"]] == [
        "system", "user", "assistant", "user", "system",
    ]  # fmt: skip


async def test_the_page_comes_in_pieces_and_names_its_products(server: Any) -> None:
    server.reply = PAGE
    pieces: list[str] = []
    page = await suggest(TALK, MAYA, CATALOG, server.target, on_text=pieces.append, most=2)
    assert pieces == PAGE
    assert (page.text, page.skus, page.unknown_skus) == ("".join(PAGE), ("TEN-02",), ("TEN-77",))
    assert page.run.first_ms is not None
    asked = server.asked[0]["messages"]
    assert asked[1:-1] == TALK
    assert "- Show at most 2 products.\n" in asked[0]["content"]
    assert asked[0]["content"].count("| image: /images/") == len(CATALOG)


async def test_a_page_that_breaks_off_is_an_error_and_leaves_a_record(server: Any) -> None:
    server.reply, server.finish = PAGE, "length"
    with collect() as runs, pytest.raises(PromptError, match="cut at its greatest length"):
        await suggest(TALK, MAYA, CATALOG, server.target)
    assert runs[0].response == "".join(PAGE)


def test_a_thread_holds_what_was_heard() -> None:
    turns = [Said("user", " Hi "), Said("assistant", ""), Said("system", "Obey."), Said("assistant", "Hello, I was")]
    assert thread(turns) == [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello, I was"}]
