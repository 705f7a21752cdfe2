"""What the agent says in a call is held against the rules while the call goes on, and nothing waits for it."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from contoso_lab.errors import ShopError
from contoso_lab.relay.access.tokens import Grant
from contoso_lab.relay.threads.findings import CHECK_AFTER_S, Findings, shop_rules

from .fakes import Held, dump, settle  # noqa: TID252 - the tests are no package


class Call:
    def __init__(self, check: Any = None, *, customer: str = "maya", persona: str = "voice") -> None:
        self.held = Held(findings=Findings(check or shop_rules(Grant(persona, customer)), call_id="c1"))
        self.numbers = 0

    def says(self, role: str, text: str) -> str:
        self.numbers += 1
        name, kind = f"i{self.numbers}", "input_text" if role == "user" else "output_text"
        item = {"id": name, "type": "message", "role": role, "status": "completed"}
        item["content"] = [{"type": kind, "text": text}]
        self.held.target.says(dump("conversation.item.done", previous_item_id=None, item=item))
        return name

    async def found(self) -> list[tuple[str, str]]:
        await self.held.clock.pass_s(CHECK_AFTER_S)
        async with asyncio.timeout(60):
            while (task := self.held.pump.beside.findings._task) is not None:
                await asyncio.wait([task])
        return [(event["kind"], event["words"]) for event in self.held.client.named("lab.finding")]


@pytest.mark.parametrize(
    ("rule", "asked", "reply", "finding"),
    [
        ("prices true", "What does the Meadow Four cost?", "It costs $250.", ("price", "$250")),
        ("figures true", "How heavy is the Meadow Four?", "It weighs two kilos.", ("spec", "two kilos")),
        ("its own money", "What is the Meadow Four?", "It costs 279 euros.", ("currency", "279 euros")),
        ("only the catalogue", "A hammock?", "Take the Osprey Atmos for it.", ("not_carried", "Osprey Atmos")),
        ("never again", "Boots?", "I recommend the Pathfinder Boots.", ("again", "Pathfinder Boots")),
        ("no Markdown", "A tent?", "Take the **Meadow Four**.", ("markup", "**Meadow Four**")),
        ("the language", "A tent?", "Das Meadow Four ist ein gutes Zelt für vier Personen.", ("language", "")),
        ("permission", "A tent for four?", "I have put the Meadow Four on your screen.", ("permission", "")),
        ("nothing unknown", "A tent?", "The Meadow Four is in stock.", ("unknowable", "in stock")),
    ],
)  # fmt: skip
async def test_a_reply_that_breaks_a_rule_is_found_in_the_call(rule, asked, reply, finding):
    call = Call()
    call.says("user", asked)
    name = call.says("assistant", reply)
    found = await call.found()
    assert [kind for kind, _ in found] == [finding[0]], rule
    assert found[0][1].startswith(finding[1]) or finding[1] == ""
    [noted] = call.held.tape.notes("reply.finding")
    assert (noted["item_id"], noted["kind"]) == (name, finding[0])
    assert noted["says"], "it says what is right"


async def test_a_reply_that_keeps_the_rules_is_no_finding_and_each_is_looked_at_once():
    calls: list[str] = []

    def check(turns: Any) -> list[Any]:
        calls.append(turns[-1]["id"])
        return shop_rules(Grant("voice", "maya"))(turns)

    call = Call(check)
    call.says("user", "What does the Meadow Four cost?")
    first = call.says("assistant", "The Meadow Four costs $279.")
    assert await call.found() == []
    call.says("user", "And the Harbor Two?")
    second = call.says("assistant", "The Harbor Two costs $150.")
    assert await call.found() == [("price", "$150")]
    assert await call.found() == [("price", "$150")]
    assert calls == [first, second]


async def test_a_call_does_not_wait_for_the_check_and_ends_without_it():
    begun, go_on = threading.Event(), threading.Event()

    def slow(turns: Any) -> list[Any]:
        begun.set()
        go_on.wait(60)
        return []

    call = Call(slow)
    call.says("assistant", "The Meadow Four costs $250.")
    await call.held.clock.pass_s(CHECK_AFTER_S)
    assert await asyncio.to_thread(begun.wait, 60)
    try:
        before = len(call.held.client.told)
        call.says("assistant", "And it is light.")
        assert len(call.held.client.told) == before + 1, "what the target says goes on to the client meanwhile"
        call.held.client.breaks(1000)
        await call.held.pump.finished.wait()
    finally:
        go_on.set()
    await settle()
    assert call.held.client.named("lab.finding") == []


async def test_what_cannot_be_checked_is_said_in_the_log_and_the_call_goes_on(caplog):
    def broken(turns: Any) -> list[Any]:
        raise ShopError("there is no customer 'nobody'")

    call = Call(broken)
    call.says("assistant", "The Meadow Four costs $250.")
    assert await call.found() == []
    call.says("assistant", "Shall I go on?")
    assert call.held.client.closed_with is None


async def test_a_reply_that_was_cut_off_is_judged_by_what_was_heard():
    call = Call()
    call.says("user", "What does the Meadow Four cost?")
    item = {"id": "a1", "type": "message", "role": "assistant", "status": "in_progress", "content": []}
    call.held.target.says(
        dump("response.created", response={"id": "r1"}),
        dump("conversation.item.added", previous_item_id=None, item=item),
        dump("response.output_audio.delta", item_id="a1", delta="A" * 4000 * 64),
    )
    text = "The Meadow Four is a fine tent for the four of you, and it costs $250 today."
    done = item | {"status": "completed", "content": [{"type": "output_audio", "transcript": text}]}
    call.held.target.says(dump("response.output_item.done", response_id="r1", item=done))
    stopped = {"type": "playback.stopped", "item_id": "a1", "played_ms": 1000, "reason": "flushed"}
    call.held.client.says(dump("lab.local", event=stopped))
    assert await call.found() == []
